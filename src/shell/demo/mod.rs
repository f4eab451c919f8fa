//! The whole pipeline in one process: an embedded broker, all roles over the real Kafka client, a source that feeds them, and a
//! watcher that reads what comes out.

mod clock;
mod cluster;
mod feeder;
mod marks;
mod script;
mod show;
mod writer;

pub use feeder::Limits;
pub use script::{ScriptError, Switch, parse as parse_script};

use super::bus::kafka::KafkaBus;
use super::bus::{Bus, BusError, Guarantee, Worker};
use super::driver::{
    ActivateError, Board, Crew, Pace, Pipeline, Role, StateTopics, StopFlag, activate, run_roles,
};
use super::feed::Source;
use super::final_revisions::FinalRevisions;
use super::local_lane::LaneSetup;
use super::models::Watcher;
use super::telemetry::{self, Observed, Shape, Telemetry};
use super::view::{BandChange, Flow, Picture};
use super::wire::{Limits as LetterLimits, Names, Topics};
use crate::types::{Feed, FusedScore, IngestTime, RejectReason, Span};
use clock::StreamClock;
use cluster::Cluster;
use feeder::{Feeder, Progress};
use marks::{Marked, Marks};
use rdkafka::ClientConfig;
use rdkafka::consumer::BaseConsumer;
use show::Show;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use writer::Writer;

/// Largest input record; larger ones are rejected. Below what the broker takes, so that an oversized one can be shown.
pub const MAX_PAYLOAD: usize = 64 << 10;

/// When which part of the source is sent.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Stream time of the start.
    pub begins: IngestTime,
    /// So much of the stream is sent at once, as fast as the pipeline goes.
    pub history: Span,
    /// Seconds of stream in one second after that; `None`: as fast as the pipeline goes.
    pub speed: Option<f64>,
    /// The longest piece of stream that is sent before the pipeline has to be done with it: at most the window's hop, or
    /// well below the allowed lateness.
    pub round: Span,
    /// Heartbeat interval in stream time; the end of the run is rounded up to it.
    pub heartbeat: Span,
    /// How long the clock runs on after the last record.
    pub run_on: Span,
    /// The demo ends after so long, whatever is left; `None`: with its source.
    pub seconds: Option<Duration>,
}

/// What is shown.
pub struct Options {
    /// Modalities, models, spans, and the fusion package that is activated.
    pub lanes: LaneSetup,
    /// Puts other models to work while the demo runs.
    pub models: Option<Watcher>,
    /// Partitions of every topic.
    pub partitions: u32,
    /// Where records come from.
    pub source: Source,
    /// When they are sent.
    pub schedule: Schedule,
    /// Feeds switched by the time.
    pub script: Vec<Switch>,
    /// What may be under way at once.
    pub limits: Limits,
    /// First line of the picture.
    pub title: String,
    /// Where the process answers over HTTP; `None`: nowhere.
    pub listen: Option<String>,
}

/// What a person asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Switches a feed off, or on again.
    Toggle(Feed),
    /// Ends the demo.
    Quit,
}

/// Who watches.
pub trait Audience {
    /// The broker listens.
    fn started(&mut self, address: &str);
    /// The process answers over HTTP at this address.
    fn served(&mut self, _address: std::net::SocketAddr) {}
    /// A fused score came; with the change where it is of another band than the patient's last.
    fn score(&mut self, score: &FusedScore, change: Option<BandChange>);
    /// Called several times a second.
    ///
    /// # Errors
    /// The terminal has gone away.
    fn look(&mut self, picture: &Picture, flow: &Flow) -> std::io::Result<Vec<Command>>;
}

/// How it went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Records sent.
    pub sent: u64,
    /// Their bytes, keys included.
    pub bytes: u64,
    /// Records that were not used, by reason, as the dead letters tell. Duplicates and superseded versions are normal traffic and none.
    pub rejected: BTreeMap<RejectReason, u64>,
    /// Fused scores published.
    pub scores: u64,
    /// The last of every patient and window.
    pub finals: FinalRevisions,
    /// Records that the broker took and nobody got: by the scorers, by fusion, by the watcher. Anything but 0 is a fault.
    pub lost: [i64; 3],
    /// The most bytes under way in one input partition.
    pub most_bytes: usize,
    /// Workers that had to connect again.
    pub restarts: u64,
    /// Models put to work while it ran, and models refused.
    pub swaps: [u64; 2],
    /// From the start of the broker to the first fused score; `None`: there was none.
    pub first_score_after: Option<Duration>,
    /// From the start to the end.
    pub took: Duration,
}

/// Why the demo ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The embedded broker or a client of it.
    #[error("{0}")]
    Broker(String),
    /// A worker or the watcher.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The fusion package.
    #[error(transparent)]
    Activate(#[from] ActivateError),
    /// The topics.
    #[error("{0}")]
    Topics(String),
    /// A worker that ended.
    #[error("{0}")]
    Worker(String),
    /// The pipeline stands still.
    #[error(
        "the pipeline stands still at {0}: run it again; if that does not help, the machine may be too busy"
    )]
    Stuck(String),
    /// The address for HTTP.
    #[error("cannot answer over HTTP on {0}: choose another address")]
    Listen(String, #[source] std::io::Error),
    /// The terminal.
    #[error("cannot draw on the terminal")]
    Terminal(#[from] std::io::Error),
}

/// Runs the demo to its end.
///
/// # Errors
/// See [`DemoError`].
pub fn run(mut options: Options, audience: &mut dyn Audience) -> Result<Outcome, DemoError> {
    let started = Instant::now();
    let topics = Topics::default();
    let names = Names::new(&options.lanes.registry, &topics)
        .map_err(|mistakes| DemoError::Topics(format!("{mistakes:?}")))?;
    let pipeline = Arc::new(pipeline(&options, topics, names));
    let registry = &options.lanes.registry;
    let cluster =
        Cluster::start(&pipeline.topics, &pipeline.state_topics, registry, options.partitions)?;
    audience.started(&cluster.address());
    let settings = cluster.settings();
    activate_package(&settings, &pipeline)?;

    let (marks, stop, board) = (Marks::default(), StopFlag::default(), Board::default());
    let clock = Arc::new(StreamClock::at(options.schedule.begins));
    if let Some(listen) = &options.listen {
        let (pipeline, board, clock) = (pipeline.clone(), board.clone(), clock.clone());
        let observed = Observed { pipeline, board, clock, clients: settings.figures.clone() };
        let address = telemetry::serve(listen, observed)
            .map_err(|error| DemoError::Listen(listen.clone(), error))?;
        audience.served(address);
    }
    let (commands, receiver) = mpsc::channel();
    let progress = Progress::default();
    let (title, watcher) = (options.title.clone(), options.models.take());
    let feeder = feeder(options, &settings, &pipeline, &marks, &clock, &progress, receiver)?;
    let connect = |role: Role, worker: usize| {
        let membership = role.membership(&pipeline, "latefusion-demo", "0", worker);
        let name = format!("{}-{worker}", role.name(&pipeline.names));
        KafkaBus::connect(&settings, membership).map(|bus| Marked::new(bus, name, marks.clone()))
    };
    let shared: Arc<dyn super::driver::Clock> = clock.clone();
    let mut show = Show {
        started,
        title,
        pipeline: &pipeline,
        marks: &marks,
        board: &board,
        progress: &progress,
        clock: &clock,
        picture: Picture::default(),
        finals: FinalRevisions::new(pipeline.names.clone()),
        rejected: BTreeMap::new(),
        scores: 0,
        first_score_after: None,
        missing: 0,
        past: VecDeque::new(),
    };
    std::thread::scope(|scope| {
        let crews = crews(&pipeline);
        let (connect, stop, board, pipeline) = (&connect, &stop, &board, &pipeline);
        let roles = scope.spawn(move || run_roles(pipeline, &crews, connect, &shared, stop, board));
        let feeding = scope.spawn(|| feeder.run());
        watcher.map(|watcher| scope.spawn(|| watcher.run(&pipeline.telemetry, stop)));
        let watched = show.watch(&settings, audience, &commands, || feeding.is_finished());
        // Whoever ends first ends the others; without a watcher the feeder would wait in vain.
        let _ = commands.send(Command::Quit);
        if watched.is_err() {
            marks.close();
        }
        let fed = feeding.join();
        stop.stop();
        let ran = roles.join();
        watched?;
        ran.map_err(|_| DemoError::Worker("a worker panicked".to_owned()))?
            .map_err(|errors| DemoError::Worker(listed(&errors)))?;
        fed.map_err(|_| DemoError::Worker("the feeder panicked".to_owned()))?
    })?;
    Ok(show.outcome())
}

fn listed(errors: &[super::driver::RunError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn pipeline(options: &Options, topics: Topics, names: Names) -> Pipeline {
    Pipeline {
        telemetry: Telemetry::on(Shape::new(&names)),
        lanes: options.lanes.clone(),
        topics,
        names,
        state_topics: StateTopics::default(),
        epochs: BTreeMap::new(),
        pace: Pace {
            // The feeder waits for every round, so nothing is gained by waiting for more to commit.
            commit_interval: Duration::ZERO,
            poll_wait: Duration::from_millis(5),
            // The embedded broker drops offsets that are sent in a transaction, so nothing could start from a checkpoint.
            checkpoint: Duration::from_secs(1 << 30),
            grace: Duration::from_secs(2),
            ..Pace::default()
        },
        max_payload: MAX_PAYLOAD,
        dead_letters: LetterLimits::default(),
    }
}

fn crews(pipeline: &Pipeline) -> Vec<Crew> {
    let scorers = pipeline.lanes.registry.iter().map(|(id, _)| Role::Score(Feed::Modality(id)));
    let roles = scorers.chain([Role::Score(Feed::Encounters), Role::Fuse]);
    roles.map(|role| Crew { role, workers: 1 }).collect()
}

fn activate_package(
    settings: &super::bus::kafka::KafkaSettings,
    pipeline: &Pipeline,
) -> Result<(), DemoError> {
    let worker = Worker {
        group: "latefusion-demo-activate".to_owned(),
        id: "latefusion-demo-activate".to_owned(),
        topics: Vec::new(),
        guarantee: Guarantee::Idempotent,
    };
    let mut bus = KafkaBus::connect(settings, worker)?;
    activate(&mut bus, pipeline, &pipeline.lanes.package)?;
    bus.close();
    Ok(())
}

fn feeder<'a>(
    options: Options,
    settings: &super::bus::kafka::KafkaSettings,
    pipeline: &'a Pipeline,
    marks: &'a Marks,
    clock: &'a StreamClock,
    progress: &Progress,
    commands: mpsc::Receiver<Command>,
) -> Result<Feeder<'a>, DemoError> {
    let asker: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &settings.brokers)
        .create()
        .map_err(|error| DemoError::Broker(format!("cannot create a client: {error}")))?;
    Ok(Feeder {
        source: options.source,
        schedule: options.schedule,
        script: options.script,
        limits: options.limits,
        writer: Writer::connect(settings, options.limits.patience)?,
        asker,
        marks,
        clock,
        topics: &pipeline.topics,
        names: &pipeline.names,
        partitions: options.partitions,
        progress: progress.clone(),
        commands,
        under_way: BTreeMap::new(),
        last_was_discharge: false,
        is_disordered: false,
    })
}

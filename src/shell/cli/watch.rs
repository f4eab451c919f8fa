//! `latefusion watch`.

use super::connection::ConnectionArgs;
use super::face::{Face, FaceArgs};
use super::sources::now;
use crate::modality::Registry;
use crate::shell::bus::kafka::KafkaBus;
use crate::shell::bus::{Bus, BusError};
use crate::shell::view::{Flow, Key, Picture};
use crate::shell::watcher::{Seen, Watcher};
use std::collections::VecDeque;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The live table over a real cluster's fused-scores and availability topics.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    connection: ConnectionArgs,
    #[command(flatten)]
    face: FaceArgs,
    /// How many records of each partition to begin with.
    #[arg(long, default_value_t = 2_000, value_name = "N")]
    tail: i64,
    /// Ages are those of the wall clock; with this, those of the newest window (recorded data).
    #[arg(long)]
    stream_time: bool,
    /// Ends after so many seconds.
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// The consumer group; two watchers of one group would share the patients. By default one of this process alone.
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
}

/// Runs the command.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let deployment = args.connection.deployment()?;
    let (topics, names) = (deployment.topics.clone(), deployment.names.clone());
    let mut watcher = Watcher::new(topics, names, Some(args.tail.max(0)));
    let alone = || format!("latefusion-watch-{}", std::process::id());
    let membership = watcher.membership(&args.group.clone().unwrap_or_else(alone));
    let mut bus = KafkaBus::connect(&deployment.kafka, membership)?;
    let mut face = Face::open(args.face, false)?;
    face.notice();
    let mut table = Table::new(&deployment.registry, &deployment.kafka.brokers);
    let (started, mut looked) = (Instant::now(), Instant::now());
    let over = |started: Instant| args.seconds.is_some_and(|s| started.elapsed().as_secs() >= s);
    while !over(started) {
        let turned = watcher.turn(&mut bus, Duration::from_millis(50), &mut |seen| {
            table.take(seen, &face);
        });
        match turned {
            Ok(_) => table.flow.note.clear(),
            Err(BusError::Retry(why)) => table.flow.note = why,
            Err(error) => return Err(error.into()),
        }
        if looked.elapsed() >= Duration::from_millis(200) {
            looked = Instant::now();
            let of_stream = table.picture.newest().filter(|_| args.stream_time);
            table.flow.now = of_stream.unwrap_or_else(now);
            if table.look(&mut face)?.contains(&Key::Quit) {
                break;
            }
        }
    }
    bus.close();
    Ok(ExitCode::SUCCESS)
}

struct Table {
    picture: Picture,
    flow: Flow,
    past: VecDeque<(Instant, u64)>,
}

impl Table {
    fn new(registry: &Registry, brokers: &str) -> Self {
        let flow = Flow {
            title: format!("latefusion watch: {brokers}"),
            modalities: registry.iter().map(|(_, m)| (m.name.to_owned(), true)).collect(),
            rejected: Some(0),
            hint: "q quit".to_owned(),
            ..Flow::default()
        };
        Self { picture: Picture::default(), flow, past: VecDeque::new() }
    }

    fn take(&mut self, seen: Seen, face: &Face) {
        match seen {
            Seen::Score(score) => {
                self.flow.scores += 1;
                let change = self.picture.take_score((*score).clone());
                face.score(&score, change);
            }
            Seen::Availability(record) => self.picture.take_availability(record),
            Seen::DeadLetter(_) => {
                self.flow.rejected = self.flow.rejected.map(|count| count + 1);
            }
            Seen::Unreadable => self.flow.note = "a record could not be read".to_owned(),
        }
    }

    fn look(&mut self, face: &mut Face) -> std::io::Result<Vec<Key>> {
        let now = Instant::now();
        self.past.push_back((now, self.flow.scores));
        while self.past.len() > 2
            && self.past.front().is_some_and(|p| now - p.0 > Duration::from_secs(4))
        {
            self.past.pop_front();
        }
        if let Some((then, scores)) = self.past.front() {
            let seconds = (now - *then).as_secs_f64().max(1e-3);
            self.flow.scores_per_second = (self.flow.scores - scores) as f64 / seconds;
        }
        self.picture.prune(self.flow.now);
        face.look(&self.picture, &self.flow)
    }
}

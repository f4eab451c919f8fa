//! `latefusion demo`.

use super::face::{Face, FaceArgs};
use super::inputs::PipelineArgs;
use super::output::{say, warn};
use super::sources::{SourceArgs, now};
use crate::fuse::package::{Package, Profile};
use crate::modality::Registry;
use crate::shell::demo::{
    Audience, Command, Limits, Options, Outcome, Schedule, parse_script, run as run_demo,
};
use crate::shell::feed::Source;
use crate::shell::view::{BandChange, Flow, Key, Picture};
use crate::types::{Feed, FusedScore, IngestTime, Span};
use anyhow::{Context, bail};
use serde::Serialize;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

const LIMITS: &str = "The embedded broker is librdkafka's mock cluster: it keeps nothing once this ends, drops what exceeds 5 MiB a partition, \
and does not isolate transactions. For exactly-once use a real Kafka: tests/kafka/README.md starts one, `latefusion run` runs on it.";

/// The whole pipeline in one process, on an embedded broker, fed by a simulated ward or a data set: no Kafka, no configuration.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    pipeline: PipelineArgs,
    #[command(flatten)]
    face: FaceArgs,
    /// Seconds of stream in one second; 60 for the ward, as fast as it goes for a data set.
    #[arg(long, value_name = "N")]
    speed: Option<f64>,
    /// How much of the ward's past is sent first.
    #[arg(long, default_value = "2h", value_name = "SPAN")]
    history: Span,
    /// Ends after so many seconds; a data set ends by itself.
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// Switches feeds by the time since the history was sent: "10s labs off; 30s labs on".
    #[arg(long, default_value = "", value_name = "STEPS")]
    script: String,
    /// Where the process answers over HTTP (/ui, /status, /metrics); left out: 127.0.0.1:9464, or another port where that is taken.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Shows nothing while it runs and prints the summary as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let registry = Registry::shipped();
    if args.speed.is_some_and(|speed| !speed.is_finite() || speed <= 0.0) {
        bail!("--speed must be above 0");
    }
    if !(1..=64).contains(&args.pipeline.partitions) {
        bail!("--partitions must be 1 to 64 in the demo");
    }
    let options = options(args, &registry)?;
    let face = Face::open(args.face, args.json)?;
    let mut watching = Watching { face, registry, address: String::new(), page: String::new() };
    let ran = run_demo(options, &mut watching);
    let Watching { face, address, .. } = watching;
    // Gives the terminal back before anything is printed.
    drop(face);
    let outcome = ran.context("the demo could not go on")?;
    let summary = Summary::of(outcome, address, args.source.is_dataset());
    say(&if args.json { serde_json::to_string_pretty(&summary)? } else { summary.text() });
    let lost: i64 = summary.lost.values().sum();
    if lost != 0 {
        warn(&format!("{lost} records were lost on the embedded broker: please report this"));
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn options(args: &Args, registry: &Registry) -> anyhow::Result<Options> {
    let of_data = if args.source.is_dataset() { Profile::Hourly } else { Profile::Ward };
    let profile = args.pipeline.profile(of_data);
    // Trained in intensive care, the learned ones miss what deteriorates in a simulated ward: shown beside the rules there.
    let by_default = match (&args.pipeline.models, args.source.is_dataset()) {
        (Some(_), _) => "rules",
        (None, true) => "learned",
        (None, false) => "shadow",
    };
    let scorers = args.pipeline.scorers.clone().unwrap_or_else(|| by_default.to_owned());
    let pipeline = PipelineArgs { scorers: Some(scorers), ..args.pipeline.clone() };
    let (lanes, models) = pipeline.watched(profile, registry)?;
    let package = Package::parse(&lanes.package, registry)
        .map_err(|mistakes| anyhow::anyhow!("{mistakes:?}"))?;
    // The same as a replay's, so that both end at the same instant.
    let replay = args.pipeline.config(profile);
    let seconds = args.seconds.map(Duration::from_secs);
    let (source, begins, history, speed, title) = if args.source.is_dataset() {
        let (source, begins) = args.source.recorded(registry, |_, _| Span::ZERO)?;
        let title = format!("latefusion demo: {}", args.source.dataset.dataset.join(" "));
        (source, begins, Span::ZERO, args.speed, title)
    } else {
        let speed = args.speed.unwrap_or(60.0);
        let start = ward_start(args, speed);
        let source = args.source.ward(start, registry)?;
        let title = format!("latefusion demo: a ward, {speed} x");
        (source, IngestTime::from_millis(start.as_millis()), args.history, Some(speed), title)
    };
    // In order with the windows; but no more than a few rounds a second while the ward's past is sent.
    let round = match &source {
        Source::Recorded(_) => package.every,
        Source::Ward(_) => package.every.max(Span::minutes(2).min(package.allowed_lateness)),
    };
    Ok(Options {
        lanes,
        models,
        partitions: args.pipeline.partitions,
        source,
        schedule: Schedule {
            begins,
            history,
            speed,
            round,
            heartbeat: replay.heartbeat,
            run_on: replay.run_on,
            seconds,
        },
        script: parse_script(&args.script, registry)?,
        limits: Limits::default(),
        title,
        listen: Some(args.listen.clone().unwrap_or_else(free_address)),
    })
}

/// The address of the configuration's default where nobody listens there, else one with a port that the system picks.
fn free_address() -> String {
    let usual = crate::shell::config::TelemetrySection::default().listen;
    match std::net::TcpListener::bind(&usual) {
        Ok(_) => usual,
        Err(_) => "127.0.0.1:0".to_owned(),
    }
}

/// Early enough that the stream does not overtake the wall clock, whose time the broker stamps on what the pipeline writes.
fn ward_start(args: &Args, speed: f64) -> crate::types::EventTime {
    let longest = args.seconds.map_or(Span::days(1), |s| Span::seconds(s as i64 + 60));
    let ahead = ((speed - 1.0).max(0.0) * longest.as_seconds() * 1e3) as i64;
    now() - args.history - Span::millis(ahead)
}

struct Watching {
    face: Face,
    registry: Registry,
    address: String,
    page: String,
}

impl Audience for Watching {
    fn started(&mut self, address: &str) {
        self.address = address.to_owned();
        if self.face.is_plain() {
            say(&format!(
                "an embedded broker listens at {address}; any Kafka client may subscribe:"
            ));
            say(&format!("  {}", kcat(address)));
            say(LIMITS);
            self.face.notice();
        }
    }

    fn served(&mut self, address: std::net::SocketAddr) {
        self.page = format!("http://{address}/ui");
        if self.face.is_plain() {
            say(&format!("in a browser: {}", self.page));
        }
    }

    fn score(&mut self, score: &FusedScore, change: Option<BandChange>) {
        self.face.score(score, change);
    }

    fn look(&mut self, picture: &Picture, flow: &Flow) -> std::io::Result<Vec<Command>> {
        let mut flow = flow.clone();
        let names: Vec<&str> = self.registry.iter().map(|(_, m)| m.name).collect();
        let hint: Vec<String> =
            names.iter().map(|name| format!("{} {name} off/on", letter(name))).collect();
        flow.hint = format!("{}  q quit   {}", hint.join("  "), kcat(&self.address));
        if flow.note.is_empty() {
            flow.note =
                format!("In a browser: {}   (the embedded broker keeps nothing)", self.page);
        }
        let keys = self.face.look(picture, &flow)?;
        let command = |key: Key| match key {
            Key::Quit => Some(Command::Quit),
            Key::Letter(pressed) => {
                let mut all = self.registry.iter();
                let (id, _) = all.find(|(_, modality)| letter(modality.name) == pressed)?;
                Some(Command::Toggle(Feed::Modality(id)))
            }
        };
        Ok(keys.into_iter().filter_map(command).collect())
    }
}

/// The key that switches a modality: its first letter.
fn letter(name: &str) -> char {
    name.chars().next().unwrap_or(' ')
}

fn kcat(address: &str) -> String {
    format!("kcat -b {address} -C -t fused-scores")
}

#[derive(Debug, Serialize)]
struct Summary {
    broker: String,
    events: u64,
    rejected: BTreeMap<&'static str, u64>,
    fused_scores: u64,
    final_revisions: usize,
    final_revisions_digest: String,
    lost: BTreeMap<&'static str, i64>,
    most_bytes_under_way: usize,
    worker_restarts: u64,
    /// Put to work while running, and refused.
    model_swaps: [u64; 2],
    first_score_seconds: Option<f64>,
    seconds: f64,
    #[serde(skip)]
    is_recorded: bool,
    limits: &'static str,
}

impl Summary {
    fn of(outcome: Outcome, broker: String, is_recorded: bool) -> Self {
        let rejected = outcome.rejected.iter().map(|(reason, n)| (reason.name(), *n)).collect();
        Self {
            broker,
            events: outcome.sent,
            rejected,
            fused_scores: outcome.scores,
            final_revisions: outcome.finals.len(),
            final_revisions_digest: outcome.finals.digest(),
            lost: ["inputs", "predictions", "fused_scores"].into_iter().zip(outcome.lost).collect(),
            most_bytes_under_way: outcome.most_bytes,
            worker_restarts: outcome.restarts,
            model_swaps: outcome.swaps,
            first_score_seconds: outcome.first_score_after.map(|after| after.as_secs_f64()),
            seconds: outcome.took.as_secs_f64(),
            is_recorded,
            limits: LIMITS,
        }
    }

    fn text(&self) -> String {
        let rejected = match self.rejected.is_empty() {
            true => "none".to_owned(),
            false => {
                let each: Vec<String> =
                    self.rejected.iter().map(|(reason, n)| format!("{reason} {n}")).collect();
                each.join(", ")
            }
        };
        let first =
            self.first_score_seconds.map_or("none".to_owned(), |s| format!("after {s:.1} s"));
        let lost: i64 = self.lost.values().sum();
        let rate = self.events as f64 / self.seconds.max(1e-3);
        let lines = [
            ("events", format!("{} in {:.1} s ({rate:.0} a second)", self.events, self.seconds)),
            ("rejected", rejected),
            ("fused scores", format!("{} (first one {first})", self.fused_scores)),
            (
                "final revisions",
                format!("{}, digest {}", self.final_revisions, self.final_revisions_digest),
            ),
            ("model swaps", format!("{}, {} refused", self.model_swaps[0], self.model_swaps[1])),
            ("lost", lost.to_string()),
        ];
        let mut text: String =
            lines.iter().map(|(name, value)| format!("{name:16} {value}\n")).collect();
        if self.is_recorded {
            text.push_str(
                "`latefusion replay --digest` of the same data set with the same --partitions and --scorers (learned, if none were named \
                 here) prints the same digest.\n",
            );
        }
        text.push_str(LIMITS);
        text.push('\n');
        text.push_str(crate::shell::view::NOTICE);
        text
    }
}

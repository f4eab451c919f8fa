//! `latefusion produce`.

use super::connection::ConnectionArgs;
use super::output::{bar, say};
use super::sources::{SourceArgs, now};
use crate::modality::Registry;
use crate::shell::bus::kafka::KafkaBus;
use crate::shell::bus::{Bus, BusError, Commit, Guarantee, Outgoing, Worker};
use crate::shell::feed::{Message, Source};
use crate::shell::wire::Names;
use crate::types::{IngestTime, Span};
use anyhow::bail;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The simulated ward or a data set into a real cluster's input topics, keyed by patient.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    connection: ConnectionArgs,
    #[command(flatten)]
    source: SourceArgs,
    /// Seconds of stream in one second. Above 1 the stream begins in the past, so that it does not overtake the wall clock: a data set so
    /// that it ends now, the ward so that it could run for a day.
    #[arg(long, default_value_t = 1.0, value_name = "N")]
    speed: f64,
    /// Keeps the data set's own times, which scorers with the wall clock take for very old.
    #[arg(long)]
    as_recorded: bool,
    /// Most records a second.
    #[arg(long, value_name = "R")]
    rate: Option<f64>,
    /// Ends after so many seconds.
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
}

/// Runs the command.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let above_zero = |number: f64| number.is_finite() && number > 0.0;
    if !above_zero(args.speed) || !args.rate.is_none_or(above_zero) {
        bail!("--speed and --rate must be above 0");
    }
    let deployment = args.connection.deployment()?;
    let (mut source, begins) = source(args, &deployment.registry)?;
    let worker = Worker {
        group: "latefusion-produce".to_owned(),
        id: format!("latefusion-produce-{}", std::process::id()),
        topics: Vec::new(),
        guarantee: Guarantee::Idempotent,
    };
    let mut bus = KafkaBus::connect(&deployment.kafka, worker)?;
    let progress = bar("producing", source.left().unwrap_or(0) as u64);
    let started = Instant::now();
    let over = || args.seconds.is_some_and(|seconds| started.elapsed().as_secs() >= seconds);
    let mut sent = 0_u64;
    while source.left() != Some(0) && !over() {
        let elapsed = started.elapsed();
        let streamed = Span::millis((elapsed.as_secs_f64() * 1e3 * args.speed) as i64);
        let allowed = args.rate.map_or(u64::MAX, |rate| (rate * elapsed.as_secs_f64()) as u64);
        let room = usize::try_from(allowed.saturating_sub(sent)).unwrap_or(usize::MAX).min(BATCH);
        let messages = std::iter::from_fn(|| source.next_before(begins + streamed));
        let outputs: Vec<Outgoing> =
            messages.take(room).map(|message| outgoing(message, &deployment.names)).collect();
        if outputs.is_empty() {
            std::thread::sleep(Duration::from_millis(10));
            continue;
        }
        let count = outputs.len() as u64;
        append(&mut bus, outputs)?;
        sent += count;
        progress.inc(count);
    }
    progress.finish_and_clear();
    bus.close();
    let seconds = started.elapsed().as_secs_f64();
    say(&format!(
        "produced {sent} records in {seconds:.1} s ({:.0} a second)",
        sent as f64 / seconds.max(1e-3)
    ));
    Ok(ExitCode::SUCCESS)
}

/// Most records sent before their acknowledgement is waited for.
const BATCH: usize = 5_000;

/// The source and its first instant.
fn source(args: &Args, registry: &Registry) -> anyhow::Result<(Source, IngestTime)> {
    if args.source.is_dataset() {
        let shift = |first: IngestTime, last: IngestTime| {
            if args.as_recorded {
                return Span::ZERO;
            }
            let length = (last - first).as_seconds();
            let ends = now() + Span::millis((length / args.speed.max(1.0) * 1e3) as i64);
            Span::millis(ends.as_millis() - last.as_millis())
        };
        return args.source.recorded(registry, shift);
    }
    let longest = args.seconds.map_or(Span::days(1), |s| Span::seconds(s as i64));
    let ahead = Span::millis(((args.speed - 1.0).max(0.0) * longest.as_seconds() * 1e3) as i64);
    let start = now() - ahead;
    Ok((args.source.ward(start, registry)?, IngestTime::from_millis(start.as_millis())))
}

fn outgoing(message: Message, names: &Names) -> Outgoing {
    Outgoing {
        topic: names.topic(message.feed).into(),
        partition: None,
        key: Some(message.key),
        payload: Some(message.payload),
        headers: Vec::new(),
    }
}

/// Appends in order. What is in doubt is not sent again, because a repeat would be a second record; it ends the command instead.
fn append(bus: &mut dyn Bus, outputs: Vec<Outgoing>) -> anyhow::Result<()> {
    let commit = Commit { outputs, ..Commit::default() };
    loop {
        match bus.commit(&commit) {
            Ok(()) => return Ok(()),
            Err(BusError::Retry(_)) => std::thread::sleep(Duration::from_millis(100)),
            Err(error) => return Err(error.into()),
        }
    }
}

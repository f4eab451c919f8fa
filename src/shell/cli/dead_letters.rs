//! `latefusion dead-letters`

use super::deployed::{ConfigArgs, connect};
use super::output::{say, warn};
use crate::shell::bus::kafka::KafkaBus;
use crate::shell::config::Deployment;
use crate::shell::dead_letters::{Letters, original, read, send};
use crate::shell::driver::Pipeline;
use crate::shell::wire::{Clipped, DeadLetter, encode_dead_letter};
use crate::types::{RejectReason, rfc3339};
use anyhow::{Context, bail};
use std::collections::BTreeMap;
use std::process::ExitCode;

/// Arguments of `latefusion dead-letters`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// How many there are by reason and topic; with --reason each of them by name.
    List {
        /// Only this reason, such as unknown_unit.
        #[arg(long)]
        reason: Option<String>,
        /// One JSON object a letter instead of text.
        #[arg(long)]
        json: bool,
    },
    /// One letter whole: why, where it stood, key, headers and bytes. They may be a patient's.
    Show {
        /// TOPIC/EPOCH/PARTITION/OFFSET of the original, as `list` prints it.
        name: String,
        /// As one JSON object, bytes in base64.
        #[arg(long)]
        json: bool,
    },
    /// Sends originals back to their topic with their own key, bytes and headers, once what was wrong is put right.
    Resend {
        /// TOPIC/EPOCH/PARTITION/OFFSET of the originals.
        #[arg(required_unless_present = "reason")]
        names: Vec<String>,
        /// All of this reason.
        #[arg(long, conflicts_with = "names")]
        reason: Option<String>,
        /// Say what would be sent and send nothing.
        #[arg(long)]
        dry_run: bool,
    },
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let deployment = args.config.load()?;
    let pipeline = deployment.pipeline();
    let mut bus = connect(&deployment, "dead-letters")?;
    let (letters, unreadable) = read(&mut bus, &pipeline, pipeline.pace.retry_for)?;
    if unreadable > 0 {
        warn(&format!(
            "{unreadable} records of {} are no dead letters",
            pipeline.topics.dead_letters
        ));
    }
    match &args.what {
        What::List { reason, json } => list(&letters, reason.as_deref(), *json)?,
        What::Show { name, json } => show(name, find(&letters, name, &deployment)?, *json),
        What::Resend { names, reason, dry_run } => {
            let chosen = match reason {
                Some(reason) => of_reason(&letters, Some(reason))?,
                None => names
                    .iter()
                    .map(|name| Ok((name.as_str(), find(&letters, name, &deployment)?)))
                    .collect::<anyhow::Result<_>>()?,
            };
            return resend(&mut bus, &pipeline, &chosen, *dry_run);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn find<'a>(
    letters: &'a Letters,
    name: &str,
    deployment: &Deployment,
) -> anyhow::Result<&'a DeadLetter> {
    letters.get(name).with_context(|| {
        format!(
            "there is no dead letter `{name}` in {}: `latefusion dead-letters list --reason REASON` prints their names",
            deployment.topics.dead_letters
        )
    })
}

fn of_reason<'a>(
    letters: &'a Letters,
    reason: Option<&str>,
) -> anyhow::Result<Vec<(&'a str, &'a DeadLetter)>> {
    let known = RejectReason::ALL.map(RejectReason::name);
    if let Some(unknown) = reason.filter(|reason| !known.contains(reason)) {
        bail!("there is no reason `{unknown}`; there are {}", known.join(", "));
    }
    let wanted = |letter: &DeadLetter| reason.is_none_or(|r| letter.fault.reason.name() == r);
    Ok(letters.iter().filter(|(_, l)| wanted(l)).map(|(name, l)| (name.as_str(), l)).collect())
}

fn list(letters: &Letters, reason: Option<&str>, json: bool) -> anyhow::Result<()> {
    let chosen = of_reason(letters, reason)?;
    if json {
        for (_, letter) in &chosen {
            say(&as_json(letter));
        }
        return Ok(());
    }
    if reason.is_some() {
        for (name, letter) in &chosen {
            say(&format!("{name}  {}", letter.fault));
        }
    } else {
        let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for (_, letter) in &chosen {
            *counts.entry((letter.fault.reason.name(), &letter.source.topic)).or_default() += 1;
        }
        for ((reason, topic), count) in counts {
            say(&format!("{count:>9}  {reason:24}  {topic}"));
        }
    }
    say(&format!("{} dead letters", chosen.len()));
    Ok(())
}

fn as_json(letter: &DeadLetter) -> String {
    let mut bytes = Vec::new();
    encode_dead_letter(letter, &mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn show(name: &str, letter: &DeadLetter, json: bool) {
    if json {
        return say(&as_json(letter));
    }
    say(&format!("{name}\nreason: {}", letter.fault));
    if let Some(time) = letter.ingest_time {
        let mut text = String::new();
        let _years_beyond_9999 = rfc3339::write(&mut text, time.as_millis());
        say(&format!("taken by the broker: {text}"));
    }
    for header in &letter.headers {
        say(&format!("header {}: {}", header.name, text(header.value.as_deref())));
    }
    if letter.headers_left_out > 0 {
        say(&format!("{} more headers were left out", letter.headers_left_out));
    }
    part("key", letter.key.as_ref());
    part("payload", letter.payload.as_ref());
}

fn part(what: &str, part: Option<&Clipped>) {
    let cut = match part {
        Some(part) if !part.is_whole() => {
            format!(" (the first {} of {} bytes)", part.bytes.len(), part.length)
        }
        _ => String::new(),
    };
    say(&format!("{what}{cut}: {}", text(part.map(|part| &*part.bytes))));
}

/// Bytes as text where they are one, with everything that could steer a terminal escaped.
fn text(bytes: Option<&[u8]>) -> String {
    match bytes.map(std::str::from_utf8) {
        None => "none".to_owned(),
        Some(Ok(text)) => text
            .chars()
            .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
            .collect(),
        Some(Err(_)) => bytes.unwrap_or_default().escape_ascii().to_string(),
    }
}

fn resend(
    bus: &mut KafkaBus,
    pipeline: &Pipeline,
    chosen: &[(&str, &DeadLetter)],
    dry_run: bool,
) -> anyhow::Result<ExitCode> {
    let mut refused = 0;
    for (name, letter) in chosen {
        match original(letter, pipeline) {
            Err(why) => {
                refused += 1;
                warn(&format!("{name} is not sent: {why}"));
            }
            Ok(_) if dry_run => say(&format!("{name} would be sent to {}", letter.source.topic)),
            Ok(record) => {
                send(bus, record).with_context(|| format!("{name} was not sent"))?;
                say(&format!("{name} sent to {}", letter.source.topic));
            }
        }
    }
    let sent = chosen.len() - refused;
    let verb = if dry_run { "would be sent" } else { "sent" };
    say(&format!("{sent} {verb}, {refused} refused"));
    Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

//! `latefusion audit`

use super::deployed::{ConfigArgs, connect};
use super::output::{say, warn};
use crate::shell::audit::{Report, Scope, audit};
use crate::types::{EventTime, rfc3339};
use anyhow::Context;
use std::process::ExitCode;
use std::sync::Arc;

/// Arguments of `latefusion audit`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// Only windows that end at this instant or later (RFC 3339).
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Only windows that end before this instant (RFC 3339).
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let deployment = args.config.load()?;
    let pipeline = Arc::new(deployment.pipeline());
    let mut scope = Scope::everything(pipeline.pace.retry_for);
    if let Some(from) = &args.from {
        scope.from = instant(from).context("--from")?;
    }
    if let Some(to) = &args.to {
        scope.to = instant(to).context("--to")?;
    }
    let mut bus = connect(&deployment, "audit")?;
    let text = !args.json;
    let report = audit(&mut bus, &pipeline, scope, &mut |partition| {
        if text {
            say(&partition.to_string());
        }
    })?;
    if args.json {
        say(&report.json().to_string());
    } else {
        say(&format!(
            "{} fused scores derived again and compared, {} differences",
            report.compared(),
            report.differences()
        ));
    }
    Ok(verdict(&report))
}

/// An audit that compared nothing proves nothing.
fn verdict(report: &Report) -> ExitCode {
    if report.compared() == 0 {
        warn("latefusion: nothing was compared, so nothing is proved");
        return ExitCode::FAILURE;
    }
    if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn instant(text: &str) -> anyhow::Result<EventTime> {
    let millis = rfc3339::parse(text)
        .with_context(|| format!("`{text}` is no instant such as 2026-03-01T12:00:00Z"))?;
    Ok(EventTime::from_millis(millis))
}

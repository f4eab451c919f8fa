//! `latefusion explain`.

use super::inputs::names;
use super::output::say;
use crate::modality::Registry;
use crate::shell::explain::explain;
use crate::shell::wire::{ModelNames, decode_fused_score};
use crate::types::{EventTime, FusedScore, rfc3339};
use anyhow::{Context, bail};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::ExitCode;

/// Looks one fused score up in a file of fused scores (JSON lines, as `replay --out x.jsonl` or a dump of the topic writes them).
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file.
    file: PathBuf,
    /// The patient.
    #[arg(long)]
    patient: String,
    /// End of the window, RFC 3339; the patient's last one if not given.
    #[arg(long)]
    window: Option<String>,
    /// Revision; the last one if not given.
    #[arg(long)]
    revision: Option<u32>,
    /// Prints the explanation as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let registry = Registry::shipped();
    let names = names(&registry)?;
    let window = match &args.window {
        None => None,
        Some(text) => match rfc3339::parse(text) {
            Some(millis) => Some(EventTime::from_millis(millis)),
            None => bail!("--window {text}: not an RFC 3339 instant such as 2026-01-31T08:00:00Z"),
        },
    };
    let file = std::fs::File::open(&args.file)
        .with_context(|| format!("cannot read {}", args.file.display()))?;
    let mut found: Option<FusedScore> = None;
    let mut models = ModelNames::default();
    for line in BufReader::new(file).split(b'\n') {
        let line = line?;
        let Ok(score) = decode_fused_score(&line, &names, &mut models) else { continue };
        let wanted = score.patient.as_str() == args.patient
            && window.is_none_or(|end| score.window.end() == end)
            && args.revision.is_none_or(|revision| score.revision == revision);
        let key = |s: &FusedScore| (s.window.end(), s.revision);
        if wanted && found.as_ref().is_none_or(|best| key(best) <= key(&score)) {
            found = Some(score);
        }
    }
    let Some(score) = found else {
        bail!("{} holds no such score of that patient", args.file.display());
    };
    let explanation = explain(&score, &names);
    say(&if args.json { serde_json::to_string_pretty(&explanation)? } else { explanation.text() });
    Ok(ExitCode::SUCCESS)
}

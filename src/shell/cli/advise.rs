//! `latefusion advise`.

use super::inputs::{self, DatasetArgs, PipelineArgs};
use super::output::{bar, say};
use crate::fuse::package::Profile;
use crate::modality::Registry;
use crate::shell::advice::{Advice, Completeness};
use crate::shell::comparison::Curves;
use crate::shell::replay::{Sink, replay};
use crate::shell::wire::decode_availability;
use crate::types::{Availability, FusedScore};
use anyhow::{Context, bail};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The curves that `latefusion evaluate --report` wrote for the figures in docs/evaluation.md.
const SHIPPED: &str = include_str!("../../../docs/evaluation/cinc2012/curves.json");

/// How complete the data are, where late and early fusion cross, and which one to use; with the figures.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files of recorded events to replay; see docs/recorded-events.md.
    files: Vec<PathBuf>,
    #[command(flatten)]
    dataset: DatasetArgs,
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// Records of the topic `availability` instead of a replay, one JSON object a line.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["files", "dataset"])]
    availability: Option<PathBuf>,
    /// Curves of another evaluation: `curves.json` of `latefusion evaluate --folds … --report DIR`.
    #[arg(long, value_name = "FILE")]
    curves: Option<PathBuf>,
    /// Prints the advice as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let registry = Registry::shipped();
    let curves: Curves = match &args.curves {
        None => serde_json::from_str(SHIPPED).context("the shipped curves")?,
        Some(path) => {
            let text = std::fs::read_to_string(path);
            let text = text.with_context(|| format!("cannot read {}", path.display()))?;
            serde_json::from_str(&text)
                .with_context(|| format!("{} holds no curves", path.display()))?
        }
    };
    let counted = match &args.availability {
        Some(path) => of_log(path, &registry)?,
        None => of_replay(args, &registry)?,
    };
    let advice = Advice::of(&counted, &curves, &registry);
    say(&if args.json { serde_json::to_string_pretty(&advice)? } else { advice.text() });
    Ok(ExitCode::SUCCESS)
}

fn of_log(path: &Path, registry: &Registry) -> anyhow::Result<Completeness> {
    let names = inputs::names(registry)?;
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut counted = Completeness::default();
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let line = line.with_context(|| format!("cannot read {}", path.display()))?;
        if line.trim().is_empty() {
            continue;
        }
        match decode_availability(line.as_bytes(), &names) {
            Ok(record) => counted.count(&record),
            Err(fault) => bail!("{}:{}: {fault}", path.display(), number + 1),
        }
    }
    Ok(counted)
}

fn of_replay(args: &Args, registry: &Registry) -> anyhow::Result<Completeness> {
    let read = inputs::read(&args.files, &args.dataset, registry)?;
    let default = if args.files.is_empty() { Profile::Hourly } else { Profile::Ward };
    let profile = args.pipeline.profile(default);
    let setup = args.pipeline.setup(profile, registry)?;
    let progress = bar("replaying", read.inputs.len() as u64);
    let mut sink = Counting(Completeness::default());
    let config = args.pipeline.config(profile);
    replay(&setup, &config, read.inputs, &mut sink, &mut |done| progress.inc(done))?;
    progress.finish_and_clear();
    Ok(sink.0)
}

struct Counting(Completeness);

impl Sink for Counting {
    fn fused(&mut self, _score: FusedScore) -> std::io::Result<()> {
        Ok(())
    }

    fn availability(&mut self, record: Availability) -> std::io::Result<()> {
        self.0.count(&record);
        Ok(())
    }
}

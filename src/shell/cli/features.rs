//! `latefusion features`.

use super::inputs::{DatasetArgs, PipelineArgs};
use super::output::{bar, say};
use crate::fuse::package::Profile;
use crate::modality::{Modality, Registry};
use crate::score::{FeatureSpec, Statistic};
use crate::shell::tables::{self, Request, Wanted};
use crate::types::Span;
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Training tables from the running score stage: for each stay and time, the feature row that speaks for a modality then.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    dataset: DatasetArgs,
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// Modality whose features are written; may be given again, each with its own --out.
    #[arg(long, required = true)]
    modality: Vec<String>,
    /// Times into each stay, such as 6h,12h,24h,48h; multiples of the package's `every`.
    #[arg(long, value_delimiter = ',', required = true)]
    at: Vec<Span>,
    /// A text file of features, one `column/statistic/span` a line (`#` begins a comment), for each modality in turn; without it
    /// every statistic of every column over the whole lookback.
    #[arg(long, value_name = "FILE")]
    spec: Vec<PathBuf>,
    /// Where each modality's table goes, a .parquet file.
    #[arg(long, value_name = "FILE", required = true)]
    out: Vec<PathBuf>,
}

/// Runs the command.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if args.out.len() != args.modality.len() || args.spec.len() > args.modality.len() {
        bail!("give one --out (and at most one --spec) for each --modality");
    }
    let registry = Registry::shipped();
    let Some((_, dataset)) = args.dataset.open(&registry)? else {
        bail!("name a data set: --dataset KIND DIR");
    };
    let profile = args.pipeline.profile(Profile::Hourly);
    let setup = args.pipeline.setup(profile, &registry)?;
    let mut wanted: Vec<Wanted> =
        registry.iter().map(|(_, modality)| Wanted { modality, inputs: Vec::new() }).collect();
    for (i, name) in args.modality.iter().enumerate() {
        let (id, modality) =
            registry.find(name).with_context(|| format!("no modality `{name}`"))?;
        wanted[id.index()].inputs = match args.spec.get(i) {
            Some(path) => read_spec(path, modality)?,
            None => every_feature(modality, setup.scoring[id.index()].lookback),
        };
    }
    let replay = args.pipeline.config(profile);
    let request = Request { wanted, at: args.at.clone(), replay };
    let progress = bar("recording features", dataset.events.len() as u64);
    let mut step = |done| progress.inc(done);
    let tables = tables::tables(&dataset, &setup, &request, None, &mut step)?;
    progress.finish_and_clear();
    for (name, out) in args.modality.iter().zip(&args.out) {
        let Some((id, _)) = registry.find(name) else { continue };
        let m = id.index();
        let wanted = &request.wanted[m];
        tables::write(out, &dataset.stays, &args.at, &tables, (m, wanted))?;
        let present = tables.rows.iter().filter(|row| row.get(m).is_some_and(Option::is_some));
        say(&format!(
            "{}: {} rows of {} features, {} present",
            out.display(),
            tables.rows.len(),
            wanted.inputs.len(),
            present.count()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// The features of a specification file.
pub(super) fn read_spec(path: &Path, modality: &Modality) -> anyhow::Result<Vec<FeatureSpec>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the specification {}", path.display()))?;
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let features = lines.filter(|line| !line.is_empty());
    Ok(features.map(|line| FeatureSpec::parse(line, modality)).collect::<Result<_, _>>()?)
}

fn every_feature(modality: &Modality, within: Span) -> Vec<FeatureSpec> {
    let of = |column: &'static str| {
        Statistic::ALL.map(|statistic| FeatureSpec { column, statistic, within })
    };
    modality.columns.iter().flat_map(|column| of(column.name)).collect()
}

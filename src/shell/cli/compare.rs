//! `latefusion evaluate --folds`: late fusion against early fusion, complete and with modalities missing.

use super::inputs::{DatasetArgs, PipelineArgs};
use super::output::{bar, say, warn};
use crate::fuse::package::{Package, Profile};
use crate::modality::Registry;
use crate::shell::comparison::{
    Curves, Judges, compare, folds, html, markdown, verify, write_numbers,
};
use crate::shell::tables::{Request, Wanted};
use crate::types::Span;
use anyhow::{Context, bail};
use std::path::Path;
use std::process::ExitCode;

/// Compares, and writes `comparison.md`, `.html`, `.parquet` and `curves.json` into `out`.
pub(super) fn run(
    (dataset, pipeline): (&DatasetArgs, &PipelineArgs),
    from: &Path,
    out: Option<&Path>,
    at: &[Span],
) -> anyhow::Result<ExitCode> {
    let registry = Registry::shipped();
    let Some((kind, dataset)) = dataset.open(&registry)? else {
        bail!("name a data set: --dataset KIND DIR");
    };
    let profile = pipeline.profile(Profile::Hourly);
    let setup = pipeline.setup(profile, &registry)?;
    let package = Package::parse(&setup.package, &registry)
        .map_err(|mistakes| anyhow::anyhow!("the fusion package: {mistakes:?}"))?;
    let folds = folds::read(from, &registry)?;
    let first = folds.first().context("no folds")?;
    let wanted = registry.iter().zip(&first.late).map(|((_, modality), late)| {
        let inputs = late.as_ref().map_or_else(Vec::new, |late| late.inputs.clone());
        Wanted { modality, inputs }
    });
    let mut at = at.to_vec();
    at.sort_unstable();
    let request = Request { wanted: wanted.collect(), at, replay: pipeline.config(profile) };
    let trained = first.late.iter().flatten().count() as u32;
    let judges = Judges::new(folds, &package, &registry, &dataset.stays)?;
    warn(&format!("{} of {} stays are in a fold", judges.judged(), dataset.stays.len()));
    let passes = 1 + 3 * (2_u64.pow(trained) - 1);
    let progress = bar("comparing", passes * dataset.events.len() as u64);
    let mut step = |done| progress.inc(done);
    let comparison = compare(&dataset, &setup, &request, &judges, &mut step)?;
    progress.finish_and_clear();
    let main = request.at.last().copied().unwrap_or(Span::ZERO);
    let scored = &comparison.undisturbed;
    let each: Vec<_> = judges.folds().collect();
    let verified = verify(&dataset, &setup, &request.replay, &package, &each, (main, scored))?;
    let head = format!(
        "{}: {} stays with a known outcome, {} deaths. Every patient is scored by models, calibrations and fusion parameters made \
         without it. The pipeline's own fused risks, from a replay of every fold with its models: {} compared, {} different.",
        kind.name(),
        comparison.stays[0],
        comparison.stays[1],
        verified.compared,
        verified.different
    );
    let tables = markdown(&comparison);
    if let Some(out) = out {
        std::fs::create_dir_all(out)?;
        let title = format!("Late and early fusion on {}", kind.name());
        std::fs::write(out.join("comparison.md"), format!("# {title}\n\n{head}\n{tables}"))?;
        std::fs::write(out.join("comparison.html"), html(&comparison, &title, &head))?;
        write_numbers(&out.join("comparison.parquet"), &comparison)?;
        let curves = serde_json::to_string_pretty(&Curves::of(&comparison, kind.name()))?;
        std::fs::write(out.join("curves.json"), curves + "\n")?;
    }
    say(&format!("{head}\n{tables}"));
    if verified.different > 0 || verified.compared == 0 {
        bail!("the evaluated risks are not those of the pipeline");
    }
    Ok(ExitCode::SUCCESS)
}

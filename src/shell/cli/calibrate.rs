//! `latefusion calibrate`.

use super::as_of::scores_as_of;
use super::inputs::{DatasetArgs, PipelineArgs};
use super::output::say;
use crate::evaluate::Case;
use crate::evaluate::fit::platt;
use crate::fuse::package::Profile;
use crate::modality::Registry;
use crate::score::calibration::{CalibrationMap, Curve, Provenance};
use crate::shell::setup::{models, reference_scorer};
use crate::types::{Risk, Span};
use anyhow::{Context, bail};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// Raw scores travel through the replay as risks: divided by a power of two, so that they come back exactly.
const CARRIER: f64 = 1_024.0;

/// Fits, for each modality, the risk of in-hospital death given the reference scorer's raw score as of one time into each stay
/// (Platt), and writes one file for each profile: both profiles' scorers count the same points.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    dataset: DatasetArgs,
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// Time into the stay whose raw scores are taken.
    #[arg(long, default_value = "48h")]
    as_of: Span,
    /// Modalities to fit.
    #[arg(long, value_delimiter = ',', default_value = "vitals,labs")]
    modality: Vec<String>,
    /// Date for the provenance, YYYY-MM-DD.
    #[arg(long)]
    date: String,
    /// Folder for the files, such as models/calibration.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Runs the command.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let registry = Registry::shipped();
    let Some((kind, mut dataset)) = args.dataset.open(&registry)? else {
        bail!("name a data set: --dataset KIND DIR");
    };
    let mut setup = args.pipeline.setup(Profile::Hourly, &registry)?;
    for ((_, modality), slot) in registry.iter().zip(&mut setup.models) {
        let raw = Arc::new(|score: f64| Risk::clamped(score / CARRIER));
        *slot = models(reference_scorer(Profile::Hourly, modality), Some(raw), modality);
    }
    let stays = scores_as_of(&mut dataset, args.as_of, &setup, &args.pipeline, Profile::Hourly)?;
    std::fs::create_dir_all(&args.out)?;
    for name in &args.modality {
        let (id, modality) =
            registry.find(name).with_context(|| format!("no modality `{name}`"))?;
        let cases: Vec<Case> = stays
            .iter()
            .filter_map(|stay| {
                let score = stay.modality(id.index())? * CARRIER;
                Some(Case { score, event: stay.outcome.died_in_hospital? })
            })
            .collect();
        let fitted = platt(&cases).with_context(|| format!("cannot fit {name}"))?;
        let events = cases.iter().filter(|case| case.event).count();
        say(&format!(
            "{name}: {} stays, {events} deaths, log-odds = {:.4} + {:.4} x score",
            cases.len(),
            fitted.intercept,
            fitted.slope
        ));
        for profile in [Profile::Hourly, Profile::Ward] {
            let model = reference_scorer(profile, modality).model().to_owned();
            let provenance = Provenance {
                data_set: kind.name().to_owned(),
                outcome: "in-hospital death".to_owned(),
                patients: cases.len() as u64,
                events: events as u64,
                date: args.date.clone(),
                command: format!(
                    "latefusion calibrate --dataset {} DIR --as-of {} --modality {name}",
                    kind.name(),
                    args.as_of
                ),
            };
            let curve = Curve::Platt { slope: fitted.slope, intercept: fitted.intercept };
            let map = CalibrationMap::new(model.clone(), curve, provenance)
                .map_err(|mistakes| anyhow::anyhow!("{mistakes:?}"))?;
            let path = args.out.join(format!("{}.toml", model.replace('@', "-")));
            std::fs::write(&path, map.to_toml())
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

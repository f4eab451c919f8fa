//! `latefusion evaluate`.

use super::as_of::{StayScore, modality_names, scores_as_of};
use super::inputs::{DatasetArgs, PipelineArgs};
use super::output::say;
use crate::evaluate::Case;
use crate::evaluate::calibration::{brier, expected_calibration_error};
use crate::evaluate::challenge::best_score1;
use crate::evaluate::discrimination::{auroc, average_precision};
use crate::fuse::package::Profile;
use crate::modality::Registry;
use crate::shell::datasets::Outcome;
use crate::types::Span;
use anyhow::bail;
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;

/// Discrimination and calibration for in-hospital death, as of one time into each stay.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    dataset: DatasetArgs,
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// Time into the stay whose fused score is taken, such as 48h; a multiple of the package's `every`. With --folds several may
    /// be given (12h,24h,48h); the last is the main one.
    #[arg(long, default_value = "48h", value_delimiter = ',')]
    as_of: Vec<Span>,
    /// Compares late with early fusion, with modalities complete, removed, failing and delayed: a folder of cross-fitted models
    /// that `make train` writes.
    #[arg(long, value_name = "DIR")]
    folds: Option<PathBuf>,
    /// With --folds: folder for comparison.md, .html, .parquet, and curves.json for `advise`.
    #[arg(long, value_name = "DIR", requires = "folds")]
    report: Option<PathBuf>,
    /// Prints the table as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if let Some(folds) = &args.folds {
        let run = (&args.dataset, &args.pipeline);
        return super::compare::run(run, folds, args.report.as_deref(), &args.as_of);
    }
    let &[as_of] = args.as_of.as_slice() else { bail!("several --as-of need --folds") };
    let registry = Registry::shipped();
    let Some((kind, mut dataset)) = args.dataset.open(&registry)? else {
        bail!("name a data set: --dataset KIND DIR");
    };
    let profile = args.pipeline.profile(Profile::Hourly);
    let setup = args.pipeline.setup(profile, &registry)?;
    let stays = scores_as_of(&mut dataset, as_of, &setup, &args.pipeline, profile)?;
    let report = Report::of(kind.name(), as_of, &stays, &modality_names(&registry));
    say(&if args.json { serde_json::to_string_pretty(&report)? } else { report.text() });
    Ok(ExitCode::SUCCESS)
}

#[derive(Debug, Serialize)]
struct Report {
    data_set: &'static str,
    as_of: String,
    stays: usize,
    without_outcome: usize,
    /// Stays whose fused score has no risk, or that have no pane: left out below.
    without_evidence: usize,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    score: String,
    stays: usize,
    deaths: usize,
    auroc: Option<f64>,
    /// 95 % interval (DeLong).
    auroc_interval: Option<[f64; 2]>,
    average_precision: Option<f64>,
    /// Best of min(sensitivity, positive predictivity) over thresholds: score 1 of the CinC 2012 challenge.
    challenge_score_1: Option<f64>,
    /// Only for probabilities.
    brier: Option<f64>,
    expected_calibration_error: Option<f64>,
}

/// A score that the data set's outcome table holds.
type Published = fn(&Outcome) -> Option<f64>;

impl Report {
    fn of(data_set: &'static str, as_of: Span, stays: &[StayScore], names: &[&str]) -> Self {
        let known: Vec<&StayScore> =
            stays.iter().filter(|s| s.outcome.died_in_hospital.is_some()).collect();
        let fused = |s: &StayScore| s.fused();
        let mut rows = vec![Row::of("fused", &known, true, fused)];
        rows.extend(
            names.iter().enumerate().map(|(m, name)| {
                Row::of(&format!("{name} alone"), &known, true, |s| s.modality(m))
            }),
        );
        let published: [(&str, bool, Published); 3] = [
            ("SAPS-I", false, |o| o.saps_i),
            ("SOFA", false, |o| o.sofa),
            ("APACHE risk", true, |o| o.apache_risk),
        ];
        for (name, is_risk, value) in published {
            // On the stays that fusion has a score for, so that the rows compare like with like.
            let row = Row::of(name, &known, is_risk, |s| s.fused().and(value(&s.outcome)));
            rows.extend((row.stays > 0).then_some(row));
        }
        Self {
            data_set,
            as_of: as_of.to_string(),
            stays: stays.len(),
            without_outcome: stays.len() - known.len(),
            without_evidence: known.iter().filter(|s| s.fused().is_none()).count(),
            rows,
        }
    }

    fn text(&self) -> String {
        let mut lines = vec![
            format!("in-hospital death, {} as of {}", self.data_set, self.as_of),
            format!(
                "{} stays; {} without a known outcome and {} without any evidence are left out",
                self.stays, self.without_outcome, self.without_evidence
            ),
            String::new(),
            format!(
                "{:16} {:>6} {:>7} {:>6} {:>15} {:>7} {:>8} {:>7} {:>7}",
                "score",
                "stays",
                "deaths",
                "AUROC",
                "95 % interval",
                "AUPRC",
                "score 1",
                "Brier",
                "ECE"
            ),
        ];
        lines.extend(self.rows.iter().map(Row::text));
        lines.push(String::new());
        lines.push(
            "Each row is over the stays that have the score: rows differ in their stays."
                .to_owned(),
        );
        lines.join("\n")
    }
}

impl Row {
    fn of(
        name: &str,
        stays: &[&StayScore],
        is_risk: bool,
        value: impl Fn(&StayScore) -> Option<f64>,
    ) -> Self {
        let case =
            |s: &&StayScore| Some(Case { score: value(s)?, event: s.outcome.died_in_hospital? });
        let cases: Vec<Case> = stays.iter().filter_map(case).collect();
        let area = auroc(&cases);
        let for_risks = |value: Option<f64>| value.filter(|_| is_risk);
        Self {
            score: name.to_owned(),
            stays: cases.len(),
            deaths: cases.iter().filter(|case| case.event).count(),
            auroc: area.as_ref().map(|a| a.area),
            auroc_interval: area.and_then(|a| a.interval()),
            average_precision: average_precision(&cases),
            challenge_score_1: best_score1(&cases).map(|best| best.score),
            brier: for_risks(brier(&cases)),
            expected_calibration_error: for_risks(expected_calibration_error(&cases)),
        }
    }

    fn text(&self) -> String {
        let number = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.3}"));
        let interval =
            self.auroc_interval.map_or("-".to_owned(), |[a, b]| format!("{a:.3} - {b:.3}"));
        format!(
            "{:16} {:>6} {:>7} {:>6} {:>15} {:>7} {:>8} {:>7} {:>7}",
            self.score,
            self.stays,
            self.deaths,
            number(self.auroc),
            interval,
            number(self.average_precision),
            number(self.challenge_score_1),
            number(self.brier),
            number(self.expected_calibration_error)
        )
    }
}

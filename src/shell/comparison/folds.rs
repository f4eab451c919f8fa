//! Cross-fitted models as `make train` writes them: for each fold of patients, models, calibrations and fusion parameters
//! that were made without them.

use crate::fuse::package::Method;
use crate::modality::Registry;
use crate::score::{FeatureSpec, Scorer, Scores};
use crate::trees::TreeEnsemble;
use crate::types::{LogOdds, Risk};
use anyhow::{Context, bail};
use arrow::array::{Array, Float64Array, RecordBatch};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FoldFile {
    patients: String,
    late: Vec<LateFile>,
    #[serde(default)]
    half: Vec<HalfFile>,
    #[serde(default)]
    early: Vec<EarlyFile>,
    #[serde(default)]
    fusion: Vec<FusionFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LateFile {
    modality: String,
    model: String,
    features: String,
    slope: f64,
    intercept: f64,
}

/// A model of one half of the training patients; its inputs are those of the modality's late model.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HalfFile {
    side: usize,
    modality: String,
    model: String,
    slope: f64,
    intercept: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EarlyFile {
    name: String,
    model: String,
    slope: f64,
    intercept: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FusionFile {
    name: String,
    method: String,
}

#[derive(Deserialize)]
struct MethodFile {
    method: Method,
}

/// A tree ensemble with its calibration: risk = logistic(slope × margin + intercept).
#[derive(Clone, Debug)]
pub struct Calibrated {
    trees: Arc<TreeEnsemble>,
    slope: f64,
    intercept: f64,
}

impl Calibrated {
    /// Log-odds of a row before calibration; NaN in the row = null.
    pub fn margin(&self, row: &[f64]) -> f64 {
        self.trees.margins(row, row.len()).first().copied().unwrap_or(f64::NAN)
    }

    /// The risk of a margin; `None` for NaN.
    pub fn risk_of(&self, margin: f64) -> Option<Risk> {
        let log_odds = self.slope * margin + self.intercept;
        (!log_odds.is_nan()).then(|| LogOdds::from_value(log_odds).risk())
    }
}

/// The model of one modality.
#[derive(Clone, Debug)]
pub struct Late {
    modality: &'static str,
    /// What it is given.
    pub inputs: Vec<FeatureSpec>,
    /// The model.
    pub model: Calibrated,
}

impl Scorer for Late {
    fn model(&self) -> &str {
        "cross-fitted@1"
    }

    fn modality(&self) -> &'static str {
        self.modality
    }

    fn inputs(&self) -> &[FeatureSpec] {
        &self.inputs
    }

    fn score(&self, features: &RecordBatch) -> Scores {
        let columns: Vec<Option<&Float64Array>> =
            features.columns().iter().map(|column| column.as_any().downcast_ref()).collect();
        let mut row = vec![f64::NAN; columns.len()];
        let score = (0..features.num_rows()).map(|at| {
            for (cell, column) in row.iter_mut().zip(&columns) {
                *cell = column.filter(|c| c.is_valid(at)).map_or(f64::NAN, |c| c.value(at));
            }
            Some(self.model.margin(&row))
        });
        Scores { score: score.collect(), bounds: None }
    }
}

/// One fold: who is in it, and what was made without them.
#[derive(Clone, Debug)]
pub struct Fold {
    /// Patient ids.
    pub patients: BTreeSet<String>,
    /// By modality of the registry; `None`: none was trained.
    pub late: Vec<Option<Late>>,
    /// As `late`, by two halves of the patients outside the fold: what the intervals are checked with.
    pub halves: [Vec<Option<Late>>; 2],
    /// Early-fusion rivals by name: they see the features and the age of every trained modality side by side, NaN where
    /// it is absent.
    pub early: Vec<(String, Calibrated)>,
    /// Fitted fusion methods by name.
    pub fusion: Vec<(String, Method)>,
}

/// Reads `fold-0`, `fold-1` and so on below a folder.
///
/// # Errors
/// A file that is missing or wrong, or folds that differ in their models.
pub fn read(folder: &Path, registry: &Registry) -> anyhow::Result<Vec<Fold>> {
    let mut folds: Vec<Fold> = Vec::new();
    loop {
        let path = folder.join(format!("fold-{}", folds.len()));
        if !path.is_dir() {
            break;
        }
        folds.push(read_one(&path, registry).with_context(|| format!("fold {}", path.display()))?);
    }
    let Some(first) = folds.first() else {
        bail!("{} holds no `fold-0`: run `make train` first", folder.display());
    };
    for fold in &folds {
        if names(fold) != names(first) {
            bail!("the folds in {} hold different models", folder.display());
        }
    }
    Ok(folds)
}

/// Inputs of the late models, names of the early rivals and of the fusion methods.
type Names<'a> = (Vec<Option<&'a [FeatureSpec]>>, Vec<&'a str>, Vec<&'a str>);

/// What must be the same in every fold.
fn names(fold: &Fold) -> Names<'_> {
    (
        fold.late.iter().map(|late| late.as_ref().map(|late| late.inputs.as_slice())).collect(),
        fold.early.iter().map(|(name, _)| name.as_str()).collect(),
        fold.fusion.iter().map(|(name, _)| name.as_str()).collect(),
    )
}

fn read_one(folder: &Path, registry: &Registry) -> anyhow::Result<Fold> {
    let text = |name: &str| {
        std::fs::read_to_string(folder.join(name)).with_context(|| format!("cannot read {name}"))
    };
    let file: FoldFile = toml::from_str(&text("fold.toml")?).context("fold.toml")?;
    let trees = |name: &str| -> anyhow::Result<Arc<TreeEnsemble>> {
        Ok(Arc::new(TreeEnsemble::from_lightgbm(&text(name)?).with_context(|| name.to_owned())?))
    };
    let mut late = vec![None; registry.iter().count()];
    for LateFile { modality, model, features, slope, intercept } in &file.late {
        let (id, found) =
            registry.find(modality).with_context(|| format!("no modality `{modality}`"))?;
        let inputs: Result<Vec<FeatureSpec>, _> =
            text(features)?.lines().map(|line| FeatureSpec::parse(line, found)).collect();
        let model = Calibrated { trees: trees(model)?, slope: *slope, intercept: *intercept };
        late[id.index()] = Some(Late { modality: found.name, inputs: inputs?, model });
    }
    let mut halves = [vec![None; late.len()], vec![None; late.len()]];
    for HalfFile { side, modality, model, slope, intercept } in &file.half {
        let (id, found) =
            registry.find(modality).with_context(|| format!("no modality `{modality}`"))?;
        let half = halves.get_mut(*side).context("half.side: must be 0 or 1")?;
        let inputs = late[id.index()].as_ref().map(|late: &Late| late.inputs.clone());
        let inputs = inputs.with_context(|| format!("half: `{modality}` has no late model"))?;
        let model = Calibrated { trees: trees(model)?, slope: *slope, intercept: *intercept };
        half[id.index()] = Some(Late { modality: found.name, inputs, model });
    }
    let mut early = Vec::new();
    for EarlyFile { name, model, slope, intercept } in file.early {
        early.push((name, Calibrated { trees: trees(&model)?, slope, intercept }));
    }
    let mut fusion = Vec::new();
    for FusionFile { name, method } in file.fusion {
        let file: MethodFile = toml::from_str(&text(&method)?).with_context(|| method.clone())?;
        fusion.push((name, file.method));
    }
    let patients = text(&file.patients)?.lines().map(str::to_owned).collect();
    Ok(Fold { patients, late, halves, early, fusion })
}

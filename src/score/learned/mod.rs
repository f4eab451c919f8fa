//! Learned models: a package is a manifest, a model file and golden vectors, and becomes a scorer once all three agree.
//!
//! `manifest.toml` beside the model file and `golden.json` (see [`golden`]):
//! ```toml
//! name = "vitals-trees"             # a-z 0-9 . _ -
//! version = "3"
//! modality = "vitals"
//! kind = "lightgbm"                 # or "xgboost", "onnx"
//! file = "model.txt"
//! sha256 = "..."                    # of the model file, lower-case hexadecimal
//!
//! [[features]]                      # the inputs in order; the column's name says its unit
//! column = "heart_rate_per_min"
//! statistic = "last"                # seconds_since, mean, min, max, slope (per hour), count
//! within = "6h"
//! centre = 80.0                     # optional: the model sees (value - centre) / scale
//! scale = 15.0
//!
//! [sequence]                        # instead of features: mean of each step, oldest first, [steps x channels]
//! steps = 48
//! step = "1h"
//! channels = ["heart_rate_per_min", "spo2_percent"]
//! centre = [80.0, 96.0]             # optional, one for each channel
//! scale = [15.0, 3.0]
//! layout = "steps_first"            # or "channels_first", as convolutions in PyTorch want it
//!
//! [input]                           # optional
//! nulls = "zero"                    # after scaling; default: "nan" for trees, "zero" for onnx
//! mask = "append"                   # 1 where known, 0 where null: after the values ("append"), or a "tensor" of its own
//!
//! [output]
//! kind = "log_odds"                 # or "probability", "score"
//! index = 0                         # which of a row's outputs
//!
//! [calibration.platt]               # a calibration map without its `model`; left out: shown, never fused
//! slope = 1.0
//! intercept = 0.0
//! [calibration.provenance]
//! # ...
//!
//! [baseline]                        # optional: shares of the validation scores in ten bins of the raw score
//! edges = [...]                     # nine, rising
//! shares = [...]                    # ten, adding up to 1
//!
//! [training]
//! data = "cinc2012 a+b"
//! licence = "ODC-BY 1.0"
//! patients = 8000
//! outcome = "in-hospital death"
//! command = "make train"
//!
//! [metrics]
//! auroc = 0.81
//! ```
//!
//! Files are taken for hostile as far as reading goes: sizes are limited, every length is checked, a panic becomes an
//! error. What a *valid* ONNX file may ask for (memory, time) is not bounded here: `latefusion model check` tries one in
//! a process of its own, with limits, and so does the running pipeline before it loads one.

mod framing;
pub mod golden;
mod inputs;
pub mod manifest;
mod neural;
mod runner;
mod scorer;

use super::calibration::CalibrationMap;
use super::{ActiveModel, Calibrate, Scorer};
use crate::modality::{Modality, Registry};
use crate::types::Span;
use manifest::Manifest;
use runner::Runner;
use scorer::LearnedScorer;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::sync::Arc;

/// Largest model file, in bytes.
pub const MOST_MODEL_BYTES: usize = 64 << 20;
/// Largest manifest and largest golden file, in bytes.
pub const MOST_TEXT_BYTES: usize = 16 << 20;

/// The bytes of a package.
#[derive(Clone, Debug)]
pub struct PackageFiles {
    /// `manifest.toml`.
    pub manifest: String,
    /// The file that the manifest names.
    pub model: Vec<u8>,
    /// `golden.json`.
    pub golden: String,
}

impl PackageFiles {
    /// What tells these bytes from any others: lower-case hexadecimal SHA-256 of all three, each after its length.
    pub fn digest(&self) -> String {
        let mut all = Sha256::new();
        for part in [self.manifest.as_bytes(), &self.model, self.golden.as_bytes()] {
            all.update((part.len() as u64).to_le_bytes());
            all.update(part);
        }
        hexadecimal(&all.finalize())
    }
}

/// A package that has passed every check.
#[derive(Clone)]
pub struct LearnedModel {
    /// What the package says of itself.
    pub manifest: Manifest,
    /// Ready to be put to work.
    pub active: ActiveModel,
    /// Its modality.
    pub modality: &'static Modality,
    /// How far back it looks; must be within the lookback of the profile it serves in.
    pub span: Span,
    /// Bytes that the model holds, as far as they are known: for ONNX the size of its weights.
    pub memory_bytes: usize,
    /// How many golden rows were compared, and the largest difference.
    pub golden: (usize, f64),
}

impl std::fmt::Debug for LearnedModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("LearnedModel").field(self.active.name()).finish()
    }
}

impl LearnedModel {
    /// The model as a scorer, without its calibration.
    pub fn scorer(&self) -> &dyn Scorer {
        &*self.active.scorer
    }

    /// Reads a package, checks every part and compares the golden vectors.
    ///
    /// # Errors
    /// Everything that is wrong with the manifest; if nothing is, the first thing that is wrong with the model file or
    /// the golden vectors.
    pub fn load(files: &PackageFiles, registry: &Registry) -> Result<Self, Vec<String>> {
        if files.model.len() > MOST_MODEL_BYTES {
            let bytes = files.model.len();
            return Err(vec![format!(
                "the model file has {bytes} bytes, and {MOST_MODEL_BYTES} are allowed"
            )]);
        }
        let manifest = Manifest::parse(&files.manifest)?;
        let Some((_, modality)) = registry.find(&manifest.modality) else {
            return Err(vec![format!("modality: there is no modality `{}`", manifest.modality)]);
        };
        let inputs = inputs::Inputs::new(&manifest, modality)?;
        let calibration = manifest.calibration_map()?;
        let digest = digest(&files.model);
        if digest != manifest.sha256 {
            return Err(vec![format!("sha256: the model file's is {digest}")]);
        }
        let one = |problem: String| vec![problem];
        let runner = Runner::load(&manifest, &inputs, &files.model).map_err(one)?;
        let memory_bytes = runner.memory_bytes();
        let span = inputs.span();
        let scorer = LearnedScorer::new(manifest.model(), modality.name, inputs, runner);
        let golden = golden::compare(&scorer, &files.golden).map_err(one)?;
        let active = ActiveModel::new(Arc::new(scorer), calibration.map(risk_of), modality)
            .map_err(|unknown| vec![unknown.to_string()])?;
        Ok(Self { manifest, active, modality, span, memory_bytes, golden })
    }
}

fn risk_of(map: CalibrationMap) -> Calibrate {
    Arc::new(move |score| map.risk(score))
}

/// Lower-case hexadecimal SHA-256.
pub fn digest(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _written = write!(text, "{byte:02x}");
        text
    })
}

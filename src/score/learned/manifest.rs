//! What a package says of itself.

use crate::score::Statistic;
use crate::score::calibration::CalibrationMap;
use crate::types::{Span, span_text};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Most inputs of a model: features, or steps times channels.
pub const MOST_INPUTS: usize = 16_384;
/// Bins of the score baseline.
pub const BINS: usize = 10;

/// `manifest.toml`; see [the module](super).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Name of the model; the same for all its versions.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The modality that it scores.
    pub modality: String,
    /// How the model file is read.
    pub kind: Kind,
    /// Name of the model file, beside the manifest.
    pub file: String,
    /// Lower-case hexadecimal SHA-256 of the model file.
    pub sha256: String,
    /// The inputs in order, or none where there is a sequence.
    #[serde(default)]
    pub features: Vec<Feature>,
    /// A sequence of steps instead.
    pub sequence: Option<Sequence>,
    /// How the inputs reach the model.
    #[serde(default)]
    pub input: InputForm,
    /// What comes out.
    pub output: Output,
    /// A calibration map without its `model`; left out: predictions are `uncalibrated` and never fused.
    pub calibration: Option<toml::Table>,
    /// Validation shares of the raw score.
    pub baseline: Option<Baseline>,
    /// What it was trained on.
    pub training: Training,
    /// Figures by name, for people.
    #[serde(default)]
    pub metrics: BTreeMap<String, f64>,
}

/// How a model file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// LightGBM's text format.
    Lightgbm,
    /// XGBoost's JSON format.
    Xgboost,
    /// A neural network in ONNX.
    Onnx,
}

/// One input.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feature {
    /// Column of the modality; its name ends in its unit.
    pub column: String,
    /// What is taken of it.
    pub statistic: StatisticName,
    /// How far back, as `6h`.
    #[serde(with = "span_text")]
    pub within: Span,
    /// Taken from the value before it reaches the model.
    #[serde(default)]
    pub centre: f64,
    /// What that is divided by; above zero.
    #[serde(default = "one")]
    pub scale: f64,
}

/// A statistic as the manifest writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum StatisticName {
    Last,
    SecondsSince,
    Mean,
    Min,
    Max,
    Slope,
    Count,
}

impl StatisticName {
    /// The statistic of that name.
    pub const fn statistic(self) -> Statistic {
        match self {
            Self::Last => Statistic::Last,
            Self::SecondsSince => Statistic::SecondsSince,
            Self::Mean => Statistic::Mean,
            Self::Min => Statistic::Min,
            Self::Max => Statistic::Max,
            Self::Slope => Statistic::Slope,
            Self::Count => Statistic::Count,
        }
    }
}

/// \[steps x channels\], the oldest step first; null where nothing was observed in a step.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sequence {
    /// How many steps.
    pub steps: u16,
    /// How long each is; the last one ends at the event time scored, included.
    #[serde(with = "span_text")]
    pub step: Span,
    /// Columns of the modality.
    pub channels: Vec<String>,
    /// As in [`Feature::centre`], one for each channel; left out: 0.
    #[serde(default)]
    pub centre: Vec<f64>,
    /// As in [`Feature::scale`], one for each channel; left out: 1.
    #[serde(default)]
    pub scale: Vec<f64>,
    /// Order of the model's axes after the first.
    #[serde(default)]
    pub layout: Layout,
}

/// Order of a sequence's axes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// \[n x steps x channels\]: recurrent networks.
    #[default]
    StepsFirst,
    /// \[n x channels x steps\]: convolutions as PyTorch has them.
    ChannelsFirst,
}

/// How inputs reach the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InputForm {
    /// What stands for null after scaling; left out: NaN for trees, zero for networks.
    pub nulls: Option<Nulls>,
    /// Whether the model is told what is null.
    pub mask: Mask,
}

/// What stands for null.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nulls {
    /// NaN.
    Nan,
    /// 0, which is the centre after scaling.
    Zero,
}

/// How a model is told what is null: 1 where known, 0 where null.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mask {
    /// It is not.
    #[default]
    None,
    /// As many inputs (channels) again, after the values.
    Append,
    /// A second tensor of the shape of the first.
    Tensor,
}

/// What comes out of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Its unit.
    pub kind: OutputKind,
    /// Which of a row's outputs is the score.
    #[serde(default)]
    pub index: usize,
}

/// Unit of a model's output, which is the raw score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputKind {
    /// 0 to 1.
    Probability,
    /// Natural logarithm of the odds; trees give their margin.
    LogOdds,
    /// Anything else that rises with the risk.
    Score,
}

/// How the raw scores of the validation data were spread.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// Nine, rising; a score belongs to the first bin whose edge is above it, else to the last bin.
    pub edges: Vec<f64>,
    /// Ten, adding up to 1.
    pub shares: Vec<f64>,
}

/// What a model was trained on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Data set.
    pub data: String,
    /// Its licence.
    pub licence: String,
    /// What the score rises with the probability of.
    pub outcome: String,
    /// Patients in it.
    pub patients: u64,
    /// Command that trains it again.
    pub command: String,
}

const fn one() -> f64 {
    1.0
}

impl Manifest {
    /// Reads a manifest and checks what can be checked without the other files.
    ///
    /// # Errors
    /// What is no manifest is one mistake; else every mistake, with the path of its key.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let read: Result<Self, _> = toml::from_str(text);
        let manifest = read.map_err(|e| vec![format!("manifest: {}", e.to_string().trim_end())])?;
        let mistakes = manifest.mistakes();
        if mistakes.is_empty() { Ok(manifest) } else { Err(mistakes) }
    }

    /// `name@version`.
    pub fn model(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    /// How many inputs the score stage computes.
    pub fn inputs(&self) -> usize {
        let sequence = self.sequence.as_ref();
        self.features.len() + sequence.map_or(0, |s| usize::from(s.steps) * s.channels.len())
    }

    /// What stands for null.
    pub fn nulls(&self) -> Nulls {
        let by_kind = if self.kind == Kind::Onnx { Nulls::Zero } else { Nulls::Nan };
        self.input.nulls.unwrap_or(by_kind)
    }

    /// The calibration map, if there is one.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn calibration_map(&self) -> Result<Option<CalibrationMap>, Vec<String>> {
        let Some(table) = &self.calibration else { return Ok(None) };
        let mut table = table.clone();
        table.insert("model".to_owned(), toml::Value::String(self.model()));
        let told = |found: Vec<crate::score::calibration::Mistake>| {
            found.iter().map(|mistake| format!("calibration: {mistake}")).collect()
        };
        CalibrationMap::parse(&table.to_string()).map(Some).map_err(told)
    }

    fn mistakes(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut require = |holds: bool, what: &str| {
            if !holds {
                found.push(what.to_owned());
            }
        };
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        let word = |text: &str| (1..=64).contains(&text.len()) && text.bytes().all(legal);
        let no_path = |text: &str| word(text) && !text.starts_with('.');
        require(no_path(&self.name), "name: must be 1 to 64 of a-z A-Z 0-9 . _ -");
        require(no_path(&self.version), "version: must be 1 to 64 of a-z A-Z 0-9 . _ -");
        require(no_path(&self.file), "file: must be the name of a file beside the manifest");
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let digest = self.sha256.len() == 64 && self.sha256.bytes().all(hex);
        require(digest, "sha256: must be 64 lower-case hexadecimal digits");
        let either = self.features.is_empty() == self.sequence.is_some();
        require(either, "features: there must be features or a sequence, and not both");
        require((1..=MOST_INPUTS).contains(&self.inputs()), "features: 1 to 16384 inputs");
        let tame = |x: &f64| x.abs() <= 1e12;
        let scales = |x: &f64| tame(x) && *x > 1e-12;
        let features = &self.features;
        require(features.iter().all(|f| tame(&f.centre)), "features.centre: must be finite");
        require(features.iter().all(|f| scales(&f.scale)), "features.scale: must be above zero");
        let wide = |span: Span| span.is_positive() && span <= Span::days(366);
        require(
            features.iter().all(|f| wide(f.within)),
            "features.within: must be above 0s and at most 366d",
        );
        if let Some(s) = &self.sequence {
            let fits = |list: &[f64]| list.is_empty() || list.len() == s.channels.len();
            require(wide(s.step), "sequence.step: must be above 0s and at most 366d");
            require(
                fits(&s.centre) && s.centre.iter().all(tame),
                "sequence.centre: must be finite, one for each channel",
            );
            require(
                fits(&s.scale) && s.scale.iter().all(scales),
                "sequence.scale: must be above zero, one for each channel",
            );
        }
        let own_tensor = self.input.mask == Mask::Tensor && self.kind != Kind::Onnx;
        require(!own_tensor, "input.mask: only ONNX models take a second tensor");
        if let Some(baseline) = &self.baseline {
            require(
                baseline.is_sound(),
                "baseline: nine rising edges, ten shares that add up to 1",
            );
        }
        require(
            self.metrics.values().all(|metric| metric.is_finite()),
            "metrics: must be finite numbers",
        );
        found
    }
}

impl Baseline {
    fn is_sound(&self) -> bool {
        let rising = self.edges.windows(2).all(|pair| pair[0] < pair[1]);
        let finite = self.edges.iter().all(|edge| edge.is_finite());
        let shares = self.shares.iter().all(|share| (0.0..=1.0).contains(share));
        let sum: f64 = self.shares.iter().sum();
        let counts = (self.edges.len(), self.shares.len()) == (BINS - 1, BINS);
        rising && finite && shares && counts && (sum - 1.0).abs() < 1e-6
    }

    /// The bin of a raw score, 0 to 9.
    pub fn bin(&self, score: f64) -> usize {
        self.edges.partition_point(|edge| *edge <= score)
    }
}

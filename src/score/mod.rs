//! From observations to predictions: lookback, features, scorers, calibration. Knows nothing of windows.

mod affected;
mod batch;
mod calibrate;
pub mod calibration;
mod checkpoint;
mod feature_name;
mod features;
pub mod imaging;
pub mod lab_panel;
pub mod learned;
mod lookback;
pub mod news2;
mod packed;
mod patients;
mod records;
pub mod registry;
mod rows;
mod sequence;
mod stage;
mod versions;

pub use affected::MOST_PREDICTIONS;
pub use calibrate::{ActiveModel, Calibrate};
pub use feature_name::NotAFeature;
pub use features::UnknownColumn;
pub use packed::{LONGEST_RETENTION, MOST_OBSERVATIONS};
pub use records::{ScoreConfig, ScoreCounters, ScoreInput, ScoreOutput};
pub use stage::ScoreStage;

use crate::types::Span;
use arrow::array::{Float64Array, RecordBatch};

/// How the observations of a column within a span become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Statistic {
    /// Newest value.
    Last,
    /// Seconds from the newest value to the event time scored; zero or more.
    SecondsSince,
    /// Arithmetic mean.
    Mean,
    /// Lowest value.
    Min,
    /// Highest value.
    Max,
    /// Least-squares slope per hour; null with fewer than two distinct times.
    Slope,
    /// How many values; zero, never null.
    Count,
    /// Arithmetic mean of a step `within` long that ends so many steps before the event time scored; 0 is the step that
    /// ends there. A sequence \[steps x channels\] is one such feature for each step and column.
    StepMean(u16),
}

/// One input of a scorer: a statistic of a column over the `within` before the event time scored (its end included).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureSpec {
    /// Column name of the modality.
    pub column: &'static str,
    /// What is taken of it.
    pub statistic: Statistic,
    /// How far back; observations exactly `within` old are not taken.
    pub within: Span,
}

impl FeatureSpec {
    /// How far back it looks.
    pub fn reach(&self) -> Span {
        match self.statistic {
            Statistic::StepMean(back) => {
                Span::millis(self.within.as_millis().saturating_mul(i64::from(back) + 1))
            }
            _ => self.within,
        }
    }
}

/// What a scorer returns for n rows.
#[derive(Clone, Debug)]
pub struct Scores {
    /// \[n\] raw score in the scorer's units; null = cannot be scored.
    pub score: Float64Array,
    /// \[n\] each: lowest and highest score possible given what is missing; `None` for scorers without bounds.
    pub bounds: Option<[Float64Array; 2]>,
}

/// A model of one modality: a pure function of feature rows.
pub trait Scorer: Send + Sync {
    /// `name@version`, as every prediction names it.
    fn model(&self) -> &str;

    /// Name of the modality whose columns it reads.
    fn modality(&self) -> &'static str;

    /// The features it wants, in the order of the batch's columns.
    fn inputs(&self) -> &[FeatureSpec];

    /// Scores n rows; `features` is \[n x inputs\] of nullable `Float64`, null = not known. Rows are independent
    /// of each other, so that the cut into batches never shows.
    fn score(&self, features: &RecordBatch) -> Scores;
}

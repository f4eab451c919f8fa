//! What there is to say of a package: the part of a trial that runs in the process of its own.

use super::folder;
use crate::modality::Registry;
use crate::score::learned::LearnedModel;
use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Rows whose scoring is timed: the largest batch that lanes score by default.
const ROWS: usize = 1_024;
/// Processor seconds that 1,024 rows may take: a slower model would hold up its lane.
pub const SLOWEST: f64 = 2.0;

/// What a trial found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Findings {
    /// It can be put to work.
    Sound {
        /// `name@version`.
        model: String,
        /// Whom it scores.
        modality: String,
        /// How many features the score stage computes for it.
        inputs: usize,
        /// As `6h`.
        looks_back: String,
        /// False: its predictions are published and never fused.
        calibrated: bool,
        /// Bytes that it holds, as far as they are known.
        memory_bytes: usize,
        /// Golden rows compared.
        golden_rows: usize,
        /// Their largest difference, relative where a score is above 1.
        golden_difference: f64,
        /// Of one core, in batches of 1,024.
        rows_per_second: f64,
        /// Of the bytes that were tried.
        digest: String,
    },
    /// It cannot.
    Unsound {
        /// At least one.
        problems: Vec<String>,
    },
}

impl Findings {
    /// True where it can be put to work.
    pub const fn is_sound(&self) -> bool {
        matches!(self, Self::Sound { .. })
    }
}

/// Reads a package, checks every part, compares its golden vectors and takes the time of a batch.
pub fn inspect(package: &Path) -> Findings {
    found(package).unwrap_or_else(|problems| Findings::Unsound { problems })
}

fn found(package: &Path) -> Result<Findings, Vec<String>> {
    let files = folder::read(package).map_err(|problem| vec![problem])?;
    let model = LearnedModel::load(&files, &Registry::shipped())?;
    let seconds = seconds_for(&model, ROWS);
    if seconds > SLOWEST {
        return Err(vec![format!(
            "too slow: {ROWS} rows take {seconds:.1} s of a processor, and {SLOWEST} s are allowed"
        )]);
    }
    Ok(Findings::Sound {
        model: model.active.name().to_string(),
        modality: model.modality.name.to_owned(),
        inputs: model.manifest.inputs(),
        looks_back: model.span.to_string(),
        calibrated: model.manifest.calibration.is_some(),
        memory_bytes: model.memory_bytes,
        golden_rows: model.golden.0,
        golden_difference: model.golden.1,
        rows_per_second: ROWS as f64 / seconds.max(1e-9),
        digest: files.digest(),
    })
}

/// Processor time of this process for scoring rows of which half is null.
fn seconds_for(model: &LearnedModel, rows: usize) -> f64 {
    let inputs = model.scorer().inputs().len();
    let fields: Vec<Field> =
        (0..inputs).map(|i| Field::new(format!("{i}"), DataType::Float64, true)).collect();
    let column = |i: usize| {
        let values = (0..rows).map(|row| (row + i).is_multiple_of(2).then_some(row as f64 / 8.0));
        Arc::new(values.collect::<Float64Array>()) as ArrayRef
    };
    let columns = (0..inputs).map(column).collect();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
        .expect("as many columns as fields, all of the same length");
    let before = clock_gettime(ClockId::ProcessCPUTime);
    let scores = model.scorer().score(&batch);
    let after = clock_gettime(ClockId::ProcessCPUTime);
    debug_assert_eq!(scores.score.len(), rows);
    (after.tv_sec - before.tv_sec) as f64 + (after.tv_nsec - before.tv_nsec) as f64 / 1e9
}

/// For people.
impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsound { problems } => {
                write!(f, "it cannot be put to work:")?;
                problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
            }
            Self::Sound {
                model,
                modality,
                inputs,
                looks_back,
                calibrated,
                memory_bytes,
                golden_rows,
                golden_difference,
                rows_per_second,
                ..
            } => {
                let word = if *calibrated {
                    "calibrated"
                } else {
                    "without a calibration: published, never fused"
                };
                write!(
                    f,
                    "{model} can be put to work on {modality}\n  {inputs} inputs, looks back {looks_back}, {word}\n  \
                     {golden_rows} golden rows, largest difference {golden_difference:e}\n  \
                     {memory_bytes} bytes, {rows_per_second:.0} rows/s on one core"
                )
            }
        }
    }
}

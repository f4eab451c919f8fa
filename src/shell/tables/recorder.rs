//! A scorer that remembers the rows it is handed, and answers with their number.

use super::Wanted;
use crate::modality::Modality;
use crate::score::{ActiveModel, FeatureSpec, Scorer, Scores, UnknownColumn};
use crate::shell::local_lane::Models;
use crate::types::Risk;
use arrow::array::{Array, Float64Array, RecordBatch};
use std::sync::{Arc, Mutex, PoisonError};

/// Row numbers travel through the replay as risks: divided by a power of two, so that they come back exactly.
const CARRIER: f64 = (1_u64 << 40) as f64;

/// See the module. Rows are numbered in the order of the calls; only that the number comes back matters.
pub(super) struct Recorder {
    modality: &'static str,
    inputs: Vec<FeatureSpec>,
    /// Row after row; NaN = null.
    rows: Mutex<Vec<f64>>,
}

impl Recorder {
    pub(super) fn new(wanted: &Wanted) -> Self {
        let inputs = wanted.inputs.clone();
        Self { modality: wanted.modality.name, inputs, rows: Mutex::default() }
    }

    /// This scorer as the one model of its modality.
    ///
    /// # Errors
    /// A column that the modality does not have.
    pub(super) fn models(
        self: &Arc<Self>,
        modality: &'static Modality,
    ) -> Result<Models, UnknownColumn> {
        let scorer: Arc<dyn Scorer> = self.clone();
        let carry = Arc::new(|number: f64| Risk::clamped(number / CARRIER));
        Ok(Models { active: ActiveModel::new(scorer, Some(carry), modality)?, shadows: Vec::new() })
    }

    /// The row that a risk names; `None`: there is none.
    pub(super) fn row(&self, carried: f64) -> Option<Vec<f64>> {
        let (number, width) = ((carried * CARRIER) as usize, self.inputs.len());
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.get(number * width..(number + 1) * width).map(<[f64]>::to_vec)
    }
}

impl Scorer for Recorder {
    fn model(&self) -> &str {
        "recorder@1"
    }

    fn modality(&self) -> &'static str {
        self.modality
    }

    fn inputs(&self) -> &[FeatureSpec] {
        &self.inputs
    }

    fn score(&self, features: &RecordBatch) -> Scores {
        let n = features.num_rows();
        let columns: Vec<Option<&Float64Array>> =
            features.columns().iter().map(|column| column.as_any().downcast_ref()).collect();
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let first = rows.len() / self.inputs.len().max(1);
        for row in 0..n {
            let value = |column: &Option<&Float64Array>| {
                column.filter(|c| c.is_valid(row)).map_or(f64::NAN, |c| c.value(row))
            };
            rows.extend(columns.iter().map(value));
        }
        Scores {
            score: (first..first + n).map(|number| Some(number as f64)).collect(),
            bounds: None,
        }
    }
}

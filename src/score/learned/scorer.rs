//! A learned model as a scorer.

use super::inputs::Inputs;
use super::runner::Runner;
use crate::score::{FeatureSpec, Scorer, Scores};
use arrow::array::{Float64Array, RecordBatch};

/// Raw score: the output that the manifest names; null where the model gives no finite number.
#[derive(Debug)]
pub(super) struct LearnedScorer {
    model: String,
    modality: &'static str,
    inputs: Inputs,
    runner: Runner,
}

impl LearnedScorer {
    pub(super) fn new(
        model: String,
        modality: &'static str,
        inputs: Inputs,
        runner: Runner,
    ) -> Self {
        Self { model, modality, inputs, runner }
    }

    /// \[n\] raw scores, or why there are none.
    pub(super) fn try_score(&self, features: &RecordBatch) -> Result<Vec<f64>, String> {
        if features.num_rows() == 0 {
            return Ok(Vec::new());
        }
        self.runner.run(self.inputs.of_batch(features))
    }
}

impl Scorer for LearnedScorer {
    fn model(&self) -> &str {
        &self.model
    }

    fn modality(&self) -> &'static str {
        self.modality
    }

    fn inputs(&self) -> &[FeatureSpec] {
        self.inputs.specs()
    }

    /// A model that fails on a batch leaves all its rows without a score: the stage counts them as unscorable.
    fn score(&self, features: &RecordBatch) -> Scores {
        let rows = features.num_rows();
        let scores = self.try_score(features).unwrap_or_else(|_| vec![f64::NAN; rows]);
        let known = scores.into_iter().map(|score| Some(score).filter(|score| score.is_finite()));
        Scores { score: known.collect::<Float64Array>(), bounds: None }
    }
}

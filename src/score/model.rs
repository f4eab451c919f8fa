//! A scorer with its calibration: what the score stage runs.

use super::Scorer;
use super::calibration::CalibrationMap;
use crate::types::Outcome;
use arrow::array::{Array, Float64Array, RecordBatch};
use std::sync::Arc;

/// What a model says about one row: the raw score (`None`: none was made), its bounds (`None`: exact, or the scorer
/// has none), and the outcome.
pub type Said = (Option<f64>, Option<[f64; 2]>, Outcome);

/// One model version.
#[derive(Clone)]
pub struct Model {
    /// Makes the raw score.
    pub scorer: Arc<dyn Scorer>,
    /// Makes the risk; `None`: the version is held out of fusion as `uncalibrated`.
    pub calibration: Option<CalibrationMap>,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("scorer", &self.scorer.model()).finish_non_exhaustive()
    }
}

impl Model {
    /// Scores and calibrates n rows; always n answers. A score that is null, NaN or infinite is `Unscorable`.
    pub fn predict(&self, features: &RecordBatch) -> Vec<Said> {
        let scores = self.scorer.score(features);
        let say = |row| {
            let Some(score) = value(&scores.score, row) else {
                return (None, None, Outcome::Unscorable);
            };
            let bounds = scores
                .bounds
                .as_ref()
                .and_then(|[lower, upper]| Some([value(lower, row)?, value(upper, row)?]));
            (Some(score), bounds.filter(|[lower, upper]| lower < upper), self.outcome(score))
        };
        (0..features.num_rows()).map(say).collect()
    }

    fn outcome(&self, score: f64) -> Outcome {
        match &self.calibration {
            None => Outcome::Uncalibrated,
            Some(map) => map.risk(score).map_or(Outcome::Unscorable, Outcome::Risk),
        }
    }
}

/// A finite value; also `None` past the end, should a scorer return too few rows.
fn value(column: &Float64Array, row: usize) -> Option<f64> {
    let there = row < column.len() && column.is_valid(row);
    there.then(|| column.value(row)).filter(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::calibration::{Curve, Provenance};
    use crate::score::rows::batch;
    use crate::score::{FeatureSpec, Scores, registry};

    fn platt(model: &str) -> CalibrationMap {
        let provenance = Provenance {
            data_set: "invented".to_owned(),
            outcome: "none".to_owned(),
            patients: 2,
            events: 1,
            date: "2026-01-31".to_owned(),
            command: "none".to_owned(),
        };
        let curve = Curve::Platt { slope: 1.0, intercept: 0.0 };
        CalibrationMap::new(model.to_owned(), curve, provenance).expect("the map is valid")
    }

    #[test]
    fn a_model_without_calibration_shows_its_score_and_gives_no_risk() {
        let scorer = registry::find("lab-panel-ward@1").expect("it ships");
        let features = batch(&*scorer, &[&[(6, 4.5)], &[]]);
        let model = Model { scorer, calibration: None };
        let expected = [
            (Some(2.0), Some([2.0, 18.0]), Outcome::Uncalibrated),
            (None, None, Outcome::Unscorable),
        ];
        assert_eq!(model.predict(&features), expected);
    }

    #[test]
    fn a_calibrated_model_gives_the_risk_of_its_raw_score() {
        let scorer = registry::find("lab-panel-ward@1").expect("it ships");
        let features = batch(&*scorer, &[&[(6, 1.0)]]);
        let calibration = Some(platt(scorer.model()));
        let said = Model { scorer, calibration }.predict(&features);
        assert_eq!(said.len(), 1);
        assert!(matches!(said[0].2, Outcome::Risk(risk) if risk.get() == 0.5), "{said:?}");
    }

    /// Returns what no scorer should: NaN, infinity, and too few rows.
    struct Broken;

    impl Scorer for Broken {
        fn model(&self) -> &str {
            "broken@1"
        }
        fn modality(&self) -> &'static str {
            "vitals"
        }
        fn inputs(&self) -> &[FeatureSpec] {
            &[]
        }
        fn score(&self, _: &RecordBatch) -> Scores {
            Scores { score: Float64Array::from(vec![f64::NAN, f64::INFINITY]), bounds: None }
        }
    }

    #[test]
    fn a_broken_scorer_is_unscorable_on_every_row_and_never_low() {
        let three = batch(&*registry::shipped()[0], &[&[], &[], &[]]);
        let model = Model { scorer: Arc::new(Broken), calibration: Some(platt("broken@1")) };
        assert_eq!(model.predict(&three), [(None, None, Outcome::Unscorable); 3]);
    }
}

//! NEWS2 as a scorer of the vitals modality.

use super::{Assessed, Consciousness, Parameters, Spo2Scale};
use crate::score::rows::{Rows, ScoresBuilder};
use crate::score::{FeatureSpec, Scorer, Scores, Statistic};
use crate::types::Span;
use arrow::array::RecordBatch;

/// How old each parameter may be; older ones are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimesToLive {
    /// Of the respiratory rate.
    pub respiratory_rate: Span,
    /// Of the saturation and of the scale, which comes with it.
    pub spo2: Span,
    /// Of the statement whether oxygen is given.
    pub oxygen: Span,
    /// Of the systolic pressure.
    pub systolic_pressure: Span,
    /// Of the pulse.
    pub pulse: Span,
    /// Of ACVPU and of the Glasgow coma scale.
    pub consciousness: Span,
    /// Of the temperature.
    pub temperature: Span,
}

impl TimesToLive {
    /// The same for every parameter.
    pub const fn all(span: Span) -> Self {
        Self {
            respiratory_rate: span,
            spo2: span,
            oxygen: span,
            systolic_pressure: span,
            pulse: span,
            consciousness: span,
            temperature: span,
        }
    }
}

/// Scores NEWS2 from the newest value of each parameter.
///
/// Raw score: the sum of the known points, 0 to 20, which is also the lower bound; null where fewer than
/// the minimum of the seven parameters were measured. Bounds: what the missing ones leave possible.
#[derive(Clone, Debug)]
pub struct News2Scorer {
    model: &'static str,
    inputs: [FeatureSpec; INPUTS],
    minimum_parameters: usize,
}

const INPUTS: usize = 9;

/// Fewest parameters that make a score: with fewer, seventeen of its twenty points would hang in the air.
const MINIMUM_PARAMETERS: usize = 3;

impl News2Scorer {
    /// A scorer under the name `model` (`name@version`; another name for other times to live, since the scores differ).
    pub fn new(model: &'static str, live: TimesToLive, minimum_parameters: usize) -> Self {
        let last = |column, within| FeatureSpec { column, statistic: Statistic::Last, within };
        let inputs = [
            last("respiratory_rate_per_min", live.respiratory_rate),
            last("spo2_percent", live.spo2),
            last("spo2_scale", live.spo2),
            last("oxygen", live.oxygen),
            last("systolic_pressure_mmhg", live.systolic_pressure),
            last("heart_rate_per_min", live.pulse),
            last("consciousness", live.consciousness),
            last("gcs_total", live.consciousness),
            last("temperature_celsius", live.temperature),
        ];
        Self { model, inputs, minimum_parameters }
    }

    /// For monitors: parameters live 15 minutes.
    pub fn ward() -> Self {
        Self::new("news2-ward@1", TimesToLive::all(Span::minutes(15)), MINIMUM_PARAMETERS)
    }

    /// For hourly charting: parameters live 6 hours.
    pub fn hourly() -> Self {
        Self::new("news2-hourly@1", TimesToLive::all(Span::hours(6)), MINIMUM_PARAMETERS)
    }
}

impl Scorer for News2Scorer {
    fn model(&self) -> &str {
        self.model
    }

    fn modality(&self) -> &'static str {
        "vitals"
    }

    fn inputs(&self) -> &[FeatureSpec] {
        &self.inputs
    }

    fn score(&self, features: &RecordBatch) -> Scores {
        let rows = Rows::<INPUTS>::of(features);
        let mut scores = ScoresBuilder::with_capacity(rows.len());
        for row in rows.iter() {
            let assessed = Assessed::of(&parameters(row));
            let enough = assessed.measured() >= self.minimum_parameters;
            let bounds = [assessed.lowest(), assessed.highest()];
            scores.push(enough.then(|| bounds.map(f64::from)));
        }
        scores.finish()
    }
}

/// A row of features in the order of the inputs.
fn parameters(row: [Option<f64>; INPUTS]) -> Parameters {
    let [
        respiratory_rate,
        spo2,
        scale,
        oxygen,
        systolic_pressure,
        pulse,
        acvpu,
        gcs_total,
        temperature,
    ] = row;
    Parameters {
        respiratory_rate,
        spo2,
        // No statement means scale 1: scale 2 needs a documented decision (RCP 2017).
        scale: if scale == Some(2.0) { Spo2Scale::Two } else { Spo2Scale::One },
        on_oxygen: oxygen.and_then(on_oxygen),
        systolic_pressure,
        pulse,
        consciousness: acvpu.and_then(consciousness),
        gcs_total,
        temperature,
    }
}

/// The `oxygen` column: 0 air, 1 supplemental; anything else is not known.
fn on_oxygen(code: f64) -> Option<bool> {
    match code {
        0.0 => Some(false),
        1.0 => Some(true),
        _ => None,
    }
}

/// The `consciousness` column: 0 A, 1 C, 2 V, 3 P, 4 U; anything else is not known.
fn consciousness(code: f64) -> Option<Consciousness> {
    Some(match code {
        0.0 => Consciousness::Alert,
        1.0 => Consciousness::NewConfusion,
        2.0 => Consciousness::Voice,
        3.0 => Consciousness::Pain,
        4.0 => Consciousness::Unresponsive,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::rows::batch;
    use arrow::array::Array;

    const NORMAL: [(usize, f64); INPUTS] = [
        (0, 16.0),
        (1, 98.0),
        (2, 1.0),
        (3, 0.0),
        (4, 120.0),
        (5, 72.0),
        (6, 0.0),
        (7, 15.0),
        (8, 36.8),
    ];

    fn scored(rows: &[&[(usize, f64)]]) -> Vec<Option<[f64; 3]>> {
        let scorer = News2Scorer::ward();
        let scores = scorer.score(&batch(&scorer, rows));
        let [lower, upper] = scores.bounds.expect("NEWS2 has bounds");
        assert_eq!(
            (scores.score.len(), lower.len(), upper.len()),
            (rows.len(), rows.len(), rows.len())
        );
        let row = |i| [scores.score.value(i), lower.value(i), upper.value(i)];
        (0..rows.len()).map(|i| scores.score.is_valid(i).then(|| row(i))).collect()
    }

    #[test]
    fn fewer_than_three_parameters_make_no_score() {
        // The scale alone is no parameter, and two voices on consciousness are one.
        assert_eq!(scored(&[&[], &NORMAL[..3], &[(6, 0.0), (7, 15.0), (0, 40.0)]]), [None; 3]);
        assert_eq!(scored(&[&NORMAL[..4]]), [Some([0.0, 0.0, 12.0])]);
    }

    #[test]
    fn a_complete_row_has_equal_bounds_and_a_gap_widens_them() {
        assert_eq!(scored(&[&NORMAL]), [Some([0.0, 0.0, 0.0])]);
        assert_eq!(scored(&[&NORMAL[..8]]), [Some([0.0, 0.0, 3.0])]);
    }

    #[test]
    fn scale_two_holds_only_where_it_is_said() {
        let with = |scale: Option<f64>| {
            let mut row = NORMAL.to_vec();
            row[1].1 = 90.0;
            row.retain(|(i, _)| *i != 2);
            row.extend(scale.map(|s| (2, s)));
            scored(&[&row])[0].map(|[score, ..]| score)
        };
        assert_eq!(
            (with(Some(2.0)), with(Some(1.0)), with(None)),
            (Some(0.0), Some(3.0), Some(3.0))
        );
    }

    #[test]
    fn unknown_oxygen_on_scale_two_leaves_the_saturation_open() {
        let row = [(0, 16.0), (1, 97.0), (2, 2.0), (4, 120.0), (5, 72.0), (6, 0.0), (8, 36.8)];
        assert_eq!(scored(&[&row]), [Some([0.0, 0.0, 5.0])], "air: 0 + 0, oxygen: 3 + 2");
    }

    #[test]
    fn codes_that_mean_nothing_are_missing() {
        let mut row = NORMAL.to_vec();
        row[3].1 = 0.5;
        row[6].1 = 5.0;
        row[7].1 = f64::NAN;
        assert_eq!(scored(&[&row]), [Some([0.0, 0.0, 5.0])]);
    }
}

//! From a model's raw score to a risk, by a map that was fitted on data and says on which.

mod file;

pub use file::Mistake;

use crate::types::{LogOdds, Risk};

/// The calibration of one model version. Its risk never falls as the score rises.
///
/// Only [`CalibrationMap::parse`] and [`CalibrationMap::new`] make one, and both check it.
#[derive(Clone, Debug, PartialEq)]
pub struct CalibrationMap {
    model: String,
    curve: Curve,
    provenance: Provenance,
}

/// The shape of a map.
#[derive(Clone, Debug, PartialEq)]
pub enum Curve {
    /// Logistic: log-odds of the risk = `slope` * score + `intercept` (Platt 1999).
    Platt {
        /// Log-odds per unit of score; zero or more.
        slope: f64,
        /// Log-odds at score 0.
        intercept: f64,
    },
    /// Through knots (score, risk); outside the knots the nearest one's risk holds.
    Isotonic {
        /// At least one; scores strictly rising, risks within 0..=1 and never falling.
        knots: Vec<[f64; 2]>,
        /// What holds between two knots.
        between: Between,
    },
}

/// What an isotonic map does between two knots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Between {
    /// A straight line.
    Linear,
    /// The risk of the lower knot.
    Step,
}

/// Where a map comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// Data set it was fitted on.
    pub data_set: String,
    /// What the risk is a probability of: `in-hospital death`.
    pub outcome: String,
    /// Patients it was fitted on, above zero.
    pub patients: u64,
    /// Patients among them with the outcome, above zero and below `patients`.
    pub events: u64,
    /// Day it was fitted, `YYYY-MM-DD`.
    pub date: String,
    /// Command that fits it again.
    pub command: String,
}

impl CalibrationMap {
    /// A checked map for the model `name@version`.
    ///
    /// # Errors
    /// Every mistake, each with the path of its key.
    pub fn new(model: String, curve: Curve, provenance: Provenance) -> Result<Self, Vec<Mistake>> {
        let map = Self { model, curve, provenance };
        let mistakes = file::mistakes(&map);
        if mistakes.is_empty() { Ok(map) } else { Err(mistakes) }
    }

    /// The model version it belongs to, as `name@version`.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The shape.
    pub fn curve(&self) -> &Curve {
        &self.curve
    }

    /// Where it comes from.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// The risk of a raw score; never lower for a higher score. `None` for NaN alone.
    pub fn risk(&self, score: f64) -> Option<Risk> {
        if score.is_nan() {
            return None;
        }
        match &self.curve {
            // A flat map times an infinite score would be NaN.
            Curve::Platt { slope, intercept } if *slope == 0.0 => {
                Some(LogOdds::from_value(*intercept).risk())
            }
            Curve::Platt { slope, intercept } => {
                Some(LogOdds::from_value(slope * score + intercept).risk())
            }
            Curve::Isotonic { knots, between } => Risk::clamped(through(knots, *between, score)?),
        }
    }
}

fn through(knots: &[[f64; 2]], between: Between, score: f64) -> Option<f64> {
    let above = knots.partition_point(|[at, _]| *at <= score);
    let Some([low_score, low_risk]) = above.checked_sub(1).and_then(|i| knots.get(i)) else {
        return knots.first().map(|[_, risk]| *risk);
    };
    match (knots.get(above), between) {
        (Some([high_score, high_risk]), Between::Linear) => {
            let share = (score - low_score) / (high_score - low_score);
            // Rounding may lift the line over its own end, and so over the next line's start.
            Some((low_risk + share * (high_risk - low_risk)).min(*high_risk))
        }
        _ => Some(*low_risk),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(curve: Curve) -> CalibrationMap {
        let provenance = Provenance {
            data_set: "invented".to_owned(),
            outcome: "none".to_owned(),
            patients: 10,
            events: 1,
            date: "2026-01-31".to_owned(),
            command: "none".to_owned(),
        };
        CalibrationMap::new("test@1".to_owned(), curve, provenance).expect("the map is valid")
    }

    fn risk(map: &CalibrationMap, score: f64) -> f64 {
        map.risk(score).expect("a number").get()
    }

    #[test]
    fn platt_gives_the_logistic_of_the_line() {
        let map = map(Curve::Platt { slope: 0.5, intercept: -2.0 });
        assert_eq!(risk(&map, 4.0), 0.5);
        // 1 / (1 + e^2)
        assert!((risk(&map, 0.0) - 0.119_202_922_022_117_55).abs() < 1e-15);
        assert_eq!((risk(&map, f64::INFINITY), risk(&map, f64::NEG_INFINITY)), (1.0, 0.0));
        assert_eq!(map.risk(f64::NAN), None);
    }

    #[test]
    fn a_flat_map_gives_the_same_risk_at_infinity() {
        let map = map(Curve::Platt { slope: 0.0, intercept: 0.0 });
        assert_eq!((risk(&map, f64::INFINITY), risk(&map, 3.0)), (0.5, 0.5));
    }

    #[test]
    fn isotonic_interpolates_or_steps_and_clamps_outside() {
        let knots = vec![[1.0, 0.125], [3.0, 0.5], [4.0, 0.5]];
        let linear = map(Curve::Isotonic { knots: knots.clone(), between: Between::Linear });
        let step = map(Curve::Isotonic { knots, between: Between::Step });
        let scores = [0.0, 1.0, 2.0, 3.0, 3.5, 9.0];
        assert_eq!(scores.map(|s| risk(&linear, s)), [0.125, 0.125, 0.3125, 0.5, 0.5, 0.5]);
        assert_eq!(scores.map(|s| risk(&step, s)), [0.125, 0.125, 0.125, 0.5, 0.5, 0.5]);
        assert_eq!((risk(&linear, f64::NEG_INFINITY), risk(&linear, f64::INFINITY)), (0.125, 0.5));
        assert_eq!(linear.risk(f64::NAN), None);
    }

    #[test]
    fn no_map_ever_falls_or_leaves_the_unit_interval() {
        let mut random = fastrand::Rng::with_seed(3);
        let mut compared = 0;
        for _ in 0..2_000 {
            let map = map(random_curve(&mut random));
            let mut scores: Vec<f64> = (0..40).map(|_| (random.f64() - 0.5) * 20.0).collect();
            if let Curve::Isotonic { knots, .. } = map.curve() {
                scores.extend(knots.iter().flat_map(|[at, _]| [at.next_down(), *at, at.next_up()]));
            }
            scores.sort_by(f64::total_cmp);
            let risks: Vec<f64> = scores.iter().map(|s| risk(&map, *s)).collect();
            assert!(risks.windows(2).all(|pair| pair[0] <= pair[1]), "{map:?}: {risks:?}");
            assert!(risks.iter().all(|r| (0.0..=1.0).contains(r)), "{map:?}");
            compared += risks.len();
        }
        assert!(compared > 80_000, "only {compared} risks were compared");
    }

    fn random_curve(random: &mut fastrand::Rng) -> Curve {
        if random.bool() {
            return Curve::Platt {
                slope: random.f64() * 5.0,
                intercept: random.f64() * 20.0 - 10.0,
            };
        }
        let mut draw = |count: usize| {
            let mut drawn: Vec<f64> = (0..count).map(|_| random.f64()).collect();
            drawn.sort_by(f64::total_cmp);
            drawn
        };
        let (mut scores, risks) = (draw(6), draw(6));
        scores.dedup();
        let knots = scores.iter().zip(risks).map(|(s, r)| [s * 10.0 - 5.0, r]).collect();
        Curve::Isotonic {
            knots,
            between: if random.bool() { Between::Linear } else { Between::Step },
        }
    }
}

//! Calibrated probabilities and their log-odds.

use serde::{Deserialize, Serialize};

/// A calibrated probability of the configured outcome, in 0..=1, never NaN.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Risk(f64);

/// A number that is no probability.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{0} is not a probability in 0..=1")]
pub struct NotAProbability(pub f64);

impl Risk {
    /// Checks and wraps a probability.
    ///
    /// # Errors
    /// NaN or outside 0..=1.
    pub fn new(probability: f64) -> Result<Self, NotAProbability> {
        if (0.0..=1.0).contains(&probability) {
            Ok(Self(probability))
        } else {
            Err(NotAProbability(probability))
        }
    }

    /// The nearest probability; `None` for NaN.
    pub fn clamped(value: f64) -> Option<Self> {
        (!value.is_nan()).then(|| Self(value.clamp(0.0, 1.0)))
    }

    /// The probability.
    pub const fn get(self) -> f64 {
        self.0
    }

    /// Natural logarithm of the odds, with the risk first moved into [`LOGIT_FLOOR`]..=1-[`LOGIT_FLOOR`]
    /// so that it is finite.
    pub fn log_odds(self) -> LogOdds {
        LogOdds::of(self.0)
    }
}

/// Risks nearer to 0 or 1 than this are moved here before taking log-odds (about ±13.8).
pub const LOGIT_FLOOR: f64 = 1e-6;

/// Natural logarithm of the odds of a probability; finite.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct LogOdds(f64);

impl LogOdds {
    /// Of a probability, moved inside the floor first.
    pub fn of(probability: f64) -> Self {
        let p = probability.clamp(LOGIT_FLOOR, 1.0 - LOGIT_FLOOR);
        Self((p / (1.0 - p)).ln())
    }
    /// From a log-odds value.
    pub const fn from_value(value: f64) -> Self {
        Self(value)
    }
    /// The value, unbounded.
    pub const fn get(self) -> f64 {
        self.0
    }
    /// Back to a probability in 0..=1; 0.5 for NaN, which cannot arise from finite inputs.
    pub fn risk(self) -> Risk {
        Risk::clamped(1.0 / (1.0 + (-self.0).exp())).unwrap_or(Risk(0.5))
    }
}

impl TryFrom<f64> for Risk {
    type Error = NotAProbability;
    fn try_from(value: f64) -> Result<Self, NotAProbability> {
        Self::new(value)
    }
}

impl From<Risk> for f64 {
    fn from(risk: Risk) -> Self {
        risk.0
    }
}

/// A risk band, by the thresholds of the fusion package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Band {
    /// Below the first threshold.
    Low,
    /// From the first threshold up to the second.
    Medium,
    /// From the second threshold on.
    High,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_probabilities_are_risks() {
        for bad in [1.3, -0.1, f64::NAN, f64::INFINITY] {
            assert!(Risk::new(bad).is_err(), "{bad}");
        }
        assert!(Risk::new(0.0).is_ok() && Risk::new(1.0).is_ok());
    }

    #[test]
    fn log_odds_return_to_the_same_risk() {
        for p in [0.001, 0.2, 0.5, 0.93] {
            assert!((LogOdds::of(p).risk().get() - p).abs() < 1e-12);
        }
        assert!(LogOdds::of(0.0).get().is_finite() && LogOdds::of(1.0).get().is_finite());
    }
}

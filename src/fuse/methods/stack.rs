//! Stack: for each set S of present modalities a logistic regression of its own,
//! logit p = intercept_S + Σ slope_{S,m} logit p_m, with slopes above zero. The default.
//!
//! An average of calibrated risks is under-confident, a sum counts shared evidence twice, and how much two modalities
//! share depends on which others are there: hence coefficients for each pattern. They are fitted on out-of-fold
//! predictions and shrunk towards one common set where a pattern is rare (`training/`). A pattern that the package does
//! not name gets slopes of 1/√n around the prior, between the average (1/n) and the sum (1). One present modality has
//! nothing to be combined with and speaks for itself.

use super::MethodEntry;
use super::parameters::Parameters;
use super::patterns::{self, Patterns};
use super::rows::{Combine, Part, Rows};
use crate::types::LogOdds;

pub(super) const ENTRY: MethodEntry = MethodEntry {
    name: "stack",
    monotone: true,
    build: |parameters, members| {
        let names: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
        let read =
            |inner: &mut Parameters<'_>, present: &[usize]| Line::read(inner, present, &names);
        let (lines, widths) = patterns::read(parameters, members, read);
        Box::new(Rows::new(parameters, members, Stack { lines, widths }))
    },
};

/// One pattern's regression.
struct Line {
    /// `None`: such that every modality at the prior gives the prior.
    intercept: Option<f64>,
    /// Of the present modalities, in registry order.
    slopes: Vec<f64>,
}

impl Line {
    fn read(inner: &mut Parameters<'_>, present: &[usize], names: &[&str]) -> Self {
        let default = 1.0 / (present.len().max(1) as f64).sqrt();
        if present.len() < 2 {
            return Self { intercept: None, slopes: vec![default; present.len()] };
        }
        let intercept = inner
            .has("intercept")
            .then(|| inner.number("intercept", 0.0, "between -20 and 20", |i| i.abs() <= 20.0));
        let slopes = present.iter().map(|i| {
            let key = names.get(*i).copied().unwrap_or_default();
            inner.number(key, default, "above 0 and at most 20", |s| 0.0 < s && s <= 20.0)
        });
        Self { slopes: slopes.collect(), intercept }
    }
}

struct Stack {
    lines: Patterns<Line>,
    widths: Patterns<f64>,
}

impl Combine for Stack {
    /// Contribution: slope times the distance of the modality's log-odds from the prior's. Share: of the slopes.
    fn combine(&self, parts: &mut [Part], prior: f64) -> f64 {
        let Some(line) = self.lines.of(parts.iter()) else { return f64::NAN };
        let sum: f64 = line.slopes.iter().sum();
        let mut log_odds = line.intercept.unwrap_or(prior * (1.0 - sum));
        for (part, slope) in parts.iter_mut().zip(&line.slopes) {
            let own = LogOdds::of(part.risk).get();
            part.share = slope / sum;
            part.contribution = slope * (own - prior);
            log_odds += slope * own;
        }
        LogOdds::from_value(log_odds).risk().get()
    }

    fn half_width(&self, present: &[Part]) -> Option<f64> {
        self.widths.of(present.iter()).copied()
    }
}

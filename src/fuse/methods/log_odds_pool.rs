//! Log-odds pool: logit p = l0 + Σ v_m (logit p_m − l0) with shares v_m that sum to 1 over the present modalities;
//! l0 is the log-odds of `prior`. An absent modality adds exactly nothing.
//!
//! As the shares sum to 1, `prior` moves no risk: it is what the contributions are told against.

use super::MethodEntry;
use super::rows::{Combine, Part, Rows};
use crate::types::LogOdds;

pub(super) const ENTRY: MethodEntry = MethodEntry {
    name: "log_odds_pool",
    monotone: true,
    build: |parameters, members| Box::new(Rows::new(parameters, members, LogOddsPool)),
};

struct LogOddsPool;

impl Combine for LogOddsPool {
    /// Contribution: the modality's exact part of the sum, v_m (logit p_m − l0).
    fn combine(&self, parts: &mut [Part], prior: f64) -> f64 {
        let mut log_odds = prior;
        for part in parts {
            part.contribution = part.share * (LogOdds::of(part.risk).get() - prior);
            log_odds += part.contribution;
        }
        LogOdds::from_value(log_odds).risk().get()
    }
}

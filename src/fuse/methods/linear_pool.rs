//! Linear pool: the weighted mean of the risks. Simple, and known to be under-confident: a mean of calibrated
//! forecasts is not calibrated (Ranjan and Gneiting, J R Stat Soc B 2010;72:71-91).

use super::MethodEntry;
use super::rows::{Combine, Part, Rows, leave_one_out};

pub(super) const ENTRY: MethodEntry = MethodEntry {
    name: "linear_pool",
    monotone: true,
    build: |parameters, members| Box::new(Rows::new(parameters, members, LinearPool)),
};

struct LinearPool;

impl Combine for LinearPool {
    /// Contribution: the fused log-odds less those of the pool without the modality.
    fn combine(&self, parts: &mut [Part], _prior: f64) -> f64 {
        leave_one_out(parts, |parts| {
            let sums = |(risk, share): (f64, f64), part: &Part| {
                (risk + part.share * part.risk, share + part.share)
            };
            let (risk, share) = parts.fold((0.0, 0.0), sums);
            risk / share
        })
    }
}

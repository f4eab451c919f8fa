//! Maximum: the greatest risk among the present modalities. Weights and decay do not enter the risk, only the
//! interval; the shares are reported all the same.

use super::MethodEntry;
use super::rows::{Combine, Part, Rows, leave_one_out};

pub(super) const ENTRY: MethodEntry = MethodEntry {
    name: "maximum",
    monotone: true,
    build: |parameters, members| Box::new(Rows::new(parameters, members, Maximum)),
};

struct Maximum;

impl Combine for Maximum {
    /// Contribution: the fused log-odds less those without the modality; 0 for all but a single greatest one.
    fn combine(&self, parts: &mut [Part], _prior: f64) -> f64 {
        leave_one_out(parts, |parts| parts.map(|part| part.risk).fold(0.0, f64::max))
    }
}

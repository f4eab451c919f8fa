//! Noisy-or: 1 − Π (1 − p_m)^(v_m / max v), as if each modality could cause the outcome alone (Pearl,
//! Probabilistic Reasoning in Intelligent Systems, 1988, section 4.3.2). The modality with the greatest share counts
//! in full, lesser ones in part. Deliberately alarming: the fused risk is at least that of the greatest share.

use super::MethodEntry;
use super::rows::{Combine, Part, Rows, leave_one_out};

pub(super) const ENTRY: MethodEntry = MethodEntry {
    name: "noisy_or",
    monotone: true,
    build: |parameters, members| Box::new(Rows::new(parameters, members, NoisyOr)),
};

struct NoisyOr;

impl Combine for NoisyOr {
    /// Contribution: the fused log-odds less those without the modality (the exponents of the others then rise
    /// until one of them counts in full).
    fn combine(&self, parts: &mut [Part], _prior: f64) -> f64 {
        leave_one_out(parts, |parts| {
            let (mut greatest, mut none) = (0.0_f64, 0.0_f64);
            for part in parts {
                greatest = greatest.max(part.share);
                none += part.share * (-part.risk).ln_1p();
            }
            // Subtracted, not negated: the risk of all zeros is 0.0, not -0.0.
            0.0 - (none / greatest).exp_m1()
        })
    }
}

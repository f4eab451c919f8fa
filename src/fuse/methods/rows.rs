//! What the methods share: decayed weights, the loop over rows, the uncertainty interval. A method adds only how the
//! present modalities of one row become one risk ([`Combine`]).

use super::{Member, Parameters};
use crate::fuse::{Evidence, Fused, Fuser};
use crate::types::{LOGIT_FLOOR, LogOdds, Span};
use arrow::array::{Array, Float64Array};
use arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};

/// Two-sided 95 % quantile of the standard normal distribution.
pub(super) const Z: f64 = 1.959_963_984_540_054;

/// Default of `spread`: the standard error of the fused log-odds when every modality is present and fresh. A
/// convention until it is fitted on data: a fused risk of 0.20 then comes with 0.09 to 0.40.
const SPREAD: f64 = 0.5;

/// Default of `prior`: in-hospital death in PhysioNet/CinC Challenge 2012, sets a and b, 1,122 of 8,000 stays
/// (Silva et al., Computing in Cardiology 2012;39:245-248, outcome files).
const PRIOR: f64 = 0.14;

/// One present modality of one row.
pub(super) struct Part {
    /// Calibrated risk in 0..=1.
    pub(super) risk: f64,
    /// Its share: the decayed weight over the sum of those present; above 0, at most 1.
    pub(super) share: f64,
    /// What it adds to the fused log-odds; the method fills it in.
    pub(super) contribution: f64,
    /// Index in registry order.
    pub(super) modality: usize,
    /// Age at the window end, zero or more.
    pub(super) age_seconds: f64,
}

/// How two or more present modalities, in registry order, become one risk.
pub(super) trait Combine: Send + Sync {
    /// The fused risk; also fills in the contributions, and the shares where the method has its own. `prior` is the
    /// log-odds that contributions are told against.
    fn combine(&self, parts: &mut [Part], prior: f64) -> f64;

    /// Half width of the interval in log-odds with these present; `None`: by the weights, as the pools do.
    fn half_width(&self, _present: &[Part]) -> Option<f64> {
        None
    }
}

/// Fills in each contribution as the fused log-odds less the log-odds of the same method without that modality.
pub(super) fn leave_one_out(
    parts: &mut [Part],
    risk: impl Fn(&mut dyn Iterator<Item = &Part>) -> f64,
) -> f64 {
    let fused = risk(&mut parts.iter());
    let log_odds = LogOdds::of(fused).get();
    for left_out in 0..parts.len() {
        let others = parts.iter().enumerate().filter(|(i, _)| *i != left_out);
        let without = risk(&mut others.map(|(_, part)| part));
        parts[left_out].contribution = log_odds - LogOdds::of(without).get();
    }
    fused
}

/// A method with its weights: everything but the combination.
pub(super) struct Rows<C> {
    combine: C,
    /// Weight before decay and decays per second (in powers of two), in registry order; the greatest weight is 1.
    weights: Vec<(f64, f64)>,
    /// Sum of the weights before decay.
    total: f64,
    /// Half width of the interval, in log-odds, when every modality is present and fresh.
    half_width: f64,
    /// Log-odds of the prior.
    prior: f64,
}

impl<C: Combine> Rows<C> {
    /// Reads the parameters that every method has: `spread` and `prior`.
    pub(super) fn new(parameters: &mut Parameters<'_>, members: &[Member<'_>], combine: C) -> Self {
        let prior =
            parameters.number("prior", PRIOR, "above 0 and below 1", |p| 0.0 < p && p < 1.0);
        let spread = parameters.number("spread", SPREAD, "above 0", |s| s > 0.0);
        let policies = || members.iter().map(|(_, policy)| *policy);
        let greatest = policies().map(|policy| policy.weight).fold(0.0, f64::max);
        let decay = |half_life: Span| {
            if half_life.is_positive() { -1.0 / half_life.as_seconds() } else { 0.0 }
        };
        let weights: Vec<(f64, f64)> =
            policies().map(|p| (p.weight / greatest, decay(p.half_life))).collect();
        let total = weights.iter().map(|(weight, _)| weight).sum();
        Self { combine, weights, total, half_width: Z * spread, prior: LogOdds::of(prior).get() }
    }

    /// The present modalities of row `i`, and the sum of their decayed weights.
    fn gather(&self, evidence: &Evidence, i: usize, parts: &mut Vec<Part>) -> f64 {
        parts.clear();
        let columns = evidence.risk.iter().zip(&evidence.age_seconds).zip(&self.weights);
        for (modality, ((risk, age), (weight, decay))) in columns.enumerate() {
            if risk.is_valid(i) {
                let decayed =
                    if *decay == 0.0 { *weight } else { weight * (age.value(i) * decay).exp2() };
                // However old, what is present keeps a share: dividing by a sum of zeros would lose the row.
                let share = decayed.max(f64::MIN_POSITIVE);
                let (risk, age_seconds) = (risk.value(i), age.value(i));
                parts.push(Part { risk, share, contribution: 0.0, modality, age_seconds });
            }
        }
        let sum: f64 = parts.iter().map(|part| part.share).sum();
        for part in parts.iter_mut() {
            part.share /= sum;
        }
        sum
    }

    /// The fused risk of a row with at least one part. One modality alone gives exactly its own risk.
    fn fuse_row(&self, parts: &mut [Part]) -> f64 {
        if let [only] = parts {
            only.contribution = LogOdds::of(only.risk).get() - self.prior;
            only.risk
        } else {
            self.combine.combine(parts, self.prior).clamp(0.0, 1.0)
        }
    }

    /// Lower and upper end around a risk, which they always contain.
    fn interval(&self, risk: f64, present: &[Part], present_weight: f64) -> [f64; 2] {
        let by_weight = || self.half_width * (self.total / present_weight).sqrt();
        let half_width = self.combine.half_width(present).unwrap_or_else(by_weight);
        // sigmoid(logit(p) ± h), written without a logarithm; an infinite half width gives [0, 1].
        let widening = half_width.exp();
        let p = risk.clamp(LOGIT_FLOOR, 1.0 - LOGIT_FLOOR);
        let (odds_for, odds_against) = (p, 1.0 - p);
        let lower = odds_for / (odds_for + odds_against * widening);
        let upper = odds_for / (odds_for + odds_against / widening);
        [lower.min(risk), upper.max(risk)]
    }
}

impl<C: Combine> Fuser for Rows<C> {
    fn fuse(&self, evidence: &Evidence) -> Fused {
        let modalities = evidence.risk.len();
        debug_assert_eq!(modalities, self.weights.len(), "a column for every modality");
        let n = evidence.risk.first().map_or(0, Array::len);
        // One allocation for all columns: single rows are common, and an array each would cost more than fusing.
        let mut cells = vec![0.0; n * (3 + 2 * modalities)];
        let mut parts = Vec::with_capacity(modalities);
        let mut absent = false;
        for i in 0..n {
            let present_weight = self.gather(evidence, i, &mut parts);
            if parts.is_empty() {
                absent = true;
                continue;
            }
            let risk = self.fuse_row(&mut parts);
            let [lower, upper] = self.interval(risk, &parts, present_weight);
            cells[i] = risk;
            cells[n + i] = lower;
            cells[2 * n + i] = upper;
            for part in &parts {
                cells[(3 + part.modality) * n + i] = part.share;
                cells[(3 + modalities + part.modality) * n + i] = part.contribution;
            }
        }
        let nulls = absent.then(|| nulls(evidence, n));
        columns(cells, n, modalities, nulls)
    }
}

/// Null exactly where no modality is present.
fn nulls(evidence: &Evidence, n: usize) -> NullBuffer {
    let present = |i| evidence.risk.iter().any(|column| column.is_valid(i));
    NullBuffer::new(BooleanBuffer::collect_bool(n, present))
}

/// Cuts the cells (risk, lower, upper, then weights, then contributions) into columns of n.
fn columns(cells: Vec<f64>, n: usize, modalities: usize, nulls: Option<NullBuffer>) -> Fused {
    let cells = ScalarBuffer::from(cells);
    let column =
        |at: usize, nulls: Option<NullBuffer>| Float64Array::new(cells.slice(at * n, n), nulls);
    Fused {
        risk: column(0, nulls.clone()),
        lower: column(1, nulls.clone()),
        upper: column(2, nulls),
        weight: (0..modalities).map(|m| column(3 + m, None)).collect(),
        contribution: (0..modalities).map(|m| column(3 + modalities + m, None)).collect(),
    }
}

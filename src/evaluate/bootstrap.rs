//! Intervals by resampling patients, and differences between two scores on the same patients.
//!
//! The cases of every score are sorted once; a resample is a count for each patient, the same for every score, so that
//! differences are paired and a round costs one pass.

use super::Case;
use super::calibration::BINS;
use crate::types::LOGIT_FLOOR;

/// What is measured in each round, in the order of [`Measures`].
pub const MEASURES: [&str; 6] =
    ["auroc", "auprc", "brier", "log_loss", "sensitivity", "calibration_error"];

/// One value of each of [`MEASURES`]; NaN where it is not defined (one class only).
pub type Measures = [f64; MEASURES.len()];

/// How many times each patient is drawn in one round; the same for the same seed and round.
pub fn draw(patients: usize, seed: u64, round: u64) -> Vec<u32> {
    let mut state = seed ^ round.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut counts = vec![0; patients];
    for _ in 0..patients {
        let at = (u128::from(splitmix(&mut state)) * patients as u128) >> 64;
        counts[at as usize] += 1;
    }
    counts
}

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

/// The cases of one score, sorted for many rounds.
#[derive(Clone, Debug)]
pub struct Resampled {
    /// Case and place of the patient, by rising score.
    cases: Vec<(Case, u32)>,
    /// Where runs of equal score end.
    ends: Vec<u32>,
    /// Share of cases alerted for the sensitivity.
    alert_rate: f64,
}

impl Resampled {
    /// The cases, one a patient, in the order of the patients; a NaN score leaves its patient out.
    pub fn new(cases: &[Case], alert_rate: f64) -> Self {
        let known = cases.iter().zip(0_u32..).filter(|(case, _)| !case.score.is_nan());
        let mut cases: Vec<(Case, u32)> = known.map(|(case, at)| (*case, at)).collect();
        cases.sort_by(|(a, _), (b, _)| a.score.total_cmp(&b.score));
        let ends = (1..=cases.len() as u32).filter(|end| {
            let (here, next) = (*end as usize - 1, *end as usize);
            cases.get(next).is_none_or(|(case, _)| case.score != cases[here].0.score)
        });
        Self { ends: ends.collect(), cases, alert_rate }
    }

    /// The measures with each patient counted so often.
    pub fn measures(&self, counts: &[u32]) -> Measures {
        let count = |at: u32| f64::from(counts.get(at as usize).copied().unwrap_or(0));
        let (mut events, mut others) = (0.0, 0.0);
        let (mut brier, mut log_loss) = (0.0, 0.0);
        for (case, at) in &self.cases {
            let weight = count(*at);
            if weight == 0.0 {
                continue;
            }
            let p = case.score.clamp(LOGIT_FLOOR, 1.0 - LOGIT_FLOOR);
            if case.event {
                events += weight;
                brier += weight * (1.0 - case.score).powi(2);
                log_loss -= weight * p.ln();
            } else {
                others += weight;
                brier += weight * case.score.powi(2);
                log_loss -= weight * (-p).ln_1p();
            }
        }
        let all = events + others;
        let [auroc, auprc, sensitivity] = self.ranks(&count, events, others);
        let off = self.calibration_error(&count, all);
        [auroc, auprc, brier / all, log_loss / all, sensitivity, off]
    }

    /// Expected calibration error over [`BINS`] bins of equal mass; a tie counts as its mean on both sides of an edge.
    /// Of a resample it is larger than of the cases themselves, since resampling adds noise to every bin.
    fn calibration_error(&self, count: &impl Fn(u32) -> f64, all: f64) -> f64 {
        let edge = |bin: usize| (bin as f64 * all / BINS as f64).floor();
        let (mut bin, mut taken, mut risks, mut events, mut off) = (1, 0.0, 0.0, 0.0, 0.0);
        let mut start = 0;
        for end in self.ends.iter().map(|end| *end as usize) {
            let tie = &self.cases[start..end];
            start = end;
            let mut left: f64 = tie.iter().map(|(_, at)| count(*at)).sum();
            let hits: f64 = tie.iter().filter(|(c, _)| c.event).map(|(_, at)| count(*at)).sum();
            let (rate, risk) = (hits / left.max(1.0), tie[0].0.score);
            while left > 0.0 && bin <= BINS {
                let take = left.min(edge(bin) - taken);
                (taken, left) = (taken + take, left - take);
                (risks, events) = (risks + take * risk, events + take * rate);
                if taken >= edge(bin) {
                    off += f64::abs(risks - events);
                    (risks, events, bin) = (0.0, 0.0, bin + 1);
                }
            }
        }
        off / all
    }

    /// Area under the ROC curve, average precision, and sensitivity at the alert rate; from the highest score down.
    fn ranks(&self, count: &impl Fn(u32) -> f64, events: f64, others: f64) -> [f64; 3] {
        let (mut hits, mut false_alarms, mut area, mut precision) = (0.0, 0.0, 0.0, 0.0);
        let budget = self.alert_rate * (events + others);
        let mut sensitivity = None;
        let mut end = self.cases.len();
        for start in self.ends.iter().rev().skip(1).map(|e| *e as usize).chain([0]) {
            let (mut tied_hits, mut tied_others) = (0.0, 0.0);
            for (case, at) in &self.cases[start..end] {
                let weight = count(*at);
                if case.event { tied_hits += weight } else { tied_others += weight }
            }
            end = start;
            area += tied_others * (hits + tied_hits / 2.0);
            let alerted = hits + false_alarms + tied_hits + tied_others;
            if sensitivity.is_none() && alerted >= budget && alerted > 0.0 {
                // Within a tie the alerts that still fit are drawn evenly.
                let share = (budget - hits - false_alarms) / (tied_hits + tied_others).max(1e-300);
                sensitivity = Some((hits + share * tied_hits) / events);
            }
            hits += tied_hits;
            false_alarms += tied_others;
            if tied_hits > 0.0 {
                precision += tied_hits * hits / (hits + false_alarms);
            }
        }
        [area / (events * others), precision / events, sensitivity.unwrap_or(f64::NAN)]
    }
}

/// The middle 95 % of values, NaN left out; `None` with fewer than 20.
pub fn interval(values: &[f64]) -> Option<[f64; 2]> {
    let mut known: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    known.sort_by(f64::total_cmp);
    let at = |share: f64| known[((known.len() - 1) as f64 * share).round() as usize];
    (known.len() >= 20).then(|| [at(0.025), at(0.975)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::calibration::{brier, expected_calibration_error, log_loss};
    use crate::evaluate::discrimination::{auroc, average_precision};
    use crate::evaluate::testing::{near, random};

    #[test]
    fn with_every_patient_once_the_measures_are_the_plain_ones() {
        let mut rng = fastrand::Rng::with_seed(12);
        for _ in 0..500 {
            let cases = random(&mut rng);
            let [area, precision, squared, logarithmic, _, off] =
                Resampled::new(&cases, 0.1).measures(&vec![1; cases.len()]);
            assert!(near(area, auroc(&cases).expect("both classes").area), "{cases:?}");
            assert!(near(precision, average_precision(&cases).expect("an event")));
            assert!(near(squared, brier(&cases).expect("risks")));
            assert!(near(logarithmic, log_loss(&cases).expect("risks")));
            assert!(near(off, expected_calibration_error(&cases).expect("risks")), "{cases:?}");
        }
    }

    #[test]
    fn a_count_of_two_is_the_same_as_the_patient_twice() {
        let mut rng = fastrand::Rng::with_seed(13);
        for round in 0..200 {
            let cases = random(&mut rng);
            let counts = draw(cases.len(), 1, round);
            assert_eq!(counts.iter().sum::<u32>() as usize, cases.len());
            let repeated: Vec<Case> = cases
                .iter()
                .zip(&counts)
                .flat_map(|(case, count)| std::iter::repeat_n(*case, *count as usize))
                .collect();
            let drawn = Resampled::new(&cases, 0.1).measures(&counts);
            let plain = Resampled::new(&repeated, 0.1).measures(&vec![1; repeated.len()]);
            for (a, b) in drawn.into_iter().zip(plain) {
                assert!(near(a, b) || a.is_nan() && b.is_nan(), "{drawn:?} {plain:?}");
            }
        }
    }

    #[test]
    fn the_sensitivity_counts_the_alerts_that_fit() {
        let case = |score, event| Case { score, event };
        let cases: Vec<Case> =
            (0..10).map(|i| case(f64::from(i) / 10.0, i == 9 || i == 3)).collect();
        let all = vec![1; 10];
        assert!(near(Resampled::new(&cases, 0.1).measures(&all)[4], 0.5));
        assert!(near(Resampled::new(&cases, 0.7).measures(&all)[4], 1.0));
    }
}

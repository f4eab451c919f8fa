//! The two scores of the PhysioNet/Computing in Cardiology Challenge 2012 (Silva et al., Computing in Cardiology 2012;39:245-248).

use super::{Case, counts, sorted, ties};

/// Score 1 with the threshold that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score1 {
    /// Lesser of sensitivity and positive predictive value, 0..=1.
    pub score: f64,
    /// Cases with this score or more are called positive.
    pub threshold: f64,
}

/// Score 1 at one threshold: min(sensitivity, positive predictive value) of calling `score >= threshold` positive;
/// 0 where nothing is called positive. `None` without an event or with a NaN.
pub fn score1_at(cases: &[Case], threshold: f64) -> Option<f64> {
    let [events, _] = counts(cases);
    let positive: Vec<Case> =
        cases.iter().copied().filter(|case| case.score >= threshold).collect();
    let [hits, _] = counts(&positive);
    let comparable = !threshold.is_nan() && cases.iter().all(|case| !case.score.is_nan());
    // The lesser of two fractions with the same numerator has the greater denominator.
    (events > 0 && comparable).then(|| hits as f64 / events.max(positive.len()) as f64)
}

/// The best score 1 over all thresholds, at the highest threshold that reaches it; `None` as above.
///
/// Choosing the threshold on the cases that are then reported flatters: choose it on other patients and report [`score1_at`].
pub fn best_score1(cases: &[Case]) -> Option<Score1> {
    let sorted = sorted(cases)?;
    let [events, _] = counts(cases);
    let (mut taken, mut hits) = (0, 0);
    let mut best: Option<Score1> = None;
    for tie in ties(&sorted).rev() {
        let [tied_events, _] = counts(tie);
        taken += tie.len();
        hits += tied_events;
        let score = hits as f64 / events.max(taken) as f64;
        if best.is_none_or(|best| score > best.score) {
            best = tie.first().map(|case| Score1 { score, threshold: case.score });
        }
    }
    best.filter(|_| events > 0)
}

/// Score 2: the Hosmer-Lemeshow statistic over ten bins of equal size, divided by the range of the bins' mean risks.
/// 0 or more, lower is better; it grows with the number of cases (the challenge had 4,000). Cases beyond ten equal bins,
/// nine at most of the highest risk, are left out, as the challenge's scoring program does, and 0.001 is its guard against
/// division by zero. `None` with fewer than ten cases, a NaN, or bins of one and the same mean risk.
pub fn score2(cases: &[Case]) -> Option<f64> {
    const BINS: usize = 10;
    let sorted = sorted(cases)?;
    let size = sorted.len() / BINS;
    let mut statistic = 0.0;
    let mut means = Vec::with_capacity(BINS);
    for bin in sorted.chunks_exact(size.max(1)).take(BINS) {
        let n = bin.len() as f64;
        let [events, _] = counts(bin);
        let mean = bin.iter().map(|case| case.score).sum::<f64>() / n;
        statistic += (events as f64 - n * mean).powi(2) / (n * mean * (1.0 - mean) + 0.001);
        means.push(mean);
    }
    let range = means.last()? - means.first()?;
    (size > 0 && range > 0.0).then(|| statistic / range)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::testing::{cases, near, random};

    #[test]
    fn a_small_case_agrees_with_the_hand() {
        let five = cases(&[(0.9, 1), (0.8, 0), (0.7, 1), (0.2, 1), (0.1, 0)]);
        // From .7: 2 of 3 events found, 2 of 3 called right.
        assert_eq!(score1_at(&five, 0.7), Some(2.0 / 3.0));
        // From .85: sensitivity 1/3, predictive value 1.
        assert_eq!(score1_at(&five, 0.85), Some(1.0 / 3.0));
        // From 0: sensitivity 1, predictive value 3/5.
        assert_eq!(score1_at(&five, 0.0), Some(0.6));
        assert_eq!(score1_at(&five, 2.0), Some(0.0), "nothing called positive");
        // From .2: sensitivity 1, predictive value 3/4.
        assert_eq!(best_score1(&five), Some(Score1 { score: 0.75, threshold: 0.2 }));
    }

    #[test]
    fn the_best_is_the_best_of_every_threshold() {
        let mut rng = fastrand::Rng::with_seed(5);
        for _ in 0..2_000 {
            let all = random(&mut rng);
            let best = best_score1(&all).expect("both classes");
            let tried =
                all.iter().filter_map(|case| score1_at(&all, case.score)).fold(0.0, f64::max);
            assert!(near(best.score, tried), "{all:?}");
            assert_eq!(score1_at(&all, best.threshold), Some(best.score));
        }
    }

    #[test]
    fn score_2_agrees_with_the_hand() {
        // Ten bins of two, mean risks 0 to 0.9, one event in the bins of 0.5 and 0.9.
        let bin = |i: u32| {
            let score = f64::from(i) / 10.0;
            let event = u8::from(i == 5 || i == 9);
            [(score, event), (score, 0)]
        };
        let all = cases(&(0..10).flat_map(bin).collect::<Vec<_>>());
        let of = |risk: f64, events: f64| {
            (events - 2.0 * risk).powi(2) / (2.0 * risk * (1.0 - risk) + 0.001)
        };
        let by_hand: f64 = (0..10_u32)
            .map(|i| of(f64::from(i) / 10.0, if i == 5 || i == 9 { 1.0 } else { 0.0 }))
            .sum();
        assert!(near(score2(&all).expect("a range"), by_hand / 0.9));
        assert_eq!(score2(&all[..9]), None);
        assert_eq!(score2(&cases(&[(0.3, 1); 20])), None, "one mean risk has no range");
    }

    #[test]
    fn without_events_or_with_nan_there_is_no_score() {
        assert_eq!((best_score1(&[]), score1_at(&cases(&[(0.1, 0)]), 0.0)), (None, None));
        assert_eq!(best_score1(&cases(&[(0.1, 0)])), None);
        let with_nan = cases(&[(0.1, 1), (f64::NAN, 0)]);
        assert_eq!((best_score1(&with_nan), score1_at(&with_nan, 0.0)), (None, None));
    }
}

//! The PhysioNet/Computing in Cardiology Challenge 2012, event 1 (Silva et al., Computing in Cardiology 2012;39:245-248).

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
    fn without_events_or_with_nan_there_is_no_score() {
        assert_eq!((best_score1(&[]), score1_at(&cases(&[(0.1, 0)]), 0.0)), (None, None));
        assert_eq!(best_score1(&cases(&[(0.1, 0)])), None);
        let with_nan = cases(&[(0.1, 1), (f64::NAN, 0)]);
        assert_eq!((best_score1(&with_nan), score1_at(&with_nan, 0.0)), (None, None));
    }
}

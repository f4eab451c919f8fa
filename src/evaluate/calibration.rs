//! Are risks right as probabilities? Brier score, log loss, expected calibration error, slope and intercept.
//!
//! Every measure is `None` without cases or where a case's `score` is no probability in 0..=1.

use super::{Case, logistic, sorted, ties};
use crate::types::{LOGIT_FLOOR, LogOdds};

/// Bins of the calibration error and of the reliability diagram.
pub const BINS: usize = 10;

fn are_risks(cases: &[Case]) -> bool {
    !cases.is_empty() && cases.iter().all(|case| (0.0..=1.0).contains(&case.score))
}

fn mean(cases: &[Case], of: impl Fn(&Case) -> f64) -> Option<f64> {
    are_risks(cases).then(|| cases.iter().map(of).sum::<f64>() / cases.len() as f64)
}

/// Mean squared distance between risk and outcome, 0..=1, lower is better.
pub fn brier(cases: &[Case]) -> Option<f64> {
    mean(cases, |case| (case.score - f64::from(u8::from(case.event))).powi(2))
}

/// Mean negative natural logarithm of the probability given to what happened; risks are first moved inside
/// [`LOGIT_FLOOR`], so that one certain mistake costs about 13.8 and not everything.
pub fn log_loss(cases: &[Case]) -> Option<f64> {
    mean(cases, |case| {
        let p = case.score.clamp(LOGIT_FLOOR, 1.0 - LOGIT_FLOOR);
        -(if case.event { p } else { 1.0 - p }).ln()
    })
}

/// One bin of the reliability diagram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// Cases in it.
    pub cases: usize,
    /// Their mean risk, 0..=1.
    pub mean_risk: f64,
    /// Their share of events, 0..=1; cases of equal risk each count as the mean of them all.
    pub event_rate: f64,
}

/// Up to `bins` bins of equal mass (sizes differ by at most one) by rising risk.
///
/// A tie may be cut by a bin's edge; since tied cases count as their mean, the result does not depend on their order.
pub fn reliability(cases: &[Case], bins: usize) -> Option<Vec<Bin>> {
    let sorted = sorted(cases).filter(|cases| are_risks(cases))?;
    let smoothed: Vec<(f64, f64)> = ties(&sorted)
        .flat_map(|tie| {
            let rate = tie.iter().filter(|case| case.event).count() as f64 / tie.len() as f64;
            tie.iter().map(move |case| (case.score, rate))
        })
        .collect();
    let edge = |bin: usize| bin * smoothed.len() / bins.max(1);
    let bin = |i: usize| {
        let inside = smoothed.get(edge(i)..edge(i + 1)).filter(|inside| !inside.is_empty())?;
        let count = inside.len() as f64;
        let (risk, rate) =
            inside.iter().fold((0.0, 0.0), |(a, b), (risk, rate)| (a + risk, b + rate));
        Some(Bin { cases: inside.len(), mean_risk: risk / count, event_rate: rate / count })
    };
    Some((0..bins.max(1)).filter_map(bin).collect())
}

/// Expected calibration error over [`BINS`] bins of equal mass: the mean distance between risk and event rate, 0..=1.
pub fn expected_calibration_error(cases: &[Case]) -> Option<f64> {
    let bins = reliability(cases, BINS)?;
    let off = bins.iter().map(|bin| bin.cases as f64 * (bin.mean_risk - bin.event_rate).abs());
    Some(off.sum::<f64>() / cases.len() as f64)
}

/// Logistic recalibration of the risks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recalibration {
    /// Of the outcome's log-odds on the risk's; 1 is right, below 1 the risks are too extreme.
    pub slope: f64,
    /// Beside that slope; 0 is right.
    pub intercept: f64,
    /// Intercept beside a slope of 1 (calibration in the large); above 0 the risks are too low on the whole.
    pub in_the_large: f64,
}

/// Calibration slope and intercepts; also `None` where no finite ones are best (one class, or classes that the risk separates).
pub fn recalibration(cases: &[Case]) -> Option<Recalibration> {
    if !are_risks(cases) {
        return None;
    }
    let point = |case: &Case| (LogOdds::of(case.score).get(), f64::from(u8::from(case.event)));
    let points: Vec<logistic::Point> = cases.iter().map(point).collect();
    let logistic::Line { slope, intercept } = logistic::fit(&points)?;
    Some(Recalibration { slope, intercept, in_the_large: logistic::fit_intercept(&points)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::testing::{cases, near, random};

    #[test]
    fn brier_and_log_loss_agree_with_the_hand() {
        let three = cases(&[(0.1, 0), (0.8, 1), (0.5, 1)]);
        // (.01 + .04 + .25) / 3
        assert!(near(brier(&three).expect("risks"), 0.1));
        let by_hand = -(0.9_f64.ln() + 0.8_f64.ln() + 0.5_f64.ln()) / 3.0;
        assert!(near(log_loss(&three).expect("risks"), by_hand));
        let certain_and_wrong = log_loss(&cases(&[(1.0, 0)])).expect("risks");
        assert!((13.8..13.9).contains(&certain_and_wrong));
    }

    #[test]
    fn what_is_no_risk_is_not_measured() {
        for bad in [cases(&[]), cases(&[(1.2, 1)]), cases(&[(f64::NAN, 0), (0.5, 1)])] {
            let all = [brier(&bad), log_loss(&bad), expected_calibration_error(&bad)];
            assert_eq!((all, recalibration(&bad)), ([None; 3], None));
        }
    }

    #[test]
    fn the_calibration_error_of_two_bins_agrees_with_the_hand() {
        let four = cases(&[(0.1, 0), (0.3, 0), (0.6, 1), (0.8, 0)]);
        let bins = reliability(&four, 2).expect("risks");
        assert_eq!(bins.len(), 2);
        assert!(near(bins[0].mean_risk, 0.2) && near(bins[0].event_rate, 0.0));
        assert!(near(bins[1].mean_risk, 0.7) && near(bins[1].event_rate, 0.5));
        // Four cases make four bins of one: (.1 + .3 + .4 + .8) / 4.
        assert!(near(expected_calibration_error(&four).expect("risks"), 0.4));
    }

    #[test]
    fn ties_cut_by_a_bin_do_not_show_their_order() {
        let mut rng = fastrand::Rng::with_seed(8);
        for _ in 0..500 {
            let mut all = random(&mut rng);
            let bins = reliability(&all, BINS).expect("risks");
            let sizes: Vec<usize> = bins.iter().map(|bin| bin.cases).collect();
            assert_eq!(sizes.iter().sum::<usize>(), all.len());
            let spread = sizes.iter().max().zip(sizes.iter().min()).map(|(a, b)| a - b);
            assert!(spread <= Some(1), "{sizes:?}");
            rng.shuffle(&mut all);
            assert_eq!(reliability(&all, BINS), Some(bins));
        }
    }

    #[test]
    fn groups_as_likely_as_said_are_calibrated() {
        // One of four at 1/4, three of four at 3/4.
        let right = cases(&[
            (0.25, 1),
            (0.25, 0),
            (0.25, 0),
            (0.25, 0),
            (0.75, 1),
            (0.75, 1),
            (0.75, 1),
            (0.75, 0),
        ]);
        let got = recalibration(&right).expect("not separated");
        assert!(
            (got.slope - 1.0).abs() < 1e-9
                && got.intercept.abs() < 1e-9
                && got.in_the_large.abs() < 1e-9,
            "{got:?}"
        );
        assert!(near(expected_calibration_error(&right).expect("risks"), 0.0));
    }

    #[test]
    fn risks_too_extreme_have_a_slope_below_one_and_risks_too_low_an_intercept_above_zero() {
        let groups = |low: f64, high: f64| {
            cases(&[
                (low, 1),
                (low, 0),
                (low, 0),
                (low, 0),
                (high, 1),
                (high, 1),
                (high, 1),
                (high, 0),
            ])
        };
        // Log-odds of 1/10 and 9/10 are twice those of 1/4 and 3/4: slope ln 3 / ln 9.
        let extreme = recalibration(&groups(0.1, 0.9)).expect("not separated");
        assert!((extreme.slope - 0.5).abs() < 1e-9, "{extreme:?}");
        let too_low = recalibration(&groups(0.1, 0.5)).expect("not separated");
        assert!(
            (too_low.slope - 1.0).abs() < 1e-9
                && (too_low.in_the_large - 3.0_f64.ln()).abs() < 1e-9,
            "{too_low:?}"
        );
    }

    #[test]
    fn one_class_alone_has_no_recalibration() {
        assert_eq!(recalibration(&cases(&[(0.2, 0), (0.4, 0)])), None);
    }
}

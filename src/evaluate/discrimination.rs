//! Do events score higher than others? Area under the receiver operating characteristic and the precision-recall curve.

use super::{Case, counts, sorted, ties};

/// Area under the ROC curve with its uncertainty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Auroc {
    /// Probability that a random event scores above a random other, ties counted half; 0..=1.
    pub area: f64,
    /// Standard error after DeLong; `None` with fewer than two events or two others.
    pub standard_error: Option<f64>,
}

impl Auroc {
    /// 95 % interval, within 0..=1; `None` with the standard error.
    pub fn interval(&self) -> Option<[f64; 2]> {
        // 97.5th percentile of the standard normal distribution.
        let half = 1.959_963_984_540_054 * self.standard_error?;
        Some([self.area - half, self.area + half].map(|end| end.clamp(0.0, 1.0)))
    }
}

/// Area under the ROC curve by ranks, n log n; `None` without an event, without another, or with a NaN.
///
/// The standard error is DeLong's (Biometrics 1988;44:837-845) by mid-ranks (Sun and Xu, IEEE Signal Process Lett
/// 2014;21:1389-1393): deterministic, unlike a bootstrap. Cases must be independent: one score a patient.
pub fn auroc(cases: &[Case]) -> Option<Auroc> {
    let sorted = sorted(cases)?;
    let [events, others] = counts(cases).map(|n| n as f64);
    if events == 0.0 || others == 0.0 {
        return None;
    }
    // For an event the share of others below it, for another the share of events above it; ties count half.
    let (mut of_events, mut of_others) = (Moments::default(), Moments::default());
    let (mut events_below, mut others_below) = (0.0, 0.0);
    for tie in ties(&sorted) {
        let [tied_events, tied_others] = counts(tie).map(|n| n as f64);
        of_events.add((others_below + tied_others / 2.0) / others, tied_events);
        of_others.add(1.0 - (events_below + tied_events / 2.0) / events, tied_others);
        events_below += tied_events;
        others_below += tied_others;
    }
    let error = |a: f64, b: f64| (a / events + b / others).max(0.0).sqrt();
    let standard_error = of_events.variance().zip(of_others.variance()).map(|(a, b)| error(a, b));
    Some(Auroc { area: of_events.mean, standard_error })
}

/// Weighted running mean and sum of squared deviations (West 1979): no cancellation, whatever the mean.
#[derive(Default)]
struct Moments {
    weight: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64, weight: f64) {
        if weight > 0.0 {
            self.weight += weight;
            let away = value - self.mean;
            self.mean += away * weight / self.weight;
            self.squares += weight * away * (value - self.mean);
        }
    }

    fn variance(&self) -> Option<f64> {
        (self.weight >= 2.0).then(|| self.squares / (self.weight - 1.0))
    }
}

/// Average precision: the mean over events of the precision at the event's score (equal scores enter together),
/// that is the precision-recall curve summed in steps, not interpolated. 0..=1; the share of events is what chance
/// gives. `None` without an event or with a NaN.
pub fn average_precision(cases: &[Case]) -> Option<f64> {
    let sorted = sorted(cases)?;
    let [events, _] = counts(cases);
    let (mut taken, mut hits, mut sum) = (0, 0, 0.0);
    for tie in ties(&sorted).rev() {
        let [tied_events, _] = counts(tie);
        taken += tie.len();
        hits += tied_events;
        sum += tied_events as f64 * hits as f64 / taken as f64;
    }
    (events > 0).then(|| sum / events as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::testing::{cases, near, random};

    #[test]
    fn a_small_case_agrees_with_the_hand() {
        // Others .1 .4, events .35 .8: three of four pairs are in order.
        let four = cases(&[(0.1, 0), (0.4, 0), (0.35, 1), (0.8, 1)]);
        let got = auroc(&four).expect("both classes");
        assert!(near(got.area, 0.75));
        // Events' shares .5 and 1, others' shares 1 and .5: each variance .125, so sqrt(.125/2 + .125/2).
        assert!(near(got.standard_error.expect("two of each"), 0.125_f64.sqrt()));
        // Descending: .8 hit (1/1), .4 miss, .35 hit (2/3): (1 + 2/3) / 2.
        assert!(near(average_precision(&four).expect("events"), 5.0 / 6.0));
    }

    #[test]
    fn perfect_reversed_and_constant_scores_have_their_known_areas() {
        let perfect = cases(&[(1.0, 0), (2.0, 0), (3.0, 1), (4.0, 1)]);
        let reversed: Vec<Case> = perfect.iter().map(|c| Case { score: -c.score, ..*c }).collect();
        let constant: Vec<Case> = perfect.iter().map(|c| Case { score: 7.0, ..*c }).collect();
        let area = |cases: &[Case]| auroc(cases).map(|a| a.area);
        assert_eq!(
            [area(&perfect), area(&reversed), area(&constant)],
            [Some(1.0), Some(0.0), Some(0.5)]
        );
        assert_eq!(auroc(&perfect).and_then(|a| a.interval()), Some([1.0, 1.0]));
        assert_eq!(
            [average_precision(&perfect), average_precision(&constant)],
            [Some(1.0), Some(0.5)]
        );
    }

    #[test]
    fn one_class_alone_or_a_nan_has_no_area() {
        assert_eq!(auroc(&[]), None);
        assert_eq!(auroc(&cases(&[(0.1, 1), (0.2, 1)])), None);
        assert_eq!(average_precision(&cases(&[(0.1, 0)])), None);
        let with_nan = cases(&[(0.1, 0), (f64::NAN, 1)]);
        assert_eq!((auroc(&with_nan), average_precision(&with_nan)), (None, None));
        let one_of_each = auroc(&cases(&[(0.1, 0), (0.2, 1)])).expect("both classes");
        assert_eq!((one_of_each.area, one_of_each.interval()), (1.0, None));
    }

    /// How an event compares with another: 1, 0.5 or 0.
    fn order(event: &Case, other: &Case) -> f64 {
        f64::from(u8::from(event.score > other.score))
            + f64::from(u8::from(event.score == other.score)) / 2.0
    }

    fn variance(values: &[f64]) -> f64 {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64
    }

    #[test]
    fn ranks_agree_with_counting_every_pair() {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut compared_errors = 0;
        for _ in 0..2_000 {
            let all = random(&mut rng);
            let (events, others): (Vec<Case>, Vec<Case>) = all.iter().partition(|c| c.event);
            let mean = |of: &Case, against: &[Case], flip: bool| {
                let pair = |a: &Case| if flip { order(a, of) } else { order(of, a) };
                against.iter().map(pair).sum::<f64>() / against.len() as f64
            };
            let by_event: Vec<f64> = events.iter().map(|e| mean(e, &others, false)).collect();
            let by_other: Vec<f64> = others.iter().map(|o| mean(o, &events, true)).collect();
            let got = auroc(&all).expect("both classes");
            assert!(near(got.area, by_event.iter().sum::<f64>() / events.len() as f64), "{all:?}");
            if let Some(error) = got.standard_error {
                let expected = variance(&by_event) / events.len() as f64
                    + variance(&by_other) / others.len() as f64;
                assert!(near(error * error, expected), "{all:?}");
                compared_errors += 1;
            }
        }
        assert!(compared_errors > 1_000, "{compared_errors}");
    }

    #[test]
    fn average_precision_agrees_with_one_threshold_at_a_time() {
        let mut rng = fastrand::Rng::with_seed(2);
        for _ in 0..2_000 {
            let all = random(&mut rng);
            let precision_at = |threshold: f64| {
                let taken: Vec<&Case> = all.iter().filter(|c| c.score >= threshold).collect();
                taken.iter().filter(|c| c.event).count() as f64 / taken.len() as f64
            };
            let precisions: Vec<f64> =
                all.iter().filter(|c| c.event).map(|c| precision_at(c.score)).collect();
            let expected = precisions.iter().sum::<f64>() / precisions.len() as f64;
            assert!(near(average_precision(&all).expect("events"), expected), "{all:?}");
        }
    }

    #[test]
    fn the_order_of_cases_does_not_matter() {
        let mut rng = fastrand::Rng::with_seed(4);
        for _ in 0..200 {
            let mut all = random(&mut rng);
            let before = (auroc(&all), average_precision(&all));
            rng.shuffle(&mut all);
            assert_eq!(before, (auroc(&all), average_precision(&all)));
        }
    }
}

//! Fitting of calibration maps: Platt's logistic and isotonic regression. What comes out is plain numbers for a map.

use super::{Case, counts, logistic, sorted};

/// Why no calibration can be fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    /// A score is NaN or infinite.
    #[error("a score is not a finite number")]
    NotFinite,
    /// Events and others are both needed.
    #[error("the cases hold no event, or nothing but events")]
    OneClass,
    /// A higher score goes with fewer events: no rising map fits.
    #[error("risk falls as the score rises")]
    Falling,
    /// Newton's method found no minimum.
    #[error("the fit did not converge")]
    NotConverged,
}

/// Log-odds of the risk = `slope` * score + `intercept`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Platt {
    /// Zero or more.
    pub slope: f64,
    /// Log-odds at score 0.
    pub intercept: f64,
}

/// Platt's calibration with his smoothed targets, (n1 + 1) / (n1 + 2) for the n1 events and 1 / (n0 + 2) for the n0
/// others, which keep it finite even where the score separates the classes
/// (Platt 1999; Lin, Lin and Weng, Machine Learning 2007;68:267-276).
///
/// # Errors
/// Unusable scores, one class only, a score that falls with the risk.
pub fn platt(cases: &[Case]) -> Result<Platt, FitError> {
    let [events, others] = usable(cases)?.map(|n| n as f64);
    let of_event = (events + 1.0) / (events + 2.0);
    let of_other = 1.0 / (others + 2.0);
    let points: Vec<logistic::Point> = cases
        .iter()
        .map(|case| (case.score, if case.event { of_event } else { of_other }))
        .collect();
    match logistic::fit(&points) {
        None => Err(FitError::NotConverged),
        Some(line) if line.slope < 0.0 => Err(FitError::Falling),
        Some(logistic::Line { slope, intercept }) => Ok(Platt { slope, intercept }),
    }
}

/// One level of an isotonic fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Lowest score at this level.
    pub lowest: f64,
    /// Highest score at this level.
    pub highest: f64,
    /// Weight of its observations.
    pub weight: f64,
    /// Weighted mean of its observations.
    pub value: f64,
}

/// The rising step function nearest to the observations (score, value, weight above zero) in weighted squares, by
/// pooling adjacent violators. Equal scores get equal values. Levels rise strictly in score and in value.
pub fn pool_adjacent_violators(observations: &[(f64, f64, f64)]) -> Vec<Level> {
    let mut sorted = observations.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut levels: Vec<Level> = Vec::new();
    for (score, value, weight) in sorted {
        let mut new = Level { lowest: score, highest: score, weight, value };
        // Equal scores pool whatever their values; after that, whoever is not above the level before it.
        while let Some(last) =
            levels.pop_if(|last| last.highest == new.lowest || last.value >= new.value)
        {
            new = pooled(last, new);
        }
        levels.push(new);
    }
    levels
}

fn pooled(a: Level, b: Level) -> Level {
    let weight = a.weight + b.weight;
    let value = (a.value * a.weight + b.value * b.weight) / weight;
    Level { lowest: a.lowest, highest: b.highest, weight, value }
}

/// Knots (score, risk) of an isotonic calibration: each level's ends, so that lines between the knots are flat on a
/// level and rise between levels. Risks are held within 1/(n+2)..=(n+1)/(n+2): n cases never prove certainty.
///
/// # Errors
/// Unusable scores, one class only.
pub fn isotonic(cases: &[Case]) -> Result<Vec<[f64; 2]>, FitError> {
    usable(cases)?;
    let observation = |case: &Case| (case.score, f64::from(u8::from(case.event)), 1.0);
    // In sorted order and class order, so that rounding does not depend on the order of the cases.
    let mut ordered = sorted(cases).ok_or(FitError::NotFinite)?;
    ordered.sort_by(|a, b| a.score.total_cmp(&b.score).then(a.event.cmp(&b.event)));
    let levels = pool_adjacent_violators(&ordered.iter().map(observation).collect::<Vec<_>>());
    let surest = 1.0 / (cases.len() as f64 + 2.0);
    let mut knots: Vec<[f64; 2]> = levels
        .iter()
        .flat_map(|level| {
            let risk = level.value.clamp(surest, 1.0 - surest);
            [[level.lowest, risk], [level.highest, risk]]
        })
        .collect();
    knots.dedup_by(|a, b| a[0] == b[0]);
    Ok(knots)
}

/// How many events and others, if a calibration can be fitted at all.
fn usable(cases: &[Case]) -> Result<[usize; 2], FitError> {
    if !cases.iter().all(|case| case.score.is_finite()) {
        return Err(FitError::NotFinite);
    }
    let both = counts(cases);
    if both.contains(&0) { Err(FitError::OneClass) } else { Ok(both) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::testing::{cases, near, random};

    #[test]
    fn platt_meets_its_smoothed_targets_where_two_scores_decide() {
        // Score 0: two others at 1/4; score 1: two events at 3/4. The line goes through -ln 3 and ln 3.
        let got = platt(&cases(&[(0.0, 0), (0.0, 0), (1.0, 1), (1.0, 1)])).expect("fits");
        assert!((got.slope - 2.0 * 3.0_f64.ln()).abs() < 1e-9, "{got:?}");
        assert!((got.intercept + 3.0_f64.ln()).abs() < 1e-9, "{got:?}");
    }

    #[test]
    fn what_cannot_be_calibrated_says_why() {
        assert_eq!(platt(&cases(&[(0.0, 1), (1.0, 0)])), Err(FitError::Falling));
        assert_eq!(platt(&cases(&[(0.0, 1)])), Err(FitError::OneClass));
        assert_eq!(isotonic(&cases(&[])), Err(FitError::OneClass));
        let nan = cases(&[(f64::NAN, 1), (0.0, 0)]);
        assert_eq!(
            (platt(&nan), isotonic(&nan)),
            (Err(FitError::NotFinite), Err(FitError::NotFinite))
        );
    }

    #[test]
    fn platt_keeps_the_mean_of_its_targets() {
        let mut rng = fastrand::Rng::with_seed(12);
        let mut fitted = 0;
        for _ in 0..500 {
            let all = random(&mut rng);
            let Ok(line) = platt(&all) else { continue };
            let risk = |c: &Case| 1.0 / (1.0 + (-(line.slope * c.score + line.intercept)).exp());
            let [events, others] = counts(&all).map(|n| n as f64);
            let targets = events * (events + 1.0) / (events + 2.0) + others / (others + 2.0);
            assert!((all.iter().map(risk).sum::<f64>() - targets).abs() < 1e-6, "{all:?}");
            fitted += 1;
        }
        assert!(fitted > 150, "only {fitted} rose");
    }

    #[test]
    fn violators_are_pooled_as_by_hand() {
        let observations =
            [(1.0, 1.0, 1.0), (2.0, 3.0, 1.0), (3.0, 2.0, 1.0), (4.0, 2.0, 2.0), (5.0, 6.0, 1.0)];
        let got = pool_adjacent_violators(&observations);
        let levels: Vec<_> = got.iter().map(|l| (l.lowest, l.highest, l.weight, l.value)).collect();
        assert_eq!(levels, [(1.0, 1.0, 1.0, 1.0), (2.0, 4.0, 4.0, 2.25), (5.0, 5.0, 1.0, 6.0)]);
    }

    /// Least weighted squares over every cut into runs whose means never fall; observations have distinct rising scores.
    fn brute_force(observations: &[(f64, f64, f64)]) -> f64 {
        let cuts = 1_u32 << (observations.len() - 1);
        let squares = |cut: u32| {
            let (mut start, mut before, mut sum) = (0, f64::NEG_INFINITY, 0.0);
            for end in 1..=observations.len() {
                if end < observations.len() && cut >> (end - 1) & 1 == 0 {
                    continue;
                }
                let run = &observations[start..end];
                let weight: f64 = run.iter().map(|o| o.2).sum();
                let mean = run.iter().map(|o| o.1 * o.2).sum::<f64>() / weight;
                if mean < before - 1e-12 {
                    return f64::INFINITY;
                }
                sum += run.iter().map(|o| o.2 * (o.1 - mean).powi(2)).sum::<f64>();
                (start, before) = (end, mean);
            }
            sum
        };
        (0..cuts).map(squares).fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn pooling_is_as_good_as_the_best_of_all_cuts() {
        let mut rng = fastrand::Rng::with_seed(13);
        for _ in 0..1_000 {
            let count = rng.usize(1..10);
            let draw = |i: usize, rng: &mut fastrand::Rng| {
                (i as f64, f64::from(rng.u8(..6)), f64::from(rng.u8(1..4)))
            };
            let observations: Vec<_> = (0..count).map(|i| draw(i, &mut rng)).collect();
            let levels = pool_adjacent_violators(&observations);
            assert!(
                levels.windows(2).all(|w| w[0].highest < w[1].lowest && w[0].value < w[1].value)
            );
            let level = |score: f64| {
                levels.iter().find(|l| (l.lowest..=l.highest).contains(&score)).map(|l| l.value)
            };
            let squares: f64 = observations
                .iter()
                .map(|(s, v, w)| w * (v - level(*s).expect("a level")).powi(2))
                .sum();
            assert!(near(squares, brute_force(&observations)), "{observations:?}");
        }
    }

    #[test]
    fn equal_scores_share_a_level_whatever_their_order() {
        let mut rng = fastrand::Rng::with_seed(14);
        for _ in 0..500 {
            let mut all = random(&mut rng);
            let knots = isotonic(&all).expect("both classes");
            assert!(knots.windows(2).all(|w| w[0][0] < w[1][0] && w[0][1] <= w[1][1]), "{knots:?}");
            assert!(knots.iter().all(|[_, risk]| *risk > 0.0 && *risk < 1.0), "{knots:?}");
            rng.shuffle(&mut all);
            assert_eq!(isotonic(&all), Ok(knots));
        }
    }

    #[test]
    fn isotonic_knots_agree_with_the_hand() {
        let got = isotonic(&cases(&[(1.0, 0), (2.0, 1), (3.0, 0), (3.0, 1), (4.0, 1), (5.0, 1)]))
            .expect("fits");
        // Level 0 at score 1; 2/3 over scores 2 and 3; 1 over 4 and 5; ends held to 1/8 and 7/8.
        assert_eq!(
            got,
            [[1.0, 0.125], [2.0, 2.0 / 3.0], [3.0, 2.0 / 3.0], [4.0, 0.875], [5.0, 0.875]]
        );
    }
}

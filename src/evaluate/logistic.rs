//! Logistic regression on one predictor by Newton's method.

/// A fitted line in log-odds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Line {
    pub(super) slope: f64,
    pub(super) intercept: f64,
}

/// One observation: predictor, and target in 0..=1.
pub(super) type Point = (f64, f64);

const MOST_STEPS: usize = 100;
const MOST_HALVINGS: i32 = 50;
/// Converged where the gradient per observation is below this.
const TOLERANCE: f64 = 1e-12;
/// Good enough where rounding allows no further step.
const LEVEL: f64 = 1e-6;
/// Curvature per observation, and its spread over the standardised predictor, that count as none.
const FLAT: f64 = 1e-8;

/// The line of least logarithmic loss; `None` where there is none (no points, separated classes) or it is not found.
///
/// A constant predictor has slope 0. Newton with the step halved until the loss falls, on the standardised
/// predictor (Lin, Lin and Weng, Machine Learning 2007;68:267-276).
pub(super) fn fit(points: &[Point]) -> Option<Line> {
    let count = points.len() as f64;
    let mean_of = |of: fn(&Point) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (mean, target) = (mean_of(|(x, _)| *x), mean_of(|(_, target)| *target));
    let deviation = (points.iter().map(|(x, _)| (x - mean).powi(2)).sum::<f64>() / count).sqrt();
    if !deviation.is_finite() {
        return None;
    }
    if deviation == 0.0 {
        let open = 0.0 < target && target < 1.0;
        return open.then(|| Line { slope: 0.0, intercept: (target / (1.0 - target)).ln() });
    }
    let standard: Vec<Point> = points.iter().map(|(x, t)| ((x - mean) / deviation, *t)).collect();
    let [slope, intercept] = newton([0.0, 0.0], &standard, |at| derivatives(&standard, at))?;
    // Where the classes are separated the loss is flat long before the line is infinitely steep: what still
    // curves it sits at one place, or nowhere.
    let [xx, x1, one] = derivatives(&standard, [slope, intercept]).hessian;
    let spread = (xx * one - x1 * x1) / (one * one);
    let held = one > FLAT * count && spread > FLAT;
    held.then(|| Line { slope: slope / deviation, intercept: intercept - slope * mean / deviation })
}

/// The intercept of least logarithmic loss beside a slope of 1; `None` where all targets are 0 or all are 1.
pub(super) fn fit_intercept(points: &[Point]) -> Option<f64> {
    let only_intercept = |at| {
        let mut d = derivatives(points, at);
        d.gradient[0] = 0.0;
        d.hessian = [0.0, 0.0, d.hessian[2]];
        d
    };
    let [slope, intercept] = newton([1.0, 0.0], points, only_intercept)?;
    let [.., curvature] = derivatives(points, [slope, intercept]).hessian;
    (curvature > FLAT * points.len() as f64).then_some(intercept)
}

/// Follows the derivatives down from `start`.
fn newton(
    start: [f64; 2],
    points: &[Point],
    derive: impl Fn([f64; 2]) -> Derivatives,
) -> Option<[f64; 2]> {
    let mut at = start;
    let mut loss = loss_of(points, at);
    for _ in 0..MOST_STEPS {
        let Derivatives { gradient, hessian } = derive(at);
        let steepest =
            gradient.iter().fold(0.0_f64, |most, g| most.max(g.abs())) / points.len() as f64;
        if steepest <= TOLERANCE {
            return Some(at);
        }
        let step = solve(hessian, gradient);
        let try_at = |share: f64| [at[0] - share * step[0], at[1] - share * step[1]];
        let tried = (0..MOST_HALVINGS).map(|halvings| try_at(0.5_f64.powi(halvings)));
        let Some((next, lower)) =
            tried.map(|next| (next, loss_of(points, next))).find(|(_, l)| *l < loss)
        else {
            // Nothing is better to the last bit: this is the minimum, if the loss is level here at all.
            return (steepest <= LEVEL).then_some(at);
        };
        (at, loss) = (next, lower);
    }
    None
}

/// First and second derivatives of the loss by slope and intercept.
struct Derivatives {
    gradient: [f64; 2],
    /// By slope twice, slope and intercept, intercept twice.
    hessian: [f64; 3],
}

fn derivatives(points: &[Point], [slope, intercept]: [f64; 2]) -> Derivatives {
    let mut d = Derivatives { gradient: [0.0; 2], hessian: [0.0; 3] };
    for (x, target) in points {
        let p = 1.0 / (1.0 + (-(slope * x + intercept)).exp());
        let (away, curvature) = (p - target, p * (1.0 - p));
        d.gradient = [d.gradient[0] + away * x, d.gradient[1] + away];
        let [xx, x1, one] = d.hessian;
        d.hessian = [xx + curvature * x * x, x1 + curvature * x, one + curvature];
    }
    d
}

/// Newton's step; a small ridge keeps it defined where the loss is flat, and where only the intercept is free.
fn solve([xx, x1, one]: [f64; 3], [by_slope, by_intercept]: [f64; 2]) -> [f64; 2] {
    const RIDGE: f64 = 1e-12;
    let (xx, one) = (xx + RIDGE, one + RIDGE);
    let determinant = xx * one - x1 * x1;
    [
        (one * by_slope - x1 * by_intercept) / determinant,
        (xx * by_intercept - x1 * by_slope) / determinant,
    ]
}

fn loss_of(points: &[Point], [slope, intercept]: [f64; 2]) -> f64 {
    let loss = |(x, target): &Point| {
        let z = slope * x + intercept;
        // ln(1 + e^z) - target * z, without overflow.
        z.max(0.0) + (-z.abs()).exp().ln_1p() - target * z
    };
    points.iter().map(loss).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_groups_give_the_line_through_their_log_odds() {
        // At 0 one of four, at 1 three of four: log-odds -ln 3 and ln 3.
        let points: Vec<Point> = [(0.0, [1.0, 0.0, 0.0, 0.0]), (1.0, [1.0, 1.0, 1.0, 0.0])]
            .into_iter()
            .flat_map(|(x, targets)| targets.map(|t| (x, t)))
            .collect();
        let line = fit(&points).expect("not separated");
        assert!((line.slope - 2.0 * 3.0_f64.ln()).abs() < 1e-9, "{line:?}");
        assert!((line.intercept + 3.0_f64.ln()).abs() < 1e-9, "{line:?}");
    }

    #[test]
    fn separated_classes_have_no_line_and_a_constant_predictor_has_slope_zero() {
        assert_eq!(fit(&[(0.0, 0.0), (1.0, 1.0)]), None);
        assert_eq!(fit(&[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)]), None, "separated but for a tie");
        assert_eq!(fit(&[(0.0, 1.0), (1.0, 1.0)]), None, "one class");
        assert_eq!(fit(&[]), None);
        assert_eq!(fit(&[(f64::INFINITY, 0.0), (1.0, 1.0)]), None);
        let flat = fit(&[(5.0, 0.0), (5.0, 0.0), (5.0, 1.0)]).expect("an intercept");
        assert!(
            flat.slope.abs() < 1e-9 && (flat.intercept + 2.0_f64.ln()).abs() < 1e-9,
            "{flat:?}"
        );
    }

    #[test]
    fn the_fitted_line_is_better_than_its_neighbours() {
        let mut random = fastrand::Rng::with_seed(6);
        let mut compared = 0;
        for _ in 0..300 {
            let scale = 10.0_f64.powi(random.i32(-3..4));
            let points: Vec<Point> =
                (0..60).map(|_| (random.f64() * scale, f64::from(random.u8(..10)) / 9.0)).collect();
            let line = fit(&points).expect("not separated");
            let best = loss_of(&points, [line.slope, line.intercept]);
            for (a, b) in [(1e-3, 0.0), (-1e-3, 0.0), (0.0, 1e-3), (0.0, -1e-3)] {
                let near = loss_of(&points, [line.slope + a / scale, line.intercept + b]);
                assert!(best <= near + 1e-12, "{line:?}");
                compared += 1;
            }
        }
        assert_eq!(compared, 1_200);
    }
}

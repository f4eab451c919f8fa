//! How well scores and risks do against outcomes: discrimination, calibration, and the fitting of calibrations. Pure.

pub mod bootstrap;
pub mod calibration;
pub mod challenge;
pub mod discrimination;
pub mod fit;
mod logistic;
pub mod utility;

/// One patient as scored and as it turned out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Case {
    /// Score or risk; higher speaks for the event. Never NaN: a case with a NaN makes every measure `None`.
    pub score: f64,
    /// True where the outcome happened.
    pub event: bool,
}

/// The cases by rising score, or `None` where a score is NaN.
fn sorted(cases: &[Case]) -> Option<Vec<Case>> {
    let mut sorted = cases.to_vec();
    sorted.sort_by(|a, b| a.score.total_cmp(&b.score));
    cases.iter().all(|case| !case.score.is_nan()).then_some(sorted)
}

/// Runs of equal score in sorted cases (0.0 and -0.0 are equal).
fn ties(sorted: &[Case]) -> impl DoubleEndedIterator<Item = &[Case]> {
    sorted.chunk_by(|a, b| a.score == b.score)
}

/// How many events and how many others.
fn counts(cases: &[Case]) -> [usize; 2] {
    let events = cases.iter().filter(|case| case.event).count();
    [events, cases.len() - events]
}

#[cfg(test)]
mod testing {
    use super::Case;

    /// Cases from pairs of score and 0 or 1.
    pub(super) fn cases(pairs: &[(f64, u8)]) -> Vec<Case> {
        pairs.iter().map(|(score, event)| Case { score: *score, event: *event == 1 }).collect()
    }

    /// Random cases on a coarse grid, so that ties occur; at least one of each class.
    pub(super) fn random(random: &mut fastrand::Rng) -> Vec<Case> {
        let count = random.usize(2..40);
        let steps = f64::from(random.u8(1..30));
        let score = |random: &mut fastrand::Rng| (random.f64() * steps).round() / steps;
        let mut all: Vec<Case> =
            (0..count).map(|_| Case { score: score(random), event: random.bool() }).collect();
        all.extend([true, false].map(|event| Case { score: score(random), event }));
        random.shuffle(&mut all);
        all
    }

    pub(super) fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }
}

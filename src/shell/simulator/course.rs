//! How ill a patient is, which nobody in the pipeline ever sees.

use super::random::Random;
use crate::types::{EventTime, Span};

/// What happens to a patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CourseKind {
    /// Stays as ill as on admission, which is not very.
    Stable,
    /// Comes in ill and gets better.
    Improving,
    /// Deteriorates like in sepsis: fever, tachycardia, low pressure, lactate.
    Septic,
    /// Deteriorates like in pneumonia or exacerbated lung disease: breathing first, then oxygen.
    Respiratory,
    /// Deteriorates like in heart failure: pressure, congestion, troponin.
    Cardiac,
}

impl CourseKind {
    /// True for courses that get worse.
    pub const fn deteriorates(self) -> bool {
        matches!(self, Self::Septic | Self::Respiratory | Self::Cardiac)
    }
}

/// The truth about a patient at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latent {
    /// What happens to them.
    pub course: CourseKind,
    /// How ill they are: 0 well, 1 dying.
    pub severity: f64,
}

impl Latent {
    /// Probability of the bad outcome within the next day if nothing changed, 0..=1: the truth a risk should rank by.
    pub fn outcome_probability(&self) -> f64 {
        let s = self.severity;
        0.005 + 0.7 * s * s * s
    }
}

/// How often severity moves.
pub(super) const STEP: Span = Span::minutes(5);

#[derive(Clone, Debug)]
pub(super) struct Course {
    pub(super) kind: CourseKind,
    pub(super) severity: f64,
    /// Where severity tends to, by phase: before the onset, from the onset on, from the turn on.
    levels: [f64; 3],
    onset: EventTime,
    turn: EventTime,
    /// Share of the distance to the level that is gone in a step.
    pace: f64,
}

impl Course {
    /// The course of a patient admitted at `admitted`. One in five deteriorates.
    pub(super) fn draw(random: &mut Random, admitted: EventTime) -> Self {
        let draw = random.unit();
        let kind = match draw {
            d if d < 0.60 => CourseKind::Stable,
            d if d < 0.80 => CourseKind::Improving,
            d if d < 0.88 => CourseKind::Septic,
            d if d < 0.95 => CourseKind::Respiratory,
            _ => CourseKind::Cardiac,
        };
        let base = random.between(0.02, 0.25);
        let onset = admitted + random.skewed_span(Span::hours(3), Span::hours(72));
        let turn = onset + random.span(Span::hours(10), Span::hours(40));
        let peak = random.between(0.6, 1.0);
        let recovers = random.chance(0.7);
        let (severity, levels) = match kind {
            CourseKind::Stable => (base, [base; 3]),
            CourseKind::Improving => (random.between(0.4, 0.75), [0.08; 3]),
            _ => (base, [base, peak, if recovers { 0.15 } else { peak }]),
        };
        // Time constants of 3 to 12 hours (STEP over them); recovery takes as long as decline.
        let pace = STEP.as_seconds() / (3_600.0 * random.between(3.0, 12.0));
        Self { kind, severity, levels, onset, turn, pace }
    }

    /// Moves on by one [`STEP`].
    pub(super) fn step(&mut self, random: &mut Random, now: EventTime) {
        let phase = usize::from(now >= self.onset) + usize::from(now >= self.turn);
        self.severity += (self.levels[phase] - self.severity) * self.pace + 0.006 * random.normal();
        self.severity = self.severity.clamp(0.0, 1.0);
    }

    pub(super) fn latent(&self) -> Latent {
        Latent { course: self.kind, severity: self.severity }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn courses_do_what_their_names_say() {
        let start = EventTime::from_millis(0);
        let mut seen = [0; 3];
        for number in 0..400 {
            let mut random = Random::new(3, number);
            let mut course = Course::draw(&mut random, start);
            let (first, mut highest) = (course.severity, course.severity);
            let mut now = start;
            for _ in 0..(96 * 12) {
                now = now + STEP;
                course.step(&mut random, now);
                highest = highest.max(course.severity);
                assert!((0.0..=1.0).contains(&course.severity));
            }
            match course.kind {
                CourseKind::Stable => {
                    assert!(highest < 0.4, "{number}: {highest}");
                    seen[0] += 1;
                }
                CourseKind::Improving => {
                    assert!(course.severity < first, "{number}");
                    seen[1] += 1;
                }
                _ => {
                    assert!(highest > first + 0.2, "{number}: {first} to {highest}");
                    seen[2] += 1;
                }
            }
        }
        assert!(seen.iter().all(|n| *n > 40), "{seen:?}");
    }

    #[test]
    fn the_outcome_is_likelier_the_more_severe() {
        let at = |severity| Latent { course: CourseKind::Stable, severity }.outcome_probability();
        assert!(at(0.0) < at(0.5) && at(0.5) < at(1.0) && at(1.0) <= 1.0 && at(0.0) > 0.0);
    }
}

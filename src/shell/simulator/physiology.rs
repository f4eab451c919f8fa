//! From how ill a patient is to what can be measured on them.

use super::course::CourseKind;
use super::random::Random;
use crate::types::EventTime;

/// How strongly severity acts on each sign, 1 being the full effect in [`Physiology::signs`].
struct Weights {
    heart: f64,
    breathing: f64,
    oxygen: f64,
    pressure: f64,
    fever: f64,
    mind: f64,
}

const fn weights(kind: CourseKind) -> Weights {
    let [heart, breathing, oxygen, pressure, fever, mind] = match kind {
        CourseKind::Stable | CourseKind::Improving => [0.7, 0.7, 0.6, 0.5, 0.4, 0.4],
        CourseKind::Septic => [1.0, 0.8, 0.5, 1.0, 1.0, 0.9],
        CourseKind::Respiratory => [0.7, 1.2, 1.2, 0.2, 0.5, 0.7],
        CourseKind::Cardiac => [0.6, 0.9, 0.8, 1.1, 0.0, 0.7],
    };
    Weights { heart, breathing, oxygen, pressure, fever, mind }
}

/// What a perfect instrument would show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Signs {
    pub(super) heart_rate: f64,
    pub(super) respiratory_rate: f64,
    pub(super) spo2: f64,
    pub(super) systolic: f64,
    pub(super) diastolic: f64,
    pub(super) temperature: f64,
}

/// One patient's body: what they are like when well, and what varies.
#[derive(Clone, Debug)]
pub(super) struct Physiology {
    kind: CourseKind,
    well: Signs,
    /// Hypercapnic patients with a documented target of 88 to 92 % (NEWS2 scale 2).
    pub(super) scale_2: bool,
    /// Oxygen given, L/min; 0 is room air.
    pub(super) oxygen_flow: f64,
    /// Slow common drift of heart, breath and pressure (pain, sleep, visitors): mean 0, deviation about 1.
    arousal: f64,
}

impl Physiology {
    pub(super) fn draw(random: &mut Random, kind: CourseKind) -> Self {
        let scale_2 = random.chance(0.03);
        let systolic = random.between(112.0, 148.0);
        let well = Signs {
            heart_rate: random.between(58.0, 86.0),
            respiratory_rate: random.between(12.5, 17.0),
            spo2: if scale_2 { random.between(89.0, 92.0) } else { random.between(96.0, 99.0) },
            systolic,
            diastolic: systolic * random.between(0.56, 0.66),
            temperature: random.between(36.4, 37.0),
        };
        Self { kind, well, scale_2, oxygen_flow: 0.0, arousal: random.normal() }
    }

    /// Moves the slow drift on by one step of the course.
    pub(super) fn step(&mut self, random: &mut Random) {
        self.arousal = 0.9 * self.arousal + 0.436 * random.normal();
    }

    /// The signs at this severity and time of day. Fever drives the heart (about 8 beats a degree) and breathing.
    pub(super) fn signs(&self, severity: f64, now: EventTime) -> Signs {
        let weight = weights(self.kind);
        let day = day_wave(now);
        let fever = 2.4 * weight.fever * severity;
        let pressure_drop = 48.0 * weight.pressure * severity * severity;
        let (well, arousal) = (&self.well, self.arousal);
        let desaturation = 11.0 * weight.oxygen * severity;
        let relief = (1.2 * self.oxygen_flow).min(0.7 * desaturation);
        Signs {
            heart_rate: well.heart_rate
                + 36.0 * weight.heart * severity
                + 8.0 * fever
                + 4.0 * day
                + 3.0 * arousal,
            respiratory_rate: well.respiratory_rate
                + 13.0 * weight.breathing * severity
                + 1.2 * fever
                + 0.6 * arousal,
            spo2: (well.spo2 - desaturation + relief).clamp(50.0, 100.0),
            systolic: well.systolic - pressure_drop + 4.0 * day + 3.5 * arousal,
            diastolic: well.diastolic - 0.6 * pressure_drop + 2.0 * day + 2.0 * arousal,
            temperature: well.temperature + fever + 0.25 * day,
        }
    }

    /// Place on the ACVPU scale: 0 alert, 1 new confusion, 2 voice, 3 pain, 4 unresponsive.
    pub(super) fn consciousness(&self, severity: f64) -> usize {
        let clouded = weights(self.kind).mind * severity;
        [0.52, 0.66, 0.76, 0.84].iter().filter(|from| clouded >= **from).count()
    }

    /// A nurse sets the flow: starts below the target, raises while it stays below, weans above it.
    pub(super) fn titrate_oxygen(&mut self, spo2: f64) {
        let target = if self.scale_2 { [88.0, 92.0] } else { [93.0, 97.0] };
        if spo2 < target[0] {
            self.oxygen_flow = (self.oxygen_flow + 2.0).min(15.0);
        } else if spo2 > target[1] {
            self.oxygen_flow = (self.oxygen_flow - 2.0).max(0.0);
        }
    }
}

/// -1 at four in the morning, 1 at four in the afternoon (UTC), smooth between: a sine made of two parabolas.
fn day_wave(now: EventTime) -> f64 {
    const DAY_MILLIS: i64 = 86_400_000;
    const TEN_HOURS_MILLIS: i64 = 36_000_000;
    let phase = (now.as_millis() - TEN_HOURS_MILLIS).rem_euclid(DAY_MILLIS) as f64;
    let x = 2.0 * phase / DAY_MILLIS as f64;
    let x = if x > 1.0 { x - 2.0 } else { x };
    4.0 * x * (1.0 - x.abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Span;

    #[test]
    fn the_day_has_its_trough_at_four_and_its_peak_twelve_hours_later() {
        let at = |hours| day_wave(EventTime::from_millis(0) + Span::hours(hours));
        assert_eq!((at(4), at(16), at(10), at(22)), (-1.0, 1.0, 0.0, 0.0));
    }

    #[test]
    fn illness_moves_every_sign_its_way() {
        let noon = EventTime::from_millis(43_200_000);
        for kind in [CourseKind::Septic, CourseKind::Respiratory, CourseKind::Cardiac] {
            let body = Physiology::draw(&mut Random::new(1, 1), kind);
            let (well, ill) = (body.signs(0.05, noon), body.signs(0.9, noon));
            assert!(ill.heart_rate > well.heart_rate + 15.0, "{kind:?}");
            assert!(ill.respiratory_rate > well.respiratory_rate + 8.0, "{kind:?}");
            assert!(ill.spo2 < well.spo2 - 3.0, "{kind:?}");
            assert!(ill.systolic < well.systolic - 5.0, "{kind:?}");
            assert!(body.consciousness(0.9) > body.consciousness(0.05), "{kind:?}");
        }
    }

    #[test]
    fn oxygen_raises_saturation_and_is_weaned() {
        let mut body = Physiology::draw(&mut Random::new(1, 1), CourseKind::Respiratory);
        let noon = EventTime::from_millis(43_200_000);
        let before = body.signs(0.7, noon).spo2;
        body.titrate_oxygen(before);
        assert!(body.oxygen_flow > 0.0 && body.signs(0.7, noon).spo2 > before);
        body.titrate_oxygen(99.0);
        assert_eq!(body.oxygen_flow, 0.0);
    }
}

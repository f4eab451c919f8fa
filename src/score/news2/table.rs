//! The NEWS2 chart as data: Royal College of Physicians, National Early Warning Score (NEWS) 2, London 2017, Chart 1.

/// Points by charted value; [`points`] reads it. A table beats searching the bands, whose branches nobody can predict.
pub(super) struct Bands([u8; LARGEST + 1]);

/// Values above score like this one; it lies above the highest edge of every band.
const LARGEST: usize = 511;

/// Charted values up to and including the first number (and above the one before) score the second; all above score `rest`.
const fn bands(upto: &[(usize, u8)], rest: u8) -> Bands {
    let mut points = [rest; LARGEST + 1];
    let (mut band, mut value) = (0, 0);
    while band < upto.len() {
        while value <= upto[band].0 {
            points[value] = upto[band].1;
            value += 1;
        }
        band += 1;
    }
    Bands(points)
}

/// RCP 2017, Chart 1: breaths per minute.
pub(super) static RESPIRATORY_RATE: Bands = bands(&[(8, 3), (11, 1), (20, 0), (24, 2)], 3);
/// RCP 2017, Chart 1: SpO2 scale 1, percent.
pub(super) static SPO2_SCALE_1: Bands = bands(&[(91, 3), (93, 2), (95, 1)], 0);
/// RCP 2017, Chart 1: SpO2 scale 2 on air, percent; 93 and above score 0.
pub(super) static SPO2_SCALE_2_AIR: Bands = bands(&[(83, 3), (85, 2), (87, 1)], 0);
/// RCP 2017, Chart 1: SpO2 scale 2 on supplemental oxygen, percent.
pub(super) static SPO2_SCALE_2_OXYGEN: Bands =
    bands(&[(83, 3), (85, 2), (87, 1), (92, 0), (94, 1), (96, 2)], 3);
/// RCP 2017, Chart 1: supplemental oxygen.
pub(super) const ON_OXYGEN: u8 = 2;
/// RCP 2017, Chart 1: systolic pressure, mmHg.
pub(super) static SYSTOLIC_PRESSURE: Bands = bands(&[(90, 3), (100, 2), (110, 1), (219, 0)], 3);
/// RCP 2017, Chart 1: pulse, beats per minute.
pub(super) static PULSE: Bands = bands(&[(40, 3), (50, 1), (90, 0), (110, 1), (130, 2)], 3);
/// RCP 2017, Chart 1: confusion, voice, pain or unresponsive.
pub(super) const NOT_ALERT: u8 = 3;
/// RCP 2017, Chart 1: temperature in tenths of a degree Celsius.
pub(super) static TEMPERATURE_TENTHS: Bands = bands(&[(350, 3), (360, 1), (380, 0), (390, 1)], 2);

/// Points of a charted value; below zero scores as zero does.
pub(super) fn points(bands: &Bands, charted: i32) -> u8 {
    let index = usize::try_from(charted).unwrap_or(0).min(LARGEST);
    bands.0[index]
}

/// The whole number a nurse would chart: half away from zero. `None` for NaN and infinities.
///
/// Banding raw floats leaves gaps (a rate of 8.5 is in no band); rounding first closes them.
pub(super) fn charted(value: f64) -> Option<i32> {
    value.is_finite().then(|| value.round() as i32)
}

/// The temperature in tenths as charted, half away from zero. `None` for NaN and infinities.
///
/// The nudge makes 35.05, which as a float times ten falls a hair below 350.5, round as it reads.
pub(super) fn charted_tenths(celsius: f64) -> Option<i32> {
    const NUDGE: f64 = 1e-7;
    charted(celsius * 10.0 + NUDGE.copysign(celsius))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_round_away_from_zero_as_they_read() {
        assert_eq!(charted(8.5), Some(9));
        assert_eq!(charted(91.4), Some(91));
        assert_eq!(charted(-0.5), Some(-1));
        for (celsius, tenths) in [(35.05, 351), (36.05, 361), (38.05, 381), (39.05, 391)] {
            assert_eq!(charted_tenths(celsius), Some(tenths), "{celsius}");
        }
        assert_eq!(charted_tenths(35.0499), Some(350));
        assert_eq!(charted_tenths(34.944), Some(349));
    }

    #[test]
    fn what_is_no_number_is_not_charted() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!((charted(value), charted_tenths(value)), (None, None));
        }
    }
}

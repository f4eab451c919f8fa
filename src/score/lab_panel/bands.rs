//! The published bands, in whole hundredths of each unit.

/// Whole hundredths of a value's unit.
pub(super) type Hundredths = i64;

/// Rounded half away from zero; saturating, so that no value can overflow the arithmetic after it.
pub(super) fn hundredths(value: f64) -> Hundredths {
    (value * 100.0).round().clamp(-1e12, 1e12) as Hundredths
}

/// How many of the falling limits the value is below.
fn below(value: Hundredths, limits: &[f64]) -> u8 {
    limits.iter().filter(|limit| value < hundredths(**limit)).count() as u8
}

/// How many of the rising limits the value has reached.
fn reached(value: Hundredths, limits: &[f64]) -> u8 {
    limits.iter().filter(|limit| value >= hundredths(**limit)).count() as u8
}

pub(super) fn sofa_coagulation(platelets: Hundredths) -> u8 {
    // SOFA: Vincent et al., Intensive Care Med 1996;22:707-710: platelets below 150, 100, 50, 20 x 10^9/L.
    below(platelets, &[150.0, 100.0, 50.0, 20.0])
}

pub(super) fn sofa_liver(bilirubin: Hundredths) -> u8 {
    // SOFA: Vincent et al., Intensive Care Med 1996;22:707-710: bilirubin from 1.2, 2.0, 6.0, 12.0 mg/dL.
    reached(bilirubin, &[1.2, 2.0, 6.0, 12.0])
}

pub(super) fn sofa_renal(creatinine: Hundredths) -> u8 {
    // SOFA: Vincent et al., Intensive Care Med 1996;22:707-710: creatinine from 1.2, 2.0, 3.5, 5.0 mg/dL.
    reached(creatinine, &[1.2, 2.0, 3.5, 5.0])
}

/// KDIGO stage 0 to 3 by creatinine alone, against the lowest of 7 days and of 48 hours.
pub(super) fn kdigo_stage(
    now: Hundredths,
    lowest_7_days: Hundredths,
    lowest_48_hours: Hundredths,
) -> u8 {
    // A baseline of zero has no multiples.
    let baseline = lowest_7_days.max(1);
    // KDIGO, Kidney Int Suppl 2012;2:1-138, section 2.1: a rise of 0.3 mg/dL within 48 hours.
    let jumped = now - lowest_48_hours >= hundredths(0.3);
    // KDIGO 2012, section 2.1: 1.5 times baseline within 7 days.
    let grew = 2 * now >= 3 * baseline;
    // KDIGO 2012, section 2.1: stage 3 from 3.0 times baseline, or from 4.0 mg/dL where one of the two criteria holds.
    if now >= 3 * baseline || (now >= hundredths(4.0) && (jumped || grew)) {
        3
    // KDIGO 2012, section 2.1: stage 2 from 2.0 times baseline.
    } else if now >= 2 * baseline {
        2
    } else {
        u8::from(jumped || grew)
    }
}

pub(super) fn lactate_band(lactate: Hundredths) -> u8 {
    // Bands below 2, 2.0 to 3.9, from 4 mmol/L, as cohort studies report them; 4 is the limit of the resuscitation bundle of the
    // Surviving Sepsis Campaign (Levy et al., Intensive Care Med 2018;44:925-928).
    reached(lactate, &[2.0, 4.0])
}

pub(super) fn sirs_leucocytes(wbc: Hundredths) -> u8 {
    // SIRS: Bone et al., Chest 1992;101:1644-1655: below 4 or above 12 x 10^9/L, both exclusive.
    u8::from(!(hundredths(4.0)..=hundredths(12.0)).contains(&wbc))
}

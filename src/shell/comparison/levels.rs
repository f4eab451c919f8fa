//! Which patients are hit at which level, and what the methods are worth then.

use super::scored::{Columns, Scored};
use crate::evaluate::Case;
use crate::evaluate::bootstrap::{MEASURES, Measures, Resampled, draw, interval};
use crate::evaluate::calibration::recalibration;
use crate::evaluate::challenge::{best_score1, score2};
use serde::Serialize;
use std::collections::BTreeMap;

/// Shares of patients that are hit.
pub const LEVELS: [f64; 7] = [0.0, 0.10, 0.25, 0.50, 0.75, 0.90, 1.0];
/// Share of patients that an alert may be given for.
pub const ALERT_RATE: f64 = 0.10;
/// Resamples of a bootstrap.
pub const ROUNDS: u64 = 300;
/// Seed of who is hit and of the bootstrap.
const SEED: u64 = 2_012;

/// Whether a patient's modality is hit at a level: drawn once, so that who is hit at a level is hit at every higher one.
pub fn is_hit(patient: &str, modality: usize, level: f64) -> bool {
    // FNV-1a, then one round of mixing: neighbouring ids must not fall together.
    let text = format!("{SEED}/{modality}/{patient}");
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (hash ^ hash >> 31).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ mixed >> 29) >> 11) as f64 / (1_u64 << 53) as f64 <= level && level > 0.0
}

/// The modalities of a patient that are hit, as bits, of those in `target`.
pub fn hit(patient: &str, target: u64, level: f64) -> u64 {
    let bits = (0..64).filter(|m| target >> m & 1 == 1 && is_hit(patient, *m as usize, level));
    bits.fold(0, |mask, m| mask | 1 << m)
}

/// One number of patients scored in one way under one condition.
#[derive(Clone, Debug, Serialize)]
pub struct Cell {
    /// Hours into the stay.
    pub as_of_hours: f64,
    /// What befell: `none`, `removed`, `outage`, `delay`.
    pub disturbance: String,
    /// Whom: a modality, or `all`.
    pub target: String,
    /// Share of patients hit, each modality by itself.
    pub level: f64,
    /// Modalities present, or `any`.
    pub pattern: String,
    /// The method.
    pub method: String,
    /// Patients scored, and deaths among them.
    pub patients: usize,
    /// Deaths among them.
    pub events: usize,
    /// Of the bootstrap's measures, by name: value and 95 % interval.
    pub measures: BTreeMap<&'static str, (f64, Option<[f64; 2]>)>,
    /// Slope of the logistic recalibration.
    pub calibration_slope: Option<f64>,
    /// Best min(sensitivity, positive predictivity).
    pub score_1: Option<f64>,
    /// Hosmer-Lemeshow statistic over the range of risk.
    pub score_2: Option<f64>,
    /// AUROC less that of each early rival, by its name: value and paired 95 % interval.
    pub ahead_of: BTreeMap<String, (f64, Option<[f64; 2]>)>,
}

/// Under which condition cells were taken.
#[derive(Clone, Debug)]
pub struct Condition {
    /// See [`Cell`].
    pub as_of_hours: f64,
    /// See [`Cell`].
    pub disturbance: &'static str,
    /// See [`Cell`].
    pub target: String,
    /// See [`Cell`].
    pub level: f64,
    /// See [`Cell`].
    pub pattern: String,
}

/// The cells of every column, on the patients that the first column (the default) has a risk for; a column that has
/// none for some of them is measured on its own patients and not compared.
pub fn cells(
    condition: &Condition,
    columns: &Columns,
    events: &[bool],
    scored: &[&[f64]],
    rivals: &[usize],
) -> Vec<Cell> {
    let kept: Vec<usize> = (0..scored.len()).filter(|i| !scored[*i][0].is_nan()).collect();
    let cases = |column: usize| -> Vec<Case> {
        kept.iter().map(|i| Case { score: scored[*i][column], event: events[*i] }).collect()
    };
    let all: Vec<Vec<Case>> = (0..columns.of.len()).map(cases).collect();
    let sorted: Vec<Resampled> =
        all.iter().map(|cases| Resampled::new(cases, ALERT_RATE)).collect();
    let once = vec![1; kept.len()];
    let plain: Vec<Measures> = sorted.iter().map(|s| s.measures(&once)).collect();
    let rounds: Vec<Vec<Measures>> = (0..ROUNDS)
        .map(|round| {
            let counts = draw(kept.len(), SEED, round);
            sorted.iter().map(|s| s.measures(&counts)).collect()
        })
        .collect();
    let area = 0;
    let of = |(column, (name, _)): (usize, &(String, _))| {
        let known: Vec<Case> =
            all[column].iter().copied().filter(|case| !case.score.is_nan()).collect();
        let complete = known.len() == kept.len();
        let measure = |m: usize| {
            let values: Vec<f64> = rounds.iter().map(|round| round[column][m]).collect();
            (MEASURES[m], (plain[column][m], interval(&values)))
        };
        let against = |rival: &usize| {
            let values: Vec<f64> =
                rounds.iter().map(|r| r[column][area] - r[*rival][area]).collect();
            let ahead = plain[column][area] - plain[*rival][area];
            (columns.of[*rival].0.clone(), (ahead, interval(&values)))
        };
        Cell {
            as_of_hours: condition.as_of_hours,
            disturbance: condition.disturbance.to_owned(),
            target: condition.target.clone(),
            level: condition.level,
            pattern: condition.pattern.clone(),
            method: name.clone(),
            patients: known.len(),
            events: known.iter().filter(|case| case.event).count(),
            measures: (0..MEASURES.len()).map(measure).collect(),
            calibration_slope: recalibration(&known).map(|r| r.slope),
            score_1: best_score1(&known).map(|best| best.score),
            score_2: score2(&known),
            ahead_of: rivals.iter().filter(|_| complete).map(against).collect(),
        }
    };
    columns.of.iter().enumerate().map(of).collect()
}

/// For each stay the risks of the variant that its hits lead to; `variants[0]` is the undisturbed one.
pub fn choose<'a>(
    patients: &[&str],
    target: u64,
    level: f64,
    variants: &'a BTreeMap<u64, Scored>,
) -> Vec<&'a [f64]> {
    let of = |(i, patient): (usize, &&str)| {
        let scored = variants.get(&hit(patient, target, level)).or_else(|| variants.get(&0));
        scored.and_then(|scored| scored.get(i)).map_or(&[][..], Vec::as_slice)
    };
    patients.iter().enumerate().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_hits_its_share_of_patients_and_a_higher_one_hits_them_too() {
        let patients: Vec<String> = (0..8_000).map(|i| (130_000 + i).to_string()).collect();
        let mut compared = 0;
        for modality in 0..3 {
            for levels in LEVELS.windows(2) {
                let hits = |level: f64| {
                    patients.iter().filter(move |p| is_hit(p, modality, level)).count()
                };
                let share = hits(levels[1]) as f64 / 8_000.0;
                assert!((share - levels[1]).abs() < 0.02, "{share} for {}", levels[1]);
                let lost = patients
                    .iter()
                    .filter(|p| is_hit(p, modality, levels[0]) && !is_hit(p, modality, levels[1]));
                assert_eq!(lost.count(), 0);
                compared += 1;
            }
        }
        let both = patients.iter().filter(|p| hit(p, 0b11, 0.5) == 0b11).count();
        assert!((both as f64 / 8_000.0 - 0.25).abs() < 0.02, "modalities are hit apart: {both}");
        assert_eq!(compared, 18);
    }
}

//! One severity from the probabilities of imaging findings.
//!
//! **A research ordering, not a validated score.** The weights are the project's own: they order findings by how fast the
//! untreated condition can kill and how much support it usually needs, in steps of 0.05. Nothing was fitted and
//! no publication is their source. The output becomes a risk only through a calibration map fitted on data; what
//! the weights must get right is the order. It is the only table of weights.

use super::rows::Rows;
use super::{FeatureSpec, Scorer, Scores, Statistic};
use crate::types::Span;
use arrow::array::{Float64Array, RecordBatch};

/// Severity of a study without any finding: low, and not zero, because a clear study excludes only what it can show.
pub const BASELINE_SEVERITY: f64 = 0.02;

/// Each finding column of the imaging modality with its weight in 0..1, gravest first.
pub const WEIGHTS: [(&str, f64); FINDINGS] = [
    // Kills within minutes to hours without an intervention.
    ("tension_pneumothorax", 0.95), // obstructive shock; decompress at once
    ("aortic_dissection", 0.90),    // rupture or malperfusion; emergency surgery
    ("mass_effect", 0.85),          // herniation; raised intracranial pressure
    ("intracranial_hemorrhage", 0.80), // expansion; neurosurgical emergency
    ("ards", 0.80),                 // respiratory failure by definition
    ("free_air", 0.70),             // perforation until proven otherwise; sepsis
    ("pulmonary_embolism", 0.65),   // from incidental to obstructive shock
    ("infarct", 0.60),              // disabling, time-critical, less often lethal at once
    ("hemothorax", 0.55),           // bleeding with compression
    ("empyema", 0.50),              // undrained infection
    // Needs treatment within hours; respiratory or septic deterioration is common.
    ("pneumothorax", 0.45), // can turn to tension, above all under ventilation
    ("pulmonary_edema", 0.45), // acute heart failure or overload
    ("consolidation", 0.45), // pneumonia: the commonest source of sepsis
    ("aspiration", 0.40),   // pneumonitis; a step to ARDS
    ("bowel_obstruction", 0.40), // ischaemia, perforation
    ("pericardial_effusion", 0.35), // tamponade possible
    ("pneumomediastinum", 0.30), // air leak; oesophageal injury possible
    ("device_malposition", 0.25), // one-lung ventilation, misplaced line: harm until corrected
    // Common accompaniments; slow or supportive.
    ("lung_opacity", 0.20), // unspecific: anything from atelectasis to pneumonia
    ("pleural_effusion", 0.20), // a sign of the underlying disease
    ("fracture", 0.20),     // pain, bleeding; depends on the site
    ("mass", 0.15),         // serious, but over weeks
    ("cardiomegaly", 0.10), // chronic marker
    ("atelectasis", 0.10),  // very common and mostly benign in supine patients
    ("chronic_lung_disease", 0.10), // reduced reserve, not an acute event
];

const FINDINGS: usize = 25;

/// Column of the statement that there is nothing acute; it weighs nothing.
pub const NO_ACUTE_FINDING: &str = "no_acute_finding";

/// Severity in [`BASELINE_SEVERITY`]..1 of findings given as weight times probability, each in 0..1.
///
/// A noisy-or, `1 - (1 - baseline) * product(1 - weight * probability)`: the expected severity of independent
/// findings. It beat the sum (which leaves 0..1 and counts every trifle in full) and the maximum (which ignores all
/// but one finding): another finding never lowers it, it stays below 1, and order does not matter.
pub fn combine(weighted: impl IntoIterator<Item = f64>) -> f64 {
    let spared: f64 = weighted.into_iter().map(|w| 1.0 - w).product();
    1.0 - (1.0 - BASELINE_SEVERITY) * spared
}

/// Severity of the findings' probabilities, in the order of [`WEIGHTS`], and of "nothing acute".
///
/// `None` (cannot be scored) where nothing is known, or where all that is known is that "nothing acute" is
/// improbable: then there is something, and nobody said what; a low severity would be a lie.
pub fn severity(findings: &[Option<f64>; FINDINGS], no_acute_finding: Option<f64>) -> Option<f64> {
    let named = findings.iter().any(Option::is_some);
    let clear = no_acute_finding.is_some_and(|p| p >= 0.5);
    // An unknown finding takes nothing away, as one of probability 0 does: a factor of exactly 1, and no branch.
    let share = |p: Option<f64>| p.unwrap_or(0.0).clamp(0.0, 1.0);
    let weighted = WEIGHTS.iter().zip(findings).map(|((_, weight), p)| weight * share(*p));
    (named || clear).then(|| combine(weighted))
}

/// Scores the newest probability of each finding.
///
/// Raw score: severity in [`BASELINE_SEVERITY`]..1; null where the findings cannot be scored. No bounds: a finding that
/// a report does not mention says little, so they would always reach 1.
#[derive(Clone, Debug)]
pub struct ImagingScorer {
    model: &'static str,
    inputs: Vec<FeatureSpec>,
}

impl ImagingScorer {
    /// A scorer under the name `model` (`name@version`). A finding stands for `time_to_live` unless a later study
    /// speaks about it: a clear head scan does not clear the chest.
    pub fn new(model: &'static str, time_to_live: Span) -> Self {
        let columns = WEIGHTS.iter().map(|(column, _)| *column).chain([NO_ACUTE_FINDING]);
        let last =
            |column| FeatureSpec { column, statistic: Statistic::Last, within: time_to_live };
        Self { model, inputs: columns.map(last).collect() }
    }

    /// For wards: findings live 72 hours.
    pub fn ward() -> Self {
        Self::new("imaging-severity-ward@1", Span::hours(72))
    }

    /// For hourly charting: findings live 96 hours.
    pub fn hourly() -> Self {
        Self::new("imaging-severity-hourly@1", Span::hours(96))
    }
}

impl Scorer for ImagingScorer {
    fn model(&self) -> &str {
        self.model
    }

    fn modality(&self) -> &'static str {
        "imaging"
    }

    fn inputs(&self) -> &[FeatureSpec] {
        &self.inputs
    }

    fn score(&self, features: &RecordBatch) -> Scores {
        let rows = Rows::<{ FINDINGS + 1 }>::of(features);
        let scored = rows.iter().map(|row| {
            let findings = std::array::from_fn(|i| row[i]);
            severity(&findings, row[FINDINGS])
        });
        Scores { score: scored.collect::<Float64Array>(), bounds: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::rows::batch;
    use arrow::array::Array;

    fn at(name: &str) -> usize {
        WEIGHTS.iter().position(|(column, _)| *column == name).expect("a known finding")
    }

    fn scored(rows: &[&[(usize, f64)]]) -> Vec<Option<f64>> {
        let scorer = ImagingScorer::ward();
        let scores = scorer.score(&batch(&scorer, rows)).score;
        (0..scores.len()).map(|i| scores.is_valid(i).then(|| scores.value(i))).collect()
    }

    #[test]
    fn nothing_known_is_null_and_nothing_acute_is_low() {
        let got = scored(&[&[], &[(FINDINGS, 1.0)], &[(FINDINGS, 0.1)], &[(at("mass"), 0.0)]]);
        let low = Some(BASELINE_SEVERITY);
        assert_eq!(
            got.iter().map(|s| s.map(|s| (s * 1e12).round() / 1e12)).collect::<Vec<_>>(),
            [None, low, None, low]
        );
    }

    #[test]
    fn two_findings_combine_as_computed_by_hand() {
        let got = scored(&[&[(at("pneumothorax"), 0.5), (at("pleural_effusion"), 1.0)]]);
        // 1 - 0.98 * (1 - 0.225) * (1 - 0.2) = 0.3924
        assert!((got[0].expect("scored") - 0.3924).abs() < 1e-12, "{got:?}");
    }

    #[test]
    fn graver_findings_and_higher_probabilities_score_higher() {
        let certain: Vec<_> =
            WEIGHTS.iter().map(|(name, _)| scored(&[&[(at(name), 1.0)]])[0]).collect();
        assert!(certain.windows(2).all(|pair| pair[0] >= pair[1]), "{certain:?}");
        let with = |p: f64| scored(&[&[(at("ards"), p), (at("mass"), 0.4)]])[0];
        let rising: Vec<_> = (0..=10).map(|tenth| with(f64::from(tenth) / 10.0)).collect();
        assert!(rising.windows(2).all(|pair| pair[0] < pair[1]), "{rising:?}");
    }

    #[test]
    fn everything_at_once_stays_below_one() {
        let all: Vec<_> = (0..FINDINGS).map(|i| (i, 1.0)).collect();
        let worst = scored(&[&all])[0].expect("scored");
        assert!((0.99..1.0).contains(&worst), "{worst}");
    }

    #[test]
    fn every_weight_is_a_share_and_every_column_is_named_once() {
        let names: std::collections::BTreeSet<_> = WEIGHTS.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), FINDINGS);
        assert!(WEIGHTS.iter().all(|(_, weight)| (0.0..1.0).contains(weight) && *weight > 0.0));
    }
}

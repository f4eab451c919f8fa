//! One severity from many findings.
//!
//! **A research ordering, not a validated score.** The weights are the project's own: they order findings by
//! how fast the untreated condition can kill and how much support it usually needs, in steps of 0.05 or
//! coarser. Nothing was fitted and no publication is their source. The scorer's output only becomes a risk through a calibration map
//! fitted on data; what the weights must get right is the order.
//!
//! Findings combine as a noisy-or, `1 - (1 - BASELINE) * product(1 - p * w)`, because it is monotone (another
//! finding never lowers it), stays below 1, does not depend on order, and with probabilities in place of
//! certainties it is exactly the expected severity of independent findings: text and structured findings
//! share one scale.

use super::finding::{Acuity, Certainty, Change, Finding, FindingKind, Size};
use super::summary::{Summary, summarise};

/// Severity of a readable report without any disease: low, and not zero, because a clear study excludes
/// only what it can show.
pub const BASELINE_SEVERITY: f64 = 0.02;

/// How much an uncertain mention counts beside an affirmed one: half, for want of data.
const UNCERTAIN_SHARE: f64 = 0.5;

/// No single finding reaches 1.
const HIGHEST_WEIGHT: f64 = 0.98;

/// Weight of a finding in 0..1, with the reason for its place.
pub fn weight(kind: FindingKind) -> f64 {
    match kind {
        // Kills within minutes to hours without an intervention.
        FindingKind::TensionPneumothorax => 0.95, // obstructive shock; decompress at once
        FindingKind::AorticDissection => 0.90,    // rupture or malperfusion; emergency surgery
        FindingKind::MassEffect => 0.85,          // herniation; raised intracranial pressure
        FindingKind::IntracranialHaemorrhage => 0.80, // expansion; neurosurgical emergency
        FindingKind::Ards => 0.80,                // respiratory failure by definition
        FindingKind::Pneumoperitoneum => 0.70,    // perforation until proven otherwise; sepsis
        FindingKind::PulmonaryEmbolism => 0.65,   // from incidental to obstructive shock
        FindingKind::Infarct => 0.60, // disabling, time-critical, less often lethal at once
        // Needs treatment within hours; respiratory or septic deterioration is common.
        FindingKind::Haemothorax => 0.55, // bleeding with compression
        FindingKind::Empyema => 0.50,     // undrained infection
        FindingKind::Pneumothorax => 0.45, // can turn to tension, above all under ventilation
        FindingKind::PulmonaryOedema => 0.45, // acute heart failure or overload
        FindingKind::Pneumonia => 0.45,   // commonest source of sepsis
        FindingKind::Aspiration => 0.40,  // pneumonitis; a step to ARDS
        FindingKind::BowelObstruction => 0.40, // ischaemia, perforation
        FindingKind::PericardialEffusion => 0.35, // tamponade possible
        FindingKind::Pneumomediastinum => 0.30, // air leak; oesophageal injury possible
        FindingKind::DeviceMalposition => 0.25, // one-lung ventilation, misplaced line: harm until corrected
        // Common accompaniments; slow or supportive.
        FindingKind::LungOpacity => 0.20, // unspecific: anything from atelectasis to pneumonia
        FindingKind::PleuralEffusion => 0.20, // a sign of the underlying disease
        FindingKind::Fracture => 0.20,    // pain, bleeding; depends on the site
        FindingKind::MassOrNodule => 0.15, // serious, but over weeks
        FindingKind::Cardiomegaly => 0.10, // chronic marker
        FindingKind::Atelectasis => 0.10, // very common and mostly benign in supine patients
        FindingKind::ChronicLungDisease => 0.10, // reduced reserve, not an acute event
        // A device in its place says what is done to the patient, not what the picture shows.
        FindingKind::Device | FindingKind::NoAcuteFinding => 0.0,
    }
}

/// Small counts less, large more: the ends move a finding by about one step of the table.
fn size_factor(size: Size) -> f64 {
    match size {
        Size::Small => 0.6,
        Size::Unspecified | Size::Moderate => 1.0,
        Size::Large => 1.3,
        Size::Massive => 1.6,
    }
}

/// What is getting worse counts more than what is known and stays.
fn change_factor(change: Change) -> f64 {
    match change {
        Change::New | Change::Worsened => 1.2,
        Change::Unspecified => 1.0,
        Change::Unchanged => 0.9,
        Change::Improved => 0.7,
        Change::Resolved => 0.0,
    }
}

/// An old fracture or infarct is hardly a sign of present danger.
fn acuity_factor(acuity: Acuity) -> f64 {
    match acuity {
        Acuity::Acute => 1.1,
        Acuity::Unspecified => 1.0,
        Acuity::Chronic => 0.4,
    }
}

fn share(certainty: Certainty) -> f64 {
    match certainty {
        Certainty::Affirmed => 1.0,
        Certainty::Uncertain => UNCERTAIN_SHARE,
        Certainty::Negated | Certainty::Historical | Certainty::Hypothetical => 0.0,
    }
}

/// Weighted severity in [`BASELINE_SEVERITY`]..1 of the findings of one report.
///
/// Each kind counts once, with the heaviest of the mentions that carry its aggregated certainty. Null when
/// the findings say nothing about present disease: none at all, only history and questions, or only devices
/// in their places (a line check must not stand for a clear chest).
pub fn severity(findings: &[Finding]) -> Option<f64> {
    let summary = summarise(findings);
    let speaks = |s: &&Summary| s.kind != FindingKind::Device && s.certainty <= Certainty::Negated;
    summary.iter().find(speaks)?;
    let spared: f64 = summary
        .iter()
        .map(|line| {
            let counted = findings
                .iter()
                .filter(|f| !f.superseded && f.kind == line.kind && f.certainty == line.certainty);
            1.0 - counted.map(mention_weight).fold(0.0, f64::max)
        })
        .product();
    Some(above_baseline(1.0 - spared))
}

fn mention_weight(finding: &Finding) -> f64 {
    let modified = weight(finding.kind)
        * size_factor(finding.size)
        * change_factor(finding.change)
        * acuity_factor(finding.acuity);
    modified.min(HIGHEST_WEIGHT) * share(finding.certainty)
}

/// The noisy-or of weighted probabilities, for structured findings.
pub(super) fn expected(findings: impl Iterator<Item = (FindingKind, f64)>) -> f64 {
    let spared: f64 =
        findings.map(|(kind, probability)| 1.0 - weight(kind) * probability).product();
    above_baseline(1.0 - spared)
}

fn above_baseline(disease: f64) -> f64 {
    BASELINE_SEVERITY + (1.0 - BASELINE_SEVERITY) * disease
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::report::read_report;

    fn of(text: &str) -> Option<f64> {
        read_report(text, Some("chest")).expect("the text is readable").severity()
    }

    #[test]
    fn a_clear_chest_is_low_and_not_null() {
        assert_eq!(of("No acute cardiopulmonary process."), Some(BASELINE_SEVERITY));
        assert_eq!(of("No pneumothorax or effusion."), Some(BASELINE_SEVERITY));
    }

    #[test]
    fn history_questions_and_device_positions_alone_give_null() {
        assert_eq!(of("History of pneumonia."), None);
        assert_eq!(of("Please evaluate for pneumothorax."), None);
        assert_eq!(of("Endotracheal tube 4 cm above the carina."), None);
        assert!(of("Endotracheal tube is in the right mainstem bronchus.") > Some(0.2));
    }

    #[test]
    fn severity_follows_size_change_and_certainty() {
        let ordered = [
            "No effusion.",
            "Possible small effusion.",
            "Old rib fracture.",
            "Small effusion.",
            "Effusion.",
            "Large effusion.",
            "New large effusion.",
            "Pneumothorax.",
            "Large pneumothorax and consolidation.",
            "Tension pneumothorax.",
        ];
        let values: Vec<_> = ordered.iter().map(|text| of(text)).collect();
        assert!(values.windows(2).all(|pair| pair[0] < pair[1]), "{values:?}");
        assert!(values.iter().flatten().all(|v| (BASELINE_SEVERITY..1.0).contains(v)));
    }

    #[test]
    fn severity_does_not_depend_on_how_often_or_in_which_order_it_is_said() {
        let once = of("Effusion. Pneumothorax.");
        assert_eq!(once, of("Pneumothorax. Effusion."));
        assert_eq!(once, of("Pneumothorax. Effusion. Effusion is seen. No effusion on the left."));
    }

    #[test]
    fn every_weight_is_a_share_and_only_what_is_no_disease_weighs_nothing() {
        for kind in FindingKind::ALL {
            let silent = matches!(kind, FindingKind::Device | FindingKind::NoAcuteFinding);
            assert_eq!(weight(kind) == 0.0, silent, "{kind:?}");
            assert!((0.0..HIGHEST_WEIGHT).contains(&weight(kind)));
        }
    }
}

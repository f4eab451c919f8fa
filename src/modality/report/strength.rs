//! How strongly a report states a finding, as one number.
//!
//! The factors are the project's own ordering, fitted on nothing; the scorer's weights and its calibration map do the rest.

use super::finding::{Acuity, Certainty, Change, Finding, FindingKind, Size};
use super::summary::Summary;

/// How much an uncertain mention counts beside an affirmed one: half, for want of data.
const UNCERTAIN_SHARE: f64 = 0.5;

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

/// Strength in 0..=1 of a finding over the mentions that carry its aggregated certainty: the strongest of them.
/// Null for history, questions and devices in their places: they say nothing of present disease.
pub(super) fn strength(findings: &[Finding], line: &Summary) -> Option<f64> {
    let speaks = line.kind != FindingKind::Device && line.certainty <= Certainty::Negated;
    let counted = findings
        .iter()
        .filter(|f| !f.superseded && f.kind == line.kind && f.certainty == line.certainty);
    speaks.then(|| counted.map(of_mention).fold(0.0, f64::max))
}

fn of_mention(finding: &Finding) -> f64 {
    let extent =
        size_factor(finding.size) * change_factor(finding.change) * acuity_factor(finding.acuity);
    (share(finding.certainty) * extent).min(1.0)
}

#[cfg(test)]
mod tests {
    use crate::modality::report::{FindingKind, read_report};

    fn of(text: &str, kind: FindingKind) -> Option<f64> {
        let reading = read_report(text, Some("chest")).expect("the text is readable");
        let line = reading.summary().into_iter().find(|line| line.kind == kind)?;
        reading.strength(&line)
    }

    #[test]
    fn strength_follows_certainty_size_and_change() {
        let ordered = [
            "No effusion.",
            "Possible small effusion.",
            "Small effusion.",
            "Effusion, unchanged.",
            "Effusion.",
        ];
        let values: Vec<_> =
            ordered.iter().map(|text| of(text, FindingKind::PleuralEffusion)).collect();
        assert!(values.windows(2).all(|pair| pair[0] < pair[1]), "{values:?}");
        assert_eq!((values[0], values[4]), (Some(0.0), Some(1.0)));
    }

    #[test]
    fn history_questions_and_device_positions_state_nothing() {
        assert_eq!(of("History of pneumonia.", FindingKind::Pneumonia), None);
        assert_eq!(of("Please evaluate for pneumothorax.", FindingKind::Pneumothorax), None);
        assert_eq!(of("Endotracheal tube 4 cm above the carina.", FindingKind::Device), None);
        assert_eq!(of("No acute cardiopulmonary process.", FindingKind::NoAcuteFinding), Some(1.0));
    }
}

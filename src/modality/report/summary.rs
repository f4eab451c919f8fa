//! Puts the mentions of a report together, one line per finding kind.

use super::finding::{Certainty, Finding, FindingKind};

/// One finding kind over all its mentions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// What.
    pub kind: FindingKind,
    /// The strongest certainty among the mentions that count.
    pub certainty: Certainty,
}

/// Puts mentions together, one line per kind, in the order of [`FindingKind`]; superseded mentions do not count.
///
/// Positive beats uncertain beats negative (the aggregation of the CheXpert labeler); what is only
/// historical or hypothetical stays so.
pub fn summarise(findings: &[Finding]) -> Vec<Summary> {
    let mut strongest = [None::<Certainty>; FindingKind::ALL.len()];
    for finding in findings.iter().filter(|finding| !finding.superseded) {
        let slot = &mut strongest[finding.kind as usize];
        *slot = Some(slot.map_or(finding.certainty, |known| known.min(finding.certainty)));
    }
    let pairs = FindingKind::ALL.into_iter().zip(strongest);
    pairs.filter_map(|(kind, certainty)| Some(Summary { kind, certainty: certainty? })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modality::report::{Acuity, Change, Laterality, Size};

    fn mention(kind: FindingKind, certainty: Certainty) -> Finding {
        Finding {
            kind,
            certainty,
            laterality: Laterality::default(),
            change: Change::default(),
            acuity: Acuity::default(),
            size: Size::default(),
            span: 0..1,
            superseded: false,
        }
    }

    #[test]
    fn positive_beats_uncertain_beats_negative_beats_history() {
        use Certainty::{Affirmed, Historical, Hypothetical, Negated, Uncertain};
        let cases = [
            (vec![Affirmed, Negated], Affirmed),
            (vec![Negated, Uncertain], Uncertain),
            (vec![Uncertain, Affirmed], Affirmed),
            (vec![Historical, Negated, Hypothetical], Negated),
            (vec![Hypothetical], Hypothetical),
        ];
        for (mentions, expected) in cases {
            let findings: Vec<_> =
                mentions.into_iter().map(|c| mention(FindingKind::Ards, c)).collect();
            assert_eq!(
                summarise(&findings),
                vec![Summary { kind: FindingKind::Ards, certainty: expected }]
            );
        }
    }

    #[test]
    fn a_superseded_mention_does_not_count() {
        let mut old = mention(FindingKind::Pneumothorax, Certainty::Affirmed);
        old.superseded = true;
        let new = mention(FindingKind::Pneumothorax, Certainty::Negated);
        assert_eq!(summarise(&[old, new])[0].certainty, Certainty::Negated);
    }
}

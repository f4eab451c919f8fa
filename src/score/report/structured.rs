//! Findings that come as a list of names and probabilities instead of text.

use super::finding::FindingKind::{self, *};
use super::lexicon::Target;
use super::matcher::exact_name;
use super::severity::expected;

/// What a list of structured findings amounts to.
#[derive(Clone, Debug, PartialEq)]
pub struct Structured {
    /// Expected severity in [`super::BASELINE_SEVERITY`]..1 of the findings taken; null = none was taken, or only
    /// devices were, which say nothing about disease.
    pub severity: Option<f64>,
    /// What was not taken, and why, in the order of the list.
    pub rejected: Vec<StructuredRejection>,
}

/// One entry that was not taken.
#[derive(Clone, Debug, PartialEq)]
pub struct StructuredRejection {
    /// Its place in the list.
    pub index: usize,
    /// Its name as it came, cut to 64 bytes.
    pub name: String,
    /// Why.
    pub reason: NameRejection,
}

/// Why a structured finding is rejected.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum NameRejection {
    /// No finding has this name or code.
    #[error("unknown finding")]
    UnknownName,
    /// Not a number, or outside 0..=1.
    #[error("probability {0} is not within 0 and 1")]
    BadProbability(f64),
}

const LONGEST_NAME_BYTES: usize = 64;

/// Names that the phrase list does not hold: the labels of CheXpert and of other common label sets.
const ALIASES: &[(&str, FindingKind)] = &[
    ("no finding", NoAcuteFinding),
    ("normal", NoAcuteFinding),
    ("enlarged cardiomediastinum", Cardiomegaly),
    ("lung lesion", MassOrNodule),
    ("mass or nodule", MassOrNodule),
    ("edema", PulmonaryOedema),
    ("oedema", PulmonaryOedema),
    ("pulmonary oedema", PulmonaryOedema),
    ("effusion", PleuralEffusion),
    ("support devices", Device),
    ("device", Device),
    ("device malposition", DeviceMalposition),
    ("free air", Pneumoperitoneum),
    ("hemorrhage", IntracranialHaemorrhage),
    ("infiltration", Pneumonia),
    ("aspiration", Aspiration),
    ("mass effect", MassEffect),
    ("chronic lung disease", ChronicLungDisease),
    ("no acute finding", NoAcuteFinding),
    ("lung opacity", LungOpacity),
    ("acute pulmonary edema", PulmonaryOedema),
];

/// ICD-10-CM categories, by prefix (a longer prefix stands before a shorter one).
/// Source of the codes: the ICD-10-CM tabular list; the choice of codes is ours.
const ICD10: &[(&str, FindingKind)] = &[
    ("J93.0", TensionPneumothorax), // spontaneous tension pneumothorax
    ("J93", Pneumothorax),
    ("J94.2", Haemothorax),
    ("J12", Pneumonia),
    ("J13", Pneumonia),
    ("J14", Pneumonia),
    ("J15", Pneumonia),
    ("J16", Pneumonia),
    ("J17", Pneumonia),
    ("J18", Pneumonia),
    ("J69", Aspiration), // pneumonitis due to solids and liquids
    ("J81.0", PulmonaryOedema),
    ("J80", Ards),
    ("J90", PleuralEffusion),
    ("J91", PleuralEffusion),
    ("J86", Empyema), // pyothorax
    ("J98.11", Atelectasis),
    ("I51.7", Cardiomegaly),
    ("I31.3", PericardialEffusion),
    ("I31.4", PericardialEffusion), // tamponade
    ("J98.2", Pneumomediastinum),   // interstitial emphysema, mediastinal emphysema
    ("I26", PulmonaryEmbolism),
    ("I71.0", AorticDissection),
    ("K56.6", BowelObstruction),
    ("I60", IntracranialHaemorrhage),
    ("I61", IntracranialHaemorrhage),
    ("I62", IntracranialHaemorrhage),
    ("I63", Infarct),
    ("G93.5", MassEffect), // compression of brain
    ("R91.1", MassOrNodule),
    ("J43", ChronicLungDisease),
    ("J44", ChronicLungDisease),
    ("J84.1", ChronicLungDisease),
];

/// The finding that a name or code stands for: a canonical name ([`FindingKind::name`]), any phrase of the
/// report lexicon, a CheXpert label, or an ICD-10-CM code. Case and underscores do not matter.
pub fn kind_by_name(name: &str) -> Option<FindingKind> {
    if name.len() > LONGEST_NAME_BYTES {
        return None;
    }
    let plain = name.trim().replace('_', " ").to_ascii_lowercase();
    if let Some((_, kind)) = ALIASES.iter().find(|(alias, _)| *alias == plain) {
        return Some(*kind);
    }
    if let Some(kind) =
        FindingKind::ALL.into_iter().find(|kind| kind.name().replace('_', " ") == plain)
    {
        return Some(kind);
    }
    match exact_name(&plain) {
        Some(Target::Names(kind)) => Some(kind),
        _ => by_code(&plain.to_ascii_uppercase()),
    }
}

fn by_code(code: &str) -> Option<FindingKind> {
    let is_code = code.len() <= 8 && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.');
    let matching = |prefix: &str| {
        let rest = code.strip_prefix(prefix)?;
        // "J93" covers "J93.1", not "J931".
        (rest.is_empty() || prefix.contains('.') || rest.starts_with('.')).then_some(())
    };
    if !is_code {
        return None;
    }
    ICD10.iter().find(|(prefix, _)| matching(prefix).is_some()).map(|(_, kind)| *kind)
}

/// Expected severity of structured findings `(name or code, probability)`, with the weights of the text engine.
///
/// The same finding twice counts once, with its higher probability. A list that names only "no finding" has
/// the baseline severity: its probability changes nothing, since it is not a disease.
pub fn severity_of_structured(findings: &[(&str, f64)]) -> Structured {
    let mut highest = [None::<f64>; FindingKind::ALL.len()];
    let mut rejected = Vec::new();
    for (index, &(name, probability)) in findings.iter().enumerate() {
        let reason = match kind_by_name(name) {
            None => NameRejection::UnknownName,
            Some(_) if !(0.0..=1.0).contains(&probability) => {
                NameRejection::BadProbability(probability)
            }
            Some(kind) => {
                let slot = &mut highest[kind as usize];
                *slot = Some(slot.map_or(probability, |known| known.max(probability)));
                continue;
            }
        };
        let shown = &name[..name.floor_char_boundary(LONGEST_NAME_BYTES)];
        rejected.push(StructuredRejection { index, name: shown.to_owned(), reason });
    }
    let taken = FindingKind::ALL.into_iter().zip(highest).filter_map(|(kind, p)| Some((kind, p?)));
    let speaks = taken.clone().any(|(kind, _)| kind != Device);
    Structured { severity: speaks.then(|| expected(taken)), rejected }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::report::{BASELINE_SEVERITY, read_report};

    #[test]
    fn every_canonical_name_is_known() {
        for kind in FindingKind::ALL {
            assert_eq!(kind_by_name(kind.name()), Some(kind));
        }
    }

    #[test]
    fn the_labels_of_chexpert_are_known() {
        let labels = [
            "No Finding",
            "Enlarged Cardiomediastinum",
            "Cardiomegaly",
            "Lung Opacity",
            "Lung Lesion",
            "Edema",
            "Consolidation",
            "Pneumonia",
            "Atelectasis",
            "Pneumothorax",
            "Pleural Effusion",
            "Fracture",
            "Support Devices",
        ];
        let unknown: Vec<_> = labels.iter().filter(|label| kind_by_name(label).is_none()).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    #[test]
    fn a_code_is_known_by_its_category() {
        assert_eq!(kind_by_name("J93.0"), Some(TensionPneumothorax));
        assert_eq!(kind_by_name("j93.11"), Some(Pneumothorax));
        assert_eq!(kind_by_name("J931"), None);
        assert_eq!(kind_by_name("J98.4"), None);
    }

    #[test]
    fn certain_findings_weigh_the_same_in_text_and_in_a_list() {
        let text = read_report("Pneumothorax and atelectasis.", Some("chest"))
            .expect("readable")
            .severity();
        let list = severity_of_structured(&[("Pneumothorax", 1.0), ("atelectasis", 1.0)]);
        assert_eq!(list.severity, text);
        assert!(list.rejected.is_empty());
    }

    #[test]
    fn unknown_names_and_bad_probabilities_come_back_with_their_reason() {
        let got = severity_of_structured(&[
            ("gremlins", 0.5),
            ("pneumonia", f64::NAN),
            ("pneumonia", 1.5),
            ("ards", 0.5),
        ]);
        let reasons: Vec<_> =
            got.rejected.iter().map(|r| (r.index, r.reason.to_string())).collect();
        assert_eq!(reasons[0], (0, "unknown finding".to_owned()));
        assert_eq!(reasons.iter().map(|r| r.0).collect::<Vec<_>>(), [0, 1, 2]);
        assert!(got.severity > Some(0.3));
        assert_eq!(severity_of_structured(&[("gremlins", 0.5)]).severity, None);
        assert_eq!(severity_of_structured(&[]).severity, None);
    }

    #[test]
    fn raising_a_probability_never_lowers_the_severity() {
        let at = |p: f64| severity_of_structured(&[("pneumonia", p), ("effusion", 0.4)]).severity;
        let values: Vec<_> = (0..=10).map(|step| at(f64::from(step) / 10.0)).collect();
        assert!(values.windows(2).all(|pair| pair[0] < pair[1]), "{values:?}");
        assert_eq!(
            severity_of_structured(&[("no finding", 0.9)]).severity,
            Some(BASELINE_SEVERITY)
        );
    }
}

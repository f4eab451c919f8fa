//! The words a reading is made of: what was found, how surely, where, how large and how it changed.

use std::ops::Range;

/// Everything the engine can recognise: a closed list, in the order in which results are listed.
///
/// [`Device`](Self::Device) and [`NoAcuteFinding`](Self::NoAcuteFinding) describe no disease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// Air in the pleural space under pressure.
    TensionPneumothorax,
    /// Air in the pleural space.
    Pneumothorax,
    /// Blood in the pleural space (with or without air).
    Haemothorax,
    /// Pneumonia, consolidation, airspace disease, infiltrate.
    Pneumonia,
    /// Aspiration, aspiration pneumonia or pneumonitis.
    Aspiration,
    /// Opacity of the lung that the report gives no cause for.
    LungOpacity,
    /// Pulmonary oedema, vascular congestion, congestive heart failure.
    PulmonaryOedema,
    /// Acute respiratory distress syndrome.
    Ards,
    /// Pleural effusion.
    PleuralEffusion,
    /// Empyema or abscess.
    Empyema,
    /// Atelectasis, collapse, volume loss.
    Atelectasis,
    /// Enlarged heart.
    Cardiomegaly,
    /// Pericardial effusion or tamponade.
    PericardialEffusion,
    /// Air in the mediastinum.
    Pneumomediastinum,
    /// Pulmonary embolism.
    PulmonaryEmbolism,
    /// Aortic dissection, intramural haematoma or rupture.
    AorticDissection,
    /// Free air in the abdomen, perforation.
    Pneumoperitoneum,
    /// Bowel obstruction.
    BowelObstruction,
    /// Bleeding inside the skull.
    IntracranialHaemorrhage,
    /// Cerebral infarct.
    Infarct,
    /// Mass effect, midline shift, herniation.
    MassEffect,
    /// Fracture.
    Fracture,
    /// Mass, nodule, tumour.
    MassOrNodule,
    /// Emphysema, fibrosis, scarring and other lasting lung disease.
    ChronicLungDisease,
    /// A tube or line in the wrong place.
    DeviceMalposition,
    /// A tube, line or implant, position not complained of.
    Device,
    /// A statement that there is nothing acute, or that an organ is normal.
    NoAcuteFinding,
}

impl FindingKind {
    /// Every kind, in listing order.
    pub const ALL: [FindingKind; 27] = [
        Self::TensionPneumothorax,
        Self::Pneumothorax,
        Self::Haemothorax,
        Self::Pneumonia,
        Self::Aspiration,
        Self::LungOpacity,
        Self::PulmonaryOedema,
        Self::Ards,
        Self::PleuralEffusion,
        Self::Empyema,
        Self::Atelectasis,
        Self::Cardiomegaly,
        Self::PericardialEffusion,
        Self::Pneumomediastinum,
        Self::PulmonaryEmbolism,
        Self::AorticDissection,
        Self::Pneumoperitoneum,
        Self::BowelObstruction,
        Self::IntracranialHaemorrhage,
        Self::Infarct,
        Self::MassEffect,
        Self::Fracture,
        Self::MassOrNodule,
        Self::ChronicLungDisease,
        Self::DeviceMalposition,
        Self::Device,
        Self::NoAcuteFinding,
    ];

    /// The canonical name, lower case with underscores: the one that appears on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::TensionPneumothorax => "tension_pneumothorax",
            Self::Pneumothorax => "pneumothorax",
            Self::Haemothorax => "hemothorax",
            Self::Pneumonia => "consolidation",
            Self::Aspiration => "aspiration",
            Self::LungOpacity => "lung_opacity",
            Self::PulmonaryOedema => "pulmonary_edema",
            Self::Ards => "ards",
            Self::PleuralEffusion => "pleural_effusion",
            Self::Empyema => "empyema",
            Self::Atelectasis => "atelectasis",
            Self::Cardiomegaly => "cardiomegaly",
            Self::PericardialEffusion => "pericardial_effusion",
            Self::Pneumomediastinum => "pneumomediastinum",
            Self::PulmonaryEmbolism => "pulmonary_embolism",
            Self::AorticDissection => "aortic_dissection",
            Self::Pneumoperitoneum => "free_air",
            Self::BowelObstruction => "bowel_obstruction",
            Self::IntracranialHaemorrhage => "intracranial_hemorrhage",
            Self::Infarct => "infarct",
            Self::MassEffect => "mass_effect",
            Self::Fracture => "fracture",
            Self::MassOrNodule => "mass",
            Self::ChronicLungDisease => "chronic_lung_disease",
            Self::DeviceMalposition => "device_malposition",
            Self::Device => "device",
            Self::NoAcuteFinding => "no_acute_finding",
        }
    }
}

/// How a mention is meant. The order is the order of precedence when mentions are put together:
/// the first one that occurs wins (positive beats uncertain beats negative, as CheXpert does it).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Certainty {
    /// Said to be there.
    Affirmed,
    /// Said to be possible, not excluded, one of several explanations.
    Uncertain,
    /// Said not to be there, or to be gone.
    Negated,
    /// Said of the past: it tells nothing about the present study.
    Historical,
    /// Asked, feared, advised about: it tells nothing about the present study.
    Hypothetical,
}

/// The side a mention names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Laterality {
    /// No side named.
    #[default]
    Unspecified,
    /// Left.
    Left,
    /// Right.
    Right,
    /// Both sides.
    Bilateral,
}

impl Laterality {
    /// Both sides named together are bilateral.
    pub(super) fn and(self, other: Laterality) -> Laterality {
        match (self, other) {
            (Self::Unspecified, side) | (side, Self::Unspecified) => side,
            (a, b) if a == b => a,
            _ => Self::Bilateral,
        }
    }
}

/// How a finding compares with an earlier study.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Change {
    /// Nothing said.
    #[default]
    Unspecified,
    /// Not there before.
    New,
    /// More than before.
    Worsened,
    /// As before.
    Unchanged,
    /// Less than before.
    Improved,
    /// Gone: the mention is [`Certainty::Negated`] as well.
    Resolved,
}

/// Whether the report calls a finding acute or old.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Acuity {
    /// Nothing said.
    #[default]
    Unspecified,
    /// Acute.
    Acute,
    /// Chronic, old, healed, remote.
    Chronic,
}

/// The size or degree a mention names; a range ("small to moderate") counts as its larger end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Size {
    /// Nothing said.
    #[default]
    Unspecified,
    /// Trace, tiny, minimal, small, mild.
    Small,
    /// Moderate.
    Moderate,
    /// Large, extensive, severe.
    Large,
    /// Massive.
    Massive,
}

/// One mention of one finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is mentioned.
    pub kind: FindingKind,
    /// How it is meant.
    pub certainty: Certainty,
    /// Side.
    pub laterality: Laterality,
    /// Comparison with an earlier study.
    pub change: Change,
    /// Acute or old.
    pub acuity: Acuity,
    /// Size or degree.
    pub size: Size,
    /// Bytes of the report text that name the finding (its modifiers are outside).
    pub span: Range<usize>,
    /// True for a mention in the main report whose kind an addendum speaks about: it no longer counts.
    pub superseded: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_sits_at_its_own_index_and_has_its_own_name() {
        let names: std::collections::BTreeSet<_> =
            FindingKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), FindingKind::ALL.len());
        for (index, kind) in FindingKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
        }
    }
}

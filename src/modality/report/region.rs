//! Which part of the body a study shows, so that a bare "effusion" or "haemorrhage" can be understood.

use super::lexicon::Site;

/// The part of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Region {
    Head,
    Chest,
    /// Some other part, named.
    Other,
    Unknown,
}

const HEAD: &[&str] = &["head", "brain", "cranial", "cerebral", "skull", "neuro", "intracranial"];
const CHEST: &[&str] = &[
    "chest",
    "thorax",
    "thoracic",
    "cxr",
    "lung",
    "lungs",
    "pulmonary",
    "cardiopulmonary",
    "pleural",
    "ctpa",
    "rib",
    "ribs",
];
const OTHER: &[&str] = &[
    "knee",
    "hip",
    "ankle",
    "elbow",
    "wrist",
    "shoulder",
    "foot",
    "hand",
    "femur",
    "tibia",
    "humerus",
    "pelvis",
    "abdomen",
    "abdominal",
    "kub",
    "spine",
    "lumbar",
    "cervical",
    "renal",
    "kidney",
    "liver",
    "extremity",
    "forearm",
    "breast",
    "thyroid",
    "neck",
];

/// How much of the text is looked at when the procedure does not tell.
const LOOK_BYTES: usize = 400;

/// The region of the procedure; when that names none, of the first words of the text.
pub(super) fn of(procedure: Option<&str>, text: &str) -> Region {
    let named = procedure.map_or(Region::Unknown, by_words);
    if named != Region::Unknown {
        return named;
    }
    // The text may name joints and organs in passing: from it, only head and chest are believed.
    match by_words(&text[..text.floor_char_boundary(LOOK_BYTES)]) {
        Region::Other => Region::Unknown,
        region => region,
    }
}

/// The chest wins over all others ("CT chest, abdomen and pelvis"), then the head.
fn by_words(text: &str) -> Region {
    let mut region = Region::Unknown;
    for word in text.split(|c: char| !c.is_alphanumeric()) {
        let is_in = |list: &[&str]| list.iter().any(|known| known.eq_ignore_ascii_case(word));
        if is_in(CHEST) {
            return Region::Chest;
        } else if is_in(HEAD) {
            region = Region::Head;
        } else if region == Region::Unknown && is_in(OTHER) {
            region = Region::Other;
        }
    }
    region
}

impl Site {
    /// Whether a phrase with this site is believed in a study of `region`.
    pub(super) fn holds(self, region: Region, beside_device: bool) -> bool {
        match self {
            Site::Any => true,
            Site::Head => region == Region::Head,
            Site::HeadOrUnknown => matches!(region, Region::Head | Region::Unknown),
            Site::ChestOrUnknown => matches!(region, Region::Chest | Region::Unknown),
            Site::WithDevice => beside_device,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_procedure_decides_before_the_text() {
        assert_eq!(of(Some("CT HEAD W/O CONTRAST"), "chest"), Region::Head);
        assert_eq!(of(Some("XR knee 2 views"), "effusion"), Region::Other);
        assert_eq!(of(Some("CT chest, abdomen and pelvis"), ""), Region::Chest);
        assert_eq!(of(None, "Portable chest radiograph"), Region::Chest);
        assert_eq!(of(None, "Small effusion."), Region::Unknown);
    }
}

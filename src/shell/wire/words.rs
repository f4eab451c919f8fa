//! The words of fused scores on the wire.

use super::parts::word_of;
use crate::types::{Band, FusedScore, FusedStatus, Pane};

/// What stands in every record: nobody may mistake it for an alarm.
const NOTICE: &str =
    "informs staff, never alarms on its own; not for clinical decisions without local validation";
/// What stands instead where there is no risk.
const NOTICE_WITHOUT_RISK: &str =
    "no risk could be computed: this says nothing about the patient and is never a low risk";

pub(super) const PANES: [(Pane, &str); 3] =
    [(Pane::Early, "early"), (Pane::OnTime, "on_time"), (Pane::Late, "late")];

pub(super) const STATUSES: [(FusedStatus, &str); 3] = [
    (FusedStatus::Ok, "ok"),
    (FusedStatus::Degraded, "degraded"),
    (FusedStatus::InsufficientData, "insufficient_data"),
];

pub(super) const BANDS: [(Band, &str); 3] =
    [(Band::Low, "low"), (Band::Medium, "medium"), (Band::High, "high")];

/// What a score is for, or that there is none.
pub(in crate::shell) fn notice(score: &FusedScore) -> &'static str {
    if score.risk.is_some() { NOTICE } else { NOTICE_WITHOUT_RISK }
}

/// A pane's name on the wire.
pub(in crate::shell) fn pane_name(pane: Pane) -> &'static str {
    word_of(&PANES, &pane)
}

/// A status' name on the wire.
pub(in crate::shell) fn status_name(status: FusedStatus) -> &'static str {
    word_of(&STATUSES, &status)
}

/// A band's name on the wire.
pub(in crate::shell) fn band_name(band: Band) -> &'static str {
    word_of(&BANDS, &band)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Absence;
    use serde::Serialize;

    fn named_as_serde_names_them<T: Serialize>(words: &[(T, &str)]) {
        for (value, name) in words {
            let wire = serde_json::to_string(value).expect("a unit variant");
            assert_eq!(wire, format!("\"{name}\""));
        }
    }

    #[test]
    fn every_word_is_the_one_that_serde_writes() {
        named_as_serde_names_them(&PANES);
        named_as_serde_names_them(&STATUSES);
        named_as_serde_names_them(&BANDS);
        named_as_serde_names_them(&Absence::ALL.map(|absence| (absence, absence.name())));
    }
}

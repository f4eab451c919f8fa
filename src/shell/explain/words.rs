//! Absence and status in the words of a ward manager or an engineer on call.

use crate::types::{Absence, FusedStatus};

pub(super) const fn status(status: FusedStatus) -> &'static str {
    match status {
        FusedStatus::Ok => "every modality that this stay has produced is present",
        FusedStatus::Degraded => {
            "something that was there or is required is absent, or old evidence holds the band"
        }
        FusedStatus::InsufficientData => {
            "nothing that counts is present: there is no risk, and none must be inferred"
        }
    }
}

pub(super) const fn meaning(absence: Absence) -> &'static str {
    match absence {
        Absence::Never => "this stay has produced nothing of it so far",
        Absence::Pending => "it was ordered or registered, and the result is not there yet",
        Absence::Stale => "the newest one is too old to count any more",
        Absence::Late => "the newest one was too old already when it became known",
        Absence::Rejected => "the newest record was refused, or held too little for the model",
        Absence::Withdrawn => "its source took it back (an error, a cancellation, a wrong patient)",
        Absence::Uncalibrated => "its model version has no calibration and is held out for safety",
    }
}

pub(super) const fn comes_back_when(absence: Absence) -> &'static str {
    match absence {
        Absence::Never => "its first usable record arrives",
        Absence::Pending => "the result is issued",
        Absence::Stale => "a newer measurement or result arrives",
        Absence::Late => {
            "a newer one arrives in time; if this repeats, look at the delay of its feed"
        }
        Absence::Rejected => {
            "a complete and plausible record arrives; the dead letters name what was wrong"
        }
        Absence::Withdrawn => "its source sends a corrected or a new one",
        Absence::Uncalibrated => "a calibrated version of the model is put in service",
    }
}

//! The findings an imaging report can state, and how they are got from its text.

use crate::types::{Fault, RejectReason};

/// The findings, in column order. `no_acute_finding` is the report's own statement, not an inference from silence.
pub const FINDINGS: [&str; 18] = [
    "pneumothorax",
    "tension_pneumothorax",
    "consolidation",
    "pulmonary_edema",
    "pleural_effusion",
    "ards",
    "atelectasis",
    "aspiration",
    "cardiomegaly",
    "free_air",
    "intracranial_hemorrhage",
    "infarct",
    "pulmonary_embolism",
    "aortic_dissection",
    "fracture",
    "mass",
    "device_malposition",
    "no_acute_finding",
];

/// A finding's column by its name.
pub fn column(name: &str) -> Option<u8> {
    FINDINGS.iter().position(|finding| *finding == name).and_then(|i| u8::try_from(i).ok())
}

/// Columns and probabilities of presence (0 to 1) that a report's text states.
///
/// # Errors
/// `UnreadableText`. Until the text engine is connected here this is so for every text.
pub fn findings_from_text(_text: &str) -> Result<Vec<(u8, f64)>, Fault> {
    let detail = "report text is not read yet; send structured findings";
    Err(Fault::new(RejectReason::UnreadableText, detail))
}

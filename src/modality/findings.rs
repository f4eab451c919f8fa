//! The findings an imaging report can state, and how they are got from its text.

use super::report::read_report;
use crate::types::{Fault, RejectReason};

/// The findings, in column order. `no_acute_finding` is the report's own statement, not an inference from silence.
pub const FINDINGS: [&str; 26] = [
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
    "hemothorax",
    "empyema",
    "lung_opacity",
    "pericardial_effusion",
    "pneumomediastinum",
    "bowel_obstruction",
    "mass_effect",
    "chronic_lung_disease",
    "no_acute_finding",
];

/// A finding's column by its name.
pub fn column(name: &str) -> Option<u8> {
    FINDINGS.iter().position(|finding| *finding == name).and_then(|i| u8::try_from(i).ok())
}

/// Columns and values that a report's text states: 0 where it negates a finding; else its certainty (1 affirmed, 0.5 uncertain)
/// times its extent (small, improving and old ones count less), at most 1. Questions and history state nothing.
///
/// # Errors
/// `UnreadableText`: empty, too long, not English, or nothing in it is about the present study.
pub fn findings_from_text(text: &str) -> Result<Vec<(u8, f64)>, Fault> {
    let unreadable = |detail: String| Fault::new(RejectReason::UnreadableText, detail);
    let reading = read_report(text, None).map_err(|error| unreadable(error.to_string()))?;
    let stated: Vec<(u8, f64)> = reading
        .summary()
        .iter()
        .filter_map(|line| Some((column(line.kind.name())?, reading.strength(line)?)))
        .collect();
    if stated.is_empty() {
        return Err(unreadable("the report states nothing about the present study".to_owned()));
    }
    Ok(stated)
}

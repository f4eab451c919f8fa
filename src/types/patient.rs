//! Who a record is about: an opaque key, never shown in metrics, logs or traces.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A patient's pseudonym: 1 to 64 bytes of printable ASCII without spaces.
///
/// Kept inline up to 24 bytes. `Debug` hides it, so that no log line can carry one by accident.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "CompactString", into = "CompactString")]
pub struct PatientId(CompactString);

/// Why a text is no patient id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatientIdError {
    /// Empty or absent.
    #[error("patient id is missing")]
    Missing,
    /// Longer than [`PatientId::MAX_BYTES`].
    #[error("patient id is longer than {} bytes", PatientId::MAX_BYTES)]
    TooLong,
    /// A byte outside `!`..=`~`.
    #[error("patient id holds a space, a control character or a byte outside ASCII")]
    NotPrintable,
}

impl PatientId {
    /// Longest id, in bytes.
    pub const MAX_BYTES: usize = 64;

    /// Checks and wraps an id.
    ///
    /// # Errors
    /// Empty, too long, or not printable ASCII.
    pub fn new(text: &str) -> Result<Self, PatientIdError> {
        Self::check(text)?;
        Ok(Self(CompactString::new(text)))
    }

    /// The id itself; for keys and payloads, never for logs.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn check(text: &str) -> Result<(), PatientIdError> {
        if text.is_empty() {
            Err(PatientIdError::Missing)
        } else if text.len() > Self::MAX_BYTES {
            Err(PatientIdError::TooLong)
        } else if !text.bytes().all(|b| b.is_ascii_graphic()) {
            Err(PatientIdError::NotPrintable)
        } else {
            Ok(())
        }
    }
}

impl TryFrom<CompactString> for PatientId {
    type Error = PatientIdError;
    fn try_from(text: CompactString) -> Result<Self, PatientIdError> {
        Self::check(&text)?;
        Ok(Self(text))
    }
}

impl From<PatientId> for CompactString {
    fn from(id: PatientId) -> Self {
        id.0
    }
}

impl fmt::Debug for PatientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PatientId(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_empty_oversized_and_unprintable_ids() {
        assert_eq!(PatientId::new(""), Err(PatientIdError::Missing));
        assert_eq!(PatientId::new(&"x".repeat(65)), Err(PatientIdError::TooLong));
        assert_eq!(PatientId::new("bed 4"), Err(PatientIdError::NotPrintable));
        assert_eq!(PatientId::new("Zoë"), Err(PatientIdError::NotPrintable));
        assert!(PatientId::new(&"x".repeat(64)).is_ok());
    }

    #[test]
    fn debug_output_hides_the_patient() {
        let id = PatientId::new("MARKER-17").expect("printable");
        assert!(!format!("{id:?}").contains("MARKER"));
    }
}

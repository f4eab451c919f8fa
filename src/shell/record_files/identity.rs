//! The identity of an observation whose source gives none.

use crate::modality::Modality;
use crate::types::{EventTime, MAX_COLUMNS, ObservationId, Values};

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// Derives ids from event time and column names, as the decoders of the wire formats do, so that a record has the same
/// id from a file and from a topic.
#[derive(Clone, Debug)]
pub struct Identity {
    names: [u64; MAX_COLUMNS],
}

impl Identity {
    /// For the observations of a modality.
    pub fn of(modality: &Modality) -> Self {
        let mut names = [0; MAX_COLUMNS];
        for (hash, column) in names.iter_mut().zip(modality.columns) {
            *hash = add(FNV_OFFSET, column.name.as_bytes());
        }
        Self { names }
    }

    /// The id of what these columns say at that time; the order of the columns does not matter.
    pub fn derive(&self, event_time: EventTime, values: &Values) -> ObservationId {
        let name = |(column, _): (u8, i16)| self.names.get(usize::from(column)).copied();
        let subject = values.iter().filter_map(name).fold(0, u64::wrapping_add);
        let time = add(FNV_OFFSET ^ 1, &event_time.as_millis().to_le_bytes());
        ObservationId(add(time, &subject.to_le_bytes()))
    }
}

/// FNV-1a, 64 bits (draft-eastlake-fnv, section 5).
fn add(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a_as_published() {
        assert_eq!(add(FNV_OFFSET, b"foobar"), 0x8594_4171_f739_67e8);
    }
}

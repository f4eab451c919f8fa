//! What a ward has sent, and what went wrong on the way.

use super::bad::BadKind;

/// Something that goes wrong, or that only a real ward does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// A record sent a second time.
    Duplicate,
    /// A monitor's record delayed by seconds.
    Delayed,
    /// A monitor's record held back in a Wi-Fi gap and sent in a burst.
    HeldInGap,
    /// A monitor disconnected.
    Disconnect,
    /// A number that is possible, but not the patient's.
    Artefact,
    /// A record of a monitor whose clock is off.
    SkewedClock,
    /// A corrected version.
    Corrected,
    /// A version that withdraws what was entered in error.
    EnteredInError,
    /// A cancelled test or study.
    Cancelled,
    /// A preliminary version.
    Preliminary,
    /// A patient who came back.
    Readmission,
    /// A record lost because its feed was off.
    Lost,
    /// A record kept because its feed was off.
    Kept,
    /// A record not sent because its stay had ended.
    AfterDischarge,
}

impl Disturbance {
    /// All of them, in order.
    pub const ALL: [Self; 14] = [
        Self::Duplicate,
        Self::Delayed,
        Self::HeldInGap,
        Self::Disconnect,
        Self::Artefact,
        Self::SkewedClock,
        Self::Corrected,
        Self::EnteredInError,
        Self::Cancelled,
        Self::Preliminary,
        Self::Readmission,
        Self::Lost,
        Self::Kept,
        Self::AfterDischarge,
    ];
}

/// Counts since the ward began. Records count when they are sent; disturbances when they are made,
/// which may be before the record that shows them is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    pub(super) sent: [u64; 4],
    pub(super) disturbed: [u64; Disturbance::ALL.len()],
    pub(super) bad: [u64; BadKind::ALL.len()],
    pub(super) admissions: u64,
    pub(super) discharges: u64,
}

impl Statistics {
    /// Records sent of vitals, labs, imaging reports and encounters, bad ones included.
    pub fn sent(&self) -> [u64; 4] {
        self.sent
    }

    /// Records sent in all.
    pub fn total(&self) -> u64 {
        self.sent.iter().sum()
    }

    /// How often it happened.
    pub fn disturbed(&self, disturbance: Disturbance) -> u64 {
        self.disturbed[disturbance as usize]
    }

    /// Bad records of a kind sent.
    pub fn bad(&self, kind: BadKind) -> u64 {
        self.bad[kind as usize]
    }

    /// Stays begun, those that had begun before the ward's start included.
    pub fn admissions(&self) -> u64 {
        self.admissions
    }

    /// Stays ended.
    pub fn discharges(&self) -> u64 {
        self.discharges
    }

    pub(super) fn count(&mut self, disturbance: Disturbance) {
        self.disturbed[disturbance as usize] += 1;
    }
}

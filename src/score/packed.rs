//! How one row of a lookback is packed, and what it stands for.

use crate::types::{Event, EventTime, IssueTime, MAX_VALUES, Span, Values};
use std::collections::VecDeque;

/// Longest retention (lookback and reach together): half of what a 32-bit offset in milliseconds can hold.
pub const LONGEST_RETENTION: Span = Span::millis(1 << 31);
/// Longest time from an observation to its first issue that a row can hold.
pub(super) const LONGEST_DELAY: Span = Span::millis(u32::MAX as i64);
/// Most rows of one patient: a row names its set of columns by 12 bits.
pub const MOST_OBSERVATIONS: usize = 4_000;

/// A prediction's two times, as whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    pub(super) event_time: EventTime,
    pub(super) issued: IssueTime,
}

/// What a row stands for. The rows that are no observation any more keep the times of statements once made, because
/// a later change may have to replace those.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(super) enum Kind {
    /// An observation with values.
    Value = 0,
    /// An observation that was taken back.
    Withdrawn = 1,
    /// Taken back before any value was known.
    Cancelled = 2,
    /// Ordered; a result is to come.
    Registered = 3,
    /// A registration whose result has come.
    Settled = 4,
    /// An observation stood here; a correction moved its event time.
    Moved = 5,
    /// A registration or cancellation stood here and was replaced.
    Overtaken = 6,
}

impl Kind {
    pub(super) const fn from_bits(bits: u16) -> Option<Self> {
        Some(match bits {
            0 => Self::Value,
            1 => Self::Withdrawn,
            2 => Self::Cancelled,
            3 => Self::Registered,
            4 => Self::Settled,
            5 => Self::Moved,
            6 => Self::Overtaken,
            _ => return None,
        })
    }
    /// True for the one row that stands for its id.
    pub(super) const fn is_head(self) -> bool {
        matches!(self, Self::Value | Self::Withdrawn | Self::Cancelled | Self::Registered)
    }
    /// True where predictions at later event times were made with it.
    pub(super) const fn was_observed(self) -> bool {
        matches!(self, Self::Value | Self::Withdrawn | Self::Moved)
    }
    /// True where its own statement was or is `pending`.
    pub(super) const fn was_registered(self) -> bool {
        matches!(self, Self::Registered | Self::Settled)
    }
}

/// One row, unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) spot: Spot,
    pub(super) id: u32,
    pub(super) kind: Kind,
}

/// (event time - base, first issue - event time, kind | amended << 3 | shape << 4); 16-bit words keep it at 10 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packed(pub(super) [u16; 5]);

pub(super) const AMENDED: u16 = 1 << 3;

impl Packed {
    pub(super) fn new(time: u32, delay: u32, meta: u16) -> Self {
        Self([time as u16, (time >> 16) as u16, delay as u16, (delay >> 16) as u16, meta])
    }
    pub(super) const fn time(self) -> u32 {
        self.0[0] as u32 | (self.0[1] as u32) << 16
    }
    pub(super) const fn delay(self) -> u32 {
        self.0[2] as u32 | (self.0[3] as u32) << 16
    }
    pub(super) fn kind(self) -> Kind {
        Kind::from_bits(self.0[4] & 7).unwrap_or(Kind::Overtaken)
    }
    pub(super) const fn amended(self) -> bool {
        self.0[4] & AMENDED != 0
    }
    pub(super) const fn shape(self) -> usize {
        (self.0[4] >> 4) as usize
    }
}

/// A row with values, as the features read it; times in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observed {
    pub(super) time: i64,
    pub(super) issued: i64,
    pub(super) mask: u64,
    pub(super) start: usize,
}

/// The 32 bits of an observation's id that a row keeps: its halves, folded.
pub(super) const fn short_id(event: &Event) -> u32 {
    (event.id.0 ^ event.id.0 >> 32) as u32
}

/// The columns of a mask, rising.
pub(super) fn columns(mut mask: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let column = mask.trailing_zeros();
        mask &= mask.wrapping_sub(1);
        (column < 64).then_some(column)
    })
}

/// The column mask of values and their steps in rising order of column.
pub(super) fn sorted(values: &Values) -> (u64, [i16; MAX_VALUES]) {
    let mask = values.iter().fold(0u64, |mask, (column, _)| mask | 1 << column);
    let mut steps = [0; MAX_VALUES];
    for (column, value) in values.iter() {
        steps[(mask & ((1u64 << column) - 1)).count_ones() as usize] = value;
    }
    (mask, steps)
}

/// Where an id stands in a slice; compared sixteen at a time, because nearly always it does not.
pub(super) fn matches(ids: &[u32], id: u32) -> impl Iterator<Item = usize> + '_ {
    ids.chunks(16).enumerate().flat_map(move |(i, chunk)| {
        let any = chunk.iter().fold(false, |any, other| any | (*other == id));
        let chunk = if any { chunk } else { &[] };
        chunk
            .iter()
            .enumerate()
            .filter(move |(_, other)| **other == id)
            .map(move |(j, _)| i * 16 + j)
    })
}

pub(super) fn insert_one<T>(ring: &mut VecDeque<T>, at: usize, item: T) {
    if at == ring.len() {
        ring.push_back(item);
    } else {
        ring.insert(at, item);
    }
}

/// Grows by a sixteenth, or `least`: a full lookback then wastes a sixteenth and not a half.
pub(super) fn grow<T>(ring: &mut VecDeque<T>, more: usize, least: usize) {
    if ring.len() + more > ring.capacity() {
        ring.reserve_exact(more.max(least).max(ring.len() / 16));
    }
}

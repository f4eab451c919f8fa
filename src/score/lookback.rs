//! The recent observations of one patient, in about 14 bytes each and 2 more for each value.
//!
//! Rows are sorted by (event time, first issue time, id); ids, rows and values are three parallel rings, so that a
//! monitor in steady state overwrites its oldest observation and allocates nothing. Times are 32-bit offsets.
//!
//! Ids are folded to 32 bits. They are hashes, and only the n observations that one patient has in the lookback can be
//! confused: n / 2^32 for each event, one in 70 million at n = 60. The new observation is then taken for a version of
//! the old one and replaces it; no other patient is touched.

use super::packed::{
    AMENDED, Kind, LONGEST_DELAY, LONGEST_RETENTION, MOST_OBSERVATIONS, Observed, Packed, Row,
    Spot, columns, grow, insert_one, matches, sorted,
};
use super::versions::{Rank, Rare};
use crate::types::{EventTime, IssueTime, Span, Values};
use std::collections::VecDeque;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Lookback {
    base: i64,
    /// No first issue time is later; may be higher than needed.
    latest_issue: i64,
    ids: VecDeque<u32>,
    rows: VecDeque<Packed>,
    /// The values of the rows of [`Kind::Value`], one row after the other, each in rising order of column.
    values: VecDeque<i16>,
    /// Column mask of shape 0; nearly every patient has no other.
    first_shape: u64,
    rare: Option<Box<Rare>>,
}

impl Lookback {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Reads where the next row will go; see [`Patients::look_ahead`](super::patients::Patients::look_ahead).
    pub(super) fn touch(&self) -> i64 {
        let (row, value) = (self.rows.back().map(|row| row.0[4]), self.values.back());
        let id = self.ids.front().copied().unwrap_or_default();
        self.latest_issue
            ^ i64::from(row.unwrap_or_default())
            ^ i64::from(id)
            ^ i64::from(value.copied().unwrap_or_default())
    }

    /// Event time of the newest row of any kind; `None`: there is none.
    pub(super) fn newest(&self) -> Option<EventTime> {
        self.rows.back().map(|row| self.time(*row))
    }

    /// True when `spot` is the only row at the newest event time and nothing was first issued after it.
    pub(super) fn is_in_order(&self, spot: Spot) -> bool {
        let mut newest = self.rows.iter().rev().map(|row| self.time(*row));
        newest.next() == Some(spot.event_time)
            && newest.next().is_none_or(|before| before < spot.event_time)
            && self.latest_issue <= spot.issued.as_millis()
    }

    /// The row that stands for an id.
    pub(super) fn find(&self, id: u32) -> Option<usize> {
        let (front, back) = self.ids.as_slices();
        let is_head = |i: &usize| self.rows[*i].kind().is_head();
        matches(back, id)
            .map(|i| i + front.len())
            .find(is_head)
            .or_else(|| matches(front, id).find(is_head))
    }

    /// True when an observation at the spot's event time was known at its issue time.
    pub(super) fn observed(&self, spot: Spot) -> bool {
        let at = spot.event_time.as_millis();
        let rows =
            self.newest_first().skip_while(|row| row.time > at).take_while(|row| row.time == at);
        rows.into_iter().any(|row| row.issued <= spot.issued.as_millis())
    }

    pub(super) fn row(&self, at: usize) -> Row {
        let packed = self.rows[at];
        let event_time = self.time(packed);
        let issued = event_time.as_millis() + i64::from(packed.delay());
        let spot = Spot { event_time, issued: IssueTime::from_millis(issued) };
        Row { spot, id: self.ids[at], kind: packed.kind() }
    }

    /// Version, issue time and stage of what a row stands for.
    pub(super) fn rank(&self, at: usize) -> Rank {
        let row = self.row(at);
        let plain = Rank::first(row.spot.issued, row.kind);
        let rare = self.rare.as_ref().filter(|_| self.rows[at].amended());
        rare.and_then(|rare| rare.rank(row.id, row.kind)).unwrap_or(plain)
    }

    /// Rows from the newest on, each with its column mask and where its values start.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = Observed> + '_ {
        let mut start = self.values.len();
        self.rows.iter().rev().filter_map(move |packed| {
            if packed.kind() != Kind::Value {
                return None;
            }
            let mask = self.mask(packed.shape());
            start -= mask.count_ones() as usize;
            let time = self.base + i64::from(packed.time());
            Some(Observed { time, issued: time + i64::from(packed.delay()), mask, start })
        })
    }

    /// The columns that some row may have; none that it has not is missing.
    pub(super) fn any_columns(&self) -> u64 {
        let rare = self.rare.iter().flat_map(|rare| &rare.shapes);
        rare.fold(self.first_shape, |any, shape| any | shape)
    }

    /// The value of a column in a row that has it, in steps.
    pub(super) fn steps(&self, row: &Observed, column: u32) -> i16 {
        let before = (row.mask & ((1u64 << column) - 1)).count_ones();
        self.values[row.start + before as usize]
    }

    /// Adds a row, after forgetting what is `retention` older than the newest then.
    pub(super) fn insert(&mut self, row: Row, rank: Rank, values: &Values, retention: Span) {
        let time = row.spot.event_time;
        let newest = self.newest().map_or(time, |newest| newest.max(time));
        self.evict(newest - retention);
        self.make_room_for(newest, retention);
        let at = self.place(row);
        let (mask, steps) = sorted(values);
        let steps = &steps[..mask.count_ones() as usize];
        let shape = if steps.is_empty() { 0 } else { self.shape(mask) };
        let delay =
            (row.spot.issued.as_millis() - time.as_millis()).clamp(0, LONGEST_DELAY.as_millis());
        let packed = Packed::new(
            (time.as_millis() - self.base) as u32,
            delay as u32,
            row.kind as u16 | (shape as u16) << 4,
        );
        self.latest_issue = self.latest_issue.max(row.spot.issued.as_millis());
        let start = self.values_before(at);
        grow(&mut self.ids, 1, 4);
        grow(&mut self.rows, 1, 4);
        insert_one(&mut self.ids, at, row.id);
        insert_one(&mut self.rows, at, packed);
        self.insert_values(start, steps);
        self.set_rank(at, rank);
    }

    /// Replaces the values of a row and makes it an observation again, if it was not.
    pub(super) fn replace(&mut self, at: usize, rank: Rank, values: &Values) {
        self.clear(at, Kind::Withdrawn);
        let (mask, steps) = sorted(values);
        let steps = &steps[..mask.count_ones() as usize];
        let start = self.values_before(at);
        let shape = self.shape(mask) as u16;
        self.rows[at].0[4] = Kind::Value as u16 | shape << 4;
        self.insert_values(start, steps);
        self.set_rank(at, rank);
    }

    /// Takes the values out of a row and gives it another kind than [`Kind::Value`], of the rank of a first version.
    pub(super) fn clear(&mut self, at: usize, kind: Kind) {
        debug_assert!(kind != Kind::Value, "a value comes with `replace`");
        let packed = self.rows[at];
        let (start, length) = (self.values_before(at), self.width(packed));
        self.values.drain(start..start + length);
        if packed.amended() {
            self.forget_rank(self.ids[at]);
        }
        self.rows[at].0[4] = kind as u16;
    }

    /// Sets the version that a row stands for.
    pub(super) fn set_rank(&mut self, at: usize, rank: Rank) {
        let row = self.row(at);
        if self.rows[at].amended() {
            self.forget_rank(row.id);
        }
        self.rows[at].0[4] &= !AMENDED;
        if rank != Rank::first(row.spot.issued, row.kind) {
            self.rows[at].0[4] |= AMENDED;
            self.rare.get_or_insert_default().amend(row.id, rank);
        }
    }

    /// Forgets the rows at or before a time.
    pub(super) fn evict(&mut self, limit: EventTime) {
        while self.rows.front().is_some_and(|row| self.time(*row) <= limit) {
            self.drop_oldest();
        }
    }

    /// Forgets the oldest row.
    pub(super) fn drop_oldest(&mut self) {
        let (Some(packed), Some(id)) = (self.rows.pop_front(), self.ids.pop_front()) else {
            return;
        };
        self.values.drain(..self.width(packed));
        if packed.amended() {
            self.forget_rank(id);
        }
    }

    /// Thins to the last observation of each whole minute of event time, the newest minute excepted; returns how many
    /// went. Rows that are no observation stay. What was said about a thinned one is final.
    pub(super) fn thin(&mut self) -> usize {
        let minute = |time: EventTime| time.as_millis().div_euclid(60_000);
        let Some(mut kept) = self.newest().map(minute) else { return 0 };
        let newest = kept;
        let before = self.len();
        // It fills up again to the same length, so it starts with the same room.
        let mut thinned = Self {
            base: self.base,
            latest_issue: self.latest_issue,
            ids: VecDeque::with_capacity(self.ids.capacity()),
            rows: VecDeque::with_capacity(self.rows.capacity()),
            values: VecDeque::with_capacity(self.values.capacity()),
            ..Self::default()
        };
        let mut keep = vec![true; before];
        for at in (0..before).rev() {
            let row = self.row(at);
            let this = minute(row.spot.event_time);
            if row.kind == Kind::Value && this < newest {
                keep[at] = this != kept;
                kept = this;
            }
        }
        if keep.iter().all(|keep| *keep) {
            return 0;
        }
        let mut start = 0;
        for (at, keep) in keep.into_iter().enumerate() {
            let width = self.width(self.rows[at]);
            if keep {
                let values = self.values_of(at, start);
                thinned.insert(self.row(at), self.rank(at), &values, LONGEST_RETENTION);
            }
            start += width;
        }
        *self = thinned;
        before - self.len()
    }

    /// The values of a row, given where they start.
    pub(super) fn values_of(&self, at: usize, start: usize) -> Values {
        let mut values = Values::default();
        if self.rows[at].kind() == Kind::Value {
            let columns = columns(self.mask(self.rows[at].shape()));
            for (i, column) in columns.enumerate() {
                values.set(column as u8, self.values[start + i]);
            }
        }
        values
    }

    /// Bytes allocated, the struct itself not counted.
    pub(super) fn heap_bytes(&self) -> usize {
        self.ids.capacity() * size_of::<u32>()
            + self.rows.capacity() * size_of::<Packed>()
            + self.values.capacity() * size_of::<i16>()
            + self.rare.as_ref().map_or(0, |rare| rare.bytes())
    }

    /// How many values a row has.
    pub(super) fn width_at(&self, at: usize) -> usize {
        self.width(self.rows[at])
    }

    fn time(&self, row: Packed) -> EventTime {
        EventTime::from_millis(self.base + i64::from(row.time()))
    }

    fn mask(&self, shape: usize) -> u64 {
        match shape.checked_sub(1) {
            None => self.first_shape,
            Some(i) => self.rare.as_ref().and_then(|rare| rare.shapes.get(i)).copied().unwrap_or(0),
        }
    }

    fn width(&self, row: Packed) -> usize {
        if row.kind() == Kind::Value { self.mask(row.shape()).count_ones() as usize } else { 0 }
    }

    /// Number of a column mask in this patient's table, entered if it is new.
    fn shape(&mut self, mask: u64) -> usize {
        if self.first_shape == mask {
            return 0;
        }
        if self.values.is_empty() {
            self.first_shape = mask;
            return 0;
        }
        let rare = self.rare.get_or_insert_default();
        if let Some(i) = rare.shapes.iter().position(|shape| *shape == mask) {
            return i + 1;
        }
        if rare.shapes.len() > 2 * self.rows.len() + 16 || rare.shapes.len() >= MOST_OBSERVATIONS {
            self.renumber_shapes();
            return self.shape(mask);
        }
        rare.shapes.push(mask);
        rare.shapes.len()
    }

    /// Rebuilds the table of column masks from the rows that are left.
    fn renumber_shapes(&mut self) {
        let mut shapes: Vec<u64> = Vec::new();
        let used: Vec<Option<u64>> = self
            .rows
            .iter()
            .map(|row| (row.kind() == Kind::Value).then(|| self.mask(row.shape())))
            .collect();
        for (row, mask) in self.rows.iter_mut().zip(used) {
            let Some(mask) = mask.filter(|mask| *mask != self.first_shape) else {
                row.0[4] &= 15;
                continue;
            };
            let i = shapes.iter().position(|shape| *shape == mask).unwrap_or_else(|| {
                shapes.push(mask);
                shapes.len() - 1
            });
            row.0[4] = row.0[4] & 15 | ((i + 1) as u16) << 4;
        }
        self.rare.get_or_insert_default().shapes = shapes;
    }

    /// Moves the base so that the offset of `newest` fits; every row is later than `newest - retention`.
    fn make_room_for(&mut self, newest: EventTime, retention: Span) {
        let base = (newest - retention).as_millis();
        if self.rows.is_empty() {
            (self.base, self.latest_issue) = (base, i64::MIN);
        } else if newest.as_millis() - self.base > i64::from(u32::MAX) {
            let moved = base - self.base;
            for row in &mut self.rows {
                *row = Packed::new((i64::from(row.time()) - moved) as u32, row.delay(), row.0[4]);
            }
            self.base = base;
        }
    }

    /// Where a row belongs: after every row that is not greater.
    fn place(&self, row: Row) -> usize {
        let key = (row.spot, row.id);
        let after = (0..self.len()).rev().find(|at| {
            let there = self.row(*at);
            (there.spot, there.id) <= key
        });
        after.map_or(0, |at| at + 1)
    }

    fn values_before(&self, at: usize) -> usize {
        self.values.len() - self.rows.range(at..).map(|row| self.width(*row)).sum::<usize>()
    }

    fn insert_values(&mut self, start: usize, steps: &[i16]) {
        grow(&mut self.values, steps.len(), 4 * steps.len());
        if start == self.values.len() {
            self.values.extend(steps);
        } else {
            for (i, step) in steps.iter().enumerate() {
                self.values.insert(start + i, *step);
            }
        }
    }

    fn forget_rank(&mut self, id: u32) {
        if let Some(rare) = &mut self.rare {
            rare.forget(id);
        }
    }
}

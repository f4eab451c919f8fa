//! Two sequences that should be one: what was derived from the log, and what was published.
//!
//! Both come in order and piece by piece. Where they part, they are brought together again within a bounded look ahead, so that
//! one lost score is one difference.

use crate::types::{EventTime, IngestTime, PatientId, Span};
use std::collections::VecDeque;

/// How far ahead a score is looked for among the published ones.
pub(super) const LOOK_AHEAD: usize = 20_000;
/// A fused score is published at most so long after the record that it was made from; longer means that it is not there.
const LONGEST_LAG: Span = Span::hours(1);

/// Which score.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Whom it is about.
    pub patient: PatientId,
    /// End of its window.
    pub window_end: EventTime,
    /// Which pane of that window.
    pub revision: u32,
}

/// One score of either sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Score {
    /// Which.
    pub identity: Identity,
    /// Derived: offset in `predictions` of the record that it was made from. Published: its offset in `fused-scores`.
    pub offset: i64,
    /// Broker time of the record at that offset.
    pub ingest_time: IngestTime,
    /// Key and payload.
    pub bytes: (Vec<u8>, Vec<u8>),
}

/// Something that is not as the log says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Other bytes.
    Differs {
        /// As the log gives it.
        derived: Box<Score>,
        /// As it was published.
        published: Box<Score>,
    },
    /// It was published, and the log does not give it; also a second copy.
    NotDerived(Box<Score>),
    /// The log gives it, and it was not published.
    NotPublished(Box<Score>),
    /// A record of `fused-scores` that is no fused score.
    Unreadable {
        /// Its offset.
        offset: i64,
        /// Why.
        why: String,
    },
}

/// Where the sequences begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Begin {
    /// Both are whole.
    #[default]
    Both,
    /// At the first derived score: older published ones are skipped.
    Derived,
    /// At the first published score: what was derived before it is no longer there to be compared.
    Published,
}

/// The comparison of one partition.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    derived: VecDeque<Score>,
    published: VecDeque<Score>,
    derived_done: bool,
    published_done: bool,
    /// Not [`Begin::Both`]: what lies before the first common score is still being skipped.
    begin: Begin,
    /// Derived from here on may not be published yet.
    committed: i64,
    pub(super) compared: u64,
    pub(super) skipped: u64,
    pub(super) pending: u64,
    pub(super) differences: Vec<Difference>,
}

impl Comparison {
    /// `committed`: what was derived from records before it must have been published.
    pub(super) fn new(begin: Begin, committed: i64) -> Self {
        Self { begin, committed, ..Self::default() }
    }

    pub(super) fn derive(&mut self, score: Score) {
        self.derived.push_back(score);
    }

    pub(super) fn publish(&mut self, score: Score) {
        self.published.push_back(score);
    }

    pub(super) fn end_derived(&mut self) {
        self.derived_done = true;
    }

    pub(super) fn end_published(&mut self) {
        self.published_done = true;
    }

    /// Whether more published scores are needed to go on.
    pub(super) fn wants_published(&self) -> bool {
        !self.published_done && self.published.len() < LOOK_AHEAD
    }

    /// Whether more derived scores are needed to go on.
    pub(super) fn wants_derived(&self) -> bool {
        !self.derived_done && self.derived.is_empty()
    }

    /// Whether everything was compared.
    pub(super) fn is_done(&self) -> bool {
        let empty = self.derived.is_empty() && self.published.is_empty();
        self.derived_done && self.published_done && empty
    }

    /// Compares what is there, as far as it goes.
    pub(super) fn advance(&mut self) {
        loop {
            let (Some(derived), Some(published)) = (self.derived.front(), self.published.front())
            else {
                return self.finish();
            };
            let same = derived.identity == published.identity;
            // A score is published after the record that it was made from, but not long after.
            let never_published = derived.ingest_time > published.ingest_time;
            let never_derived = published.ingest_time > derived.ingest_time + LONGEST_LAG;
            let found = match self.begin {
                Begin::Both => true,
                Begin::Derived => same || never_derived,
                Begin::Published => same || never_published,
            };
            if !found {
                self.skip();
            } else if same {
                self.take_pair();
            } else if self.wants_published() {
                return;
            } else {
                self.bring_together();
            }
        }
    }

    fn skip(&mut self) {
        if self.begin == Begin::Derived {
            self.published.pop_front();
            self.skipped += 1;
        } else {
            self.derived.pop_front();
        }
    }

    fn take_pair(&mut self) {
        self.begin = Begin::Both;
        let (Some(derived), Some(published)) =
            (self.derived.pop_front(), self.published.pop_front())
        else {
            return;
        };
        self.compared += 1;
        if derived.bytes != published.bytes {
            let (derived, published) = (Box::new(derived), Box::new(published));
            self.differences.push(Difference::Differs { derived, published });
        }
    }

    fn bring_together(&mut self) {
        self.begin = Begin::Both;
        let Some(derived) = self.derived.front() else { return };
        let ahead = self.published.iter().take(LOOK_AHEAD);
        let found = ahead.map(|score| &score.identity).position(|id| *id == derived.identity);
        match found {
            Some(count) => {
                let extra = self.published.drain(..count).map(Box::new);
                self.differences.extend(extra.map(Difference::NotDerived));
            }
            None => self.leave_derived(),
        }
    }

    fn leave_derived(&mut self) {
        let Some(derived) = self.derived.pop_front() else { return };
        if derived.offset >= self.committed {
            self.pending += 1;
        } else {
            self.differences.push(Difference::NotPublished(Box::new(derived)));
        }
    }

    /// One side has nothing more at hand: what the other still has is a difference once that is for good.
    fn finish(&mut self) {
        if self.published.is_empty() && self.published_done {
            while !self.derived.is_empty() {
                self.leave_derived();
            }
        }
        if self.derived.is_empty() && self.derived_done {
            let extra = self.published.drain(..);
            if self.begin == Begin::Derived {
                self.skipped += extra.count() as u64;
            } else {
                self.differences.extend(extra.map(Box::new).map(Difference::NotDerived));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(number: i64, text: &str) -> Score {
        Score {
            identity: Identity {
                patient: PatientId::new("p").expect("printable"),
                window_end: EventTime::from_millis(number),
                revision: 0,
            },
            offset: number,
            ingest_time: IngestTime::from_millis(number),
            bytes: (Vec::new(), text.as_bytes().to_vec()),
        }
    }

    fn compare(derived: &[i64], published: &[(i64, &str)], mut with: Comparison) -> Comparison {
        derived.iter().for_each(|number| with.derive(score(*number, "same")));
        published.iter().for_each(|(number, text)| with.publish(score(*number, text)));
        with.end_derived();
        with.end_published();
        with.advance();
        with
    }

    #[test]
    fn equal_sequences_have_no_difference() {
        let done = compare(&[1, 2], &[(1, "same"), (2, "same")], Comparison::new(Begin::Both, 9));
        assert_eq!((done.compared, done.differences), (2, Vec::new()));
    }

    #[test]
    fn one_changed_one_lost_and_one_invented_are_three_differences() {
        let published = [(1, "same"), (2, "other"), (9, "same"), (4, "same"), (5, "same")];
        let done = compare(&[1, 2, 3, 4, 5], &published, Comparison::new(Begin::Both, 9));
        assert_eq!(done.compared, 4);
        let kinds: Vec<&str> = (done.differences.iter())
            .map(|difference| match difference {
                Difference::Differs { .. } => "differs",
                Difference::NotDerived(_) => "not derived",
                Difference::NotPublished(_) => "not published",
                Difference::Unreadable { .. } => "unreadable",
            })
            .collect();
        assert_eq!(kinds, ["differs", "not published", "not derived"]);
    }

    #[test]
    fn a_second_copy_is_a_difference() {
        let published = [(1, "same"), (1, "same"), (2, "same")];
        let done = compare(&[1, 2], &published, Comparison::new(Begin::Both, 9));
        assert_eq!((done.compared, done.differences.len()), (2, 1));
    }

    #[test]
    fn what_is_not_committed_yet_may_be_missing() {
        let done = compare(&[1, 2, 3], &[(1, "same")], Comparison::new(Begin::Both, 2));
        assert_eq!((done.compared, done.pending, done.differences.len()), (1, 2, 0));
        let done = compare(&[1, 2, 3], &[(1, "same")], Comparison::new(Begin::Both, 3));
        assert_eq!((done.pending, done.differences.len()), (1, 1));
    }

    #[test]
    fn a_derivation_from_the_middle_skips_what_came_before_it() {
        let published = [(1, "x"), (2, "x"), (3, "same"), (4, "other")];
        let done = compare(&[3, 4], &published, Comparison::new(Begin::Derived, 9));
        assert_eq!((done.skipped, done.compared, done.differences.len()), (2, 2, 1));
    }

    #[test]
    fn what_retention_has_taken_from_the_published_scores_is_not_missed() {
        let published = [(3, "same"), (4, "same")];
        let done = compare(&[1, 2, 3, 4, 5], &published, Comparison::new(Begin::Published, 9));
        assert_eq!((done.compared, done.differences.len()), (2, 1));
    }
}

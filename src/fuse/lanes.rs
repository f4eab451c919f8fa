//! The source lanes that write into this partition: positions, watermarks, and how far each lets panes fire.

use crate::types::{EventTime, Heartbeat, IngestTime, ScorerClock, SourceLane, Span};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Stream time that can be waited by: the sum of the partition's broker-timestamp steps, each cut to the longest plausible one.
///
/// Broker clocks jump; a raw difference would declare live lanes lost. Only differences of it mean anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct LogClock {
    elapsed: Span,
    last: Option<IngestTime>,
}

impl LogClock {
    pub(super) fn advance(&mut self, ingest_time: IngestTime, longest_step: Span) {
        let step = self.last.map_or(Span::ZERO, |last| ingest_time - last);
        self.elapsed = self.elapsed + step.clamp(Span::ZERO, longest_step);
        self.last = Some(ingest_time);
    }

    pub(super) fn elapsed(&self) -> Span {
        self.elapsed
    }
}

/// What is known of one source lane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Lane {
    pub source: SourceLane,
    /// Offset of the newest source record taken; -1: none.
    pub taken: i64,
    /// `next_offset` of the newest heartbeat taken.
    heard: i64,
    pub watermark: EventTime,
    pub idle: bool,
    clock: ScorerClock,
    /// Log clock when the watermark last moved.
    moved: Span,
    /// How many lanes its feed has, as first heard; 0: not heard.
    lanes: u32,
}

/// Why a heartbeat was not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeartbeatFault {
    /// An older one than the newest taken: a zombie's, or a repeat.
    Old,
    /// The number of the feed's lanes is not the pinned one.
    ChangedLanes { pinned: u32 },
}

/// Every source lane heard of, by index of first appearance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Lanes {
    lanes: Vec<Lane>,
    index: BTreeMap<SourceLane, u16>,
}

impl Lanes {
    /// Index of a lane, entered at first sight; `None` when the table is full.
    pub(super) fn intern(&mut self, source: SourceLane, clock: &LogClock) -> Option<u16> {
        if let Some(at) = self.index.get(&source) {
            return Some(*at);
        }
        let at = u16::try_from(self.lanes.len()).ok().filter(|at| *at < u16::MAX)?;
        self.lanes.push(Lane {
            source,
            taken: -1,
            heard: -1,
            watermark: EventTime::MIN,
            idle: false,
            clock: ScorerClock::MIN,
            moved: clock.elapsed(),
            lanes: 0,
        });
        self.index.insert(source, at);
        Some(at)
    }

    pub(super) fn get(&self, at: u16) -> Option<&Lane> {
        self.lanes.get(usize::from(at))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Lane> {
        self.lanes.iter()
    }

    /// True, once, for each source offset in rising order; false for repeats and for what a zombie wrote.
    pub(super) fn take(&mut self, at: u16, offset: i64) -> bool {
        let newer = |lane: &&mut Lane| offset > lane.taken;
        self.lanes.get_mut(usize::from(at)).filter(newer).map(|lane| lane.taken = offset).is_some()
    }

    /// Takes a lane's progress. A watermark moves at most to the ingest time of the heartbeat, and never back.
    pub(super) fn hear(
        &mut self,
        at: u16,
        heartbeat: &Heartbeat,
        ingest_time: IngestTime,
        clock: &LogClock,
    ) -> Result<(), HeartbeatFault> {
        let pinned = self
            .lanes
            .iter()
            .find(|lane| lane.lanes > 0 && same_feed(&lane.source, &heartbeat.lane))
            .map_or(heartbeat.lanes, |lane| lane.lanes);
        if pinned != heartbeat.lanes {
            return Err(HeartbeatFault::ChangedLanes { pinned });
        }
        let lane = self.lanes.get_mut(usize::from(at)).ok_or(HeartbeatFault::Old)?;
        if heartbeat.next_offset < lane.heard {
            return Err(HeartbeatFault::Old);
        }
        let ingest = ingest_time.as_millis();
        let watermark = EventTime::from_millis(heartbeat.watermark.as_millis().min(ingest));
        if watermark > lane.watermark {
            lane.watermark = watermark;
            lane.moved = clock.elapsed();
        }
        lane.heard = heartbeat.next_offset;
        lane.idle = heartbeat.idle;
        lane.lanes = heartbeat.lanes;
        let clock = ScorerClock::from_millis(heartbeat.clock.as_millis().min(ingest));
        lane.clock = lane.clock.max(clock);
        Ok(())
    }

    /// How far panes may fire when no lane gates: the greatest clock of any scorer less the out-of-orderness.
    /// [`Self::hear`] has cut each clock to the ingest time, so one that runs fast cannot run away.
    pub(super) fn ungated(&self, out_of_orderness: Span) -> EventTime {
        let clock = self.lanes.iter().map(|lane| lane.clock).max().unwrap_or(ScorerClock::MIN);
        EventTime::from_millis(clock.as_millis()) - out_of_orderness
    }

    /// How far panes of patients gated by this lane may fire.
    pub(super) fn reach(&self, at: u16, clock: &LogClock, timeout: Span, slack: Span) -> EventTime {
        let Some(lane) = self.get(at) else { return EventTime::MIN };
        let silent = clock.elapsed() - lane.moved >= timeout;
        if lane.idle || silent { lane.watermark.max(self.ungated(slack)) } else { lane.watermark }
    }
}

fn same_feed(a: &SourceLane, b: &SourceLane) -> bool {
    (a.feed, a.epoch) == (b.feed, b.epoch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Feed, ModalityId};

    const LANE: SourceLane =
        SourceLane { feed: Feed::Modality(ModalityId(0)), epoch: 0, partition: 0 };

    fn beat(next_offset: i64, watermark: i64, clock: i64) -> Heartbeat {
        Heartbeat {
            lane: LANE,
            next_offset,
            watermark: EventTime::from_millis(watermark),
            idle: false,
            clock: ScorerClock::from_millis(clock),
            lanes: 1,
        }
    }

    #[test]
    fn a_jumping_broker_clock_moves_the_log_clock_by_at_most_one_step() {
        let mut clock = LogClock::default();
        for millis in [1_000, 1_500, 3_600_000, 2_000, 2_400] {
            clock.advance(IngestTime::from_millis(millis), Span::seconds(2));
        }
        assert_eq!(clock.elapsed(), Span::millis(500 + 2_000 + 400));
    }

    #[test]
    fn an_older_heartbeat_and_a_changed_lane_count_are_refused() {
        let (mut lanes, clock) = (Lanes::default(), LogClock::default());
        let at = lanes.intern(LANE, &clock).expect("room");
        let ingest = IngestTime::from_millis(10_000);
        assert_eq!(lanes.hear(at, &beat(5, 9_000, 9_500), ingest, &clock), Ok(()));
        let old = lanes.hear(at, &beat(4, 9_900, 9_900), ingest, &clock);
        assert_eq!(old, Err(HeartbeatFault::Old));
        let changed = Heartbeat { lanes: 2, ..beat(6, 9_900, 9_900) };
        let changed = lanes.hear(at, &changed, ingest, &clock);
        assert_eq!(changed, Err(HeartbeatFault::ChangedLanes { pinned: 1 }));
        assert_eq!(lanes.get(at).map(|l| l.watermark), Some(EventTime::from_millis(9_000)));
    }

    #[test]
    fn a_fast_clock_is_cut_to_the_ingest_time() {
        let (mut lanes, clock) = (Lanes::default(), LogClock::default());
        let at = lanes.intern(LANE, &clock).expect("room");
        let far = beat(1, 99_000_000, 99_000_000);
        lanes.hear(at, &far, IngestTime::from_millis(10_000), &clock).expect("taken");
        assert_eq!(lanes.get(at).map(|l| l.watermark), Some(EventTime::from_millis(10_000)));
        assert_eq!(lanes.ungated(Span::seconds(1)), EventTime::from_millis(9_000));
    }

    #[test]
    fn each_source_offset_is_taken_once() {
        let (mut lanes, clock) = (Lanes::default(), LogClock::default());
        let at = lanes.intern(LANE, &clock).expect("room");
        let taken: Vec<bool> =
            [0, 1, 1, 0, 5, 4, 6].iter().map(|offset| lanes.take(at, *offset)).collect();
        assert_eq!(taken, [true, true, false, false, true, false, true]);
    }
}

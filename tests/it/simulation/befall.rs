//! What befalls a world between two rounds.

use super::tally::Fault;
use super::world::{State, Weather, World};
use latefusion::shell::bus::Bus;
use latefusion::shell::bus::memory::Outage;
use latefusion::shell::driver::{Role, StateTopics};
use latefusion::types::IngestTime;

impl World {
    /// What goes wrong between two rounds.
    pub(super) fn befall(&mut self) {
        let harsh = self.weather == Weather::Harsh;
        let at = self.random.usize(0..self.slots.len());
        let (now, name) = (self.now(), self.name(at));
        let longest = if harsh { 25_000 } else { 4_000 };
        let while_ = self.random.i64(500..longest);
        match self.random.u16(0..150) {
            0..=5 => {
                if let State::Up { worker, .. } = &self.slots[at].state {
                    self.tally.counts(worker.counts(), &worker.lanes());
                    self.slots[at].state = State::Down { until: now + while_ };
                    self.fault(Fault::Crash, format_args!("{name} crashes for {while_} ms"));
                }
            }
            6..=8 => {
                let long = while_ + self.random.i64(0..9_000);
                if let State::Up { asleep_until, .. } = &mut self.slots[at].state {
                    *asleep_until = now + long;
                    self.fault(Fault::Sleep, format_args!("{name} sleeps for {long} ms"));
                }
            }
            9..=11 => {
                let id = self.membership_id(at);
                self.broker.evict(&id);
                self.fault(Fault::Rebalance, format_args!("{name} is evicted"));
            }
            12..=13 => {
                let id = self.membership_id(at);
                self.broker.abort_transaction(&id);
                self.broker.abort_transaction(&format!("{id}-checkpoint"));
                self.fault(Fault::Abort, format_args!("transactions of {name} time out"));
            }
            14..=16 => {
                let outage = if self.random.bool() { Outage::Coordinators } else { Outage::Broker };
                self.broker.outage(Some(outage));
                self.outage_until = now + while_;
                self.fault(Fault::Outage, format_args!("{outage:?} away for {while_} ms"));
            }
            17..=18 => {
                let jump = self.random.i64(-20_000..20_000);
                self.broker.set_clock(IngestTime::from_millis(now + jump));
                self.fault(Fault::ClockJump, format_args!("the broker's clock jumps {jump} ms"));
            }
            19..=20 => {
                let on = self.random.bool();
                self.broker.resend(on);
                self.fault(Fault::Resend, format_args!("producers send twice: {on}"));
            }
            21..=23 => self.compact(),
            24..=26 => self.tear(at, now + while_),
            27..=29 => self.leave(at, now + while_),
            _ => {}
        }
    }

    fn membership_id(&self, at: usize) -> String {
        let slot = &self.slots[at];
        slot.role.membership(&self.pipeline, "sim", "0", slot.ordinal).id
    }

    fn compact(&mut self) {
        let StateTopics { score, fuse } = self.pipeline.state_topics.clone();
        self.broker.compact(&score);
        self.broker.compact(&fuse);
        self.fault(Fault::Compaction, format_args!("the checkpoints are compacted"));
    }

    /// One record of the checkpoints is lost, and a member dies so that somebody reads them.
    fn tear(&mut self, at: usize, until: i64) {
        let StateTopics { score, fuse } = &self.pipeline.state_topics;
        let topic = if self.slots[at].role == Role::Fuse { fuse } else { score };
        let records = self.broker.records(topic);
        let Some(lost) = self.random.choice(&records).cloned() else { return };
        self.broker.lose(&lost.place, |record| record.offset == lost.offset);
        if let State::Up { worker, .. } = &self.slots[at].state {
            self.tally.counts(worker.counts(), &worker.lanes());
            self.slots[at].state = State::Down { until };
        }
        let (name, offset) = (self.name(at), lost.offset);
        self.fault(
            Fault::TornCheckpoint,
            format_args!("{}[{offset}] is lost, {name} crashes", lost.place),
        );
    }

    /// A member stops in good order and comes back later.
    fn leave(&mut self, at: usize, until: i64) {
        let name = self.name(at);
        if let State::Up { bus, worker, .. } = &mut self.slots[at].state {
            let _left_undone = worker.drain(&mut **bus);
            bus.close();
            self.tally.counts(worker.counts(), &worker.lanes());
            self.slots[at].state = State::Down { until };
            self.fault(Fault::Leave, format_args!("{name} leaves"));
        }
    }
}

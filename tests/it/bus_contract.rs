//! What every bus does: one suite, run on the in-memory broker here and on Apache Kafka in `kafka::`.
#![allow(clippy::panic, reason = "a broken promise fails and says what came instead")]

#[path = "bus_contract/ownership.rs"]
pub(crate) mod ownership;
#[path = "bus_contract/reading.rs"]
pub(crate) mod reading;
#[path = "bus_contract/scene.rs"]
pub(crate) mod scene;
#[path = "bus_contract/writing.rs"]
pub(crate) mod writing;

/// Makes a test of each promise, on the broker that the expression gives.
macro_rules! contract {
    ($broker:expr) => {
        $crate::bus_contract::contract!($broker; reading:
            records_come_in_order_and_then_their_partition_is_caught_up,
            a_rewind_reads_the_same_records_again,
            an_idle_partition_does_not_hold_up_another,
            a_paused_partition_brings_nothing_until_it_resumes,
            an_offset_that_is_gone_restarts,
            an_unknown_topic_stops,
            read_back_waits_out_an_open_transaction,
            read_back_sees_tombstones_and_its_bounds_and_nothing_aborted,
            committed_waits_for_an_open_transaction,
        );
        $crate::bus_contract::contract!($broker; writing:
            a_commit_shows_outputs_checkpoint_and_offsets,
            keys_headers_and_partitions_arrive_as_they_were_sent,
            outputs_repeated_after_a_crash_are_seen_twice_without_transactions,
            a_record_too_large_is_refused_and_the_worker_goes_on,
            an_empty_commit_is_no_commit,
        );
        $crate::bus_contract::contract!($broker; ownership:
            a_second_worker_with_the_same_id_fences_the_first,
            a_zombie_commits_neither_offsets_nor_outputs_nor_checkpoint,
            work_of_a_revoked_partition_is_refused,
            a_worker_that_closes_hands_its_partitions_over_at_once,
        );
    };
    ($broker:expr; $room:ident: $($promise:ident,)*) => {
        $(#[test]
        fn $promise() {
            $crate::bus_contract::$room::$promise(&$broker);
        })*
    };
}
pub(crate) use contract;

mod memory {
    use super::scene::{Broker, Held};
    use latefusion::shell::bus::memory::{Limits, MemoryBroker, MemoryBus};
    use latefusion::shell::bus::{Bus, BusError, Commit, Worker};
    use latefusion::types::Span;
    use std::time::Duration;

    struct Memory(MemoryBroker);

    impl Broker for Memory {
        fn connect(&self, worker: Worker) -> Result<Box<dyn Bus>, BusError> {
            Ok(Box::new(self.0.connect(worker)?))
        }

        fn connect_briefly(&self, worker: Worker) -> Result<Box<dyn Bus>, BusError> {
            self.connect(worker)
        }

        fn create(&self, topics: &[(String, u32)]) {
            for (topic, partitions) in topics {
                self.0.create(topic, *partitions);
            }
        }

        fn outlive_a_session(&self) {
            self.0.advance(Limits::default().session_timeout + Span::millis(1));
        }

        fn hold(&self, worker: Worker, commit: &Commit) -> Box<dyn Held> {
            let id = worker.id.clone();
            let mut bus = self.0.connect(worker).expect("the broker is there");
            bus.poll(Duration::ZERO).expect("the broker is there");
            bus.halt_after(bus.steps(commit) - 1);
            bus.commit(commit).expect_err("it halts before the end of its transaction");
            Box::new(HeldBus { bus, id, broker: self.0.clone() })
        }

        fn during(
            &self,
            held: Box<dyn Held>,
            call: &mut dyn FnMut() -> Result<i64, BusError>,
        ) -> i64 {
            assert!(matches!(call(), Err(BusError::Retry(_))), "the transaction is open");
            held.commit();
            call().expect("the transaction has ended")
        }
    }

    struct HeldBus {
        bus: MemoryBus,
        id: String,
        broker: MemoryBroker,
    }

    impl Held for HeldBus {
        fn commit(mut self: Box<Self>) {
            self.bus.wake().expect("nobody fenced it");
        }

        fn abort(self: Box<Self>) {
            self.broker.abort_transaction(&self.id);
        }
    }

    super::contract!(Memory(MemoryBroker::new(Limits::default())));
}

//! What the promises are tested with.

use latefusion::shell::bus::{
    Bus, BusError, Change, Commit, Guarantee, Outgoing, Record, TopicPartition, Worker,
};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(40);

/// A broker that the suite runs on.
pub(crate) trait Broker {
    fn connect(&self, worker: Worker) -> Result<Box<dyn Bus>, BusError>;
    /// Connects a worker whose session does not outlive [`Broker::outlive_a_session`] when it does not poll.
    fn connect_briefly(&self, worker: Worker) -> Result<Box<dyn Bus>, BusError>;
    fn create(&self, topics: &[(String, u32)]);
    fn outlive_a_session(&self);
    /// A transaction with everything of a commit but its end.
    fn hold(&self, worker: Worker, commit: &Commit) -> Box<dyn Held>;
    /// Begins the call while the transaction is open, commits it, and gives what the call gives after that; fails where the call
    /// did not wait.
    fn during(&self, held: Box<dyn Held>, call: &mut dyn FnMut() -> Result<i64, BusError>) -> i64;
}

/// An open transaction.
pub(crate) trait Held: Send {
    fn commit(self: Box<Self>);
    fn abort(self: Box<Self>);
}

/// Topics of one test: nobody else uses them.
pub(crate) struct Scene<'a> {
    broker: &'a dyn Broker,
    name: String,
}

impl<'a> Scene<'a> {
    /// `{name}-in` with some partitions, `{name}-out` and `{name}-state` with two.
    pub(crate) fn new(broker: &'a dyn Broker, partitions: u32) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("t{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let scene = Self { broker, name };
        broker.create(
            &[("in", partitions), ("out", 2), ("state", 2)].map(|(t, n)| (scene.topic(t), n)),
        );
        scene
    }

    pub(crate) fn topic(&self, topic: &str) -> String {
        format!("{}-{topic}", self.name)
    }

    pub(crate) fn input(&self, partition: u32) -> TopicPartition {
        TopicPartition::new(self.topic("in"), partition)
    }

    pub(crate) fn outgoing(&self, topic: &str, key: &str, payload: &str) -> Outgoing {
        Outgoing {
            topic: self.topic(topic).into(),
            partition: None,
            key: Some(key.into()),
            payload: Some(payload.into()),
            headers: Vec::new(),
        }
    }

    /// Worker `id`, who reads the input.
    pub(crate) fn worker(&self, id: &str, guarantee: Guarantee) -> Worker {
        Worker {
            group: format!("{}-group", self.name),
            id: format!("{}-{id}", self.name),
            topics: vec![self.topic("in").into()],
            guarantee,
        }
    }

    pub(crate) fn connect(&self, id: &str, guarantee: Guarantee) -> Box<dyn Bus> {
        self.broker.connect(self.worker(id, guarantee)).expect("the broker is there")
    }

    /// A worker that loses its partitions soon when it does not poll.
    pub(crate) fn connect_briefly(&self, id: &str, guarantee: Guarantee) -> Box<dyn Bus> {
        self.broker.connect_briefly(self.worker(id, guarantee)).expect("the broker is there")
    }

    /// Somebody who reads nothing.
    pub(crate) fn outsider(&self, id: &str) -> Box<dyn Bus> {
        let worker = Worker { topics: Vec::new(), ..self.worker(id, Guarantee::Idempotent) };
        self.broker.connect(worker).expect("the broker is there")
    }

    /// Appends records to a partition of the input.
    pub(crate) fn feed(&self, partition: u32, payloads: &[&str]) {
        let outputs = (payloads.iter())
            .map(|payload| Outgoing {
                partition: Some(partition),
                ..self.outgoing("in", "k", payload)
            })
            .collect();
        let commit = Commit { outputs, ..Commit::default() };
        self.outsider("feeder").commit(&commit).expect("the broker is there");
    }

    /// What a `read_committed` reader sees of a topic, partition by partition.
    pub(crate) fn records(&self, topic: &str) -> Vec<Record> {
        let mut bus = self.outsider("reader");
        let topic = self.topic(topic);
        let mut records = Vec::new();
        for partition in 0..bus.partitions(&topic).expect("the topic was created") {
            let place = TopicPartition::new(&*topic, partition);
            bus.read_back(&place, 0, None, &mut |record| records.push(record)).expect("readable");
        }
        records
    }

    pub(crate) fn payloads(&self, topic: &str) -> Vec<String> {
        payloads(&self.records(topic))
    }

    pub(crate) fn committed(&self, partition: u32) -> Option<i64> {
        self.outsider("asker").committed(&self.input(partition)).expect("nothing is pending")
    }
}

pub(crate) fn payloads(records: &[Record]) -> Vec<String> {
    let text = |record: &Record| {
        let bytes = record.payload.clone().unwrap_or_else(|| b"(tombstone)".to_vec());
        String::from_utf8(bytes).expect("the suite writes text")
    };
    records.iter().map(text).collect()
}

/// All that a worker has been told since the last `clear`.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) owned: BTreeSet<TopicPartition>,
    pub(crate) revoked: Vec<TopicPartition>,
    pub(crate) records: Vec<Record>,
    /// As of the last poll.
    pub(crate) caught_up: Vec<TopicPartition>,
}

impl Seen {
    /// One poll; what is assigned starts at `from`.
    pub(crate) fn poll(&mut self, bus: &mut dyn Bus, from: i64) -> Result<(), BusError> {
        let delivery = match bus.poll(Duration::from_millis(20)) {
            Err(BusError::Retry(_)) => return Ok(()),
            delivery => delivery?,
        };
        for change in delivery.changes {
            match change {
                Change::Assigned(places) => {
                    for place in &places {
                        bus.start(place, from)?;
                    }
                    self.owned.extend(places);
                }
                Change::Revoked(places) => {
                    self.owned.retain(|place| !places.contains(place));
                    self.revoked.extend(places);
                }
            }
        }
        assert!(delivery.records.iter().all(|record| self.owned.contains(&record.place)));
        self.records.extend(delivery.records);
        self.caught_up = delivery.caught_up;
        Ok(())
    }

    /// Polls until something is so.
    pub(crate) fn until(&mut self, bus: &mut dyn Bus, what: &str, so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !so(self) {
            assert!(Instant::now() < deadline, "never: {what}");
            self.poll(bus, 0).expect("nothing goes wrong");
        }
    }
}

/// Polls two workers in turns until something is so.
pub(crate) fn both_until(
    (a, seen_a): (&mut dyn Bus, &mut Seen),
    (b, seen_b): (&mut dyn Bus, &mut Seen),
    so: impl Fn(&Seen, &Seen) -> bool,
) {
    let deadline = Instant::now() + PATIENCE;
    while !so(seen_a, seen_b) {
        assert!(Instant::now() < deadline, "the group does not settle");
        seen_a.poll(a, 0).expect("nothing goes wrong");
        seen_b.poll(b, 0).expect("nothing goes wrong");
    }
}

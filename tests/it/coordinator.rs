//! Group coordinators that are not found for a while, on librdkafka's mock cluster: it answers with errors on demand.
#![allow(clippy::panic, clippy::print_stdout, reason = "a test fails and says what it measured")]

use latefusion::shell::bus::kafka::{KafkaBus, KafkaSettings};
use latefusion::shell::bus::{
    Bus, BusError, Change, Commit, Guarantee, Outgoing, TopicPartition, Worker,
};
use rdkafka::mocking::MockCluster;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Far beyond `patience`: a commit that takes longer waits for ever.
const BOUND: Duration = Duration::from_secs(60);

fn commit(n: i64) -> Commit {
    let output = Outgoing {
        topic: "out".into(),
        partition: Some(0),
        key: Some(b"k".to_vec()),
        payload: Some(n.to_string().into_bytes()),
        headers: Vec::new(),
    };
    let offsets = vec![(TopicPartition::new("in", 0), n)];
    Commit { outputs: vec![output], checkpoint: Vec::new(), offsets }
}

fn assigned(bus: &mut KafkaBus) {
    let began = Instant::now();
    loop {
        let delivery = bus.poll(Duration::from_millis(50)).expect("the mock answers");
        if delivery.changes.iter().any(|change| matches!(change, Change::Assigned(_))) {
            return;
        }
        assert!(began.elapsed() < BOUND, "in[0] was never assigned");
    }
}

/// librdkafka asks three times where the coordinator is, within half a second, and then only when some connection goes down or up:
/// with one broker that stays up `send_offsets_to_transaction` would never return, whatever timeout it is given.
#[test]
fn a_transaction_goes_on_after_a_coordinator_that_nobody_knew_for_a_while() {
    let mock = MockCluster::new(1).expect("the mock starts");
    for topic in ["in", "out"] {
        mock.create_topic(topic, 1, 1).expect("a new topic");
    }
    let settings = KafkaSettings { brokers: mock.bootstrap_servers(), ..KafkaSettings::default() };
    let worker = Worker {
        group: "group".to_owned(),
        id: "worker".to_owned(),
        topics: vec!["in".into()],
        guarantee: Guarantee::Transactional,
    };
    let mut bus = KafkaBus::connect(&settings, worker).expect("the mock is there");
    assigned(&mut bus);
    bus.commit(&commit(1)).expect("nothing is wrong yet");
    let unknown = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE; 8];
    let moved = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_COORDINATOR];
    mock.request_errors(RDKafkaApiKey::TxnOffsetCommit, &moved);
    mock.request_errors(RDKafkaApiKey::FindCoordinator, &unknown);
    let (done, outcome) = mpsc::channel();
    let began = Instant::now();
    std::thread::spawn(move || {
        let committed = bus.commit(&commit(2));
        // Nobody listens any more where it came too late.
        let _too_late = done.send((committed, bus));
    });
    let (committed, mut bus) = outcome
        .recv_timeout(BOUND)
        .unwrap_or_else(|_| panic!("the commit did not return within {BOUND:?}"));
    println!("{committed:?} after {:?}", began.elapsed());
    if committed != Ok(()) {
        assert!(matches!(committed, Err(BusError::Rewind(_))), "{committed:?}");
        bus.commit(&commit(2)).expect("the coordinator is found again");
    }
    bus.close();
}

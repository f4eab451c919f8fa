//! How long fusion is away after a kill -9 with many patients in its state.
//!
//! `LATEFUSION_CHAOS_PATIENTS` says how many (2,000; `make chaos`: 100,000). It measures and prints; time is not asserted.

use super::processes::Process;
use super::traffic::{Seen, now, watch};
use super::{Raised, Site};
use crate::kafka::bounds::watch_over;
use crate::kafka::cluster::Cluster;
use latefusion::types::{EventTime, Span};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// For state to be built up and to be put back, each.
const PATIENCE: Duration = Duration::from_secs(300);
/// The session of whoever was killed (2 s), with some room.
const SESSION: Duration = Duration::from_secs(4);

fn producer(brokers: &str) -> BaseProducer {
    ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("enable.idempotence", "true")
        .set("partitioner", "murmur2_random")
        .set("compression.type", "lz4")
        .set("queue.buffering.max.messages", "500000")
        .create()
        .expect("the settings are right")
}

fn send(producer: &BaseProducer, topic: &str, patient: u32, fields: &str) {
    let key = format!("patient-{patient}");
    let payload = format!("{{\"patient\":\"{key}\",{fields}}}");
    let record = BaseRecord::to(topic).key(&key).payload(&payload);
    producer.send(record).map_err(|(error, _)| error).expect("there is room");
}

/// A result for one patient after another, each of which makes an early pane, until told to stop.
fn results(brokers: &str, patients: u32, stop: &AtomicBool) {
    let producer = producer(brokers);
    for patient in (0..patients).cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let at = EventTime::from_millis(now());
        let times = format!("\"specimen_time\":\"{at}\",\"result_time\":\"{at}\"");
        let value = "\"analyte\":\"lactate\",\"value\":2.5,\"unit\":\"mmol/L\"";
        send(&producer, "labs", patient, &format!("{times},{value}"));
        producer.poll(Duration::ZERO);
        std::thread::sleep(Duration::from_millis(20));
    }
    producer.flush(PATIENCE).expect("the broker takes everything");
}

fn wait(what: &str, mut so: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
    began.elapsed()
}

#[test]
fn a_killed_fusion_process_publishes_again_with_all_its_patients() {
    let number = std::env::var("LATEFUSION_CHAOS_PATIENTS").ok().and_then(|n| n.parse().ok());
    let patients: u32 = number.unwrap_or(2_000);
    let _watch = watch_over("a restart with many patients", 3 * PATIENCE);
    let cluster = Cluster::start(&["--own"]);
    // No on-time pane of all patients in the middle of it, and what is observed at any minute counts at the end of its hour.
    let site = Site::new(&cluster, |package| {
        package.every = Span::hours(1);
        for policy in package.modality.values_mut() {
            policy.validity = policy.validity.max(Span::hours(2));
            policy.hold_limit = policy.hold_limit.max(policy.validity);
        }
    });
    let (names, topics) = (&site.deployed.pipeline.names, &site.deployed.pipeline.topics);
    let (seen, stop) = (Mutex::new(Seen::default()), AtomicBool::new(false));
    let scores = || -> usize {
        seen.lock().expect("nobody panics with it").scores.iter().map(Vec::len).sum()
    };
    std::thread::scope(|scope| {
        let _stop = Raised(&stop);
        scope.spawn(|| watch(&site.brokers, names, &topics.fused_scores, &seen, &stop));
        let start = |role: &str| Process::start(site.folder.path(), role, "0");
        let _scorers = ["score vitals", "score labs"].map(start);
        let mut fuse = start("fuse");
        let producer = producer(&site.brokers);
        for patient in 0..patients {
            let at = EventTime::from_millis(now());
            let values =
                "\"heart_rate_per_min\":96,\"spo2_percent\":93,\"respiratory_rate_per_min\":22";
            send(&producer, "vitals", patient, &format!("\"event_time\":\"{at}\",{values}"));
        }
        producer.flush(PATIENCE).expect("the broker takes everything");
        let built = wait("the first pane of every patient", || scores() >= patients as usize);
        scope.spawn(|| results(&site.brokers, patients, &stop));
        // Two checkpoints, so that one holds everything.
        std::thread::sleep(Duration::from_secs(8));
        let resident = fuse.resident_kib();
        fuse.kill();
        std::thread::sleep(SESSION);
        let (before, began) = (scores(), now());
        fuse.restart();
        let first = wait("the first fused score after the restart", || scores() > before);
        let first_lane = fuse.log();
        wait("every lane is restored", || {
            fuse.log().matches("lane restored").count() == super::PARTITIONS as usize
        });
        let all = Duration::from_millis((now() - began).unsigned_abs());
        let restored = fuse.log();
        let told = restored.lines().filter(|line| line.contains("lane restored"));
        println!(
            "restart: {patients} patients ({built:?} to take them up), {resident} KiB: first committed fused score read {first:?} after \
             the start of the process, all {} lanes restored within {all:?}",
            super::PARTITIONS
        );
        told.for_each(|line| println!("restart: {line}"));
        assert!(!first_lane.contains("cannot be used"), "a torn checkpoint: {first_lane}");
    });
}

//! From the intended sending time of an event to the moment a `read_committed` reader has the fused score made from it.

use crate::Options;
use crate::site::{PARTITIONS, Run, Site};
use crate::traffic::{Feeder, lactate, name, now, vitals};
use rdkafka::ClientConfig;
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Milliseconds after the start that are not measured.
const WARM_UP: i64 = 15_000;
/// How long results are waited for after the last event, in milliseconds.
const LAST_WAIT: i64 = 5_000;

/// Of a fused score, what is needed here.
#[derive(Deserialize)]
struct Fused {
    patient: String,
    pane: String,
    window_end: String,
    modalities: BTreeMap<String, Presence>,
}

#[derive(Deserialize)]
struct Presence {
    event_time: Option<String>,
}

#[derive(Default)]
struct Seen {
    /// Of early panes, by patient and event time of the laboratory result: when they came.
    early: BTreeMap<(String, i64), i64>,
    /// Window end to the moment the on-time pane came.
    on_time: Vec<i64>,
}

pub fn measure(site: &Site, options: &Options) {
    if !options.json {
        println!(
            "\n| patients | commit interval ms | pane | panes | p50 ms | p99 ms | p99.9 ms | greatest ms | missing |"
        );
        println!("|---:|---:|---|---:|---:|---:|---:|---:|---:|");
    }
    for patients in &options.patients {
        for commit in &options.commit {
            eprintln!("latency: {patients} patients, commit interval {commit} ms");
            one(site, options, *patients, *commit);
        }
    }
}

fn one(site: &Site, options: &Options, patients: u32, commit_ms: u32) {
    let prefix = format!("late-{}-{patients}-{commit_ms}", std::process::id());
    let run = Run::new(site, &prefix, commit_ms);
    let _process = run.start(&["run", "all"]);
    let done = AtomicBool::new(false);
    let (sent, seen) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| read(site, &run.topic("fused-scores"), &done));
        let sent = feed(site, &run, options, patients);
        std::thread::sleep(Duration::from_millis(LAST_WAIT as u64));
        done.store(true, Ordering::Relaxed);
        (sent, reader.join().expect("the reader does not panic"))
    });
    let taken = sent.iter().filter_map(|(key, intended)| Some(seen.early.get(key)? - intended));
    let early: Vec<i64> = taken.collect();
    let missing = sent.len() - early.len();
    // A window is over for a monitor ten seconds after its end: what is left is ours.
    let on_time: Vec<i64> = seen.on_time.iter().map(|after| after - 10_000).collect();
    for (pane, mut times, missing) in [("early", early, missing), ("on time", on_time, 0)] {
        times.sort_unstable();
        let at = |part: f64| times.get(((times.len() as f64 - 1.0) * part).round() as usize);
        let [p50, p99, p999, most] =
            [0.5, 0.99, 0.999, 1.0].map(|part| at(part).copied().unwrap_or(-1));
        let n = times.len();
        if options.json {
            let row = serde_json::json!({ "part": "latency", "case": format!("{patients} patients, commit {commit_ms} ms, {pane} panes"),
                "panes": n, "p50_ms": p50, "p99_ms": p99, "p99_9_ms": p999, "greatest_ms": most, "missing": missing });
            println!("{row}");
        } else {
            println!(
                "| {patients} | {commit_ms} | {pane} | {n} | {p50} | {p99} | {p999} | {most} | {missing} |"
            );
        }
    }
}

/// Sends by the clock, late or not; the laboratory results after the warm-up, with their intended times.
fn feed(site: &Site, run: &Run, options: &Options, patients: u32) -> BTreeMap<(String, i64), i64> {
    let feeder = Feeder::connect(&site.brokers);
    let (vitals_topic, labs_topic) = (run.topic("vitals"), run.topic("labs"));
    let begin = now() + 200;
    let length = WARM_UP + i64::from(options.seconds) * 1_000;
    let (mut at, mut results, mut sent) = (0_i64, 0_u32, BTreeMap::new());
    let per_second = i64::from(patients);
    let mut observed = 0_i64;
    while at < length {
        let due = now() - begin;
        while at < due.min(length) {
            // Everything that is due in this millisecond, with its intended time.
            while observed < at * per_second / 1_000 {
                let patient = (observed % per_second) as u32;
                feeder.send(&vitals_topic, &name(patient), &vitals(patient, begin + at));
                observed += 1;
            }
            if i64::from(results) < at * i64::from(options.labs) / 1_000 {
                let patient = (results.wrapping_mul(7_919)) % patients;
                let number = results / patients + u32::from(patient.is_multiple_of(2));
                feeder.send(&labs_topic, &name(patient), &lactate(patient, begin + at, number));
                if at >= WARM_UP {
                    sent.insert((name(patient), begin + at), begin + at);
                }
                results += 1;
            }
            at += 1;
        }
        feeder.serve(Duration::from_micros(500));
    }
    feeder.flush();
    sent
}

fn read(site: &Site, topic: &str, done: &AtomicBool) -> Seen {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &site.brokers)
        .set("group.id", topic)
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("fetch.wait.max.ms", "100")
        .create()
        .expect("the settings are right");
    let mut list = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        list.add_partition_offset(topic, partition as i32, Offset::Beginning).expect("it is one");
    }
    consumer.assign(&list).expect("the topic is there");
    let (began, mut seen) = (now(), Seen::default());
    while !done.load(Ordering::Relaxed) {
        let Some(message) = consumer.poll(Duration::from_millis(20)) else { continue };
        let message = message.expect("the broker is there");
        let came = now();
        let score: Fused = serde_json::from_slice(message.payload().unwrap_or_default())
            .expect("it is a fused score");
        match score.pane.as_str() {
            "early" => {
                let labs = score.modalities.get("labs").and_then(|labs| labs.event_time.clone());
                let Some(time) = labs.map(|text| millis(&text)) else { continue };
                seen.early.entry((score.patient, time)).or_insert(came);
            }
            "on_time" if came > began + WARM_UP => {
                seen.on_time.push(came - millis(&score.window_end));
            }
            _ => {}
        }
    }
    seen
}

fn millis(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().expect("RFC 3339").as_millisecond()
}

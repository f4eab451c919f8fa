//! CPU time per vitals event: the pipeline's processes beside the passthrough's, in turns.

use crate::Options;
use crate::passthrough::Told;
use crate::site::{PATIENCE, Process, Run, Site, ends};
use crate::traffic::write_past;
use latefusion::shell::bus::kafka::KafkaBus;
use latefusion::shell::bus::{Bus, TopicPartition};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

struct Pair {
    pipeline: Duration,
    passthrough: Duration,
    events: u64,
    fused: u64,
}

pub fn measure(site: &Site, options: &Options) {
    let patients = options.patients.first().copied().unwrap_or(1_000);
    let pairs: Vec<Pair> = (0..options.pairs)
        .map(|number| {
            eprintln!("light: pair {} of {}", number + 1, options.pairs);
            pair(site, number, patients, options.seconds)
        })
        .collect();
    let each = |time: Duration, pair: &Pair| time.as_secs_f64() * 1e6 / pair.events as f64;
    if !options.json {
        println!(
            "\n| pair | patients | events | fused | pipeline us/event | passthrough us/event | **ratio** |"
        );
        println!("|---:|---:|---:|---:|---:|---:|---:|");
    }
    for (number, pair) in pairs.iter().enumerate() {
        let (ours, bare) = (each(pair.pipeline, pair), each(pair.passthrough, pair));
        if options.json {
            let row = serde_json::json!({ "part": "light", "case": format!("pair {}, {patients} patients", number + 1),
                "events": pair.events, "fused": pair.fused, "pipeline_us_per_event": ours, "passthrough_us_per_event": bare, "ratio": ours / bare });
            println!("{row}");
        } else {
            println!(
                "| {} | {patients} | {} | {} | {ours:.2} | {bare:.2} | **{:.2}** |",
                number + 1,
                pair.events,
                pair.fused,
                ours / bare
            );
        }
    }
}

fn pair(site: &Site, number: u32, patients: u32, seconds: u32) -> Pair {
    let run = Run::new(site, &format!("light-{}-{number}", std::process::id()), 50);
    let events = write_past(&site.brokers, &run.topic("vitals"), patients, seconds);
    let mut bus = site.connect(&format!("{}-asks", run.prefix));
    let before: i64 = ends(&mut bus, &run.topic("predictions")).iter().sum();
    let processes = [run.start(&["run", "score", "vitals"]), run.start(&["run", "fuse"])];
    // The last windows are not over yet, and the first began before the stream did.
    let panes = i64::from(patients) * (i64::from(seconds) / 10 - 3).max(1);
    let (pipeline, _) = until_done(&mut bus, &run, &processes, [events as i64 + before, panes]);
    drop(processes);
    let (records, bytes) = volume(&mut bus, &run.topic("predictions"));
    let (fused, fused_bytes) = volume(&mut bus, &run.topic("fused-scores"));
    let told = Told {
        brokers: site.brokers.clone(),
        input: run.topic("vitals"),
        middle: run.topic("middle"),
        output: run.topic("output"),
        records: events,
        middle_bytes: (bytes / records.max(1)) as usize,
        outputs: fused,
        output_bytes: (fused_bytes / fused.max(1)) as usize,
    };
    site.create(&[told.middle.clone(), told.output.clone()]);
    let told = serde_json::to_string(&told).expect("plain data");
    let program = std::env::current_exe().expect("it runs");
    let output = Command::new(program)
        .args(["--passthrough", &told])
        .stderr(Stdio::inherit())
        .output()
        .expect("it can be run");
    assert!(output.status.success(), "the passthrough failed");
    let text = String::from_utf8_lossy(&output.stdout);
    let passthrough = Duration::from_millis(text.trim().parse().expect("milliseconds"));
    Pair { pipeline, passthrough, events, fused }
}

/// CPU time of the processes, and time since the call, when the last of so many predictions and fused scores was there.
pub fn until_done(
    bus: &mut KafkaBus,
    run: &Run,
    processes: &[Process; 2],
    wanted: [i64; 2],
) -> (Duration, Duration) {
    let (began, mut last, mut since) = (Instant::now(), Vec::new(), Instant::now());
    let mut spent = (Duration::ZERO, Duration::ZERO);
    loop {
        let sum = |ends: &[i64]| ends.iter().sum::<i64>();
        let scored = sum(&ends(bus, &run.topic("predictions")));
        let now = ends(bus, &run.topic("fused-scores"));
        if now != last {
            (last, since) = (now, Instant::now());
            spent = (processes.iter().map(Process::cpu).sum(), began.elapsed());
        } else if [scored, sum(&last)].iter().zip(wanted).all(|(there, wanted)| *there >= wanted)
            && since.elapsed() > Duration::from_secs(1)
        {
            return spent;
        }
        let there = (scored, sum(&last));
        assert!(began.elapsed() < 3 * PATIENCE, "{there:?} predictions and scores, not {wanted:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Records of a topic and their payload bytes.
fn volume(bus: &mut KafkaBus, topic: &str) -> (u64, u64) {
    let (mut records, mut bytes) = (0, 0);
    for partition in 0..crate::site::PARTITIONS {
        let place = TopicPartition::new(topic, partition);
        bus.read_back(&place, 0, None, &mut |record| {
            records += 1;
            bytes += record.payload.as_ref().map_or(0, |payload| payload.len()) as u64;
        })
        .expect("the broker is there");
    }
    (records, bytes)
}

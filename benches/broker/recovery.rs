//! From the start of the processes to the last lane restored, with so many patients in the checkpoints.

use crate::Options;
use crate::site::{PARTITIONS, PATIENCE, Process, Run, Site, ends};
use crate::traffic::write_past;
use latefusion::shell::bus::{Bus, TopicPartition};
use latefusion::shell::patience::insist;
use std::time::{Duration, Instant};

const ROLES: [(&str, &[&str]); 2] =
    [("score", &["run", "score", "vitals"]), ("fuse", &["run", "fuse"])];

pub fn measure(site: &Site, options: &Options) {
    if !options.json {
        println!("\n| patients | role | **restore s** | CPU s | resident MiB |");
        println!("|---:|---|---:|---:|---:|");
    }
    for patients in &options.patients {
        eprintln!("recovery: {patients} patients");
        one(site, options, *patients);
    }
}

fn one(site: &Site, options: &Options, patients: u32) {
    let prefix = format!("recovery-{}-{patients}", std::process::id());
    let run = Run::with(site, &prefix, "grace = \"5m\"\n");
    let processes = ROLES.map(|(_, words)| run.start(words));
    write_past(&site.brokers, &run.topic("vitals"), patients, 1);
    until_taken(site, &run, patients);
    processes.into_iter().for_each(Process::end);
    let began = Instant::now();
    let processes = ROLES.map(|(_, words)| run.start(words));
    let mut restored: [Option<(Duration, Duration, u64)>; 2] = [None; 2];
    while restored.iter().any(Option::is_none) {
        for ((process, (_, words)), restored) in processes.iter().zip(ROLES).zip(&mut restored) {
            if restored.is_none() && run.restored(words) == PARTITIONS as usize {
                *restored = Some((began.elapsed(), process.cpu(), process.resident_mib()));
            }
        }
        assert!(began.elapsed() < 5 * PATIENCE, "not restored");
        std::thread::sleep(Duration::from_millis(20));
    }
    for ((role, _), (took, cpu, mib)) in ROLES.iter().zip(restored.into_iter().flatten()) {
        let (took, cpu) = (took.as_secs_f64(), cpu.as_secs_f64());
        if options.json {
            let row = serde_json::json!({ "part": "recovery", "case": format!("{patients} patients, {role}"),
                "restore_s": took, "cpu_s": cpu, "resident_mib": mib });
            println!("{row}");
        } else {
            println!("| {patients} | {role} | **{took:.1}** | {cpu:.1} | {mib} |");
        }
    }
}

/// Until fusion has committed a record for every patient.
fn until_taken(site: &Site, run: &Run, patients: u32) {
    let (mut bus, began) = (site.connect(&format!("{}-fuse", run.prefix)), Instant::now());
    let topic = run.topic("predictions");
    loop {
        let ends = ends(&mut bus, &topic);
        let committed = |partition| {
            let place = TopicPartition::new(topic.as_str(), partition);
            insist(PATIENCE, || bus.committed(&place)).expect("the broker is there").unwrap_or(0)
        };
        let taken: Vec<i64> = (0..PARTITIONS).map(committed).collect();
        let there: i64 = ends.iter().sum();
        // Heartbeats go on meanwhile.
        if there >= i64::from(patients) && there - taken.iter().sum::<i64>() < 1_000 {
            return;
        }
        assert!(began.elapsed() < 5 * PATIENCE, "{taken:?} of {ends:?} taken");
        std::thread::sleep(Duration::from_millis(200));
    }
}

//! The same stream with more worker threads for each role.

use crate::Options;
use crate::light::until_done;
use crate::site::{Run, Site, ends};
use crate::traffic::write_past;

pub fn measure(site: &Site, options: &Options) {
    if !options.json {
        println!("\n| workers of each role | events | **events/s** | us/event |");
        println!("|---:|---:|---:|---:|");
    }
    let patients = options.patients.first().copied().unwrap_or(1_000);
    for workers in &options.workers {
        eprintln!("scale-out: {workers} workers");
        let prefix = format!("scale-{}-{workers}", std::process::id());
        let run = Run::with(site, &prefix, &format!("workers = {workers}\n"));
        let events = write_past(&site.brokers, &run.topic("vitals"), patients, options.seconds);
        let mut bus = site.connect(&format!("{prefix}-asks"));
        let before: i64 = ends(&mut bus, &run.topic("predictions")).iter().sum();
        let panes = i64::from(patients) * (i64::from(options.seconds) / 10 - 3).max(1);
        let processes = [run.start(&["run", "score", "vitals"]), run.start(&["run", "fuse"])];
        let wanted = [events as i64 + before, panes];
        let (cpu, took) = until_done(&mut bus, &run, &processes, wanted);
        let rate = events as f64 / took.as_secs_f64();
        let each = cpu.as_secs_f64() * 1e6 / events as f64;
        if options.json {
            let row = serde_json::json!({ "part": "scale-out", "case": format!("{workers} workers of each role"),
                "events": events, "events_per_second": rate, "pipeline_us_per_event": each });
            println!("{row}");
        } else {
            println!("| {workers} | {events} | **{rate:.0}** | {each:.2} |");
        }
    }
}

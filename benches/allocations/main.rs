//! Allocations per vitals event of the engine, counted: a figure that a busy machine does not change. A program of its own, because
//! counting would slow down the one that measures times.

#![allow(clippy::print_stdout, reason = "a benchmark program prints")]
#![allow(dead_code, reason = "what is measured by time is left out here")]

#[path = "../engine/input.rs"]
mod input;
#[path = "../engine/run.rs"]
mod run;

use clap::Parser;
use input::Source;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Patients, each observed once a second.
const PATIENTS: u32 = 1_000;
/// Seconds of stream of the two runs that are subtracted, so that start-up does not count.
const SECONDS: [u32; 2] = [20, 120];

/// Allocations per vitals event. Making the events is counted too; it allocates for Arrow batches only.
#[derive(Parser, Debug)]
struct Options {
    /// One JSON object a row instead of the table.
    #[arg(long)]
    json: bool,
    /// Do nothing unless this is part of `allocations`.
    filter: Option<String>,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let options = Options::parse();
    if options.filter.as_ref().is_some_and(|filter| !"allocations".contains(filter.as_str())) {
        return;
    }
    if !options.json {
        println!("| source | allocations/event | of these grown | bytes/event |");
        println!("|---|---:|---:|---:|");
    }
    for source in [Source::Json, Source::Arrow] {
        let [few, many] = SECONDS.map(|seconds| counted(source, seconds));
        let events = f64::from((SECONDS[1] - SECONDS[0]) * PATIENTS);
        let each = |of: fn(&stats_alloc::Stats) -> usize| (of(&many) - of(&few)) as f64 / events;
        let (fresh, grown) = (each(|stats| stats.allocations), each(|stats| stats.reallocations));
        let (all, bytes) = (fresh + grown, each(|stats| stats.bytes_allocated));
        if options.json {
            let row = serde_json::json!({ "part": "allocations", "case": source.name(), "allocations_per_event": all,
                "of_these_grown": grown, "bytes_per_event": bytes });
            println!("{row}");
        } else {
            println!("| {} | {all:.2} | {grown:.2} | {bytes:.0} |", source.name());
        }
    }
}

fn counted(source: Source, seconds: u32) -> stats_alloc::Stats {
    let region = stats_alloc::Region::new(COUNTED);
    let events = run::count(PATIENTS, source, 1_024, seconds);
    assert_eq!(events, u64::from(PATIENTS * seconds), "every event was run");
    region.change()
}

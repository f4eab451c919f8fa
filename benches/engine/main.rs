//! What the engine costs, in process, on one thread: decode, score, fuse and encode of a ward's vital signs.
//!
//! `cargo bench --bench engine` prints a table, with `-- --json` one JSON object a row. Times are CPU time of the
//! thread, not wall time: the machine may be shared. No test asserts a time.

#![allow(clippy::print_stdout, reason = "a benchmark program prints")]

mod input;
mod run;
mod table;

use clap::Parser;
use input::Source;
use run::{Measured, Memory, Plan, Steps, measure, memory};

/// That of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Cost of the engine per vitals event: every patient once a second, eight parameters, a pane every ten seconds.
#[derive(Parser, Debug)]
struct Options {
    /// Patients; may be given several times.
    #[arg(long, default_values_t = [1_000, 10_000, 100_000, 1_000_000])]
    patients: Vec<u32>,
    /// Only this source.
    #[arg(long)]
    source: Option<Source>,
    /// Records decoded, scored and fused at once.
    #[arg(long, default_value_t = 1_024)]
    batch: usize,
    /// Leave out the steady state and the memory figures.
    #[arg(long)]
    brief: bool,
    /// Run so many seconds of stream of the first `--patients` and print only how many events that were: for tools that count
    /// instructions, see benches/gate.sh.
    #[arg(long, value_name = "SECONDS")]
    count: Option<u32>,
    /// One JSON object a row instead of the table.
    #[arg(long)]
    json: bool,
    /// Do nothing unless this is part of `engine`: `make bench` gives every program the same name.
    filter: Option<String>,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let options = Options::parse();
    if options.filter.as_ref().is_some_and(|filter| !"engine".contains(filter.as_str())) {
        return;
    }
    if let Some(seconds) = options.count {
        let patients = options.patients.first().copied().unwrap_or(1_000);
        let source = options.source.unwrap_or(Source::Json);
        println!("{}", run::count(patients, source, options.batch, seconds));
        return;
    }
    let sources = [Source::Json, Source::Arrow];
    let sources = sources.into_iter().filter(|s| options.source.is_none_or(|wanted| wanted == *s));
    let mut rows: Vec<(&'static str, Measured)> = Vec::new();
    for source in sources {
        for patients in &options.patients {
            rows.push(("first hop", measure(&Plan::first_hop(*patients, source, options.batch))));
        }
        if !options.brief {
            rows.push(("steady", measure(&Plan::steady(1_000, source, options.batch))));
        }
    }
    let memory = (!options.brief).then(|| memory(1_000));
    if options.json {
        rows.iter().for_each(|(life, row)| println!("{}", table::json(life, row)));
        memory.iter().for_each(|memory| println!("{}", table::memory_json(memory)));
    } else {
        println!("{}", table::HEADER);
        rows.iter().for_each(|(life, row)| println!("{}", table::line(life, row)));
        memory.iter().for_each(|memory| println!("\n{}", table::memory_line(memory)));
    }
}

//! What the pipeline costs, and how late it is, on a real Kafka broker on this machine.
//!
//! `light`: CPU time per vitals event of the whole pipeline beside that of a bare two-hop passthrough with the same guarantees,
//! the same number of records and the same sizes, one after the other in turns. `latency`: from an event to the moment a
//! `read_committed` reader has the fused score made from it.
//! `recovery`: from the start of the processes to the last lane restored. `scale-out`: the stream of `light` with more workers. `cargo bench --bench broker -- --help` tells the rest.
//! Figures are CPU time of the processes or times since the *intended* sending time, so that a stall is not left out.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark program prints")]
#![allow(clippy::panic, reason = "and it ends where nothing can be measured")]

mod latency;
mod light;
mod passthrough;
mod recovery;
mod scale_out;
mod site;
mod traffic;

use clap::{Parser, ValueEnum};

/// On a real broker: cost beside the speed of light, latency.
#[derive(Parser, Debug)]
pub struct Options {
    /// Only this part.
    #[arg(long)]
    part: Option<Part>,
    /// Patients, each observed once a second; `latency` and `recovery` take each of them in turn.
    #[arg(long, default_values_t = [1_000])]
    patients: Vec<u32>,
    /// `light`: seconds of stream in a run; `latency`: seconds measured, after ten that are not.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// `light`: how many pairs of runs.
    #[arg(long, default_value_t = 3)]
    pairs: u32,
    /// `latency`: commit intervals in milliseconds.
    #[arg(long, default_values_t = [20, 50])]
    commit: Vec<u32>,
    /// `scale-out`: worker threads of each role.
    #[arg(long, default_values_t = [1, 2, 4])]
    workers: Vec<u32>,
    /// `latency`: laboratory results a second, each of which asks for an early pane.
    #[arg(long, default_value_t = 20)]
    labs: u32,
    /// One JSON object a row instead of the tables.
    #[arg(long)]
    json: bool,
    /// What a passthrough child is told; not for people.
    #[arg(long, hide = true)]
    passthrough: Option<String>,
    /// Do nothing unless this is part of `broker`: `make bench` gives every program the same name.
    filter: Option<String>,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    Light,
    Latency,
    Recovery,
    ScaleOut,
}

fn main() {
    let options = Options::parse();
    if options.filter.as_ref().is_some_and(|filter| !"broker".contains(filter.as_str())) {
        return;
    }
    if let Some(told) = &options.passthrough {
        passthrough::run(told);
        return;
    }
    let wanted = |part| options.part.is_none_or(|wanted| wanted == part);
    let site = site::Site::start();
    if wanted(Part::Light) {
        light::measure(&site, &options);
    }
    if wanted(Part::Latency) {
        latency::measure(&site, &options);
    }
    if wanted(Part::Recovery) {
        recovery::measure(&site, &options);
    }
    if wanted(Part::ScaleOut) {
        scale_out::measure(&site, &options);
    }
}

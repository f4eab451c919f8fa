//! What telemetry costs: the same ward through two pipelines on the in-memory broker, one that measures and traces and one that does
//! neither, a second of stream of the one and then of the other. `make bench ARGS=telemetry`, or `cargo bench --bench telemetry`.
//!
//! Times are CPU time. What the sender of traces uses on its own thread is told beside the ratio. No test asserts a time.

#![allow(clippy::print_stdout, reason = "a benchmark program prints")]

#[path = "../engine/input.rs"]
#[allow(dead_code, reason = "the wide batches are the other program's")]
mod input;
mod plant;

use clap::Parser;
use plant::Plant;
use rustix::time::{ClockId, clock_gettime};
use std::io::Read;
use std::net::TcpListener;

/// CPU time of the lanes per event with telemetry, against without.
#[derive(Parser, Debug)]
struct Options {
    /// Patients, each observed once a second.
    #[arg(long, default_value_t = 2_000)]
    patients: u32,
    /// Seconds of stream, after 30 that are not timed.
    #[arg(long, default_value_t = 90)]
    seconds: u32,
    /// Do nothing unless this is part of `telemetry`: `make bench` gives every program the same name.
    filter: Option<String>,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Seconds of stream that are not timed.
const WARM_UP: u32 = 30;
/// Seconds of stream between two scrapes.
const SCRAPE: u32 = 15;

fn main() {
    let options = Options::parse();
    if options.filter.as_ref().is_some_and(|filter| !"telemetry".contains(filter.as_str())) {
        return;
    }
    let mut plants = [Plant::new(None), Plant::new(Some(&collector()))];
    let ward = input::Ward::new(options.patients, 1_000);
    let (mut used, mut events) = ([0, 0], 0);
    let (mut pairs, mut scrapes) = (Vec::new(), [Vec::new(), Vec::new()]);
    let mut begun = cpu(ClockId::ProcessCPUTime);
    for round in 0..WARM_UP + options.seconds {
        let is_timed = round >= WARM_UP;
        if round == WARM_UP {
            begun = cpu(ClockId::ProcessCPUTime);
        }
        // Who goes first changes, so that neither always finds the other's leavings in the caches.
        let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        let mut of_round = [0, 0];
        for which in order {
            let payloads = plants[which].feed(&ward, round, options.patients);
            let before = cpu(ClockId::ThreadCPUTime);
            plants[which].run();
            let ran = cpu(ClockId::ThreadCPUTime);
            of_round[which] = ran - before;
            if round % SCRAPE == 0 {
                // On a thread of its own in a real process, and by the wall clock, whatever the load.
                plants[which].scrape();
                scrapes[which].push(cpu(ClockId::ThreadCPUTime) - ran);
            }
            if is_timed && which == 0 {
                events += payloads;
            }
        }
        if is_timed {
            used[0] += of_round[0];
            used[1] += of_round[1];
            pairs.push(of_round[1] as f64 / of_round[0] as f64);
        }
    }
    let whole = cpu(ClockId::ProcessCPUTime) - begun;
    assert_eq!(plants[0].scores(), plants[1].scores(), "both publish the same");
    assert!(plants[0].scores() > 0, "nothing was fused");
    pairs.sort_by(f64::total_cmp);
    let per = |nanos: u64| nanos as f64 / events as f64;
    println!("events of each             {events}");
    println!("fused scores of each       {}", plants[0].scores());
    println!("off, ns an event           {:.0}", per(used[0]));
    println!("on, ns an event            {:.0}", per(used[1]));
    println!("on / off                   {:.4}", used[1] as f64 / used[0] as f64);
    println!("on / off, median of pairs  {:.4}", pairs[pairs.len() / 2]);
    let longest = scrapes[1].iter().max().copied().unwrap_or_default();
    println!("the longest scrape, ms     {:.2}", longest as f64 / 1e6);
    println!(
        "feeding and other threads, ns an event of both  {:.0}",
        whole.saturating_sub(used[0] + used[1]) as f64 / (2 * events) as f64
    );
}

/// Takes whatever is sent; its address.
fn collector() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it has an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                // A collector that never answers in time costs the sender most.
                let mut bytes = [0; 65_536];
                while stream.read(&mut bytes).is_ok_and(|read| read > 0) {}
            });
        }
    });
    format!("http://{address}")
}

/// Nanoseconds.
fn cpu(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

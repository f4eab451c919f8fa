//! The whole pipeline in simulated worlds: thousands of seeds, every kind of fault, one thread, no clock.
//!
//! Each world runs the shipped driver over the in-memory broker while members crash in the middle of commits, come
//! back as zombies, sleep, are evicted, lose checkpoints and coordinators. Then four questions are asked (see `checks`).
//! `LATEFUSION_SEED` brings one world back with its story.

mod befall;
pub(crate) mod checks;
mod deployment;
mod edges;
mod feed;
mod tally;
mod world;

use crate::seeds::{Count, law, say};
use latefusion::types::Span;
use tally::{Fault, Tally};
use world::{Weather, World};

const SEEDS: u64 = 500;

/// Tells what befell a world that fails.
struct Teller(World);

impl Drop for Teller {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for line in &self.0.story {
                say(format_args!("{line}"));
            }
        }
    }
}

/// Runs a world in this weather and in calm, and asks what must hold of it.
fn case(seed: u64, weather: Weather, lateness: Span, sum: &mut Tally) -> Count {
    let mut teller = Teller(World::new(seed, weather, lateness));
    let world = &mut teller.0;
    world.run();
    let mut expected = checks::expected(world);
    let log = checks::log(world, &mut expected);
    let panes = checks::published(world, &log, &expected);
    let mut calm = World::new(seed, Weather::Calm, lateness);
    calm.run();
    let (finals, calm) = (checks::finals(world), checks::finals(&calm));
    let (poison, disorder) = (world.feed.poison, world.feed.disorder);
    let in_time = log.slowest < world.allowed_lateness - 2_000;
    let comparable = !world.jumps_reach_sources;
    let differ: Vec<_> = (calm.keys().chain(finals.keys()))
        .filter(|window| comparable && calm.get(window) != finals.get(window))
        .collect();
    if in_time && let Some(window) = differ.first() {
        let (patient, end) = (window.0.as_str(), window.1);
        let (finals, calm) = (finals.get(window), calm.get(window));
        assert_eq!(calm, finals, "{patient} {end}: the calm run's final revision, and this one");
    } else if !in_time && !differ.is_empty() {
        let windows: Vec<_> = differ.iter().map(|(who, end)| (who.as_str(), end)).collect();
        assert!(log.too_late > 0, "differences, and none is counted: {windows:?}");
    }
    let tally = &mut world.tally;
    tally.faults(Fault::Poison, poison);
    tally.faults(Fault::Disorder, disorder);
    tally.see("panes derived again from the log", panes);
    tally.see("source records taken once, as never stopped", log.taken);
    tally.see("repeats and zombies' writes dropped", log.repeats.len() as u64);
    tally.see("dead letters", expected.rejected.len() as u64);
    match (comparable, in_time) {
        (true, true) => tally.see("final revisions equal to the calm run's", calm.len() as u64),
        (true, false) => {
            tally.see("worlds with outages beyond allowed lateness", 1);
            tally.see(
                "final revisions that differ, explained by counted late panes",
                differ.len() as u64,
            );
        }
        (false, _) => tally.see("worlds whose sources have the clock that jumps", 1),
    }
    sum.add(tally);
    Count { compared: panes + log.taken + calm.len() as u64, faults: tally.injected() }
}

const SEEN: [&str; 9] = [
    "panes derived again from the log",
    "source records taken once, as never stopped",
    "repeats and zombies' writes dropped",
    "dead letters",
    "restores",
    "records replayed",
    "rewinds",
    "retries",
    "torn checkpoints noticed",
];

fn simulate(name: &str, weather: Weather, lateness: Span, more: &[&'static str]) {
    let mut sum = Tally::default();
    let mut seeds = 0;
    law(name, SEEDS, |seed| {
        seeds += 1;
        case(seed, weather, lateness, &mut sum)
    });
    sum.print(name, seeds);
    if seeds == SEEDS {
        sum.assert_all(&SEEN);
        for what in more {
            assert!(sum.seen(what) > 0, "no {what}");
        }
    }
}

#[test]
fn under_any_faults_the_published_is_derived_from_the_log_and_short_outages_change_no_final_revision()
 {
    let compared = ["final revisions equal to the calm run's"];
    simulate("rough weather", Weather::Rough, Span::minutes(4), &compared);
}

#[test]
fn outages_beyond_allowed_lateness_change_only_what_is_counted() {
    let compared = [
        "worlds with outages beyond allowed lateness",
        "final revisions that differ, explained by counted late panes",
        "final revisions equal to the calm run's",
    ];
    simulate("harsh weather", Weather::Harsh, Span::seconds(30), &compared);
}

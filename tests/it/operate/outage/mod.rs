//! The scripted outage: a ward of 200 simulated patients, every role a process of its own on the in-memory broker, in simulated time. The vitals
//! feed stops, the labs scorer stops, and in `make outage` the labs feed too. What each process exports is played to promtool with the shipped
//! rules and their shipped waits, so the times to detection are those of the real clock.

mod film;
mod plant;

use super::files::Files;
use super::promtool;
use crate::seeds::say;
use film::Film;
use latefusion::types::Span;
use plant::{Plant, Statuses};

/// Between two scrapes.
const SCRAPE: Span = Span::seconds(15);

/// Alerts by the second at which they were seen to fire.
struct Detected {
    firing: Vec<(i64, String)>,
}

impl Detected {
    /// Prints how long after `what` the alert fires, which must be within `[least, most]` seconds.
    fn tell(&self, what: &str, since: Span, alert: &str, [least, most]: [i64; 2]) {
        let from = since.as_millis() / 1_000;
        let first = self.firing.iter().find(|(at, name)| *at > from && name == alert);
        assert!(first.is_some(), "{alert} never fires: {:?}", self.firing);
        let at = first.map_or(0, |(at, _)| at - from);
        assert!(
            (least..=most).contains(&at),
            "{alert} fires after {at} s, not within {least}..={most}"
        );
        say(format_args!("{what}: {alert} after {} min {} s", at / 60, at % 60));
    }

    /// It does not fire between these instants.
    fn is_silent(&self, [from, until]: [Span; 2], alert: &str) {
        let [from, until] = [from, until].map(|span| span.as_millis() / 1_000);
        let fired =
            self.firing.iter().find(|(at, name)| (from..until).contains(at) && name == alert);
        assert!(fired.is_none(), "{alert} fires at {fired:?}");
    }
}

const FRESH_VITALS: &str = r#"latefusion_fresh_patients{modality="vitals",instance="fuse"}"#;
const EXPECTED_VITALS: &str = r#"latefusion_expected_patients{modality="vitals",instance="fuse"}"#;

#[test]
fn an_outage_shows_in_figures_scores_and_alerts_within_its_defined_time() {
    let files = Files::read();
    let mut plant = Plant::new(200);
    let mut film = Film::new(&files);
    let minutes = Span::minutes;

    plant.play(minutes(20), &mut film);
    plant.statuses();
    plant.play(minutes(5), &mut film);
    let calm = plant.statuses();
    let vitals_off = plant.elapsed();
    plant.set_feed("vitals", false);
    plant.play(minutes(18), &mut film);
    plant.statuses();
    plant.play(minutes(7), &mut film);
    let without_vitals = plant.statuses();
    let vitals_on = plant.elapsed();
    plant.set_feed("vitals", true);
    plant.play(minutes(5), &mut film);
    plant.statuses();
    plant.play(minutes(1), &mut film);
    let again = plant.statuses();
    let labs_stop = plant.elapsed();
    plant.stop("score-labs");
    plant.play(minutes(3), &mut film);
    let end = plant.elapsed();

    let before = film.share(vitals_off, FRESH_VITALS, EXPECTED_VITALS);
    let during = film.share(vitals_on, FRESH_VITALS, EXPECTED_VITALS);
    let after = film.share(labs_stop, FRESH_VITALS, EXPECTED_VITALS);
    println!(
        "availability of vitals: {before:.2} before, {during:.2} after 25 min without, {after:.2} again"
    );
    assert!(before > 0.9 && during == 0.0 && after > 0.9, "{before} {during} {after}");
    let coverage = [vitals_off, vitals_on, labs_stop].map(|at| film.coverage(at, "vitals"));
    println!("coverage of vitals over 5 min: {coverage:.2?}");
    assert!(coverage[0] > 0.85 && coverage[1] == 0.0 && coverage[2] > 0.5, "{coverage:?}");
    let with_vitals = film.combinations(vitals_on, "vitals");
    println!(
        "fused scores in the last 5 min of the outage, by combination: {:?}",
        film.combinations(vitals_on, "")
    );
    assert_eq!(with_vitals.values().sum::<f64>(), 0.0, "{with_vitals:?}");
    println!(
        "status of fused scores: calm {calm:?}, without vitals {without_vitals:?}, again {again:?}"
    );
    assert!(
        calm.of("ok") > calm.of("degraded") && calm.of("ok") > 10 * calm.of("insufficient_data"),
        "{calm:?}"
    );
    assert!(
        without_vitals.of("ok") == 0 && without_vitals.of("degraded") > 1_000,
        "{without_vitals:?}"
    );
    assert_eq!(without_vitals.low_without_evidence, 0, "a score without evidence has a risk");
    assert!(again.of("ok") > again.of("degraded"), "{again:?}");

    if !promtool::is_there("the alerts of the outage") {
        return;
    }
    let seen = Detected { firing: film.firing(&files, end) };
    seen.tell("vitals feed off", vitals_off, "LatefusionWatermarkStalled vitals", [180, 400]);
    seen.tell("vitals feed off", vitals_off, "LatefusionAvailabilityVeryLow vitals", [900, 1_200]);
    seen.tell("vitals feed off", vitals_off, "LatefusionAvailabilityLow vitals", [1_080, 1_380]);
    seen.tell("labs scorer stopped", labs_stop, "LatefusionDown score-labs", [60, 120]);
    for alert in [
        "LatefusionAvailabilityVeryLow vitals",
        "LatefusionWatermarkStalled vitals",
        "LatefusionNoOutput ",
    ] {
        seen.is_silent([minutes(5), vitals_off], alert);
    }
    seen.is_silent([Span::ZERO, end], "LatefusionNoOutput ");
}

/// Minutes of work: `make outage` sets the variable.
#[test]
fn a_laboratory_that_falls_silent_is_noticed_long_before_its_results_expire() {
    if std::env::var_os("LATEFUSION_OUTAGE").is_none() {
        println!("LEFT OUT: ten hours of a ward without its laboratory; make outage runs them");
        return;
    }
    if !promtool::is_there("the outage of the laboratory") {
        return;
    }
    let files = Files::read();
    let mut plant = Plant::new(200);
    let mut film = Film::new(&files);
    let hour = |plant: &mut Plant, film: &mut Film| {
        plant.play(Span::hours(1), film);
        plant.statuses()
    };
    // The alert compares with six hours; four of this ward bring as many results as it asks for.
    let _calm: Vec<Statuses> = (0..4).map(|_| hour(&mut plant, &mut film)).collect();
    let labs_off = plant.elapsed();
    plant.set_feed("labs", false);
    let _without: Vec<Statuses> = (0..6).map(|_| hour(&mut plant, &mut film)).collect();
    let end = plant.elapsed();
    let seen = Detected { firing: film.firing(&files, end) };
    seen.tell("labs feed off", labs_off, "LatefusionFeedSilent labs", [1_500, 2_700]);
    // A fifth of 24 h from the newest specimen, which was taken some minutes before the feed fell silent.
    seen.tell("labs feed off", labs_off, "LatefusionWatermarkStalled labs", [16_000, 18_600]);
    println!(
        "firing at the end: {:?}",
        seen.firing.iter().filter(|(at, _)| *at == end.as_millis() / 1_000).collect::<Vec<_>>()
    );
}

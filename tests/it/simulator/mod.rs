//! The simulated ward: same seed same bytes, in order of arrival, readable by the decoders, and as bad as configured.

mod bytes;
mod disturbances;
mod feeds;
mod patients;

use latefusion::modality::Registry;
use latefusion::shell::simulator::{Input, Rates, Ward, WardConfig};
use latefusion::types::{Feed, ModalityId, Span};

const VITALS: Feed = Feed::Modality(ModalityId(0));
const LABS: Feed = Feed::Modality(ModalityId(1));
const IMAGING: Feed = Feed::Modality(ModalityId(2));

fn config() -> WardConfig {
    WardConfig { seed: 11, vitals_every: Span::seconds(20), ..WardConfig::default() }
}

fn ward(config: WardConfig) -> Ward {
    Ward::new(config, &Registry::shipped()).expect("a valid configuration")
}

fn hours(ward: &mut Ward, hours: i64) -> Vec<Input> {
    let end = ward.now() + Span::hours(hours);
    std::iter::from_fn(|| ward.next_before(end)).collect()
}

#[test]
fn a_wrong_configuration_lists_every_mistake() {
    let rates = Rates { bad: 1.5, delayed: f64::NAN, ..Rates::default() };
    let wrong = WardConfig { patients: 0, vitals_every: Span::ZERO, rates, ..config() };
    let error = Ward::new(wrong, &Registry::new(Vec::new())).expect_err("all wrong");
    for word in [
        "patients",
        "vitals_every",
        "bad must",
        "delayed",
        "no modality vitals",
        "no modality imaging",
    ] {
        assert!(error.to_string().contains(word), "{word}: {error}");
    }
}

/// Seconds that this thread has been on a processor; `None` where the system does not tell.
fn processor_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanos: u64 = text.split_whitespace().next()?.parse().ok()?;
    Some(nanos as f64 / 1e9)
}

/// How fast on one core; run by hand in release: `cargo test --release --test it ward_speed -- --ignored --nocapture`.
#[test]
#[ignore = "measures; run by hand in release"]
fn ward_speed() {
    for patients in [1_000, 100_000] {
        let config = WardConfig { patients, vitals_every: Span::seconds(1), ..config() };
        let mut ward = ward(config);
        let mut per_second = |records: usize, each: fn(&Input) -> usize| {
            let begin = processor_seconds().expect("Linux");
            let sum: usize = ward.by_ref().take(records).map(|input| each(&input)).sum();
            let took = processor_seconds().expect("Linux") - begin;
            (records as f64 / took, sum / records)
        };
        let (typed, _) = per_second(3_000_000, |input| usize::from(input.event().is_some()));
        let (json, bytes) = per_second(500_000, |input| input.payload().len());
        eprintln!(
            "{patients} patients, a second of processor: {typed:.0} typed, {json:.0} as JSON of {bytes} bytes; {} in flight",
            ward.in_flight(),
        );
    }
}

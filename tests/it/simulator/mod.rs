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

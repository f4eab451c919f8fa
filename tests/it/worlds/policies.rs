//! Modalities and fusion packages of the worlds.

use fastrand::Rng;
use latefusion::fuse::methods::METHODS;
use latefusion::fuse::package::{Method, Package, Policy, Profile};
use latefusion::modality::{DefaultPolicy, Modality, Registry};
use latefusion::types::{Activation, Fault, RejectReason, Span};
use sha2::{Digest, Sha256};

const POLICY: DefaultPolicy = DefaultPolicy {
    validity: Span::minutes(1),
    half_life: Span::minutes(1),
    gating: false,
    out_of_orderness: None,
    lookback: Span::minutes(1),
};

const fn modality(name: &'static str, gating: bool) -> Modality {
    let policy = DefaultPolicy {
        gating,
        out_of_orderness: if gating { Some(Span::seconds(10)) } else { None },
        ..POLICY
    };
    Modality {
        name,
        topic: name,
        columns: &[],
        decode: |_, _| Err(Fault::new(RejectReason::Undecodable, "worlds start behind decoding")),
        ward: policy,
        hourly: policy,
    }
}

static MODALITIES: [Modality; 3] =
    [modality("vitals", true), modality("labs", false), modality("imaging", false)];

/// Vitals, labs, imaging.
pub(crate) fn registry() -> Registry {
    Registry::new(MODALITIES.iter().collect())
}

/// A random valid package.
pub(crate) fn package(random: &mut Rng, registry: &Registry) -> Package {
    let mut package = Package::shipped(Profile::Ward, registry);
    let mut seconds = |of: &[i64]| Span::seconds(*random.choice(of).expect("not empty"));
    package.every = seconds(&[2, 5, 10, 10, 30]);
    package.allowed_lateness = seconds(&[10, 30, 60, 300]);
    package.lane_timeout = seconds(&[5, 10, 30]);
    let validities =
        [seconds(&[8, 20, 45, 120]), seconds(&[60, 150, 600]), seconds(&[30, 120, 600])];
    let ooo = seconds(&[2, 5, 10]);
    for (validity, (_, modality)) in validities.into_iter().zip(registry.iter()) {
        let validity = validity.as_millis();
        let policy = Policy {
            validity: Span::millis(validity),
            half_life: Span::millis(if random.u8(0..4) == 0 { 0 } else { validity * 2 / 3 }),
            hold_limit: Span::millis(validity * random.i64(2..=6) / 2),
            gating: modality.name == "vitals",
            out_of_orderness: if modality.name == "vitals" { ooo } else { Span::ZERO },
            weight: 0.25 + random.f64() * 2.0,
        };
        package.modality.insert(modality.name.to_owned(), policy);
    }
    package.bands = [0.05 + random.f64() * 0.15, 0.25 + random.f64() * 0.3];
    let method = random.choice(METHODS).expect("methods ship");
    package.method = Method { name: method.name.to_owned(), parameters: toml::Table::new() };
    package
}

/// The record that switches a package on.
pub(crate) fn activation(package: &Package) -> Activation {
    let text = toml::to_string(package).expect("a package is TOML");
    let digest: String =
        Sha256::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
    Activation { digest: digest.into(), package: text.into() }
}

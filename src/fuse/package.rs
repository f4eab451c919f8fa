//! The fusion package: everything that fusion computes with, as one TOML text named by its digest.
//!
//! It travels in the log inside an activation record, so that any published score can be derived again.

use crate::modality::{DefaultPolicy, Modality, Registry};
use crate::types::{Band, Risk, Span, span_text};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The package as written. Unknown keys are mistakes; [`Package::parse`] lists every one at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Window length and hop.
    #[serde(with = "span_text")]
    pub every: Span,
    /// How long after its firing a pane may still be revised.
    #[serde(with = "span_text")]
    pub allowed_lateness: Span,
    /// A gating lane whose watermark has not moved for so much log clock stops gating.
    #[serde(with = "span_text")]
    pub lane_timeout: Span,
    /// A patient without a new observation for so long (event time) is forgotten.
    #[serde(with = "span_text")]
    pub state_ttl: Span,
    /// A patient with an observation no older than this counts as active.
    #[serde(with = "span_text")]
    pub activity_window: Span,
    /// Longest step that the log clock takes between two records: broker clocks jump. Twice the heartbeat interval.
    #[serde(with = "span_text")]
    pub longest_clock_step: Span,
    /// Risk from which a score is medium, and from which it is high; in 0..=1, rising.
    pub bands: [f64; 2],
    /// What is published of the computed panes.
    pub publish: Publish,
    /// The method and its parameters.
    pub method: Method,
    /// Policies by modality name; every modality of the registry must be there.
    pub modality: BTreeMap<String, Policy>,
}

/// The publishing policy: a filter after everything else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "policy")]
pub enum Publish {
    /// Every pane.
    Always,
    /// Panes whose band, status or presence changed, whose risk moved by `smallest_change` or more, and one after
    /// every `longest_silence`.
    OnChange {
        /// Smallest change of the risk that is published, in 0..=1.
        smallest_change: f64,
        /// Longest time between two published panes of a patient.
        #[serde(with = "span_text")]
        longest_silence: Span,
    },
}

/// A fusion method by its registry name, with its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Method {
    /// Name in the registry of methods.
    pub name: String,
    /// The method's own parameters.
    #[serde(flatten)]
    pub parameters: toml::Table,
}

/// How one modality's predictions count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// How long a prediction stays evidence.
    #[serde(with = "span_text")]
    pub validity: Span,
    /// Its weight halves with every such age; `0s`: no decay.
    #[serde(with = "span_text")]
    pub half_life: Span,
    /// How long after its event time a vanished modality still holds the band; at least the validity.
    #[serde(with = "span_text")]
    pub hold_limit: Span,
    /// True where panes wait for this modality's watermark.
    pub gating: bool,
    /// Time behind the clock at which a pane fires when no lane gates.
    #[serde(with = "span_text")]
    pub out_of_orderness: Span,
    /// Relative weight before decay, above zero.
    pub weight: f64,
}

/// One mistake in a package or configuration: where it stands and what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {expected}")]
pub struct Mistake {
    /// Path of the key: `modality.vitals.validity`.
    pub path: String,
    /// What was expected, and what was found.
    pub expected: String,
}

impl Mistake {
    /// A mistake at a path.
    pub fn new(path: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { path: path.into(), expected: expected.into() }
    }
}

/// Shipped sets of defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Monitors, 1 s to 1 min; a pane every 10 s.
    Ward,
    /// Hourly charting; a pane every hour.
    Hourly,
}

impl Package {
    /// The shipped package of a profile for these modalities: a log-odds pool with equal weights.
    pub fn shipped(profile: Profile, registry: &Registry) -> Self {
        let ward = profile == Profile::Ward;
        let pick = |a: Span, b: Span| if ward { a } else { b };
        Self {
            every: pick(Span::seconds(10), Span::hours(1)),
            allowed_lateness: pick(Span::minutes(5), Span::hours(1)),
            lane_timeout: pick(Span::seconds(30), Span::hours(2)),
            state_ttl: pick(Span::days(7), Span::days(10)),
            activity_window: pick(Span::minutes(15), Span::hours(6)),
            longest_clock_step: pick(Span::seconds(2), Span::minutes(2)),
            bands: [0.10, 0.30],
            publish: Publish::Always,
            method: Method { name: "log_odds_pool".to_owned(), parameters: toml::Table::new() },
            modality: registry
                .iter()
                .map(|(_, m)| {
                    (m.name.to_owned(), Policy::of(if ward { &m.ward } else { &m.hourly }))
                })
                .collect(),
        }
    }

    /// Reads and checks a package against the modalities of the run.
    ///
    /// # Errors
    /// Every mistake, each with the path of its key.
    pub fn parse(text: &str, registry: &Registry) -> Result<Self, Vec<Mistake>> {
        let package: Self = toml::from_str(text)
            .map_err(|error| vec![Mistake::new("fusion package", error.to_string())])?;
        let mistakes = package.mistakes(registry);
        if mistakes.is_empty() { Ok(package) } else { Err(mistakes) }
    }

    /// Every mistake in the values.
    pub fn mistakes(&self, registry: &Registry) -> Vec<Mistake> {
        let mut found = Vec::new();
        let mut require = |holds: bool, path: &str, expected: &str| {
            if !holds {
                found.push(Mistake::new(path, expected));
            }
        };
        require(self.every.is_positive(), "every", "must be above 0s");
        require(self.lane_timeout.is_positive(), "lane_timeout", "must be above 0s");
        require(self.longest_clock_step.is_positive(), "longest_clock_step", "must be above 0s");
        require(self.state_ttl.is_positive(), "state_ttl", "must be above 0s");
        require(self.activity_window.is_positive(), "activity_window", "must be above 0s");
        let [medium, high] = self.bands;
        let rising = 0.0 < medium && medium < high && high < 1.0;
        require(rising, "bands", "must be two rising risks between 0 and 1");
        if let Publish::OnChange { smallest_change, longest_silence } = &self.publish {
            let change = (0.0..=1.0).contains(smallest_change);
            require(change, "publish.smallest_change", "must be within 0..=1");
            let silence = *longest_silence >= self.every;
            require(silence, "publish.longest_silence", "must be at least `every`");
        }
        let gating = self.modality.values().filter(|policy| policy.gating).count();
        require(gating <= 1, "modality", "must have at most one with `gating = true`");
        for (_, modality) in registry.iter() {
            let path = format!("modality.{}", modality.name);
            match self.modality.get(modality.name) {
                None => found.push(Mistake::new(path, "is missing")),
                Some(policy) => found.extend(policy.mistakes(&path, self)),
            }
        }
        let unknown = self.modality.keys().filter(|name| registry.find(name).is_none());
        found.extend(
            unknown.map(|name| Mistake::new(format!("modality.{name}"), "no such modality")),
        );
        found
    }

    /// The modalities with their policies, in registry order.
    pub fn members(&self, registry: &Registry) -> Vec<(&'static str, &Policy)> {
        let of = |m: &'static Modality| Some((m.name, self.modality.get(m.name)?));
        registry.iter().filter_map(|(_, m)| of(m)).collect()
    }

    /// The band of a risk.
    pub fn band(&self, risk: Risk) -> Band {
        let [medium, high] = self.bands;
        if risk.get() >= high {
            Band::High
        } else if risk.get() >= medium {
            Band::Medium
        } else {
            Band::Low
        }
    }
}

impl Policy {
    /// The defaults of a modality with weight 1.
    pub fn of(default: &DefaultPolicy) -> Self {
        Self {
            validity: default.validity,
            half_life: default.half_life,
            hold_limit: default.validity + default.validity,
            gating: default.gating,
            out_of_orderness: default.out_of_orderness.unwrap_or(Span::ZERO),
            weight: 1.0,
        }
    }

    fn mistakes(&self, path: &str, package: &Package) -> Vec<Mistake> {
        let mut found = Vec::new();
        let mut require = |holds: bool, key: &str, expected: &str| {
            if !holds {
                found.push(Mistake::new(format!("{path}.{key}"), expected));
            }
        };
        require(self.validity.is_positive(), "validity", "must be above 0s");
        require(self.hold_limit >= self.validity, "hold_limit", "must be at least `validity`");
        let kept = self.hold_limit <= package.state_ttl;
        require(kept, "hold_limit", "must be at most `state_ttl`");
        require(self.half_life >= Span::ZERO, "half_life", "must not be negative");
        require(self.out_of_orderness >= Span::ZERO, "out_of_orderness", "must not be negative");
        require(self.weight.is_finite() && self.weight > 0.0, "weight", "must be above 0");
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_packages_are_without_mistakes_and_read_back_the_same() {
        let registry = Registry::shipped();
        for profile in [Profile::Ward, Profile::Hourly] {
            let package = Package::shipped(profile, &registry);
            let text = toml::to_string(&package).expect("plain data");
            assert_eq!(Package::parse(&text, &registry), Ok(package));
        }
    }

    #[test]
    fn every_mistake_is_listed_with_its_path() {
        let registry = Registry::shipped();
        let mut package = Package::shipped(Profile::Ward, &registry);
        package.every = Span::ZERO;
        package.bands = [0.3, 0.1];
        package.modality.remove("labs");
        package.modality.values_mut().for_each(|policy| policy.gating = true);
        let paths: Vec<String> =
            package.mistakes(&registry).into_iter().map(|mistake| mistake.path).collect();
        assert_eq!(paths, ["every", "bands", "modality", "modality.labs"]);
    }
}

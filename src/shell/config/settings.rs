//! From the file to what the parts are told; the files that it names are read here.

use super::{Config, ConfigError, ProfileName};
use crate::fuse::package::{Mistake, Package, Profile};
use crate::fuse::{digest_of, methods};
use crate::modality::Registry;
use crate::shell::bus::kafka::KafkaSettings;
use crate::shell::driver::{Pace, Pipeline, StateTopics};
use crate::shell::local_lane::LaneSetup;
use crate::shell::setup;
use crate::shell::telemetry::{Shape, Telemetry, TraceSettings};
use crate::shell::wire::{Limits, Names, Topics};
use crate::types::Span;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A checked configuration with everything that it names: what the commands work with.
#[derive(Clone)]
pub struct Deployment {
    /// As in the file.
    pub config: Config,
    /// How to reach the brokers, secrets included; `Debug` masks them.
    pub kafka: KafkaSettings,
    /// The modalities.
    pub registry: Registry,
    /// Topics by what they are for.
    pub topics: Topics,
    /// Their names and those of the modalities.
    pub names: Names,
    /// What the lanes are made of; its package is what `latefusion activate` writes.
    pub lanes: LaneSetup,
}

impl Deployment {
    /// Reads the configuration file (without one: the defaults) and all files that it names.
    ///
    /// # Errors
    /// Every mistake in the file; if there is none, every mistake in the files that it names.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let config = Config::load(file)?;
        Self::new(config)
            .map_err(|mistakes| ConfigError { file: file.map(Path::to_path_buf), mistakes })
    }

    /// Reads the files that a configuration names.
    ///
    /// # Errors
    /// Every mistake in them.
    pub fn new(config: Config) -> Result<Self, Vec<Mistake>> {
        let registry = Registry::shipped();
        let mut mistakes = config.mistakes();
        let kafka = config.kafka_settings(&mut mistakes);
        let topics = config.topic_names();
        let names = Names::new(&registry, &topics);
        let package = config.package_text(&registry, &mut mistakes);
        match (names, mistakes.is_empty()) {
            (Ok(names), true) => {
                let lanes = config.lane_setup(&registry, package);
                Ok(Self { config, kafka, registry, topics, names, lanes })
            }
            _ => Err(mistakes),
        }
    }

    /// Metrics and traces as configured, for the `telemetry` of [`Self::pipeline`].
    ///
    /// # Errors
    /// What is wrong with the address that traces go to.
    pub fn telemetry(&self) -> Result<Telemetry, String> {
        let telemetry = &self.config.telemetry;
        let settings = telemetry.otlp_endpoint.clone().map(|endpoint| TraceSettings {
            endpoint,
            ratio: telemetry.otlp_ratio,
            instance: self.config.lanes.instance.clone(),
        });
        Telemetry::with(Shape::new(&self.names), telemetry.metrics, settings.as_ref())
    }

    /// What the workers of a run share; nothing is measured.
    pub fn pipeline(&self) -> Pipeline {
        let lanes = &self.config.lanes;
        let duration = |span: Span| Duration::from_millis(span.as_millis().max(0).unsigned_abs());
        let topics = &self.config.topics;
        Pipeline {
            telemetry: Telemetry::off(Shape::new(&self.names)),
            lanes: self.lanes.clone(),
            topics: self.topics.clone(),
            names: self.names.clone(),
            state_topics: StateTopics {
                score: topics.state_score.clone(),
                fuse: topics.state_fuse.clone(),
            },
            epochs: topics.epochs.clone(),
            pace: Pace {
                heartbeat: duration(lanes.heartbeat),
                commit_interval: duration(lanes.commit_interval),
                commit_records: lanes.commit_records,
                checkpoint: duration(lanes.checkpoint_interval),
                retry_for: duration(lanes.retry_for),
                grace: duration(lanes.grace),
                ..Pace::default()
            },
            max_payload: lanes.max_payload_bytes,
            dead_letters: self.config.dead_letter_limits(),
        }
    }

    /// Digest of the package that `latefusion activate` writes.
    pub fn package_digest(&self) -> String {
        digest_of(&self.lanes.package)
    }
}

/// Reads and checks a package as fusion will, method parameters included.
///
/// # Errors
/// Every mistake, with `path` before the path of its key.
pub fn check_package(path: &str, text: &str, registry: &Registry) -> Result<(), Vec<Mistake>> {
    let parsed = Package::parse(text, registry).and_then(|package| {
        methods::build(&package.method, &package.members(registry)).map(|_| ())
    });
    parsed.map_err(|mistakes| {
        let within = |m: Mistake| Mistake::new(format!("{path}: {}", m.path), m.expected);
        mistakes.into_iter().map(within).collect()
    })
}

impl ProfileName {
    /// The shipped set of defaults.
    pub const fn profile(self) -> Profile {
        match self {
            Self::Ward => Profile::Ward,
            Self::Hourly => Profile::Hourly,
        }
    }
}

impl Config {
    /// The client's settings, with the secrets read from their files.
    fn kafka_settings(&self, mistakes: &mut Vec<Mistake>) -> KafkaSettings {
        let kafka = self.kafka.clone();
        let mut secret = |key: &str, file: &Option<PathBuf>| {
            let file = file.as_ref()?;
            match read_secret(file) {
                Ok(secret) => Some(secret),
                Err(expected) => {
                    mistakes.push(Mistake::new(format!("kafka.{key}"), expected));
                    None
                }
            }
        };
        let password = secret("password_file", &kafka.password_file);
        let key_password = secret("key_password_file", &kafka.key_password_file);
        let settings = KafkaSettings {
            brokers: kafka.brokers,
            security: kafka.security,
            mechanism: kafka.mechanism,
            username: kafka.username,
            password,
            ca_file: kafka.ca_file,
            certificate_file: kafka.certificate_file,
            key_file: kafka.key_file,
            key_password,
            token_file: kafka.token_file,
            session_timeout: kafka.session_timeout,
            max_poll_interval: kafka.max_poll_interval,
            transaction_timeout: kafka.transaction_timeout,
            patience: kafka.patience,
            record_bytes: kafka.record_bytes,
            poll_records: kafka.poll_records,
            extra: kafka.extra,
            ..KafkaSettings::default()
        };
        for (key, file) in [
            ("ca_file", &settings.ca_file),
            ("certificate_file", &settings.certificate_file),
            ("key_file", &settings.key_file),
            ("token_file", &settings.token_file),
        ] {
            if let Some(Err(error)) = file.as_ref().map(std::fs::File::open) {
                mistakes.push(Mistake::new(format!("kafka.{key}"), cannot_read(file, &error)));
            }
        }
        settings
    }

    /// The package that `latefusion activate` writes: the file's, or the shipped one of the profile.
    fn package_text(&self, registry: &Registry, mistakes: &mut Vec<Mistake>) -> Arc<str> {
        let Some(file) = &self.fusion.package_file else {
            return shipped_package(self.lanes.profile.profile(), registry);
        };
        match std::fs::read_to_string(file) {
            Ok(text) => {
                let path = format!("fusion.package_file {}", file.display());
                mistakes.extend(check_package(&path, &text, registry).err().into_iter().flatten());
                text.into()
            }
            Err(error) => {
                let expected = cannot_read(&Some(file.clone()), &error);
                mistakes.push(Mistake::new("fusion.package_file", expected));
                Arc::from("")
            }
        }
    }

    fn lane_setup(&self, registry: &Registry, package: Arc<str>) -> LaneSetup {
        let lanes = &self.lanes;
        let mut setup = setup::shipped(lanes.profile.profile(), registry, package);
        self.choose_shipped(&mut setup);
        for scoring in &mut setup.scoring {
            scoring.max_clock_skew = lanes.max_clock_skew;
            scoring.max_observations = lanes.max_observations;
        }
        setup.idle_after = lanes.idle_after;
        setup.max_patients = lanes.max_patients;
        setup.max_history = lanes.max_history;
        setup.batch = lanes.batch;
        setup
    }

    /// How much of an original a dead letter keeps.
    pub fn dead_letter_limits(&self) -> Limits {
        Limits { payload: self.lanes.dead_letter_bytes, ..Limits::default() }
    }
}

/// The shipped package of a profile, as text.
pub fn shipped_package(profile: Profile, registry: &Registry) -> Arc<str> {
    let package = Package::shipped(profile, registry);
    toml::to_string(&package).expect("plain data of finite numbers").into()
}

/// A secret without the line break that editors put at the end.
fn read_secret(file: &Path) -> Result<String, String> {
    match std::fs::read_to_string(file) {
        Ok(text) if text.trim_end_matches(['\r', '\n']).is_empty() => {
            Err(format!("{} is empty", file.display()))
        }
        Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
        Err(error) => Err(cannot_read(&Some(file.to_path_buf()), &error)),
    }
}

fn cannot_read(file: &Option<PathBuf>, error: &std::io::Error) -> String {
    let file = file.as_ref().map_or(String::new(), |file| file.display().to_string());
    format!("{file} cannot be read: {error}")
}

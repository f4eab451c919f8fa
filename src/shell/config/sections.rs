//! The sections of the file and their defaults. What a key means stands in `deploy/latefusion.toml`, which ships.

use crate::modality::json::MAX_PAYLOAD_BYTES;
use crate::shell::bus::kafka::{Mechanism, Security};
use crate::types::{Span, span_text};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How to reach the brokers.
    pub kafka: KafkaSection,
    /// Topic names, and how topics are made.
    pub topics: TopicsSection,
    /// What the workers do and how much they may keep.
    pub lanes: LanesSection,
    /// Where models come from, and which of them serve.
    pub models: ModelsSection,
    /// What `latefusion activate` writes to the log.
    pub fusion: FusionSection,
    /// Logs, metrics, traces, and the address that health checks and scrapes go to.
    pub telemetry: TelemetrySection,
}

/// `[kafka]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct KafkaSection {
    pub brokers: String,
    pub security: Security,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mechanism: Option<Mechanism>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_password_file: Option<PathBuf>,
    #[serde(with = "span_text")]
    pub session_timeout: Span,
    #[serde(with = "span_text")]
    pub max_poll_interval: Span,
    #[serde(with = "span_text")]
    pub transaction_timeout: Span,
    #[serde(with = "span_text")]
    pub patience: Span,
    pub record_bytes: usize,
    pub poll_records: usize,
    pub extra: BTreeMap<String, String>,
}

impl Default for KafkaSection {
    fn default() -> Self {
        let settings = crate::shell::bus::kafka::KafkaSettings::default();
        Self {
            brokers: settings.brokers,
            security: settings.security,
            mechanism: settings.mechanism,
            username: None,
            password_file: None,
            token_file: None,
            ca_file: None,
            certificate_file: None,
            key_file: None,
            key_password_file: None,
            session_timeout: settings.session_timeout,
            max_poll_interval: settings.max_poll_interval,
            transaction_timeout: settings.transaction_timeout,
            patience: settings.patience,
            record_bytes: settings.record_bytes,
            poll_records: settings.poll_records,
            extra: BTreeMap::new(),
        }
    }
}

/// `[topics]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct TopicsSection {
    pub encounters: String,
    pub predictions: String,
    pub fused_scores: String,
    pub availability: String,
    pub dead_letters: String,
    pub state_score: String,
    pub state_fuse: String,
    pub partitions: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replication: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_insync_replicas: Option<u16>,
    #[serde(with = "span_text")]
    pub retention: Span,
    #[serde(with = "span_text")]
    pub dead_letter_retention: Span,
    pub modality: BTreeMap<String, String>,
    pub epochs: BTreeMap<String, u32>,
}

impl Default for TopicsSection {
    fn default() -> Self {
        let names = crate::shell::wire::Topics::default();
        Self {
            encounters: names.encounters,
            predictions: names.predictions,
            fused_scores: names.fused_scores,
            availability: names.availability,
            dead_letters: names.dead_letters,
            state_score: "latefusion-state-score".to_owned(),
            state_fuse: "latefusion-state-fuse".to_owned(),
            partitions: 8,
            replication: None,
            min_insync_replicas: None,
            retention: Span::days(14),
            dead_letter_retention: Span::days(30),
            modality: BTreeMap::new(),
            epochs: BTreeMap::new(),
        }
    }
}

/// The shipped sets of defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProfileName {
    /// Monitors.
    Ward,
    /// Charted data.
    Hourly,
}

/// `[lanes]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct LanesSection {
    pub app: String,
    pub instance: String,
    pub profile: ProfileName,
    pub workers: usize,
    #[serde(with = "span_text")]
    pub heartbeat: Span,
    #[serde(with = "span_text")]
    pub commit_interval: Span,
    pub commit_records: usize,
    #[serde(with = "span_text")]
    pub checkpoint_interval: Span,
    #[serde(with = "span_text")]
    pub retry_for: Span,
    #[serde(with = "span_text")]
    pub grace: Span,
    pub batch: usize,
    #[serde(with = "span_text")]
    pub idle_after: Span,
    #[serde(with = "span_text")]
    pub max_clock_skew: Span,
    pub max_payload_bytes: usize,
    pub max_patients: usize,
    pub max_observations: usize,
    pub max_history: usize,
    pub dead_letter_bytes: usize,
}

impl Default for LanesSection {
    fn default() -> Self {
        Self {
            app: "latefusion".to_owned(),
            instance: "0".to_owned(),
            profile: ProfileName::Ward,
            workers: 1,
            heartbeat: Span::seconds(1),
            commit_interval: Span::millis(20),
            commit_records: 10_000,
            checkpoint_interval: Span::seconds(30),
            retry_for: Span::minutes(1),
            grace: Span::seconds(10),
            batch: 1_024,
            idle_after: Span::seconds(10),
            max_clock_skew: Span::minutes(5),
            max_payload_bytes: MAX_PAYLOAD_BYTES,
            max_patients: 2_000_000,
            max_observations: 512,
            max_history: 4_096,
            dead_letter_bytes: crate::shell::wire::Limits::default().payload,
        }
    }
}

/// `[models]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelsSection {
    /// A folder of packages, watched while running; `None`: the scorers that ship.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// `[models.<modality>]`; a modality that is not there has what its folder says, else its reference scorer.
    #[serde(flatten)]
    pub of: BTreeMap<String, ModelChoice>,
}

/// `[models.<modality>]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct ModelChoice {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<String>,
    /// Several with commas between.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow: Option<String>,
}

/// `[fusion]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct FusionSection {
    /// `None`: the shipped package of the profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package_file: Option<PathBuf>,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    /// The name in the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// `[telemetry]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct TelemetrySection {
    pub listen: String,
    pub metrics: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otlp_endpoint: Option<String>,
    pub otlp_ratio: f64,
    pub log_format: LogFormat,
    pub log_level: LogLevel,
}

impl Default for TelemetrySection {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:9464".to_owned(),
            metrics: true,
            otlp_endpoint: None,
            otlp_ratio: 0.1,
            log_format: LogFormat::Text,
            log_level: LogLevel::Info,
        }
    }
}

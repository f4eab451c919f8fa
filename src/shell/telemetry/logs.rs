//! Where log lines go: standard error, as text or JSON.

use crate::shell::config::{LogFormat, TelemetrySection};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Starts logging; a second call changes nothing.
pub fn start(telemetry: &TelemetrySection) {
    // The client library logs what it also reports; its own words count from warnings on.
    let filter =
        EnvFilter::new(format!("{},librdkafka=warn,rdkafka=warn", telemetry.log_level.name()));
    // Colours are for a person's terminal, and not for one who asks for none (https://no-color.org).
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(wanted && std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // An error says that somebody else logs already.
    let _already = match telemetry.log_format {
        LogFormat::Text => lines.with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
}

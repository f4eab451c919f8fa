//! What the values of a configuration must be.

use super::Config;
use crate::fuse::package::Mistake;
use crate::modality::Registry;
use crate::shell::bus::kafka::{Mechanism, Security};
use crate::types::Span;

impl Config {
    /// Every mistake in the values; the files that they name are not looked at.
    pub fn mistakes(&self) -> Vec<Mistake> {
        let registry = Registry::shipped();
        let mut found = self.kafka_mistakes();
        found.extend(self.security_mistakes());
        found.extend(self.topic_mistakes(&registry));
        found.extend(self.lane_mistakes());
        found.extend(self.model_mistakes(&registry));
        found.extend(self.telemetry_mistakes());
        found
    }

    fn telemetry_mistakes(&self) -> Vec<Mistake> {
        let telemetry = &self.telemetry;
        let mut found = Vec::new();
        let mut require = |holds: bool, key: &str, expected: &str| {
            if !holds {
                found.push(Mistake::new(format!("telemetry.{key}"), expected));
            }
        };
        let address = telemetry.listen.parse::<std::net::SocketAddr>().is_ok();
        require(address, "listen", "must be an address and a port, such as `127.0.0.1:9464`");
        let is_url = |url: &String| {
            let rest = url.strip_prefix("http://").unwrap_or_default();
            !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic()) && !rest.starts_with('/')
        };
        let endpoint = telemetry.otlp_endpoint.as_ref().is_none_or(is_url);
        require(endpoint, "otlp_endpoint", "must begin with `http://` and name a host");
        let ratio = (0.0..=1.0).contains(&telemetry.otlp_ratio);
        require(ratio, "otlp_ratio", "must be within 0..=1");
        found
    }

    fn kafka_mistakes(&self) -> Vec<Mistake> {
        let kafka = &self.kafka;
        let mut found = Vec::new();
        let mut require = |holds: bool, key: &str, expected: &str| {
            if !holds {
                found.push(Mistake::new(format!("kafka.{key}"), expected));
            }
        };
        let is_address = |text: &str| {
            let port = text.trim().rsplit_once(':').filter(|(host, _)| !host.is_empty());
            port.is_some_and(|(_, port)| port.parse::<u16>().is_ok())
        };
        let brokers = kafka.brokers.split(',').all(is_address);
        require(brokers, "brokers", "must be `host:port`, or several with commas between");
        require(kafka.session_timeout >= Span::seconds(1), "session_timeout", "must be 1s or more");
        let polls = kafka.max_poll_interval > kafka.patience;
        require(polls, "max_poll_interval", "must be longer than `kafka.patience`");
        let transactions = kafka.transaction_timeout >= Span::seconds(1)
            && kafka.transaction_timeout <= Span::minutes(15);
        require(transactions, "transaction_timeout", "must be between 1s and 15min");
        require(kafka.patience >= Span::seconds(1), "patience", "must be 1s or more");
        require(kafka.record_bytes >= 65_536, "record_bytes", "must be 65536 or more");
        require(kafka.poll_records > 0, "poll_records", "must be above 0");
        for name in kafka.extra.keys().filter(|name| is_secret(name)) {
            let expected = "a secret must not stand in this file: use `kafka.password_file`, `key_password_file` or \
                            `token_file`";
            require(false, &format!("extra.\"{name}\""), expected);
        }
        found
    }

    fn security_mistakes(&self) -> Vec<Mistake> {
        let kafka = &self.kafka;
        let mut found = Vec::new();
        let mut require = |holds: bool, key: &str, expected: &str| {
            if !holds {
                found.push(Mistake::new(format!("kafka.{key}"), expected));
            }
        };
        let sasl = matches!(kafka.security, Security::SaslPlaintext | Security::SaslTls);
        let tls = matches!(kafka.security, Security::Tls | Security::SaslTls);
        let token = kafka.mechanism == Some(Mechanism::OauthBearer);
        require(
            sasl == kafka.mechanism.is_some(),
            "mechanism",
            "is needed with `security = \"sasl_...\"`, and only there",
        );
        let (by_password, password_rule) =
            (sasl && !token, "is needed with PLAIN and SCRAM, and only there");
        require(by_password == kafka.username.is_some(), "username", password_rule);
        require(by_password == kafka.password_file.is_some(), "password_file", password_rule);
        require(
            (sasl && token) == kafka.token_file.is_some(),
            "token_file",
            "is needed with OAUTHBEARER, and only there",
        );
        for (key, file) in [
            ("ca_file", &kafka.ca_file),
            ("certificate_file", &kafka.certificate_file),
            ("key_file", &kafka.key_file),
        ] {
            require(
                tls || file.is_none(),
                key,
                "is used with `security = \"tls\"` or \"sasl_tls\"",
            );
        }
        let pair = kafka.certificate_file.is_some() == kafka.key_file.is_some();
        require(pair, "key_file", "is needed with `certificate_file`, and only there");
        let of_key = kafka.key_password_file.is_none() || kafka.key_file.is_some();
        require(of_key, "key_password_file", "is used only with `key_file`");
        found
    }

    fn lane_mistakes(&self) -> Vec<Mistake> {
        let lanes = &self.lanes;
        let mut found = Vec::new();
        let mut require = |holds: bool, key: &str, expected: &str| {
            if !holds {
                found.push(Mistake::new(format!("lanes.{key}"), expected));
            }
        };
        let word = "must be 1 to 100 of the characters a-z A-Z 0-9 . _ -";
        let is_word = |text: &str| {
            let legal = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
            (1..=100).contains(&text.len()) && text.bytes().all(legal)
        };
        require(is_word(&lanes.app), "app", word);
        require(is_word(&lanes.instance), "instance", word);
        require((1..=256).contains(&lanes.workers), "workers", "must be within 1..=256");
        let heartbeat = Span::millis(10) <= lanes.heartbeat && lanes.heartbeat <= Span::seconds(1);
        require(heartbeat, "heartbeat", "must be between 10ms and 1s: fusion's clock counts on it");
        let commits = lanes.commit_interval <= Span::seconds(5);
        require(commits, "commit_interval", "must be 5s at most");
        let checkpoints = lanes.checkpoint_interval >= Span::seconds(1)
            && lanes.checkpoint_interval <= Span::hours(1);
        require(checkpoints, "checkpoint_interval", "must be between 1s and 1h");
        require(lanes.grace.is_positive(), "grace", "must be above 0s");
        require(lanes.retry_for.is_positive(), "retry_for", "must be above 0s");
        require(lanes.idle_after.is_positive(), "idle_after", "must be above 0s");
        require(lanes.max_clock_skew.is_positive(), "max_clock_skew", "must be above 0s");
        let payload = 1..=crate::modality::json::MAX_PAYLOAD_BYTES;
        require(
            payload.contains(&lanes.max_payload_bytes),
            "max_payload_bytes",
            &format!("must be within 1..={}, which the decoders read at most", payload.end()),
        );
        for (key, value) in [
            ("commit_records", lanes.commit_records),
            ("batch", lanes.batch),
            ("max_patients", lanes.max_patients),
            ("max_observations", lanes.max_observations),
            ("max_history", lanes.max_history),
            ("dead_letter_bytes", lanes.dead_letter_bytes),
        ] {
            require(value > 0, key, "must be above 0");
        }
        found
    }
}

/// Whether a client setting holds a secret, by its name.
fn is_secret(name: &str) -> bool {
    let words = ["password", "secret", "token", "pem", "sasl.oauthbearer.config", "jaas"];
    words.iter().any(|word| name.contains(word)) && !name.ends_with(".url")
}

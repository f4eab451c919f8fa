//! How to reach the brokers, and what the clients are told.

use super::figures::ClientFigures;
use crate::shell::bus::{Guarantee, Worker};
use crate::types::{Span, span_text};
use rdkafka::ClientConfig;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// A transactional producer's connection on which nothing was said for as long is closed, and opened again when it is needed.
const IDLE_CONNECTION: Span = Span::seconds(3);

/// How the connection is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// Nothing: neither encrypted nor authenticated.
    #[default]
    Plaintext,
    /// TLS; a client certificate authenticates, where there is one.
    Tls,
    /// A password or token over an unencrypted connection.
    SaslPlaintext,
    /// A password or token over TLS.
    SaslTls,
}

/// How a password or token is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mechanism {
    /// User and password as they are.
    #[serde(rename = "PLAIN")]
    Plain,
    /// User and password, challenged.
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// User and password, challenged.
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
    /// A token from a file.
    #[serde(rename = "OAUTHBEARER")]
    OauthBearer,
}

/// Everything that the Kafka bus is told. `Debug` masks secrets.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KafkaSettings {
    /// Bootstrap addresses, `host:port,...`.
    pub brokers: String,
    /// How the connection is protected.
    pub security: Security,
    /// How a password or token is presented; only with SASL.
    pub mechanism: Option<Mechanism>,
    /// The user; PLAIN and SCRAM.
    pub username: Option<String>,
    /// The password; PLAIN and SCRAM.
    pub password: Option<String>,
    /// The authorities (PEM) that the brokers' certificates are checked against; `None`: the system's.
    pub ca_file: Option<PathBuf>,
    /// The client's certificate (PEM).
    pub certificate_file: Option<PathBuf>,
    /// The client's key (PEM).
    pub key_file: Option<PathBuf>,
    /// The password of the key file.
    pub key_password: Option<String>,
    /// The file that holds the OAUTHBEARER token; read again every 48 s, so that somebody else may renew it.
    pub token_file: Option<PathBuf>,
    /// A member whose heartbeats stay away for longer loses its partitions. Kafka's default of 45 s makes a crash cost a minute.
    #[serde(with = "span_text")]
    pub session_timeout: Span,
    /// A worker that does not poll for longer loses its partitions. Longer than `patience`, so that a slow commit does not cost them.
    #[serde(with = "span_text")]
    pub max_poll_interval: Span,
    /// A transaction open for longer is aborted by the broker: as long does a dead worker hold back readers.
    #[serde(with = "span_text")]
    pub transaction_timeout: Span,
    /// How long one call waits for brokers that are away.
    #[serde(with = "span_text")]
    pub patience: Span,
    /// The largest record, in bytes of key, payload and headers.
    pub record_bytes: usize,
    /// The most records that one poll brings.
    pub poll_records: usize,
    /// Any other librdkafka setting; wins over all above.
    pub extra: BTreeMap<String, String>,
    /// What all clients made from these settings measure.
    #[serde(skip)]
    pub figures: ClientFigures,
}

impl Default for KafkaSettings {
    fn default() -> Self {
        Self {
            brokers: "localhost:9092".to_owned(),
            security: Security::Plaintext,
            mechanism: None,
            username: None,
            password: None,
            ca_file: None,
            certificate_file: None,
            key_file: None,
            key_password: None,
            token_file: None,
            session_timeout: Span::seconds(6),
            max_poll_interval: Span::seconds(60),
            transaction_timeout: Span::seconds(10),
            patience: Span::seconds(30),
            record_bytes: 1_000_000,
            poll_records: 1_000,
            extra: BTreeMap::new(),
            figures: ClientFigures::default(),
        }
    }
}

impl fmt::Debug for KafkaSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let masked = |secret: &Option<String>| secret.as_ref().map(|_| "***");
        let secret_name = |name: &str| {
            ["password", "secret", "token", "pem", "sasl.oauthbearer.config", "jaas"]
                .iter()
                .any(|word| name.contains(word))
        };
        let extra: BTreeMap<&str, &str> = (self.extra.iter())
            .map(|(name, value)| (&**name, if secret_name(name) { "***" } else { value }))
            .collect();
        f.debug_struct("KafkaSettings")
            .field("brokers", &self.brokers)
            .field("security", &self.security)
            .field("mechanism", &self.mechanism)
            .field("username", &self.username)
            .field("password", &masked(&self.password))
            .field("ca_file", &self.ca_file)
            .field("certificate_file", &self.certificate_file)
            .field("key_file", &self.key_file)
            .field("key_password", &masked(&self.key_password))
            .field("token_file", &self.token_file)
            .field("session_timeout", &self.session_timeout)
            .field("max_poll_interval", &self.max_poll_interval)
            .field("transaction_timeout", &self.transaction_timeout)
            .field("patience", &self.patience)
            .field("record_bytes", &self.record_bytes)
            .field("poll_records", &self.poll_records)
            .field("extra", &extra)
            .finish()
    }
}

impl KafkaSettings {
    /// What every client is told.
    pub(super) fn client(&self, id: &str) -> ClientConfig {
        let request_millis = self.transaction_timeout.as_millis().clamp(1_000, 10_000);
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", id)
            .set(
                "security.protocol",
                match self.security {
                    Security::Plaintext => "plaintext",
                    Security::Tls => "ssl",
                    Security::SaslPlaintext => "sasl_plaintext",
                    Security::SaslTls => "sasl_ssl",
                },
            )
            .set("reconnect.backoff.ms", "50")
            // The default of 10 s would add to every outage.
            .set("reconnect.backoff.max.ms", "1000")
            // A request to a broker that hangs is given up and sent again; the default of 60 s is a lane's whole patience.
            // A client whose transactions may not last as long as a request is refused.
            .set("socket.timeout.ms", request_millis.to_string())
            .set("socket.keepalive.enable", "true")
            .set("allow.auto.create.topics", "false");
        let mechanism = self.mechanism.map(|mechanism| match mechanism {
            Mechanism::Plain => "PLAIN",
            Mechanism::ScramSha256 => "SCRAM-SHA-256",
            Mechanism::ScramSha512 => "SCRAM-SHA-512",
            Mechanism::OauthBearer => "OAUTHBEARER",
        });
        let path = |path: &Option<PathBuf>| path.as_ref().map(|p| p.display().to_string());
        let optional = [
            ("sasl.mechanism", mechanism.map(str::to_owned)),
            ("sasl.username", self.username.clone()),
            ("sasl.password", self.password.clone()),
            ("ssl.ca.location", path(&self.ca_file)),
            ("ssl.certificate.location", path(&self.certificate_file)),
            ("ssl.key.location", path(&self.key_file)),
            ("ssl.key.password", self.key_password.clone()),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                config.set(name, value);
            }
        }
        config
    }

    fn with_extra(&self, mut config: ClientConfig, consumer: bool) -> ClientConfig {
        for (name, value) in &self.extra {
            // librdkafka warns of a setting given to the wrong kind of client.
            let consumers = ["fetch.", "queued.", "group.", "max.poll", "check.crcs"];
            let producers = ["queue.buffering", "linger.", "batch.", "compression.", "message."];
            let wrong = if consumer { &producers[..] } else { &consumers[..] };
            if !wrong.iter().any(|prefix| name.starts_with(prefix)) {
                config.set(name, value);
            }
        }
        config
    }

    /// The member of the group.
    ///
    /// `cooperative-sticky`: a rebalance stops only the lanes that move. With an eager assignor every member would drop and restore
    /// all its lanes each time anybody comes or goes. The classic group protocol, so that brokers before 4.0 do as well.
    pub(super) fn consumer(&self, worker: &Worker) -> ClientConfig {
        let mut config = self.reader(worker, true);
        config
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", self.session_timeout.as_millis().to_string())
            // Also how soon a member hears of a rebalance.
            .set("heartbeat.interval.ms", (self.session_timeout.as_millis() / 6).to_string())
            .set("max.poll.interval.ms", self.max_poll_interval.as_millis().to_string())
            .set("statistics.interval.ms", "500");
        self.with_extra(config, true)
    }

    /// A reader that belongs to no group. It carries the group's name all the same: librdkafka asks for one before it assigns, and
    /// this one the worker may use.
    pub(super) fn reader(&self, worker: &Worker, committed: bool) -> ClientConfig {
        let mut config = self.client(&worker.id);
        config
            .set("group.id", &worker.group)
            .set("isolation.level", if committed { "read_committed" } else { "read_uncommitted" })
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("enable.partition.eof", "true")
            .set("fetch.wait.max.ms", "100")
            // Past queued.min.messages fetching stops for this long; the default of 1 s costs five sixths of the throughput.
            .set("fetch.queue.backoff.ms", "2")
            .set("queued.min.messages", "20000")
            .set("queued.max.messages.kbytes", "16384");
        self.with_extra(config, true)
    }

    /// A producer; with a `transactional.id` for transactions.
    pub(super) fn producer(&self, worker: &Worker, transactional_id: Option<&str>) -> ClientConfig {
        let mut config = self.client(&worker.id);
        // The wire format needs some bytes more than key, payload and headers.
        let message_bytes = self.record_bytes + 1_024;
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("partitioner", "murmur2_random")
            .set("compression.type", "lz4")
            // Long enough for all records of a commit to go into one request a partition: librdkafka's broker thread spins on a full
            // core for as long as some are in flight and more than five others wait (measured: 9 times the CPU time at 1 ms).
            .set("linger.ms", "5")
            // For telemetry alone.
            .set("statistics.interval.ms", "5000")
            .set("message.max.bytes", message_bytes.to_string())
            .set("queue.buffering.max.messages", "100000")
            .set("queue.buffering.max.kbytes", "65536")
            .set("topic.metadata.propagation.max.ms", "10000");
        match transactional_id {
            Some(id) => {
                config
                    .set("transactional.id", id)
                    .set("transaction.timeout.ms", self.transaction_timeout.as_millis().to_string())
                    // `send_offsets_to_transaction` asks three times within half a second where the group's coordinator is, and then
                    // again only when a connection goes down or up: with none of that it never returns, whatever its timeout.
                    .set("connections.max.idle.ms", IDLE_CONNECTION.as_millis().to_string());
            }
            None => {
                // What is appended must be a gapless prefix: a record neither times out by itself nor is skipped.
                config.set("enable.gapless.guarantee", "true").set("message.timeout.ms", "0");
            }
        }
        self.with_extra(config, false)
    }

    /// The `transactional.id` of the producer that writes outputs, and of the one that writes checkpoints.
    pub(super) fn transactional_ids(worker: &Worker) -> (Option<String>, String) {
        match worker.guarantee {
            Guarantee::Transactional => (Some(worker.id.clone()), worker.id.clone()),
            Guarantee::Idempotent => (None, format!("{}-checkpoint", worker.id)),
        }
    }
}

#[cfg(test)]
mod tests;

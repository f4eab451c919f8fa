//! What librdkafka tells us on the side: errors, statistics, rebalances, acknowledgements.

use super::figures::ClientFigures;
use super::settings::{KafkaSettings, Mechanism};
use super::statistics::Statistics;
use crate::shell::bus::{Change, TopicPartition};
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{DeliveryResult, ProducerContext};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a token is taken to live; librdkafka asks again after four fifths of it. The broker holds to the token's own end.
const TOKEN_LIFETIME: Duration = Duration::from_secs(60);

/// What one client said.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Changes of the assignment, not yet handed on.
    pub(super) changes: Vec<Change>,
    /// The newest error's text.
    pub(super) last_error: Option<String>,
    /// An error that no waiting heals: wrong password, wrong certificate.
    pub(super) hopeless: Option<String>,
    /// Records acknowledged since the count was last set to zero.
    pub(super) delivered: usize,
    /// The first failed delivery.
    pub(super) failed_delivery: Option<(RDKafkaErrorCode, String)>,
    /// The newest statistics and when they came.
    pub(super) statistics: Option<(Instant, Statistics)>,
    /// The newest statistics as librdkafka wrote them.
    pub(super) statistics_json: Vec<u8>,
}

/// The context of one client.
#[derive(Clone, Debug)]
pub(super) struct Context {
    notes: Arc<Mutex<Notes>>,
    token_file: Option<PathBuf>,
    figures: ClientFigures,
}

impl Context {
    pub(super) fn new(settings: &KafkaSettings) -> Self {
        let token_file = (settings.mechanism == Some(Mechanism::OauthBearer))
            .then(|| settings.token_file.clone());
        let figures = settings.figures.clone();
        Self { notes: Arc::default(), token_file: token_file.flatten(), figures }
    }

    pub(super) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // Nothing else names the topic that a transaction was refused for; the others of it were then `not attempted`.
        if facility == "ADDPARTS" && !message.ends_with("not attempted") {
            self.notes().last_error = Some(message.to_owned());
        }
        match level {
            RDKafkaLogLevel::Debug | RDKafkaLogLevel::Info => {
                tracing::debug!(target: "kafka", facility, message);
            }
            // librdkafka repeats what the error callback says; that one is the warning.
            _ => tracing::info!(target: "kafka", facility, message),
        }
    }

    fn stats_raw(&self, json: &[u8]) {
        let mut notes = self.notes();
        if let Ok(statistics) = serde_json::from_slice(json) {
            self.figures.take(&statistics);
            notes.statistics = Some((Instant::now(), statistics));
        }
        notes.statistics_json.clear();
        notes.statistics_json.extend_from_slice(json);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        // The end of a partition is no trouble, and `all brokers are down` says less than the error before it.
        if let Some(RDKafkaErrorCode::AllBrokersDown | RDKafkaErrorCode::PartitionEOF) = code {
            return;
        }
        self.figures.failed(code);
        let hopeless = match code {
            Some(RDKafkaErrorCode::Authentication) => true,
            // A handshake can also fail because the broker went away in the middle of it.
            Some(RDKafkaErrorCode::SSL) => reason.contains("certificate"),
            _ => false,
        };
        let mut notes = self.notes();
        // Every broker connection reports for itself, twice over.
        if notes.last_error.as_deref() != Some(reason) {
            tracing::warn!(target: "kafka", reason, "connection trouble");
        }
        notes.last_error = Some(reason.to_owned());
        if hopeless {
            notes.hopeless.get_or_insert_with(|| reason.to_owned());
        }
    }

    fn generate_oauth_token(
        &self,
        _configuration: Option<&str>,
    ) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        let file = self.token_file.as_ref().ok_or("OAUTHBEARER needs token_file")?;
        let token = std::fs::read_to_string(file)
            .map_err(|error| format!("cannot read the token file {}: {error}", file.display()))?;
        let until = SystemTime::now().duration_since(UNIX_EPOCH)? + TOKEN_LIFETIME;
        Ok(OAuthToken {
            token: token.trim().to_owned(),
            principal_name: "latefusion".to_owned(),
            lifetime_ms: i64::try_from(until.as_millis())?,
        })
    }
}

impl ConsumerContext for Context {
    /// Accepts an assignment without reading anything: a partition is given to the fetchers when it is started, at the offset that
    /// its restored state wants. (Assigning and pausing it would fetch the committed offset first, and fail where there is none.)
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        kind: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let places: Vec<TopicPartition> = (partitions.elements().iter())
            .map(|element| TopicPartition::new(element.topic(), element.partition() as u32))
            .collect();
        let answer = match kind {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                if !places.is_empty() {
                    self.notes().changes.push(Change::Assigned(places));
                }
                consumer.incremental_assign(&TopicPartitionList::new())
            }
            _ => {
                let started = started(consumer, &places);
                if !places.is_empty() {
                    self.notes().changes.push(Change::Revoked(places));
                }
                consumer.incremental_unassign(&started)
            }
        };
        if let Err(error) = answer {
            tracing::warn!(target: "kafka", %error, "rebalance");
            self.notes().last_error = Some(error.to_string());
        }
    }
}

/// Those of `places` that were given to the fetchers.
fn started(consumer: &BaseConsumer<Context>, places: &[TopicPartition]) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    if let Ok(assignment) = consumer.assignment() {
        for place in places {
            if assignment.find_partition(&place.topic, place.partition as i32).is_some() {
                list.add_partition(&place.topic, place.partition as i32);
            }
        }
    }
    list
}

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _opaque: ()) {
        use rdkafka::Message;
        let mut notes = self.notes();
        match result {
            Ok(_) => notes.delivered += 1,
            Err((error, message)) => {
                let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
                let topic = message.topic().to_owned();
                notes.failed_delivery.get_or_insert((code, topic));
            }
        }
    }
}

//! What the clients measure of their connections, for telemetry.

use super::statistics::Statistics;
use rdkafka::error::RDKafkaErrorCode as Code;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a client that has not spoken for as long measured is over.
const LIVE: Duration = Duration::from_secs(15);

/// Kinds of errors, in the order of [`ClientFigures::errors`].
pub const ERROR_KINDS: [&str; 6] =
    ["transport", "timeout", "authentication", "tls", "fatal", "other"];

/// All clients made from the same settings; clones share it.
#[derive(Clone, Debug, Default)]
pub struct ClientFigures(Arc<Mutex<Inner>>);

/// Every handle is as good as any other: settings that differ in nothing else are the same.
impl PartialEq for ClientFigures {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for ClientFigures {}

#[derive(Debug, Default)]
struct Inner {
    errors: [u64; ERROR_KINDS.len()],
    /// By the client's own name.
    clients: BTreeMap<String, Client>,
}

#[derive(Debug)]
struct Client {
    told: Instant,
    queued: u64,
    /// Seconds by broker.
    round_trips: BTreeMap<i32, f64>,
}

impl ClientFigures {
    /// Errors since the start, by [`ERROR_KINDS`].
    pub fn errors(&self) -> [u64; ERROR_KINDS.len()] {
        self.guard().errors
    }

    /// Records not acknowledged yet, all producers together.
    pub fn queued(&self) -> u64 {
        self.guard().living().map(|client| client.queued).sum()
    }

    /// Mean round trip to each broker in seconds over the last few seconds, the slowest client's.
    pub fn round_trips(&self) -> BTreeMap<i32, f64> {
        let mut slowest: BTreeMap<i32, f64> = BTreeMap::new();
        for (broker, seconds) in self.guard().living().flat_map(|client| &client.round_trips) {
            let known = slowest.entry(*broker).or_default();
            *known = known.max(*seconds);
        }
        slowest
    }

    pub(super) fn failed(&self, code: Option<Code>) {
        let kind = match code {
            Some(Code::BrokerTransportFailure | Code::Resolve | Code::AllBrokersDown) => 0,
            Some(Code::OperationTimedOut | Code::RequestTimedOut | Code::MessageTimedOut) => 1,
            Some(Code::Authentication | Code::SaslAuthenticationFailed) => 2,
            Some(Code::SSL) => 3,
            Some(Code::Fatal) => 4,
            _ => 5,
        };
        self.guard().errors[kind] += 1;
    }

    pub(super) fn take(&self, statistics: &Statistics) {
        let mut inner = self.guard();
        inner.clients.retain(|_, client| client.told.elapsed() < LIVE);
        let client = Client {
            told: Instant::now(),
            queued: statistics.queued(),
            round_trips: statistics.round_trips(),
        };
        inner.clients.insert(statistics.client().to_owned(), client);
    }

    fn guard(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn living(&self) -> impl Iterator<Item = &Client> {
        self.clients.values().filter(|client| client.told.elapsed() < LIVE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_add_up_and_the_slowest_round_trip_counts() {
        let figures = ClientFigures::default();
        for (name, queued, micros) in [("a#producer-1", 3, 1_500), ("b#producer-2", 4, 900)] {
            let text = format!(
                r#"{{"name": "{name}", "msg_cnt": {queued}, "brokers": {{
                    "k:9092/7": {{"nodeid": 7, "source": "learned", "state": "UP", "rxidle": 1, "rtt": {{"avg": {micros}, "cnt": 2}}}},
                    "k:9092/bootstrap": {{"nodeid": -1, "source": "configured", "state": "UP", "rxidle": 1}}}}}}"#
            );
            figures.take(&serde_json::from_str(&text).expect("statistics"));
        }
        assert_eq!(figures.queued(), 7);
        assert_eq!(figures.round_trips(), BTreeMap::from([(7, 0.0015)]));
        figures.failed(Some(Code::BrokerTransportFailure));
        figures.failed(None);
        assert_eq!(figures.errors(), [1, 0, 0, 0, 0, 1]);
    }
}

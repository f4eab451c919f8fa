//! The writing side: one idempotent producer, with transactions or without.

use super::context::{Context, Notes};
use super::errors::{self, Remedy, remedy};
use super::native::{base_record, list};
use super::nudge::Nudge;
use super::settings::KafkaSettings;
use crate::shell::bus::{BusError, Outgoing, TopicPartition, Worker};
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::{BaseProducer, Producer, PurgeConfig};
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

/// How long one blocking transaction call may take before it is made again.
const SLICE: Duration = Duration::from_secs(2);
/// How long to sleep between two looks at the acknowledgements. `flush` and `commit_transaction` look every 100 ms.
const LOOK_EVERY: Duration = Duration::from_micros(100);

/// One producer.
pub(super) struct Sink {
    producer: Arc<BaseProducer<Context>>,
    /// Of a producer with transactions.
    nudge: Option<Nudge>,
    /// As whom it writes, for error texts.
    name: String,
    patience: Duration,
}

/// How a transaction failed.
pub(super) enum Failure {
    /// It was aborted; the producer goes on. With what is to be changed first, if anything.
    Aborted(Remedy, String),
    /// It is over or its outcome is unknown; the producer is of no use any more.
    Lost(String),
}

impl Sink {
    /// Creates a producer and, with a `transactional.id`, takes over the id: whoever held it is fenced.
    pub(super) fn connect(
        settings: &KafkaSettings,
        worker: &Worker,
        transactional_id: Option<&str>,
    ) -> Result<Self, BusError> {
        let name = transactional_id.unwrap_or(&worker.id).to_owned();
        let what = format!("cannot create producer {name}");
        let failed = |error: KafkaError| errors::bus_error(&what, &error, &Notes::default());
        let producer: BaseProducer<Context> = (settings.producer(worker, transactional_id))
            .create_with_context(Context::new(settings))
            .map_err(failed)?;
        let producer = Arc::new(producer);
        let nudge =
            transactional_id.map(|_| Nudge::of(&producer)).transpose().map_err(|error| {
                BusError::Restart(format!("{what}: no thread can be started ({error}); try again"))
            })?;
        let patience = Duration::from_millis(settings.patience.as_millis().max(0) as u64);
        let sink = Self { producer, nudge, name, patience };
        if transactional_id.is_some() {
            sink.take_over()?;
        }
        Ok(sink)
    }

    pub(super) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.producer.context().notes()
    }

    fn take_over(&self) -> Result<(), BusError> {
        let what = format!("producer {} cannot take over its transactional.id", self.name);
        let deadline = Instant::now() + self.patience;
        loop {
            let Err(error) = self.producer.init_transactions(SLICE) else { return Ok(()) };
            self.serve();
            let waiting = retriable(&error) && self.notes().hopeless.is_none();
            if !waiting || Instant::now() > deadline {
                return Err(errors::bus_error(&what, &error, &self.notes()));
            }
        }
    }

    /// Serves callbacks without waiting.
    pub(super) fn serve(&self) {
        self.producer.poll(Duration::ZERO);
    }

    // ---- records --------------------------------------------------------------------------------------------------

    /// Sends records in order and waits until the brokers have acknowledged every one.
    pub(super) fn append<'a>(
        &self,
        records: impl Iterator<Item = &'a Outgoing>,
        mut meanwhile: impl FnMut(),
    ) -> Result<(), (Code, String)> {
        {
            let mut notes = self.notes();
            notes.delivered = 0;
            notes.failed_delivery = None;
        }
        let deadline = Instant::now() + self.patience;
        let mut sent = 0;
        for record in records {
            self.send(record, deadline)?;
            sent += 1;
        }
        loop {
            let before = self.delivered()?;
            if before == sent {
                return Ok(());
            }
            self.serve();
            if self.delivered()? == before {
                if Instant::now() > deadline {
                    let waited =
                        format!("{} of {sent} records are not acknowledged", sent - before);
                    return Err((Code::OperationTimedOut, waited));
                }
                meanwhile();
                std::thread::sleep(LOOK_EVERY);
            }
        }
    }

    fn delivered(&self) -> Result<usize, (Code, String)> {
        let notes = self.notes();
        match &notes.failed_delivery {
            Some((code, topic)) => {
                Err((*code, format!("a record for topic `{topic}` was refused")))
            }
            None => Ok(notes.delivered),
        }
    }

    fn send(&self, outgoing: &Outgoing, deadline: Instant) -> Result<(), (Code, String)> {
        loop {
            let error = match self.producer.send(base_record(outgoing)) {
                Ok(()) => return Ok(()),
                Err((error, _)) => error.rdkafka_error_code().unwrap_or(Code::Fail),
            };
            if error != Code::QueueFull || Instant::now() > deadline {
                return Err((
                    error,
                    format!("a record for topic `{}` was not sent", outgoing.topic),
                ));
            }
            self.serve();
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// The error of a failed append outside of transactions: part of it may stand, so the producer is done with.
    pub(super) fn append_failed(&self, (code, text): (Code, String)) -> BusError {
        let text = self.text(&text, code);
        match remedy(code) {
            Remedy::Change => BusError::Stop(text),
            _ => BusError::Restart(text),
        }
    }

    fn text(&self, what: &str, code: Code) -> String {
        let fatal = self.producer.client().fatal_error();
        let (code, reason) =
            fatal.map_or((code, String::new()), |(code, text)| (code, format!(" ({text})")));
        errors::text(&format!("producer {}: {what}{reason}", self.name), code, &self.notes())
    }

    // ---- transactions ---------------------------------------------------------------------------------------------

    /// One transaction: records and, with the group's metadata, offsets. All of it becomes visible or none.
    pub(super) fn transaction<'a>(
        &self,
        records: impl Iterator<Item = &'a Outgoing>,
        offsets: &[(TopicPartition, i64)],
        membership: impl FnOnce() -> Option<ConsumerGroupMetadata>,
    ) -> Result<(), Failure> {
        self.producer.begin_transaction().map_err(|error| self.failed("cannot begin", &error))?;
        if let Err((code, text)) = self.append(records, || {}) {
            let (code, text) = self.reason(code, text);
            return Err(self.abort(code, &text));
        }
        if !offsets.is_empty() {
            let list = list(offsets.iter().map(|(place, offset)| (place, *offset)));
            let (Ok(list), Some(membership)) = (list, membership()) else {
                return Err(self.abort(Code::AssignmentLost, "offsets not committed"));
            };
            self.insist("offsets not committed", || {
                let _until_it_returns = self.nudge.as_ref().map(Nudge::watch);
                self.producer.send_offsets_to_transaction(&list, &membership, SLICE)
            })?;
        }
        self.insist("transaction not committed", || self.producer.commit_transaction(SLICE))
    }

    /// Of records that a failed transaction has swept away the client says only that; the transaction itself knows what failed it.
    fn reason(&self, code: Code, text: String) -> (Code, String) {
        if !matches!(code, Code::PurgeQueue | Code::PurgeInflight) {
            return (code, text);
        }
        // What has failed cannot be committed any more: this only asks.
        match self.producer.commit_transaction(SLICE) {
            Err(KafkaError::Transaction(error)) if error.txn_requires_abort() => {
                (error.code(), "the transaction was refused".to_owned())
            }
            _ => (code, text),
        }
    }

    /// Makes a call again for as long as the client says that it may be made again: however often, it has one outcome.
    fn insist(
        &self,
        what: &str,
        mut call: impl FnMut() -> Result<(), KafkaError>,
    ) -> Result<(), Failure> {
        let deadline = Instant::now() + self.patience;
        loop {
            let Err(error) = call() else { return Ok(()) };
            self.serve();
            if !retriable(&error) || Instant::now() > deadline {
                return Err(self.failed(what, &error));
            }
        }
    }

    fn failed(&self, what: &str, error: &KafkaError) -> Failure {
        let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
        match error {
            KafkaError::Transaction(e) if e.txn_requires_abort() => self.abort(code, what),
            // Before the end was asked for, an abort settles it; after, only the coordinator knows, and it refuses the abort.
            KafkaError::Transaction(e) if e.is_retriable() && !e.is_fatal() => {
                self.abort(code, what)
            }
            _ => Failure::Lost(self.text(what, code)),
        }
    }

    /// Aborts. Whatever was not delivered has to be thrown away first, or the abort waits for it.
    fn abort(&self, code: Code, what: &str) -> Failure {
        let text = self.text(what, code);
        if self.producer.client().fatal_error().is_some() {
            return Failure::Lost(text);
        }
        self.producer.purge(PurgeConfig::default().queue().inflight());
        let deadline = Instant::now() + self.patience;
        while self.producer.in_flight_count() > 0 && Instant::now() < deadline {
            self.serve();
            std::thread::sleep(LOOK_EVERY);
        }
        loop {
            let Err(error) = self.producer.abort_transaction(SLICE) else {
                return Failure::Aborted(remedy(code), text);
            };
            self.serve();
            if !retriable(&error) && remedy(code) == Remedy::Change {
                // The coordinator knows nothing of a transaction that it has refused; and nobody goes on with this producer.
                return Failure::Aborted(Remedy::Change, text);
            }
            let conflict = error.rdkafka_error_code() == Some(Code::Conflict);
            if conflict || !retriable(&error) || Instant::now() > deadline {
                let why = error.rdkafka_error_code().unwrap_or(Code::Fail);
                let what = format!("{what} ({code}), and the transaction could not be aborted");
                return Failure::Lost(self.text(&what, why));
            }
        }
    }
}

fn retriable(error: &KafkaError) -> bool {
    matches!(error, KafkaError::Transaction(e) if e.is_retriable() && !e.is_fatal() && !e.txn_requires_abort())
}

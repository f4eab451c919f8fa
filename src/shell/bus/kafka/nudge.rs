//! Wakes a call that librdkafka may have forgotten.
//!
//! `send_offsets_to_transaction` asks three times within half a second where the coordinators are, and then again only when a connection
//! goes down or up. Idle connections are closed soon (`connections.max.idle.ms`), which is such a change; but a broker that hangs again
//! and again leaves no connection that could still go down, and the call would never return, whatever timeout it was given. Asking for
//! metadata makes a connection.

use super::context::Context;
use rdkafka::producer::{BaseProducer, Producer};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// A call that takes longer is nudged: above what it takes by itself when a broker answers slowly.
const LONG: Duration = Duration::from_secs(3);
/// Between two looks, and for how long an answer is waited for.
const EVERY: Duration = Duration::from_millis(500);

/// Since when the call has been under way.
type Since = Arc<Mutex<Option<Instant>>>;

/// A thread that watches the calls of one producer; it ends with the producer.
pub(super) struct Nudge(Since);

/// While it lives, a call is under way.
pub(super) struct Watch<'a>(&'a Since);

impl Nudge {
    /// # Errors
    /// No thread can be started.
    pub(super) fn of(producer: &Arc<BaseProducer<Context>>) -> std::io::Result<Self> {
        let (producer, since) = (Arc::downgrade(producer), Since::default());
        let seen = since.clone();
        std::thread::Builder::new()
            .name("nudge".to_owned())
            .spawn(move || run(&producer, &seen))?;
        Ok(Self(since))
    }

    pub(super) fn watch(&self) -> Watch<'_> {
        *locked(&self.0) = Some(Instant::now());
        Watch(&self.0)
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        *locked(self.0) = None;
    }
}

fn locked(since: &Since) -> MutexGuard<'_, Option<Instant>> {
    since.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run(producer: &Weak<BaseProducer<Context>>, since: &Since) {
    while producer.strong_count() > 0 {
        std::thread::sleep(EVERY);
        let takes_long = locked(since).is_some_and(|since| since.elapsed() > LONG);
        if !takes_long {
            continue;
        }
        if let Some(producer) = producer.upgrade() {
            // Whether it is answered or not: the attempt is what counts.
            let answered = producer.client().fetch_metadata(None, EVERY).is_ok();
            tracing::info!(target: "kafka", answered, "a transaction takes long: the broker was asked for metadata");
        }
    }
}

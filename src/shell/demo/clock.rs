//! The clock of a stream that does not run at the wall clock's speed.

use crate::shell::driver::Clock;
use crate::types::{IngestTime, ScorerClock};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// Stands still until it is moved: the scorers' clock in a demo, so that no clock runs ahead of the records.
#[derive(Debug)]
pub struct StreamClock {
    now: AtomicI64,
    started: Instant,
}

impl StreamClock {
    /// At an instant of the stream.
    pub fn at(now: IngestTime) -> Self {
        Self { now: AtomicI64::new(now.as_millis()), started: Instant::now() }
    }

    /// Moves it forward; never back.
    pub fn advance(&self, to: IngestTime) {
        self.now.fetch_max(to.as_millis(), Ordering::SeqCst);
    }
}

impl Clock for StreamClock {
    fn now(&self) -> ScorerClock {
        ScorerClock::from_millis(self.now.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

//! Making a call to a bus again while it says that it may be made again.

use super::bus::BusError;
use std::time::{Duration, Instant};

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// Calls until there is an answer, but tries no further once `patience` has passed.
///
/// # Errors
/// As the call's last.
pub fn insist<T>(
    patience: Duration,
    mut call: impl FnMut() -> Result<T, BusError>,
) -> Result<T, BusError> {
    let began = Instant::now();
    loop {
        match call() {
            Err(BusError::Retry(_)) if began.elapsed() < patience => std::thread::sleep(PAUSE),
            done => return done,
        }
    }
}

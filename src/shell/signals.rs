//! SIGTERM and SIGINT: the first drains, the second exits at once.

use super::driver::StopFlag;
use std::io;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info};

/// What a draining process may take beyond its grace for leaving the group.
const LEAVING: Duration = Duration::from_secs(5);

/// Listens on a thread of its own: tells `stop` at the first signal, and ends the process at the second, or when `grace` and the
/// time for leaving have passed.
///
/// # Errors
/// The system's, where it lets nobody listen.
pub fn drain_on_term(stop: &StopFlag, grace: Duration) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut term, mut interrupt) = {
        let _entered = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
    };
    let stop = stop.clone();
    let listen = move || {
        runtime.block_on(async move {
            let told = async || {
                tokio::select! { _ = term.recv() => 15, _ = interrupt.recv() => 2 }
            };
            let mut told = told;
            told().await;
            info!(grace_seconds = grace.as_secs(), "told to stop: draining; again: exit at once");
            stop.stop();
            match tokio::time::timeout(grace + LEAVING, told()).await {
                Ok(signal) => std::process::exit(128 + signal),
                Err(_) => {
                    error!(
                        "not drained within the grace: the next start goes on from the last commit"
                    );
                    std::process::exit(1);
                }
            }
        });
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(listen)?;
    Ok(())
}

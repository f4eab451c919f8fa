//! Health: `/live` (no worker has given up) and `/ready` (every worker is at work, restored and activated, and none is draining).
//! Neither asks Kafka anything.

use crate::shell::bus::TopicPartition;
use crate::shell::driver::{Phase, RunState, WorkerStatus};
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// A worker that has had no partition for so long stands by: there are more workers than partitions.
const STANDBY_AFTER: Duration = Duration::from_secs(15);

/// One line for each worker that is not as it should be; `strict`: for readiness.
pub(super) fn wrong(
    workers: &[WorkerStatus],
    restoring: &[(TopicPartition, i64)],
    elapsed: Duration,
    strict: bool,
) -> Vec<String> {
    let mut lines = Vec::new();
    for status in workers {
        let who = format!("{} {}", status.role, status.worker);
        if let RunState::Failed(why) = &status.state {
            lines.push(format!("{who} has given up: {why}"));
        } else if strict {
            lines.extend(
                not_ready(status, elapsed).map(|why| format!("{who} is not at work: {why}")),
            );
        }
    }
    if strict {
        let lanes = restoring.iter().map(|(place, remaining)| {
            format!("{place} is being restored: {remaining} records to go")
        });
        lines.extend(lanes);
        if workers.is_empty() {
            lines.push("no worker has started yet".to_owned());
        }
    }
    lines
}

fn not_ready(status: &WorkerStatus, elapsed: Duration) -> Option<String> {
    match status.state {
        RunState::Connecting => Some(status.trouble.clone().unwrap_or("connecting".to_owned())),
        RunState::Draining => Some("draining".to_owned()),
        RunState::Stopped => Some("stopped".to_owned()),
        RunState::Failed(_) => None,
        RunState::Running => {
            let restoring = status.lanes.iter().find(|lane| lane.phase == Phase::Restoring);
            let since = status.since.unwrap_or(elapsed);
            let waits = !status.was_assigned && elapsed.saturating_sub(since) < STANDBY_AFTER;
            let waits = waits.then(|| "waiting for its first partitions".to_owned());
            let restoring = restoring.map(|lane| format!("{} is being restored", lane.place));
            status.trouble.clone().or(restoring).or(waits)
        }
    }
}

/// Asks a process for its health: whether it is well, and what it said.
///
/// # Errors
/// The system's, where nothing answers in time.
pub fn ask(listen: &str, path: &str, patience: Duration) -> io::Result<(bool, String)> {
    let mut addresses = listen.to_socket_addrs()?;
    let mut address = addresses.next().ok_or(io::ErrorKind::AddrNotAvailable)?;
    if address.ip().is_unspecified() {
        address.set_ip([127, 0, 0, 1].into());
    }
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut text = String::new();
    stream.take(4 << 20).read_to_string(&mut text)?;
    let ok = text.starts_with("HTTP/1.1 200");
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok((ok, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::driver::{Counts, LaneStatus};

    fn worker(state: RunState, phase: Phase) -> WorkerStatus {
        let lane = LaneStatus {
            place: TopicPartition::new("predictions", 0),
            phase,
            next_offset: 0,
            committed: 0,
            lag: None,
            caught_up: false,
            idle: false,
            engine: None,
            counts: Counts::default(),
        };
        WorkerStatus {
            role: "fuse".to_owned(),
            worker: 0,
            state,
            restarts: 0,
            trouble: None,
            since: Some(Duration::ZERO),
            was_assigned: true,
            lanes: vec![lane],
        }
    }

    #[test]
    fn only_a_worker_at_work_with_restored_lanes_is_ready() {
        let ready = |status: &WorkerStatus| {
            wrong(std::slice::from_ref(status), &[], Duration::from_secs(1), true).is_empty()
        };
        assert!(ready(&worker(RunState::Running, Phase::Running)));
        for state in [RunState::Connecting, RunState::Draining, RunState::Stopped] {
            let status = worker(state, Phase::Running);
            assert!(!ready(&status), "{status:?}");
            assert!(wrong(&[status], &[], Duration::ZERO, false).is_empty(), "it is alive");
        }
        assert!(!ready(&worker(RunState::Running, Phase::Restoring)));
        let mut new = worker(RunState::Running, Phase::Running);
        (new.was_assigned, new.lanes) = (false, Vec::new());
        assert!(!ready(&new), "it waits for its first partitions");
        let later = wrong(&[new], &[], STANDBY_AFTER, true);
        assert!(later.is_empty(), "there are more workers than partitions: {later:?}");
    }

    #[test]
    fn a_worker_that_gave_up_is_neither_alive_nor_ready() {
        let failed = [worker(RunState::Failed("no topic".to_owned()), Phase::Running)];
        for strict in [false, true] {
            let told = wrong(&failed, &[], Duration::ZERO, strict).join("\n");
            assert!(told.contains("no topic"), "{told}");
        }
    }

    #[test]
    fn a_restore_keeps_a_process_from_being_ready() {
        let restoring = [(TopicPartition::new("vitals", 3), 41)];
        let workers = [worker(RunState::Running, Phase::Running)];
        let told = wrong(&workers, &restoring, Duration::ZERO, true).join("\n");
        assert!(told.contains("vitals[3]") && told.contains("41"), "{told}");
        assert!(wrong(&workers, &restoring, Duration::ZERO, false).is_empty());
    }
}

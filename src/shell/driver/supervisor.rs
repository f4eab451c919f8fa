//! A thread for each worker, kept alive: connect, run, and after trouble connect again, ever more slowly.

use super::status::{LaneStatus, RunState, WorkerStatus};
use super::worker::{Turn, Worker};
use super::{Clock, Pace, Pipeline, Role};
use crate::shell::bus::{Bus, BusError};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tracing::{error, info, warn};

/// How often a worker tells the board.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// A role and how many workers it gets in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crew {
    /// The role.
    pub role: Role,
    /// Its workers, one thread and one connection each.
    pub workers: usize,
}

/// Tells every worker to stop, and wakes those that pause.
#[derive(Clone, Debug, Default)]
pub struct StopFlag(Arc<(Mutex<bool>, Condvar)>);

impl StopFlag {
    /// From now on workers drain and end.
    pub fn stop(&self) {
        *self.guard() = true;
        self.0.1.notify_all();
    }

    /// True once told to stop.
    pub fn is_set(&self) -> bool {
        *self.guard()
    }

    /// Waits, but not past the moment of being told to stop; true if told.
    pub fn wait(&self, longest: Duration) -> bool {
        let guard = self.guard();
        let waited = self.0.1.wait_timeout_while(guard, longest, |stop| !*stop);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn guard(&self) -> MutexGuard<'_, bool> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What all workers say of themselves; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<Vec<WorkerStatus>>>);

impl Board {
    /// A board that says this, for a crew that somebody else runs.
    pub fn of(workers: Vec<WorkerStatus>) -> Self {
        Self(Arc::new(Mutex::new(workers)))
    }

    /// As of at most a second or two ago.
    pub fn workers(&self) -> Vec<WorkerStatus> {
        self.guard().clone()
    }

    fn guard(&self) -> MutexGuard<'_, Vec<WorkerStatus>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, role: String, worker: usize) -> usize {
        let mut all = self.guard();
        let (state, lanes) = (RunState::Connecting, Vec::new());
        let (trouble, since, was_assigned) = (None, None, false);
        all.push(WorkerStatus {
            role,
            worker,
            state,
            restarts: 0,
            trouble,
            since,
            was_assigned,
            lanes,
        });
        all.len() - 1
    }

    fn change(&self, at: usize, change: impl FnOnce(&mut WorkerStatus)) {
        if let Some(status) = self.guard().get_mut(at) {
            change(status);
        }
    }
}

/// A worker that could not go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{role}, worker {worker}: {why}")]
pub struct RunError {
    /// Its role.
    pub role: String,
    /// Its ordinal.
    pub worker: usize,
    /// What happened, to what, and what to do.
    pub why: String,
}

/// Runs every worker of the crews on a thread of its own until `stop`, or until all have failed. A worker that cannot go on
/// ends alone: the others carry on without it, as modalities do.
///
/// `connect` is given role and ordinal of a worker; [`Role::membership`] says how it must present itself.
///
/// # Errors
/// The workers that ended because somebody has to change something.
pub fn run_roles<B: Bus>(
    pipeline: &Arc<Pipeline>,
    crews: &[Crew],
    connect: impl Fn(Role, usize) -> Result<B, BusError> + Sync,
    clock: &Arc<dyn Clock>,
    stop: &StopFlag,
    board: &Board,
) -> Result<(), Vec<RunError>> {
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for crew in crews {
            for worker in 0..crew.workers {
                let (connect, failed, role) = (&connect, &failed, crew.role);
                let name = role.name(&pipeline.names);
                let at = board.enter(name.clone(), worker);
                let (pipeline, clock) = (pipeline.clone(), clock.clone());
                let keeper = Keeper { pipeline, role, clock, stop, board, at };
                let body = move || {
                    if let Err(why) = keeper.keep(&|| connect(role, worker)) {
                        let error = RunError { role: keeper.name(), worker, why };
                        failed.lock().unwrap_or_else(PoisonError::into_inner).push(error);
                    }
                };
                let thread = std::thread::Builder::new().name(format!("{name}-{worker}"));
                if let Err(error) = thread.spawn_scoped(scope, body) {
                    let why = format!(
                        "no thread could be started ({error}): allow more threads or run fewer workers"
                    );
                    board.change(at, |status| status.state = RunState::Failed(why.clone()));
                    let error = RunError { role: name, worker, why };
                    failed.lock().unwrap_or_else(PoisonError::into_inner).push(error);
                }
            }
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    if failed.is_empty() { Ok(()) } else { Err(failed) }
}

/// Keeps one worker alive.
struct Keeper<'a> {
    pipeline: Arc<Pipeline>,
    role: Role,
    clock: Arc<dyn Clock>,
    stop: &'a StopFlag,
    board: &'a Board,
    /// Its line on the board.
    at: usize,
}

impl Keeper<'_> {
    fn name(&self) -> String {
        self.role.name(&self.pipeline.names)
    }

    fn state(&self, state: RunState) {
        self.board.change(self.at, |status| status.state = state);
    }

    fn trouble(&self, why: Option<&str>) {
        self.board.change(self.at, |status| status.trouble = why.map(str::to_owned));
    }

    /// Until told to stop; `Err`: it cannot go on.
    fn keep<B: Bus>(&self, connect: &dyn Fn() -> Result<B, BusError>) -> Result<(), String> {
        let mut pause = Pause::new(&self.pipeline.pace);
        while !self.stop.is_set() {
            self.state(RunState::Connecting);
            let began = self.clock.elapsed();
            let lived = catch_unwind(AssertUnwindSafe(|| self.live(connect)));
            let why = match lived {
                Ok(Ok(())) => break,
                Ok(Err(BusError::Stop(why))) => {
                    error!(role = self.name(), %why, "worker ended");
                    self.state(RunState::Failed(why.clone()));
                    return Err(why);
                }
                Ok(Err(BusError::Retry(why) | BusError::Rewind(why) | BusError::Restart(why))) => {
                    why
                }
                Err(panic) => format!("it panicked: {}; please report this", text_of(&*panic)),
            };
            warn!(role = self.name(), %why, "worker starts again");
            self.board.change(self.at, |status| {
                status.restarts += 1;
                status.trouble = Some(why);
                status.lanes.clear();
                (status.since, status.was_assigned) = (None, false);
            });
            if self.clock.elapsed().saturating_sub(began) > self.pipeline.pace.retry_for {
                pause = Pause::new(&self.pipeline.pace);
            }
            self.stop.wait(pause.next());
        }
        self.state(RunState::Stopped);
        Ok(())
    }

    /// From connecting to the end of the connection.
    fn live<B: Bus>(&self, connect: &dyn Fn() -> Result<B, BusError>) -> Result<(), BusError> {
        let mut bus = connect()?;
        let mut worker = Worker::new(self.pipeline.clone(), self.role, self.clock.clone());
        let since = Some(self.clock.elapsed());
        self.board.change(self.at, |status| {
            (status.state, status.since) = (RunState::Running, since);
        });
        info!(role = self.name(), "worker runs");
        let served = self.serve(&mut worker, &mut bus);
        bus.close();
        served
    }

    fn serve(&self, worker: &mut Worker, bus: &mut dyn Bus) -> Result<(), BusError> {
        let pace = self.pipeline.pace;
        let mut pause = Pause::brief(&pace);
        let mut told: Option<Duration> = None;
        let mut warned = false;
        while !self.stop.is_set() {
            let began = self.clock.elapsed();
            let turn = worker.turn(bus)?;
            let elapsed = self.clock.elapsed();
            if let Turn::Retry(why) = &turn {
                self.trouble(Some(why));
                self.stop.wait(pause.next());
            } else {
                pause = Pause::brief(&pace);
            }
            // A bus that does not wait would have this thread spin.
            if turn == Turn::Quiet && elapsed.saturating_sub(began) < pace.poll_wait / 8 {
                self.stop.wait(pace.poll_wait / 8);
            }
            if told.is_none_or(|told| elapsed.saturating_sub(told) >= TELL_EVERY) {
                told = Some(elapsed);
                self.tell(worker, matches!(turn, Turn::Retry(_)), &mut warned);
            }
        }
        self.drain(worker, bus)
    }

    fn tell(&self, worker: &Worker, in_trouble: bool, warned: &mut bool) {
        let lanes = worker.lanes();
        let dormant = lanes.iter().find(|lane| lane.is_not_activated()).map(|lane| {
            format!(
                "{} holds no activation of a fusion package, so nothing is fused: run `latefusion activate`",
                lane.place
            )
        });
        if let Some(why) = dormant.as_deref().filter(|_| !*warned) {
            warn!(role = self.name(), why, "not activated");
        }
        *warned = dormant.is_some();
        self.board.change(self.at, |status| {
            status.was_assigned |= !lanes.is_empty();
            status.lanes = lanes;
            if !in_trouble {
                status.trouble = dormant;
            }
        });
    }

    fn drain(&self, worker: &mut Worker, bus: &mut dyn Bus) -> Result<(), BusError> {
        self.state(RunState::Draining);
        let pace = self.pipeline.pace;
        let until = self.clock.elapsed() + pace.grace;
        let drained = loop {
            match worker.drain(bus) {
                Ok(true) => break true,
                Ok(false) if self.clock.elapsed() < until => std::thread::sleep(pace.back_off[0]),
                Ok(false) => break false,
                Err(error) => {
                    warn!(role = self.name(), %error, "stopped without a last commit");
                    break false;
                }
            }
        };
        let lanes: Vec<LaneStatus> = worker.lanes();
        info!(role = self.name(), drained, lanes = lanes.len(), "worker stopped");
        self.board.change(self.at, |status| status.lanes = lanes);
        Ok(())
    }
}

/// Pauses that double.
struct Pause {
    next: Duration,
    longest: Duration,
}

impl Pause {
    fn new(pace: &Pace) -> Self {
        let [next, longest] = pace.back_off;
        Self { next, longest }
    }

    /// Between rounds: one lane that waits for a transaction to end must not hold up the others for long.
    fn brief(pace: &Pace) -> Self {
        Self { next: pace.back_off[0], longest: pace.back_off[0] * 5 }
    }

    fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.longest);
        pause
    }
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text")
}

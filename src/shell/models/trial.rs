//! A package tried in a process of its own: whatever a hostile file does there, it does not do here.

use super::inspect::Findings;
use rustix::process::{Resource, Rlimit, setrlimit};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Memory that a trial may map, in bytes.
pub const MEMORY: u64 = 2 << 30;
/// Processor seconds that a trial may use.
pub const CPU_SECONDS: u64 = 30;
/// How long a trial may take, on a machine however busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// How much of what a trial says is kept.
const MOST_WORDS: u64 = 64 << 10;

/// How packages are tried: a program that answers `model check --trial DIR` with [`Findings`] as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    program: PathBuf,
}

/// What a trial came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It ended and told what it found.
    Told(Findings),
    /// It ended by a signal, a limit or the clock, or could not begin; the text says which.
    Died(String),
}

impl Trial {
    /// Trials by this program.
    pub fn by(program: PathBuf) -> Self {
        Self { program }
    }

    /// Trials by the program that runs.
    ///
    /// # Errors
    /// The program does not know its own file.
    pub fn by_this_program() -> std::io::Result<Self> {
        std::env::current_exe().map(Self::by)
    }

    /// Tries a package.
    pub fn run(&self, package: &Path) -> Verdict {
        let mut command = Command::new(&self.program);
        command.args(["model", "check", "--trial"]).arg(package);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        // One thread: each further one maps memory of its own.
        command.env("RTEN_NUM_THREADS", "1");
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => return Verdict::Died(format!("the trial cannot begin: {error}")),
        };
        // Read beside the waiting, so that a talkative child does not block.
        let said = child.stdout.take().map(|out| std::thread::spawn(move || words(out)));
        let ended = wait(&mut child);
        let said = said.and_then(|reader| reader.join().ok()).unwrap_or_default();
        match ended {
            Ok(Some(0 | 1)) => serde_json::from_slice(&said).map_or_else(
                |error| Verdict::Died(format!("the trial answered what is no finding: {error}")),
                Verdict::Told,
            ),
            Ok(Some(code)) => Verdict::Died(format!("the trial ended with code {code}")),
            Ok(None) => Verdict::Died(format!(
                "the trial was killed: the file asks for more than {} MiB of memory or {CPU_SECONDS} s of a processor, or crashes \
                 the runtime; do not use it",
                MEMORY >> 20
            )),
            Err(why) => Verdict::Died(why),
        }
    }
}

/// Sets the limits of a trial for this process.
///
/// # Errors
/// The system does not let it.
pub fn limit_this_process() -> std::io::Result<()> {
    let limit = |most| Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(Resource::As, limit(MEMORY))?;
    setrlimit(Resource::Cpu, limit(CPU_SECONDS))?;
    // A crash is expected here; nobody wants its memory on disk.
    setrlimit(Resource::Core, limit(0))?;
    Ok(())
}

fn words(out: impl Read) -> Vec<u8> {
    let mut said = Vec::new();
    // What was read before a failure is kept.
    let _read = out.take(MOST_WORDS).read_to_end(&mut said);
    said
}

/// The exit code; `None`: it ended by a signal.
fn wait(child: &mut Child) -> Result<Option<i32>, String> {
    let began = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status.code()),
            Ok(None) if began.elapsed() > PATIENCE => {
                // It may have ended in between; either way it is gone.
                let _killed = child.kill();
                let _waited = child.wait();
                return Err(format!("the trial took longer than {} s", PATIENCE.as_secs()));
            }
            Ok(None) => std::thread::sleep(Duration::from_millis(5)),
            Err(error) => return Err(format!("the trial cannot be waited for: {error}")),
        }
    }
}

//! The deployment files on a real broker; `--skip kafka::` leaves them out as it does the other tests that need one.

mod rights;
mod stack;
mod wire;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// For anything that should happen soon, on a machine that is busy with other tests.
const LONGEST: Duration = Duration::from_secs(120);

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("it listens").port()
}

/// The program with a configuration.
fn latefusion(config: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_latefusion"));
    command.args(words).env("LATEFUSION_CONFIG", config).env_remove("LATEFUSION_INSTANCE");
    command
}

/// A child that does not outlive the test, and the file that holds what it wrote to standard error.
struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    fn start(command: &mut Command, log: PathBuf) -> Self {
        let file = std::fs::File::create(&log).expect("the folder is there");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        Self { child: command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")), log }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// SIGTERM, and how long it then took to exit 0.
    fn end(&mut self) -> Duration {
        let began = Instant::now();
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(sent.expect("kill can be run").success());
        let status = wait_for("its end", || self.child.try_wait().expect("it is our child"));
        assert!(status.success(), "{status}\n{}", self.log());
        began.elapsed()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _it_has_ended_already = self.child.kill();
        let _its_code_was_looked_at = self.child.wait();
    }
}

/// Asks until there is an answer.
fn wait_for<T>(what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = answer() {
            return answer;
        }
        assert!(began.elapsed() < LONGEST, "waited {LONGEST:?} for {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What a command printed; it must succeed.
fn succeeded(what: &str, output: &Output) -> String {
    let text = super::tools::both(output);
    assert!(output.status.success(), "{what}: {text}");
    text
}

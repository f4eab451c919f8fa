//! No wait without a bound, and none that ends without saying what was awaited.

use crate::seeds::say;
use std::io::{Read, Seek};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// Watches over a stretch of a test until it is dropped.
pub(crate) struct Watch {
    /// Its end tells the thread that it is over.
    _alive: Sender<()>,
}

/// Ends the whole test run, naming what was awaited, where this is not dropped within the bound: nothing less ends a call into
/// librdkafka that does not return.
pub(crate) fn watch_over(what: &str, bound: Duration) -> Watch {
    let (alive, gone): (Sender<()>, Receiver<()>) = channel();
    let what = what.to_owned();
    std::thread::spawn(move || {
        if gone.recv_timeout(bound) == Err(RecvTimeoutError::Timeout) {
            say(format_args!("still waiting after {bound:?}: {what}; the test run ends here"));
            std::process::exit(101);
        }
    });
    Watch { _alive: alive }
}

/// How a command ended, and what it printed.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command to its end. It writes to files: whoever waits for the end of a pipe waits for every grandchild that holds it.
pub(crate) fn run(command: &mut Command, bound: Duration) -> Ended {
    let what = format!("{command:?}");
    let file = || tempfile::tempfile().expect("a temporary file can be made");
    let (mut stdout, mut stderr) = (file(), file());
    let copy = |file: &std::fs::File| Stdio::from(file.try_clone().expect("it is open"));
    let child = (command.stdin(Stdio::null()).stdout(copy(&stdout)).stderr(copy(&stderr))).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{what} cannot be run: {error}"));
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("it is a child") {
            break Some(status);
        }
        if began.elapsed() > bound {
            let _it_may_have_ended = (child.kill(), child.wait());
            break None;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let mut texts = [&mut stdout, &mut stderr].map(|file| {
        let mut bytes = Vec::new();
        let read = file.rewind().and_then(|()| file.read_to_end(&mut bytes));
        read.expect("what was written can be read");
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let [stdout, stderr] = texts.each_mut().map(std::mem::take);
    let status = status.unwrap_or_else(|| panic!("{what} did not end within {bound:?}: {stderr}"));
    Ended { status, stdout, stderr }
}

//! The roles as processes of their own, to be killed. None outlives this one.

use crate::kafka::bounds::{Ended, run};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_latefusion");

/// For one command of the program.
const LONGEST: Duration = Duration::from_secs(120);

/// Runs a command of the program to its end, which must be a good one.
pub(super) fn latefusion(config: &Path, arguments: &[&str]) -> String {
    let command = &mut Command::new(PROGRAM);
    let Ended { status, stdout, stderr } =
        run(command.args(arguments).arg("--config").arg(config), LONGEST);
    assert!(status.success(), "latefusion {arguments:?}: {stdout}{stderr}");
    stdout
}

/// One process of one role.
pub(super) struct Process {
    pub(super) name: String,
    role: Vec<String>,
    instance: String,
    folder: PathBuf,
    child: Option<Child>,
    starts: u32,
}

impl Process {
    /// Starts `latefusion run ROLE --instance INSTANCE` with the configuration `latefusion.toml` of a folder.
    pub(super) fn start(folder: &Path, role: &str, instance: &str) -> Self {
        let name = format!("{}-{instance}", role.replace(' ', "-"));
        let role = role.split(' ').map(str::to_owned).collect();
        let (instance, folder) = (instance.to_owned(), folder.to_path_buf());
        let mut process = Self { name, role, instance, folder, child: None, starts: 0 };
        process.restart();
        process
    }

    pub(super) fn restart(&mut self) {
        assert!(self.child.is_none(), "{} runs", self.name);
        self.starts += 1;
        let log = self.folder.join(format!("{}-{}.log", self.name, self.starts));
        let child = Command::new(PROGRAM)
            .arg("run")
            .args(&self.role)
            .args(["--instance", &self.instance])
            .arg("--config")
            .arg(self.folder.join("latefusion.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(log).expect("the folder is there"))
            .spawn()
            .expect("the program can be run");
        guard(child.id());
        self.child = Some(child);
    }

    /// Sends a signal: `STOP`, `CONT`, `TERM`.
    pub(super) fn signal(&self, signal: &str) {
        if let Some(child) = &self.child {
            let (signal, id) = (format!("-{signal}"), child.id().to_string());
            let _it_may_have_ended = Command::new("kill").args([signal, id]).status();
        }
    }

    /// Resident memory in KiB; 0 where it does not run.
    pub(super) fn resident_kib(&self) -> u64 {
        let Some(child) = &self.child else { return 0 };
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
        let text = status.unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
    }

    /// kill -9.
    pub(super) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _it_may_have_ended = child.kill();
            let _nobody_asks = child.wait();
        }
    }

    /// SIGTERM, and an exit with 0 within the grace.
    pub(super) fn leave(&mut self) {
        self.signal("TERM");
        let began = Instant::now();
        let Some(child) = &mut self.child else { return };
        while began.elapsed() < Duration::from_secs(30) {
            if let Some(status) = child.try_wait().expect("it is a child") {
                assert!(status.success(), "{} ended with {status}: {}", self.name, self.tail());
                self.child = None;
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{} does not leave: {}", self.name, self.tail());
    }

    /// Fails where it has ended by itself.
    pub(super) fn expect_alive(&mut self) {
        let Some(child) = &mut self.child else { return };
        if let Some(status) = child.try_wait().expect("it is a child") {
            panic!("{} ended by itself with {status}: {}", self.name, self.tail());
        }
    }

    /// What it has logged since it was started last.
    pub(super) fn log(&self) -> String {
        let log = self.folder.join(format!("{}-{}.log", self.name, self.starts));
        std::fs::read_to_string(log).unwrap_or_default()
    }

    fn tail(&self) -> String {
        let text = self.log();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            super::say(format_args!("--- {}\n{}", self.name, self.tail()));
        }
        self.kill();
    }
}

/// Kills a child when this process ends without having done so.
fn guard(child: u32) {
    let parent = std::process::id();
    let watch = format!(
        "while kill -0 {parent} && kill -0 {child}; do sleep 1; done; kill -0 {parent} || kill -9 {child}"
    );
    let guard = Command::new("sh")
        .args(["-c", &watch])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("there is a shell");
    std::thread::spawn(move || { guard }.wait());
}

/// How often the logs of all processes hold each word.
pub(super) fn count_in_logs(folder: &Path, words: &[&str]) -> Vec<usize> {
    let files = std::fs::read_dir(folder).expect("the folder is there").flatten();
    let logs = files.filter(|file| file.path().extension().is_some_and(|e| e == "log"));
    let texts: Vec<String> = logs.flat_map(|log| std::fs::read_to_string(log.path())).collect();
    words.iter().map(|word| texts.iter().map(|text| text.matches(word).count()).sum()).collect()
}

//! Brokers for the tests: one that all share, and some to be ill-treated. They die with this process.

use super::bounds::{Ended, run};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

/// For one command of `kafka.sh`; a start takes 2 s where the machine is quiet, the first one ever fetches the broker.
const LONGEST: Duration = Duration::from_secs(180);

/// A running cluster, as `tests/kafka/kafka.sh` describes it.
pub(crate) struct Cluster {
    lines: BTreeMap<String, String>,
    /// Whether this process started it and ends it.
    own: bool,
}

/// The one that all tests share; it starts with the first that asks. `KAFKA_BROKERS` names another.
pub(crate) fn shared() -> &'static Cluster {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    SHARED.get_or_init(|| Cluster::start(&[]))
}

fn script() -> Command {
    let script: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "tests", "kafka", "kafka.sh"].iter().collect();
    Command::new(script)
}

impl Cluster {
    /// Starts a cluster, or fails loudly.
    pub(crate) fn start(options: &[&str]) -> Self {
        let watched = std::process::id().to_string();
        let start = &mut script();
        let Ended { status, stdout, stderr } =
            run(start.args(["start", "--watch-pid", &watched]).args(options), LONGEST);
        assert!(
            status.success(),
            "NO KAFKA BROKER CAN BE HAD, and these tests need one. Install Java 17 and Maven (scripts/bootstrap.sh kafka), or set \
             KAFKA_BROKERS=host:port, or leave them out with --skip kafka::\n{stderr}"
        );
        let pairs = stdout.lines().filter_map(|line| line.split_once('='));
        let lines: BTreeMap<String, String> =
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let own = lines.contains_key("DIR");
        Self { lines, own }
    }

    /// One of the printed values, such as `BOOTSTRAP`.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.lines
            .get(name)
            .unwrap_or_else(|| panic!("kafka.sh printed no {name}: {:?}", self.lines))
    }

    /// Whether this process started it.
    pub(crate) fn is_own(&self) -> bool {
        self.own
    }

    /// `pause`, `resume`, `kill9`, `start`, `stop`, `restart`.
    pub(crate) fn command(&self, command: &str) {
        let ended = run(script().args([command, self.get("DIR")]), LONGEST);
        assert!(ended.status.success(), "kafka.sh {command}: {}: {}", ended.status, ended.stderr);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.own {
            let _the_watcher_does_it_otherwise =
                script().args(["delete", self.get("DIR")]).output();
        }
    }
}

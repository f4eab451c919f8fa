//! A Prometheus of the test's own: fresh folder, free port, short intervals, the rules of the repository.

use super::files::Files;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// One series of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Series {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) value: f64,
}

/// A process that ends with its owner.
pub(super) struct Process(pub(super) Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _gone = self.0.kill();
        let _ended = self.0.wait();
    }
}

/// A running Prometheus.
pub(super) struct Prometheus {
    address: String,
    _process: Process,
    _folder: TempDir,
}

impl Prometheus {
    /// Scrapes these targets as the job `latefusion`; everything happens once in `seconds`.
    pub(super) fn start(files: &Files, targets: &[String], seconds: u32) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        files.write_to(folder.path());
        let mut config = format!(
            "global: {{scrape_interval: {seconds}s, evaluation_interval: {seconds}s}}\nrule_files:\n"
        );
        for (path, _) in files.in_folder("deploy/prometheus/rules/", ".yml") {
            let _ok = writeln!(config, "  - {path}");
        }
        let targets = serde_json::to_string(targets).expect("plain data");
        let _ok = writeln!(
            config,
            "scrape_configs:\n  - {{job_name: latefusion, static_configs: [{{targets: {targets}}}]}}"
        );
        fs::write(folder.path().join("prometheus.yml"), config).expect("a file");
        let address = format!("127.0.0.1:{}", free_port());
        let log = fs::File::create(folder.path().join("log")).expect("a file");
        let process = Command::new("prometheus")
            .current_dir(folder.path())
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=warn"])
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        let process = Process(process.expect("prometheus was there"));
        let prometheus = Self { address, _process: process, _folder: folder };
        wait_for("prometheus", Duration::from_secs(60), || {
            get(&prometheus.address, "/-/ready").is_some()
        });
        prometheus
    }

    /// Asks for the present value; what it says of a query that it does not take.
    pub(super) fn query(&self, query: &str) -> Result<Vec<Series>, String> {
        let answer = self.ask(&format!("/api/v1/query?query={}", escaped(query)));
        if answer["status"] != "success" {
            return Err(answer["error"].to_string());
        }
        let result = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        let series = result.iter().map(|one| Series {
            labels: one["metric"]
                .as_object()
                .map(|labels| {
                    labels
                        .iter()
                        .map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default().to_owned()))
                        .collect()
                })
                .unwrap_or_default(),
            value: one["value"][1].as_str().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN),
        });
        Ok(series.collect())
    }

    /// Every rule as Prometheus sees it.
    pub(super) fn rules(&self) -> Vec<Value> {
        let answer = self.ask("/api/v1/rules");
        let groups = answer["data"]["groups"].as_array().cloned().unwrap_or_default();
        groups
            .iter()
            .flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default())
            .collect()
    }

    /// Names of the alerts that fire now, each with the modality that it is about.
    pub(super) fn firing(&self) -> Vec<(String, String)> {
        let series = self.query(r#"ALERTS{alertstate="firing"}"#).unwrap_or_default();
        let label = |of: &Series, name: &str| of.labels.get(name).cloned().unwrap_or_default();
        series.iter().map(|one| (label(one, "alertname"), label(one, "modality"))).collect()
    }

    fn ask(&self, path: &str) -> Value {
        let body = get(&self.address, path).unwrap_or_default();
        serde_json::from_str(&body).unwrap_or_default()
    }
}

/// A port that was free a moment ago.
pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it has an address").port()
}

/// Asks again and again.
pub(super) fn wait_for(
    what: &str,
    patience: Duration,
    mut is_so: impl FnMut() -> bool,
) -> Duration {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < patience, "{what}: not within {patience:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
    started.elapsed()
}

/// The body of an answer of 200; HTTP/1.0, so that it ends with the connection.
pub(super) fn get(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.lines().next()?.contains(" 200").then(|| body.to_owned())
}

fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' => escaped.push(byte.into()),
            _ => {
                let _ok = write!(escaped, "%{byte:02X}");
            }
        }
        escaped
    })
}

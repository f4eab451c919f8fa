//! The panel walk: a live pipeline, fed by the simulated ward, scraped by a fresh Prometheus that is asked every question of every panel.

use super::files::{Files, list, text};
use super::prometheus::{Process, Prometheus, free_port, get, wait_for};
use super::promtool;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

const RATE_INTERVAL: &str = "20s";
/// For the first answer to every question; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(300);

/// One question: whose, and the query after its variables are put in.
struct Question {
    whose: String,
    query: String,
}

fn questions(files: &Files, instances: &str) -> Vec<Question> {
    let mut questions = Vec::new();
    for (name, dashboard) in files.dashboards() {
        let mut ask = |whose: String, query: &str| {
            let query = query.replace("$job", "latefusion").replace("$instance", instances);
            let query = query.replace("$__rate_interval", RATE_INTERVAL);
            assert!(!query.contains('$'), "{whose}: a variable is left: {query}");
            questions.push(Question { whose, query });
        };
        for panel in list(&dashboard, "panels") {
            for target in list(panel, "targets") {
                let whose = format!("{name}: {} {}", text(panel, "title"), text(target, "refId"));
                ask(whose, text(target, "expr"));
            }
        }
        for variable in list(&dashboard["templating"], "list") {
            let query = text(&variable["query"], "query");
            if let Some((selector, label)) =
                query.trim_start_matches("label_values(").rsplit_once(", ")
            {
                let label = label.trim_end_matches(')');
                ask(
                    format!("{name}: variable {label}"),
                    &format!("count by ({label}) ({selector})"),
                );
            }
        }
    }
    questions
}

/// What is wrong with the answer to a question; `None`: it is there, and finite throughout.
fn trouble(prometheus: &Prometheus, question: &Question) -> Option<String> {
    let Question { whose, query } = question;
    match prometheus.query(query) {
        Err(error) => Some(format!("{whose}: {error}")),
        Ok(series) if series.is_empty() => Some(format!("{whose}: nothing: {query}")),
        Ok(series) => {
            let odd = series.iter().find(|one| !one.value.is_finite())?;
            Some(format!("{whose}: {} {:?}", odd.value, odd.labels))
        }
    }
}

/// The bins of the fused risk, as the program names them.
fn bins(metrics: &str) -> Vec<String> {
    let name = "latefusion_score_bin_total{bin=\"";
    let bins = metrics.lines().filter_map(|line| line.strip_prefix(name)?.split('"').next());
    bins.map(str::to_owned).collect()
}

/// The `n`th scrape of what a short run with the shipped models does not bring: a baseline of the scores, more than a thousand scores in
/// the hour, and a shadow model.
fn stand_in(bins: &[String], n: usize) -> String {
    let mut page = String::new();
    for bin in bins {
        let share = 1.0 / bins.len() as f64;
        let _ok = writeln!(page, "latefusion_score_bin_baseline_ratio{{bin=\"{bin}\"}} {share}");
        let _ok = writeln!(page, "latefusion_score_bin_total{{bin=\"{bin}\"}} {}", 200 * n);
    }
    for (le, count) in ["0.01", "0.1", "+Inf"].iter().zip([5 * n, 9 * n, 10 * n]) {
        let _ok = writeln!(
            page,
            "latefusion_shadow_difference_bucket{{modality=\"vitals\",le=\"{le}\"}} {count}"
        );
    }
    page
}

/// Answers every request with the next scrape.
fn serve(bins: Vec<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it has an address").to_string();
    std::thread::spawn(move || {
        for (n, mut stream) in listener.incoming().flatten().enumerate() {
            // Whoever asked and went away misses it.
            let _read = stream.read(&mut [0; 1_024]);
            let head = "HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n\r\n";
            let _sent = stream.write_all((head.to_owned() + &stand_in(&bins, n)).as_bytes());
        }
    });
    address
}

/// A whole pipeline on the embedded broker at the pace of the clock; two hours of its past come first.
fn demo(port: u16) -> Process {
    let process = Command::new(env!("CARGO_BIN_EXE_latefusion"))
        .args(["demo", "--plain", "--speed", "1", "--history", "2h", "--patients", "16"])
        .args(["--vitals-every", "10s", "--partitions", "2", "--listen"])
        .arg(format!("127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Process(process.expect("the demo starts"))
}

#[test]
fn every_question_of_every_panel_has_an_answer_from_a_live_pipeline() {
    if !promtool::is_there("the panel walk") {
        return;
    }
    let files = Files::read();
    let port = free_port();
    let address = format!("127.0.0.1:{port}");
    let _demo = demo(port);
    let mut named = Vec::new();
    wait_for("the demo's /metrics", PATIENCE, || {
        named = bins(&get(&address, "/metrics").unwrap_or_default());
        named.len() == 10
    });
    let beside = serve(named);
    let prometheus = Prometheus::start(&files, &[address.clone(), beside.clone()], 2);
    let questions = questions(&files, &format!("({address}|{beside})"));
    assert!(questions.len() > 60, "{} questions", questions.len());

    let mut troubles = Vec::new();
    let ask_all =
        || -> Vec<String> { questions.iter().filter_map(|q| trouble(&prometheus, q)).collect() };
    let started = std::time::Instant::now();
    while started.elapsed() < PATIENCE {
        troubles = ask_all();
        if troubles.is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_secs(2));
    }
    assert!(troubles.is_empty(), "{troubles:#?}");
    println!("{} questions answered after {:.0?}", questions.len(), started.elapsed());

    let rules = every_rule_is_healthy(&prometheus);
    println!("{rules} rules healthy; firing: {:?}", prometheus.firing());
    let [families, series] = everything_scraped_is_in_the_contract(&address);
    println!("{families} families, {series} series scraped");
}

fn every_rule_is_healthy(prometheus: &Prometheus) -> usize {
    let rules = prometheus.rules();
    let sick: Vec<String> =
        rules.iter().filter(|rule| rule["health"] != "ok").map(ToString::to_string).collect();
    assert!(rules.len() > 25 && sick.is_empty(), "{} rules, {sick:#?}", rules.len());
    rules.len()
}

/// The contract that dashboards and rules are checked against is what is really scraped, and promtool finds nothing to lint in it.
fn everything_scraped_is_in_the_contract(address: &str) -> [usize; 2] {
    let metrics = get(address, "/metrics").expect("it answers");
    let contract = super::dashboards::contract();
    let series = metrics.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).count();
    let scraped: BTreeSet<&str> = metrics
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();
    assert!(scraped.len() > 40, "{scraped:?}");
    let unknown: Vec<&&str> =
        scraped.iter().filter(|name| !contract.0.contains_key(**name)).collect();
    assert!(unknown.is_empty(), "scraped, and not in the contract: {unknown:?}");
    let promised = contract.0.keys().filter(|name| *name != "up" && !scraped.contains(&***name));
    let promised: Vec<&String> = promised.collect();
    assert!(promised.is_empty(), "in the contract, and not scraped: {promised:?}");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let page = folder.path().join("metrics.txt");
    std::fs::write(&page, &metrics).expect("a file");
    let linted = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(std::fs::File::open(&page).expect("a file"))
        .output();
    let linted = linted.expect("promtool was there");
    assert!(linted.status.success(), "{}", String::from_utf8_lossy(&linted.stderr));
    [scraped.len(), series]
}

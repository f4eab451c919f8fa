//! Marked patients, devices and units go through a real process, in good, rejected and poisonous records; nothing that the process says
//! of itself may show the mark. The same run shows how it becomes ready, its log lines, and its traces.

use super::check_status;
use super::http;
use super::process::Site;
use super::showing::LONGEST;
use super::spans::Collector;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use latefusion::shell::bus::{Outgoing, Record};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Stands in whatever could identify somebody.
const MARK: &str = "zq7mark";
const PATIENTS: usize = 4;
/// Seconds of vitals.
const SECONDS: i64 = 95;

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_millis()).expect("not so far")
}

fn patient(p: usize) -> String {
    format!("{MARK}-patient-{p}")
}

fn time(millis: i64) -> String {
    let mut text = String::new();
    latefusion::types::rfc3339::write(&mut text, millis).expect("a time of this century");
    text
}

/// The trace of an event: whose and when.
fn trace(p: usize, second: i64) -> String {
    format!("00-{:032x}-{:016x}-01", p + 1, second + 1)
}

fn record(topic: &str, key: &str, payload: Option<String>, trace: Option<String>) -> Outgoing {
    Outgoing {
        topic: topic.into(),
        partition: Some(0),
        key: Some(key.as_bytes().to_vec()),
        payload: payload.map(String::into_bytes),
        headers: trace.map(|t| ("traceparent".to_owned(), t.into_bytes())).into_iter().collect(),
    }
}

fn good(begin: i64) -> Vec<Outgoing> {
    let mut records = Vec::new();
    for p in 0..PATIENTS {
        let admit = json!({"patient": patient(p), "event_time": time(begin), "change": "admit",
            "unit": format!("{MARK}-unit"), "issued": time(begin)});
        records.push(record("encounters", &patient(p), Some(admit.to_string()), None));
        let lab = json!({"patient": patient(p), "specimen_time": time(begin), "result_time": time(begin + 1),
            "analyte": "lactate", "value": 2.1, "unit": "mmol/L", "id": format!("{MARK}-specimen-{p}")});
        records.push(record("labs", &patient(p), Some(lab.to_string()), None));
    }
    for second in 0..SECONDS {
        for p in 0..PATIENTS {
            let vitals = json!({"patient": patient(p), "event_time": time(begin + 1_000 * second),
                "heart_rate_per_min": 80, "respiratory_rate_per_min": 16, "spo2_percent": 97,
                "systolic_pressure_mmhg": 120, "temperature_celsius": 36.8, "consciousness": "A", "oxygen": "air", "id": format!("{MARK}-monitor-{p}-{second}")});
            let trace = Some(trace(p, second));
            records.push(record("vitals", &patient(p), Some(vitals.to_string()), trace));
        }
    }
    records
}

fn bad(begin: i64) -> Vec<Outgoing> {
    let (who, at) = (patient(0), time(begin));
    let vitals = |patient: &str, more: Value| {
        let mut event = json!({"patient": patient, "event_time": at, "heart_rate_per_min": 80});
        event
            .as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        Some(event.to_string())
    };
    let field = format!("{MARK}_field");
    let payloads = [
        ("vitals", Some(format!("{{\"patient\": \"{who}\", \"event_time\": "))),
        ("vitals", vitals(&format!("{MARK}-somebody-else"), json!({}))),
        ("vitals", vitals(&who, json!({ field: 1 }))),
        ("vitals", vitals(&format!("{MARK} with spaces"), json!({}))),
        ("vitals", vitals(&who, json!({"event_time": format!("{MARK}-noon")}))),
        ("vitals", vitals(&who, json!({"spo2_percent": 300}))),
        ("vitals", vitals(&who, json!({"status": MARK}))),
        ("vitals", vitals(&who, json!({"id": MARK.repeat(400)}))),
        ("vitals", None),
        ("labs", Some(json!({"patient": who, "specimen_time": at, "result_time": at, "analyte": MARK,
            "value": 1, "unit": MARK}).to_string())),
        ("labs", Some(json!({"patient": who, "specimen_time": at, "result_time": at, "analyte": "lactate",
            "value": MARK, "unit": "mmol/L"}).to_string())),
        ("imaging-reports", Some(json!({"patient": who, "study_time": at, "report_time": at,
            "procedure": MARK, "findings": []}).to_string())),
        ("encounters", Some(json!({"patient": who, "event_time": at, "change": MARK}).to_string())),
        // What nobody but a scorer should write.
        ("predictions", Some(format!("not JSON {MARK}"))),
        ("predictions", Some(json!({"schema": "prediction/1", "patient": who, "modality": MARK}).to_string())),
        ("predictions", None),
    ];
    let trace = Some(format!("{MARK}-is-no-trace"));
    payloads
        .into_iter()
        .map(|(topic, payload)| record(topic, &who, payload, trace.clone()))
        .collect()
}

/// The mark as it is, and as base64 shows it at any place of a longer text.
fn forms() -> Vec<String> {
    let at = |shift: usize| {
        let text = [vec![0; shift], MARK.as_bytes().to_vec()].concat();
        let whole = (8 * shift).div_ceil(6)..8 * text.len() / 6;
        STANDARD.encode(&text)[whole].to_owned()
    };
    [MARK.to_owned()].into_iter().chain((0..3).map(at)).collect()
}

fn holds_mark(bytes: &[u8]) -> bool {
    let holds = |form: &String| bytes.windows(form.len()).any(|window| window == form.as_bytes());
    forms().iter().any(holds)
}

fn wait(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < LONGEST, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// Not activated, then ready.
fn becomes_ready(site: &mut Site, address: SocketAddr) {
    let (code, text) = http::get(address, "/live");
    assert_eq!((code, text.as_str()), (200, "ok\n"), "nobody has given up");
    wait("it says that it is not activated", || {
        let (code, text) = http::get(address, "/ready");
        code == 503 && text.contains("latefusion activate")
    });
    site.activate();
    wait("it is ready", || http::get(address, "/ready").0 == 200);
}

/// Each fused score carries the trace of the newest record in it.
fn check_traces_of_scores(scores: &[Record], begin: i64) {
    let mut compared = 0;
    for score in scores {
        let payload = score.payload.as_deref().expect("a score");
        let fused: Value = serde_json::from_slice(payload).expect("JSON");
        let present = fused["modalities"]["vitals"]["presence"] == "present";
        let Some(at) = fused["modalities"]["vitals"]["event_time"].as_str().filter(|_| present)
        else {
            continue;
        };
        let second = (latefusion::types::rfc3339::parse(at).expect("a time") - begin) / 1_000;
        let who = fused["patient"].as_str().and_then(|id| id.rsplit('-').next()?.parse().ok());
        let expected = trace(who.expect("one of ours"), second);
        let found = score.headers.iter().find(|(name, _)| name == "traceparent");
        let found = found.map(|(_, value)| String::from_utf8_lossy(value).into_owned());
        assert_eq!(found, Some(expected), "{fused}");
        compared += 1;
    }
    assert!(compared > 10, "only {compared} scores were looked at");
}

fn check_spans(collector: &Collector) {
    let spans = collector.spans();
    for name in ["score vitals commit", "score labs commit", "fuse commit"] {
        assert!(spans.iter().any(|span| span.name == name), "{name}: {spans:?}");
    }
    let ours = |id: &String| (1..=PATIENTS).any(|p| *id == format!("{p:032x}"));
    for name in ["score vitals commit", "fuse commit"] {
        let links = spans.iter().filter(|span| span.name == name).flat_map(|span| &span.links);
        assert!(
            links.clone().count() > 0 && links.clone().all(ours),
            "{name}: {:?}",
            links.collect::<Vec<_>>()
        );
    }
    for span in &spans {
        assert!(span.begin <= span.end && span.end - span.begin < 120_000_000_000, "{span:?}");
        assert!(span.links.len() <= 32, "{span:?}");
        let topic = span.attributes.iter().find(|(name, _)| name == "messaging.destination.name");
        assert!(topic.is_some_and(|(_, topic)| !topic.is_empty()), "{span:?}");
    }
}

fn check_logs(logged: &str) {
    let mut lines = 0;
    for line in logged.lines() {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let level = value["level"].as_str().unwrap_or_default();
        assert!(["INFO", "WARN", "ERROR"].contains(&level), "{line}");
        assert!(value["timestamp"].is_string(), "{line}");
        lines += 1;
    }
    assert!(lines > 10, "{lines} lines were looked at");
}

#[test]
fn nothing_that_a_process_says_of_itself_names_a_patient() {
    let (collector, listening) = Collector::start();
    let mut site = Site::new(listening);
    let address = site.run();
    becomes_ready(&mut site, address);
    let begin = (now() - 1_000 * (SECONDS + 5)).div_euclid(1_000) * 1_000;
    let bad = bad(begin);
    let sent_bad = bad.len();
    site.send(bad);
    site.send(good(begin));
    wait("scores are published", || site.read("fused-scores").len() > 20);
    wait("dead letters are published", || site.read("dead-letters").len() >= sent_bad);

    // Workers tell of their lanes once a second.
    wait("the patients are active", || {
        let status = check_status(&http::get(address, "/status").1);
        status["availability"]["active_patients"] == PATIENTS
    });
    let mut said: Vec<(String, Vec<u8>)> =
        ["/metrics", "/status", "/ready", "/live", "/ui", "/nothing"]
            .into_iter()
            .map(|path| (path.to_owned(), http::get(address, path).1.into_bytes()))
            .collect();
    let status = check_status(&http::get(address, "/status").1);
    let rejected = status["sources"].as_array().expect("a list").iter();
    let rejected: u64 = rejected.filter_map(|source| source["rejected"].as_u64()).sum();
    assert_eq!(rejected, sent_bad as u64, "{}", status["sources"]);
    site.end();
    wait("traces are sent", || collector.spans().iter().any(|span| span.name == "fuse commit"));

    let scores = site.read("fused-scores");
    let letters = site.read("dead-letters");
    for (topic, records) in [("fused-scores", &scores), ("dead-letters", &letters)] {
        let marked = records.iter().filter(|r| {
            r.payload.as_deref().is_some_and(holds_mark) || r.key.as_deref().is_some_and(holds_mark)
        });
        assert!(marked.count() > 0, "{topic} shows no mark: there was nothing to hide");
    }
    said.push(("log".to_owned(), site.logged().into_bytes()));
    said.push(("standard output".to_owned(), site.printed().into_bytes()));
    said.extend(collector.requests());
    for (what, bytes) in &said {
        assert!(!holds_mark(bytes), "{what} names a patient:\n{}", String::from_utf8_lossy(bytes));
    }
    let bytes: usize = said.iter().map(|(_, bytes)| bytes.len()).sum();
    assert!(
        said.len() > 8 && bytes > 50_000,
        "{bytes} bytes of {} kinds were searched",
        said.len()
    );
    println!(
        "{bytes} bytes in {} pieces searched, {} scores, {} dead letters",
        said.len(),
        scores.len(),
        letters.len()
    );
    check_logs(&site.logged());
    check_traces_of_scores(&scores, begin);
    check_spans(&collector);
}

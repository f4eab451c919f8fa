//! What an operator types, on a real broker: a ward produced, watched, audited; dead letters listed, shown and sent back.

use super::deployment::Site;
use latefusion::shell::bus::{Bus, Commit, Outgoing};
use latefusion::shell::patience::insist;
use std::process::Command;
use std::time::{Duration, Instant};

const LONGEST: Duration = Duration::from_secs(50);
const KEY: &str = "operator-test-1";
const POISON: &[u8] = b"no vitals\xff";

fn poison(site: &mut Site) {
    let outputs = vec![Outgoing {
        topic: format!("{}-vitals", site.prefix).into(),
        partition: None,
        key: Some(KEY.as_bytes().to_vec()),
        payload: Some(POISON.to_vec()),
        headers: vec![("source".to_owned(), b"monitor 3".to_vec())],
    }];
    let commit = Commit { outputs, ..Commit::default() };
    insist(LONGEST, || site.bus.commit(&commit)).expect("the broker is there");
}

/// Names of the undecodable letters, once there are so many.
fn undecodable(site: &Site, wanted: usize) -> Vec<String> {
    let began = Instant::now();
    loop {
        let text = site.said(&["dead-letters", "list", "--reason", "undecodable"]);
        let start = format!("{}-vitals/", site.prefix);
        let words = text.split_whitespace().filter(|word| word.starts_with(&start));
        let names: Vec<String> = words.map(str::to_owned).collect();
        if names.len() >= wanted {
            return names;
        }
        assert!(began.elapsed() < LONGEST, "{wanted} wanted:\n{text}\n{}", site.logs());
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_ward_is_produced_watched_and_audited_and_a_dead_letter_is_shown_and_sent_back() {
    let mut site = Site::new("operator");
    let refused = site.command(&["run", "fuse"]);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && told.contains("`latefusion topics`"), "{told}");
    site.said(&["topics"]);
    let mut pipeline = site.start("0");
    let began = Instant::now();
    while !site.logs().contains("run `latefusion activate`") {
        assert!(began.elapsed() < LONGEST, "it fuses nothing and must say why:\n{}", site.logs());
        std::thread::sleep(Duration::from_millis(100));
    }
    site.said(&["activate", "--profile", "ward"]);

    let words = ["produce", "--patients", "12", "--vitals-every", "1s", "--seconds", "8"];
    let produced = site.said(&words);
    let began = Instant::now();
    loop {
        let watched = site.said(&["watch", "--plain", "--seconds", "4", "--summary-every", "2"]);
        if watched.contains("patients 12 ") && watched.contains("risk 0.") {
            break;
        }
        assert!(began.elapsed() < LONGEST, "{produced}{watched}\n{}", site.logs());
    }

    poison(&mut site);
    let names = undecodable(&site, 1);
    let shown = site.said(&["dead-letters", "show", &names[0]]);
    assert!(shown.contains(KEY) && shown.contains("monitor 3"), "{shown}");
    let json = site.said(&["dead-letters", "show", &names[0], "--json"]);
    let letter: serde_json::Value = serde_json::from_str(&json).expect("one JSON object");
    assert_eq!(letter["payload"]["base64"], "bm8gdml0YWxz/w==", "the original bytes: {json}");
    let planned = site.said(&["dead-letters", "resend", "--dry-run", &names[0]]);
    let sent = site.said(&["dead-letters", "resend", &names[0]]);
    // Nothing was put right, so the copy comes back, from its own place.
    let again = undecodable(&site, 2);
    assert_eq!(again.len(), 2, "{planned}{sent}");

    let audited = site.said(&["audit"]);
    assert!(audited.contains(" 0 differences"), "{audited}");
    // Two signals while it is stopped are there at once when it goes on: the second ends it without draining.
    for signal in ["STOP", "TERM", "INT", "CONT"] {
        let pid = pipeline.0.id().to_string();
        let sent = Command::new("kill").args([&format!("-{signal}"), &pid]).status();
        assert!(sent.expect("kill can be run").success());
    }
    let status = pipeline.0.wait().expect("it is our child");
    assert!(matches!(status.code(), Some(130 | 143)), "{status}:\n{}", site.logs());
    println!("{}{}", produced, audited.lines().last().unwrap_or_default());
}

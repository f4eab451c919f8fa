//! The report engine against its corpus. SYNTHETIC: every text was written for this test together with the
//! rules, none comes from a patient or another corpus. Exactness here says that the rules do what they claim;
//! it is not clinical accuracy.

#![allow(clippy::print_stdout)] // a law prints how much it compared

use std::collections::{BTreeMap, BTreeSet};

use latefusion::modality::report::{Certainty, Finding, MAX_REPORT_BYTES, Unreadable, read_report};
use serde_json::Value;

const REGULAR: &str = include_str!("../data/reports/regular.jsonl");
const ADVERSARIAL: &str = include_str!("../data/reports/adversarial.jsonl");

fn reports(lines: &str) -> Vec<Value> {
    lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of the corpus is JSON"))
        .collect()
}

fn text(report: &Value) -> &str {
    report["text"].as_str().expect("every report has a text")
}

fn certainty_name(certainty: Certainty) -> String {
    format!("{certainty:?}").to_lowercase()
}

/// "kind certainty" of what the corpus expects, or "unreadable reason".
fn expected(report: &Value) -> BTreeSet<String> {
    if let Some(reason) = report["unreadable"].as_str() {
        return BTreeSet::from([format!("unreadable {reason}")]);
    }
    let findings = report["findings"].as_array().expect("a readable report lists findings");
    let line = |f: &Value| {
        format!("{} {}", f["kind"].as_str().unwrap_or("?"), f["certainty"].as_str().unwrap_or("?"))
    };
    findings.iter().map(line).collect()
}

fn read(report: &Value) -> BTreeSet<String> {
    match read_report(text(report), report["procedure"].as_str()) {
        Ok(reading) => reading
            .summary()
            .iter()
            .map(|line| format!("{} {}", line.kind.name(), certainty_name(line.certainty)))
            .collect(),
        Err(error) => BTreeSet::from([format!("unreadable {}", reason(error))]),
    }
}

fn reason(error: Unreadable) -> &'static str {
    match error {
        Unreadable::Empty => "empty",
        Unreadable::TooLong { .. } => "too_long",
        Unreadable::NoReadableSection => "no_readable_section",
        Unreadable::NotEnglish => "not_english",
        Unreadable::TooFewKnownWords { .. } => "too_few_known_words",
    }
}

#[derive(Default)]
struct Tally {
    hit: usize,
    missed: usize,
    invented: usize,
}

#[test]
fn every_report_of_the_synthetic_corpus_is_read_exactly() {
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let mut wrong = Vec::new();
    let all = [reports(REGULAR), reports(ADVERSARIAL)].concat();
    for report in &all {
        assert_eq!(report["synthetic"], true);
        let (expected, read) = (expected(report), read(report));
        let kind = |line: &String| line.rsplit(' ').next().unwrap_or("").to_owned();
        for line in &expected {
            let tally = tallies.entry(kind(line)).or_default();
            if read.contains(line) { tally.hit += 1 } else { tally.missed += 1 }
        }
        for line in read.difference(&expected) {
            tallies.entry(kind(line)).or_default().invented += 1;
        }
        if expected != read {
            wrong.push(format!(
                "{:?}\n    expected {expected:?}\n    read     {read:?}",
                text(report)
            ));
        }
    }
    println!("SYNTHETIC corpus, {} reports (not clinical accuracy)", all.len());
    for (name, Tally { hit, missed, invented }) in &tallies {
        let share = |of: usize| {
            if of == 0 { 1.0 } else { *hit as f64 / of as f64 }
        };
        println!(
            "{name:>20}: {hit:3} right, precision {:.3}, recall {:.3}",
            share(hit + invented),
            share(hit + missed)
        );
    }
    assert!(all.len() >= 180, "only {} reports compared", all.len());
    assert!(reports(ADVERSARIAL).len() >= 30);
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn side_size_change_and_acuity_are_those_the_corpus_names() {
    let mut compared = 0;
    let mut wrong = Vec::new();
    for report in [reports(REGULAR), reports(ADVERSARIAL)].concat() {
        let Ok(reading) = read_report(text(&report), report["procedure"].as_str()) else {
            continue;
        };
        for wanted in report["findings"].as_array().into_iter().flatten() {
            let is_meant = |f: &&Finding| {
                !f.superseded
                    && wanted["kind"] == f.kind.name()
                    && wanted["certainty"] == certainty_name(f.certainty)
            };
            let Some(found) = reading.findings.iter().find(is_meant) else {
                continue;
            };
            let given = [
                ("laterality", format!("{:?}", found.laterality)),
                ("size", format!("{:?}", found.size)),
                ("change", format!("{:?}", found.change)),
                ("acuity", format!("{:?}", found.acuity)),
            ];
            for (name, value) in given {
                compared += 1;
                let value = value.to_lowercase();
                let expected = wanted[name].as_str().unwrap_or("unspecified");
                if value != expected {
                    wrong.push(format!(
                        "{:?}: {} {name} {value}, expected {expected}",
                        text(&report),
                        found.kind.name()
                    ));
                }
            }
        }
    }
    println!("{compared} modifiers compared");
    assert!(compared > 800, "only {compared} compared");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_span_points_at_the_words_of_its_finding() {
    let mut compared = 0;
    for report in [reports(REGULAR), reports(ADVERSARIAL)].concat() {
        let Ok(reading) = read_report(text(&report), None) else {
            continue;
        };
        for finding in &reading.findings {
            let words = &text(&report)[finding.span.clone()];
            assert!(
                words.starts_with(char::is_alphanumeric) && words.ends_with(char::is_alphanumeric),
                "{words:?}"
            );
            compared += 1;
        }
    }
    assert!(compared > 250, "only {compared} spans compared");
}

#[test]
fn no_mutation_of_a_report_makes_the_reader_panic_or_lie_about_spans() {
    let all = [reports(REGULAR), reports(ADVERSARIAL)].concat();
    let seed = 20_261_123;
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut read, mut refused) = (0, 0);
    for round in 0..6_000 {
        let mut bytes = text(&all[random.usize(..all.len())]).as_bytes().to_vec();
        for _ in 0..random.usize(1..12) {
            mutate(&mut bytes, &mut random, &all);
        }
        let mutated = String::from_utf8_lossy(&bytes).into_owned();
        let procedure = random.bool().then_some(mutated.as_str());
        match read_report(&mutated, procedure) {
            Ok(reading) => {
                read += 1;
                for span in reading
                    .findings
                    .iter()
                    .map(|f| &f.span)
                    .chain(reading.sections.iter().map(|s| &s.span))
                {
                    assert!(
                        mutated.get(span.clone()).is_some(),
                        "seed {seed} round {round}: {mutated:?}"
                    );
                }
                for line in reading.summary() {
                    let strength = reading.strength(&line);
                    assert!(
                        strength.is_none_or(|s| (0.0..=1.0).contains(&s)),
                        "seed {seed} round {round}: {strength:?}"
                    );
                }
            }
            Err(_) => refused += 1,
        }
    }
    println!("{read} mutated reports read, {refused} refused");
    assert!(read > 3_000 && refused > 200);
}

fn mutate(bytes: &mut Vec<u8>, random: &mut fastrand::Rng, all: &[Value]) {
    const BITS: [&str; 14] = [
        "\n",
        "\n\n",
        ": ",
        "?",
        "IMPRESSION:",
        "ADDENDUM:",
        "no ",
        " or ",
        ", ",
        "\u{a0}",
        "\u{2019}",
        "é",
        "\u{0}",
        "[]",
    ];
    let at = random.usize(..=bytes.len());
    match random.u8(..6) {
        0 => bytes.insert(at, random.u8(..)),
        1 => bytes.truncate(at),
        2 => drop(bytes.splice(at..at, BITS[random.usize(..BITS.len())].bytes())),
        3 => drop(bytes.splice(at..at, text(&all[random.usize(..all.len())]).bytes())),
        4 if at < bytes.len() => bytes[at] = random.u8(..),
        _ if at < bytes.len() => drop(bytes.remove(at)),
        _ => {}
    }
}

#[test]
fn a_report_above_the_limit_is_refused_and_one_at_the_limit_is_read() {
    let too_long = "no effusion. ".repeat(MAX_REPORT_BYTES / 13 + 1);
    assert_eq!(read_report(&too_long, None), Err(Unreadable::TooLong { bytes: too_long.len() }));
    let worst = [
        "no ",
        "no effusion, ",
        "if effusion or ",
        "small ",
        "or ",
        "impression:",
        "impression ",
        ", ",
        "? ",
        "\n",
        "effusion ",
        "\u{1F600}",
        "A: ",
        "possible pneumonia and ",
        "                ",
        "(",
        "1. ",
        "addendum: pneumonia\n",
    ];
    for part in worst {
        let text = part.repeat(MAX_REPORT_BYTES / part.len());
        // Its cost must stay linear; a quadratic step would make this test run for hours.
        let _ = read_report(&text, None);
    }
}

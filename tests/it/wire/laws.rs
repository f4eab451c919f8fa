//! Values survive their bytes; any bytes give a value or a fault.

use super::random::{self, MARKER};
use super::{Record, TOPICS, names, registry};
use latefusion::shell::wire::{
    DeadLetter, Limits, ModelNames, Names, Original, RecordPlace, Topics, check_key, decode_entry,
    encode_entry, write_dead_letter_key, write_entry_key,
};
use latefusion::types::{Fault, Feed, LogEntry, ModalityId, PatientId, RejectReason};
use std::collections::BTreeMap;

#[test]
fn every_value_survives_its_bytes_bit_for_bit() {
    let names = names();
    let mut compared: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in 0..12_000 {
        let record = random::record(&mut fastrand::Rng::with_seed(seed));
        let bytes = record.encode(&names);
        let back = Record::decode(record.topic(), &bytes, &names);
        let back = back.unwrap_or_else(|fault| panic!("seed {seed}: {fault}"));
        assert_eq!(back, record, "seed {seed}");
        // Equality takes -0.0 for 0.0; what Debug prints tells them apart.
        assert_eq!(format!("{back:?}"), format!("{record:?}"), "seed {seed}");
        assert_eq!(back.encode(&names), bytes, "seed {seed}");
        *compared.entry(record.topic()).or_default() += 1;
    }
    println!("values that survived their bytes: {compared:?}");
    assert!(compared.len() == TOPICS.len() && compared.values().all(|count| *count > 1_000));
}

#[test]
fn any_bytes_give_a_value_or_a_fault_that_names_no_patient() {
    let names = names();
    let mut faults: BTreeMap<RejectReason, u32> = BTreeMap::new();
    let mut accepted = 0;
    for seed in 0..20_000 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let record = random::record(&mut rng);
        let mut bytes = record.encode(&names);
        for _ in 0..rng.usize(1..4) {
            mutate(&mut rng, &mut bytes);
        }
        for topic in TOPICS {
            match Record::decode(topic, &bytes, &names) {
                Ok(found) => {
                    accepted += 1;
                    let again = Record::decode(topic, &found.encode(&names), &names);
                    assert_eq!(again.as_ref(), Ok(&found), "seed {seed}");
                }
                Err(Fault { reason, detail }) => {
                    assert!(!detail.contains(MARKER), "seed {seed}: {detail}");
                    *faults.entry(reason).or_default() += 1;
                }
            }
        }
    }
    println!("mutated records: {accepted} accepted, faults {faults:?}");
    assert!(accepted > 500, "some mutations harm nothing");
    assert!(faults.len() >= 6, "{faults:?}");
}

/// Replaces, removes, inserts, doubles or cuts off a few bytes; often at a number, where type and range change.
fn mutate(rng: &mut fastrand::Rng, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        return bytes.push(rng.u8(..));
    }
    let at = rng.usize(..bytes.len());
    let to = (at + rng.usize(..12)).min(bytes.len());
    match rng.u8(0..16) {
        0..3 => bytes[at] = rng.u8(..),
        3..6 => bytes[at] = b"{}[]\":,0-e.n\\ "[rng.usize(..14)],
        6..9 => {
            if let Some(digit) = bytes[at..].iter_mut().find(|b| b.is_ascii_digit()) {
                *digit = b"09-.e\"n"[rng.usize(..7)];
            }
        }
        9..12 => {
            if let Some(letter) = bytes[at..].iter_mut().find(|b| b.is_ascii_lowercase()) {
                *letter = rng.u8(b'a'..=b'z');
            }
        }
        12 => drop(bytes.drain(at..to)),
        13 => {
            let doubled = bytes[at..to].to_vec();
            bytes.splice(at..at, doubled);
        }
        14 => bytes.insert(at, rng.u8(..)),
        _ => bytes.truncate(at),
    }
}

#[test]
fn a_record_cut_off_anywhere_is_undecodable() {
    let names = names();
    let mut cuts = 0;
    for seed in 0..40 {
        let record = random::record(&mut fastrand::Rng::with_seed(seed));
        let bytes = record.encode(&names);
        for length in 0..bytes.len() {
            let fault = Record::decode(record.topic(), &bytes[..length], &names);
            let reason = fault.map_err(|fault| fault.reason);
            assert_eq!(reason, Err(RejectReason::Undecodable), "seed {seed}, {length} bytes");
            cuts += 1;
        }
    }
    assert!(cuts > 10_000, "{cuts}");
}

#[test]
fn deep_nesting_and_numbers_beyond_a_float_are_faults() {
    let deep = format!("{{\"later\":{}", "[".repeat(100_000));
    let number = r#"{"schema":"prediction/1","kind":"scored","predictions":[{"score":1e999}]}"#;
    for payload in [deep.as_str(), number] {
        let found = decode_entry(payload.as_bytes(), &names(), &mut ModelNames::default());
        assert_eq!(found.map_err(|fault| fault.reason), Err(RejectReason::Undecodable));
    }
}

#[test]
fn the_order_of_fields_does_not_matter() {
    let names = names();
    let mut compared = 0;
    for seed in 0..500 {
        let record = random::record(&mut fastrand::Rng::with_seed(seed));
        let value: BTreeMap<String, Box<serde_json::value::RawValue>> =
            serde_json::from_slice(&record.encode(&names)).expect("we write JSON");
        let sorted = serde_json::to_vec(&value).expect("a map of text");
        assert_eq!(Record::decode(record.topic(), &sorted, &names).as_ref(), Ok(&record));
        compared += 1;
    }
    assert_eq!(compared, 500);
}

#[test]
fn keys_name_the_patient_or_nobody() {
    let names = names();
    let (mut patients, mut others) = (0, 0);
    for seed in 0..2_000 {
        let Record::Entry(entry) = random::record(&mut fastrand::Rng::with_seed(seed)) else {
            continue;
        };
        let mut key = Vec::new();
        write_entry_key(&entry, &names, &mut key);
        assert_eq!(check_key(&entry, Some(&key)), Ok(()));
        let as_patient = std::str::from_utf8(&key).ok().and_then(|key| PatientId::new(key).ok());
        match &entry {
            LogEntry::Scored(_) | LogEntry::Stay(_) => {
                assert!(as_patient.is_some());
                for wrong in [None, Some(&b"another"[..])] {
                    let fault = check_key(&entry, wrong).expect_err("not the patient's key");
                    assert_eq!(fault.reason, RejectReason::KeyMismatch);
                }
                patients += 1;
            }
            LogEntry::Heartbeat(_) | LogEntry::Activation(_) => {
                assert_eq!(as_patient, None, "a key that no patient can have");
                assert!(check_key(&entry, Some(b"p-17")).is_err());
                others += 1;
            }
        }
    }
    assert!(patients > 100 && others > 100, "{patients} {others}");
}

#[test]
fn a_dead_letter_is_keyed_by_its_place_and_keeps_what_its_limits_allow() {
    let place = RecordPlace { topic: "vitals".to_owned(), epoch: 1, partition: 3, offset: 17 };
    let mut key = Vec::new();
    write_dead_letter_key(&place, &mut key);
    assert_eq!(key, b"vitals/1/3/17");
    let giant = vec![b'x'; 10 << 20];
    let original = Original { payload: Some(&giant), ..Original::default() };
    let fault = Fault::new(RejectReason::Oversized, "too long");
    let letter = DeadLetter::new(fault, place, &original, Limits::default());
    let payload = letter.payload.as_ref().expect("it had one");
    assert_eq!((payload.length, payload.is_whole()), (10 << 20, false));
    let bytes = Record::Letter(letter).encode(&names());
    assert!(bytes.len() < 1_000_000, "{} bytes fit Kafka's default record limit", bytes.len());
}

#[test]
fn configured_topics_stand_on_the_wire_and_mistakes_are_listed_together() {
    let mut topics = Topics::default();
    topics.modality.insert("labs".to_owned(), "lis.results".to_owned());
    let names = Names::new(&registry(), &topics).expect("legal topics");
    assert_eq!(names.topic(Feed::Modality(ModalityId(1))), "lis.results");
    assert_eq!(names.find_feed("lis.results"), Some(Feed::Modality(ModalityId(1))));
    assert_eq!(names.find_feed("labs"), None);

    topics.modality.insert("ventilator".to_owned(), "ventilator".to_owned());
    topics.modality.insert("vitals".to_owned(), "predictions".to_owned());
    topics.dead_letters = "dead letters".to_owned();
    let mistakes = Names::new(&registry(), &topics).expect_err("three mistakes");
    let paths: Vec<&str> = mistakes.iter().map(|mistake| mistake.path.as_str()).collect();
    let expected = ["topics.modality.ventilator", "topics.predictions", "topics.dead_letters"];
    assert_eq!(paths, expected);
}

#[test]
fn predictions_of_one_model_share_its_name() {
    let names = names();
    let mut models = ModelNames::default();
    let scored = (0..).map(|seed| random::record(&mut fastrand::Rng::with_seed(seed)));
    let entry = scored
        .filter_map(|record| match record {
            Record::Entry(entry @ LogEntry::Scored(_)) => Some(entry),
            _ => None,
        })
        .next()
        .expect("the seeds do not end");
    let mut bytes = Vec::new();
    encode_entry(&entry, &names, &mut bytes);
    let mut read = || match decode_entry(&bytes, &names, &mut models) {
        Ok(LogEntry::Scored(scored)) => scored.model,
        other => panic!("{other:?}"),
    };
    assert!(std::sync::Arc::ptr_eq(&read(), &read()));
}

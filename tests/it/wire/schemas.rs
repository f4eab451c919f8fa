//! The schemas and the code agree: on the examples, and on everything we write.

use super::{Record, TOPICS, names, random};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Rejected examples that only the decoder can refuse, because a schema cannot say what is wrong with them.
const BEYOND_THE_SCHEMA: [&str; 8] = [
    "bad_prediction--unknown_modality",
    "bad_prediction--unknown_topic",
    "bad_prediction--window_ends_before_it_begins",
    "bad_prediction--bytes_that_do_not_match",
    "bad_prediction--longer_than_the_whole",
    "bad_time--no_such_day",
    "bad_time--no_such_hour",
    "wrong_type--patient_given_twice",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas")
}

fn schema(topic: &str) -> Value {
    let path = folder().join(format!("{topic}.schema.json"));
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).expect("a schema is JSON")
}

fn validator(schema: &Value) -> jsonschema::Validator {
    jsonschema::meta::validate(schema).expect("a valid schema");
    jsonschema::draft202012::new(schema).expect("a schema of draft 2020-12")
}

/// The same schema with every object closed, to see that we write no field that it does not describe.
fn closed(mut schema: Value) -> Value {
    fn close(value: &mut Value) {
        if let Value::Object(object) = value {
            let is_object = object.get("type").is_some_and(|name| name == "object");
            if is_object && object.contains_key("properties") && !object.contains_key("oneOf") {
                object.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            object.values_mut().for_each(close);
        } else if let Value::Array(values) = value {
            values.iter_mut().for_each(close);
        }
    }
    close(&mut schema);
    schema
}

/// The example files of a topic: (name without extension, bytes), in order of name.
fn examples(topic: &str, kind: &str) -> Vec<(String, Vec<u8>)> {
    let folder = folder().join("examples").join(topic).join(kind);
    let entries = std::fs::read_dir(&folder).expect("every topic has examples");
    let mut found: Vec<(String, Vec<u8>)> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .map(|path| {
            let name = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
            (name, std::fs::read(&path).expect("a readable example"))
        })
        .collect();
    found.sort();
    assert!(found.len() >= 2, "{topic} has {} {kind} examples", found.len());
    found
}

#[test]
fn every_accepted_example_is_valid_and_decodes() {
    let mut checked = 0;
    for topic in TOPICS {
        let validator = validator(&schema(topic));
        for (name, bytes) in examples(topic, "accepted") {
            let value: Value = serde_json::from_slice(&bytes).expect("an accepted example is JSON");
            let errors: Vec<String> =
                validator.iter_errors(&value).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{topic}/{name}: {errors:?}");
            let record = Record::decode(topic, &bytes, &names());
            let record = record.unwrap_or_else(|fault| panic!("{topic}/{name}: {fault}"));
            let again = Record::decode(topic, &record.encode(&names()), &names());
            assert_eq!(again, Ok(record), "{topic}/{name}");
            checked += 1;
        }
    }
    println!("accepted examples: {checked}");
    assert!(checked >= 18, "{checked}");
}

#[test]
fn an_example_that_we_could_have_written_is_written_again_as_it_stands() {
    let mut compared = 0;
    for topic in TOPICS {
        for (name, bytes) in examples(topic, "accepted") {
            let foreign = ["later_writer", "without_unit", "of_a_correction"];
            if foreign.iter().any(|part| name.contains(part)) {
                continue;
            }
            let record = Record::decode(topic, &bytes, &names()).expect("accepted");
            let ours: Value = serde_json::from_slice(&record.encode(&names())).expect("JSON");
            let theirs: Value = serde_json::from_slice(&bytes).expect("JSON");
            assert_eq!(ours, theirs, "{topic}/{name}");
            compared += 1;
        }
    }
    assert!(compared >= 14, "{compared}");
}

#[test]
fn every_rejected_example_is_refused_for_the_reason_that_its_name_says() {
    let (mut checked, mut beyond) = (0, 0);
    for topic in TOPICS {
        let validator = validator(&schema(topic));
        for (name, bytes) in examples(topic, "rejected") {
            let (reason, _) = name.split_once("--").expect("named reason--what");
            let fault = match Record::decode(topic, &bytes, &names()) {
                Err(fault) => fault,
                Ok(_) => panic!("{topic}/{name} was accepted"),
            };
            assert_eq!(fault.reason.name(), reason, "{topic}/{name}: {fault}");
            let value = serde_json::from_slice::<Value>(&bytes).ok();
            let valid = value.is_some_and(|value| validator.is_valid(&value));
            let expected = BEYOND_THE_SCHEMA.contains(&name.as_str());
            assert_eq!(valid, expected, "{topic}/{name}: does the schema accept it?");
            (checked, beyond) = (checked + 1, beyond + u32::from(expected));
        }
    }
    println!("rejected examples: {checked}, of which {beyond} are beyond a schema");
    assert!(checked >= 50 && beyond as usize == BEYOND_THE_SCHEMA.len(), "{checked} {beyond}");
}

#[test]
fn everything_we_write_is_valid_and_described() {
    let validators: Vec<_> =
        TOPICS.iter().map(|topic| (*topic, validator(&closed(schema(topic))))).collect();
    let names = names();
    let mut checked = 0;
    for seed in 0..6_000 {
        let record = random::record(&mut fastrand::Rng::with_seed(seed));
        let bytes = record.encode(&names);
        let value: Value = serde_json::from_slice(&bytes).expect("we write JSON");
        let (_, validator) =
            validators.iter().find(|(topic, _)| *topic == record.topic()).expect("a known topic");
        if let Err(error) = validator.validate(&value) {
            panic!("seed {seed}, {}: {error} at {}", record.topic(), error.instance_path());
        }
        checked += 1;
    }
    println!("written records that are valid and described: {checked}");
    assert_eq!(checked, 6_000);
}

//! The schemas of the input topics against the decoders, both ways, and against the tables that they repeat.

use jsonschema::Validator;
use latefusion::modality::{
    Registry, analytes::ANALYTES, encounters, findings::FINDINGS, header::STATUSES, imaging, labs,
    units::Unit, vitals,
};
use latefusion::types::{Encounter, Event, EventStatus, Fault, ModalityId};
use serde_json::{Value, json};
use std::{fs, path::PathBuf};

pub(crate) const TOPICS: [&str; 4] = ["vitals", "labs", "imaging-reports", "encounters"];

/// Rejected examples that a schema cannot refuse, and why.
const BEYOND_JSON_SCHEMA: [(&str, &str); 8] = [
    ("decimal-point-in-a-whole-number", "15.0 is an integer to JSON Schema"),
    ("celsius-charted-as-fahrenheit", "the range holds after conversion"),
    ("umol-charted-as-mg-converted", "the range holds after conversion"),
    ("field-twice", "a parsed object has each key once"),
    ("finding-twice", "items are unique by name, not as a whole"),
    ("no-such-day", "a pattern does not know the calendar"),
    ("leap-day", "a pattern does not know the calendar"),
    ("before-1970", "the offset can carry an instant across the new year"),
];

pub(crate) struct Example {
    pub(crate) name: String,
    pub(crate) payload: Vec<u8>,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schemas")
}

pub(crate) fn examples(topic: &str, kind: &str) -> Vec<Example> {
    let folder = root().join("examples").join(topic).join(kind);
    let mut found: Vec<Example> = fs::read_dir(&folder)
        .expect("the folder of examples")
        .map(|entry| entry.expect("a readable folder").path())
        .map(|path| Example {
            name: path.file_stem().expect("a name").to_string_lossy().into_owned(),
            payload: fs::read(&path).expect("a readable example"),
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(found.len() >= 3, "{topic} has too few {kind} examples");
    found
}

fn schema(topic: &str) -> Value {
    let text = fs::read_to_string(root().join(format!("{topic}.schema.json")));
    serde_json::from_str(&text.expect("a schema")).expect("a schema is JSON")
}

fn validator(topic: &str) -> Validator {
    jsonschema::draft202012::new(&schema(topic)).expect("a valid schema")
}

#[derive(Debug)]
enum Decoded {
    Event(Event),
    Encounter(Encounter),
}

fn decode(topic: &str, payload: &[u8]) -> Result<Decoded, Fault> {
    if topic == encounters::TOPIC {
        return encounters::decode(payload).map(Decoded::Encounter);
    }
    let registry = Registry::shipped();
    let (id, modality) = registry.iter().find(|(_, m)| m.topic == topic).expect("a topic");
    (modality.decode)(payload, id).map(Decoded::Event)
}

#[test]
fn every_accepted_example_validates_and_decodes() {
    for topic in TOPICS {
        let validator = validator(topic);
        for example in examples(topic, "accepted") {
            let value: Value = serde_json::from_slice(&example.payload).expect(&example.name);
            let error = validator.iter_errors(&value).next().map(|e| e.to_string());
            assert_eq!(error, None, "{topic}/{}", example.name);
            let fault = decode(topic, &example.payload).err();
            assert_eq!(fault, None, "{topic}/{}", example.name);
        }
    }
}

#[test]
fn every_rejected_example_is_refused_for_the_reason_in_its_name_and_by_the_schema() {
    let mut excused = Vec::new();
    for topic in TOPICS {
        let validator = validator(topic);
        for example in examples(topic, "rejected") {
            let (reason, what) = example.name.split_once('.').expect("reason.what");
            let fault = decode(topic, &example.payload).err().map(|f| f.reason.name());
            assert_eq!(fault, Some(reason), "{topic}/{}", example.name);
            let value = serde_json::from_slice::<Value>(&example.payload);
            if value.is_ok_and(|value| validator.is_valid(&value)) {
                // Whether a text can be read is no matter of its shape.
                if reason != "unreadable_text" {
                    excused.push(what.to_owned());
                }
            }
        }
    }
    excused.sort_unstable();
    excused.dedup();
    let mut expected: Vec<&str> = BEYOND_JSON_SCHEMA.iter().map(|(what, _)| *what).collect();
    expected.sort_unstable();
    assert_eq!(excused, expected);
}

#[test]
fn what_we_write_validates() {
    let mut written = 0;
    for topic in TOPICS {
        let validator = validator(topic);
        for example in examples(topic, "accepted") {
            let decoded = decode(topic, &example.payload).expect("decodes");
            let parsed: Value = serde_json::from_slice(&example.payload).expect("JSON");
            let id = parsed.get("id").and_then(Value::as_str);
            let mut text = String::new();
            match &decoded {
                Decoded::Encounter(encounter) => encounters::encode(encounter, &mut text),
                Decoded::Event(event) if topic == "vitals" => vitals::encode(event, id, &mut text),
                Decoded::Event(event) if topic == "labs" => {
                    let column = event.values.iter().next().map_or(11, |(column, _)| column);
                    labs::encode(event, column, id, &mut text);
                }
                Decoded::Event(event) => {
                    imaging::encode(event, &imaging::PROCEDURES[0], id, &mut text);
                }
            }
            let value: Value = serde_json::from_str(&text).expect("we write JSON");
            let error = validator.iter_errors(&value).next().map(|e| e.to_string());
            assert_eq!(error, None, "{topic}/{}: {text}", example.name);
            match (decoded, decode(topic, text.as_bytes()).expect("decodes again")) {
                (Decoded::Event(first), Decoded::Event(again)) => assert_eq!(first, again),
                (Decoded::Encounter(first), Decoded::Encounter(again)) => assert_eq!(first, again),
                _ => unreachable!("one topic, one kind"),
            }
            written += 1;
        }
    }
    assert!(written >= 20, "{written}");
}

/// All spellings, then null where the field may be left out.
fn spellings(units: &[Unit]) -> Vec<Value> {
    units.iter().flat_map(|unit| unit.names).map(|name| json!(name)).collect()
}

fn with_null(mut values: Vec<Value>) -> Value {
    values.push(Value::Null);
    Value::Array(values)
}

#[test]
fn the_vitals_schema_repeats_the_columns_exactly() {
    let schema = schema("vitals");
    let properties = schema["properties"].as_object().expect("properties");
    let mut expected = 6; // patient, event_time, issued, id, version, status
    for parameter in &vitals::PARAMETERS {
        let column = &parameter.column;
        let field = &properties[column.name];
        expected += 1;
        if let vitals::Wire::Choice(choices) = parameter.wire {
            let names = choices.iter().map(|choice| json!(choice)).collect();
            assert_eq!(field["enum"], with_null(names), "{}", column.name);
            continue;
        }
        let range = [field["minimum"].as_f64(), field["maximum"].as_f64()];
        assert_eq!(range, column.plausible.map(Some), "{}", column.name);
        let description = field["description"].as_str().expect("a description");
        assert!(column.loinc.is_none_or(|code| description.contains(code)), "{}", column.name);
        if let vitals::Wire::Quantity { name, units } = parameter.wire {
            let unit = &properties[name]["properties"]["unit"]["enum"];
            assert_eq!(unit, &Value::Array(spellings(units)), "{name}");
            expected += 1;
        }
    }
    assert_eq!(properties.len(), expected, "no field without a column");
}

#[test]
fn the_labs_schema_repeats_the_analytes_exactly() {
    let schema = schema("labs");
    let rules = schema["allOf"].as_array().expect("a rule for each naming");
    let mut rules = rules.iter();
    let (mut names, mut codes) = (Vec::new(), Vec::new());
    for analyte in &ANALYTES {
        for (i, naming) in analyte.namings.iter().enumerate() {
            let rule = rules.next().expect("a rule");
            let loinc: Vec<Value> = naming.loinc.iter().map(|code| json!(code)).collect();
            let [by_name, by_code] = [&rule["if"]["anyOf"][0], &rule["if"]["anyOf"][1]];
            assert_eq!(by_name["properties"]["analyte"]["const"], json!(naming.name));
            assert_eq!(by_code["properties"]["loinc"]["enum"], json!(loinc));
            let then = &rule["then"];
            let unit = &then["properties"]["unit"]["enum"];
            assert_eq!(unit, &with_null(spellings(naming.units)), "{}", naming.name);
            assert_eq!(then["properties"]["loinc"]["enum"], with_null(loinc.clone()));
            if i == 0 {
                let own = &then["if"]["properties"]["unit"]["enum"];
                assert_eq!(own, &Value::Array(spellings(&naming.units[..1])), "{}", naming.name);
                let value = &then["then"]["properties"]["value"];
                let range = [value["minimum"].as_f64(), value["maximum"].as_f64()];
                assert_eq!(range, analyte.column.plausible.map(Some), "{}", naming.name);
            }
            let description = rule["description"].as_str().expect("a description");
            assert!(description.contains(analyte.column.name), "{description}");
            names.push(json!(naming.name));
            codes.extend(loinc);
        }
    }
    assert!(rules.next().is_none(), "no rule without an analyte");
    assert_eq!(schema["properties"]["analyte"]["enum"], with_null(names));
    assert_eq!(schema["properties"]["loinc"]["enum"], with_null(codes));
}

#[test]
fn the_other_lists_in_the_schemas_are_those_of_the_tables() {
    let reports = schema("imaging-reports");
    let name = &reports["properties"]["findings"]["items"]["properties"]["name"]["enum"];
    assert_eq!(name, &json!(FINDINGS));
    let procedures: Vec<&str> = imaging::PROCEDURES
        .iter()
        .flat_map(|p| std::iter::once(p.name).chain(p.loinc.iter().copied()))
        .collect();
    assert_eq!(reports["properties"]["procedure"]["enum"], json!(procedures));
    let changes: Vec<&str> = encounters::CHANGES.iter().map(|(name, _)| *name).collect();
    assert_eq!(schema("encounters")["properties"]["change"]["enum"], json!(changes));
    for (topic, takes_registered) in [("vitals", false), ("labs", true), ("imaging-reports", true)]
    {
        let listed = schema(topic)["properties"]["status"]["enum"].clone();
        let listed = listed.as_array().expect("a list").clone();
        let expected: Vec<&str> = STATUSES
            .iter()
            .filter(|(_, status)| takes_registered || *status != EventStatus::Registered)
            .map(|(name, _)| *name)
            .collect();
        assert_eq!(listed.len(), expected.len() + 1, "{topic}: all statuses and null");
        assert!(expected.iter().all(|name| listed.contains(&json!(name))), "{topic}");
    }
}

#[test]
fn every_field_of_every_schema_is_described_and_no_other_is_allowed() {
    for topic in TOPICS {
        let schema = schema(topic);
        assert_eq!(schema["additionalProperties"], json!(false), "{topic}");
        for (name, field) in schema["properties"].as_object().expect("properties") {
            assert!(field["description"].is_string(), "{topic}/{name}");
        }
    }
    assert_eq!(Registry::shipped().len(), 3);
    assert!(Registry::shipped().get(ModalityId(0)).is_some_and(|m| m.topic == TOPICS[0]));
}

//! What is sent: the same for the same seed, and what the decoders make of it.

use super::{config, hours, ward};
use latefusion::modality::{Registry, encounters, imaging};
use latefusion::shell::simulator::{
    BadKind, Content, FINDINGS, Input, MARK, Rates, Report, Statement, WardConfig,
};
use latefusion::types::{Encounter, Event, EventTime, Fault, Feed, PatientId, Span, Values};

/// FNV-1a over everything that a broker would see.
fn digest(inputs: &[Input]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut take = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    };
    for input in inputs {
        take(&input.arrival.as_millis().to_le_bytes());
        take(format!("{:?}", input.feed).as_bytes());
        take(input.key.as_str().as_bytes());
        take(&input.payload());
    }
    hash
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let rates = Rates { bad: 0.01, duplicate: 0.01, ..Rates::default() };
    let small = || WardConfig { oversized_bytes: 2_000, rates, ..config() };
    let [first, again, other] = [11, 11, 12].map(|seed| {
        let inputs = hours(&mut ward(WardConfig { seed, ..small() }), 3);
        assert!(inputs.len() > 5_000);
        digest(&inputs)
    });
    assert_eq!(first, again);
    assert_ne!(first, other);
    // Pinned: a change here changes every recorded demo and every benchmark made with a seed. Where that is meant,
    // put in the number that the failure prints.
    assert_eq!(first, 8_391_460_027_919_374_203, "the bytes of seed 11 have changed");
}

fn decode(input: &Input) -> Result<Decoded, Fault> {
    let (registry, payload) = (Registry::shipped(), input.payload());
    match input.feed {
        Feed::Encounters => encounters::decode(&payload).map(Decoded::Encounter),
        Feed::Modality(id) => {
            let modality = registry.get(id).expect("a shipped modality");
            (modality.decode)(&payload, id).map(Decoded::Event)
        }
    }
}

#[derive(Debug)]
enum Decoded {
    Event(Event),
    Encounter(Encounter),
}

impl Decoded {
    fn patient(&self) -> &PatientId {
        match self {
            Self::Event(event) => &event.patient,
            Self::Encounter(encounter) => &encounter.patient,
        }
    }

    fn event_time(&self) -> EventTime {
        match self {
            Self::Event(event) => event.event_time,
            Self::Encounter(encounter) => encounter.event_time,
        }
    }
}

/// Decodes a report's text and checks that the pipeline reads what the simulated radiologist meant.
fn read(input: &Input, report: &Report) -> Event {
    let text = report.to_string();
    assert!(text.starts_with(MARK), "{text}");
    let event = match decode(input).expect("what is made up can be read") {
        Decoded::Event(event) => event,
        Decoded::Encounter(_) => unreachable!("of the imaging topic"),
    };
    for (name, statement) in FINDINGS.iter().zip(report.statements) {
        let strength = imaging::IMAGING.column(name).and_then(|column| event.values.get(column));
        let strength = strength.map(|steps| f64::from(steps) / 10_000.0);
        match statement {
            Statement::Present => {
                assert!(strength.is_some_and(|s| s >= 0.5), "{name} {strength:?} {text}")
            }
            Statement::Possible => {
                assert!(strength.is_some_and(|s| s > 0.0 && s <= 0.5), "{name} {strength:?} {text}")
            }
            Statement::Absent | Statement::Unmentioned => {
                assert!(strength.is_none_or(|s| s == 0.0), "{name} {strength:?} {text}");
            }
        }
    }
    event
}

#[test]
fn every_good_record_decodes_to_its_typed_event() {
    let mut compared = [0; 4];
    let mut ward = ward(WardConfig { patients: 60, ..config() });
    for input in hours(&mut ward, 12) {
        let kind = match &input.content {
            Content::Bad(_) => continue,
            Content::Imaging(sent, _, Some(report)) => {
                let read = read(&input, report);
                assert_eq!(sent, &Event { values: Values::default(), ..read });
                compared[3] += 1;
                continue;
            }
            Content::Encounter(_) => 2,
            Content::Imaging(..) => 1,
            _ => 0,
        };
        match (decode(&input), &input.content) {
            (Ok(Decoded::Encounter(decoded)), Content::Encounter(sent)) => {
                assert_eq!(&decoded, sent)
            }
            (Ok(Decoded::Event(decoded)), _) => assert_eq!(Some(&decoded), input.event()),
            (wrong, content) => panic!("{wrong:?} for {content:?}"),
        }
        compared[kind] += 1;
    }
    assert!(
        compared[0] > 50_000 && compared[1] > 30 && compared[2] > 60 && compared[3] > 50,
        "{compared:?}"
    );
}

#[test]
fn every_bad_record_is_rejected_for_its_own_reason() {
    let rates = Rates { bad: 0.05, ..Rates::default() };
    let mut ward = ward(WardConfig { patients: 60, rates, ..config() });
    let mut seen = [0; BadKind::ALL.len()];
    for input in hours(&mut ward, 3) {
        let Content::Bad(bad) = &input.content else { continue };
        match (bad.kind, decode(&input)) {
            (BadKind::WrongKey, Ok(decoded)) => assert_ne!(decoded.patient(), &input.key),
            (BadKind::Future, Ok(decoded)) => {
                let ahead = decoded.event_time().as_millis() - input.arrival.as_millis();
                assert!(ahead > Span::minutes(5).as_millis());
            }
            (kind, Err(fault)) => assert_eq!(fault.reason, kind.reason(), "{fault}"),
            (kind, Ok(_)) => panic!("{kind:?} was accepted"),
        }
        seen[bad.kind as usize] += 1;
    }
    assert!(seen.iter().all(|n| *n >= 20), "{seen:?}");
    for kind in BadKind::ALL {
        assert_eq!(ward.statistics().bad(kind), seen[kind as usize]);
    }
}

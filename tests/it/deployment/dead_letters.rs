//! Dead letters are read, shown whole and sent back as they were.

use super::small_ward::SmallWard;
use latefusion::fuse::package::Publish;
use latefusion::shell::bus::{Guarantee, Outgoing};
use latefusion::shell::dead_letters::{name, original, read, send};
use latefusion::shell::wire::Clipped;
use latefusion::types::{RejectReason, Span};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_millis(100);

fn bad(payload: &[u8]) -> Outgoing {
    Outgoing {
        topic: "vitals".into(),
        partition: None,
        key: Some(b"p-1".to_vec()),
        payload: Some(payload.to_vec()),
        headers: vec![("source".to_owned(), b"monitor 3".to_vec())],
    }
}

#[test]
fn an_original_comes_back_with_its_key_bytes_and_headers() {
    let mut ward = SmallWard::new(Publish::Always);
    let (place, offset) = ward.append(bad(b"no vitals"));
    ward.run(Span::seconds(2));
    let mut bus = ward.outsider(Guarantee::Idempotent);
    let (letters, unreadable) = read(&mut bus, &ward.pipeline, PATIENCE).expect("it is there");
    let named = format!("vitals/0/{}/{offset}", place.partition);
    let letter = letters.get(&named).expect("it is named by its place");
    assert_eq!((name(letter), unreadable), (named, 0));
    assert_eq!(letter.fault.reason, RejectReason::Undecodable);

    let record = original(letter, &ward.pipeline).expect("it is whole");
    assert_eq!(record, bad(b"no vitals"));
    let before = ward.broker.records("vitals").len();
    send(&mut bus, record).expect("it is sent");
    let all = ward.broker.records("vitals");
    assert_eq!(all.len(), before + 1);
    let copies = all.iter().filter(|record| record.key.as_deref() == Some(b"p-1"));
    let copies: Vec<_> =
        copies.map(|r| (r.place.clone(), r.payload.clone(), r.headers.clone())).collect();
    assert_eq!(copies.len(), 2);
    assert_eq!(copies[0], copies[1]);
}

#[test]
fn what_is_not_whole_or_no_input_is_refused_with_the_reason() {
    let mut ward = SmallWard::new(Publish::Always);
    ward.append(bad(&[b'x'; 1_000]));
    ward.run(Span::seconds(2));
    let mut bus = ward.outsider(Guarantee::Idempotent);
    let (letters, _) = read(&mut bus, &ward.pipeline, PATIENCE).expect("it is there");
    let cut = letters.values().find(|l| l.payload.as_ref().is_some_and(|p| !p.is_whole()));
    let mut letter = cut.expect("300 bytes of it are kept").clone();
    let refused = |letter: &_| original(letter, &ward.pipeline).expect_err("it must not be sent");
    assert!(refused(&letter).contains("300 of 1000 bytes"), "{}", refused(&letter));
    letter.payload = Some(Clipped::new(b"whole", 300));
    assert!(original(&letter, &ward.pipeline).is_ok());
    letter.headers_left_out = 2;
    assert!(refused(&letter).contains("2 of its headers"));
    letter.headers_left_out = 0;
    letter.source.topic = "predictions".to_owned();
    assert!(refused(&letter).contains("no input topic"));
}

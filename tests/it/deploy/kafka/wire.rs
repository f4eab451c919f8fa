//! The two requests of Kafka's protocol that no client library here speaks: create and delete access rules (CreateAcls and DeleteAcls,
//! version 1; the numbers are those of Kafka's protocol guide).

use super::super::strimzi::Rule;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

const CREATE_ACLS: i16 = 30;
const DELETE_ACLS: i16 = 31;
const ALLOW: i8 = 3;

/// Lets a user do it, from any host.
pub(super) fn allow(bootstrap: &str, user: &str, rules: &[Rule]) {
    let mut body = (rules.len() as i32).to_be_bytes().to_vec();
    for rule in rules {
        put_rule(&mut body, user, rule);
    }
    let answer = ask(bootstrap, CREATE_ACLS, &body);
    check(&answer, rules.len());
}

/// Takes one right away again.
pub(super) fn forbid(bootstrap: &str, user: &str, rule: &Rule) {
    let mut body = 1_i32.to_be_bytes().to_vec();
    put_rule(&mut body, user, rule);
    let answer = ask(bootstrap, DELETE_ACLS, &body);
    check(&answer, 1);
    // After error code and message: how many rules there were.
    let found = i32::from_be_bytes(answer[12..16].try_into().expect("four bytes"));
    assert_eq!(found, 1, "{user}: {rule:?} was not there");
}

fn put_rule(body: &mut Vec<u8>, user: &str, rule: &Rule) {
    let number = |known: &[(&str, i8)], name: &str| {
        let found = known.iter().find(|(known, _)| *known == name);
        found.unwrap_or_else(|| panic!("`{name}` is not known")).1
    };
    let kinds = [("topic", 2), ("group", 3), ("cluster", 4), ("transactionalId", 5)];
    let patterns = [("literal", 3), ("prefix", 4)];
    let operations = [("Read", 3), ("Write", 4), ("Describe", 8), ("DescribeConfigs", 10)];
    body.extend(number(&kinds, &rule.kind).to_be_bytes());
    put_text(body, &rule.name);
    body.extend(number(&patterns, &rule.pattern).to_be_bytes());
    put_text(body, &format!("User:{user}"));
    put_text(body, "*");
    body.extend(number(&operations, &rule.operation).to_be_bytes());
    body.extend(ALLOW.to_be_bytes());
}

fn put_text(body: &mut Vec<u8>, text: &str) {
    body.extend((text.len() as i16).to_be_bytes());
    body.extend(text.as_bytes());
}

/// The answer without its length and correlation id.
fn ask(bootstrap: &str, key: i16, body: &[u8]) -> Vec<u8> {
    let mut request = Vec::new();
    request.extend(key.to_be_bytes());
    request.extend(1_i16.to_be_bytes());
    request.extend(7_i32.to_be_bytes());
    put_text(&mut request, "rights");
    request.extend(body);
    let mut stream = TcpStream::connect(bootstrap).expect("the broker is there");
    stream.write_all(&(request.len() as i32).to_be_bytes()).expect("the broker listens");
    stream.write_all(&request).expect("the broker listens");
    let mut length = [0; 4];
    stream.read_exact(&mut length).expect("the broker answers");
    let mut answer = vec![0; i32::from_be_bytes(length) as usize];
    stream.read_exact(&mut answer).expect("the broker answers");
    answer.split_off(4)
}

/// Throttle time, how many results, and the first one's error code; the broker gives one code for all that matter here.
fn check(answer: &[u8], expected: usize) {
    let count = i32::from_be_bytes(answer[4..8].try_into().expect("four bytes"));
    assert_eq!(count as usize, expected, "{answer:?}");
    let error = i16::from_be_bytes(answer[8..10].try_into().expect("two bytes"));
    assert_eq!(error, 0, "{}", String::from_utf8_lossy(answer));
}

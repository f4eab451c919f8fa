//! Credentials, right and wrong.

use super::cluster::Cluster;
use latefusion::shell::bus::kafka::{KafkaBus, KafkaSettings, Mechanism, Security};
use latefusion::shell::bus::{Bus, BusError, Guarantee, Worker};
use latefusion::types::Span;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

fn connect(settings: &KafkaSettings) -> Result<(), BusError> {
    let worker = Worker {
        group: "security".to_owned(),
        id: "security".to_owned(),
        topics: Vec::new(),
        guarantee: Guarantee::Transactional,
    };
    KafkaBus::connect(settings, worker).map(|mut bus| bus.close())
}

fn stopped(settings: &KafkaSettings) -> String {
    match connect(settings) {
        Err(BusError::Stop(text)) => text,
        other => panic!("{settings:?} gave {other:?}"),
    }
}

#[test]
fn right_credentials_connect_and_wrong_ones_stop_with_the_servers_reason() {
    let cluster = Cluster::start(&["--secure", "--own"]);
    let tls = KafkaSettings {
        brokers: cluster.get("TLS_BOOTSTRAP").to_owned(),
        security: Security::Tls,
        ca_file: Some(PathBuf::from(cluster.get("TLS_CA"))),
        ..KafkaSettings::default()
    };
    assert_eq!(connect(&tls), Ok(()));
    let certified = KafkaSettings {
        certificate_file: Some(PathBuf::from(cluster.get("TLS_CERTIFICATE"))),
        key_file: Some(PathBuf::from(cluster.get("TLS_KEY"))),
        ..tls.clone()
    };
    assert_eq!(connect(&certified), Ok(()));
    let other_ca = Some(PathBuf::from(cluster.get("TLS_OTHER_CA")));
    let text = stopped(&KafkaSettings { ca_file: other_ca, ..tls.clone() });
    assert!(text.contains("certificate"), "{text}");

    let password = |mechanism, password: &str| KafkaSettings {
        brokers: cluster.get("SASL_BOOTSTRAP").to_owned(),
        security: Security::SaslTls,
        mechanism: Some(mechanism),
        username: Some(cluster.get("SASL_USER").to_owned()),
        password: Some(password.to_owned()),
        ..tls.clone()
    };
    for mechanism in [Mechanism::Plain, Mechanism::ScramSha256, Mechanism::ScramSha512] {
        assert_eq!(connect(&password(mechanism, cluster.get("SASL_PASSWORD"))), Ok(()));
        let text = stopped(&password(mechanism, "wrong-secret"));
        assert!(text.to_lowercase().contains("authentication failed"), "{text}");
        assert!(!text.contains("wrong-secret"), "{text}");
    }
    tokens(&password(Mechanism::OauthBearer, ""));
}

fn tokens(settings: &KafkaSettings) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("token");
    let settings = KafkaSettings { token_file: Some(file.clone()), ..settings.clone() };
    let text = stopped_or_waiting(&settings);
    assert!(text.contains("cannot read the token file"), "{text}");
    std::fs::write(&file, unsigned_token() + "\n").expect("the folder is there");
    assert_eq!(connect(&settings), Ok(()));
}

/// A token that is not there yet may come.
fn stopped_or_waiting(settings: &KafkaSettings) -> String {
    match connect(&KafkaSettings { patience: Span::seconds(1), ..settings.clone() }) {
        Err(BusError::Stop(text) | BusError::Retry(text)) => text,
        other => panic!("{settings:?} gave {other:?}"),
    }
}

fn unsigned_token() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let claims = format!(r#"{{"sub":"latefusion","iat":{now},"exp":{}}}"#, now + 600);
    format!("{}.{}.", base64_url(br#"{"alg":"none"}"#), base64_url(claims.as_bytes()))
}

fn base64_url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let sextets = |chunk: &[u8]| {
        let word = chunk.iter().fold(0_u32, |word, byte| (word << 8) | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        (0..=chunk.len())
            .map(move |n| char::from(ALPHABET[(word >> (18 - 6 * n)) as usize & 63]))
            .collect::<String>()
    };
    bytes.chunks(3).map(sextets).collect()
}

#[test]
fn brokers_that_are_not_there_are_waited_for_and_named() {
    let settings = KafkaSettings {
        brokers: "127.0.0.1:1".to_owned(),
        patience: Span::seconds(1),
        ..KafkaSettings::default()
    };
    let Err(BusError::Retry(text)) = connect(&settings) else { panic!("nobody listens there") };
    assert!(text.contains("127.0.0.1:1") && text.contains("Connection refused"), "{text}");
}

#[test]
fn a_setting_that_does_not_exist_stops() {
    let mut settings = KafkaSettings::default();
    settings.extra.insert("no.such.setting".to_owned(), "1".to_owned());
    let text = stopped(&settings);
    assert!(text.contains("no.such.setting"), "{text}");
}

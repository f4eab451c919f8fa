use super::*;

#[test]
fn secrets_are_masked_wherever_settings_are_printed() {
    let mut settings = KafkaSettings {
        password: Some("s3cret".to_owned()),
        key_password: Some("s3cret".to_owned()),
        ..KafkaSettings::default()
    };
    settings.extra.insert("ssl.keystore.password".to_owned(), "s3cret".to_owned());
    settings.extra.insert("linger.ms".to_owned(), "7".to_owned());
    let shown = format!("{settings:?}");
    assert!(!shown.contains("s3cret"), "{shown}");
    assert_eq!(shown.matches("***").count(), 3);
    assert!(shown.contains("\"linger.ms\": \"7\""));
}

#[test]
fn an_extra_setting_wins_and_reaches_only_the_clients_it_is_for() {
    let mut settings = KafkaSettings::default();
    settings.extra.insert("linger.ms".to_owned(), "7".to_owned());
    settings.extra.insert("fetch.wait.max.ms".to_owned(), "9".to_owned());
    let worker = Worker {
        group: "g".to_owned(),
        id: "w".to_owned(),
        topics: Vec::new(),
        guarantee: Guarantee::Idempotent,
    };
    let (consumer, producer) = (settings.consumer(&worker), settings.producer(&worker, None));
    assert_eq!(producer.get("linger.ms"), Some("7"));
    assert_eq!(producer.get("fetch.wait.max.ms"), None);
    assert_eq!(consumer.get("fetch.wait.max.ms"), Some("9"));
    assert_eq!(consumer.get("linger.ms"), None);
}

//! The configuration file: documented key by key, every mistake at once, no secret shown.

use latefusion::shell::config::{Config, Deployment};
use std::collections::BTreeSet;

const DOCUMENTED: &str = include_str!("../../deploy/latefusion.toml");

/// The file with every commented-out key switched on.
fn with_every_key() -> String {
    let is_key = |text: &str| {
        let name = text.split_once(" = ").map_or("", |(name, _)| name);
        let legal = |b: u8| b.is_ascii_lowercase() || b"_\".-".contains(&b);
        !name.is_empty() && name.bytes().all(legal)
    };
    let switch_on = |line: &str| match line.strip_prefix("# ") {
        Some(text) if is_key(text) => text.to_owned(),
        _ => line.to_owned(),
    };
    DOCUMENTED.lines().map(switch_on).collect::<Vec<_>>().join("\n")
}

fn paths(table: &toml::Table, path: &str, free: &BTreeSet<String>, out: &mut BTreeSet<String>) {
    for (key, value) in table {
        let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        if free.contains(&format!("{path}.*")) {
            out.insert(format!("{path}.*"));
        } else if let toml::Value::Table(table) = value {
            paths(table, &inner, free, out);
        } else {
            out.insert(inner);
        }
    }
}

#[test]
fn the_annotated_file_has_every_key_and_no_other() {
    let known: BTreeSet<String> = Config::keys().into_iter().collect();
    let table: toml::Table = with_every_key().parse().expect("it is TOML");
    let mut written = BTreeSet::new();
    paths(&table, "", &known, &mut written);
    assert_eq!(written, known);
    assert!(known.len() > 50, "only {} keys were compared", known.len());
}

#[test]
fn the_annotated_file_shows_the_defaults() {
    assert_eq!(Config::parse(DOCUMENTED), Ok(Config::default()));
    assert_eq!(Config::parse(""), Ok(Config::default()));
}

#[test]
fn what_is_printed_reads_back_the_same() {
    let text = toml::to_string(&Config::default()).expect("plain data");
    assert_eq!(Config::parse(&text), Ok(Config::default()));
}

#[test]
fn every_mistake_of_form_is_listed_with_its_path_and_what_was_meant() {
    let text = r#"
        [kafka]
        broker = "a:1"
        patience = "soon"
        [lanes]
        workers = "two"
        profile = "icu"
        [kafak]
        [telemetry]
        log_level = 3
    "#;
    let mistakes = Config::parse(text).expect_err("there are six");
    let told: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    let all = told.join("\n");
    assert_eq!(mistakes.len(), 6, "{all}");
    for expected in [
        "kafka.broker: there is no such key; did you mean `kafka.brokers`?",
        "kafka.patience: `soon` is no length of time",
        "lanes.workers: invalid type: string \"two\"",
        "lanes.profile: unknown variant `icu`, expected `ward` or `hourly`",
        "kafak: there is no such key; did you mean `kafka`?",
        "telemetry.log_level: ",
    ] {
        assert!(all.contains(expected), "`{expected}` is missing in\n{all}");
    }
}

#[test]
fn every_mistake_in_the_values_is_listed_at_once() {
    let text = r#"
        [kafka]
        brokers = "nowhere"
        security = "sasl_tls"
        [kafka.extra]
        "sasl.password" = "s3cret"
        [topics]
        predictions = "fused-scores"
        partitions = 0
        [topics.epochs]
        beds = 1
        [lanes]
        heartbeat = "1min"
        instance = "a b"
        [models.labs]
        active = "news2-ward@1"
        shadow = "reference, ../x"
        [models.beds]
        active = "reference"
        [telemetry]
        listen = "here"
    "#;
    let mistakes = Config::parse(text).expect_err("there are many");
    let found: BTreeSet<&str> = mistakes.iter().map(|mistake| mistake.path.as_str()).collect();
    let expected = BTreeSet::from([
        "kafka.brokers",
        "kafka.mechanism",
        "kafka.username",
        "kafka.password_file",
        "kafka.extra.\"sasl.password\"",
        "topics.fused_scores",
        "topics.partitions",
        "topics.epochs.beds",
        "lanes.heartbeat",
        "lanes.instance",
        "models.labs.active",
        "models.labs.shadow",
        "models.beds",
        "telemetry.listen",
    ]);
    assert_eq!(found, expected, "{mistakes:?}");
    assert!(!format!("{mistakes:?}").contains("s3cret"));
}

fn with_password(file: &std::path::Path) -> Config {
    let text = format!(
        "[kafka]\nsecurity = \"sasl_plaintext\"\nmechanism = \"PLAIN\"\nusername = \"u\"\npassword_file = {:?}",
        file.display().to_string()
    );
    Config::parse(&text).expect("nothing is wrong with it")
}

#[test]
fn a_secret_is_read_from_its_file_and_never_shown() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("password");
    std::fs::write(&file, "s3cret\n").expect("the folder is there");
    let config = with_password(&file);
    let shown = toml::to_string(&config).expect("plain data");
    let deployment = Deployment::new(config).expect("nothing is wrong with it");
    assert_eq!(deployment.kafka.password.as_deref(), Some("s3cret"));
    for shown in [shown, format!("{:?}", deployment.kafka), format!("{:?}", deployment.config)] {
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}

#[test]
fn files_that_cannot_be_used_are_all_listed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let package = folder.path().join("package.toml");
    std::fs::write(&package, "every = \"10s\"\nsurprise = 1").expect("the folder is there");
    let mut config = with_password(&folder.path().join("nothing"));
    config.fusion.package_file = Some(package);
    let mistakes = Deployment::new(config).map(|_| ()).expect_err("two files are wrong");
    assert_eq!(mistakes.len(), 2, "{mistakes:?}");
    assert_eq!(mistakes[0].path, "kafka.password_file");
    assert!(mistakes[1].path.contains("fusion.package_file"), "{mistakes:?}");
}

#[test]
fn the_shipped_compose_configuration_is_without_mistakes() {
    let text = include_str!("../../deploy/compose/latefusion.toml");
    let config = Config::parse(text).expect("it is without mistakes");
    assert_eq!(config.kafka.brokers, "kafka:9092");
    assert_eq!(config.telemetry.listen, "0.0.0.0:9464");
}

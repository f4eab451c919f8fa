//! Topics are made as they should be, and left alone where they are.

use super::{Kafka, shared, spec};
use latefusion::shell::bus::kafka::topics::{Difference, TopicState, apply, plan};

#[test]
fn topics_are_created_corrected_and_then_left_alone() {
    let settings = Kafka(shared()).settings();
    let name = format!("topics-{}", std::process::id());
    let mut wanted = spec(&name, 3);
    for (setting, value) in [
        ("cleanup.policy", "compact"),
        ("message.timestamp.type", "LogAppendTime"),
        ("retention.ms", "86400000"),
        ("max.message.bytes", "2000000"),
    ] {
        wanted.settings.insert(setting.to_owned(), value.to_owned());
    }

    let missing = plan(&settings, &[wanted.clone()]).expect("the broker is there");
    assert_eq!(missing.topics[0].1, TopicState::Missing);
    assert!(missing.to_string().contains("missing"), "{missing}");
    assert_eq!(apply(&settings, &missing).expect("it may be created").len(), 1);

    let done = plan(&settings, &[wanted.clone()]).expect("the broker is there");
    assert!(done.is_done(), "{done}");
    assert_eq!(apply(&settings, &done), Ok(Vec::new()));
    // As if somebody else had created it meanwhile.
    assert_eq!(apply(&settings, &missing).expect("it is there").len(), 1);

    wanted.partitions = 5;
    wanted.settings.insert("retention.ms".to_owned(), "1000".to_owned());
    let differs = plan(&settings, &[wanted.clone()]).expect("the broker is there");
    let TopicState::There(differences) = &differs.topics[0].1 else { panic!("{differs}") };
    assert_eq!(differences[0], Difference::Partitions { is: 3, wanted: 5 });
    assert_eq!(differences.len(), 2, "{differs}");
    let done = apply(&settings, &differs).expect("settings may be changed");
    assert_eq!(done, [format!("set retention.ms of {name} to 1000")]);

    wanted.partitions = 3;
    let done = plan(&settings, &[wanted]).expect("the broker is there");
    assert!(done.is_done(), "the other settings are still there: {done}");
}

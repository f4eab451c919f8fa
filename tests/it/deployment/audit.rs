//! What was published follows from the log, and whatever does not is found.

use super::small_ward::{PARTITIONS, SmallWard, on_change};
use latefusion::fuse::package::Publish;
use latefusion::shell::audit::{Difference, Report, Scope, audit};
use latefusion::shell::bus::{Guarantee, Outgoing, TopicPartition};
use latefusion::types::Span;
use std::time::Duration;

fn audited(ward: &SmallWard) -> Report {
    let mut bus = ward.outsider(Guarantee::Idempotent);
    let scope = Scope::everything(Duration::from_millis(100));
    audit(&mut bus, &ward.pipeline, scope, &mut |_| {}).expect("the broker is there")
}

fn after(minutes: i64, publish: Publish) -> SmallWard {
    let mut ward = SmallWard::new(publish);
    ward.run(Span::minutes(minutes));
    ward.end();
    ward
}

fn scores(ward: &SmallWard, partition: u32) -> TopicPartition {
    TopicPartition::new(&*ward.pipeline.topics.fused_scores, partition)
}

#[test]
fn every_published_score_is_derived_again_bit_for_bit() {
    let mut compared = Vec::new();
    for publish in [Publish::Always, on_change()] {
        let ward = after(3, publish);
        let report = audited(&ward);
        let published = ward.broker.records(&ward.pipeline.topics.fused_scores).len() as u64;
        assert!(report.is_clean(), "{:?}", report.partitions);
        assert_eq!(report.compared(), published);
        assert_eq!(report.partitions.len(), PARTITIONS as usize);
        assert!(published > 40, "only {published} were compared");
        compared.push(published);
    }
    assert!(compared[1] < compared[0], "on_change publishes less: {compared:?}");
}

#[test]
fn an_audit_beside_running_fusion_is_clean_too() {
    let mut ward = SmallWard::new(Publish::Always);
    let mut compared = 0;
    for _ in 0..6 {
        ward.run(Span::seconds(13));
        let report = audited(&ward);
        assert!(report.is_clean(), "{:?}", report.partitions);
        assert!(report.compared() >= compared);
        compared = report.compared();
    }
    assert!(compared > 20, "only {compared} were compared");
}

#[test]
fn one_lost_and_one_repeated_score_are_found_and_named() {
    let ward = after(2, Publish::Always);
    let whole = audited(&ward).compared();
    let lost = ward.broker.lose(&scores(&ward, 0), |record| record.offset == 5);
    assert_eq!(lost, 1, "there is a score at offset 5");
    let again = ward.broker.records(&ward.pipeline.topics.fused_scores);
    let again = again.iter().find(|record| record.place.partition == 1).expect("there are scores");
    ward.append(Outgoing {
        topic: again.place.topic.clone(),
        partition: Some(1),
        key: again.key.clone(),
        payload: again.payload.clone(),
        headers: Vec::new(),
    });
    let report = audited(&ward);
    assert_eq!(report.compared(), whole - 1);
    let [first, second] = report.partitions.as_slice() else { panic!("two partitions") };
    assert!(matches!(first.differences.as_slice(), [Difference::NotPublished(_)]), "{first}");
    assert!(matches!(second.differences.as_slice(), [Difference::NotDerived(_)]), "{second}");
    assert!(first.to_string().contains("was not published"), "{first}");
    assert_eq!(report.json()["differences"], 2);
}

#[test]
fn a_score_with_one_other_digit_is_found() {
    let ward = after(2, Publish::Always);
    let records = ward.broker.records(&ward.pipeline.topics.fused_scores);
    let last = records.iter().rfind(|record| record.place.partition == 0).expect("there are some");
    assert_eq!(ward.broker.lose(&scores(&ward, 0), |record| record.offset == last.offset), 1);
    let text = String::from_utf8(last.payload.clone().expect("a score")).expect("JSON");
    let forged = text.replacen("\"revision\":", "\"forged\":1,\"revision\":", 1);
    assert_ne!(forged, text);
    ward.append(Outgoing {
        topic: last.place.topic.clone(),
        partition: Some(0),
        key: last.key.clone(),
        payload: Some(forged.into_bytes()),
        headers: Vec::new(),
    });
    let report = audited(&ward);
    let differences = &report.partitions[0].differences;
    assert!(matches!(differences.as_slice(), [Difference::Differs { .. }]), "{differences:?}");
}

#[test]
fn without_the_beginning_of_the_log_it_begins_with_the_checkpoint_and_says_so() {
    let mut ward = SmallWard::new(Publish::Always);
    ward.run(Span::seconds(55));
    let log = |partition| TopicPartition::new(&*ward.pipeline.topics.predictions, partition);
    for partition in 0..PARTITIONS {
        ward.broker.truncate(&log(partition), 3);
    }
    ward.run(Span::seconds(15));
    let report = audited(&ward);
    assert!(report.is_clean(), "{:?}", report.partitions);
    assert!(report.compared() > 0, "something was compared");
    for partition in &report.partitions {
        assert!(partition.from_checkpoint && partition.skipped > 0, "{partition}");
        assert!(partition.to_string().contains("can no longer be proved"), "{partition}");
    }
}

#[test]
fn without_log_and_checkpoint_nothing_is_proved_and_it_says_so() {
    let mut ward = SmallWard::new(Publish::Always);
    ward.run(Span::seconds(15));
    ward.broker.truncate(&TopicPartition::new(&*ward.pipeline.topics.predictions, 0), 3);
    let state = &ward.pipeline.state_topics.fuse;
    for partition in 0..PARTITIONS {
        ward.broker.lose(&TopicPartition::new(state.as_str(), partition), |_| true);
    }
    let report = audited(&ward);
    assert!(!report.is_clean());
    assert!(
        report.partitions[0].to_string().contains("NOTHING PROVED"),
        "{}",
        report.partitions[0]
    );
}

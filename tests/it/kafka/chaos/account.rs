//! The deployment under test, seen from outside: lags, open transactions, and in the end every record.

use crate::simulation::checks::Archive;
use latefusion::shell::bus::kafka::KafkaBus;
use latefusion::shell::bus::{Bus, BusError, Guarantee, Record, TopicPartition, Worker};
use latefusion::shell::config::Deployment;
use latefusion::shell::driver::{Pipeline, Role};
use latefusion::types::{Feed, Position};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// Longer than any drain on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// The deployment under test.
pub(super) struct Deployed {
    deployment: Deployment,
    pub(super) pipeline: Pipeline,
}

impl Deployed {
    pub(super) fn load(config: &Path) -> Self {
        let deployment = Deployment::load(Some(config)).expect("the configuration is right");
        Self { pipeline: deployment.pipeline(), deployment }
    }

    /// An onlooker with the eyes of a group.
    pub(super) fn connect(&self, group: String) -> KafkaBus {
        let worker = Worker {
            group,
            id: "chaos-onlooker".to_owned(),
            topics: Vec::new(),
            guarantee: Guarantee::Idempotent,
        };
        insist(|| KafkaBus::connect(&self.deployment.kafka, worker.clone()))
    }

    fn wait_for(&self, role: Role, story: &str) {
        let group = role.membership(&self.pipeline, &self.deployment.config.lanes.app, "", 0).group;
        let mut bus = self.connect(group);
        let topic = role.topic(&self.pipeline);
        let began = Instant::now();
        for partition in 0..insist(|| bus.partitions(&topic)) {
            let place = TopicPartition::new(topic.clone(), partition);
            loop {
                let end = insist(|| bus.progress(&place)).stable;
                let committed = insist(|| bus.committed(&place)).unwrap_or(0);
                // Behind the last record there may be the mark of a transaction.
                if end <= committed + i64::from(role == Role::Fuse && committed <= 1) {
                    break;
                }
                let late = began.elapsed() > PATIENCE;
                assert!(
                    !late,
                    "the lag of {place} does not go to zero: {committed} of {end}\n{story}"
                );
                std::thread::sleep(Duration::from_millis(100));
            }
        }
        bus.close();
    }

    fn feeds(&self) -> impl Iterator<Item = Feed> + '_ {
        let registry = &self.pipeline.lanes.registry;
        registry.iter().map(|(id, _)| Feed::Modality(id)).chain([Feed::Encounters])
    }

    /// Until the scorers' lag is zero.
    pub(super) fn wait_until_scored(&self, story: &str) {
        self.feeds().for_each(|feed| self.wait_for(Role::Score(feed), story));
    }

    /// Until fusion's lag is zero.
    pub(super) fn wait_until_fused(&self, story: &str) {
        self.wait_for(Role::Fuse, story);
    }

    /// Where fusion writes in its transactions.
    pub(super) fn written_by_fusion(&self) -> Vec<TopicPartition> {
        let topics = &self.pipeline.topics;
        let place = |topic: &str, partition| TopicPartition::new(topic, partition);
        (0..super::PARTITIONS)
            .flat_map(|partition| {
                [place(&topics.fused_scores, partition), place(&topics.availability, partition)]
            })
            .collect()
    }

    /// From the broker taking the newest source record of an early pane to the pane being read, in ms; up to an instant.
    pub(super) fn latencies(&self, early: &[(i64, Vec<Position>)], until: i64) -> Vec<i64> {
        let mut bus = self.connect("chaos-onlooker".to_owned());
        let mut ingested: BTreeMap<Position, i64> = BTreeMap::new();
        let wanted = early.iter().filter(|(at, _)| *at <= until);
        for source in wanted.clone().flat_map(|(_, sources)| sources) {
            let place = TopicPartition::new(
                self.pipeline.names.topic(source.lane.feed),
                source.lane.partition,
            );
            ingested.entry(*source).or_insert_with(|| {
                let mut at = i64::MIN;
                insist(|| {
                    let to = Some(source.offset + 1);
                    bus.read_back(&place, source.offset, to, &mut |record| {
                        at = record.ingest_time.as_millis();
                    })
                });
                at
            });
        }
        let newest = |sources: &[Position]| sources.iter().filter_map(|s| ingested.get(s)).max();
        wanted.filter_map(|(at, sources)| newest(sources).map(|ingested| at - ingested)).collect()
    }
}

/// Makes a call again while the broker is away.
pub(super) fn insist<T>(mut call: impl FnMut() -> Result<T, BusError>) -> T {
    let began = Instant::now();
    loop {
        match call() {
            Ok(done) => return done,
            Err(BusError::Retry(_)) if began.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(100));
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// All topics, read once.
pub(super) struct Topics<'a> {
    pipeline: &'a Pipeline,
    topics: BTreeMap<String, (u32, Vec<Record>)>,
}

impl<'a> Topics<'a> {
    pub(super) fn read(deployed: &'a Deployed) -> Self {
        let pipeline = &deployed.pipeline;
        let inputs = deployed.feeds().map(|feed| pipeline.names.topic(feed).to_owned());
        let written = [
            &pipeline.topics.predictions,
            &pipeline.topics.fused_scores,
            &pipeline.topics.availability,
            &pipeline.topics.dead_letters,
        ];
        let mut bus = deployed.connect("chaos-onlooker".to_owned());
        let mut topics = BTreeMap::new();
        for topic in inputs.chain(written.into_iter().cloned()) {
            let partitions = insist(|| bus.partitions(&topic));
            let mut all = Vec::new();
            for partition in 0..partitions {
                let place = TopicPartition::new(topic.as_str(), partition);
                let mut records = Vec::new();
                insist(|| {
                    records.clear();
                    bus.read_back(&place, 0, None, &mut |record| records.push(record))
                });
                all.append(&mut records);
            }
            topics.insert(topic, (partitions, all));
        }
        bus.close();
        Self { pipeline, topics }
    }
}

impl Archive for Topics<'_> {
    fn pipeline(&self) -> &Pipeline {
        self.pipeline
    }

    fn records(&self, topic: &str) -> Vec<Record> {
        self.topics.get(topic).map(|(_, records)| records.clone()).unwrap_or_default()
    }

    fn partitions(&self, topic: &str) -> u32 {
        self.topics.get(topic).map_or(0, |(partitions, _)| *partitions)
    }

    fn appended(&self, record: &Record) -> i64 {
        record.ingest_time.as_millis()
    }
}

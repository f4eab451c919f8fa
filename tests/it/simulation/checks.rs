//! What must hold of a world, whatever befell it.

use super::deployment::broker_partitions;
use super::world::World;
use latefusion::fuse::{FuseConfig, FuseInput, FuseOutput, FuseStage};
use latefusion::modality::encounters;
use latefusion::score::{ScoreConfig, ScoreInput, ScoreOutput, ScoreStage};
use latefusion::shell::bus::Record;
use latefusion::shell::driver::Pipeline;
use latefusion::shell::wire::{
    ModelNames, check_key, decode_dead_letter, decode_entry, decode_fused_score,
    encode_availability, encode_entry, encode_fused_score,
};
use latefusion::stage::Stage;
use latefusion::types::{
    Event, Fault, Feed, FusedScore, LogEntry, ModalityId, Pane, PatientId, Position, RejectReason,
    Rejection, SourceLane, Stay,
};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that a deployment has read and written.
pub(crate) trait Archive {
    fn pipeline(&self) -> &Pipeline;
    /// Committed records of a topic, in offset order within a partition.
    fn records(&self, topic: &str) -> Vec<Record>;
    fn partitions(&self, topic: &str) -> u32;
    /// When a record of `predictions` was really appended, whatever the broker's clock said.
    fn appended(&self, record: &Record) -> i64;
}

impl Archive for World {
    fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    fn records(&self, topic: &str) -> Vec<Record> {
        self.broker.records(topic)
    }

    fn partitions(&self, topic: &str) -> u32 {
        broker_partitions(&self.broker, topic)
    }

    fn appended(&self, record: &Record) -> i64 {
        let partition = record.place.partition as usize;
        let at = self.ends.partition_point(|(_, ends)| ends[partition] <= record.offset);
        self.ends.get(at).map_or(i64::MAX, |(time, _)| *time)
    }
}

/// Every source record, once: what a stage that never stopped makes of each, by position.
pub(crate) struct Expected {
    entries: BTreeMap<Position, Vec<u8>>,
    /// Keys of the dead letters.
    pub(crate) rejected: BTreeMap<String, RejectReason>,
}

fn payload(record: &Record, longest: usize) -> Result<&[u8], Fault> {
    let bytes = record.payload.as_deref();
    let bytes = bytes.ok_or_else(|| Fault::new(RejectReason::Undecodable, "no payload"))?;
    let fits = bytes.len() <= longest;
    if fits { Ok(bytes) } else { Err(Fault::new(RejectReason::Oversized, "too long")) }
}

fn key(record: &Record) -> Option<PatientId> {
    let text = std::str::from_utf8(record.key.as_deref()?).ok()?;
    PatientId::new(text).ok()
}

/// The key of a record's dead letter.
pub(crate) fn letter_key(record: &Record, epoch: u32) -> String {
    let (topic, partition) = (&record.place.topic, record.place.partition);
    format!("{topic}/{epoch}/{partition}/{}", record.offset)
}

/// Steps stages that never stop through the source topics.
pub(crate) fn expected(world: &impl Archive) -> Expected {
    let mut expected = Expected { entries: BTreeMap::new(), rejected: BTreeMap::new() };
    for (id, modality) in world.pipeline().lanes.registry.iter() {
        let records = world.records(modality.topic);
        for partition in 0..world.partitions(modality.topic) {
            let of = records.iter().filter(|record| record.place.partition == partition);
            score(world, (id, partition), &of.collect::<Vec<_>>(), &mut expected);
        }
    }
    for record in world.records(encounters::TOPIC) {
        let lane =
            SourceLane { feed: Feed::Encounters, epoch: 0, partition: record.place.partition };
        let source = Position { lane, offset: record.offset };
        let read = payload(&record, world.pipeline().max_payload).and_then(encounters::decode);
        let skew = world.pipeline().lanes.scoring.iter().map(|s| s.max_clock_skew).max();
        let latest = (record.ingest_time + skew.expect("there are modalities")).as_millis();
        match read {
            Ok(e) if e.event_time.as_millis().max(e.issued.as_millis()) > latest => {
                // As the driver does, the key is looked at first.
                let other_key = Some(&e.patient) != key(&record).as_ref();
                let [mismatch, future] = [RejectReason::KeyMismatch, RejectReason::FutureEventTime];
                expected.reject(&record, 0, if other_key { mismatch } else { future });
            }
            Ok(e) if Some(&e.patient) == key(&record).as_ref() => {
                let (patient, change, unit) = (e.patient, e.change, e.unit);
                let (event_time, issued) = (e.event_time, e.issued);
                let stay = Stay { source, patient, change, event_time, issued, unit };
                expected.put(world, source, &LogEntry::Stay(stay));
            }
            Ok(_) => expected.reject(&record, 0, RejectReason::KeyMismatch),
            Err(fault) => expected.reject(&record, 0, fault.reason),
        }
    }
    expected
}

impl Expected {
    fn put(&mut self, world: &impl Archive, source: Position, entry: &LogEntry) {
        let mut bytes = Vec::new();
        encode_entry(entry, &world.pipeline().names, &mut bytes);
        assert_eq!(self.entries.insert(source, bytes), None);
    }

    fn reject(&mut self, record: &Record, epoch: u32, reason: RejectReason) {
        self.rejected.insert(letter_key(record, epoch), reason);
    }
}

fn score(
    world: &impl Archive,
    (id, partition): (ModalityId, u32),
    records: &[&Record],
    expected: &mut Expected,
) {
    let lanes = &world.pipeline().lanes;
    let (modality, scoring) =
        (lanes.registry.get(id).expect("it is there"), lanes.scoring[id.index()]);
    let epoch = world.pipeline().epochs.get(modality.topic).copied().unwrap_or(0);
    let config = ScoreConfig {
        source: SourceLane { feed: Feed::Modality(id), epoch, partition },
        modality: id,
        columns: modality,
        lanes: world.partitions(modality.topic),
        lookback: scoring.lookback,
        reach: scoring.reach,
        out_of_orderness: scoring.out_of_orderness,
        max_clock_skew: scoring.max_clock_skew,
        state_ttl: scoring.state_ttl,
        max_patients: lanes.max_patients,
        max_observations: scoring.max_observations,
    };
    let models = &lanes.models[id.index()];
    let mut stage = ScoreStage::new(config, models.active.clone(), models.shadows.clone());
    let decode = |record: &Record| -> Result<Event, Fault> {
        (modality.decode)(payload(record, world.pipeline().max_payload)?, id)
    };
    let mut inputs = records
        .iter()
        .map(|record| ScoreInput {
            offset: record.offset,
            ingest_time: record.ingest_time,
            key: key(record),
            event: decode(record),
        })
        .collect();
    let mut outputs = Vec::new();
    stage.step(&mut inputs, &mut outputs);
    for output in outputs {
        match output {
            ScoreOutput::Scored(scored) => {
                expected.put(world, scored.source, &LogEntry::Scored(scored));
            }
            ScoreOutput::Rejected(Rejection { source, fault }) if !fault.reason.is_harmless() => {
                let record = records.iter().find(|record| record.offset == source.offset);
                expected.reject(record.expect("it was read"), epoch, fault.reason);
            }
            ScoreOutput::Rejected(_) => {}
        }
    }
}

/// What the predictions log holds.
pub(crate) struct Log {
    /// By partition of `predictions`, what a fusion stage that never stopped makes of it.
    pub(crate) outputs: Vec<Vec<FuseOutput>>,
    /// Records that fell away as repeats or zombies' writes: of which lane, and when they were appended.
    pub(crate) repeats: Vec<(SourceLane, i64)>,
    /// Late predictions that no open window could take any more.
    pub(crate) too_late: u64,
    /// The longest time (ms) from issue to append of anything taken.
    pub(crate) slowest: i64,
    pub(crate) taken: u64,
}

/// Reads the log as fusion does; checks that each source record is taken once, in order, as expected.
pub(crate) fn log(world: &impl Archive, expected: &mut Expected) -> Log {
    let topic = &world.pipeline().topics.predictions;
    let records = world.records(topic);
    let mut log =
        Log { outputs: Vec::new(), repeats: Vec::new(), too_late: 0, slowest: 0, taken: 0 };
    let mut seen: BTreeSet<Position> = BTreeSet::new();
    for partition in 0..world.partitions(topic) {
        let config = FuseConfig {
            partition,
            registry: world.pipeline().lanes.registry.clone(),
            max_patients: world.pipeline().lanes.max_patients,
            max_history: world.pipeline().lanes.max_history,
        };
        let (mut stage, mut models) = (FuseStage::new(config), ModelNames::default());
        let (mut outputs, mut newest) = (Vec::new(), BTreeMap::<SourceLane, i64>::new());
        for record in records.iter().filter(|record| record.place.partition == partition) {
            let entry = payload(record, usize::MAX)
                .and_then(|payload| decode_entry(payload, &world.pipeline().names, &mut models))
                .and_then(|entry| check_key(&entry, record.key.as_deref()).map(|()| entry));
            if let Err(fault) = &entry {
                expected.reject(record, 0, fault.reason);
            }
            let source = entry.as_ref().ok().and_then(said);
            if let Some((position, issued)) = source {
                let newest = newest.entry(position.lane).or_insert(-1);
                if position.offset > *newest {
                    *newest = position.offset;
                    log.taken += 1;
                    log.slowest = log.slowest.max(world.appended(record) - issued);
                    assert!(seen.insert(position), "{position:?} is taken twice");
                    let wanted = expected.entries.get(&position);
                    assert_eq!(wanted, record.payload.as_ref(), "{position:?}: {record:?}");
                } else {
                    log.repeats.push((position.lane, world.appended(record)));
                }
            }
            let (offset, ingest_time) = (record.offset, record.ingest_time);
            stage.step(&mut vec![FuseInput { offset, ingest_time, entry }], &mut outputs);
        }
        let counters = stage.counters();
        log.too_late += counters.carried.iter().chain(&counters.expired).sum::<u64>();
        log.outputs.push(outputs);
    }
    let missing: Vec<_> = expected.entries.keys().filter(|p| !seen.contains(p)).collect();
    assert!(missing.is_empty(), "never taken: {missing:?}");
    log
}

/// Position and newest issue time of what an entry says about a patient.
fn said(entry: &LogEntry) -> Option<(Position, i64)> {
    match entry {
        LogEntry::Scored(scored) => {
            let issued = scored.predictions.iter().map(|p| p.issued.as_millis()).min();
            Some((scored.source, issued.unwrap_or(0)))
        }
        LogEntry::Stay(stay) => Some((stay.source, stay.issued.as_millis())),
        LogEntry::Heartbeat(_) | LogEntry::Activation(_) => None,
    }
}

/// Published = derived from the log, bit for bit; no revision twice, none left out. Returns the panes compared.
pub(crate) fn published(world: &impl Archive, log: &Log, expected: &Expected) -> u64 {
    let names = &world.pipeline().names;
    let bytes = |record: &Record| record.payload.clone().unwrap_or_default();
    let mut compared = 0;
    let scores = world.records(&world.pipeline().topics.fused_scores);
    let mut availability: Vec<Vec<u8>> = Vec::new();
    for (partition, outputs) in (0..).zip(&log.outputs) {
        let mut derived: Vec<Vec<u8>> = Vec::new();
        for output in outputs {
            let mut bytes = Vec::new();
            match output {
                FuseOutput::Fused(score) => {
                    encode_fused_score(score, names, &mut bytes);
                    derived.push(bytes);
                }
                FuseOutput::Availability(record) => {
                    encode_availability(record, names, &mut bytes);
                    availability.push(bytes);
                }
                FuseOutput::Rejected(..) => {}
            }
        }
        let of = scores.iter().filter(|record| record.place.partition == partition);
        let published: Vec<Vec<u8>> = of.map(bytes).collect();
        compared += derived.len() as u64;
        assert_same(&derived, &published, partition);
    }
    let records = world.records(&world.pipeline().topics.availability);
    let mut published: Vec<Vec<u8>> = records.iter().map(bytes).collect();
    published.sort_unstable();
    availability.sort_unstable();
    assert_same(&availability, &published, 0);
    revisions(world, &scores);
    dead_letters(world, expected);
    compared
}

fn assert_same(derived: &[Vec<u8>], published: &[Vec<u8>], partition: u32) {
    let differ = |i: &usize| derived.get(*i) != published.get(*i);
    if let Some(at) = (0..derived.len().max(published.len())).find(differ) {
        let text = |of: &[Vec<u8>]| of.get(at).map(|b| String::from_utf8_lossy(b).into_owned());
        assert_eq!(text(derived), text(published), "partition {partition}, record {at}");
    }
}

fn revisions(world: &impl Archive, scores: &[Record]) {
    let mut next: BTreeMap<(PatientId, i64), u32> = BTreeMap::new();
    for record in scores {
        let score = read_score(world, record);
        let who = (score.patient.clone(), score.window.end().as_millis());
        let next = next.entry(who).or_default();
        assert_eq!(score.revision, *next, "{} {:?}", score.patient.as_str(), score.window);
        *next += 1;
    }
}

fn dead_letters(world: &impl Archive, expected: &Expected) {
    let mut found: BTreeMap<String, RejectReason> = BTreeMap::new();
    for record in world.records(&world.pipeline().topics.dead_letters) {
        let key = String::from_utf8(record.key.expect("written with one")).expect("text");
        let letter = decode_dead_letter(&record.payload.expect("written with one"));
        found.insert(key, letter.expect("it can be read").fault.reason);
    }
    assert_eq!(found, expected.rejected, "dead letters");
}

pub(crate) fn read_score(world: &impl Archive, record: &Record) -> FusedScore {
    let payload = record.payload.as_deref().expect("no tombstones here");
    let mut models = ModelNames::default();
    decode_fused_score(payload, &world.pipeline().names, &mut models).expect("it can be read")
}

/// The last word on every window up to the horizon, without how often and why it was said.
pub(super) fn finals(world: &World) -> BTreeMap<(PatientId, i64), FusedScore> {
    let mut finals = BTreeMap::new();
    for record in world.broker.records(&world.pipeline.topics.fused_scores) {
        let mut score = read_score(world, &record);
        let end = score.window.end().as_millis();
        let skipped = world.feed.discharged.as_ref() == Some(&score.patient);
        if end <= world.horizon && !skipped {
            (score.pane, score.revision) = (Pane::OnTime, 0);
            // The unit is the one known when the pane was published; a late transfer revises nothing.
            score.unit = None;
            finals.insert((score.patient.clone(), end), score);
        }
    }
    finals
}

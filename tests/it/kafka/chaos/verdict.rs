//! What is left of the run, once everybody has gone: what was lost, what came twice, what differs from a replay.

use super::PARTITIONS;
use super::account::Topics;
use super::traffic::{PaneKey, Seen};
use crate::simulation::checks::{self, Archive, Expected, Log, letter_key};
use latefusion::fuse::FuseOutput;
use latefusion::modality::encounters;
use latefusion::shell::bus::Record;
use latefusion::shell::local_lane::{Known, Refused};
use latefusion::shell::replay::{ReplayConfig, Sink, replay};
use latefusion::types::{
    EncounterChange, Fault, FusedScore, ModalityId, Pane, PatientId, Presence, RejectReason, Span,
};
use std::collections::{BTreeMap, BTreeSet};

/// The last word on every patient and window.
type Finals = BTreeMap<(PatientId, i64), FusedScore>;

/// What was found.
pub(super) struct Verdict<'a> {
    topics: &'a Topics<'a>,
    pub(super) expected: Expected,
    pub(super) log: Log,
    /// Panes derived from the log that the reader of committed scores did not see.
    pub(super) lost: Vec<PaneKey>,
    /// Panes that it saw again.
    pub(super) duplicates: u64,
    /// Panes that it saw and that do not follow from the log.
    pub(super) strange: u64,
}

impl<'a> Verdict<'a> {
    /// Every source record taken once, in order, as by scorers that never stopped: that is asserted here. The rest is counted.
    pub(super) fn on(topics: &'a Topics<'a>, seen: &Seen) -> Self {
        let mut expected = checks::expected(topics);
        let log = checks::log(topics, &mut expected);
        let derived: BTreeSet<PaneKey> = log.outputs.iter().flatten().filter_map(key).collect();
        let lost = derived.iter().filter(|key| !seen.panes.contains_key(*key)).cloned().collect();
        let duplicates = seen.panes.values().map(|times| times - 1).sum();
        let strange = seen.panes.keys().filter(|key| !derived.contains(*key)).count() as u64;
        Self { topics, expected, log, lost, duplicates, strange }
    }

    /// Published = derived from the log, bit for bit; no revision twice, none left out; every poison record a dead letter. How many
    /// fused scores were compared.
    pub(super) fn published(&self) -> u64 {
        checks::published(self.topics, &self.log, &self.expected)
    }

    /// Dead letters by reason.
    pub(super) fn dead_letters(&self) -> BTreeMap<RejectReason, u64> {
        let mut letters = BTreeMap::new();
        self.expected
            .rejected
            .values()
            .for_each(|reason| *letters.entry(*reason).or_default() += 1);
        letters
    }

    /// Final revisions of windows that ended by `until` (ms), and those of them on which a replay of the same events differs. Patients
    /// discharged meanwhile are left out: a discharge heard late leaves panes that a punctual one prevents.
    pub(super) fn against_replay(&self, until: i64) -> (usize, Vec<String>) {
        let discharged: BTreeSet<PatientId> = (self.known().iter())
            .filter_map(|known| match known {
                Known::Encounter(e) if e.change == EncounterChange::Discharge => {
                    Some(e.patient.clone())
                }
                _ => None,
            })
            .collect();
        let counts = |key: &&(PatientId, i64)| key.1 <= until && !discharged.contains(&key.0);
        let (published, replayed) = (self.finals(), self.replayed());
        let keys: BTreeSet<_> = published.keys().chain(replayed.keys()).filter(counts).collect();
        let differ =
            (keys.iter()).filter(|key| published.get(**key) != replayed.get(**key)).map(|key| {
                let (published, replayed) = (published.get(*key), replayed.get(*key));
                format!("{} {}: {published:?}, replay: {replayed:?}", key.0.as_str(), key.1)
            });
        (keys.len(), differ.collect())
    }

    fn finals(&self) -> Finals {
        let mut collected = Collected::default();
        for record in self.topics.records(&self.topics.pipeline().topics.fused_scores) {
            collected.take(checks::read_score(self.topics, &record));
        }
        collected.0
    }

    fn replayed(&self) -> Finals {
        let config = ReplayConfig {
            partitions: PARTITIONS,
            threads: 2,
            heartbeat: Span::seconds(1),
            round: Span::minutes(5),
            run_on: Span::minutes(1),
        };
        let (mut collected, setup) = (Collected::default(), &self.topics.pipeline().lanes);
        replay(setup, &config, self.known(), &mut collected, &mut |_| {})
            .expect("nothing is written");
        collected.0
    }

    /// What was sent, in the order in which it became known.
    fn known(&self) -> Vec<Known> {
        let (topics, registry) = (self.topics, &self.topics.pipeline().lanes.registry);
        let reason = |record: &Record| self.expected.rejected.get(&letter_key(record, 0)).copied();
        let bytes = |record: &Record| record.payload.clone().unwrap_or_default();
        let mut known = Vec::new();
        for (id, modality) in registry.iter() {
            for record in topics.records(modality.topic) {
                if let Some(reason) = reason(&record) {
                    known.extend(refused(&record, id, reason).map(Known::Refused));
                } else if let Ok(event) = (modality.decode)(&bytes(&record), id) {
                    known.push(Known::Event(event));
                }
            }
        }
        for record in topics.records(encounters::TOPIC) {
            if reason(&record).is_none() {
                let encounter = encounters::decode(&bytes(&record));
                known.push(Known::Encounter(encounter.expect("it was not rejected")));
            }
        }
        known.sort_by_key(Known::issued);
        known
    }
}

/// What a replay is told of a record that became a dead letter; nothing, if no patient is named.
fn refused(record: &Record, modality: ModalityId, reason: RejectReason) -> Option<Refused> {
    let key = std::str::from_utf8(record.key.as_deref()?).ok()?;
    let patient = PatientId::new(key).ok()?;
    let (ingest_time, fault) = (record.ingest_time, Fault::new(reason, "as in the run"));
    Some(Refused { patient, modality, ingest_time, fault })
}

fn key(output: &FuseOutput) -> Option<PaneKey> {
    match output {
        FuseOutput::Fused(score) => {
            Some((score.patient.clone(), score.window.end().as_millis(), score.revision))
        }
        _ => None,
    }
}

#[derive(Default)]
struct Collected(Finals);

impl Collected {
    /// Without how it came about, and without what two runs may see differently: where a record stood, and which transfer had been
    /// heard of when the pane was published.
    fn take(&mut self, mut score: FusedScore) {
        (score.pane, score.revision, score.unit) = (Pane::OnTime, 0, None);
        for presence in &mut score.modalities {
            if let Presence::Present(present) = presence {
                present.source.offset = 0;
                present.source.lane.partition = 0;
            }
        }
        self.0.insert((score.patient.clone(), score.window.end().as_millis()), score);
    }
}

impl Sink for Collected {
    fn fused(&mut self, score: FusedScore) -> std::io::Result<()> {
        self.take(score);
        Ok(())
    }
}

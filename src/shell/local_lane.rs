//! One partition of the whole pipeline in memory: a score lane for each modality and the fusion lane behind them,
//! joined by a log of typed records. What `replay`, `evaluate` and the benchmarks run.

use crate::fuse::{FuseConfig, FuseInput, FuseOutput, FuseStage, digest_of};
use crate::modality::Registry;
use crate::score::{ActiveModel, ScoreConfig, ScoreInput, ScoreOutput, ScoreStage};
use crate::shell::models::Roster;
use crate::stage::Stage;
use crate::types::{
    Activation, Encounter, Event, Fault, Feed, IngestTime, IssueTime, LogEntry, ModalityId,
    PatientId, Position, Rejection, ScorerClock, SourceLane, Span, Stay,
};
use std::sync::Arc;

/// The model that serves a modality, and those that shadow it.
#[derive(Clone)]
pub struct Models {
    /// Its predictions are fused.
    pub active: ActiveModel,
    /// Their predictions are published beside it.
    pub shadows: Vec<ActiveModel>,
}

/// What a lane is made of; the same for every partition.
#[derive(Clone)]
pub struct LaneSetup {
    /// The modalities.
    pub registry: Registry,
    /// One for each modality, to begin with.
    pub models: Vec<Models>,
    /// What is put to work instead while running.
    pub roster: Roster,
    /// The fusion package as text.
    pub package: Arc<str>,
    /// Score-stage limits and spans by modality.
    pub scoring: Vec<Scoring>,
    /// A lane without events for so long says that it is idle.
    pub idle_after: Span,
    /// Most patients of a partition.
    pub max_patients: usize,
    /// Most predictions kept of a patient and modality in fusion.
    pub max_history: usize,
    /// Most records scored at once; never shows in the output.
    pub batch: usize,
}

/// What the score stage of one modality is told.
#[derive(Clone, Copy, Debug)]
pub struct Scoring {
    /// How far back observations are kept.
    pub lookback: Span,
    /// How far behind a patient's newest observation another may still come.
    pub reach: Span,
    /// How far behind the newest event another may still come in order.
    pub out_of_orderness: Span,
    /// How far ahead of the broker's clock an event may be.
    pub max_clock_skew: Span,
    /// A patient silent for so long is forgotten.
    pub state_ttl: Span,
    /// Most observations kept of a patient.
    pub max_observations: usize,
}

/// One input in the order in which it became known.
#[derive(Clone, Debug)]
pub enum Known {
    /// An event of a modality.
    Event(Event),
    /// An admission, transfer or discharge.
    Encounter(Encounter),
    /// A record of a modality that cannot be used, whose key names a patient.
    Refused(Refused),
}

/// See [`Known::Refused`]: fusion is told of it, so that what is missing then shows as rejected.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The record's key.
    pub patient: PatientId,
    /// Whose topic it is on.
    pub modality: ModalityId,
    /// When the broker took it, which is all that is known of its time.
    pub ingest_time: IngestTime,
    /// What is wrong with it.
    pub fault: Fault,
}

impl Known {
    /// When it became known.
    pub fn issued(&self) -> IssueTime {
        match self {
            Self::Event(event) => event.issued,
            Self::Encounter(encounter) => encounter.issued,
            Self::Refused(refused) => IssueTime::from_millis(refused.ingest_time.as_millis()),
        }
    }

    /// Whom it is about.
    pub fn patient(&self) -> &PatientId {
        match self {
            Self::Event(event) => &event.patient,
            Self::Encounter(encounter) => &encounter.patient,
            Self::Refused(refused) => &refused.patient,
        }
    }
}

/// What a lane publishes.
#[derive(Clone, Debug)]
pub enum Published {
    /// From fusion.
    Fused(FuseOutput),
    /// From a score stage.
    Rejected(Rejection),
}

/// The lanes of one partition.
pub struct LocalLane {
    scorers: Vec<Scorer>,
    next_encounter: i64,
    fuse: FuseStage,
    log: Vec<FuseInput>,
    log_offset: i64,
    /// Entries of the current batch with their place in the order of inputs.
    made: Vec<(u64, IngestTime, LogEntry)>,
    rejected: Vec<(u64, Rejection)>,
    waiting: usize,
    sequence: u64,
    batch: usize,
    idle_after: Span,
    now: IngestTime,
}

struct Scorer {
    stage: ScoreStage,
    lane: SourceLane,
    next_offset: i64,
    last_event: Option<IngestTime>,
    inputs: Vec<ScoreInput>,
    /// Place and time of each input.
    places: Vec<(u64, IngestTime)>,
    outputs: Vec<ScoreOutput>,
}

impl LocalLane {
    /// Empty lanes of a partition whose log begins with the activation of the setup's package.
    pub fn new(setup: &LaneSetup, partition: u32) -> Self {
        let scorers = setup.registry.iter().zip(&setup.models).zip(&setup.scoring);
        let scorers = scorers.map(|(((id, modality), models), scoring)| {
            let lane = SourceLane { feed: Feed::Modality(id), epoch: 0, partition };
            let config = ScoreConfig {
                source: lane,
                modality: id,
                columns: modality,
                lanes: 1,
                lookback: scoring.lookback,
                reach: scoring.reach,
                out_of_orderness: scoring.out_of_orderness,
                max_clock_skew: scoring.max_clock_skew,
                state_ttl: scoring.state_ttl,
                max_patients: setup.max_patients,
                max_observations: scoring.max_observations,
            };
            Scorer {
                stage: ScoreStage::new(config, models.active.clone(), models.shadows.clone()),
                lane,
                next_offset: 0,
                last_event: None,
                inputs: Vec::new(),
                places: Vec::new(),
                outputs: Vec::new(),
            }
        });
        let fuse = FuseStage::new(FuseConfig {
            partition,
            registry: setup.registry.clone(),
            max_patients: setup.max_patients,
            max_history: setup.max_history,
        });
        let mut lane = Self {
            scorers: scorers.collect(),
            next_encounter: 0,
            fuse,
            log: Vec::new(),
            log_offset: 0,
            made: Vec::new(),
            rejected: Vec::new(),
            waiting: 0,
            sequence: 0,
            batch: setup.batch.max(1),
            idle_after: setup.idle_after,
            now: IngestTime::from_millis(0),
        };
        let digest = digest_of(&setup.package).into();
        let activation = Activation { digest, package: setup.package.clone() };
        lane.made.push((0, lane.now, LogEntry::Activation(activation)));
        lane
    }

    /// Takes one input; the lane's clock moves to its issue time. What it leads to comes out of [`Self::flush`],
    /// which this calls when a batch is full.
    pub fn take(&mut self, known: Known, out: &mut Vec<Published>) {
        let issued = IngestTime::from_millis(known.issued().as_millis());
        self.now = self.now.max(issued);
        self.sequence += 1;
        match known {
            Known::Event(event) => self.put(event.modality, event.patient.clone(), Ok(event)),
            Known::Encounter(encounter) => self.put_encounter(encounter),
            Known::Refused(refused) => {
                self.put(refused.modality, refused.patient, Err(refused.fault));
            }
        }
        self.waiting += 1;
        if self.waiting >= self.batch {
            self.flush(out);
        }
    }

    fn put(&mut self, modality: ModalityId, patient: PatientId, event: Result<Event, Fault>) {
        let (now, sequence) = (self.now, self.sequence);
        let Some(scorer) = self.scorers.get_mut(modality.index()) else { return };
        let (offset, key) = (scorer.next_offset, Some(patient));
        scorer.inputs.push(ScoreInput { offset, ingest_time: now, key, event });
        scorer.places.push((sequence, now));
        scorer.next_offset += 1;
        scorer.last_event = Some(now);
    }

    fn encounter_lane(&self) -> SourceLane {
        let partition = self.scorers.first().map_or(0, |scorer| scorer.lane.partition);
        SourceLane { feed: Feed::Encounters, epoch: 0, partition }
    }

    fn put_encounter(&mut self, encounter: Encounter) {
        let source = Position { lane: self.encounter_lane(), offset: self.next_encounter };
        self.next_encounter += 1;
        let Encounter { patient, change, event_time, issued, unit } = encounter;
        let stay = Stay { source, patient, change, event_time, issued, unit };
        self.made.push((self.sequence, self.now, LogEntry::Stay(stay)));
    }

    /// Moves the clock to `clock` and lets every score lane report: what waits is flushed first.
    pub fn beat(&mut self, clock: ScorerClock, at_end: bool, out: &mut Vec<Published>) {
        self.flush(out);
        self.now = self.now.max(IngestTime::from_millis(clock.as_millis()));
        for scorer in &self.scorers {
            let quiet = scorer.last_event.is_none_or(|last| self.now - last >= self.idle_after);
            let heartbeat = scorer.stage.heartbeat(scorer.next_offset, clock, at_end || quiet);
            self.made.push((self.sequence, self.now, LogEntry::Heartbeat(heartbeat)));
        }
        self.fuse_made(out);
    }

    /// Scores and fuses what waits.
    pub fn flush(&mut self, out: &mut Vec<Published>) {
        self.waiting = 0;
        for scorer in &mut self.scorers {
            if scorer.inputs.is_empty() {
                continue;
            }
            let base = scorer.next_offset - scorer.inputs.len() as i64;
            scorer.stage.step(&mut scorer.inputs, &mut scorer.outputs);
            let place = |offset: i64| scorer.places[(offset - base) as usize];
            for output in scorer.outputs.drain(..) {
                match output {
                    ScoreOutput::Scored(scored) => {
                        let (sequence, now) = place(scored.source.offset);
                        self.made.push((sequence, now, LogEntry::Scored(scored)));
                    }
                    ScoreOutput::Rejected(rejection) => {
                        self.rejected.push((place(rejection.source.offset).0, rejection));
                    }
                }
            }
            scorer.places.clear();
        }
        // The log holds the order of the inputs, not of the modalities, so that no cut into batches shows.
        self.made.sort_by_key(|(sequence, ..)| *sequence);
        self.fuse_made(out);
    }

    fn fuse_made(&mut self, out: &mut Vec<Published>) {
        for (_, ingest_time, entry) in self.made.drain(..) {
            self.log.push(FuseInput { offset: self.log_offset, ingest_time, entry: Ok(entry) });
            self.log_offset += 1;
        }
        let mut fused = Vec::new();
        self.fuse.step(&mut self.log, &mut fused);
        out.extend(fused.into_iter().map(Published::Fused));
        self.rejected.sort_by_key(|(sequence, _)| *sequence);
        out.extend(self.rejected.drain(..).map(|(_, rejection)| Published::Rejected(rejection)));
    }

    /// The fusion stage: its counters and its size.
    pub fn fuse(&self) -> &FuseStage {
        &self.fuse
    }

    /// The score stages, in the order of the registry.
    pub fn scorers(&self) -> impl Iterator<Item = &ScoreStage> {
        self.scorers.iter().map(|scorer| &scorer.stage)
    }
}

//! The score stage: one source lane's records in, predictions and rejections out.

use super::affected::Say;
use super::batch::{Made, Pending};
use super::calibrate::ActiveModel;
use super::checkpoint::{SavedLane, SavedPatient, bad, decode, encode, load, save};
use super::lookback::Lookback;
use super::packed::{LONGEST_RETENTION, MOST_OBSERVATIONS, Spot};
use super::patients::Patients;
use super::records::{ScoreConfig, ScoreCounters, ScoreInput, ScoreOutput};
use super::versions::{Change, Limits, apply};
use crate::stage::{BadCheckpoint, Stage, StateEntry, StateKey};
use crate::types::{
    Event, EventTime, Fault, Heartbeat, IngestTime, IssueTime, ModelName, PatientId, Position,
    RejectReason, Rejection, Scored, ScorerClock, Span,
};
use std::collections::BTreeMap;

/// Feature rows of one model that are scored at once at most.
const MOST_ROWS: usize = 8_192;

enum Planned {
    Rejected(Rejection),
    Scored { offset: i64, ingest_time: IngestTime, patient: PatientId, lost: Option<Spot> },
}

/// See the module.
pub struct ScoreStage {
    config: ScoreConfig,
    limits: Limits,
    active: Pending,
    shadows: Vec<Pending>,
    planned: Vec<Planned>,
    patients: Patients,
    /// Patients restored as of a later offset than the lane; their records before it are known.
    ahead: BTreeMap<PatientId, i64>,
    watermark: EventTime,
    next_offset: i64,
    counters: ScoreCounters,
}

impl ScoreStage {
    /// A stage that has seen nothing.
    pub fn new(mut config: ScoreConfig, active: ActiveModel, shadows: Vec<ActiveModel>) -> Self {
        let least = Span::millis(1);
        config.max_observations = config.max_observations.clamp(1, MOST_OBSERVATIONS);
        config.lookback = config.lookback.clamp(least, LONGEST_RETENTION - least);
        config.reach = config.reach.clamp(least, LONGEST_RETENTION - config.lookback);
        let limits = Limits { reach: config.reach, retention: config.lookback + config.reach };
        Self {
            limits,
            active: Pending::new(active, config.lookback),
            shadows: shadows
                .into_iter()
                .map(|model| Pending::new(model, config.lookback))
                .collect(),
            planned: Vec::new(),
            patients: Patients::new(config.state_ttl),
            ahead: BTreeMap::new(),
            watermark: EventTime::MIN,
            next_offset: 0,
            counters: ScoreCounters::default(),
            config,
        }
    }

    /// Puts other models to work from the next record on. What was said stays said.
    pub fn set_models(&mut self, active: ActiveModel, shadows: Vec<ActiveModel>) {
        self.active = Pending::new(active, self.config.lookback);
        self.shadows =
            shadows.into_iter().map(|model| Pending::new(model, self.config.lookback)).collect();
    }

    /// The active model, then the shadows.
    pub fn models(&self) -> impl Iterator<Item = &ModelName> {
        [&self.active].into_iter().chain(&self.shadows).map(Pending::name)
    }

    /// The lane's word on how far it is.
    pub const fn heartbeat(&self, next_offset: i64, clock: ScorerClock, idle: bool) -> Heartbeat {
        let (lane, lanes) = (self.config.source, self.config.lanes);
        Heartbeat { lane, next_offset, watermark: self.watermark, idle, clock, lanes }
    }

    /// What happened so far.
    pub const fn counters(&self) -> &ScoreCounters {
        &self.counters
    }

    /// The offset after the last record taken; after a restore, where to read on. 0 before the first.
    pub const fn next_offset(&self) -> i64 {
        self.next_offset
    }

    /// How many patients are kept.
    pub fn patients(&self) -> usize {
        self.patients.len()
    }

    /// Bytes allocated for patients, their observations and their index, unused capacity included.
    pub fn memory_bytes(&self) -> usize {
        self.patients.bytes()
    }

    /// Takes a record; `seen` is where its patient stood a moment ago.
    fn take(&mut self, input: ScoreInput, seen: Option<usize>) {
        let ScoreInput { offset, ingest_time, key, event } = input;
        self.next_offset = offset + 1;
        let event = match event {
            Ok(event) => event,
            Err(fault) => return self.reject(offset, ingest_time, key, fault),
        };
        if let Err(fault) = self.check(&event, ingest_time, key.as_ref()) {
            return self.reject(offset, ingest_time, key, fault);
        }
        if self.is_known(&event.patient, offset) {
            return self.advance(event.event_time, ingest_time);
        }
        match self.change(&event, seen) {
            Ok((place, change)) => {
                self.state(place, &change);
                self.trim(place);
                self.advance(event.event_time, ingest_time);
                let (patient, lost) = (event.patient, change.lost);
                self.planned.push(Planned::Scored { offset, ingest_time, patient, lost });
                self.counters.accepted += 1;
            }
            Err(fault) => self.reject(offset, ingest_time, key, fault),
        }
    }

    /// The rules that need no state.
    fn check(
        &self,
        event: &Event,
        ingest_time: IngestTime,
        key: Option<&PatientId>,
    ) -> Result<(), Fault> {
        let latest = (ingest_time + self.config.max_clock_skew).as_millis();
        if key != Some(&event.patient) || event.modality != self.config.modality {
            let detail = "the record's key must be the patient of its payload, and its topic that of its modality";
            Err(Fault::new(RejectReason::KeyMismatch, detail))
        } else if event.event_time.as_millis() > latest || event.issued.as_millis() > latest {
            let detail =
                "event and issue time must not be ahead of ingest time by more than max_clock_skew";
            Err(Fault::new(RejectReason::FutureEventTime, detail))
        } else {
            Ok(())
        }
    }

    fn is_known(&mut self, patient: &PatientId, offset: i64) -> bool {
        let held = self.ahead.get(patient).copied();
        if held.is_some_and(|held| offset >= held) {
            self.ahead.remove(patient);
        }
        held.is_some_and(|held| offset < held)
    }

    /// Takes an event into its patient's lookback.
    fn change(&mut self, event: &Event, seen: Option<usize>) -> Result<(usize, Change), Fault> {
        let place = self.patients.find_near(&event.patient, seen);
        let applied = if let Some(place) = place {
            (place, apply(self.patients.lookback(place), event, self.limits)?)
        } else {
            let mut lookback = Lookback::default();
            let change = apply(&mut lookback, event, self.limits)?;
            if self.patients.len() >= self.config.max_patients {
                return Err(Fault::new(
                    RejectReason::LimitReached,
                    "max_patients of the lane are kept already",
                ));
            }
            (self.patients.add(event.patient.clone(), lookback), change)
        };
        self.patients.changed(applied.0);
        Ok(applied)
    }

    /// Has every model say what the change asks for.
    fn state(&mut self, place: usize, change: &Change) {
        let lookback = &self.patients.get(place).lookback;
        let forgotten =
            lookback.newest().map_or(EventTime::MIN, |newest| newest - self.limits.retention);
        let complete = self.active.take(lookback, change, forgotten);
        for shadow in &mut self.shadows {
            shadow.take(lookback, change, forgotten);
        }
        self.counters.capped += u64::from(!complete);
    }

    /// Keeps a patient within `max_observations`.
    fn trim(&mut self, place: usize) {
        let lookback = self.patients.lookback(place);
        if lookback.len() > self.config.max_observations {
            self.counters.thinned += lookback.thin() as u64;
            while lookback.len() > self.config.max_observations {
                lookback.drop_oldest();
                self.counters.dropped += 1;
            }
        }
    }

    fn advance(&mut self, event_time: EventTime, ingest_time: IngestTime) {
        let seen = event_time.min(EventTime::from_millis(ingest_time.as_millis()));
        self.watermark = self.watermark.max(seen - self.config.out_of_orderness);
        self.counters.forgotten += self.patients.expire(self.watermark);
    }

    fn reject(
        &mut self,
        offset: i64,
        ingest_time: IngestTime,
        key: Option<PatientId>,
        fault: Fault,
    ) {
        let reason = fault.reason;
        if let Some(count) = self.counters.rejected.get_mut(reason as usize) {
            *count += 1;
        }
        let source = Position { lane: self.config.source, offset };
        self.planned.push(Planned::Rejected(Rejection { source, fault }));
        let Some(patient) = key.filter(|_| !reason.is_harmless()) else { return };
        let now = ingest_time.as_millis();
        let spot =
            Spot { event_time: EventTime::from_millis(now), issued: IssueTime::from_millis(now) };
        if self
            .patients
            .find(&patient)
            .is_some_and(|place| self.patients.get(place).lookback.observed(spot))
        {
            return;
        }
        self.active.take_unscored(Some((spot, Say::Rejected)));
        for shadow in &mut self.shadows {
            shadow.take_unscored(None);
        }
        self.planned.push(Planned::Scored { offset, ingest_time, patient, lost: None });
    }

    /// Scores what was planned and hands it out in order.
    fn flush(&mut self, out: &mut Vec<ScoreOutput>) {
        let active = self.active.score();
        let shadows: Vec<Made> = self.shadows.iter_mut().map(Pending::score).collect();
        self.counters.unscorable += active.unscorable();
        let mut record = 0;
        out.reserve(self.planned.len());
        for planned in self.planned.drain(..) {
            match planned {
                Planned::Rejected(rejection) => out.push(ScoreOutput::Rejected(rejection)),
                Planned::Scored { offset, ingest_time, patient, lost } => {
                    let predictions = active.of_record(record, lost);
                    self.counters.predictions += predictions.len() as u64;
                    let made = self.shadows.iter().zip(&shadows);
                    let shadows = made
                        .map(|(model, made)| (model.name().clone(), made.of_record(record, lost)));
                    out.push(ScoreOutput::Scored(Scored {
                        source: Position { lane: self.config.source, offset },
                        ingest_time,
                        patient,
                        modality: self.config.modality,
                        model: self.active.name().clone(),
                        predictions,
                        shadows: shadows
                            .filter(|(_, predictions)| !predictions.is_empty())
                            .collect(),
                    }));
                    record += 1;
                }
            }
        }
    }
}

impl Stage for ScoreStage {
    type Input = ScoreInput;
    type Output = ScoreOutput;

    fn step(&mut self, batch: &mut Vec<ScoreInput>, out: &mut Vec<ScoreOutput>) {
        let mut inputs = batch.drain(..);
        while !inputs.as_slice().is_empty() {
            let ahead = inputs.as_slice().iter().map(|input| input.key.as_ref());
            let places = self.patients.look_ahead(ahead);
            for (place, input) in places.into_iter().zip(inputs.by_ref()) {
                self.take(input, place);
                if self.active.rows() >= MOST_ROWS {
                    self.flush(out);
                }
            }
        }
        self.flush(out);
    }

    fn take_checkpoint(&mut self) -> Vec<StateEntry> {
        let (changed, forgotten) = self.patients.take_changes();
        let tombstone = |id| StateEntry { key: StateKey::Patient(id), value: None };
        let mut entries: Vec<StateEntry> = forgotten.into_iter().map(tombstone).collect();
        for id in changed {
            let Some(place) = self.patients.find(&id) else { continue };
            let saved = save(&self.patients.get(place).lookback, self.next_offset);
            entries.push(StateEntry { key: StateKey::Patient(id), value: Some(encode(&saved)) });
        }
        let lane = SavedLane { next_offset: self.next_offset, watermark: self.watermark };
        entries.push(StateEntry { key: StateKey::Lane, value: Some(encode(&lane)) });
        entries
    }

    fn restore(&mut self, entries: Vec<StateEntry>) -> Result<(), BadCheckpoint> {
        for StateEntry { key, value } in entries {
            match (key, value) {
                (_, None) => {}
                (StateKey::Lane, Some(bytes)) => {
                    SavedLane { next_offset: self.next_offset, watermark: self.watermark } =
                        decode(&bytes)?;
                }
                (StateKey::Patient(id), Some(bytes)) => {
                    let saved: SavedPatient = decode(&bytes)?;
                    if self.patients.find(&id).is_some() {
                        return Err(bad("two entries for one patient"));
                    }
                    self.patients.add(id.clone(), load(&saved, self.limits.retention)?);
                    self.ahead.insert(id, saved.next_offset);
                }
            }
        }
        self.ahead.retain(|_, held| *held > self.next_offset);
        Ok(())
    }
}

//! What reaches the source topics of a simulated ward: disorder, repeats, corrections, withdrawals, poison.

use fastrand::Rng;
use latefusion::modality::{Modality, encounters, imaging, labs, vitals};
use latefusion::shell::bus::Outgoing;
use latefusion::types::{
    Encounter, EncounterChange, Event, EventStatus, EventTime, IssueTime, ModalityId,
    ObservationId, PatientId, Values,
};

/// One record of a source topic, to be appended at a time (ms).
pub(super) struct Due {
    pub(super) time: i64,
    pub(super) record: Outgoing,
}

/// Everything that a ward sends.
pub(super) struct Feed {
    /// In the order of appending.
    pub(super) due: Vec<Due>,
    /// Discharged in mid-stream: a discharge heard late leaves panes that a punctual one prevents.
    pub(super) discharged: Option<PatientId>,
    /// Records that are to be rejected.
    pub(super) poison: u64,
    /// Records out of order, repeated, corrected, withdrawn.
    pub(super) disorder: u64,
    names: usize,
}

impl Feed {
    pub(super) fn new(random: &mut Rng, (start, end): (i64, i64)) -> Self {
        let (due, discharged) = (Vec::new(), None);
        let mut feed = Self { due, discharged, poison: 0, disorder: 0, names: 0 };
        for n in 0..random.usize(2..=4) {
            let patient = PatientId::new(&format!("patient-{n}")).expect("printable");
            feed.vitals(random, &patient, start, end);
            feed.results(random, &patient, (&labs::LABS, 1), (start, end));
            feed.results(random, &patient, (&imaging::IMAGING, 2), (start, end));
            feed.stay(random, &patient, n, (start, end));
        }
        feed.poison(random, (start, end));
        feed.due.sort_by_key(|due| due.time);
        feed
    }

    fn vitals(&mut self, random: &mut Rng, patient: &PatientId, start: i64, end: i64) {
        let mut time = start + random.i64(0..20_000);
        while time < end {
            let mut values = Values::default();
            for (name, low, high) in [
                ("heart_rate_per_min", 40.0, 150.0),
                ("spo2_percent", 84.0, 100.0),
                ("temperature_celsius", 35.0, 40.0),
            ] {
                let value = low + random.f64() * (high - low);
                let column = vitals::VITALS.column(name).expect("it ships");
                vitals::VITALS.set(&mut values, column, value).expect("plausible");
            }
            let event = event(patient, 0, (time, time), values);
            let lag = random_lag(random, 500);
            self.versions(random, &vitals::VITALS, event, lag);
            time += random.i64(1_500..9_000);
        }
    }

    fn results(
        &mut self,
        random: &mut Rng,
        patient: &PatientId,
        (modality, id): (&'static Modality, u8),
        (start, end): (i64, i64),
    ) {
        for _ in 0..random.usize(0..4) {
            let time = random.i64(start..end);
            let issued = time + random.i64(0..15_000);
            let (name, value) = match id {
                1 => ("lactate_mmol_per_l", 0.5 + random.f64() * 6.0),
                _ => ("consolidation", random.f64()),
            };
            let mut values = Values::default();
            let column = modality.column(name).expect("it ships");
            modality.set(&mut values, column, value).expect("plausible");
            let event = event(patient, id, (time, issued), values);
            let lag = random_lag(random, 300);
            self.versions(random, modality, event, lag);
        }
    }

    /// An observation, and perhaps the same again, a correction or a withdrawal.
    fn versions(
        &mut self,
        random: &mut Rng,
        modality: &'static Modality,
        mut event: Event,
        lag: i64,
    ) {
        let arrival = event.issued.as_millis() + lag;
        self.names += 1;
        let id = format!("o-{}", self.names);
        self.send(arrival, modality, &event, &id);
        self.disorder += u64::from(lag > 4_000);
        match random.u8(0..24) {
            0 => self.send(arrival + random.i64(0..5_000), modality, &event, &id),
            1 => {
                event.status = EventStatus::EnteredInError;
                event.values = Values::default();
                event.version = 1;
                self.send(arrival + random.i64(0..10_000), modality, &event, &id);
            }
            2 => {
                let (column, steps) = event.values.iter().next().expect("it has one");
                event.values.set(column, steps - 1);
                event.status = EventStatus::Corrected;
                event.version = 1;
                self.send(arrival + random.i64(0..10_000), modality, &event, &id);
            }
            _ => return,
        }
        self.disorder += 1;
    }

    fn send(&mut self, time: i64, modality: &'static Modality, event: &Event, id: &str) {
        let mut text = String::new();
        match event.modality.0 {
            0 => vitals::encode(event, Some(id), &mut text),
            1 => {
                let column = labs::LABS.column("lactate_mmol_per_l").expect("it ships");
                labs::encode(event, column, Some(id), &mut text);
            }
            _ => imaging::encode(event, &imaging::PROCEDURES[0], Some(id), &mut text),
        }
        self.push(time, modality.topic, Some(event.patient.as_str().into()), Some(text.into()));
    }

    fn stay(&mut self, random: &mut Rng, patient: &PatientId, n: usize, (start, end): (i64, i64)) {
        let mut send = |change, time: i64, arrival: i64| {
            let (event_time, issued) = (EventTime::from_millis(time), IssueTime::from_millis(time));
            let patient = patient.clone();
            let key = patient.as_str().into();
            let encounter =
                Encounter { patient, change, event_time, issued, unit: Some("icu-1".into()) };
            let mut text = String::new();
            encounters::encode(&encounter, &mut text);
            self.push(arrival, encounters::TOPIC, Some(key), Some(text.into()));
        };
        if random.u8(0..3) == 0 {
            send(EncounterChange::Admit, start - 60_000, start + random.i64(0..1_000));
        }
        if random.u8(0..4) == 0 {
            let time = random.i64(start..end);
            send(EncounterChange::Transfer, time, time + random.i64(0..3_000));
        }
        if n == 0 && random.u8(0..4) == 0 {
            let time = random.i64(start + (end - start) / 2..end);
            send(EncounterChange::Discharge, time, time + random.i64(0..3_000));
            self.discharged = Some(patient.clone());
        }
    }

    fn poison(&mut self, random: &mut Rng, (start, end): (i64, i64)) {
        let text = |text: &str| Some(text.as_bytes().to_vec());
        for _ in 0..random.usize(0..6) {
            let time = random.i64(start..end);
            let topic = *random
                .choice(&["vitals", "labs", "imaging-reports", encounters::TOPIC, "predictions"])
                .expect("not empty");
            let someone_else = r#"{"patient":"patient-1","event_time":"2023-11-14T22:13:20Z"}"#;
            let (key, payload) = match random.u8(0..6) {
                0 => (text("patient-0"), text("{torn")),
                1 => (text("patient-0"), text(someone_else)),
                2 => (text("patient-0"), Some(vec![b' '; 70_000])),
                3 => (text("patient-0"), None),
                4 => (None, text("[]")),
                _ => (Some(vec![0xff, 0xfe]), Some(vec![0xff])),
            };
            self.push(time, topic, key, payload);
            self.poison += 1;
        }
    }

    fn push(&mut self, time: i64, topic: &str, key: Option<Vec<u8>>, payload: Option<Vec<u8>>) {
        let record =
            Outgoing { topic: topic.into(), partition: None, key, payload, headers: Vec::new() };
        self.due.push(Due { time, record });
    }
}

fn event(patient: &PatientId, modality: u8, (time, issued): (i64, i64), values: Values) -> Event {
    Event {
        patient: patient.clone(),
        modality: ModalityId(modality),
        id: ObservationId(0),
        event_time: EventTime::from_millis(time),
        issued: IssueTime::from_millis(issued),
        version: 0,
        status: EventStatus::Final,
        values,
    }
}

/// Mostly short, now and then past the out-of-orderness.
fn random_lag(random: &mut Rng, usual: i64) -> i64 {
    match random.u8(0..12) {
        0 => random.i64(0..20_000),
        1 | 2 => random.i64(0..5_000),
        _ => random.i64(0..usual),
    }
}

//! What happens at the bedsides of a world, as records of the source topics.

use super::Flavour;
use super::scorer::{Change, Reading};
use fastrand::Rng;
use latefusion::fuse::package::Package;
use latefusion::types::{EncounterChange, Feed, ModalityId, Outcome, PatientId, SourceLane};

/// One record of a source topic; times in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct SourceRecord {
    pub(super) lane: SourceLane,
    pub(super) patient: usize,
    /// When the source topic's broker took it.
    pub(super) arrival: i64,
    pub(super) event_time: i64,
    pub(super) what: What,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    Observed(Change),
    Stay(EncounterChange),
}

/// The patients and all that is recorded about them.
pub(super) struct Bedside {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) patients: Vec<PatientId>,
    pub(super) vitals_lanes: u32,
    pub(super) records: Vec<SourceRecord>,
    /// From here on another version of the models speaks.
    pub(super) model_swap: i64,
    /// A little less than half of the allowed lateness: a lag and an outage together stay within it.
    pub(super) half_lateness: i64,
    pub(super) faults: u64,
    flavour: Flavour,
    pub(super) out_of_orderness: i64,
    /// The latest time that anything speaks of or arrives at.
    pub(super) latest: i64,
    observations: usize,
}

impl Bedside {
    pub(super) fn new(random: &mut Rng, package: &Package, flavour: Flavour) -> Self {
        let start = 1_700_000_000_000 + random.i64(0..100_000);
        let end = start + random.i64(60_000..240_000);
        let patients = (0..random.usize(1..=6))
            .filter_map(|i| PatientId::new(&format!("patient-{i}")).ok())
            .collect();
        let mut bedside = Self {
            start,
            end,
            patients,
            vitals_lanes: random.u32(1..=2),
            records: Vec::new(),
            model_swap: if random.bool() { i64::MAX } else { random.i64(start..end) },
            half_lateness: package.allowed_lateness.as_millis() * 2 / 5,
            faults: 0,
            flavour,
            out_of_orderness: package.modality["vitals"].out_of_orderness.as_millis(),
            latest: end,
            observations: 0,
        };
        for patient in 0..bedside.patients.len() {
            bedside.stay(random, patient);
        }
        bedside
    }

    /// One patient from first to last record.
    fn stay(&mut self, random: &mut Rng, patient: usize) {
        let from = random.i64(self.start..self.start + (self.end - self.start) / 2);
        let until = random.i64(from..self.end) + 1;
        let before = self.records.len();
        let orderly = self.flavour == Flavour::Orderly;
        if orderly || random.u8(0..10) < 8 {
            self.vitals(random, patient, from, until);
        }
        if !orderly {
            for (modality, likely) in [(1, 7), (2, 4)] {
                if random.u8(0..10) < likely {
                    self.results(random, patient, modality, from, until);
                }
            }
            self.encounters(random, patient, from, until, before);
        }
    }

    /// Vitals at irregular intervals, with a gap.
    fn vitals(&mut self, random: &mut Rng, patient: usize, from: i64, until: i64) {
        let interval = random.i64(1_500..20_000);
        let gap = random.i64(from..until);
        let gap = gap..gap + random.i64(1..120_000);
        let lane = patient as u32 % self.vitals_lanes;
        // Some monitors speak on the full second: on window ends, and exactly one validity before them.
        let step = if random.bool() { 1_000 } else { 1 };
        let mut time = (from / step + 1) * step;
        while time < until {
            if !gap.contains(&time) {
                let latency = random.i64(0..(self.out_of_orderness - 400).min(3_000));
                let issued = time + random.i64(0..=latency);
                let lag = self.lag(random, latency);
                let reading = reading(random, self.flavour);
                let fast = self.flavour != Flavour::Orderly && random.u8(0..40) == 0;
                // A monitor that runs fast: its time is ahead of the broker's.
                let ahead = if fast { random.i64(0..40_000) } else { 0 };
                let (event, issued) = (time + ahead, issued.max(time + ahead));
                let id = self.next_id();
                let change = Change::Version { id, event_time: event, issued, reading };
                self.observe(random, patient, (0, lane), time + lag, change, true);
            }
            time += (random.i64(interval / 2..interval * 2) / step).max(1) * step;
        }
    }

    /// Results that become known long after their event time; some are announced first.
    fn results(&mut self, random: &mut Rng, patient: usize, modality: u8, from: i64, until: i64) {
        for _ in 0..random.usize(1..5) {
            let event = random.i64(from..until);
            let known = event + random.i64(0..100_000);
            let id = self.next_id();
            let announce = random.bool();
            if announce {
                let announced = event + random.i64(0..=(known - event) / 2);
                let reading = Reading::Says(Outcome::Pending);
                let arrival = announced + self.lag(random, 500);
                let change = Change::Version { id, event_time: event, issued: announced, reading };
                self.record(patient, (modality, 0), arrival, event, What::Observed(change));
            }
            let arrival = known + self.lag(random, 500);
            let reading = reading(random, self.flavour);
            let change = Change::Version { id, event_time: event, issued: known, reading };
            // Taking back what was announced long ago would reach back to the announcement.
            let may_go = !announce || self.flavour == Flavour::Wild;
            self.observe(random, patient, (modality, 0), arrival, change, may_go);
        }
    }

    /// An observation, and perhaps its correction or withdrawal.
    fn observe(
        &mut self,
        random: &mut Rng,
        patient: usize,
        source: (u8, u32),
        arrival: i64,
        change: Change,
        may_be_withdrawn: bool,
    ) {
        let Change::Version { id, event_time, issued, .. } = change else { return };
        self.record(patient, source, arrival, event_time, What::Observed(change));
        if self.flavour == Flavour::Orderly || random.u8(0..8) != 0 {
            return;
        }
        self.faults += 1;
        let change = if may_be_withdrawn && random.bool() {
            Change::Withdraw { id }
        } else {
            Change::Correct { id, reading: Reading::Value(random.u32(..)) }
        };
        let again = match self.flavour {
            Flavour::Wild => arrival + random.i64(1..100_000),
            _ => random.i64(arrival..=arrival.max(event_time.max(issued) + self.half_lateness)),
        };
        self.record(patient, source, again.max(arrival + 1), event_time, What::Observed(change));
    }

    fn next_id(&mut self) -> usize {
        self.observations += 1;
        self.observations
    }

    /// An admission near the beginning, a discharge after everything else, in the wild a second stay.
    fn encounters(
        &mut self,
        random: &mut Rng,
        patient: usize,
        from: i64,
        until: i64,
        first: usize,
    ) {
        let stay = |bedside: &mut Self, change, time: i64, arrival: i64| {
            let lane = SourceLane { feed: Feed::Encounters, epoch: 0, partition: 0 };
            let what = What::Stay(change);
            bedside.records.push(SourceRecord { lane, patient, arrival, event_time: time, what });
            bedside.latest = bedside.latest.max(arrival);
        };
        if random.u8(0..3) == 0 {
            let time = random.i64(from - 1_000..from + (until - from) / 2 + 1);
            stay(self, EncounterChange::Admit, time, time);
        }
        if random.u8(0..3) == 0 {
            let own = self.records[first..].iter();
            let last = own.map(|r| r.arrival.max(r.event_time)).max().unwrap_or(until);
            let wild = self.flavour == Flavour::Wild;
            let time = if wild { random.i64(from..last.max(from) + 1) } else { until };
            let known = if wild { time } else { last + self.half_lateness + 1_000 };
            stay(self, EncounterChange::Discharge, time, known.max(time));
            if wild && random.bool() {
                stay(self, EncounterChange::Admit, time + 5_000, time + 5_500);
            }
        }
    }

    /// How long a record takes to its topic.
    fn lag(&mut self, random: &mut Rng, usual: i64) -> i64 {
        let rare = random.u8(0..12) == 0;
        match self.flavour {
            Flavour::Orderly => usual.max(random.i64(0..self.out_of_orderness - 400)),
            Flavour::Wild if rare => {
                self.faults += 1;
                usual + random.i64(0..400_000)
            }
            _ if rare => {
                self.faults += 1;
                usual.max(random.i64(0..self.half_lateness))
            }
            _ => usual,
        }
    }

    fn record(&mut self, patient: usize, source: (u8, u32), arrival: i64, event: i64, what: What) {
        let feed = Feed::Modality(ModalityId(source.0));
        let lane = SourceLane { feed, epoch: 0, partition: source.1 };
        self.records.push(SourceRecord { lane, patient, arrival, event_time: event, what });
        self.latest = self.latest.max(arrival).max(event);
    }
}

fn reading(random: &mut Rng, flavour: Flavour) -> Reading {
    let says = [Outcome::Unscorable, Outcome::Rejected, Outcome::Uncalibrated, Outcome::Pending];
    match random.u8(0..12) {
        0 if flavour != Flavour::Orderly => {
            Reading::Says(*random.choice(&says).expect("not empty"))
        }
        _ => Reading::Value(random.u32(..)),
    }
}

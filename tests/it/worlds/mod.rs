//! Seeded worlds: patients whose vitals, labs and reports reach one partition of `predictions` in disorder, late,
//! twice, corrected, withdrawn or not at all, with the heartbeats and the broker's clock around them.

mod bedside;
mod policies;
mod scorer;

use crate::seeds::Count;
use bedside::{Bedside, SourceRecord};
use fastrand::Rng;
use latefusion::fuse::package::Package;
use latefusion::modality::Registry;
use latefusion::types::{
    EventTime, Fault, Feed, Heartbeat, IngestTime, LogEntry, ModalityId, Position, RejectReason,
    Scored, ScorerClock, SourceLane, Stay,
};
use policies::{activation, registry};
use scorer::Lookback;
use std::collections::BTreeMap;

/// What may happen in a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// Vitals only, every record within out-of-orderness, nothing taken back.
    Orderly,
    /// Everything that allowed lateness forgives: final revisions are known.
    Forgivable,
    /// Also what is not forgiven: too late, jumping clocks, readmissions, another package in mid-stream.
    Wild,
}

/// One record of the partition.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) offset: i64,
    pub(crate) ingest_time: IngestTime,
    pub(crate) entry: Result<LogEntry, Fault>,
}

/// A partition of `predictions` from its first record to the end.
pub(crate) struct World {
    pub(crate) package: Package,
    pub(crate) registry: Registry,
    pub(crate) log: Vec<Record>,
    /// Where the frontier of every group stands in the end.
    pub(crate) frontier: EventTime,
    /// How many disturbances were put in.
    pub(crate) faults: u64,
}

/// A log entry with the time (ms) at which it is appended.
type Timed = (i64, Result<LogEntry, Fault>);

/// A source lane as its scorer sees it.
struct Lane {
    id: SourceLane,
    lanes: u32,
    /// It is not processed from the first to the second (ms).
    outage: (i64, i64),
    /// Its scorer sends no heartbeat from here on (ms).
    dies: i64,
    skew: i64,
    records: Vec<SourceRecord>,
}

impl World {
    /// The world of a seed.
    pub(crate) fn new(seed: u64, flavour: Flavour) -> Self {
        let mut random = Rng::with_seed(seed);
        let registry = registry();
        let package = policies::package(&mut random, &registry);
        let mut bedside = Bedside::new(&mut random, &package, flavour);
        let lanes = lanes(&mut random, &mut bedside, flavour);
        let mut faults = bedside.faults;
        let ooo = package.modality["vitals"].out_of_orderness.as_millis();
        let settle = package.lane_timeout.as_millis() + ooo + 2 * package.every.as_millis();
        let outages = lanes.iter().map(|lane| lane.outage.1);
        let last = outages.fold(bedside.latest, i64::max) + 40_000;
        let end = last + settle;
        let mut timed: Vec<Timed> = Vec::new();
        for lane in lanes {
            faults += run_lane(&mut random, lane, &bedside, (last, end), &mut timed);
        }
        if flavour == Flavour::Wild && random.bool() {
            let mut other = policies::package(&mut random, &registry);
            // With another hop, windows behind the frontier would be new ones, not revisions.
            other.every = package.every;
            let at = random.i64(bedside.start..bedside.end);
            timed.push((at, Ok(LogEntry::Activation(activation(&other)))));
            faults += 1;
        }
        for _ in 0..random.usize(0..3) {
            let fault = Fault::new(RejectReason::BadPrediction, "torn");
            timed.push((random.i64(bedside.start..bedside.end), Err(fault)));
            faults += 1;
        }
        timed.push((i64::MIN, Ok(LogEntry::Activation(activation(&package)))));
        timed.sort_by_key(|(time, _)| *time);
        let log = log(&mut random, timed, bedside.start, flavour, &mut faults);
        Self { package, registry, log, frontier: EventTime::from_millis(end - ooo), faults }
    }

    /// Lets the log switch on another package from the beginning.
    pub(crate) fn activate(&mut self, change: impl FnOnce(&mut Package)) {
        change(&mut self.package);
        if let Some(first) = self.log.first_mut() {
            first.entry = Ok(LogEntry::Activation(activation(&self.package)));
        }
    }

    /// Every package that the log switches on.
    pub(crate) fn packages(&self) -> impl Iterator<Item = Package> + '_ {
        self.log.iter().filter_map(|record| match &record.entry {
            Ok(LogEntry::Activation(activation)) => toml::from_str(&activation.package).ok(),
            _ => None,
        })
    }

    /// The disturbances and what was compared, as a count.
    pub(crate) fn count(&self, compared: u64) -> Count {
        Count { compared, faults: self.faults }
    }
}

/// Cuts the bedside's records into source lanes.
fn lanes(random: &mut Rng, bedside: &mut Bedside, flavour: Flavour) -> Vec<Lane> {
    let vitals_lanes = bedside.vitals_lanes;
    let mut by_lane: BTreeMap<SourceLane, Vec<SourceRecord>> = BTreeMap::new();
    let modality = |m| Feed::Modality(ModalityId(m));
    let feeds =
        [(modality(0), vitals_lanes), (modality(1), 1), (modality(2), 1), (Feed::Encounters, 1)];
    for (feed, count) in feeds {
        for partition in 0..count {
            by_lane.insert(SourceLane { feed, epoch: 0, partition }, Vec::new());
        }
    }
    for record in bedside.records.drain(..) {
        by_lane.entry(record.lane).or_default().push(record);
    }
    let lane = |(id, mut records): (SourceLane, Vec<SourceRecord>)| {
        records.sort_by_key(|record| record.arrival);
        let lanes = if id.feed == modality(0) { vitals_lanes } else { 1 };
        let mut lane =
            Lane { id, lanes, outage: (0, 0), dies: i64::MAX, skew: random.i64(0..300), records };
        if flavour != Flavour::Orderly && random.u8(0..3) == 0 {
            let from = random.i64(bedside.start..bedside.end);
            let longest = if flavour == Flavour::Wild { 60_000 } else { bedside.half_lateness };
            lane.outage = (from, from + random.i64(1..=longest));
        }
        // The labs lane always lives: without any scorer's clock no frontier would move.
        if flavour != Flavour::Orderly && id.feed != modality(1) && random.u8(0..4) == 0 {
            lane.dies = random.i64(bedside.start..bedside.end);
        }
        lane
    };
    by_lane.into_iter().map(lane).collect()
}

/// A scorer at work: its records and its heartbeats, each with the time of its append. Returns the disturbances.
fn run_lane(
    random: &mut Rng,
    lane: Lane,
    bedside: &Bedside,
    (last_event, end): (i64, i64),
    out: &mut Vec<Timed>,
) -> u64 {
    let mut faults = u64::from(lane.outage.1 > 0) + u64::from(lane.dies < i64::MAX);
    let mut lookbacks: BTreeMap<usize, Lookback> = BTreeMap::new();
    let (mut offset, mut newest, mut last) = (random.i64(0..50), None, i64::MIN);
    let mut beats: Vec<(i64, i64, i64)> = Vec::new(); // append, next offset, watermark
    let mut made: Vec<(i64, LogEntry)> = Vec::new();
    for record in &lane.records {
        let down = lane.outage.0 <= record.arrival && record.arrival < lane.outage.1;
        let time = if down { lane.outage.1 } else { record.arrival };
        last = last.max(time + random.i64(0..50));
        let source = Position { lane: lane.id, offset };
        if let Some(entry) = entry(record, source, &mut lookbacks, bedside) {
            made.push((last, entry));
        }
        offset += random.i64(1..4);
        newest = newest.max(Some(record.event_time.min(record.arrival)));
        beats.push((last, offset, newest.map_or(i64::MIN, |time| time - bedside.out_of_orderness)));
    }
    faults += repeats(random, &mut made);
    let mut second = bedside.start + lane.skew;
    while second < end {
        let done = beats.partition_point(|(time, ..)| *time < second);
        let down = lane.outage.0 <= second && second < lane.outage.1;
        if !down && second < lane.dies {
            let (time, next, watermark) = done
                .checked_sub(1)
                .and_then(|i| beats.get(i).copied())
                .unwrap_or((i64::MIN, 0, i64::MIN));
            let quiet = second.saturating_sub(time) > 5_000;
            out.push((second, Ok(heartbeat(&lane, next, watermark, quiet, second))));
        }
        // After the last event nothing but time passes: fewer heartbeats, as long a log clock.
        second += if second > last_event { 2_000 } else { 1_000 };
    }
    if lane.id.feed == Feed::Modality(ModalityId(1)) {
        let (_, next, watermark) = beats.last().copied().unwrap_or((0, 0, i64::MIN));
        out.push((end, Ok(heartbeat(&lane, next, watermark, true, end))));
    }
    if random.bool() && beats.len() > 4 {
        // A zombie's heartbeat, older than what the lane has already said.
        let (time, next, watermark) = beats[random.usize(0..beats.len() / 2)];
        let late = time + random.i64(2_000..30_000);
        out.push((late, Ok(heartbeat(&lane, next - 1, watermark, false, late.min(end)))));
        faults += 1;
    }
    out.extend(made.into_iter().map(|(time, entry)| (time, Ok(entry))));
    faults
}

/// Writes some runs of records again, as a scorer does that died between its append and its offset commit.
fn repeats(random: &mut Rng, made: &mut Vec<(i64, LogEntry)>) -> u64 {
    let mut faults = 0;
    for _ in 0..random.usize(0..3) {
        if made.len() > 2 {
            let until = random.usize(1..made.len());
            let from = random.usize(0..until);
            let again = made[until].0;
            let run: Vec<_> = made[from..until].iter().map(|(_, e)| (again, e.clone())).collect();
            faults += run.len() as u64;
            made.splice(until..until, run);
        }
    }
    faults
}

fn entry(
    record: &SourceRecord,
    source: Position,
    lookbacks: &mut BTreeMap<usize, Lookback>,
    bedside: &Bedside,
) -> Option<LogEntry> {
    let patient = bedside.patients[record.patient].clone();
    match record.what {
        bedside::What::Stay(change) => {
            let event_time = EventTime::from_millis(record.event_time);
            let issued = latefusion::types::IssueTime::from_millis(record.event_time);
            Some(LogEntry::Stay(Stay { source, patient, change, event_time, issued, unit: None }))
        }
        bedside::What::Observed(change) => {
            let Feed::Modality(modality) = source.lane.feed else { return None };
            let lookback = [15_000, 600_000, 5_000][modality.index()];
            let predictions = lookbacks.entry(record.patient).or_default().take(change, lookback);
            let swapped = record.arrival > bedside.model_swap;
            let model = if swapped { "model@2" } else { "model@1" }.into();
            let shadow = ("shadow@1".into(), predictions.clone());
            (!predictions.is_empty()).then(|| {
                LogEntry::Scored(Scored {
                    source,
                    ingest_time: IngestTime::from_millis(record.arrival),
                    patient,
                    modality,
                    model,
                    predictions,
                    shadows: if swapped { vec![shadow] } else { Vec::new() },
                })
            })
        }
    }
}

fn heartbeat(lane: &Lane, next_offset: i64, watermark: i64, idle: bool, clock: i64) -> LogEntry {
    LogEntry::Heartbeat(Heartbeat {
        lane: lane.id,
        next_offset,
        watermark: EventTime::from_millis(watermark),
        idle,
        clock: ScorerClock::from_millis(clock),
        lanes: lane.lanes,
    })
}

/// Gives every entry its offset and the broker's time.
fn log(
    random: &mut Rng,
    timed: Vec<Timed>,
    start: i64,
    flavour: Flavour,
    faults: &mut u64,
) -> Vec<Record> {
    let (mut offset, last) = (random.i64(0..100), timed.len().saturating_sub(1));
    let mut log = Vec::with_capacity(timed.len());
    for (i, (time, entry)) in timed.into_iter().enumerate() {
        let mut ingest = time.max(start);
        if flavour == Flavour::Wild && i < last && random.u8(0..50) == 0 {
            ingest += random.i64(-20_000..20_000);
            *faults += 1;
        }
        let ingest_time = IngestTime::from_millis(ingest);
        log.push(Record { offset, ingest_time, entry });
        offset += if random.u8(0..10) == 0 { 2 } else { 1 };
    }
    log
}

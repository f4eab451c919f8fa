//! From evidence to fused scores: one batch of (patient, window end) rows at a time.

use super::active::Active;
use super::history::{Entry, Found};
use super::lanes::Lanes;
use super::patient::Patient;
use super::{Evidence, Fused};
use crate::types::{
    Absence, Band, BandHeld, EventTime, Feed, FusedScore, FusedStatus, ModelName, Pane, Position,
    Presence, Present, Risk, SourceLane, Window,
};
use arrow::array::{Array, Float64Array, Float64Builder};

/// A pane to be computed.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub patient: &'a Patient,
    pub end: EventTime,
}

/// A computed pane; `pane` and `revision` of the score are still to be filled in.
pub(super) struct Computed {
    pub score: FusedScore,
    /// Bit m: modality m is present.
    pub present: u64,
}

/// What is looked up while scores are written down.
pub(super) struct Names<'a> {
    pub lanes: &'a Lanes,
    pub models: &'a [ModelName],
}

/// Computes every row. Row i depends on row i alone.
pub(super) fn compute(active: &Active, names: &Names<'_>, rows: &[Row<'_>]) -> Vec<Computed> {
    if rows.is_empty() {
        return Vec::new();
    }
    let modalities = active.policies.len();
    let found: Vec<Found<'_>> = rows
        .iter()
        .flat_map(|row| {
            active.policies.iter().enumerate().map(|(m, p)| row.patient.find(m, row.end, p))
        })
        .collect();
    let all: Vec<usize> = (0..rows.len()).collect();
    let fused = active.fuser.fuse(&evidence(rows, &all, &found, modalities, present));
    let holding: Vec<usize> = all
        .iter()
        .copied()
        .filter(|i| found[i * modalities..(i + 1) * modalities].iter().any(|f| held(f).is_some()))
        .collect();
    let held = match holding.is_empty() {
        true => None,
        false => {
            Some(active.fuser.fuse(&evidence(rows, &holding, &found, modalities, present_or_held)))
        }
    };
    let mut with_holds = holding.iter().zip(0..).peekable();
    rows.iter()
        .enumerate()
        .map(|(i, row)| {
            let found = &found[i * modalities..(i + 1) * modalities];
            let position = with_holds.next_if(|(held_row, _)| **held_row == i).map(|(_, at)| at);
            let with_hold = position.zip(held.as_ref()).and_then(|(at, f)| risk_at(&f.risk, at));
            assemble(active, names, *row, found, (&fused, i), with_hold)
        })
        .collect()
}

type Pick = for<'a> fn(&Found<'a>) -> Option<(&'a Entry, Risk)>;

fn present<'a>(found: &Found<'a>) -> Option<(&'a Entry, Risk)> {
    match found {
        Found::Present(entry, risk) => Some((*entry, *risk)),
        Found::Absent { .. } => None,
    }
}

fn held<'a>(found: &Found<'a>) -> Option<(&'a Entry, Risk)> {
    match found {
        Found::Present(..) => None,
        Found::Absent { holds, .. } => *holds,
    }
}

fn present_or_held<'a>(found: &Found<'a>) -> Option<(&'a Entry, Risk)> {
    present(found).or_else(|| held(found))
}

fn evidence(
    rows: &[Row<'_>],
    chosen: &[usize],
    found: &[Found<'_>],
    modalities: usize,
    pick: Pick,
) -> Evidence {
    let mut evidence = Evidence {
        risk: Vec::with_capacity(modalities),
        age_seconds: Vec::with_capacity(modalities),
    };
    for m in 0..modalities {
        let mut risks = Float64Builder::with_capacity(chosen.len());
        let mut ages = Float64Builder::with_capacity(chosen.len());
        for i in chosen {
            match pick(&found[i * modalities + m]) {
                Some((entry, risk)) => {
                    risks.append_value(risk.get());
                    ages.append_value((rows[*i].end - entry.event_time).as_seconds());
                }
                None => {
                    risks.append_null();
                    ages.append_null();
                }
            }
        }
        evidence.risk.push(risks.finish());
        evidence.age_seconds.push(ages.finish());
    }
    evidence
}

fn risk_at(column: &Float64Array, row: usize) -> Option<Risk> {
    column.is_valid(row).then(|| column.value(row)).and_then(Risk::clamped)
}

fn assemble(
    active: &Active,
    names: &Names<'_>,
    row: Row<'_>,
    found: &[Found<'_>],
    (fused, i): (&Fused, usize),
    with_hold: Option<Risk>,
) -> Computed {
    let risk = risk_at(&fused.risk, i);
    let interval = risk_at(&fused.lower, i).zip(risk_at(&fused.upper, i)).map(|(a, b)| [a, b]);
    let band = risk.map(|risk| active.package.band(risk));
    let (band, band_held) = hold_band(active, found, band, with_hold);
    let modalities: Vec<Presence> = found
        .iter()
        .enumerate()
        .map(|(m, found)| presence(names, row, found, fused, m, i))
        .collect();
    let status = status(active, &modalities, band_held.is_some());
    let score = FusedScore {
        patient: row.patient.id.clone(),
        window: Window::ending(row.end, active.package.every),
        pane: Pane::OnTime,
        revision: 0,
        status,
        risk,
        interval,
        band,
        band_held,
        modalities,
        unit: row.patient.unit.clone(),
        package: active.digest.clone(),
    };
    Computed { present: mask(found, |f| present(f).is_some()), score }
}

fn mask(found: &[Found<'_>], holds: impl Fn(&Found<'_>) -> bool) -> u64 {
    found.iter().enumerate().fold(0, |mask, (m, f)| mask | u64::from(holds(f)) << m)
}

/// Vanishing may not lower a band: where stale evidence would keep it higher, it does.
fn hold_band(
    active: &Active,
    found: &[Found<'_>],
    band: Option<Band>,
    with_hold: Option<Risk>,
) -> (Option<Band>, Option<BandHeld>) {
    match with_hold.map(|risk| active.package.band(risk)) {
        Some(higher) if Some(higher) > band => {
            let by = mask(found, |f| held(f).is_some());
            (Some(higher), Some(BandHeld { without_hold: band, by }))
        }
        _ => (band, None),
    }
}

fn presence(
    names: &Names<'_>,
    row: Row<'_>,
    found: &Found<'_>,
    fused: &Fused,
    m: usize,
    i: usize,
) -> Presence {
    match found {
        Found::Absent { why, newest, .. } => Presence::Absent(*why, *newest),
        Found::Present(entry, risk) => Presence::Present(Present {
            event_time: entry.event_time,
            age: row.end - entry.event_time,
            risk: *risk,
            weight: fused.weight[m].value(i),
            contribution: fused.contribution[m].value(i),
            model: names.models.get(usize::from(entry.model)).cloned().unwrap_or_default(),
            source: source(names.lanes, entry),
        }),
    }
}

fn source(lanes: &Lanes, entry: &Entry) -> Position {
    let unknown = SourceLane { feed: Feed::Encounters, epoch: 0, partition: 0 };
    let lane = lanes.get(entry.lane).map_or(unknown, |lane| lane.source);
    Position { lane, offset: entry.offset }
}

fn status(active: &Active, modalities: &[Presence], held: bool) -> FusedStatus {
    let is_present = |p: &Presence| matches!(p, Presence::Present(_));
    if !modalities.iter().any(is_present) {
        return FusedStatus::InsufficientData;
    }
    let missed = modalities.iter().zip(&active.policies).any(|(presence, policy)| match presence {
        Presence::Present(_) => false,
        Presence::Absent(Absence::Never | Absence::Pending, _) => policy.gating,
        Presence::Absent(..) => true,
    });
    if missed || held { FusedStatus::Degraded } else { FusedStatus::Ok }
}

//! Late fusion against early fusion on real patients, with modalities complete, removed, failing and delayed.
//!
//! Every patient is scored by models, calibrations and fusion parameters that were made without it (cross-fitting).
//! Features and presence come from the pipeline itself ([`tables`](super::tables)); late methods are the fusers of the
//! registry on that evidence; early rivals are given the same rows side by side. [`verify()`] replays the folds with
//! their models and default package in earnest and compares every fused risk with the one evaluated.

mod coverage;
mod curves;
pub mod folds;
mod html;
mod levels;
mod markdown;
mod numbers;
mod plot;
mod scored;
mod verify;

pub use coverage::Covered;
pub use curves::{Ahead, Curves, Point};
pub use html::html;
pub use levels::{Cell, LEVELS};
pub use markdown::markdown;
pub use numbers::write as write_numbers;
pub use scored::{Columns, Judges, Kind, Scored};
pub use verify::{Verified, verify};

use crate::evaluate::Case;
use crate::modality::Registry;
use crate::shell::datasets::{Dataset, Stay};
use crate::shell::local_lane::LaneSetup;
use crate::shell::tables::{Disturbance, Hit, Request, Tables, TablesError, tables};
use crate::types::Span;
use levels::{Condition, cells, choose};
use std::collections::BTreeMap;

/// How long an outage lasts that ends at the time evaluated: longer than charted vitals are valid (6 h).
pub const OUTAGE: Span = Span::hours(8);
/// How much later everything is issued in a delay.
pub const DELAY: Span = Span::hours(6);

/// What is compared, and how it came out.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The methods.
    pub columns: Columns,
    /// Trained modalities, by their places and names.
    pub modalities: Vec<(usize, &'static str)>,
    /// Stays in the folds with a known outcome, and deaths among them.
    pub stays: [usize; 2],
    /// Hours into the stay of the main figures.
    pub main_hours: f64,
    /// Every number.
    pub cells: Vec<Cell>,
    /// For plots: cases of each column, on complete data and with every modality half removed.
    pub cases: [Vec<Vec<Case>>; 2],
    /// How often the intervals of the fitted methods hold, at the main time.
    pub coverage: Vec<Covered>,
    /// Of every stay of the data set, undisturbed, at the main time.
    pub undisturbed: Scored,
}

/// Runs everything. `request.at` holds the times, the main one last; its `wanted` what the folds' models ask for.
///
/// # Errors
/// See [`TablesError`].
pub fn compare(
    dataset: &Dataset,
    setup: &LaneSetup,
    request: &Request,
    judges: &Judges,
    step: &mut dyn FnMut(u64),
) -> Result<Comparison, TablesError> {
    let modalities = trained(judges, &setup.registry);
    let main = request.at.len().saturating_sub(1);
    let until = request.at.get(main).copied().unwrap_or(Span::ZERO);
    let known: Vec<usize> = (0..dataset.stays.len())
        .filter(|i| dataset.stays[*i].outcome.died_in_hospital.is_some())
        .collect();
    let stays: Vec<&Stay> = known.iter().map(|i| &dataset.stays[*i]).collect();
    let patients: Vec<&str> = stays.iter().map(|stay| stay.patient.as_str()).collect();
    let events: Vec<bool> =
        stays.iter().map(|stay| stay.outcome.died_in_hospital == Some(true)).collect();
    let of_known = |made: &Tables| -> Vec<Scored> {
        let of_time = |time| {
            let scored = judges.score(made, time);
            known.iter().map(|i| scored[*i].clone()).collect()
        };
        (0..made.times).map(of_time).collect()
    };
    let undisturbed = tables(dataset, setup, request, None, step)?;
    let covered = coverage::coverage(judges, &undisturbed, main, &known, &modalities);
    let base = of_known(&undisturbed);
    let undisturbed = judges.score(&undisturbed, main);
    let mut all = Vec::new();
    let mut cases = [Vec::new(), Vec::new()];
    let rivals = places(&judges.columns, Kind::Early);
    let bits = modalities.iter().fold(0_u64, |bits, (m, _)| bits | 1 << m);
    let hits: [(&str, Hit); 3] = [
        ("removed", Hit::Removed),
        ("outage", Hit::Outage { length: OUTAGE, until }),
        ("delay", Hit::Delay(DELAY)),
    ];
    for (name, hit) in hits {
        let mut variants: Vec<BTreeMap<u64, Scored>> =
            base.iter().map(|scored| BTreeMap::from([(0, scored.clone())])).collect();
        for subset in (1..=bits).filter(|subset| subset & !bits == 0) {
            let disturbance = Disturbance { hit, modalities: subset };
            let made = tables(dataset, setup, request, Some(&disturbance), step)?;
            for (variants, scored) in variants.iter_mut().zip(of_known(&made)) {
                variants.insert(subset, scored);
            }
        }
        let times = if name == "removed" { 0..variants.len() } else { main..main + 1 };
        for time in times {
            let context = Context {
                columns: &judges.columns,
                rivals: &rivals,
                events: &events,
                patients: &patients,
                variants: &variants[time],
                as_of_hours: request.at[time].as_seconds() / 3_600.0,
                modalities: &modalities,
                bits,
            };
            context.levels(name, &mut all);
            if name == "removed" && time == main {
                context.patterns(&mut all);
                cases = [0.0, 0.5].map(|level| context.cases(level));
            }
        }
    }
    let deaths = events.iter().filter(|event| **event).count();
    Ok(Comparison {
        columns: judges.columns.clone(),
        modalities,
        stays: [known.len(), deaths],
        main_hours: until.as_seconds() / 3_600.0,
        cells: all,
        cases,
        coverage: covered,
        undisturbed,
    })
}

/// The modalities that have a model.
fn trained(judges: &Judges, registry: &Registry) -> Vec<(usize, &'static str)> {
    let Some(fold) = judges.folds().next() else { return Vec::new() };
    let of =
        |(i, (_, m)): (usize, (crate::types::ModalityId, &'static crate::modality::Modality))| {
            fold.late.get(i)?.as_ref().map(|_| (i, m.name))
        };
    registry.iter().enumerate().filter_map(of).collect()
}

fn places(columns: &Columns, kind: Kind) -> Vec<usize> {
    (0..columns.of.len()).filter(|i| columns.of[*i].1 == kind).collect()
}

/// Everything that cells of one time and disturbance are taken from.
struct Context<'a> {
    columns: &'a Columns,
    rivals: &'a [usize],
    events: &'a [bool],
    patients: &'a [&'a str],
    variants: &'a BTreeMap<u64, Scored>,
    as_of_hours: f64,
    modalities: &'a [(usize, &'static str)],
    bits: u64,
}

impl Context<'_> {
    fn condition(&self, disturbance: &'static str, target: &str, level: f64) -> Condition {
        Condition {
            as_of_hours: self.as_of_hours,
            disturbance,
            target: target.to_owned(),
            level,
            pattern: "any".to_owned(),
        }
    }

    /// Every level for each modality and for all; the undisturbed one once.
    fn levels(&self, disturbance: &'static str, out: &mut Vec<Cell>) {
        let each = self.modalities.iter().map(|(m, name)| (*name, 1 << m));
        for (target, bits) in each.chain([("all", self.bits)]) {
            for level in LEVELS {
                let scored = choose(self.patients, bits, level, self.variants);
                let name = if level == 0.0 { "none" } else { disturbance };
                if level == 0.0 && (target != "all" || disturbance != "removed") {
                    continue;
                }
                let condition = self.condition(name, target, level);
                out.extend(cells(&condition, self.columns, self.events, &scored, self.rivals));
            }
        }
    }

    /// The patterns of presence, with every modality half removed.
    fn patterns(&self, out: &mut Vec<Cell>) {
        let scored = choose(self.patients, self.bits, 0.5, self.variants);
        let alone = places(self.columns, Kind::Alone);
        let mut by_pattern: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (i, row) in scored.iter().enumerate() {
            let present = alone.iter().zip(self.modalities).filter(|(c, _)| !row[**c].is_nan());
            let names: Vec<&str> = present.map(|(_, (_, name))| *name).collect();
            by_pattern.entry(names.join("+")).or_default().push(i);
        }
        for (pattern, places) in by_pattern.into_iter().filter(|(name, _)| !name.is_empty()) {
            let rows: Vec<&[f64]> = places.iter().map(|i| scored[*i]).collect();
            let events: Vec<bool> = places.iter().map(|i| self.events[*i]).collect();
            let condition = Condition { pattern, ..self.condition("removed", "all", 0.5) };
            out.extend(cells(&condition, self.columns, &events, &rows, self.rivals));
        }
    }

    /// The cases of each column at a level of removal of everything.
    fn cases(&self, level: f64) -> Vec<Vec<Case>> {
        let scored = choose(self.patients, self.bits, level, self.variants);
        let of = |column: usize| {
            let case = |(row, event): (&&[f64], &bool)| Case { score: row[column], event: *event };
            let all = scored.iter().zip(self.events).map(case);
            all.filter(|case| !case.score.is_nan()).collect()
        };
        (0..self.columns.of.len()).map(of).collect()
    }
}

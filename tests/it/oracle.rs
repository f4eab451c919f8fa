//! The batch oracle: from all that a partition ever said, the final revision of every window. Slow and obvious: it
//! looks at everything for every window, and shares nothing with the fusion stage but the fusion method.

use crate::worlds::Record;
use arrow::array::{Array, Float64Array};
use latefusion::fuse::methods::build;
use latefusion::fuse::package::{Package, Policy};
use latefusion::fuse::{Evidence, Fused, Fuser};
use latefusion::modality::Registry;
use latefusion::types::{
    Absence, Band, BandHeld, EncounterChange, EventTime, FusedScore, FusedStatus, LogEntry,
    ModelName, Outcome, PatientId, Position, Presence, Risk, SourceLane, Stay,
};
use std::collections::BTreeMap;

/// What was said last about one (event time, issue time), and all who have said just that since. Any of them may be
/// named: the first counts, unless fusion had dropped the statement, or another model says it too late for the window.
#[derive(Clone, Debug)]
struct Statement {
    outcome: Outcome,
    said_by: Vec<(ModelName, Position)>,
}

/// Statements by (event time, issue time) in milliseconds.
type Statements = BTreeMap<(i64, i64), Statement>;

/// All that was said of one patient.
#[derive(Default)]
struct Patient {
    modalities: Vec<Statements>,
    admissions: Vec<i64>,
    discharge: Option<i64>,
}

/// A modality at a window end.
enum Seen {
    Present { event_time: i64, risk: Risk, statement: Statement },
    Absent(Absence, Option<i64>),
}

/// The final revision of one window, as far as it is fixed: not its pane, revision or unit.
pub(crate) struct Expected {
    status: FusedStatus,
    risk: Option<f64>,
    interval: Option<[f64; 2]>,
    band: Option<Band>,
    band_held: Option<BandHeld>,
    modalities: Vec<(Seen, f64, f64)>,
    window_end: i64,
}

/// The final revision of every (patient, window end in milliseconds) up to the final frontier.
pub(crate) fn final_scores(
    package: &Package,
    registry: &Registry,
    log: &[Record],
    frontier: EventTime,
) -> BTreeMap<(PatientId, i64), Expected> {
    let members = package.members(registry);
    let fuser = build(&package.method, &members).expect("the world's package is valid");
    let policies: Vec<&Policy> = members.into_iter().map(|(_, policy)| policy).collect();
    let every = package.every.as_millis();
    let mut expected = BTreeMap::new();
    for (id, patient) in patients(registry, log) {
        let Some(first) = patient.first_window(every) else { continue };
        let mut end = first;
        while end <= frontier.as_millis() && patient.discharge.is_none_or(|d| end < d) {
            let score = patient.at(end, package, &policies, fuser.as_ref());
            expected.insert((id.clone(), end), score);
            end += every;
        }
    }
    expected
}

/// Everything that was said, each source record once, the newest statement of each kind standing.
fn patients(registry: &Registry, log: &[Record]) -> BTreeMap<PatientId, Patient> {
    let mut taken: BTreeMap<SourceLane, i64> = BTreeMap::new();
    let mut patients: BTreeMap<PatientId, Patient> = BTreeMap::new();
    for record in log {
        let (source, patient) = match &record.entry {
            Ok(LogEntry::Scored(scored)) => (scored.source, &scored.patient),
            Ok(LogEntry::Stay(stay)) => (stay.source, &stay.patient),
            _ => continue,
        };
        if taken.get(&source.lane).is_some_and(|offset| source.offset <= *offset) {
            continue;
        }
        taken.insert(source.lane, source.offset);
        let patient = patients.entry(patient.clone()).or_default();
        patient.modalities.resize_with(registry.len(), Statements::new);
        match &record.entry {
            Ok(LogEntry::Stay(stay)) => patient.stay(stay),
            Ok(LogEntry::Scored(scored)) => {
                for said in &scored.predictions {
                    let outcome = said.outcome;
                    let key = (said.event_time.as_millis(), said.issued.as_millis());
                    let statements = &mut patient.modalities[scored.modality.index()];
                    let before = statements.remove(&key).filter(|s| s.outcome == outcome);
                    let mut said_by = before.map(|s| s.said_by).unwrap_or_default();
                    said_by.push((scored.model.clone(), scored.source));
                    statements.insert(key, Statement { outcome, said_by });
                }
            }
            _ => {}
        }
    }
    patients
}

impl Patient {
    fn stay(&mut self, stay: &Stay) {
        match stay.change {
            EncounterChange::Admit => self.admissions.push(stay.event_time.as_millis()),
            EncounterChange::Discharge => self.discharge = Some(stay.event_time.as_millis()),
            EncounterChange::Transfer => {}
        }
    }

    /// The smallest window end at or after both times of some statement.
    fn first_window(&self, every: i64) -> Option<i64> {
        let keys = self.modalities.iter().flat_map(|statements| statements.keys());
        keys.map(|(t, k)| (t.max(k) + every - 1).div_euclid(every) * every).min()
    }

    /// The groups known at `end` in this stay, oldest first: of each event time the statement of the greatest issue time.
    fn groups(&self, modality: usize, end: i64) -> BTreeMap<i64, (i64, &Statement)> {
        let admission = self.admissions.iter().filter(|a| **a <= end).max();
        let mut groups = BTreeMap::new();
        for ((t, k), statement) in &self.modalities[modality] {
            if *t <= end && *k <= end && admission.is_none_or(|a| t >= a) {
                groups.insert(*t, (*k, statement));
            }
        }
        groups
    }

    /// The newest usable risk with event time after `end - reach`.
    fn usable(&self, modality: usize, end: i64, reach: i64) -> Option<(i64, Risk, &Statement)> {
        let groups = self.groups(modality, end);
        let within = groups.into_iter().rev().filter(|(t, _)| *t > end - reach);
        let mut risks = within.filter_map(|(t, (_, statement))| match statement.outcome {
            Outcome::Risk(risk) => Some((t, risk, statement)),
            _ => None,
        });
        risks.next()
    }

    fn seen(&self, modality: usize, end: i64, validity: i64) -> Seen {
        if let Some((event_time, risk, statement)) = self.usable(modality, end, validity) {
            return Seen::Present { event_time, risk, statement: statement.clone() };
        }
        let groups = self.groups(modality, end);
        let Some((t, (k, statement))) = groups.last_key_value() else {
            return Seen::Absent(Absence::Never, None);
        };
        let why = match statement.outcome {
            Outcome::Risk(_) if *t <= k - validity => Absence::Late,
            Outcome::Risk(_) => Absence::Stale,
            Outcome::Uncalibrated => Absence::Uncalibrated,
            Outcome::Unscorable | Outcome::Rejected => Absence::Rejected,
            Outcome::Withdrawn => Absence::Withdrawn,
            Outcome::Pending => Absence::Pending,
        };
        Seen::Absent(why, Some(*t))
    }

    fn at(&self, end: i64, package: &Package, policies: &[&Policy], fuser: &dyn Fuser) -> Expected {
        let mut seen = Vec::new();
        let (mut present, mut with_stale) = (Vec::new(), Vec::new());
        let (mut by, mut degraded) = (0, false);
        for (m, policy) in policies.iter().enumerate() {
            let here = self.seen(m, end, policy.validity.as_millis());
            match &here {
                Seen::Present { event_time, risk, .. } => {
                    present.push(Some((*risk, end - event_time)));
                    with_stale.push(Some((*risk, end - event_time)));
                }
                Seen::Absent(why, _) => {
                    let excused = matches!(why, Absence::Never | Absence::Pending);
                    degraded |= policy.gating || !excused;
                    let stale = self.usable(m, end, policy.hold_limit.as_millis());
                    by |= u64::from(stale.is_some()) << m;
                    present.push(None);
                    with_stale.push(stale.map(|(t, risk, _)| (risk, end - t)));
                }
            }
            seen.push(here);
        }
        let fused = fuse(fuser, &present);
        let risk = only(&fused.risk);
        let band_of =
            |risk: f64| package.band(Risk::new(risk).expect("law 6: risks are probabilities"));
        let without_hold = risk.map(band_of);
        let with_hold = only(&fuse(fuser, &with_stale).risk).map(band_of);
        let held = with_hold > without_hold;
        let status = match risk {
            None => FusedStatus::InsufficientData,
            Some(_) if degraded || held => FusedStatus::Degraded,
            Some(_) => FusedStatus::Ok,
        };
        let cells = fused.weight.iter().zip(&fused.contribution);
        let cells = cells.map(|(weight, contribution)| (weight.value(0), contribution.value(0)));
        Expected {
            status,
            risk,
            interval: only(&fused.lower).zip(only(&fused.upper)).map(|(l, u)| [l, u]),
            band: with_hold.max(without_hold),
            band_held: held.then_some(BandHeld { without_hold, by }),
            modalities: seen.into_iter().zip(cells).map(|(s, (w, c))| (s, w, c)).collect(),
            window_end: end,
        }
    }
}

/// Fuses one row of (risk, age in milliseconds).
fn fuse(fuser: &dyn Fuser, row: &[Option<(Risk, i64)>]) -> Fused {
    let column = |value: Option<f64>| Float64Array::from(vec![value]);
    fuser.fuse(&Evidence {
        risk: row.iter().map(|cell| column(cell.map(|(risk, _)| risk.get()))).collect(),
        age_seconds: row.iter().map(|cell| column(cell.map(|(_, age)| age as f64 / 1e3))).collect(),
    })
}

fn only(column: &Float64Array) -> Option<f64> {
    column.is_valid(0).then(|| column.value(0))
}

impl Expected {
    /// What differs from a published score, in words; nothing where they agree bit for bit.
    pub(crate) fn differences(&self, score: &FusedScore) -> Vec<String> {
        let mut found = Vec::new();
        let mut compare = |what: &str, expected: String, published: String| {
            if expected != published {
                found.push(format!("{what}: expected {expected}, published {published}"));
            }
        };
        // Debug prints the shortest text that reads back to the same bits.
        let show = |value: &dyn std::fmt::Debug| format!("{value:?}");
        let interval = score.interval.map(|[lower, upper]| [lower.get(), upper.get()]);
        compare("status", show(&self.status), show(&score.status));
        compare("risk", show(&self.risk), show(&score.risk.map(Risk::get)));
        compare("interval", show(&self.interval), show(&interval));
        compare("band", show(&self.band), show(&score.band));
        compare("band_held", show(&self.band_held), show(&score.band_held));
        compare("modalities", show(&self.modalities.len()), show(&score.modalities.len()));
        for (m, (expected, published)) in self.modalities.iter().zip(&score.modalities).enumerate()
        {
            let (expected, published) = self.presence(expected, published);
            compare(&format!("modality {m}"), expected, published);
        }
        found
    }

    /// Both sides in words.
    fn presence(&self, expected: &(Seen, f64, f64), published: &Presence) -> (String, String) {
        let (seen, weight, contribution) = expected;
        let said = match published {
            Presence::Present(p) => {
                let known = match seen {
                    Seen::Present { statement, .. } => {
                        statement.said_by.contains(&(p.model.clone(), p.source))
                    }
                    Seen::Absent(..) => false,
                };
                let source = if known { String::new() } else { show_source(&p.model, &p.source) };
                let (t, age) = (p.event_time.as_millis(), p.age.as_millis());
                let (risk, share, adds) = (p.risk.get(), p.weight, p.contribution);
                format!("{t} age {age} risk {risk} weight {share} adds {adds}{source}")
            }
            Presence::Absent(why, t) => format!("{why:?} {:?}", t.map(EventTime::as_millis)),
        };
        let should = match seen {
            Seen::Present { event_time: t, risk, .. } => {
                let (age, risk) = (self.window_end - t, risk.get());
                format!("{t} age {age} risk {risk} weight {weight} adds {contribution}")
            }
            Seen::Absent(why, t) => format!("{why:?} {t:?}"),
        };
        (should, said)
    }
}

fn show_source(model: &ModelName, source: &Position) -> String {
    format!(", from {model} at {source:?}, which did not say so")
}

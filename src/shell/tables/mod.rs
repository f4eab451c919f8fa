//! Feature rows as of chosen times into each stay, taken from the running pipeline itself.
//!
//! Every modality gets a scorer that only remembers the rows it is handed and answers with their number. Fusion then
//! chooses, by its own evidence rule, which prediction speaks for a modality at a window end; the number that it
//! carries names the row. So a training table holds exactly what a model would have been given and fusion would have
//! used, with nothing that was issued later, and there is no second feature code that could differ. (A correction that
//! comes between a window's end and its firing counts, as it does at the bedside; the shipped data sets have none.)

mod disturb;
mod parquet_file;
mod recorder;

pub use disturb::{Disturbance, Hit};
pub use parquet_file::{TableError, write};

use super::datasets::{Dataset, Stay};
use super::local_lane::{Known, LaneSetup};
use super::replay::{ReplayConfig, Sink, replay};
use crate::modality::Modality;
use crate::score::{FeatureSpec, UnknownColumn};
use crate::types::{EventTime, FusedScore, Pane, PatientId, Presence, Span};
use recorder::Recorder;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Stays that go through the pipeline together: bounds the rows held at once.
const STAYS_AT_ONCE: usize = 500;

/// What one modality is asked for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The modality.
    pub modality: &'static Modality,
    /// Its features, in the order of the table's columns.
    pub inputs: Vec<FeatureSpec>,
}

/// The feature row that speaks for a modality at one window end.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// Event time of the prediction made from it.
    pub event_time: EventTime,
    /// Window end less event time; zero or more.
    pub age: Span,
    /// One value for each input; NaN where it is null.
    pub values: Vec<f64>,
}

/// The rows of all modalities: one entry for each stay and time, the times of a stay together.
#[derive(Clone, Debug)]
pub struct Tables {
    /// How many times there are for each stay.
    pub times: usize,
    /// \[stays x times\], each a row for every modality; `None` = absent by fusion's evidence rule.
    pub rows: Vec<Vec<Option<Taken>>>,
}

impl Tables {
    /// The rows of all modalities for a stay and a time, by their places.
    pub fn at(&self, stay: usize, time: usize) -> &[Option<Taken>] {
        self.rows.get(stay * self.times + time).map_or(&[], Vec::as_slice)
    }
}

/// Why no tables could be made.
#[derive(Debug, thiserror::Error)]
pub enum TablesError {
    /// A feature of a column that its modality does not have.
    #[error(transparent)]
    Column(#[from] UnknownColumn),
    /// The replay failed.
    #[error("the replay failed")]
    Replay(#[from] std::io::Error),
}

/// What a table is made of and with.
#[derive(Clone, Debug)]
pub struct Request {
    /// One for each modality of the registry, in its order.
    pub wanted: Vec<Wanted>,
    /// Times into each stay; window ends of the fusion package.
    pub at: Vec<Span>,
    /// How the replay runs; `run_on` is lengthened so that every window end asked for fires.
    pub replay: ReplayConfig,
}

/// Replays the data set with every modality's features recorded, as of each of the times. `disturb` changes what is
/// known of some modalities first.
///
/// # Errors
/// See [`TablesError`].
pub fn tables(
    dataset: &Dataset,
    setup: &LaneSetup,
    request: &Request,
    disturb: Option<&Disturbance>,
    progress: &mut dyn FnMut(u64),
) -> Result<Tables, TablesError> {
    let mut rows = Vec::with_capacity(dataset.stays.len() * request.at.len());
    let groups = inputs_by_group(dataset, &request.at);
    for (stays, inputs) in dataset.stays.chunks(STAYS_AT_ONCE).zip(groups) {
        let taken = inputs.len() as u64;
        let inputs = disturb.map_or_else(|| inputs.clone(), |d| d.apply(&inputs, stays));
        rows.extend(group(stays, inputs, setup, request)?);
        progress(taken);
    }
    Ok(Tables { times: request.at.len(), rows })
}

/// The inputs of each group of stays in the order in which they became known, without those issued after the last time.
fn inputs_by_group(dataset: &Dataset, at: &[Span]) -> Vec<Vec<Known>> {
    let last = at.iter().copied().max().unwrap_or(Span::ZERO);
    let of_stay = |(i, stay): (usize, &Stay)| {
        (stay.patient.clone(), (i / STAYS_AT_ONCE, (stay.begins + last).as_millis()))
    };
    let groups: BTreeMap<PatientId, (usize, i64)> =
        dataset.stays.iter().enumerate().map(of_stay).collect();
    let mut inputs = vec![Vec::new(); dataset.stays.len().div_ceil(STAYS_AT_ONCE)];
    let encounters = dataset.encounters.iter().cloned().map(Known::Encounter);
    for known in encounters.chain(dataset.events.iter().cloned().map(Known::Event)) {
        let Some((group, until)) = groups.get(known.patient()) else { continue };
        if known.issued().as_millis() <= *until {
            inputs[*group].push(known);
        }
    }
    inputs.iter_mut().for_each(|group| group.sort_by_key(Known::issued));
    inputs
}

fn group(
    stays: &[Stay],
    inputs: Vec<Known>,
    setup: &LaneSetup,
    request: &Request,
) -> Result<Vec<Vec<Option<Taken>>>, TablesError> {
    let recorders: Vec<Arc<Recorder>> =
        request.wanted.iter().map(|wanted| Arc::new(Recorder::new(wanted))).collect();
    let mut setup = setup.clone();
    for (slot, (recorder, wanted)) in
        setup.models.iter_mut().zip(recorders.iter().zip(&request.wanted))
    {
        *slot = recorder.models(wanted.modality)?;
    }
    let mut config = request.replay.clone();
    let last = inputs.last().map(|known| EventTime::from_millis(known.issued().as_millis()));
    let latest = stays.iter().map(|stay| stay.begins).max();
    if let (Some(last), Some(latest), Some(at)) = (last, latest, request.at.iter().max()) {
        config.run_on = config.run_on.max(latest + *at - last + config.run_on);
    }
    let mut keep = Keep::new(stays, &request.at);
    replay(&setup, &config, inputs, &mut keep, &mut |_| {})?;
    let evidence = keep.evidence.into_iter().map(|modalities| {
        let of = |(m, evidence): (usize, Option<Evidence>)| {
            let Evidence { event_time, age, carried } = evidence?;
            let values = recorders.get(m)?.row(carried)?;
            Some(Taken { event_time, age, values })
        };
        modalities.into_iter().enumerate().map(of).collect()
    });
    Ok(evidence.collect())
}

/// What fusion used of a modality, with the risk that names the row.
#[derive(Clone, Copy)]
struct Evidence {
    event_time: EventTime,
    age: Span,
    carried: f64,
}

/// Keeps the panes asked for as they stood when their windows closed: a later revision knows what nobody knew then.
struct Keep {
    places: BTreeMap<(PatientId, EventTime), usize>,
    evidence: Vec<Vec<Option<Evidence>>>,
}

impl Keep {
    fn new(stays: &[Stay], at: &[Span]) -> Self {
        let ends = stays
            .iter()
            .flat_map(|stay| at.iter().map(|at| (stay.patient.clone(), stay.begins + *at)));
        let places: BTreeMap<_, _> = ends.enumerate().map(|(i, end)| (end, i)).collect();
        Self { evidence: vec![Vec::new(); stays.len() * at.len()], places }
    }
}

impl Sink for Keep {
    fn fused(&mut self, score: FusedScore) -> std::io::Result<()> {
        let place = self.places.get(&(score.patient.clone(), score.window.end()));
        let Some(place) = place.filter(|_| score.pane != Pane::Late) else { return Ok(()) };
        let of = |presence: &Presence| match presence {
            Presence::Present(present) => Some(Evidence {
                event_time: present.event_time,
                age: present.age,
                carried: present.risk.get(),
            }),
            Presence::Absent(..) => None,
        };
        self.evidence[*place] = score.modalities.iter().map(of).collect();
        Ok(())
    }
}

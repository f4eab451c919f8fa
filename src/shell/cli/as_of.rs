//! The fused score of every stay as of one time into it; what `evaluate` and `calibrate` look at.

use super::inputs::{PipelineArgs, in_order};
use super::output::bar;
use crate::fuse::package::Profile;
use crate::modality::Registry;
use crate::shell::datasets::{Dataset, Outcome};
use crate::shell::local_lane::LaneSetup;
use crate::shell::replay::{Sink, replay};
use crate::types::{EventTime, FusedScore, PatientId, Presence, Span};
use std::collections::BTreeMap;

/// One stay as of the time asked for.
pub(super) struct StayScore {
    /// The last revision of the pane that ends then; `None`: no pane, the stay had nothing by then.
    pub score: Option<FusedScore>,
    /// How the stay went.
    pub outcome: Outcome,
}

impl StayScore {
    /// The fused risk; `None` where no modality is present.
    pub fn fused(&self) -> Option<f64> {
        self.score.as_ref()?.risk.map(crate::types::Risk::get)
    }

    /// The calibrated risk of one modality; `None` where it is absent.
    pub fn modality(&self, m: usize) -> Option<f64> {
        match self.score.as_ref()?.modalities.get(m)? {
            Presence::Present(present) => Some(present.risk.get()),
            Presence::Absent(..) => None,
        }
    }
}

/// Replays the data set and keeps, for each stay, the pane that ends `as_of` after its beginning.
pub(super) fn scores_as_of(
    dataset: &mut Dataset,
    as_of: Span,
    setup: &LaneSetup,
    pipeline: &PipelineArgs,
    profile: Profile,
) -> anyhow::Result<Vec<StayScore>> {
    let at = dataset.stays.iter().map(|stay| (stay.patient.clone(), stay.begins + as_of));
    let mut keep = Keep { at: at.collect(), scores: BTreeMap::new() };
    let inputs = in_order(dataset);
    let progress = bar("replaying", inputs.len() as u64);
    let config = pipeline.config(profile);
    replay(setup, &config, inputs, &mut keep, &mut |done| progress.inc(done))?;
    progress.finish_and_clear();
    let mut scores = keep.scores;
    let of_stay = |stay: &crate::shell::datasets::Stay| StayScore {
        score: scores.remove(&stay.patient),
        outcome: stay.outcome.clone(),
    };
    Ok(dataset.stays.iter().map(of_stay).collect())
}

struct Keep {
    at: BTreeMap<PatientId, EventTime>,
    scores: BTreeMap<PatientId, FusedScore>,
}

impl Sink for Keep {
    fn fused(&mut self, score: FusedScore) -> std::io::Result<()> {
        if self.at.get(&score.patient).is_some_and(|at| score.window.end() == *at) {
            self.scores.insert(score.patient.clone(), score);
        }
        Ok(())
    }
}

/// Names of the modalities.
pub(super) fn modality_names(registry: &Registry) -> Vec<&'static str> {
    registry.iter().map(|(_, m)| m.name).collect()
}

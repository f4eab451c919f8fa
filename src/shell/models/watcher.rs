//! Looks at the models folder, has packages tried, and swaps.

use super::trial::Trial;
use super::watched::{Trials, Watched};
use super::{Choice, Refusal, Roster};
use crate::modality::Registry;
use crate::score::ActiveModel;
use crate::shell::driver::StopFlag;
use crate::shell::local_lane::LaneSetup;
use crate::shell::telemetry::Telemetry;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use tracing::{info, warn};

/// Between two looks at the folder.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A folder of packages, and what is chosen of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelsFolder {
    /// Where it is.
    pub folder: PathBuf,
    /// By name of the modality.
    pub choices: BTreeMap<String, Choice>,
    /// How packages are tried.
    pub trial: Trial,
}

/// See the module.
pub struct Watcher {
    root: PathBuf,
    trial: Trial,
    registry: Registry,
    roster: Roster,
    watched: Vec<Watched>,
    /// Swapped out; freed here, and not by the lane that lets go of it last.
    retired: Vec<ActiveModel>,
}

impl Watcher {
    /// Puts the folder's models to work in lanes that are still to be made from `setup`, and goes on watching for the modalities
    /// for which `scores_here` holds. Shadows that are refused are logged.
    ///
    /// # Errors
    /// Everything that is refused, where an active model is among it.
    pub fn start(
        models: ModelsFolder,
        setup: &mut LaneSetup,
        scores_here: impl Fn(&str) -> bool,
    ) -> Result<Self, Vec<Refusal>> {
        let ModelsFolder { folder: root, mut choices, trial } = models;
        let all = setup.registry.iter().zip(&setup.models).zip(&setup.scoring);
        let watched = all.filter(|(((_, modality), _), _)| scores_here(modality.name));
        let watched = watched.map(|((modality, models), scoring)| {
            let choice = choices.remove(modality.1.name).unwrap_or_default();
            Watched::new(modality, scoring.lookback, choice, models.clone())
        });
        let watched = watched.collect();
        let (registry, roster) = (setup.registry.clone(), setup.roster.clone());
        let mut watcher = Self { root, trial, registry, roster, watched, retired: Vec::new() };
        let mut refused = Vec::new();
        if !watcher.root.is_dir() {
            let why = format!("the folder {} is not there", watcher.root.display());
            let all = watcher.watched.iter().map(|watched| watched.modality.name);
            let refusal = |modality| Refusal {
                modality,
                model: "every package".to_owned(),
                is_active: true,
                why: why.clone(),
            };
            return Err(all.take(1).map(refusal).collect());
        }
        for watched in &mut watcher.watched {
            let trials =
                Trials { trial: &watcher.trial, registry: &watcher.registry, at_once: true };
            let folder = watcher.root.join(watched.modality.name);
            let wanted = watched.look(&folder, &trials);
            if let (Some(models), Some(slot)) = (wanted, setup.models.get_mut(watched.id.index())) {
                *slot = models;
            }
            refused.extend(watched.refused.iter().cloned());
            setup.roster.refuse(watched.id, watched.refused.clone());
        }
        if refused.iter().any(|refusal| refusal.is_active) {
            return Err(refused);
        }
        refused.iter().for_each(told);
        Ok(watcher)
    }

    /// One look: has tried what is new and was so at the last look too, and swaps what is to be other than it is.
    pub fn look(&mut self, telemetry: &Telemetry) {
        let trials = Trials { trial: &self.trial, registry: &self.registry, at_once: false };
        for watched in &mut self.watched {
            let before = (watched.serving.clone(), watched.refused.clone());
            let wanted = watched.look(&self.root.join(watched.modality.name), &trials);
            if let Some(models) = wanted {
                info!(modality = watched.modality.name, active = %models.active.name(), before = %before.0.active.name(),
                    shadows = ?models.shadows.iter().map(ActiveModel::name).collect::<Vec<_>>(), "models swapped");
                self.roster.put(watched.id, models);
                self.retired.extend(std::iter::once(before.0.active).chain(before.0.shadows));
                telemetry.model_swapped(watched.id, true);
            }
            for refusal in watched.refused.iter().filter(|refusal| !before.1.contains(refusal)) {
                told(refusal);
                telemetry.model_swapped(watched.id, false);
            }
            if watched.refused != before.1 {
                self.roster.refuse(watched.id, watched.refused.clone());
            }
        }
        // Lanes let go of what they had at their next batch or heartbeat.
        self.retired.retain(|model| model.holders() > 1);
    }

    /// Looks until told to stop.
    pub fn run(mut self, telemetry: &Telemetry, stop: &StopFlag) {
        while !stop.wait(LOOK_EVERY) {
            self.look(telemetry);
        }
    }
}

fn told(refusal: &Refusal) {
    let Refusal { modality, model, is_active, why } = refusal;
    warn!(modality, model, is_active, why, "model refused, what serves stays");
}

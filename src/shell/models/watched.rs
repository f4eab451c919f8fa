//! One modality of the models folder: which models it is to have, and which of them can be had.

use super::folder::{self, Place, Stamp};
use super::inspect::Findings;
use super::names::Named;
use super::trial::{Trial, Verdict};
use super::{Choice, Refusal};
use crate::modality::{Modality, Registry};
use crate::score::ActiveModel;
use crate::score::learned::LearnedModel;
use crate::shell::local_lane::Models;
use crate::shell::setup;
use crate::types::{ModalityId, Span};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// See the module.
pub(super) struct Watched {
    pub(super) id: ModalityId,
    pub(super) modality: &'static Modality,
    /// How far back its lanes keep observations.
    pub(super) lookback: Span,
    pub(super) choice: Choice,
    /// What stands for `reference`, and serves where nothing else is to.
    pub(super) reference: ActiveModel,
    /// What serves.
    pub(super) serving: Models,
    /// Package folders as the last look found them.
    seen: BTreeMap<PathBuf, Stamp>,
    /// Packages tried, as they were then.
    tried: BTreeMap<PathBuf, Tried>,
    /// Digest of each model that was put to work here.
    served: BTreeMap<String, String>,
    /// What is named and does not serve, as of the last look.
    pub(super) refused: Vec<Refusal>,
}

struct Tried {
    stamp: Stamp,
    outcome: Result<(ActiveModel, String), String>,
}

/// How packages are tried.
pub(super) struct Trials<'a> {
    pub(super) trial: &'a Trial,
    pub(super) registry: &'a Registry,
    /// False: files that changed since the last look are still being copied, and are left for the next one.
    pub(super) at_once: bool,
}

/// A named model; `Ok(None)`: not yet.
type Had = Result<Option<ActiveModel>, String>;

impl Watched {
    pub(super) fn new(
        (id, modality): (ModalityId, &'static Modality),
        lookback: Span,
        choice: Choice,
        serving: Models,
    ) -> Self {
        Self {
            id,
            modality,
            lookback,
            choice,
            reference: serving.active.clone(),
            serving,
            seen: BTreeMap::new(),
            tried: BTreeMap::new(),
            served: BTreeMap::new(),
            refused: Vec::new(),
        }
    }

    /// What is to serve now, if that is other than what serves; what was named and cannot serve stands in `refused`.
    pub(super) fn look(&mut self, folder: &Path, trials: &Trials<'_>) -> Option<Models> {
        let packages = folder::packages(folder);
        self.refused.clear();
        let active = match self.wanted(folder, &packages) {
            Ok(named) => self.had(&named, &packages, trials, true),
            Err(why) => {
                self.refuse("active", true, why);
                None
            }
        };
        let active = active.unwrap_or_else(|| self.serving.active.clone());
        let shadows = folder::names(&folder.join("shadow")).unwrap_or_else(|why| {
            self.refuse("shadow", false, why);
            None
        });
        let shadows = shadows.unwrap_or_else(|| self.choice.shadows.clone());
        let mut beside: Vec<ActiveModel> = Vec::new();
        for named in shadows {
            let shadow = self.had(&named, &packages, trials, false);
            let is_new = |shadow: &ActiveModel| {
                [&active].into_iter().chain(&beside).all(|other| other.name() != shadow.name())
            };
            beside.extend(shadow.filter(is_new));
        }
        self.seen = packages.iter().map(|p| (p.folder.clone(), folder::stamp(&p.folder))).collect();
        self.tried.retain(|folder, _| packages.iter().any(|place| place.folder == *folder));
        let wanted = Models { active, shadows: beside };
        if names_of(&wanted) == names_of(&self.serving) {
            return None;
        }
        self.serving = wanted.clone();
        Some(wanted)
    }

    /// Which model is to be fused.
    fn wanted(&self, folder: &Path, packages: &[Place]) -> Result<Named, String> {
        if let Some(named) = folder::names(&folder.join("active"))? {
            return match named.as_slice() {
                [one] => Ok(one.clone()),
                _ => Err("the file `active` names several models, and one can serve".to_owned()),
            };
        }
        if let Some(named) = &self.choice.active {
            return Ok(named.clone());
        }
        let mut names: Vec<&str> = packages.iter().map(|place| place.name.as_str()).collect();
        names.dedup();
        match names.as_slice() {
            [] => Ok(Named::Reference),
            [one] => Ok(Named::Highest((*one).to_owned())),
            several => Err(format!(
                "there are packages of several models ({}): name one in the file `active` beside them or as models.{}.active",
                several.join(", "),
                self.modality.name
            )),
        }
    }

    /// A named model if it can serve; else why not stands in `refused`.
    fn had(
        &mut self,
        named: &Named,
        packages: &[Place],
        trials: &Trials<'_>,
        is_active: bool,
    ) -> Option<ActiveModel> {
        let place = packages.iter().rfind(|place| match named {
            Named::Reference => false,
            Named::Exactly(model) => place.model() == *model,
            Named::Highest(name) => place.name == *name,
        });
        let had = match (place, named) {
            (Some(place), _) => self.tried(place, trials),
            (None, Named::Reference) => Ok(Some(self.reference.clone())),
            (None, _) => self.shipped(&named.to_string()).map(Some),
        };
        had.unwrap_or_else(|why| {
            let model = place.map_or_else(|| named.to_string(), Place::model);
            self.refuse(&model, is_active, why);
            None
        })
    }

    fn shipped(&self, name: &str) -> Result<ActiveModel, String> {
        let shipped = setup::shipped_model(name, self.modality);
        shipped
            .map(|models| models.active)
            .ok_or_else(|| "there is no such package, and no scorer of this name ships".to_owned())
    }

    fn refuse(&mut self, model: &str, is_active: bool, why: String) {
        let (modality, model) = (self.modality.name, model.to_owned());
        self.refused.push(Refusal { modality, model, is_active, why });
    }

    /// A package, tried now if it has not been as it is.
    fn tried(&mut self, place: &Place, trials: &Trials<'_>) -> Had {
        let stamp = folder::stamp(&place.folder);
        let known = self.tried.get(&place.folder).filter(|tried| tried.stamp == stamp);
        if known.is_none() {
            if !trials.at_once && self.seen.get(&place.folder) != Some(&stamp) {
                return Ok(None);
            }
            let outcome = self.load(place, trials);
            self.tried.insert(place.folder.clone(), Tried { stamp, outcome });
        }
        let tried = self.tried.get(&place.folder).map(|tried| tried.outcome.clone());
        let (model, digest) = tried.ok_or("it is gone")??;
        let before = self.served.entry(place.model()).or_insert_with(|| digest.clone());
        if *before != digest {
            return Err("its files are not those that served under this version: predictions name the version, so give the \
                        new ones a version of their own"
                .to_owned());
        }
        Ok(Some(model))
    }

    /// Tries a package in a process of its own and then loads the same bytes here.
    fn load(&self, place: &Place, trials: &Trials<'_>) -> Result<(ActiveModel, String), String> {
        let tried = match trials.trial.run(&place.folder) {
            Verdict::Told(Findings::Sound { digest, .. }) => digest,
            Verdict::Told(Findings::Unsound { problems }) => return Err(problems.join("; ")),
            Verdict::Died(why) => return Err(why),
        };
        let files = folder::read(&place.folder)?;
        if files.digest() != tried {
            return Err("its files changed while they were tried".to_owned());
        }
        let model = LearnedModel::load(&files, trials.registry).map_err(|all| all.join("; "))?;
        if model.modality.name != self.modality.name || **model.active.name() != place.model() {
            return Err(format!(
                "its manifest says {} of {}, and its folder {} of {}",
                model.active.name(),
                model.modality.name,
                place.model(),
                self.modality.name
            ));
        }
        if model.span > self.lookback {
            return Err(format!(
                "it looks back {}, and the profile keeps {}: choose the profile with the longer lookback",
                model.span, self.lookback
            ));
        }
        Ok((model.active, tried))
    }
}

/// The active model's name, then the shadows'.
fn names_of(models: &Models) -> Vec<&str> {
    let all = [&models.active].into_iter().chain(&models.shadows);
    all.map(|model| &**model.name()).collect()
}

//! `[models]`: what is named there, and what that asks for.

use super::Config;
use crate::fuse::package::Mistake;
use crate::modality::{Modality, Registry};
use crate::shell::local_lane::LaneSetup;
use crate::shell::models::{Choice, ModelsFolder, Named, Trial};
use crate::shell::setup;
use std::collections::BTreeMap;

impl Config {
    /// Every mistake in `[models]`; the packages themselves are not looked at.
    pub(super) fn model_mistakes(&self, registry: &Registry) -> Vec<Mistake> {
        let mut found = Vec::new();
        for (modality, choice) in &self.models.of {
            let path = format!("models.{modality}");
            let Some((_, known)) = registry.find(modality) else {
                let names: Vec<&str> = registry.iter().map(|(_, m)| m.name).collect();
                let expected = format!("no such modality; there are {}", names.join(", "));
                found.push(Mistake::new(path, expected));
                continue;
            };
            let shadows = choice.shadow.iter().flat_map(|names| names.split(','));
            let all = choice.active.iter().map(|name| ("active", name.as_str()));
            for (key, name) in all.chain(shadows.map(|name| ("shadow", name))) {
                if let Err(expected) = self.can_be(name.trim(), known) {
                    found.push(Mistake::new(format!("{path}.{key}"), expected));
                }
            }
        }
        found
    }

    fn can_be(&self, name: &str, modality: &'static Modality) -> Result<(), String> {
        let named: Named = name.parse().map_err(|error| format!("{error}"))?;
        let ships = named == Named::Reference || setup::shipped_model(name, modality).is_some();
        if ships || self.models.folder.is_some() {
            return Ok(());
        }
        let of_it = setup::shipped_models(modality).join("`, `");
        Err(format!("no such model; without `models.folder` there are `reference`, `{of_it}`"))
    }

    /// Puts the shipped scorers that are named into a setup.
    pub(super) fn choose_shipped(&self, lanes: &mut LaneSetup) {
        let choices = self.choices();
        for ((_, modality), models) in lanes.registry.iter().zip(&mut lanes.models) {
            // With a folder, `reference` must go on meaning the profile's: the watcher puts the others to work.
            let choice = choices.get(modality.name).filter(|_| self.models.folder.is_none());
            let Some(Choice { active, shadows }) = choice else { continue };
            let reference = models.active.clone();
            let ships = |named: &Named| match named {
                Named::Reference => Some(reference.clone()),
                _ => setup::shipped_model(&named.to_string(), modality).map(|m| m.active),
            };
            models.shadows = shadows.iter().filter_map(ships).collect();
            models.active = active.as_ref().and_then(ships).unwrap_or(reference.clone());
            models.shadows.retain(|shadow| shadow.name() != models.active.name());
        }
    }

    /// The folder to watch; `None`: there is none. Its packages are tried by `trial`.
    pub fn models_folder(&self, trial: Trial) -> Option<ModelsFolder> {
        let folder = self.models.folder.clone()?;
        Some(ModelsFolder { folder, choices: self.choices(), trial })
    }

    /// What is named, by modality; names that are none are left out, as a mistake was told of each.
    fn choices(&self) -> BTreeMap<String, Choice> {
        let parsed = |name: &str| name.trim().parse::<Named>().ok();
        let choice = |(modality, choice): (&String, &super::ModelChoice)| {
            let shadows = choice.shadow.iter().flat_map(|names| names.split(','));
            let active = choice.active.as_deref().and_then(parsed);
            (modality.clone(), Choice { active, shadows: shadows.filter_map(parsed).collect() })
        };
        self.models.of.iter().map(choice).collect()
    }
}

//! Which topic is which: configuration, and the names that stand for ids on the wire.

use crate::fuse::package::Mistake;
use crate::modality::Registry;
use crate::types::{Feed, ModalityId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The topics of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Topics {
    /// Input topics by modality name; a modality that is left out has its default topic.
    pub modality: BTreeMap<String, String>,
    /// Admissions, transfers and discharges.
    pub encounters: String,
    /// What scorers write and fusion reads.
    pub predictions: String,
    /// The product.
    pub fused_scores: String,
    /// Which modalities each partition's patients have.
    pub availability: String,
    /// What could not be used, and why.
    pub dead_letters: String,
}

impl Default for Topics {
    fn default() -> Self {
        Self {
            modality: BTreeMap::new(),
            encounters: "encounters".to_owned(),
            predictions: "predictions".to_owned(),
            fused_scores: "fused-scores".to_owned(),
            availability: "availability".to_owned(),
            dead_letters: "dead-letters".to_owned(),
        }
    }
}

impl Topics {
    /// The topic of a feed; `None` for a modality that the registry does not have.
    pub fn of_feed(&self, feed: Feed, registry: &Registry) -> Option<String> {
        match feed {
            Feed::Encounters => Some(self.encounters.clone()),
            Feed::Modality(id) => {
                let modality = registry.get(id)?;
                let configured = self.modality.get(modality.name).cloned();
                Some(configured.unwrap_or_else(|| modality.topic.to_owned()))
            }
        }
    }

    /// Every mistake: an illegal topic name, a topic used twice, a modality that does not exist.
    pub fn mistakes(&self, registry: &Registry) -> Vec<Mistake> {
        let unknown = self.modality.keys().filter(|name| registry.find(name).is_none());
        let mut found: Vec<Mistake> = unknown
            .map(|name| Mistake::new(format!("topics.modality.{name}"), "no such modality"))
            .collect();
        let inputs = registry.iter().filter_map(|(id, modality)| {
            let topic = self.of_feed(Feed::Modality(id), registry)?;
            Some((format!("topics.modality.{}", modality.name), topic))
        });
        let others = [
            ("topics.encounters", &self.encounters),
            ("topics.predictions", &self.predictions),
            ("topics.fused_scores", &self.fused_scores),
            ("topics.availability", &self.availability),
            ("topics.dead_letters", &self.dead_letters),
        ];
        let others = others.into_iter().map(|(path, topic)| (path.to_owned(), topic.clone()));
        let mut used: BTreeMap<String, String> = BTreeMap::new();
        for (path, topic) in inputs.chain(others) {
            if !is_topic_name(&topic) {
                let expected = "must be 1 to 249 of the characters a-z A-Z 0-9 . _ -";
                found.push(Mistake::new(path, expected));
            } else if let Some(first) = used.get(&topic) {
                found.push(Mistake::new(path, format!("is the topic of {first} already")));
            } else {
                used.insert(topic, path);
            }
        }
        found
    }
}

/// Kafka's rule for topic names.
fn is_topic_name(name: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    (1..=249).contains(&name.len()) && name.bytes().all(legal) && name != "." && name != ".."
}

/// Modality and topic names by id and back; made once for a run.
#[derive(Clone, Debug)]
pub struct Names {
    modalities: Vec<&'static str>,
    /// By modality.
    topics: Vec<String>,
    encounters: String,
}

impl Names {
    /// The names of a run.
    ///
    /// # Errors
    /// Every mistake in `topics`.
    pub fn new(registry: &Registry, topics: &Topics) -> Result<Self, Vec<Mistake>> {
        let mistakes = topics.mistakes(registry);
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        Ok(Self {
            modalities: registry.iter().map(|(_, modality)| modality.name).collect(),
            topics: registry
                .iter()
                .filter_map(|(id, _)| topics.of_feed(Feed::Modality(id), registry))
                .collect(),
            encounters: topics.encounters.clone(),
        })
    }

    /// How many modalities there are.
    pub fn modalities(&self) -> usize {
        self.modalities.len()
    }

    /// The name of a modality; `unknown` for one outside the registry, which nothing in a run can make.
    pub fn modality(&self, id: ModalityId) -> &str {
        self.modalities.get(id.index()).copied().unwrap_or("unknown")
    }

    /// A modality by name.
    pub fn find_modality(&self, name: &str) -> Option<ModalityId> {
        let at = self.modalities.iter().position(|known| *known == name)?;
        u8::try_from(at).ok().map(ModalityId)
    }

    /// The topic of a feed; `unknown` as in [`Names::modality`].
    pub fn topic(&self, feed: Feed) -> &str {
        match feed {
            Feed::Encounters => &self.encounters,
            Feed::Modality(id) => self.topics.get(id.index()).map_or("unknown", String::as_str),
        }
    }

    /// The feed of an input topic.
    pub fn find_feed(&self, topic: &str) -> Option<Feed> {
        if topic == self.encounters {
            return Some(Feed::Encounters);
        }
        let at = self.topics.iter().position(|known| known == topic)?;
        u8::try_from(at).ok().map(|at| Feed::Modality(ModalityId(at)))
    }
}

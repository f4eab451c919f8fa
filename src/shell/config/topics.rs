//! The topics of a deployment: their names, and how each should be made.

use super::Config;
use crate::fuse::package::Mistake;
use crate::modality::Registry;
use crate::shell::wire::Topics;
use crate::types::Span;
use std::collections::BTreeSet;

impl Config {
    /// The pipeline's topics by what they are for.
    pub fn topic_names(&self) -> Topics {
        let topics = self.topics.clone();
        Topics {
            modality: topics.modality,
            encounters: topics.encounters,
            predictions: topics.predictions,
            fused_scores: topics.fused_scores,
            availability: topics.availability,
            dead_letters: topics.dead_letters,
        }
    }

    pub(super) fn topic_mistakes(&self, registry: &Registry) -> Vec<Mistake> {
        let topics = &self.topics;
        let names = self.topic_names();
        let mut found = names.mistakes(registry);
        let mut used: BTreeSet<&str> = BTreeSet::from([
            &*names.encounters,
            &*names.predictions,
            &*names.fused_scores,
            &*names.availability,
            &*names.dead_letters,
        ]);
        for (key, name) in
            [("state_score", &topics.state_score), ("state_fuse", &topics.state_fuse)]
        {
            if name.is_empty() || !used.insert(name) {
                let expected = "must be the name of a topic that has no other use";
                found.push(Mistake::new(format!("topics.{key}"), expected));
            }
        }
        let mut require = |holds: bool, key: &str, expected: &str| {
            if !holds {
                found.push(Mistake::new(format!("topics.{key}"), expected));
            }
        };
        require(
            (1..=10_000).contains(&topics.partitions),
            "partitions",
            "must be within 1..=10000",
        );
        require(topics.replication != Some(0), "replication", "must be 1 or more");
        let insync = topics.min_insync_replicas.unwrap_or(1);
        let possible = insync >= 1 && topics.replication.is_none_or(|copies| insync <= copies);
        require(possible, "min_insync_replicas", "must be between 1 and `topics.replication`");
        // A restore replays the log from the last checkpoint: it must be there, also after a long outage.
        let kept = topics.retention >= Span::hours(1);
        require(kept, "retention", "must be 1h or more: a restart replays the log");
        let kept = topics.dead_letter_retention.is_positive();
        require(kept, "dead_letter_retention", "must be above 0s");
        for topic in topics.epochs.keys() {
            let is_input = *topic == names.encounters
                || registry.iter().any(|(_, m)| {
                    names.modality.get(m.name).map_or(m.topic, String::as_str) == topic
                });
            require(is_input, &format!("epochs.{topic}"), "must be the name of an input topic");
        }
        found
    }
}

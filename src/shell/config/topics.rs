//! The topics of a deployment: their names, and how each should be made.

use super::Config;
use crate::fuse::package::Mistake;
use crate::modality::Registry;
use crate::shell::bus::kafka::topics::TopicSpec;
use crate::shell::wire::Topics;
use crate::types::{Feed, Span};
use std::collections::{BTreeMap, BTreeSet};

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

    /// Every topic of the deployment as it should be, inputs first.
    pub fn topic_specs(&self, registry: &Registry) -> Vec<TopicSpec> {
        let (topics, names) = (&self.topics, self.topic_names());
        let mut specs = Vec::new();
        let feeds = registry.iter().map(|(id, _)| Feed::Modality(id)).chain([Feed::Encounters]);
        let inputs = feeds.filter_map(|feed| names.of_feed(feed, registry));
        let written =
            [&names.predictions, &names.fused_scores, &names.availability].map(Clone::clone);
        for name in inputs.chain(written) {
            specs.push(self.spec(name, &[("cleanup.policy", "delete")], Some(topics.retention)));
        }
        // Keyed by the place of the original: a repeat replaces itself.
        let both = [("cleanup.policy", "compact,delete")];
        specs.push(self.spec(
            names.dead_letters.clone(),
            &both,
            Some(topics.dead_letter_retention),
        ));
        for name in [&topics.state_score, &topics.state_fuse] {
            // The newest segment is never compacted, and a restart reads all of it: Kafka's gigabyte would take minutes.
            let compacted = [
                ("cleanup.policy", "compact"),
                ("min.cleanable.dirty.ratio", "0.1"),
                ("segment.bytes", "16777216"),
            ];
            specs.push(self.spec(name.clone(), &compacted, None));
        }
        specs
    }

    fn spec(&self, name: String, settings: &[(&str, &str)], retention: Option<Span>) -> TopicSpec {
        let mut all: BTreeMap<String, String> = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let mut set = |name: &str, value: String| all.insert(name.to_owned(), value);
        // Ingest time is the brokers' time; and data of 2012 must not be deleted as being old.
        set("message.timestamp.type", "LogAppendTime".to_owned());
        // Record batches need some bytes more than the records; as much as Kafka's own default has above a megabyte.
        set("max.message.bytes", (self.kafka.record_bytes + 48_588).to_string());
        if let Some(retention) = retention {
            set("retention.ms", retention.as_millis().to_string());
        }
        if let Some(copies) = self.topics.min_insync_replicas {
            set("min.insync.replicas", copies.to_string());
        }
        let (partitions, replication) = (self.topics.partitions, self.topics.replication);
        TopicSpec { name, partitions, replication, settings: all }
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

//! Which keys there are, as the structs say themselves, and which of them somebody may have meant.

use super::sections::{
    Config, FusionSection, KafkaSection, LanesSection, ModelChoice, TelemetrySection, TopicsSection,
};
use serde::de::{Deserialize, Deserializer, Error, Visitor, value};
use serde::forward_to_deserialize_any;

/// Tables whose keys are not fixed.
const FREE: [&str; 4] = ["kafka.extra", "topics.modality", "topics.epochs", "models"];

/// Every key path; `kafka.extra.*` for the tables with free keys.
pub(super) fn all() -> Vec<String> {
    let mut keys = Vec::new();
    for section in fields::<Config>() {
        if FREE.contains(section) {
            keys.push(format!("{section}.*"));
        }
        for field in fields_of_section(section) {
            let path = format!("{section}.{field}");
            keys.push(if FREE.contains(&path.as_str()) { path + ".*" } else { path });
        }
    }
    keys
}

fn fields_of_section(section: &str) -> &'static [&'static str] {
    match section {
        "kafka" => fields::<KafkaSection>(),
        "topics" => fields::<TopicsSection>(),
        "lanes" => fields::<LanesSection>(),
        "fusion" => fields::<FusionSection>(),
        "telemetry" => fields::<TelemetrySection>(),
        _ => &[],
    }
}

/// What a path of the file leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A table whose keys are looked at in turn.
    Table,
    /// A key with a value.
    Value,
    /// No such key.
    Unknown,
}

/// What a path leads to.
pub(super) fn kind(path: &[&str]) -> Kind {
    let free = FREE.contains(&path.join(".").as_str());
    match path {
        ["models", "folder"] => Kind::Value,
        ["models", _] => Kind::Table,
        ["models", _, key] if fields::<ModelChoice>().contains(key) => Kind::Value,
        [section] if free || fields::<Config>().contains(section) => Kind::Table,
        [section, _] if FREE.contains(section) => Kind::Value,
        [section, key] if fields_of_section(section).contains(key) => {
            if free {
                Kind::Table
            } else {
                Kind::Value
            }
        }
        [section, table, _] if FREE.contains(&format!("{section}.{table}").as_str()) => Kind::Value,
        _ => Kind::Unknown,
    }
}

/// The known path nearest to an unknown one: the same key in another section, or the fewest changed letters.
pub(super) fn nearest(path: &[&str]) -> Option<String> {
    let (Some(last), whole) = (path.last(), path.join(".")) else { return None };
    let known = || all().into_iter().map(|key| key.trim_end_matches(".*").to_owned());
    let elsewhere = known().find(|key| key.rsplit('.').next() == Some(last));
    let sections = fields::<Config>().iter().map(|section| (*section).to_owned());
    let by_distance = known().chain(sections).map(|key| (edit_distance(&key, &whole), key)).min();
    let close = by_distance
        .filter(|(distance, key)| *distance <= (key.len() / 3).max(2))
        .map(|(_, key)| key);
    elsewhere.or(close)
}

/// How many letters must be put in, left out or changed to make `b` of `a`.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

/// The keys of a struct, as its own `Deserialize` asks for them.
fn fields<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let mut asked: &'static [&'static str] = &[];
    // It always fails: it is only asked what it would like.
    let _asked = T::deserialize(Asked(&mut asked));
    asked
}

struct Asked<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Asked<'_> {
    type Error = value::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        Err(Self::Error::custom("asked"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(Self::Error::custom("no struct"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_the_one_that_was_meant() {
        for (written, meant) in [
            (&["kafka", "broker"][..], Some("kafka.brokers")),
            (&["lanes", "comit_interval"], Some("lanes.commit_interval")),
            (&["kafka", "heartbeat"], Some("lanes.heartbeat")),
            (&["kafak"], Some("kafka")),
            (&["zzz", "qqqqqq"], None),
        ] {
            assert_eq!(nearest(written).as_deref(), meant, "{written:?}");
        }
    }
}

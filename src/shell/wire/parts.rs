//! What several records have in common: places, times, risks, words of a closed set, and the faults.

use super::json::{Object, Text, record};
use super::topics::Names;
use crate::types::{
    Fault, ModalityId, ModelName, PatientId, Position, RejectReason, Risk, SourceLane, rfc3339,
};
use std::sync::Arc;

record! {
    /// A lane or, with an offset, a position.
    struct Place {
        topic: Text<'a>,
        epoch: u32,
        partition: u32,
        offset: i64,
    }
}

/// Model names seen before, so that every prediction of a model shares one allocation. One for each reader.
#[derive(Debug, Default)]
pub struct ModelNames(Vec<ModelName>);

impl ModelNames {
    /// Most names kept; a name past them is correct and not shared.
    const LIMIT: usize = 64;

    /// The shared name.
    pub(super) fn share(&mut self, name: &str) -> ModelName {
        if let Some(known) = self.0.iter().find(|known| ***known == *name) {
            return known.clone();
        }
        let fresh: ModelName = Arc::from(name);
        if self.0.len() < Self::LIMIT {
            self.0.push(fresh.clone());
        }
        fresh
    }
}

pub(super) fn write_lane(object: &mut Object<'_>, lane: SourceLane, names: &Names) {
    object.text("topic", names.topic(lane.feed));
    object.whole("epoch", lane.epoch);
    object.whole("partition", lane.partition);
}

pub(super) fn write_position(
    object: &mut Object<'_>,
    name: &str,
    position: Position,
    names: &Names,
) {
    let mut source = object.object(name);
    write_lane(&mut source, position.lane, names);
    source.whole("offset", position.offset);
    source.end();
}

pub(super) fn lane_of(place: Option<&Place<'_>>, names: &Names) -> Result<SourceLane, Fault> {
    let place = place.ok_or_else(|| missing("lane"))?;
    lane(place, names)
}

pub(super) fn position_of(place: Option<&Place<'_>>, names: &Names) -> Result<Position, Fault> {
    let place = place.ok_or_else(|| missing("source"))?;
    let offset = offset(place.offset, "source.offset")?;
    Ok(Position { lane: lane(place, names)?, offset })
}

fn lane(place: &Place<'_>, names: &Names) -> Result<SourceLane, Fault> {
    let topic = place.topic.as_deref().ok_or_else(|| missing("topic"))?;
    let feed = names
        .find_feed(topic)
        .ok_or_else(|| unusable("a source topic that the configuration does not know"))?;
    let epoch = place.epoch.ok_or_else(|| missing("epoch"))?;
    let partition = place.partition.ok_or_else(|| missing("partition"))?;
    Ok(SourceLane { feed, epoch, partition })
}

pub(super) fn offset(offset: Option<i64>, field: &'static str) -> Result<i64, Fault> {
    let offset = offset.ok_or_else(|| missing(field))?;
    if offset >= 0 { Ok(offset) } else { Err(unusable("an offset below zero")) }
}

pub(super) fn patient(text: Option<&Text<'_>>) -> Result<PatientId, Fault> {
    let text = text.ok_or_else(|| missing("patient"))?;
    PatientId::new(text).map_err(|error| Fault::new(RejectReason::BadPatientId, error.to_string()))
}

pub(super) fn modality(text: Option<&Text<'_>>, names: &Names) -> Result<ModalityId, Fault> {
    let text = text.ok_or_else(|| missing("modality"))?;
    names
        .find_modality(text)
        .ok_or_else(|| unusable("a modality that the configuration does not know"))
}

/// Milliseconds since the epoch.
pub(super) fn time(text: Option<&Text<'_>>, field: &'static str) -> Result<i64, Fault> {
    let text = text.ok_or_else(|| missing(field))?;
    rfc3339::parse(text).ok_or_else(|| {
        Fault::new(RejectReason::BadTime, format!("{field} must be an RFC 3339 instant"))
    })
}

pub(super) fn risk(value: f64) -> Result<Risk, Fault> {
    Risk::new(value).map_err(|_| unusable("a risk outside 0..=1"))
}

/// The value of a word of a closed set.
pub(super) fn word<T: Copy>(
    words: &[(T, &'static str)],
    text: Option<&Text<'_>>,
    field: &'static str,
) -> Result<T, Fault> {
    let text = text.ok_or_else(|| missing(field))?;
    let found = words.iter().find(|(_, word)| *word == &**text);
    found.map(|(value, _)| *value).ok_or_else(|| {
        Fault::new(RejectReason::BadPrediction, format!("{field} is none of the known words"))
    })
}

/// The word of a value. Every table lists every value: a test compares them with serde's names.
pub(super) fn word_of<T: PartialEq>(words: &[(T, &'static str)], value: &T) -> &'static str {
    words.iter().find(|(known, _)| known == value).map_or("unknown", |(_, word)| word)
}

/// Checks a record's schema, `name/version`.
pub(super) fn check_schema(found: Option<&Text<'_>>, expected: &'static str) -> Result<(), Fault> {
    let found = found.ok_or_else(|| missing("schema"))?;
    if **found == *expected {
        Ok(())
    } else {
        let detail = format!("this version reads the schema {expected} only");
        Err(Fault::new(RejectReason::BadPrediction, detail))
    }
}

/// A field that the schema requires and the record has not.
#[cold]
pub(super) fn missing(field: &'static str) -> Fault {
    Fault::new(RejectReason::MissingField, format!("{field} is required"))
}

/// Well-formed, and of no use to this version or configuration.
#[cold]
pub(super) fn unusable(what: &'static str) -> Fault {
    Fault::new(RejectReason::BadPrediction, what)
}

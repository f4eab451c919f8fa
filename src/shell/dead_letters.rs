//! Reading dead letters, and sending one back where it came from.

use super::bus::{Bus, BusError, Commit, Outgoing, TopicPartition};
use super::driver::Pipeline;
use super::patience::insist;
use super::wire::{DeadLetter, decode_dead_letter};
use std::collections::BTreeMap;
use std::time::Duration;

/// A dead letter and the place that names it: `{topic}/{epoch}/{partition}/{offset}` of the original.
pub type Letters = BTreeMap<String, DeadLetter>;

/// What the topic holds: the newest letter of every place, and how many records are no letters.
///
/// # Errors
/// See [`BusError`].
pub fn read(
    bus: &mut dyn Bus,
    pipeline: &Pipeline,
    patience: Duration,
) -> Result<(Letters, u64), BusError> {
    let topic = &pipeline.topics.dead_letters;
    let partitions = insist(patience, || bus.partitions(topic))?;
    let (mut letters, mut unreadable) = (Letters::new(), 0);
    for partition in 0..partitions {
        let place = TopicPartition::new(&**topic, partition);
        // An answer that broke off is given again from its beginning.
        let found = insist(patience, || {
            let mut found = Vec::new();
            bus.read_back(&place, 0, None, &mut |record| {
                if let Some(payload) = record.payload {
                    found.push(decode_dead_letter(&payload).ok());
                }
            })?;
            Ok(found)
        })?;
        for letter in found {
            match letter {
                Some(letter) => drop(letters.insert(name(&letter), letter)),
                None => unreadable += 1,
            }
        }
    }
    Ok((letters, unreadable))
}

/// The name of a letter.
pub fn name(letter: &DeadLetter) -> String {
    let mut key = Vec::new();
    super::wire::write_dead_letter_key(&letter.source, &mut key);
    String::from_utf8_lossy(&key).into_owned()
}

/// The original as it was, to be sent again.
///
/// # Errors
/// Why it cannot be sent: not whole, or not from an input topic of this pipeline.
pub fn original(letter: &DeadLetter, pipeline: &Pipeline) -> Result<Outgoing, String> {
    let source = &letter.source;
    if pipeline.names.find_feed(&source.topic).is_none() {
        return Err(format!(
            "it comes from `{}`, which is no input topic of this pipeline: send the input again that it was made from",
            source.topic
        ));
    }
    let whole = |what: &str, kept: &Option<super::wire::Clipped>| match kept {
        Some(part) if !part.is_whole() => Err(format!(
            "its {what} was cut off: {} of {} bytes are kept; send it again from its source",
            part.bytes.len(),
            part.length
        )),
        part => Ok(part.as_ref().map(|part| part.bytes.clone())),
    };
    let (key, payload) = (whole("key", &letter.key)?, whole("payload", &letter.payload)?);
    if letter.headers_left_out > 0 {
        return Err(format!(
            "{} of its headers were left out; send it again from its source",
            letter.headers_left_out
        ));
    }
    let headers = letter.headers.iter().map(|header| match &header.value {
        Some(value) => Ok((header.name.clone(), value.clone())),
        None => Err(format!(
            "its header `{}` has no value, which cannot be sent from here",
            header.name
        )),
    });
    let headers = headers.collect::<Result<_, String>>()?;
    let partition = key.is_none().then_some(source.partition);
    Ok(Outgoing { topic: source.topic.as_str().into(), partition, key, payload, headers })
}

/// Sends an original back to its topic.
///
/// # Errors
/// See [`BusError`].
pub fn send(bus: &mut dyn Bus, original: Outgoing) -> Result<(), BusError> {
    // A retry after an unclear outcome could send it twice; stages drop the second one as a duplicate.
    bus.commit(&Commit { outputs: vec![original], ..Commit::default() })
}

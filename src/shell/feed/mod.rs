//! Where input records come from when nobody's monitors send them: the simulated ward, or a data set.
//!
//! A [`Source`] gives records in the order in which they reach the broker, with the instant of each, and lets a feed be switched off.

mod recorded;

pub use recorded::{Recorded, encode};

use super::simulator::{Content, Ward};
use crate::types::{EncounterChange, Feed, IngestTime};

/// One input record on its way to its topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// To which topic.
    pub feed: Feed,
    /// The record's key: the patient.
    pub key: Vec<u8>,
    /// The record's value: the JSON of its topic, or whatever a bad record holds.
    pub payload: Vec<u8>,
    /// When it reaches the broker, in stream time; never earlier than that of the message before.
    pub time: IngestTime,
    /// True for a discharge, which ends the patient's panes wherever it stands among the records of other topics.
    pub is_discharge: bool,
}

/// A source of input records.
pub enum Source {
    /// A simulated ward; endless.
    Ward(Box<Ward>),
    /// Recorded events; they end.
    Recorded(Recorded),
}

impl Source {
    /// The next message before `limit`; `None`: there is none, go on later.
    pub fn next_before(&mut self, limit: IngestTime) -> Option<Message> {
        match self {
            Self::Ward(ward) => {
                let input = ward.next_before(limit)?;
                let is_discharge = matches!(&input.content, Content::Encounter(encounter)
                    if encounter.change == EncounterChange::Discharge);
                Some(Message {
                    feed: input.feed,
                    key: input.key.as_str().as_bytes().to_vec(),
                    payload: input.payload().into_owned(),
                    time: input.arrival,
                    is_discharge,
                })
            }
            Self::Recorded(recorded) => recorded.next_before(limit),
        }
    }

    /// Switches a feed off or on. False: the source has no such feed.
    pub fn set_feed(&mut self, feed: Feed, on: bool) -> bool {
        match self {
            Self::Ward(ward) => ward.set_feed(feed, on),
            Self::Recorded(recorded) => recorded.set_feed(feed, on),
        }
    }

    /// How many messages are left; `None`: endless.
    pub fn left(&self) -> Option<usize> {
        match self {
            Self::Ward(_) => None,
            Self::Recorded(recorded) => Some(recorded.left()),
        }
    }

    /// When the last message comes; `None`: endless, or empty.
    pub fn ends(&self) -> Option<IngestTime> {
        match self {
            Self::Ward(_) => None,
            Self::Recorded(recorded) => recorded.ends(),
        }
    }
}

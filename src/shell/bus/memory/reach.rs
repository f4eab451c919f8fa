//! What can be reached, and what is there.

use super::state::State;
use super::{BusError, Outage};

/// What a call needs.
pub(super) enum Need {
    Broker,
    Coordinators,
}

pub(super) fn reachable(state: &State, need: Need) -> Result<(), BusError> {
    match (state.outage, need) {
        (Some(Outage::Broker), _) => Err(BusError::Retry("the broker is away".to_owned())),
        (Some(Outage::Coordinators), Need::Coordinators) => {
            Err(BusError::Retry("the coordinators are away".to_owned()))
        }
        _ => Ok(()),
    }
}

pub(super) fn partitions(state: &State, topic: &str) -> Result<u32, BusError> {
    let count = state.topics.get(topic).map(|logs| logs.len() as u32);
    count.ok_or_else(|| BusError::no_topic(topic))
}

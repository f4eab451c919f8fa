//! Partition counts are pinned: with another count keys move to other lanes, whose state is not theirs.

use super::{Pipeline, Role};
use crate::shell::bus::{Bus, BusError};
use std::sync::Arc;

/// Refuses to work on topics that have not the configured number of partitions.
///
/// # Errors
/// [`BusError::Stop`] where a count differs or a topic is missing; as [`Bus::partitions`].
pub fn refuse_other_counts(
    bus: &mut dyn Bus,
    pipeline: &Pipeline,
    role: Role,
    wanted: u32,
) -> Result<(), BusError> {
    let topics = &pipeline.topics;
    let mut read_and_written: Vec<Arc<str>> =
        vec![role.topic(pipeline), topics.predictions.as_str().into()];
    if role == Role::Fuse {
        read_and_written.push(topics.fused_scores.as_str().into());
        read_and_written.push(topics.availability.as_str().into());
    }
    for topic in read_and_written {
        let is = bus.partitions(&topic)?;
        if is != wanted {
            return Err(BusError::Stop(format!(
                "topic `{topic}` has {is} partitions, and `topics.partitions` is {wanted}: correct the configuration, or create new topics \
                 under other names; a count is never changed in place, because keys would move to other lanes"
            )));
        }
    }
    Ok(())
}

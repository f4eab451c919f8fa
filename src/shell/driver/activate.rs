//! Switching the fusion package: an activation record in every partition of `predictions`.

use super::Pipeline;
use crate::fuse::digest_of;
use crate::fuse::package::{Mistake, Package};
use crate::shell::bus::{Bus, BusError, Commit, Outgoing};
use crate::shell::wire::{encode_entry, write_entry_key};
use crate::types::{Activation, LogEntry};
use std::sync::Arc;

/// Why nothing was switched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActivateError {
    /// Every mistake in the package; nothing was written.
    #[error("the fusion package has {} mistakes: {}", .0.len(), listed(.0))]
    Package(Vec<Mistake>),
    /// It may have been written to some partitions: run it again, a repeat changes nothing.
    #[error("{0}")]
    Bus(BusError),
}

fn listed(mistakes: &[Mistake]) -> String {
    mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Writes the activation of a package (TOML) and returns its digest. The bus reads nothing
/// ([`Worker::topics`](super::super::bus::Worker) is empty); it is the caller's to close.
///
/// # Errors
/// See [`ActivateError`].
pub fn activate(
    bus: &mut dyn Bus,
    pipeline: &Pipeline,
    package: &str,
) -> Result<String, ActivateError> {
    Package::parse(package, &pipeline.lanes.registry).map_err(ActivateError::Package)?;
    let digest = digest_of(package);
    let activation = Activation { digest: digest.as_str().into(), package: package.into() };
    let entry = LogEntry::Activation(activation);
    let (mut key, mut payload) = (Vec::new(), Vec::new());
    write_entry_key(&entry, &pipeline.names, &mut key);
    encode_entry(&entry, &pipeline.names, &mut payload);
    let topic: Arc<str> = pipeline.topics.predictions.as_str().into();
    let partitions = bus.partitions(&topic).map_err(ActivateError::Bus)?;
    let outputs = (0..partitions).map(|partition| Outgoing {
        topic: topic.clone(),
        partition: Some(partition),
        key: Some(key.clone()),
        payload: Some(payload.clone()),
        headers: Vec::new(),
    });
    let commit = Commit { outputs: outputs.collect(), ..Commit::default() };
    bus.commit(&commit).map_err(ActivateError::Bus)?;
    Ok(digest)
}

//! Models on disk: a folder of packages, watched, tried, and put to work between two batches.
//!
//! `DIR/<modality>/<name>/<version>/` holds a package ([`crate::score::learned`]). Which one serves a modality is said, in this
//! order, by the file `DIR/<modality>/active` (one line), by the configuration, or by there being packages of one name only.
//! A line is `name@version`, `name` for its highest version, or `reference`. `DIR/<modality>/shadow` (a line for each) wins
//! over the configured shadows. So a roll back is the same move as an update: name the older version, or take the newer away.
//!
//! A package is tried in a process of its own with limits on memory and time ([`Trial`]) and only then loaded here, off the
//! lanes' threads. One that fails leaves what serves where it is, is logged with its reason, stands in `/status`, is counted,
//! and is tried again when its files change.

pub mod folder;
mod inspect;
mod names;
mod roster;
mod trial;
mod watched;
mod watcher;

pub use inspect::{Findings, SLOWEST, inspect};
pub use names::{BadName, Named};
pub use roster::Roster;
pub use trial::{CPU_SECONDS, MEMORY, Trial, Verdict, limit_this_process};
pub use watcher::{ModelsFolder, Watcher};

/// Which models a modality is to have, where no file beside its packages says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// `None`: the packages' only name, or without packages the reference.
    pub active: Option<Named>,
    /// Beside it; published, never fused.
    pub shadows: Vec<Named>,
}

/// A model that was not put to work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{modality}: {model}: {why}")]
pub struct Refusal {
    /// Name of the modality.
    pub modality: &'static str,
    /// As it was named.
    pub model: String,
    /// True where it was to be fused.
    pub is_active: bool,
    /// What is wrong with it.
    pub why: String,
}

//! The configuration of a deployment: one TOML file, documented key by key in `deploy/latefusion.toml`.
//!
//! Every key has a default, so an empty file is a configuration. All mistakes are found at once, each with the path of its key.
//! Secrets never stand in the file: it names the files that hold them.

mod checks;
mod keys;
mod models;
mod reading;
mod sections;
mod settings;
mod topics;

pub use sections::{
    Config, FusionSection, KafkaSection, LanesSection, LogFormat, LogLevel, ModelChoice,
    ModelsSection, ProfileName, TelemetrySection, TopicsSection,
};
pub use settings::{Deployment, check_package, shipped_package};

use crate::fuse::package::Mistake;
use std::fmt;
use std::path::{Path, PathBuf};

/// A configuration that cannot be used: every mistake at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file; `None`: the built-in defaults.
    pub file: Option<PathBuf>,
    /// At least one.
    pub mistakes: Vec<Mistake>,
}

/// One mistake a line.
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.mistakes.len();
        let mistakes = if count == 1 { "mistake" } else { "mistakes" };
        match &self.file {
            Some(file) => write!(f, "{count} {mistakes} in {}", file.display())?,
            None => write!(f, "{count} {mistakes} in the configuration")?,
        }
        self.mistakes.iter().try_for_each(|mistake| write!(f, "\n  {mistake}"))
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads a configuration from text.
    ///
    /// # Errors
    /// Every mistake that the text alone shows; [`Deployment::load`] finds those in the files that it names.
    pub fn parse(text: &str) -> Result<Self, Vec<Mistake>> {
        let config = reading::parse(text)?;
        let mistakes = config.mistakes();
        if mistakes.is_empty() { Ok(config) } else { Err(mistakes) }
    }

    /// Reads a configuration file; without one, the built-in defaults.
    ///
    /// # Errors
    /// As [`Config::parse`], and where the file cannot be read.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let failed = |mistakes| ConfigError { file: file.map(Path::to_path_buf), mistakes };
        let Some(path) = file else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path)
            .map_err(|e| failed(vec![Mistake::new("file", format!("cannot be read: {e}"))]))?;
        Self::parse(&text).map_err(failed)
    }

    /// Every key path that a file may hold; a table with free keys ends in `.*`.
    pub fn keys() -> Vec<String> {
        keys::all()
    }
}

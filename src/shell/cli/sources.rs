//! Where `demo` and `produce` take their records from.

use super::inputs::{DatasetArgs, in_order};
use super::output::warn;
use crate::modality::Registry;
use crate::shell::demo::MAX_PAYLOAD;
use crate::shell::feed::{Recorded, Source};
use crate::shell::simulator::{Ward, WardConfig};
use crate::types::{EventTime, IngestTime, Span};
use anyhow::bail;
use std::time::{SystemTime, UNIX_EPOCH};

/// A simulated ward or a data set.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct SourceArgs {
    #[command(flatten)]
    pub dataset: DatasetArgs,
    /// Beds of the simulated ward.
    #[arg(long, default_value_t = 24)]
    pub patients: u32,
    /// Which simulated ward; the same seed gives the same patients.
    #[arg(long, default_value_t = 11)]
    pub seed: u64,
    /// How often a simulated monitor sends.
    #[arg(long, default_value = "15s", value_name = "SPAN")]
    pub vitals_every: Span,
}

/// The machine's clock.
pub(super) fn now() -> EventTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    EventTime::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

impl SourceArgs {
    pub fn is_dataset(&self) -> bool {
        !self.dataset.dataset.is_empty()
    }

    /// The ward, from `start` on.
    pub fn ward(&self, start: EventTime, registry: &Registry) -> anyhow::Result<Source> {
        let config = WardConfig {
            seed: self.seed,
            patients: self.patients,
            start,
            vitals_every: self.vitals_every,
            oversized_bytes: MAX_PAYLOAD + 1,
            ..WardConfig::default()
        };
        Ok(Source::Ward(Box::new(Ward::new(config, registry)?)))
    }

    /// The data set, with its first and last instants; `shift` is given both and says how far to move it.
    pub fn recorded(
        &self,
        registry: &Registry,
        shift: impl Fn(IngestTime, IngestTime) -> Span,
    ) -> anyhow::Result<(Source, IngestTime)> {
        let Some((kind, mut dataset)) = self.dataset.open(registry)? else {
            bail!("name a data set: --dataset KIND DIR");
        };
        warn(&format!("{}: {} stays", kind.name(), dataset.stays.len()));
        let inputs = in_order(&mut dataset);
        let at = |known: Option<&crate::shell::local_lane::Known>| {
            known.map(|known| IngestTime::from_millis(known.issued().as_millis()))
        };
        let (Some(first), Some(last)) = (at(inputs.first()), at(inputs.last())) else {
            bail!("the data set holds no events");
        };
        let recorded = Recorded::new(inputs, registry, shift(first, last));
        let begins = recorded.begins().unwrap_or(first);
        Ok((Source::Recorded(recorded), begins))
    }
}

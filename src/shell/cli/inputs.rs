//! What the replaying commands have in common: where inputs come from and what they run through.

use super::deployed::{start_watcher, this_program};
use super::output::{bar, warn};
use crate::fuse::package::{Package, Profile};
use crate::modality::{Registry, encounters};
use crate::shell::datasets::{self, Dataset, Kind};
use crate::shell::local_lane::{Known, LaneSetup, Refused};
use crate::shell::models::{ModelsFolder, Watcher};
use crate::shell::record_files;
use crate::shell::replay::ReplayConfig;
use crate::shell::setup;
use crate::shell::wire::{Names, Topics};
use crate::types::{RejectReason, Span};
use anyhow::{Context, bail};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A data set and its folder.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct DatasetArgs {
    /// Real data set and the folder it is unpacked in: cinc2012, cinc2019 or eicu-demo.
    #[arg(long, num_args = 2, value_names = ["KIND", "DIR"])]
    pub dataset: Vec<String>,
}

/// How the pipeline is set up.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct PipelineArgs {
    /// Defaults for monitors (`ward`) or for charted data (`hourly`); data sets are hourly unless this is given.
    #[arg(long, value_parser = ["ward", "hourly"])]
    pub profile: Option<String>,
    /// Fusion package (TOML) instead of the profile's.
    #[arg(long, value_name = "FILE")]
    pub package: Option<PathBuf>,
    /// Folder of model packages (MODALITY/NAME/VERSION, see docs/models.md): its models score instead of the reference scorers.
    #[arg(long, value_name = "DIR", env = "LATEFUSION_MODELS")]
    pub models: Option<PathBuf>,
    /// Scorers by published rules; the same with models trained on cinc2012 as shadows, which are published and never fused; or
    /// those models with the fusion that was fitted for them. Rules unless this is given; in a demo without --models, shadow for
    /// the ward and learned for a data set.
    #[arg(long, value_parser = ["rules", "shadow", "learned"])]
    pub scorers: Option<String>,
    /// How many partitions patients are spread over; part of the result, as panes wait for their partition.
    #[arg(long, default_value_t = 8)]
    pub partitions: u32,
    /// Threads; the output does not depend on it. The demo has one for each role whatever this says.
    #[arg(long, default_value_t = 2)]
    pub threads: usize,
    /// Most events scored at once; the output does not depend on it.
    #[arg(long, default_value_t = 1_024)]
    pub batch: usize,
}

impl DatasetArgs {
    pub(super) fn open(&self, registry: &Registry) -> anyhow::Result<Option<(Kind, Dataset)>> {
        let [kind, folder] = self.dataset.as_slice() else { return Ok(None) };
        let kind: Kind = kind.parse()?;
        let progress = bar("reading", 0);
        let read = datasets::open(kind, Path::new(folder), registry, &mut |p| {
            progress.set_length(p.total);
            progress.set_position(p.done);
        });
        progress.finish_and_clear();
        Ok(Some((kind, read.with_context(|| format!("data set {} in {folder}", kind.name()))?)))
    }
}

impl PipelineArgs {
    pub(super) fn profile(&self, of_data: Profile) -> Profile {
        match self.profile.as_deref() {
            Some("ward") => Profile::Ward,
            Some(_) => Profile::Hourly,
            None => of_data,
        }
    }

    /// The lanes; with the rules unless learned models are asked for.
    pub(super) fn setup(&self, profile: Profile, registry: &Registry) -> anyhow::Result<LaneSetup> {
        Ok(self.watched(profile, registry)?.0)
    }

    /// With what watches the folder of models from then on.
    pub(super) fn watched(
        &self,
        profile: Profile,
        registry: &Registry,
    ) -> anyhow::Result<(LaneSetup, Option<Watcher>)> {
        let learned = self.scorers.as_deref() == Some("learned");
        let text = match &self.package {
            None if learned => setup::learned_fusion(profile).to_owned(),
            None => toml::to_string(&Package::shipped(profile, registry))?,
            Some(path) => std::fs::read_to_string(path)
                .with_context(|| format!("cannot read the fusion package {}", path.display()))?,
        };
        if let Err(mistakes) = Package::parse(&text, registry) {
            for mistake in &mistakes {
                warn(&format!("  {mistake}"));
            }
            bail!("the fusion package has {} mistakes", mistakes.len());
        }
        let mut setup = setup::shipped(profile, registry, text.into());
        let shadow = self.scorers.as_deref() == Some("shadow");
        if learned || shadow {
            setup::put_learned(&mut setup, profile, shadow)
                .map_err(|mistakes| anyhow::anyhow!("a learned model: {mistakes:?}"))?;
        }
        setup.batch = self.batch;
        let Some(folder) = self.models.clone() else { return Ok((setup, None)) };
        let folder = ModelsFolder { folder, choices: BTreeMap::new(), trial: this_program()? };
        let watcher = start_watcher(folder, &mut setup, |_| true)?;
        Ok((setup, Some(watcher)))
    }

    pub(super) fn config(&self, profile: Profile) -> ReplayConfig {
        let ward = profile == Profile::Ward;
        ReplayConfig {
            partitions: self.partitions,
            threads: self.threads,
            heartbeat: if ward { Span::seconds(1) } else { Span::minutes(1) },
            round: if ward { Span::minutes(5) } else { Span::hours(6) },
            run_on: if ward { Span::minutes(1) } else { Span::hours(2) },
        }
    }
}

/// What there is to replay.
pub(super) struct Read {
    /// In the order in which it became known.
    pub inputs: Vec<Known>,
    /// What became of the rows, as the data set's reader tells it.
    pub account: Option<String>,
    /// Rows of recorded files that could not be read, by reason.
    pub unreadable: BTreeMap<RejectReason, u64>,
}

/// Reads files of recorded events, or a data set.
pub(super) fn read(
    files: &[PathBuf],
    dataset: &DatasetArgs,
    registry: &Registry,
) -> anyhow::Result<Read> {
    let unreadable = BTreeMap::new();
    if let Some((_, mut dataset)) = dataset.open(registry)? {
        let account = Some(dataset.account.to_string());
        return Ok(Read { inputs: in_order(&mut dataset), account, unreadable });
    }
    if files.is_empty() {
        bail!("nothing to replay: name files of recorded events, or --dataset KIND DIR");
    }
    let mut read = Read { inputs: Vec::new(), account: None, unreadable };
    for file in files {
        match record_files::Format::of(file)? {
            record_files::Format::JsonLines => read_lines(file, registry, &mut read)?,
            _ => read_columns(file, registry, &mut read)?,
        }
    }
    read.inputs.sort_by_key(Known::issued);
    Ok(read)
}

fn read_lines(file: &Path, registry: &Registry, read: &mut Read) -> anyhow::Result<()> {
    let topics = Topics::default();
    let encounters: (&str, _) = (&topics.encounters, encounters::decode as _);
    let mut lines = record_files::json_lines::Reader::open(file, registry, encounters)?;
    while let Some(line) = lines.next_line()? {
        let known = match (line.row, line.about, line.ingest_time) {
            (Ok(record_files::Record::Event(event)), ..) => Known::Event(event),
            (Ok(record_files::Record::Encounter(stay)), ..) => Known::Encounter(stay),
            // As in the running pipeline, the patient's modality shows as rejected.
            (Err(fault), Some((modality, patient)), Some(ingest_time)) => {
                Known::Refused(Refused { patient, modality, ingest_time, fault })
            }
            (Err(fault), ..) => {
                *read.unreadable.entry(fault.reason).or_default() += 1;
                continue;
            }
        };
        read.inputs.push(known);
    }
    Ok(())
}

fn read_columns(file: &Path, registry: &Registry, read: &mut Read) -> anyhow::Result<()> {
    let mut reader = record_files::wide::Reader::open(file, registry, None)?;
    let mut rows = Vec::new();
    while reader.next_batch(&mut rows)? {
        for row in rows.drain(..) {
            match row {
                Ok(event) => read.inputs.push(Known::Event(event)),
                Err(fault) => *read.unreadable.entry(fault.reason).or_default() += 1,
            }
        }
    }
    Ok(())
}

/// The names on the wire, with the default topics.
pub(super) fn names(registry: &Registry) -> anyhow::Result<Names> {
    Names::new(registry, &Topics::default()).map_err(|mistakes| anyhow::anyhow!("{mistakes:?}"))
}

/// Events and encounters in the order in which they became known; an admission before what is measured at its instant.
pub(super) fn in_order(dataset: &mut Dataset) -> Vec<Known> {
    let encounters = std::mem::take(&mut dataset.encounters).into_iter().map(Known::Encounter);
    let events = std::mem::take(&mut dataset.events).into_iter().map(Known::Event);
    let mut all: Vec<Known> = encounters.chain(events).collect();
    all.sort_by_key(Known::issued);
    all
}

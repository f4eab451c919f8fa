//! A folder of model packages beside a small ward that runs on the in-memory broker.

use super::packages::package;
use crate::deployment::small_ward::SmallWard;
use latefusion::fuse::package::Publish;
use latefusion::score::learned::PackageFiles;
use latefusion::shell::audit::{Scope, audit};
use latefusion::shell::bus::Guarantee;
use latefusion::shell::local_lane::LaneSetup;
use latefusion::shell::models::{Choice, ModelsFolder, Refusal, Trial, Watcher};
use latefusion::shell::telemetry::{Shape, Telemetry};
use latefusion::shell::wire::{ModelNames, decode_entry};
use latefusion::types::{LogEntry, ModalityId, Scored, Span};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(super) const VITALS: ModalityId = ModalityId(0);

/// The program under test tries packages.
pub(super) fn trial() -> Trial {
    Trial::by(PathBuf::from(env!("CARGO_BIN_EXE_latefusion")))
}

/// Writes a package where it belongs below a models folder.
pub(super) fn write(root: &Path, name: &str, version: &str, files: &PackageFiles) -> PathBuf {
    let folder = root.join("vitals").join(name).join(version);
    std::fs::create_dir_all(&folder).expect("a folder");
    let manifest: toml::Table = files.manifest.parse().expect("it is TOML");
    let model = manifest["file"].as_str().expect("it names a file");
    let parts: [(&str, &[u8]); 3] = [
        (model, &files.model),
        ("golden.json", files.golden.as_bytes()),
        ("manifest.toml", files.manifest.as_bytes()),
    ];
    for (file, bytes) in parts {
        std::fs::write(folder.join(file), bytes).expect("it is written");
    }
    folder
}

/// A models folder, and who watches it.
pub(super) struct Models {
    pub(super) folder: tempfile::TempDir,
    pub(super) choices: BTreeMap<String, Choice>,
}

impl Models {
    /// With these (fixture, name, version).
    pub(super) fn new(packages: &[(&str, &str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let models = Self { folder, choices: BTreeMap::new() };
        packages.iter().for_each(|(file, name, version)| models.drop_in(file, name, version));
        models
    }

    /// A package as somebody copies it in.
    pub(super) fn drop_in(&self, file: &str, name: &str, version: &str) {
        write(self.folder.path(), name, version, &package(file, name, version));
    }

    /// The lines of a file beside the packages.
    pub(super) fn name(&self, file: &str, lines: &str) {
        let folder = self.folder.path().join("vitals");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join(file), lines).expect("it is written");
    }

    pub(super) fn start(&self, lanes: &mut LaneSetup) -> Result<Watcher, Vec<Refusal>> {
        let (folder, choices) = (self.folder.path().to_owned(), self.choices.clone());
        Watcher::start(ModelsFolder { folder, choices, trial: trial() }, lanes, |_| true)
    }
}

/// A ward whose models are watched.
pub(super) struct Site {
    pub(super) ward: SmallWard,
    watcher: Watcher,
}

impl Site {
    pub(super) fn new(models: &Models) -> Self {
        let mut watcher = None;
        let ward = SmallWard::with(Publish::Always, |pipeline| {
            pipeline.telemetry = Telemetry::on(Shape::new(&pipeline.names));
            watcher = Some(models.start(&mut pipeline.lanes).expect("nothing is refused"));
        });
        Self { ward, watcher: watcher.expect("it was started") }
    }

    /// Two looks: files must be the same at both.
    pub(super) fn look(&mut self) {
        (0..2).for_each(|_| self.look_once());
    }

    pub(super) fn look_once(&mut self) {
        self.watcher.look(&self.ward.pipeline.telemetry);
    }

    pub(super) fn run(&mut self, seconds: i64) {
        self.ward.run(Span::seconds(seconds));
    }

    /// What vitals said so far, in the order of the log, with how long the broker had waited for it.
    pub(super) fn said(&self) -> Vec<(Scored, Span)> {
        let mut names = ModelNames::default();
        let records = self.ward.broker.records(&self.ward.pipeline.topics.predictions);
        let entries = records.iter().filter_map(|record| {
            let payload = record.payload.as_deref().expect("no tombstones");
            let decoded = decode_entry(payload, &self.ward.pipeline.names, &mut names);
            match decoded.expect("it can be read") {
                LogEntry::Scored(scored) if scored.modality == VITALS => {
                    let waited = record.ingest_time - scored.ingest_time;
                    Some((scored, waited))
                }
                _ => None,
            }
        });
        entries.collect()
    }

    /// Every fused score is derived again from the log: how many were compared.
    pub(super) fn audited(&self) -> u64 {
        let mut bus = self.ward.outsider(Guarantee::Idempotent);
        let scope = Scope::everything(Duration::from_millis(100));
        let report = audit(&mut bus, &self.ward.pipeline, scope, &mut |_| {});
        let report = report.expect("the broker is there");
        assert_eq!(report.differences(), 0, "{:?}", report.partitions);
        report.compared()
    }

    /// Swaps done and refused on vitals.
    pub(super) fn swaps(&self) -> [u64; 2] {
        self.ward.pipeline.telemetry.totals().swaps[VITALS.index()]
    }
}

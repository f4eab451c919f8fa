//! Versions dropped in while the demo runs: one is put to work, a broken one is refused, nothing is lost.

use super::packages::package;
use super::site::{Models, write};
use latefusion::fuse::package::{Package, Profile};
use latefusion::modality::Registry;
use latefusion::shell::demo::{Audience, Command, Limits, Options, Schedule, run};
use latefusion::shell::feed::Source;
use latefusion::shell::models::Roster;
use latefusion::shell::setup;
use latefusion::shell::simulator::{Ward, WardConfig};
use latefusion::shell::view::{BandChange, Flow, Picture};
use latefusion::types::{EventTime, FusedScore, IngestTime, Presence, Span};
use std::collections::BTreeSet;
use std::time::Duration;

/// Drops version 2 in after the first scores and a broken 3 once 2 is in the scores; quits when 3 is refused.
struct Changer<'a> {
    models: &'a Models,
    roster: Roster,
    dropped: u8,
    /// Models that fused scores name for vitals.
    used: BTreeSet<String>,
}

impl Audience for Changer<'_> {
    fn started(&mut self, _: &str) {}

    fn score(&mut self, score: &FusedScore, _: Option<BandChange>) {
        if let Some(Presence::Present(used)) = score.modalities.first() {
            self.used.insert(used.model.to_string());
        }
    }

    fn look(&mut self, _: &Picture, _: &Flow) -> std::io::Result<Vec<Command>> {
        if self.dropped == 0 && self.used.contains("m@1") {
            self.models.drop_in("xgboost-binary.json", "m", "2");
            self.dropped = 2;
        } else if self.dropped == 2 && self.used.contains("m@2") {
            let mut broken = package("network-gru.onnx", "m", "3");
            broken.model.truncate(500);
            write(self.models.folder.path(), "m", "3", &broken);
            self.dropped = 3;
        }
        let is_over = self.dropped == 3 && !self.roster.refused().is_empty();
        Ok(if is_over { vec![Command::Quit] } else { Vec::new() })
    }
}

#[test]
fn a_version_dropped_in_during_the_demo_is_put_to_work_and_a_broken_one_refused() {
    let registry = Registry::shipped();
    let models = Models::new(&[("lightgbm-binary.txt", "m", "1")]);
    let text = toml::to_string(&Package::shipped(Profile::Ward, &registry)).expect("plain data");
    let mut lanes = setup::shipped(Profile::Ward, &registry, text.into());
    let watcher = models.start(&mut lanes).expect("nothing is refused");
    let start = EventTime::from_millis(1_767_600_000_000);
    let config = WardConfig { patients: 6, start, ..WardConfig::default() };
    let (roster, used) = (lanes.roster.clone(), BTreeSet::new());
    let options = Options {
        lanes,
        models: Some(watcher),
        partitions: 2,
        source: Source::Ward(Box::new(Ward::new(config, &registry).expect("it is valid"))),
        schedule: Schedule {
            begins: IngestTime::from_millis(start.as_millis()),
            history: Span::minutes(5),
            speed: Some(60.0),
            round: Span::seconds(10),
            heartbeat: Span::seconds(1),
            run_on: Span::ZERO,
            // It ends earlier, when the broken version was refused.
            seconds: Some(Duration::from_secs(60)),
        },
        script: Vec::new(),
        limits: Limits::default(),
        title: "a test".to_owned(),
        listen: None,
    };
    let mut changer = Changer { models: &models, roster, dropped: 0, used };
    let outcome = run(options, &mut changer).expect("the demo runs to its end");
    assert_eq!((outcome.swaps, outcome.lost, outcome.restarts), ([1, 1], [0, 0, 0], 0));
    assert!(changer.used.contains("m@1") && changer.used.contains("m@2"), "{:?}", changer.used);
    println!("{} fused scores, by {:?}", outcome.scores, changer.used);
}

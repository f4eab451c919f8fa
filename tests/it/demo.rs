//! The demo, on its embedded broker: nothing is lost, feeds can be switched, and a data set's run equals its replay.

use latefusion::fuse::package::{Package, Profile};
use latefusion::modality::Registry;
use latefusion::shell::datasets::{self, Kind};
use latefusion::shell::demo::{
    Audience, Command, Limits, MAX_PAYLOAD, Options, Outcome, Schedule, parse_script, run,
};
use latefusion::shell::feed::{Recorded, Source};
use latefusion::shell::final_revisions::FinalRevisions;
use latefusion::shell::local_lane::{Known, LaneSetup};
use latefusion::shell::replay::{ReplayConfig, Sink, replay};
use latefusion::shell::setup;
use latefusion::shell::simulator::{Rates, Ward, WardConfig};
use latefusion::shell::view::{BandChange, Flow, Picture};
use latefusion::shell::wire::{Names, Topics};
use latefusion::types::{EventTime, FusedScore, IngestTime, Span};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// What was seen of labs at every look.
#[derive(Default)]
struct Notes {
    /// Whether labs were on, the scores so far, and the availability of labs.
    looks: Vec<(bool, u64, f64)>,
    /// The best availability of labs while they were on.
    best: f64,
    /// Quits when labs are off and their availability is half of the best, and some scores have come since.
    is_impatient: bool,
}

impl Audience for Notes {
    fn started(&mut self, address: &str) {
        assert!(address.starts_with("127.0.0.1:"), "{address}");
    }

    fn score(&mut self, _: &FusedScore, _: Option<BandChange>) {}

    fn look(&mut self, picture: &Picture, flow: &Flow) -> std::io::Result<Vec<Command>> {
        let (on, labs) = (flow.modalities[1].1, picture.bars(3)[1].share().unwrap_or(0.0));
        self.looks.push((on, flow.scores, labs));
        if on {
            self.best = self.best.max(labs);
        }
        let is_over = self.is_impatient && !on && labs < self.best / 2.0;
        Ok(if is_over { vec![Command::Quit] } else { Vec::new() })
    }
}

fn lanes(profile: Profile, change: impl Fn(&mut Package)) -> LaneSetup {
    let registry = Registry::shipped();
    let mut package = Package::shipped(profile, &registry);
    change(&mut package);
    let text = toml::to_string(&package).expect("plain data");
    assert_eq!(Package::parse(&text, &registry), Ok(package));
    setup::shipped(profile, &registry, text.into())
}

fn show(options: Options, is_impatient: bool) -> (Outcome, Notes) {
    let mut notes = Notes { is_impatient, ..Notes::default() };
    let outcome = run(options, &mut notes).expect("the demo runs to its end");
    assert_eq!(outcome.lost, [0, 0, 0], "inputs, predictions, outputs");
    assert_eq!(outcome.restarts, 0);
    assert!(outcome.sent > 0 && outcome.scores > 0, "{outcome:?}");
    (outcome, notes)
}

#[test]
fn switching_labs_off_lowers_their_availability_while_scores_carry_on() {
    let registry = Registry::shipped();
    let start = EventTime::from_millis(1_767_600_000_000);
    let config = WardConfig {
        patients: 12,
        start,
        vitals_every: Span::seconds(60),
        oversized_bytes: MAX_PAYLOAD + 1,
        ..WardConfig::default()
    };
    let ward = Ward::new(config, &registry).expect("a valid configuration");
    let lanes = lanes(Profile::Ward, |package| {
        // Results are drawn every few hours: with these spans they are gone soon after the last one.
        let labs = package.modality.get_mut("labs").expect("a shipped modality");
        (labs.validity, labs.hold_limit) = (Span::hours(10), Span::hours(10));
        (package.every, package.allowed_lateness) = (Span::minutes(5), Span::hours(1));
    });
    let options = Options {
        lanes,
        models: None,
        partitions: 2,
        source: Source::Ward(Box::new(ward)),
        schedule: Schedule {
            begins: IngestTime::from_millis(start.as_millis()),
            history: Span::hours(8),
            speed: Some(7_200.0),
            round: Span::minutes(20),
            heartbeat: Span::seconds(1),
            run_on: Span::ZERO,
            // It ends much earlier, when the availability has fallen.
            seconds: Some(Duration::from_secs(120)),
        },
        script: parse_script("3s labs off", &registry).expect("a script"),
        limits: Limits::default(),
        title: "a test".to_owned(),
        listen: None,
    };
    let (_, notes) = show(options, true);
    assert!(notes.best > 0.5, "labs were there before: {}", notes.best);
    let off: Vec<_> = notes.looks.iter().filter(|look| !look.0).collect();
    let (first, last) = (off.first().expect("labs were off"), off.last().expect("labs were off"));
    assert!(last.2 < notes.best / 2.0, "from {} to {}", notes.best, last.2);
    assert!(last.1 > first.1 + 100, "scores carried on: {} to {}", first.1, last.1);
}

/// Stays in the format of the CinC 2012 challenge: hourly vitals, labs every few hours; nobody's.
fn stays(folder: &Path, count: u32, hours: u32) {
    let mut random = fastrand::Rng::with_seed(7);
    let mut outcomes =
        "RecordID,SAPS-I,SOFA,Length_of_stay,Survival,In-hospital_death\n".to_owned();
    for set in ["a", "b"] {
        std::fs::create_dir_all(folder.join(format!("set-{set}"))).expect("a folder");
    }
    for stay in 1..=count {
        let mut text = format!("Time,Parameter,Value\n00:00,RecordID,{stay}\n00:00,Age,60\n");
        for hour in 0..hours {
            if random.f64() < 0.1 {
                continue;
            }
            let minute = random.u32(0..60);
            let (rate, pressure) = (random.u32(50..140), random.u32(80..150));
            let temperature = random.u32(355..395);
            // A string takes everything.
            let _ = writeln!(
                text,
                "{hour:02}:{minute:02},HR,{rate}\n{hour:02}:{minute:02},NISysABP,{pressure}"
            );
            let _ = writeln!(text, "{hour:02}:{minute:02},RespRate,{}", random.u32(10..35));
            let _ = writeln!(
                text,
                "{hour:02}:{minute:02},Temp,{}.{}",
                temperature / 10,
                temperature % 10
            );
            if random.f64() < 0.2 {
                let _ = writeln!(text, "{hour:02}:{minute:02},Lactate,{}.5", random.u32(0..6));
                let _ = writeln!(text, "{hour:02}:{minute:02},K,4.{}", random.u32(0..9));
            }
        }
        std::fs::write(folder.join(format!("set-a/{stay}.txt")), text).expect("a file");
        let _ = writeln!(outcomes, "{stay},12,4,5,-1,0");
    }
    std::fs::write(folder.join("Outcomes-a.txt"), &outcomes).expect("a file");
    let none = "RecordID,SAPS-I,SOFA,Length_of_stay,Survival,In-hospital_death\n";
    std::fs::write(folder.join("Outcomes-b.txt"), none).expect("a file");
    std::fs::write(
        folder.join("set-b/999.txt"),
        "Time,Parameter,Value\n00:00,RecordID,999\n00:30,HR,80\n",
    )
    .expect("a file");
}

struct Finals(FinalRevisions);

impl Sink for Finals {
    fn fused(&mut self, score: FusedScore) -> std::io::Result<()> {
        self.0.take(&score);
        Ok(())
    }
}

fn inputs(folder: &Path, registry: &Registry) -> Vec<Known> {
    let read = datasets::open(Kind::Cinc2012, folder, registry, &mut |_| {}).expect("a data set");
    let encounters = read.encounters.into_iter().map(Known::Encounter);
    let mut inputs: Vec<Known> =
        encounters.chain(read.events.into_iter().map(Known::Event)).collect();
    inputs.sort_by_key(Known::issued);
    inputs
}

fn recorded(inputs: Vec<Known>, lanes: &LaneSetup, partitions: u32, limits: Limits) -> Options {
    let recorded = Recorded::new(inputs, &lanes.registry, Span::ZERO);
    Options {
        lanes: lanes.clone(),
        models: None,
        partitions,
        schedule: Schedule {
            begins: recorded.begins().expect("there are events"),
            history: Span::ZERO,
            speed: None,
            round: Span::hours(1),
            heartbeat: Span::minutes(1),
            run_on: Span::hours(2),
            seconds: None,
        },
        source: Source::Recorded(recorded),
        script: Vec::new(),
        limits,
        title: "a test".to_owned(),
        listen: None,
    }
}

fn replayed(inputs: Vec<Known>, lanes: &LaneSetup, partitions: u32) -> FinalRevisions {
    let config = ReplayConfig {
        partitions,
        threads: 1,
        heartbeat: Span::minutes(1),
        round: Span::hours(6),
        run_on: Span::hours(2),
    };
    let names = Names::new(&lanes.registry, &Topics::default()).expect("the default topics");
    let mut finals = Finals(FinalRevisions::new(names));
    replay(lanes, &config, inputs, &mut finals, &mut |_| {}).expect("nothing fails in memory");
    finals.0
}

#[test]
fn what_a_data_set_gives_on_the_broker_equals_its_replay() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    stays(folder.path(), 40, 24);
    let lanes = lanes(Profile::Hourly, |_| {});
    let inputs = inputs(folder.path(), &lanes.registry);
    let count = inputs.len() as u64;
    let (outcome, _) = show(recorded(inputs.clone(), &lanes, 3, Limits::default()), false);
    let replayed = replayed(inputs, &lanes, 3);
    assert_eq!(outcome.sent, count);
    assert!(outcome.rejected.is_empty(), "{:?}", outcome.rejected);
    assert!(replayed.len() > 900, "{} final revisions were compared", replayed.len());
    let differences = outcome.finals.differences(&replayed);
    assert!(differences.is_empty(), "{} of {} differ", differences.len(), replayed.len());
    assert_eq!(outcome.finals.digest(), replayed.digest());
}

#[test]
fn a_source_that_could_flood_the_broker_is_held_back_and_nothing_is_lost() {
    let registry = Registry::shipped();
    let config = WardConfig {
        patients: 300,
        vitals_every: Span::seconds(2),
        rates: Rates::calm(),
        ..WardConfig::default()
    };
    let ward = Ward::new(config, &registry).expect("a valid configuration");
    let events = ward.filter_map(|input| input.event().cloned());
    // Twice what the embedded broker keeps of a partition, sent as fast as it goes; a monitor's record has some 200 bytes, and what
    // scorers and fusion make of it is more.
    let mut inputs: Vec<Known> = events.take(2 * (5 << 20) / 190).map(Known::Event).collect();
    inputs.sort_by_key(Known::issued);
    let count = inputs.len() as u64;
    let lanes = lanes(Profile::Ward, |_| {});
    let mut options = recorded(inputs, &lanes, 1, Limits::default());
    options.schedule.round = Span::minutes(1);
    options.schedule.heartbeat = Span::seconds(1);
    options.schedule.run_on = Span::minutes(1);
    let (outcome, _) = show(options, false);
    assert_eq!(outcome.sent, count);
    let limit = Limits::default().bytes;
    assert!(outcome.most_bytes <= limit, "{} bytes were under way", outcome.most_bytes);
    assert!(outcome.most_bytes > limit / 2, "the limit was never near: {}", outcome.most_bytes);
    assert!(outcome.bytes > 2 * (5 << 20), "only {} bytes were sent", outcome.bytes);
}

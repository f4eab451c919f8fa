//! What cannot be put to work is refused with its reason, and what serves goes on serving.

use super::packages::package;
use super::site::{Models, Site, trial, write};
use latefusion::fuse::package::{Package, Profile};
use latefusion::modality::Registry;
use latefusion::score::learned::digest;
use latefusion::shell::models::{Choice, Findings, Trial, Verdict};
use latefusion::shell::setup;

const TREES: &str = "lightgbm-binary.txt";

fn lanes() -> latefusion::shell::local_lane::LaneSetup {
    let registry = Registry::shipped();
    let package = toml::to_string(&Package::shipped(Profile::Ward, &registry));
    setup::shipped(Profile::Ward, &registry, package.expect("plain data").into())
}

/// What a start with this folder says.
fn start(models: &Models) -> Result<String, String> {
    let mut lanes = lanes();
    match models.start(&mut lanes) {
        Ok(_) => Ok(lanes.models[0].active.name().to_string()),
        Err(refused) => Err(refused.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}

/// A network whose hidden state is to have 2^34 numbers: 64 GiB.
fn greedy() -> latefusion::score::learned::PackageFiles {
    let mut files = package("network-gru.onnx", "m", "2");
    let before = [b"hidden\x4a\x08".as_slice(), &8_u64.to_le_bytes()].concat();
    let at = files.model.windows(before.len()).position(|w| *w == *before).expect("it is there");
    files.model[at + 8..at + 16].copy_from_slice(&(1_u64 << 34).to_le_bytes());
    let was = digest(&package("network-gru.onnx", "m", "2").model);
    files.manifest = files.manifest.replace(&was, &digest(&files.model));
    files
}

#[test]
fn a_broken_package_leaves_what_serves_and_says_why_until_it_is_mended() {
    let models = Models::new(&[(TREES, "m", "1")]);
    let mut site = Site::new(&models);
    site.run(5);
    let mut broken = package("xgboost-binary.json", "m", "2");
    broken.golden = broken.golden.replacen("0.", "1.", 3);
    write(models.folder.path(), "m", "2", &broken);
    (0..3).for_each(|_| site.look());
    site.run(5);
    assert_eq!(site.swaps(), [0, 1], "counted once");
    let refused = site.ward.pipeline.lanes.roster.refused();
    let [refusal] = refused.as_slice() else { panic!("{refused:?}") };
    assert_eq!((refusal.modality, refusal.model.as_str()), ("vitals", "m@2"));
    assert!(refusal.why.contains("golden vectors: row"), "{refusal}");
    assert!(site.said().iter().all(|(scored, _)| &*scored.model == "m@1"));

    models.drop_in("xgboost-binary.json", "m", "2");
    site.look();
    site.run(5);
    assert_eq!(site.swaps(), [1, 1]);
    assert!(site.ward.pipeline.lanes.roster.refused().is_empty());
    assert!(site.said().iter().any(|(scored, _)| &*scored.model == "m@2"));

    // The same version with other bytes: predictions could no longer be told apart.
    models.drop_in(TREES, "m", "2");
    site.look();
    let refused = site.ward.pipeline.lanes.roster.refused();
    assert!(refused.len() == 1 && refused[0].why.contains("version of their own"), "{refused:?}");
    // Taken away again: the one before serves.
    std::fs::remove_dir_all(models.folder.path().join("vitals/m/2")).expect("it was there");
    site.look();
    site.run(5);
    assert_eq!(site.swaps(), [2, 2]);
    assert_eq!(&*site.said().pop().expect("there are some").0.model, "m@1");
    assert!(site.audited() > 0);
}

#[test]
fn a_package_that_is_still_being_copied_is_left_alone() {
    let models = Models::new(&[(TREES, "m", "1")]);
    let mut site = Site::new(&models);
    let whole = package("xgboost-binary.json", "m", "2");
    for length in [100, 1_000, whole.model.len()] {
        let mut part = whole.clone();
        part.model.truncate(length);
        write(models.folder.path(), "m", "2", &part);
        // Both looks of this one find other files than the last.
        site.look_once();
    }
    assert_eq!(site.swaps(), [0, 0]);
    site.look_once();
    assert_eq!(site.swaps(), [1, 0]);
}

#[test]
fn a_start_with_an_active_model_that_is_refused_ends_with_the_reason() {
    let one = Models::new(&[(TREES, "m", "1")]);
    assert_eq!(start(&one).as_deref(), Ok("m@1"));
    assert_eq!(start(&Models::new(&[])).as_deref(), Ok("news2-ward@1"));

    let two = Models::new(&[(TREES, "m", "1"), (TREES, "n", "1")]);
    assert!(start(&two).is_err_and(|why| why.contains("several models (m, n)")));
    two.name("active", "n");
    assert_eq!(start(&two).as_deref(), Ok("n@1"));
    two.name("active", "news2-ward@1");
    assert_eq!(start(&two).as_deref(), Ok("news2-ward@1"));
    two.name("active", "m@7");
    assert!(start(&two).is_err_and(|why| why.contains("vitals: m@7: there is no such package")));
    two.name("active", "../m");
    assert!(start(&two).is_err_and(|why| why.contains("`../m` is no model")));

    let mut configured = Models::new(&[(TREES, "m", "1"), (TREES, "n", "1")]);
    let active = Some("m".parse().expect("a name"));
    configured.choices.insert("vitals".to_owned(), Choice { active, shadows: Vec::new() });
    assert_eq!(start(&configured).as_deref(), Ok("m@1"));

    let elsewhere = Models::new(&[]);
    write(elsewhere.folder.path(), "m", "2", &package(TREES, "m", "1"));
    assert!(start(&elsewhere).is_err_and(|why| why.contains("its manifest says m@1")));
}

#[test]
fn a_hostile_file_ends_its_trial_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let package = write(folder.path(), "m", "2", &greedy());
    let Verdict::Died(why) = trial().run(&package) else { panic!("it had its 64 GiB") };
    assert!(why.contains("2048 MiB"), "{why}");

    let models = Models::new(&[(TREES, "m", "1")]);
    let mut site = Site::new(&models);
    write(models.folder.path(), "m", "2", &greedy());
    site.look();
    site.run(5);
    assert_eq!(site.swaps(), [0, 1]);
    assert!(site.ward.pipeline.lanes.roster.refused()[0].why.contains("was killed"));
    assert!(!site.said().is_empty());
}

#[test]
fn a_trial_tells_what_it_found() {
    let models = Models::new(&[("network-gru.onnx", "gru", "3")]);
    let found = trial().run(&models.folder.path().join("vitals/gru/3"));
    let Verdict::Told(Findings::Sound { model, calibrated, golden_rows, digest, .. }) = found
    else {
        panic!("{found:?}")
    };
    assert_eq!((model.as_str(), calibrated, golden_rows), ("gru@3", true, 70));
    assert_eq!(digest, package("network-gru.onnx", "gru", "3").digest());
    let nothing = trial().run(models.folder.path());
    let Verdict::Told(Findings::Unsound { problems }) = nothing else { panic!("{nothing:?}") };
    assert!(problems[0].contains("manifest.toml cannot be read"), "{problems:?}");
    let mute = Trial::by("/bin/true".into()).run(models.folder.path());
    assert!(matches!(&mute, Verdict::Died(why) if why.contains("no finding")), "{mute:?}");
}

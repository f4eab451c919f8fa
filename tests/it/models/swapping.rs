//! Models put to work while records flow: nothing is lost, delayed or said by the wrong one, and shadows are never fused.

use super::site::{Models, Site};
use latefusion::shell::bus::TopicPartition;
use latefusion::shell::driver::Board;
use latefusion::shell::telemetry::Observed;
use latefusion::types::{Outcome, Prediction, Scored};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const TREES: &str = "lightgbm-binary.txt";
const OTHER_TREES: &str = "xgboost-binary.json";
const NETWORK: &str = "network-gru.onnx";

/// How many of the site's input records of vitals stand in the log exactly once, in order.
fn each_once(site: &Site) -> usize {
    let mut by_lane: BTreeMap<_, Vec<i64>> = BTreeMap::new();
    for (scored, _) in site.said() {
        by_lane.entry(scored.source.lane).or_default().push(scored.source.offset);
    }
    let mut all = 0;
    for (lane, mut offsets) in by_lane {
        let place = TopicPartition::new("vitals", lane.partition);
        let end = site.ward.broker.progress(&place).expect("it is there").end;
        offsets.sort_unstable();
        let twice = offsets.windows(2).find(|pair| pair[0] == pair[1]);
        assert_eq!(twice, None, "scored twice in {place}");
        let rejected = end - offsets.len() as i64;
        // The ward sends a few records that cannot be used; those have no score.
        assert!((0..end / 4).contains(&rejected), "{rejected} of {end} have no score in {place}");
        all += offsets.len();
    }
    all
}

/// The models named by each partition's records in their order, repeats left out.
fn turns(said: &[Scored]) -> BTreeSet<Vec<String>> {
    let mut by_lane: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for scored in said {
        let names = by_lane.entry(scored.source.lane).or_default();
        if names.last().is_none_or(|last| **last != *scored.model) {
            names.push(scored.model.to_string());
        }
    }
    by_lane.into_values().collect()
}

fn scored(site: &Site) -> Vec<Scored> {
    let mut all: Vec<Scored> = site.said().into_iter().map(|(scored, _)| scored).collect();
    all.sort_by_key(|scored| scored.source);
    all
}

#[test]
fn swaps_under_load_lose_and_delay_no_event_and_the_audit_stays_clean() {
    let models = Models::new(&[(TREES, "m", "1")]);
    let (mut swapped, mut calm) = (Site::new(&models), Site::new(&models));
    for (file, version) in [(OTHER_TREES, "2"), (NETWORK, "10")] {
        swapped.run(40);
        models.drop_in(file, "m", version);
        swapped.look();
    }
    swapped.run(40);
    // Roll back: the same move, by the file `active`.
    models.name("active", "m@2\n");
    swapped.look();
    swapped.run(40);
    calm.run(160);

    assert_eq!(swapped.swaps(), [3, 0]);
    let expected: Vec<String> = ["m@1", "m@2", "m@10", "m@2"].map(str::to_owned).to_vec();
    assert_eq!(turns(&scored(&swapped)), BTreeSet::from([expected]));
    let (with, without) = (each_once(&swapped), each_once(&calm));
    assert_eq!(with, without, "records scored with swaps and without");
    let sources = |site: &Site| -> Vec<_> { scored(site).iter().map(|s| s.source).collect() };
    assert_eq!(sources(&swapped), sources(&calm));
    let waits = |site: &Site| site.said().into_iter().map(|(_, waited)| waited).max();
    assert_eq!(waits(&swapped), waits(&calm), "the longest that a record waited");
    let compared = swapped.audited();
    println!("{with} records scored once each over 3 swaps, {compared} fused scores derived again");
    assert!(with > 300 && compared > 100, "{with} records, {compared} fused scores");
}

#[test]
fn a_lane_that_starts_after_a_swap_has_what_serves_and_publishes_the_same() {
    let models = Models::new(&[(TREES, "m", "1")]);
    let mut site = Site::new(&models);
    site.run(30);
    models.drop_in(OTHER_TREES, "m", "2");
    site.look();
    site.run(10);
    site.ward.crash();
    site.run(30);
    assert_eq!(turns(&scored(&site)).len(), 1);
    let last = scored(&site).pop().expect("there are some");
    assert_eq!(&*last.model, "m@2");
    assert!(site.audited() > 40);
}

#[test]
fn a_shadow_is_published_measured_and_never_fused() {
    let with = Models::new(&[(TREES, "m", "1"), (NETWORK, "n", "1")]);
    with.name("active", "m\n");
    with.name("shadow", "# both\nn\nnews2-ward@1\n");
    let without = Models::new(&[(TREES, "m", "1")]);
    let (mut with, mut without) = (Site::new(&with), Site::new(&without));
    with.run(60);
    without.run(60);
    let mut beside = BTreeMap::new();
    for scored in scored(&with) {
        assert_eq!(&*scored.model, "m@1");
        for (shadow, said) in &scored.shadows {
            // What a late record changes further on depends on how far back a model looks; the record's own time is said by all.
            let own = |all: &[Prediction]| all.first().map(|p| (p.event_time, p.issued));
            assert_eq!(own(said), own(&scored.predictions), "{shadow} scores the same events");
            let risks = said.iter().filter(|p| matches!(p.outcome, Outcome::Risk(_))).count();
            *beside.entry(shadow.to_string()).or_insert(0) += risks;
        }
    }
    assert!(beside.len() == 2 && beside.values().all(|risks| *risks > 100), "{beside:?}");
    let fused = |site: &Site| -> Vec<_> {
        let topic = &site.ward.pipeline.topics.fused_scores;
        let records = site.ward.broker.records(topic);
        records.into_iter().map(|record| (record.place, record.payload)).collect()
    };
    let (fused, alone) = (fused(&with), fused(&without));
    assert!(fused.len() > 40, "{} fused scores were compared", fused.len());
    assert_eq!(fused, alone, "fused scores with shadows and without, byte by byte");
    let observed = Observed {
        pipeline: with.ward.pipeline.clone(),
        board: Board::default(),
        clock: Arc::new(latefusion::shell::driver::WallClock::new()),
        clients: latefusion::shell::bus::kafka::ClientFigures::default(),
    };
    let metrics = observed.metrics().expect("it measures");
    let counted = metrics.lines().find_map(|line| {
        line.strip_prefix("latefusion_shadow_difference_count{modality=\"vitals\"} ")?.parse().ok()
    });
    let pairs: u64 = counted.expect("the histogram is there");
    println!("{pairs} differences measured, {beside:?}, {} fused scores equal", fused.len());
    assert!(pairs > 200, "only {pairs} differences were measured");
}

//! How fast learned models score batches of 1,024 rows on one core, what they hold in memory, and how long a swap takes.
//!
//! `cargo bench --bench models`, or with `-- --json`. Inputs go in as the score stage hands them over, scaling included.
#![allow(clippy::print_stdout, reason = "it says what it measured")]

use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use latefusion::fuse::package::{Package, Profile};
use latefusion::modality::Registry;
use latefusion::score::learned::{LearnedModel, PackageFiles, digest};
use latefusion::score::{ScoreConfig, ScoreStage};
use latefusion::shell::setup;
use latefusion::trees::TreeEnsemble;
use latefusion::types::{Feed, ModalityId, SourceLane};
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ROWS: usize = 1_024;
/// Each measurement goes on for so long, and the median batch counts.
const LONG: Duration = Duration::from_secs(2);
const COLUMNS: [&str; 6] = [
    "heart_rate_per_min",
    "respiratory_rate_per_min",
    "spo2_percent",
    "systolic_pressure_mmhg",
    "temperature_celsius",
    "gcs_total",
];

struct Line {
    what: &'static str,
    rows_per_second: f64,
    aim: f64,
    memory_bytes: usize,
}

fn main() {
    let json = std::env::args().any(|arg| arg == "--json");
    let dense = network("network-dense", &features());
    let gru = network("network-gru-long", &sequence());
    let lines = [
        trees(),
        line("dense [12] - 16 - 8 - 1", 1e6, &dense),
        line("GRU [48 x 8], 32 hidden", 60e3, &gru),
    ];
    let pause = pause(&[&dense, &gru]);
    if json {
        let each = lines.iter().map(|line| {
            serde_json::json!({ "model": line.what, "rows_per_second": line.rows_per_second, "aim": line.aim,
                "memory_bytes": line.memory_bytes })
        });
        let each: Vec<_> = each.collect();
        println!("{}", serde_json::json!({ "models": each, "swap_seconds": pause.as_secs_f64() }));
        return;
    }
    println!("| model, batches of {ROWS} | rows/s | aim | bytes |\n|---|---|---|---|");
    for Line { what, rows_per_second, aim, memory_bytes } in lines {
        println!("| {what} | {rows_per_second:.0} | {aim:.0} | {memory_bytes} |");
    }
    println!("\nlongest of 1,000 swaps: {:.1} µs", pause.as_secs_f64() * 1e6);
}

/// Rows a second by the median of the times that a batch took.
fn rate(mut batch: impl FnMut()) -> f64 {
    let (began, mut times) = (Instant::now(), Vec::new());
    while began.elapsed() < LONG {
        let start = Instant::now();
        batch();
        times.push(start.elapsed());
    }
    times.sort_unstable();
    ROWS as f64 / times[times.len() / 2].as_secs_f64()
}

/// A full forest of 200 random trees with 31 leaves over 20 features, a tenth of the values missing.
fn trees() -> Line {
    const FEATURES: usize = 20;
    let mut random = fastrand::Rng::with_seed(1);
    let mut text = format!(
        "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx={}\n\
         objective=binary sigmoid:1\nfeature_names={}\n\n",
        FEATURES - 1,
        (0..FEATURES).map(|i| format!("f{i}")).collect::<Vec<_>>().join(" ")
    );
    for tree in 0..200 {
        let list = |make: &mut dyn FnMut(usize) -> String, n: usize| -> String {
            (0..n).map(make).collect::<Vec<_>>().join(" ")
        };
        // Node i has children 2 i + 1 and 2 i + 2; those past the thirtieth are leaves.
        let child = |at: usize| if at < 30 { at as i64 } else { -(at as i64 - 30) - 1 };
        let features = list(&mut |_| random.usize(..FEATURES).to_string(), 30);
        let thresholds = list(&mut |_| (random.f64() * 2.0 - 1.0).to_string(), 30);
        let left = list(&mut |i| child(2 * i + 1).to_string(), 30);
        let right = list(&mut |i| child(2 * i + 2).to_string(), 30);
        let values = list(&mut |_| (random.f64() * 0.02 - 0.01).to_string(), 31);
        let kinds = list(&mut |_| "10".to_owned(), 30);
        let _written = write!(
            text,
            "Tree={tree}\nnum_leaves=31\nnum_cat=0\nsplit_feature={features}\nthreshold={thresholds}\n\
             decision_type={kinds}\nleft_child={left}\nright_child={right}\nleaf_value={values}\nis_linear=0\nshrinkage=1\n\n\n"
        );
    }
    text.push_str("end of trees\n");
    let trees = TreeEnsemble::from_lightgbm(&text).expect("it is a LightGBM model");
    let value = |random: &mut fastrand::Rng| {
        if random.u8(..10) == 0 { f64::NAN } else { random.f64() * 2.0 - 1.0 }
    };
    let rows: Vec<f64> = (0..ROWS * FEATURES).map(|_| value(&mut random)).collect();
    let rows_per_second = rate(|| drop(black_box(trees.predict(black_box(&rows), FEATURES))));
    let memory_bytes = trees.memory_bytes();
    Line { what: "200 trees x 31 leaves, 20 features", rows_per_second, aim: 300e3, memory_bytes }
}

fn features() -> String {
    let one = |column| {
        format!(
            "[[features]]\ncolumn = \"{column}\"\nstatistic = \"last\"\nwithin = \"15min\"\ncentre = 0.5\nscale = 2.0\n"
        )
    };
    COLUMNS.map(one).concat() + "[input]\nmask = \"append\"\n"
}

fn sequence() -> String {
    format!(
        "[sequence]\nsteps = 48\nstep = \"1min\"\nchannels = {:?}\ncentre = [0.5, 0.5, 0.5, 0.5]\n\
         scale = [2.0, 2.0, 2.0, 2.0]\n[input]\nmask = \"append\"\n",
        &COLUMNS[..4]
    )
}

/// A fixture of the tests as a package.
fn network(name: &str, inputs: &str) -> LearnedModel {
    let path = format!("{}/tests/data/models/{name}", env!("CARGO_MANIFEST_DIR"));
    let model = std::fs::read(format!("{path}.onnx")).expect("the fixture is there");
    let golden = std::fs::read_to_string(format!("{path}.golden.json")).expect("it is there");
    let manifest = format!(
        "name = \"{name}\"\nversion = \"1\"\nmodality = \"vitals\"\nkind = \"onnx\"\nfile = \"{name}.onnx\"\nsha256 = \"{}\"\n\
         {inputs}[output]\nkind = \"score\"\n[training]\ndata = \"random numbers\"\nlicence = \"none\"\noutcome = \"none\"\n\
         patients = 0\ncommand = \"python make.py\"\n",
        digest(&model)
    );
    LearnedModel::load(&PackageFiles { manifest, model, golden }, &Registry::shipped())
        .expect("the fixture is sound")
}

fn line(what: &'static str, aim: f64, model: &LearnedModel) -> Line {
    let mut random = fastrand::Rng::with_seed(2);
    let inputs = model.scorer().inputs().len();
    let fields: Vec<Field> =
        (0..inputs).map(|i| Field::new(format!("{i}"), DataType::Float64, true)).collect();
    let mut column = || {
        let values = (0..ROWS).map(|_| (random.u8(..10) > 0).then(|| random.f64()));
        Arc::new(values.collect::<Float64Array>()) as ArrayRef
    };
    let columns = (0..inputs).map(|_| column()).collect();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
        .expect("as many columns as fields, all of the same length");
    let rows_per_second = rate(|| drop(black_box(model.scorer().score(black_box(&batch)))));
    Line { what, rows_per_second, aim, memory_bytes: model.memory_bytes }
}

/// The longest of a thousand swaps in a score stage: what a lane does beyond scoring.
fn pause(models: &[&LearnedModel]) -> Duration {
    let registry = Registry::shipped();
    let package = toml::to_string(&Package::shipped(Profile::Ward, &registry)).expect("plain data");
    let setup = setup::shipped(Profile::Ward, &registry, package.into());
    let (id, columns) = registry.find("vitals").expect("it ships");
    let scoring = setup.scoring[id.index()];
    let source = SourceLane { feed: Feed::Modality(ModalityId(0)), epoch: 0, partition: 0 };
    let config = ScoreConfig {
        source,
        modality: id,
        columns,
        lanes: 1,
        lookback: scoring.lookback,
        reach: scoring.reach,
        out_of_orderness: scoring.out_of_orderness,
        max_clock_skew: scoring.max_clock_skew,
        state_ttl: scoring.state_ttl,
        max_patients: setup.max_patients,
        max_observations: scoring.max_observations,
    };
    let mut stage = ScoreStage::new(config, setup.models[0].active.clone(), Vec::new());
    let swap = |model: &&LearnedModel| {
        setup.roster.put(
            id,
            latefusion::shell::local_lane::Models {
                active: model.active.clone(),
                shadows: vec![setup.models[0].active.clone()],
            },
        );
    };
    let (mut seen, mut longest) = (0, Duration::ZERO);
    for model in models.iter().cycle().take(1_000) {
        swap(model);
        let began = Instant::now();
        let models = setup.roster.newer(id, &mut seen).expect("there was a swap");
        stage.set_models(models.active.clone(), models.shadows.clone());
        longest = longest.max(began.elapsed());
    }
    longest
}

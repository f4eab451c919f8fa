//! Packages: what loads, what agrees with its golden vectors, and what is refused with which words.

use super::packages::{FILES, load, package};

#[test]
fn every_kind_of_model_loads_and_gives_what_its_library_gives() {
    let mut compared = 0;
    for file in FILES {
        let model = load(&package(file, "fixture", "1")).unwrap_or_else(|e| panic!("{file}: {e}"));
        let (rows, worst) = model.golden;
        println!("{file}: {rows} rows, largest difference {worst:e}, {} bytes", model.memory_bytes);
        assert_eq!(model.active.name().as_ref(), "fixture@1");
        assert!(worst <= 1e-5 && model.memory_bytes > 0, "{file}");
        compared += rows;
    }
    assert!(compared > 500, "only {compared} rows were compared");
}

#[test]
fn every_mistake_in_a_package_is_said_in_plain_words() {
    let told = |file: &str, from: &str, to: &str| {
        let mut files = package(file, "fixture", "1");
        assert!(files.manifest.contains(from), "{from}");
        files.manifest = files.manifest.replacen(from, to, 1);
        load(&files).map(|_| ()).expect_err("it was loaded")
    };
    for (file, from, to, word) in [
        ("lightgbm-binary.txt", "modality = \"vitals\"", "modality = \"beds\"", "no modality"),
        ("lightgbm-binary.txt", "gcs_total", "gcs", "vitals has no column `gcs`"),
        ("lightgbm-binary.txt", "sha256 = \"", "sha256 = \"0", "64 lower-case"),
        ("lightgbm-binary.txt", "name = \"fixture\"", "name = \"../x\"", "name: must be"),
        ("lightgbm-binary.txt", "slope = 1.0", "slope = -1.0", "calibration: platt.slope"),
        ("lightgbm-binary.txt", "kind = \"lightgbm\"", "kind = \"xgboost\"", "no XGBoost model"),
        ("lightgbm-binary.txt", "kind = \"probability\"", "kind = \"log_odds\"", "row 0 scores"),
        (
            "lightgbm-binary.txt",
            "kind = \"probability\"",
            "kind = \"score\"\nindex = 1",
            "1 outputs",
        ),
        ("lightgbm-binary.txt", "[metrics]", "[metric]", "unknown field `metric`"),
        ("network-gru.onnx", "mask = \"append\"", "mask = \"none\"", "they differ"),
        ("network-gru.onnx", "mask = \"append\"", "mask = \"tensor\"", "has 1 inputs (x)"),
        ("network-gru.onnx", "steps = 12", "steps = 13", "13 x 6"),
        ("network-gru.onnx", "scale = [2.0, 2.0, 2.0]", "scale = [2.0]", "one for each channel"),
        ("network-gru.onnx", "scale = [2.0, 2.0, 2.0]", "scale = [2.0, 2.0, 3.0]", "row 1 scores"),
    ] {
        let told = told(file, from, to);
        assert!(told.contains(word), "{file}: {from} -> {to}: {told}");
    }
}

#[test]
fn a_changed_or_truncated_model_file_is_refused() {
    for file in FILES {
        let mut files = package(file, "fixture", "1");
        files.model.truncate(files.model.len() / 2);
        let told = load(&files).expect_err("it was loaded");
        assert!(told.contains("sha256"), "{file}: {told}");
    }
}

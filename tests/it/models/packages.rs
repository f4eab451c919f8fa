//! Packages made of the fixtures.

use super::golden::{path, text};
use latefusion::modality::Registry;
use latefusion::score::learned::{LearnedModel, PackageFiles, digest};
use std::fmt::Write as _;

/// Columns of vitals that stand for the fixtures' features.
pub(super) const COLUMNS: [&str; 6] = [
    "heart_rate_per_min",
    "respiratory_rate_per_min",
    "spo2_percent",
    "systolic_pressure_mmhg",
    "temperature_celsius",
    "gcs_total",
];

/// How a fixture wants its inputs.
fn inputs(file: &str) -> String {
    let mut text = String::new();
    let scaled = file.starts_with("network-");
    if scaled && file != "network-dense.onnx" {
        let layout = if file.contains("convolution") { "channels_first" } else { "steps_first" };
        let mask = if file.contains("attention") { "tensor" } else { "append" };
        let _written = write!(
            text,
            "[sequence]\nsteps = 12\nstep = \"1min\"\nchannels = {:?}\ncentre = [0.5, 0.5, 0.5]\n\
             scale = [2.0, 2.0, 2.0]\nlayout = \"{layout}\"\n[input]\nmask = \"{mask}\"\n",
            &COLUMNS[..3]
        );
        return text;
    }
    for column in COLUMNS {
        let _written = writeln!(
            text,
            "[[features]]\ncolumn = \"{column}\"\nstatistic = \"last\"\nwithin = \"15min\""
        );
        if scaled {
            text.push_str("centre = 0.5\nscale = 2.0\n");
        }
    }
    if scaled {
        text.push_str("[input]\nmask = \"append\"\n");
    }
    text
}

/// A package of vitals made of a fixture.
pub(super) fn package(file: &str, name: &str, version: &str) -> PackageFiles {
    let model = std::fs::read(path(file)).expect("the fixture is there");
    let kind = match file {
        _ if file.starts_with("lightgbm") => "lightgbm",
        _ if file.starts_with("xgboost") => "xgboost",
        _ => "onnx",
    };
    let output = if kind == "onnx" { "score" } else { "probability" };
    let manifest = format!(
        "name = \"{name}\"\nversion = \"{version}\"\nmodality = \"vitals\"\nkind = \"{kind}\"\n\
         file = \"{file}\"\nsha256 = \"{}\"\n{}[output]\nkind = \"{output}\"\n\
         [calibration.platt]\nslope = 1.0\nintercept = -1.0\n\
         [calibration.provenance]\ndata_set = \"none\"\noutcome = \"none\"\npatients = 10\nevents = 1\n\
         date = \"2026-01-31\"\ncommand = \"none\"\n\
         [training]\ndata = \"random numbers\"\nlicence = \"none\"\noutcome = \"none\"\npatients = 0\n\
         command = \"python make.py\"\n[metrics]\nauroc = 0.5\n",
        digest(&model),
        inputs(file),
    );
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    PackageFiles { manifest, model, golden: text(&format!("{stem}.golden.json")) }
}

pub(super) fn load(files: &PackageFiles) -> Result<LearnedModel, String> {
    LearnedModel::load(files, &Registry::shipped()).map_err(|problems| problems.join("; "))
}

/// The fixtures that make a package with one score a row.
pub(super) const FILES: [&str; 10] = [
    "lightgbm-binary.txt",
    "lightgbm-categorical.txt",
    "lightgbm-zero.txt",
    "xgboost-binary.json",
    "xgboost-dart.json",
    "network-dense.onnx",
    "network-gru.onnx",
    "network-lstm.onnx",
    "network-convolution.onnx",
    "network-attention.onnx",
];

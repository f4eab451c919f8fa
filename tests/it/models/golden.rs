//! The fixtures of `tests/data/models`, which `make.py` there makes.

use std::path::PathBuf;

/// What the library that made a model predicts for some rows.
pub(super) struct Golden {
    /// \[n x features\], row by row; NaN = missing.
    pub(super) rows: Vec<f64>,
    pub(super) features: usize,
    /// \[n x outputs\], row by row.
    pub(super) expected: Vec<f64>,
}

pub(super) fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/models").join(name)
}

pub(super) fn text(name: &str) -> String {
    std::fs::read_to_string(path(name)).expect("the fixture is there")
}

/// Names of the files that begin and end so, golden files left out.
pub(super) fn names(prefix: &str, suffix: &str) -> Vec<String> {
    let all = std::fs::read_dir(path("")).expect("the folder is there");
    let names = all.map(|file| file.expect("it can be listed").file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    let fits = |name: &String| {
        name.starts_with(prefix) && name.ends_with(suffix) && !name.contains(".golden.")
    };
    let mut names: Vec<String> = names.filter(fits).collect();
    names.sort();
    names
}

impl Golden {
    /// The golden file of a model file.
    pub(super) fn of(model: &str) -> Self {
        let stem = model.rsplit_once('.').map_or(model, |(stem, _)| stem);
        let json: serde_json::Value =
            serde_json::from_str(&text(&format!("{stem}.golden.json"))).expect("it is JSON");
        let table = |key: &str| -> Vec<Vec<f64>> {
            let rows = json[key].as_array().expect("a list of rows").iter();
            let row = |row: &serde_json::Value| {
                let row = row.as_array().expect("a list of numbers").iter();
                row.map(|x| x.as_f64().unwrap_or(f64::NAN)).collect()
            };
            rows.map(row).collect()
        };
        let rows = table("rows");
        let features = rows.first().expect("a row").len();
        Self { rows: rows.concat(), features, expected: table("expected").concat() }
    }
}

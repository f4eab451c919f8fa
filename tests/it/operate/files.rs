//! The files under test, in memory: a check takes them as they are or as a mutation left them.

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that operators read.
const FOLDERS: [&str; 3] = ["deploy/grafana", "deploy/prometheus", "docs/runbooks"];

/// Every file by its path from the root of the repository.
#[derive(Clone, PartialEq)]
pub(super) struct Files(pub(super) BTreeMap<String, String>);

/// One rule of a rule file.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Rule {
    #[serde(default)]
    pub(super) alert: String,
    #[serde(default)]
    pub(super) record: String,
    pub(super) expr: String,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct RuleFile {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

impl Files {
    pub(super) fn read() -> Self {
        let mut files = BTreeMap::new();
        let mut folders: Vec<PathBuf> = FOLDERS.iter().map(|folder| root().join(folder)).collect();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("the folder is there") {
                let path = entry.expect("it can be listed").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(root()).expect("below the root").to_string_lossy();
                    let text = fs::read_to_string(&path).expect("it is text");
                    files.insert(name.into_owned(), text);
                }
            }
        }
        Self(files)
    }

    pub(super) fn write_to(&self, folder: &Path) {
        for (name, text) in &self.0 {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
    }

    /// Paths and texts of one folder's files with this ending.
    pub(super) fn in_folder<'a>(
        &'a self,
        folder: &'a str,
        ending: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        let all = self.0.iter().map(|(path, text)| (&**path, &**text));
        all.filter(move |(path, _)| path.starts_with(folder) && path.ends_with(ending))
    }

    /// File name without ending, and content.
    pub(super) fn dashboards(&self) -> Vec<(String, Value)> {
        let files = self.in_folder("deploy/grafana/dashboards/", ".json");
        files
            .map(|(path, text)| {
                let name = Path::new(path).file_stem().unwrap_or_default().to_string_lossy();
                (name.into_owned(), serde_json::from_str(text).expect("a dashboard is JSON"))
            })
            .collect()
    }

    /// What is recorded first, then what compares it.
    pub(super) fn rules(&self) -> Vec<Rule> {
        let files = self.in_folder("deploy/prometheus/rules/", ".yml");
        let parse =
            |text| yaml_serde::from_str::<RuleFile>(text).expect("a rule file is as expected");
        let groups = files.flat_map(|(_, text)| parse(text).groups);
        let mut rules: Vec<Rule> = groups.flat_map(|group| group.rules).collect();
        rules.sort_by_key(|rule| rule.record.is_empty());
        rules
    }
}

/// A list in a JSON object; empty where there is none.
pub(super) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// A text in a JSON object; empty where there is none.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

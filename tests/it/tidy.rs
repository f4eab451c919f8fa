//! The rules of the house that a compiler does not know: who may import whom, what only the shell may touch,
//! and how long a file may be.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What each room may import of the crate (ARCHITECTURE, "Rooms").
const MAY_IMPORT: [(&str, &[&str]); 8] = [
    ("types", &["types"]),
    ("trees", &["trees"]),
    ("stage", &["types", "stage"]),
    ("modality", &["types", "modality"]),
    ("score", &["types", "trees", "modality", "stage", "score"]),
    ("fuse", &["types", "trees", "modality", "stage", "fuse"]),
    ("evaluate", &["types", "evaluate"]),
    ("shell", &["types", "trees", "modality", "stage", "score", "fuse", "evaluate", "shell"]),
];

/// What awaits, reads a clock, a file, a socket, the environment or chance: only in the shell.
const ONLY_IN_SHELL: [&str; 12] = [
    "SystemTime",
    "Instant::now",
    "std::fs",
    "std::env",
    "std::net",
    "std::thread",
    "tokio::",
    "rdkafka",
    "async fn",
    "fastrand",
    "sleep(",
    "println!",
];

/// Files outside the shell that may use a hash map, because they never iterate it.
const HASH_MAPS: [&str; 2] = ["src/fuse/ward.rs", "src/score/patients.rs"];

/// Lines of a file, its tests included; the point to split is 300.
const LONGEST_FILE: usize = 400;

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("it can be listed").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).expect("source is UTF-8");
                found.push((path, text));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    walk(&root.join(folder), &mut found);
    for (path, _) in &mut found {
        *path = path.strip_prefix(root).expect("below the root").to_owned();
    }
    found.sort();
    found
}

/// The code of a file without its unit tests and comments.
fn product_code(text: &str) -> String {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

fn room(path: &Path) -> String {
    let second = path.components().nth(1).map(|c| c.as_os_str().to_string_lossy().into_owned());
    second.unwrap_or_default().trim_end_matches(".rs").to_owned()
}

#[test]
fn every_room_imports_only_what_it_may() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_IMPORT.into_iter().collect();
    let mut looked_at = 0;
    let mut broken = Vec::new();
    for (path, text) in sources("src") {
        let Some(allowed) = allowed.get(room(&path).as_str()) else { continue };
        let code = product_code(&text);
        for (at, _) in code.match_indices("crate::") {
            let rest = &code[at + "crate::".len()..];
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            looked_at += 1;
            if !allowed.contains(&&rest[..end]) {
                broken.push(format!("{} imports crate::{}", path.display(), &rest[..end]));
            }
        }
    }
    println!("{looked_at} imports looked at");
    assert!(looked_at > 200, "only {looked_at} imports were looked at");
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn only_the_shell_touches_the_world() {
    let mut looked_at = 0;
    let mut broken = Vec::new();
    for (path, text) in sources("src") {
        if room(&path) == "shell" || room(&path) == "main" {
            continue;
        }
        looked_at += 1;
        let code = product_code(&text);
        let is_test = path.to_string_lossy().ends_with("_tests.rs");
        let touched = ONLY_IN_SHELL.iter().filter(|word| !is_test && code.contains(**word));
        broken.extend(touched.map(|word| format!("{} uses {word}", path.display())));
        let may_hash = HASH_MAPS.contains(&&*path.to_string_lossy());
        if !is_test && !may_hash && code.contains("HashMap") {
            broken
                .push(format!("{} uses HashMap: its order would reach the output", path.display()));
        }
    }
    println!("{looked_at} files outside the shell looked at");
    assert!(looked_at > 50, "only {looked_at} files were looked at");
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn no_file_is_longer_than_one_idea() {
    let all = [sources("src"), sources("tests")].concat();
    let long: Vec<String> = all
        .iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST_FILE)
        .map(|(path, lines)| format!("{} has {lines} lines", path.display()))
        .collect();
    println!("{} files looked at", all.len());
    assert!(all.len() > 100, "only {} files were looked at", all.len());
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn no_test_is_ignored_and_nothing_is_left_to_do() {
    let words = ["#[ignore", "todo!(", "unimplemented!(", "FIX\u{4d}E", "XX\u{58}"];
    let mut broken = Vec::new();
    for (path, text) in [sources("src"), sources("tests"), sources("benches")].concat() {
        if path.ends_with("tidy.rs") {
            continue;
        }
        let found = words.iter().filter(|word| text.contains(**word));
        broken.extend(found.map(|word| format!("{} holds {word}", path.display())));
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn the_lints_of_the_house_are_on() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    let manifest: toml::Table = manifest.expect("it is there").parse().expect("it is TOML");
    let lint = |tool: &str, name: &str| manifest["lints"][tool][name].as_str().map(str::to_owned);
    assert_eq!(lint("rust", "unsafe_code").as_deref(), Some("forbid"));
    for (tool, name) in [
        ("rust", "missing_docs"),
        ("clippy", "unwrap_used"),
        ("clippy", "panic"),
        ("clippy", "print_stdout"),
    ] {
        assert_eq!(lint(tool, name).as_deref(), Some("warn"), "{tool}::{name}");
    }
}

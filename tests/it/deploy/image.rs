//! deploy/Dockerfile: what linters say, and what a build from the context alone would miss.

use super::tools::{Part, part, said};
use super::{path, text};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::process::Command;

#[test]
fn the_linter_of_dockerfiles_finds_nothing() {
    let Some(tools) = part(Part::Python) else { return };
    let found = said(
        Command::new(tools.join("bin/hadolint"))
            .args(["--no-color", "--failure-threshold", "info"])
            .arg(path("deploy/Dockerfile")),
    );
    assert_eq!(found, "");
}

/// What `COPY` takes from the context.
fn copied() -> BTreeSet<String> {
    let dockerfile = text("deploy/Dockerfile");
    let copies = dockerfile.lines().filter_map(|line| line.strip_prefix("COPY "));
    let from_context = copies.filter(|line| !line.starts_with("--from"));
    let sources = from_context.flat_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words[..words.len() - 1].iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()
    });
    sources.collect()
}

#[test]
fn the_context_holds_what_is_copied_and_nothing_else() {
    let ignored = text(".dockerignore");
    let kept: BTreeSet<String> =
        ignored.lines().filter_map(|line| line.strip_prefix('!')).map(str::to_owned).collect();
    assert!(ignored.lines().any(|line| line == "*"), "everything else is left out");
    assert_eq!(kept, copied());
    assert!(kept.iter().all(|name| path(name).exists()), "{kept:?}");
}

#[test]
fn every_file_that_the_source_includes_is_copied() {
    let copied = copied();
    let mut looked_at = 0;
    let mut folders = vec![path("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the folder is there") {
            let file = entry.expect("it can be listed").path();
            if file.is_dir() {
                folders.push(file);
                continue;
            }
            let source = std::fs::read_to_string(&file).unwrap_or_default();
            for included in included(&source) {
                looked_at += 1;
                let whole = plain(&file.parent().expect("a folder").join(included));
                let below =
                    whole.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("in the repository");
                assert!(
                    copied.iter().any(|copied| below.starts_with(copied)),
                    "{} includes {}",
                    file.display(),
                    below.display()
                );
            }
        }
    }
    assert!(looked_at >= 6, "only {looked_at} were looked at");
}

fn included(source: &str) -> impl Iterator<Item = &str> {
    let parts = ["include_str!(\"", "include_bytes!(\""].into_iter();
    parts.flat_map(move |word| source.split(word).skip(1)).filter_map(|rest| rest.split('"').next())
}

/// Without `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            other => plain.push(other),
        }
    }
    plain
}

/// The layer of dependencies is built for stubs: cargo must find every target of the manifest among them.
#[test]
fn the_stubs_of_the_dependency_layer_are_a_package() {
    let dockerfile = text("deploy/Dockerfile").replace("\\\n", "");
    let layer = dockerfile.lines().filter_map(|line| line.strip_prefix("RUN ")).next();
    let build = "cargo build --locked --release --bin latefusion";
    let layer = layer.expect("there is one");
    assert!(layer.contains(build), "{layer}");
    let layer =
        layer.replace(build, "cargo metadata --no-deps --locked --offline --format-version 1");
    let folder = tempfile::tempdir().expect("a temporary folder");
    for file in ["Cargo.toml", "Cargo.lock"] {
        std::fs::copy(path(file), folder.path().join(file)).expect("it is there");
    }
    let said = said(Command::new("sh").args(["-ec", &layer]).current_dir(folder.path()));
    assert!(said.contains("\"name\":\"latefusion\""), "{said}");
    assert!(!folder.path().join("src").exists(), "the stubs of the sources are gone");
}

/// The Rust of the image is the oldest that the manifest allows.
#[test]
fn the_image_builds_with_the_oldest_rust_that_is_allowed() {
    let manifest: toml::Table = text("Cargo.toml").parse().expect("it is TOML");
    let version = manifest["package"]["rust-version"].as_str().expect("it is said");
    assert!(text("deploy/Dockerfile").contains(&format!("FROM rust:{version}-bookworm AS build")));
}

#[test]
fn the_image_has_the_libraries_that_the_program_links() {
    let packages: BTreeMap<&str, &str> = BTreeMap::from([
        ("libssl.so.3", "libssl3"),
        ("libcrypto.so.3", "libssl3"),
        ("libz.so.1", "zlib1g"),
    ]);
    // In every image of Debian.
    let base = ["libc.so.6", "libm.so.6", "libgcc_s.so.1"];
    let linked = Command::new("ldd").arg(env!("CARGO_BIN_EXE_latefusion")).output();
    let Some(linked) = linked.ok().filter(|output| output.status.success()) else { return };
    let dockerfile = text("deploy/Dockerfile");
    let mut looked_at = 0;
    for line in String::from_utf8_lossy(&linked.stdout).lines() {
        let name = line.split_whitespace().next().unwrap_or_default();
        if name.contains("ld-linux") || name.contains("vdso") || base.contains(&name) {
            continue;
        }
        let package =
            packages.get(name).unwrap_or_else(|| panic!("{name} is in no package of the image"));
        assert!(dockerfile.contains(&format!(" {package}")), "{package} is not installed");
        looked_at += 1;
    }
    assert!(looked_at >= 3, "only {looked_at} libraries were looked at");
}

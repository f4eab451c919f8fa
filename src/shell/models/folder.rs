//! Packages as folders.

use super::names::{Named, by_version};
use crate::score::learned::{MOST_MODEL_BYTES, MOST_TEXT_BYTES, PackageFiles};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The manifest's file name.
pub const MANIFEST: &str = "manifest.toml";
/// The golden vectors' file name.
pub const GOLDEN: &str = "golden.json";
/// Most packages of one modality that are looked at.
const MOST_PACKAGES: usize = 1_000;

/// What tells whether the files of a package have changed: names, lengths and times of change.
pub type Stamp = Vec<(String, u64, Option<SystemTime>)>;

/// Reads a package.
///
/// # Errors
/// What cannot be read, or is larger than it may be.
pub fn read(folder: &Path) -> Result<PackageFiles, String> {
    let manifest = text(&folder.join(MANIFEST))?;
    let golden = text(&folder.join(GOLDEN))?;
    let name = model_file(&manifest)?;
    let model = bytes(&folder.join(name), MOST_MODEL_BYTES)?;
    Ok(PackageFiles { manifest, model, golden })
}

/// The name of the model file, which must not lead out of the folder.
fn model_file(manifest: &str) -> Result<String, String> {
    let table: toml::Table = manifest.parse().map_err(|error: toml::de::Error| {
        format!("{MANIFEST}: {}", error.to_string().trim_end())
    })?;
    let name = table.get("file").and_then(toml::Value::as_str).unwrap_or_default();
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    if name.is_empty() || name.starts_with('.') || !name.bytes().all(legal) {
        return Err(format!("{MANIFEST}: `file` must be the name of a file beside it"));
    }
    Ok(name.to_owned())
}

fn text(path: &Path) -> Result<String, String> {
    String::from_utf8(bytes(path, MOST_TEXT_BYTES)?)
        .map_err(|_| format!("{} is not UTF-8", path.display()))
}

fn bytes(path: &Path, limit: usize) -> Result<Vec<u8>, String> {
    let cannot = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    // Opening a pipe that nobody writes to would wait for ever.
    if !fs::metadata(path).map_err(cannot)?.is_file() {
        return Err(format!("{} is no file", path.display()));
    }
    let file = File::open(path).map_err(cannot)?;
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() > limit {
        return Err(format!("{} has more than {limit} bytes", path.display()));
    }
    Ok(bytes)
}

/// What the files of a package look like from outside; empty where it is none.
pub fn stamp(folder: &Path) -> Stamp {
    let mut stamp: Stamp = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let data = fs::metadata(entry.path()).ok()?;
            let name = entry.file_name().to_string_lossy().into_owned();
            Some((name, data.len(), data.modified().ok()))
        })
        .take(MOST_PACKAGES)
        .collect();
    stamp.sort();
    stamp
}

/// A package as its place in the folder names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its model's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it is.
    pub folder: PathBuf,
}

impl Place {
    /// `name@version`.
    pub fn model(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}

/// The packages below a modality's folder, by name and rising version.
pub fn packages(modality: &Path) -> Vec<Place> {
    let mut found = Vec::new();
    for (name, folder) in folders(modality) {
        for (version, folder) in folders(&folder) {
            if found.len() < MOST_PACKAGES && folder.join(MANIFEST).is_file() {
                found.push(Place { name: name.clone(), version, folder });
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| by_version(&a.version, &b.version)));
    found
}

fn folders(of: &Path) -> impl Iterator<Item = (String, PathBuf)> {
    fs::read_dir(of).into_iter().flatten().filter_map(|entry| {
        let path = entry.ok()?.path();
        let name = path.file_name()?.to_str()?.to_owned();
        (path.is_dir() && !name.starts_with('.')).then_some((name, path))
    })
}

/// The model names in a small file, one a line; `None`: there is no such file, or nothing in it.
///
/// # Errors
/// It cannot be read, or a line is no name.
pub fn names(file: &Path) -> Result<Option<Vec<Named>>, String> {
    if !file.exists() {
        return Ok(None);
    }
    let text = text(file)?;
    let lines =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let named: Result<Vec<Named>, _> = lines.map(str::parse).collect();
    let named = named.map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(Some(named).filter(|named| !named.is_empty()))
}

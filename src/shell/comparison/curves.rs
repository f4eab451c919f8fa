//! The degradation curves of a comparison as a small file that `latefusion advise` reads.

use super::{Comparison, Kind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A difference of AUROC with its paired 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ahead {
    /// Above zero: late fusion is ahead.
    pub value: f64,
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

/// What was measured with a modality taken from a share of the patients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Share of patients that lack it, 0..=1.
    pub missing: f64,
    /// AUROC by method.
    pub auroc: BTreeMap<String, f64>,
    /// The default late method against each early rival.
    pub ahead_of: BTreeMap<String, Ahead>,
}

/// Curves of one evaluation, at its main time, with modalities removed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curves {
    /// Data set.
    pub data_set: String,
    /// Hours into the stay.
    pub as_of_hours: f64,
    /// Stays with a known outcome, and deaths among them.
    pub stays: [usize; 2],
    /// The late method that is compared.
    pub late: String,
    /// The early rivals; the last is the honest one, trained with modalities dropped.
    pub rivals: Vec<String>,
    /// By modality, and `all` for every one by itself; points by rising share.
    pub removed: BTreeMap<String, Vec<Point>>,
}

impl Curves {
    /// The curves of a comparison.
    pub fn of(comparison: &Comparison, data_set: &str) -> Self {
        let of_kind = |kind: Kind| {
            let columns = comparison.columns.of.iter();
            columns.filter(move |(_, k)| *k == kind).map(|(name, _)| name.clone())
        };
        let late = of_kind(Kind::Fitted).next().unwrap_or_default();
        let names = comparison.modalities.iter().map(|(_, name)| *name).chain(["all"]);
        let removed = names.map(|name| (name.to_owned(), curve(comparison, name, &late)));
        Self {
            data_set: data_set.to_owned(),
            as_of_hours: comparison.main_hours,
            stays: comparison.stays,
            removed: removed.collect(),
            late,
            rivals: of_kind(Kind::Early).collect(),
        }
    }
}

fn curve(comparison: &Comparison, target: &str, late: &str) -> Vec<Point> {
    let mut points: BTreeMap<u64, Point> = BTreeMap::new();
    for cell in &comparison.cells {
        let removed = cell.disturbance == "removed" && cell.target == target;
        let here = cell.as_of_hours == comparison.main_hours && cell.pattern == "any";
        let area = cell.measures.get("auroc").map(|(area, _)| *area).filter(|a| !a.is_nan());
        let Some(area) = area.filter(|_| here && (removed || cell.disturbance == "none")) else {
            continue;
        };
        let point = points.entry(cell.level.to_bits()).or_insert_with(|| Point {
            missing: cell.level,
            auroc: BTreeMap::new(),
            ahead_of: BTreeMap::new(),
        });
        point.auroc.insert(cell.method.clone(), area);
        if cell.method == late {
            let known = cell.ahead_of.iter().filter_map(|(rival, (value, ends))| {
                let [lower, upper] = (*ends)?;
                Some((rival.clone(), Ahead { value: *value, lower, upper }))
            });
            point.ahead_of = known.collect();
        }
    }
    // Positive floats are in the order of their bits.
    points.into_values().collect()
}

//! Do the intervals hold? For a patient with some modalities, the fused risk that the same patient would have with
//! everything it has, by models trained on other patients, should lie inside as often as the interval promises.
//!
//! Each fold holds two sets of models, trained on two halves of the patients outside it. One set gives the interval from
//! a part of the evidence, the other the risk from all of it.

use super::scored::{Judges, evidence};
use crate::fuse::Evidence;
use crate::shell::tables::{Tables, Taken};
use arrow::array::{Array, Float64Array};
use serde::Serialize;
use std::collections::BTreeMap;

/// How often the intervals of one method held with some modalities left.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Covered {
    /// The method.
    pub method: String,
    /// The modalities left.
    pub pattern: String,
    /// Patients whose other risk lay inside.
    pub inside: usize,
    /// Patients with those modalities and a risk by the other models.
    pub patients: usize,
}

impl Covered {
    /// Share inside, 0..=1, with its 95 % interval (Wilson, J Am Stat Assoc 1927;22:209-212); `None` without patients.
    pub fn share(&self) -> Option<(f64, [f64; 2])> {
        let (n, z) = (self.patients as f64, 1.959_964);
        let share = self.inside as f64 / n;
        let middle = (share + z * z / (2.0 * n)) / (1.0 + z * z / n);
        let spread =
            z / (1.0 + z * z / n) * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
        (self.patients > 0).then_some((share, [middle - spread, middle + spread]))
    }
}

/// Coverage of every fitted method as of the `time`-th time, for each set of the trained `modalities`; empty where the
/// folds hold no halves. Only stays of `known` count.
pub(super) fn coverage(
    judges: &Judges,
    tables: &Tables,
    time: usize,
    known: &[usize],
    modalities: &[(usize, &'static str)],
) -> Vec<Covered> {
    let mut found: BTreeMap<(usize, u64), (String, String, usize, usize)> = BTreeMap::new();
    let bits = modalities.iter().fold(0_u64, |bits, (m, _)| bits | 1 << m);
    for (f, (fold, fusers)) in judges.fitted().enumerate() {
        let [Some(reference), Some(other)] = fold
            .halves
            .each_ref()
            .map(|half| half.iter().any(Option::is_some).then_some(half.as_slice()))
        else {
            return Vec::new();
        };
        let rows: Vec<&[Option<Taken>]> = known
            .iter()
            .filter(|stay| judges.fold_of(**stay) == Some(f))
            .map(|stay| tables.at(*stay, time))
            .collect();
        let all = evidence(reference, &rows, judges.modalities());
        let part = evidence(other, &rows, judges.modalities());
        for (i, ((name, _), fuser)) in fold.fusion.iter().zip(fusers).enumerate() {
            let risk = fuser.fuse(&all).risk;
            for subset in (1..=bits).filter(|subset| subset & !bits == 0) {
                let (left, has_it) = only(&part, subset);
                let fused = fuser.fuse(&left);
                let entry = found.entry((i, subset)).or_insert_with(|| {
                    let of = modalities.iter().filter(|(m, _)| subset >> m & 1 == 1);
                    let names: Vec<&str> = of.map(|(_, name)| *name).collect();
                    (name.to_owned(), names.join("+"), 0, 0)
                });
                for at in (0..rows.len()).filter(|at| has_it[*at] && risk.is_valid(*at)) {
                    let inside = fused.lower.value(at)..=fused.upper.value(at);
                    entry.2 += usize::from(inside.contains(&risk.value(at)));
                    entry.3 += 1;
                }
            }
        }
    }
    let covered =
        |(method, pattern, inside, patients)| Covered { method, pattern, inside, patients };
    found.into_values().map(covered).collect()
}

/// The evidence of some modalities, and who has every one of them.
fn only(evidence: &Evidence, subset: u64) -> (Evidence, Vec<bool>) {
    let left = |columns: &[Float64Array]| -> Vec<Float64Array> {
        let keep = |(m, column): (usize, &Float64Array)| {
            if subset >> m & 1 == 1 { column.clone() } else { Float64Array::new_null(column.len()) }
        };
        columns.iter().enumerate().map(keep).collect()
    };
    let rows = evidence.risk.first().map_or(0, |column| column.len());
    let has = |row: usize| {
        let wanted = evidence.risk.iter().enumerate().filter(|(m, _)| subset >> m & 1 == 1);
        wanted.fold(true, |all, (_, column)| all && column.is_valid(row))
    };
    let who = (0..rows).map(has).collect();
    (Evidence { risk: left(&evidence.risk), age_seconds: left(&evidence.age_seconds) }, who)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_inside_comes_with_the_interval_of_wilson() {
        let of = |inside, patients| {
            let pattern = "labs".to_owned();
            Covered { method: "stack".to_owned(), pattern, inside, patients }.share()
        };
        // By hand: n = 100, p = 0.95.
        let (share, [low, high]) = of(95, 100).expect("patients");
        assert_eq!(share, 0.95);
        assert!((low - 0.8882).abs() < 1e-4 && (high - 0.9785).abs() < 1e-4, "{low} {high}");
        assert_eq!(of(0, 0), None);
    }

    #[test]
    fn a_part_of_the_evidence_keeps_those_who_have_all_of_it() {
        let column = |values: [Option<f64>; 3]| values.into_iter().collect::<Float64Array>();
        let risk = vec![column([Some(0.1), Some(0.2), None]), column([Some(0.3), None, Some(0.4)])];
        let evidence = Evidence { age_seconds: risk.clone(), risk };
        let (left, who) = only(&evidence, 0b10);
        assert_eq!((left.risk[0].null_count(), left.risk[1].null_count()), (3, 1));
        assert_eq!(who, [true, false, true]);
        assert_eq!(only(&evidence, 0b11).1, [true, false, false]);
    }
}

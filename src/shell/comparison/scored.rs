//! From feature tables to the risks of every method, each patient by models that have not seen it.

use super::folds::{Fold, Late};
use crate::fuse::methods::{METHODS, build};
use crate::fuse::package::{Method, Package};
use crate::fuse::{Evidence, Fuser};
use crate::modality::Registry;
use crate::shell::datasets::Stay;
use crate::shell::tables::{Tables, Taken};
use crate::types::Risk;
use anyhow::bail;
use arrow::array::{Array, Float64Array};

/// What kind of score a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Late fusion with fitted parameters.
    Fitted,
    /// Late fusion by a fixed rule.
    Pool,
    /// Early fusion: one model over all features.
    Early,
    /// One modality by itself.
    Alone,
}

/// The columns of every scored table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// Name and kind of each.
    pub of: Vec<(String, Kind)>,
}

/// \[stays\] of \[columns\] risk; NaN = no risk.
pub type Scored = Vec<Vec<f64>>;

/// The folds' models and methods, ready to score.
pub struct Judges {
    /// The columns that [`Self::score`] fills.
    pub columns: Columns,
    registry: Registry,
    folds: Vec<(Fold, Vec<Box<dyn Fuser>>)>,
    /// Fold of each stay; `None`: in none of them.
    fold_of: Vec<Option<usize>>,
}

impl Judges {
    /// Builds every method of every fold: the fitted ones, then the pools with their defaults.
    ///
    /// # Errors
    /// Parameters that a method refuses.
    pub fn new(
        folds: Vec<Fold>,
        package: &Package,
        registry: &Registry,
        stays: &[Stay],
    ) -> anyhow::Result<Self> {
        let fold_of = stays
            .iter()
            .map(|stay| folds.iter().position(|f| f.patients.contains(stay.patient.as_str())))
            .collect();
        let mut columns = Vec::new();
        let Some(first) = folds.first() else { bail!("no folds") };
        columns.extend(first.fusion.iter().map(|(name, _)| (name.clone(), Kind::Fitted)));
        let pools = || METHODS.iter().filter(|m| first.fusion.iter().all(|(n, _)| n != m.name));
        columns.extend(pools().map(|method| (method.name.to_owned(), Kind::Pool)));
        columns.extend(first.early.iter().map(|(name, _)| (name.clone(), Kind::Early)));
        for ((_, modality), late) in registry.iter().zip(&first.late) {
            columns
                .extend(late.as_ref().map(|_| (format!("{} alone", modality.name), Kind::Alone)));
        }
        let plain: Vec<Method> = pools()
            .map(|m| Method { name: m.name.to_owned(), parameters: toml::Table::new() })
            .collect();
        let members = package.members(registry);
        let fusers = |fold: &Fold| {
            let methods = fold.fusion.iter().map(|(_, method)| method).chain(&plain);
            let built: Result<Vec<_>, _> = methods.map(|method| build(method, &members)).collect();
            built.map_err(|mistakes| anyhow::anyhow!("a fusion method: {mistakes:?}"))
        };
        let fusers: Vec<_> = folds.iter().map(fusers).collect::<anyhow::Result<_>>()?;
        let folds = folds.into_iter().zip(fusers).collect();
        Ok(Self { columns: Columns { of: columns }, registry: registry.clone(), folds, fold_of })
    }

    /// How many stays are in a fold.
    pub fn judged(&self) -> usize {
        self.fold_of.iter().flatten().count()
    }

    /// The folds.
    pub fn folds(&self) -> impl Iterator<Item = &Fold> {
        self.folds.iter().map(|(fold, _)| fold)
    }

    /// Fold of a stay of the data set; `None`: in none.
    pub(super) fn fold_of(&self, stay: usize) -> Option<usize> {
        self.fold_of.get(stay).copied().flatten()
    }

    /// How many modalities the registry has.
    pub(super) fn modalities(&self) -> usize {
        self.registry.iter().count()
    }

    /// The folds, each with its fitted methods in the order of `Fold::fusion`.
    pub(super) fn fitted(&self) -> impl Iterator<Item = (&Fold, &[Box<dyn Fuser>])> {
        self.folds.iter().map(|(fold, fusers)| (fold, &fusers[..fold.fusion.len()]))
    }

    /// The risks of every stay as of the `time`-th time of the tables.
    pub fn score(&self, tables: &Tables, time: usize) -> Scored {
        let mut scored = vec![vec![f64::NAN; self.columns.of.len()]; self.fold_of.len()];
        for (f, (fold, fusers)) in self.folds.iter().enumerate() {
            let stays: Vec<usize> =
                (0..self.fold_of.len()).filter(|stay| self.fold_of[*stay] == Some(f)).collect();
            let rows: Vec<&[Option<Taken>]> =
                stays.iter().map(|stay| tables.at(*stay, time)).collect();
            let evidence = evidence(&fold.late, &rows, self.registry.iter().count());
            for (column, fuser) in fusers.iter().enumerate() {
                let fused = fuser.fuse(&evidence).risk;
                for (i, stay) in stays.iter().enumerate().filter(|(i, _)| fused.is_valid(*i)) {
                    scored[*stay][column] = fused.value(i);
                }
            }
            let mut column = fusers.len();
            for (_, model) in &fold.early {
                for (row, stay) in rows.iter().zip(&stays) {
                    let risk =
                        side_by_side(fold, row).and_then(|x| model.risk_of(model.margin(&x)));
                    scored[*stay][column] = risk.map_or(f64::NAN, Risk::get);
                }
                column += 1;
            }
            for (m, _) in fold.late.iter().enumerate().filter(|(_, late)| late.is_some()) {
                let own = &evidence.risk[m];
                for (i, stay) in stays.iter().enumerate().filter(|(i, _)| own.is_valid(*i)) {
                    scored[*stay][column] = own.value(i);
                }
                column += 1;
            }
        }
        scored
    }
}

/// The modalities' calibrated risks and ages; those without a model are absent.
pub(super) fn evidence(
    models: &[Option<Late>],
    rows: &[&[Option<Taken>]],
    modalities: usize,
) -> Evidence {
    let taken = |row: &&[Option<Taken>], m: usize| row.get(m).cloned().flatten();
    let risk = |m: usize| -> Float64Array {
        let late = models.get(m).and_then(Option::as_ref);
        let of = |row| {
            let (late, taken) = (late?, taken(row, m)?);
            late.model.risk_of(late.model.margin(&taken.values)).map(Risk::get)
        };
        rows.iter().map(of).collect()
    };
    let risk: Vec<Float64Array> = (0..modalities).map(risk).collect();
    let age = |m: usize| -> Float64Array {
        let of = |(i, row)| {
            risk[m].is_valid(i).then(|| taken(row, m).map(|t| t.age.as_seconds())).flatten()
        };
        rows.iter().enumerate().map(of).collect()
    };
    let age_seconds = (0..modalities).map(age).collect();
    Evidence { risk, age_seconds }
}

/// What an early model sees; `None` where every modality is absent.
fn side_by_side(fold: &Fold, row: &[Option<Taken>]) -> Option<Vec<f64>> {
    let mut values = Vec::new();
    let mut some = false;
    for (m, late) in fold.late.iter().enumerate() {
        let Some(late) = late else { continue };
        match row.get(m).and_then(Option::as_ref) {
            Some(taken) => {
                some = true;
                values.extend_from_slice(&taken.values);
                values.push(taken.age.as_seconds());
            }
            None => values.extend(std::iter::repeat_n(f64::NAN, late.inputs.len() + 1)),
        }
    }
    some.then_some(values)
}

//! From a lookback to feature rows: what each statistic takes of the observations known at a spot.
//!
//! Everything is summed in whole steps and milliseconds, so that no sum depends on an order.

use super::lookback::Lookback;
use super::packed::{Observed, Spot, columns};
use super::sequence::Steps;
use super::{FeatureSpec, Statistic};
use crate::modality::Modality;
use crate::types::{MAX_COLUMNS, Span};
use arrow::array::{ArrayRef, Float64Builder, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Schema};
use std::sync::Arc;

/// A scorer asks for a column that its modality does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the modality {modality} has no column `{column}`")]
pub struct UnknownColumn {
    /// Name of the modality.
    pub modality: &'static str,
    /// The column asked for.
    pub column: &'static str,
}

#[derive(Clone, Copy, Debug)]
struct Feature {
    column: u8,
    statistic: Statistic,
    /// Milliseconds, at most the lookback.
    within: i64,
    steps_per_unit: f64,
    /// Index of its sum; of no meaning for features of the newest value.
    sum: usize,
}

/// What is summed once for all features of one column and span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Summed {
    column: u8,
    /// Milliseconds, at most the lookback.
    within: i64,
}

impl Feature {
    const fn is_of_newest(&self) -> bool {
        matches!(self.statistic, Statistic::Last | Statistic::SecondsSince)
    }

    const fn is_of_step(&self) -> bool {
        matches!(self.statistic, Statistic::StepMean(_))
    }
}

/// The features of one model, collected row by row into columns.
pub(super) struct Features {
    features: Vec<Feature>,
    schema: Arc<Schema>,
    columns: Vec<Float64Builder>,
    rows: usize,
    /// Columns whose newest value is asked for, and how far back.
    newest: (u64, i64),
    /// What the features that read every value need, in order of column; where each column's begin and end; and how
    /// far back the widest goes.
    sums: (Vec<Summed>, Vec<std::ops::Range<usize>>, i64),
    /// Those that are steps of a sequence.
    steps: Steps,
    scratch: Vec<Sum>,
    /// Age and steps of the newest value of each column of the modality, while a row is made.
    found: Vec<(i64, i16)>,
}

/// What is summed of one column; ages in milliseconds, values in steps.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    count: i64,
    lowest: i16,
    highest: i16,
    values: i64,
    ages: i128,
    squared_ages: i128,
    products: i128,
}

impl Features {
    /// The features of `specs`, none of them wider than the lookback.
    pub(super) fn new(
        specs: &[FeatureSpec],
        modality: &'static Modality,
        lookback: Span,
    ) -> Result<Self, UnknownColumn> {
        let feature = |spec: &FeatureSpec| {
            let unknown = UnknownColumn { modality: modality.name, column: spec.column };
            let column = modality
                .column(spec.column)
                .filter(|c| usize::from(*c) < MAX_COLUMNS)
                .ok_or(unknown)?;
            let steps_per_unit = modality.columns[usize::from(column)].steps_per_unit;
            let within = spec.within.min(lookback).as_millis();
            Ok(Feature { column, statistic: spec.statistic, within, steps_per_unit, sum: 0 })
        };
        let mut features: Vec<Feature> = specs.iter().map(feature).collect::<Result<_, _>>()?;
        let sums = share_sums(&mut features, modality.columns.len());
        let field = |spec: &FeatureSpec| Field::new(spec.to_string(), DataType::Float64, true);
        let fields: Vec<Field> = specs.iter().map(field).collect();
        let of_newest = features.iter().filter(|feature| feature.is_of_newest());
        let newest = of_newest
            .fold((0, 0), |(mask, within), f| (mask | 1u64 << f.column, f.within.max(within)));
        let mut steps = Steps::new(lookback);
        for (i, (feature, spec)) in features.iter().zip(specs).enumerate() {
            if let Statistic::StepMean(back) = spec.statistic {
                steps.add(i, feature.column, spec.within, back);
            }
        }
        Ok(Self {
            columns: features.iter().map(|_| Float64Builder::new()).collect(),
            schema: Arc::new(Schema::new(fields)),
            rows: 0,
            newest,
            scratch: vec![Sum::default(); sums.0.len()],
            found: vec![(i64::MAX, 0); modality.columns.len()],
            sums,
            steps,
            features,
        })
    }

    /// Widest feature span; at least a millisecond.
    pub(super) fn span(&self) -> Span {
        Span::millis(self.newest.1.max(self.sums.2).max(self.steps.reach()).max(1))
    }

    /// How many rows were collected since the last batch.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Adds the row of a patient as known at a spot: event time at or before its, first issued at or before its.
    pub(super) fn append(&mut self, lookback: &Lookback, spot: Spot) {
        let at = spot.event_time.as_millis();
        let known = |row: &Observed| row.time <= at && row.issued <= spot.issued.as_millis();
        let (mut open, widest) = self.newest;
        // A column that the patient has never had is not looked for through the whole lookback.
        open &= lookback.any_columns();
        let newest = &mut self.found;
        newest.fill((i64::MAX, 0));
        for row in lookback.newest_first() {
            if open == 0 || at - row.time >= widest {
                break;
            }
            let found = row.mask & open;
            if found != 0 && known(&row) {
                open &= !found;
                for column in columns(found) {
                    newest[column as usize] = (at - row.time, lookback.steps(&row, column));
                }
            }
        }
        if !self.sums.0.is_empty() {
            self.sum(lookback.newest_first().filter(known), lookback, at);
        }
        if self.steps.reach() > 0 {
            self.steps.collect(lookback.newest_first().filter(known), lookback, at);
        }
        for (i, (feature, column)) in self.features.iter().zip(&mut self.columns).enumerate() {
            let value = if feature.is_of_step() {
                self.steps.mean(i).map(|steps| steps / feature.steps_per_unit)
            } else if feature.is_of_newest() {
                let (age, steps) = self.found[usize::from(feature.column)];
                (age < feature.within).then(|| match feature.statistic {
                    Statistic::Last => f64::from(steps) / feature.steps_per_unit,
                    _ => age as f64 / 1e3,
                })
            } else {
                self.scratch[feature.sum].value(feature)
            };
            column.append_option(value);
        }
        self.rows += 1;
    }

    fn sum(&mut self, known: impl Iterator<Item = Observed>, lookback: &Lookback, at: i64) {
        self.scratch.fill(Sum::default());
        let (summed, of_column, widest) = &self.sums;
        for row in known.take_while(|row| at - row.time < *widest) {
            let age = at - row.time;
            for column in columns(row.mask) {
                let range = of_column.get(column as usize).cloned().unwrap_or_default();
                if range.is_empty() {
                    continue;
                }
                let steps = lookback.steps(&row, column);
                for i in range.filter(|i| age < summed[*i].within) {
                    self.scratch[i].add(age, steps);
                }
            }
        }
    }

    /// The rows collected, which are forgotten; `None` if the columns do not fit their schema, which they do.
    pub(super) fn take(&mut self) -> Option<RecordBatch> {
        let columns =
            self.columns.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef).collect();
        let options =
            RecordBatchOptions::new().with_row_count(Some(std::mem::take(&mut self.rows)));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options).ok()
    }
}

/// Gives every feature that reads more than the newest value its sum; features of one column and span share one.
fn share_sums(
    features: &mut [Feature],
    modality_columns: usize,
) -> (Vec<Summed>, Vec<std::ops::Range<usize>>, i64) {
    let summed_by = |f: &Feature| Summed { column: f.column, within: f.within };
    let of_every = features.iter().filter(|f| !f.is_of_newest() && !f.is_of_step());
    let mut summed: Vec<Summed> = of_every.map(summed_by).collect();
    summed.sort_unstable();
    summed.dedup();
    for feature in features.iter_mut() {
        feature.sum = summed.binary_search(&summed_by(feature)).unwrap_or(0);
    }
    let of_column = (0..modality_columns).map(|column| {
        let begin = summed.partition_point(|s| usize::from(s.column) < column);
        begin..summed.partition_point(|s| usize::from(s.column) <= column)
    });
    let of_column = of_column.collect();
    let widest = summed.iter().map(|s| s.within).max().unwrap_or(0);
    (summed, of_column, widest)
}

impl Sum {
    fn add(&mut self, age: i64, steps: i16) {
        let (lowest, highest) =
            if self.count == 0 { (steps, steps) } else { (self.lowest, self.highest) };
        self.lowest = lowest.min(steps);
        self.highest = highest.max(steps);
        self.count += 1;
        self.values += i64::from(steps);
        self.ages += i128::from(age);
        self.squared_ages += i128::from(age) * i128::from(age);
        self.products += i128::from(age) * i128::from(steps);
    }

    fn value(&self, feature: &Feature) -> Option<f64> {
        if feature.statistic == Statistic::Count {
            return Some(self.count as f64);
        }
        let steps = match feature.statistic {
            _ if self.count == 0 => return None,
            Statistic::Min => f64::from(self.lowest),
            Statistic::Max => f64::from(self.highest),
            Statistic::Slope => self.slope_per_hour()?,
            _ => self.values as f64 / self.count as f64,
        };
        Some(steps / feature.steps_per_unit)
    }

    /// Least squares over time, which runs against age; `None`: all values are of one time.
    fn slope_per_hour(&self) -> Option<f64> {
        let count = i128::from(self.count);
        let spread = count * self.squared_ages - self.ages * self.ages;
        let together = count * self.products - self.ages * i128::from(self.values);
        (spread != 0).then(|| -(together as f64) / spread as f64 * 3.6e6)
    }
}

//! Reading the feature batch row by row, without an allocation per row.

use arrow::array::{Array, Float64Array, Float64Builder, RecordBatch};

use super::Scores;

/// The N columns of a feature batch. A column that is not there or not `Float64` reads as null throughout:
/// a scorer is total, and whoever built the batch is held to the scorer's inputs elsewhere.
pub(super) struct Rows<'a, const N: usize> {
    columns: [Option<&'a Float64Array>; N],
    rows: usize,
}

impl<'a, const N: usize> Rows<'a, N> {
    pub(super) fn of(batch: &'a RecordBatch) -> Self {
        debug_assert_eq!(batch.num_columns(), N, "one column for each input");
        let column = |i: usize| batch.columns().get(i)?.as_any().downcast_ref::<Float64Array>();
        Self { columns: std::array::from_fn(column), rows: batch.num_rows() }
    }

    /// The values of each row in the order of the inputs; `None` = null, NaN or infinite.
    pub(super) fn iter(&self) -> impl Iterator<Item = [Option<f64>; N]> {
        (0..self.rows).map(|row| {
            self.columns.map(|column| {
                let column = column.filter(|c| c.is_valid(row))?;
                Some(column.value(row)).filter(|value| value.is_finite())
            })
        })
    }

    pub(super) fn len(&self) -> usize {
        self.rows
    }
}

/// Scores with bounds, filled row by row.
pub(super) struct ScoresBuilder {
    score: Float64Builder,
    lower: Float64Builder,
    upper: Float64Builder,
}

impl ScoresBuilder {
    pub(super) fn with_capacity(rows: usize) -> Self {
        let column = || Float64Builder::with_capacity(rows);
        Self { score: column(), lower: column(), upper: column() }
    }

    /// Adds a row: its lowest score, which is the sum of what is known, and its highest; `None` = cannot be scored.
    pub(super) fn push(&mut self, bounds: Option<[f64; 2]>) {
        self.score.append_option(bounds.map(|[lower, _]| lower));
        self.lower.append_option(bounds.map(|[lower, _]| lower));
        self.upper.append_option(bounds.map(|[_, upper]| upper));
    }

    pub(super) fn finish(mut self) -> Scores {
        Scores {
            score: self.score.finish(),
            bounds: Some([self.lower.finish(), self.upper.finish()]),
        }
    }
}

/// A feature batch for the scorers' tests: each inner slice is a row, by input name; what is not named is null.
#[cfg(test)]
pub(super) fn batch(scorer: &dyn super::Scorer, rows: &[&[(usize, f64)]]) -> RecordBatch {
    use arrow::datatypes::{DataType, Field, Schema};
    use std::sync::Arc;
    let inputs = scorer.inputs();
    let field = |(i, spec): (usize, &super::FeatureSpec)| {
        Field::new(format!("{i}_{}", spec.column), DataType::Float64, true)
    };
    let fields: Vec<Field> = inputs.iter().enumerate().map(field).collect();
    let column = |i: usize| {
        let value = |row: &&[(usize, f64)]| row.iter().find(|(at, _)| *at == i).map(|(_, v)| *v);
        Arc::new(rows.iter().map(value).collect::<Float64Array>()) as _
    };
    let columns = (0..inputs.len()).map(column).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("columns match the fields")
}

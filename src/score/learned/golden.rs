//! Golden vectors: `{"rows": [[...], ...], "expected": [[...], ...]}`, what the model must give for some rows.
//!
//! `rows` is \[n x inputs\] as the score stage would compute them (before scaling), null = not known; a sequence is
//! written step by step, the oldest first. `expected` is \[n\] or \[n x 1\] raw scores from the library that made the model.

use super::scorer::LearnedScorer;
use crate::score::Scorer;
use arrow::array::{ArrayRef, Float64Array, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Schema};
use serde::Deserialize;
use std::sync::Arc;

/// How far a score may be from the expected one, relative to it where it is above 1.
pub const TOLERANCE: f64 = 1e-5;
/// Rows of the largest batch that a model is tried with: more are cut, so that this bounds what a run asks for.
const LARGEST_BATCH: usize = 1_024;
/// Fewest and most golden rows.
const ROWS: std::ops::RangeInclusive<usize> = 1..=100_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Golden {
    rows: Vec<Vec<Option<f64>>>,
    expected: Vec<Expected>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Expected {
    One(f64),
    List([f64; 1]),
}

/// Compares every row, all at once and one alone; returns how many and the largest difference.
pub(super) fn compare(scorer: &LearnedScorer, json: &str) -> Result<(usize, f64), String> {
    let golden: Golden =
        serde_json::from_str(json).map_err(|error| format!("golden vectors: {error}"))?;
    let (rows, inputs) = (golden.rows.len(), scorer.inputs().len());
    if !ROWS.contains(&rows) || golden.expected.len() != rows {
        return Err("golden vectors: there must be rows, and an expected score for each".to_owned());
    }
    if let Some(row) = golden.rows.iter().find(|row| row.len() != inputs) {
        return Err(format!(
            "golden vectors: a row has {} values, and the manifest {inputs} inputs",
            row.len()
        ));
    }
    let failed = |why: String| format!("golden vectors: {why}");
    let scores = scorer.try_score(&batch(&golden.rows, inputs)).map_err(failed)?;
    let mut worst = 0.0_f64;
    for (row, (score, expected)) in scores.iter().zip(&golden.expected).enumerate() {
        let expected = match expected {
            Expected::One(score) | Expected::List([score]) => *score,
        };
        let difference = (score - expected).abs() / expected.abs().max(1.0);
        if difference.is_nan() || difference > TOLERANCE {
            return Err(format!(
                "golden vectors: row {row} scores {score}, and {expected} is expected (tolerance {TOLERANCE})"
            ));
        }
        worst = worst.max(difference);
    }
    // A graph with a fixed batch size answers one of these and not the other; one that mixes rows answers them differently.
    for count in [1, LARGEST_BATCH] {
        let repeated: Vec<_> = golden.rows.iter().cycle().take(count).cloned().collect();
        let again = scorer.try_score(&batch(&repeated, inputs)).map_err(failed)?;
        let differs =
            |(one, other): (&f64, &f64)| (one - other).abs() > TOLERANCE * one.abs().max(1.0);
        if let Some(row) = scores.iter().cycle().zip(&again).position(differs) {
            return Err(format!(
                "golden vectors: row {row} of {count} scores otherwise than among {rows}: rows must not see each other"
            ));
        }
    }
    Ok((rows, worst))
}

/// Rows as the score stage hands them over.
fn batch(rows: &[Vec<Option<f64>>], inputs: usize) -> RecordBatch {
    let fields: Vec<Field> =
        (0..inputs).map(|i| Field::new(format!("{i}"), DataType::Float64, true)).collect();
    let column = |i: usize| {
        let values: Float64Array = rows.iter().map(|row| row.get(i).copied().flatten()).collect();
        Arc::new(values) as ArrayRef
    };
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    let columns = (0..inputs).map(column).collect();
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
        .expect("as many columns as fields, all of the same length")
}

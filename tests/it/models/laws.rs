//! What holds for every learned scorer, whatever its kind.

use super::golden::Golden;
use super::packages::{FILES, load, package};
use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use std::sync::Arc;

/// The golden rows of a fixture as the score stage hands them over.
fn batch(file: &str) -> RecordBatch {
    let golden = Golden::of(file);
    let column = |i: usize| {
        let values = golden.rows.iter().skip(i).step_by(golden.features);
        let values: Float64Array = values.map(|x| Some(*x).filter(|x| !x.is_nan())).collect();
        Arc::new(values) as ArrayRef
    };
    let fields: Vec<Field> =
        (0..golden.features).map(|i| Field::new(format!("{i}"), DataType::Float64, true)).collect();
    let columns = (0..golden.features).map(column).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("columns fit their fields")
}

#[test]
fn the_cut_into_batches_never_shows_to_the_last_bit() {
    let mut compared = 0;
    for file in FILES {
        let model = load(&package(file, "fixture", "1")).expect("it loads");
        let (scorer, batch) = (model.scorer(), batch(file));
        let bits = |batch: &RecordBatch| -> Vec<Option<u64>> {
            scorer.score(batch).score.iter().map(|score| score.map(f64::to_bits)).collect()
        };
        let whole = bits(&batch);
        let rows = batch.num_rows();
        for size in [1, 2, 3, 5, 8, 17, 33] {
            let starts = (0..rows).step_by(size);
            let parts = starts.flat_map(|at| bits(&batch.slice(at, size.min(rows - at))));
            let differing: Vec<usize> = parts
                .zip(&whole)
                .enumerate()
                .filter(|(_, (part, whole))| part != *whole)
                .map(|(row, _)| row)
                .collect();
            assert!(differing.is_empty(), "{file} in batches of {size}: rows {differing:?}");
            compared += rows;
        }
    }
    println!("{compared} scores compared");
    assert!(compared > 3_000, "only {compared} scores were compared");
}

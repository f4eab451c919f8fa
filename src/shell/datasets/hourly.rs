//! The hourly table of the eICU demo: Parquet, one row per stay and hour, one nullable number per parameter.

use super::account::Skip;
use super::collect::{Collector, TableId};
use super::eicu_demo::Known;
use super::eicu_tables::HOURLY;
use super::{DatasetError, io_error};
use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, DurationSecondType, Float64Type, Int64Type, TimeUnit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;
use std::fs::File;
use std::path::Path;

pub(super) fn read(
    path: &Path,
    collector: &mut Collector<'_>,
    table: TableId,
    known: &Known,
) -> Result<(), DatasetError> {
    let parquet_error = |source| DatasetError::Parquet { path: path.to_owned(), source };
    let file = File::open(path).map_err(io_error(path))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(|builder| builder.with_batch_size(8_192).build())
        .map_err(parquet_error)?;
    for batch in reader {
        let batch = batch.map_err(|e| parquet_error(ParquetError::from(e)))?;
        let missing = |column| DatasetError::Column { path: path.to_owned(), column };
        let stays = whole_column(&batch, "stay_id").ok_or_else(|| missing("stay_id"))?;
        let hours = hour_column(&batch).ok_or_else(|| missing("time"))?;
        take_batch(collector, table, known, &batch, (&stays, &hours));
    }
    Ok(())
}

fn whole_column(batch: &RecordBatch, name: &str) -> Option<Int64Array> {
    let column = cast(batch.column_by_name(name)?, &DataType::Int64).ok()?;
    column.as_primitive_opt::<Int64Type>().cloned()
}

/// Minutes from admission to the end of each row's hour.
fn hour_column(batch: &RecordBatch) -> Option<Vec<Option<i32>>> {
    let seconds = DataType::Duration(TimeUnit::Second);
    let column = cast(batch.column_by_name("time")?, &seconds).ok()?;
    let column = column.as_primitive_opt::<DurationSecondType>()?;
    let minute = |s: i64| i32::try_from(s.checked_add(3_600)?.div_euclid(60)).ok();
    Some(column.iter().map(|seconds| seconds.and_then(minute)).collect())
}

fn numbers(column: &ArrayRef) -> Option<Float64Array> {
    cast(column, &DataType::Float64).ok()?.as_primitive_opt::<Float64Type>().cloned()
}

fn take_batch(
    collector: &mut Collector<'_>,
    table: TableId,
    known: &Known,
    batch: &RecordBatch,
    (stays, hours): (&Int64Array, &[Option<i32>]),
) {
    collector.account(table).rows += batch.num_rows() as u64;
    for (column, field) in batch.columns().iter().zip(batch.schema().fields()) {
        if matches!(field.name().as_str(), "stay_id" | "time") {
            continue;
        }
        let parameter = HOURLY.iter().position(|p| p.name == field.name());
        let (Some(parameter), Some(values)) = (parameter, numbers(column)) else {
            for _ in 0..column.len() - column.null_count() {
                collector.skip(table, Skip::UnknownParameter, "");
            }
            continue;
        };
        let name = HOURLY[parameter].name;
        for row in (0..values.len()).filter(|row| values.is_valid(*row)) {
            let value = values.value(row);
            let stay = stays.is_valid(row).then(|| known.get(&stays.value(row))).flatten();
            match (stay, hours.get(row).copied().flatten()) {
                (None, _) => collector.skip(table, Skip::UnknownStay, name),
                (_, None) => collector.skip(table, Skip::Unparsable, name),
                _ if value.is_nan() => {} // how this table's maker writes an empty cell
                (Some(stay), Some(minute)) => {
                    collector.add(table, parameter, *stay, minute, value);
                }
            }
        }
    }
}

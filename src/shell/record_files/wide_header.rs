//! The columns that wide tables of all modalities share: whom, when, which version.

use super::wide::status_of;
use crate::types::{
    Event, EventStatus, EventTime, Fault, IssueTime, ModalityId, ObservationId, PatientId,
    RejectReason, Values,
};
use arrow::array::{
    Array, ArrayRef, AsArray, RecordBatch, StringArray, TimestampMillisecondArray, UInt32Array,
    UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Int32Type, TimeUnit, TimestampMillisecondType, UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;

/// The columns that all modalities have, of one batch.
pub(super) struct Header {
    patients: Patients,
    event_time: TimestampMillisecondArray,
    issued: TimestampMillisecondArray,
    id: Option<UInt64Array>,
    version: Option<UInt32Array>,
    status: Option<StringArray>,
}

impl Header {
    pub(super) fn of(batch: &RecordBatch, places: &[Option<usize>; 6]) -> Result<Self, ArrowError> {
        let [patient, event_time, issued, id, version, status] =
            places.map(|place| place.map(|place| batch.column(place)));
        let missing = || ArrowError::SchemaError("a required column is missing".to_owned());
        let convert = |column: Option<&ArrayRef>, to| column.map(|c| cast(c, to)).transpose();
        Ok(Self {
            patients: Patients::of(patient.ok_or_else(missing)?)?,
            event_time: times(event_time.ok_or_else(missing)?)?,
            issued: times(issued.ok_or_else(missing)?)?,
            id: convert(id, &DataType::UInt64)?.map(|c| c.as_primitive::<UInt64Type>().clone()),
            version: convert(version, &DataType::UInt32)?
                .map(|c| c.as_primitive::<UInt32Type>().clone()),
            status: convert(status, &DataType::Utf8)?.map(|c| c.as_string::<i32>().clone()),
        })
    }

    pub(super) fn has_id(&self, row: usize) -> bool {
        self.id.as_ref().is_some_and(|id| id.is_valid(row))
    }

    /// The event of a row, without its values.
    pub(super) fn event(&self, row: usize, modality: ModalityId) -> Result<Event, Fault> {
        let patient = self.patients.get(row)?;
        let event_time = time(&self.event_time, row, "event_time")?;
        let issued = time(&self.issued, row, "issued")?.max(event_time);
        let id = self.id.as_ref().filter(|id| id.is_valid(row)).map_or(0, |id| id.value(row));
        let version = self.version.as_ref().filter(|v| v.is_valid(row));
        let status = match self.status.as_ref().filter(|s| s.is_valid(row)) {
            None => EventStatus::Final,
            Some(codes) => status_of(codes.value(row)).ok_or_else(|| {
                Fault::new(RejectReason::BadStatus, "status is no code of an observation")
            })?,
        };
        Ok(Event {
            patient,
            modality,
            id: ObservationId(id),
            event_time: EventTime::from_millis(event_time),
            issued: IssueTime::from_millis(issued),
            version: version.map_or(0, |v| v.value(row)),
            status,
            values: Values::default(),
        })
    }
}

fn times(column: &ArrayRef) -> Result<TimestampMillisecondArray, ArrowError> {
    let DataType::Timestamp(_, zone) = column.data_type() else {
        return Err(ArrowError::SchemaError("a time is no timestamp".to_owned()));
    };
    let millis = cast(column, &DataType::Timestamp(TimeUnit::Millisecond, zone.clone()))?;
    Ok(millis.as_primitive::<TimestampMillisecondType>().clone())
}

fn time(times: &TimestampMillisecondArray, row: usize, name: &'static str) -> Result<i64, Fault> {
    if times.is_null(row) {
        return Err(Fault::new(RejectReason::MissingField, format!("{name} is required")));
    }
    let millis = times.value(row);
    let before = || Fault::new(RejectReason::BadTime, format!("{name} lies before 1970"));
    if millis < 0 { Err(before()) } else { Ok(millis) }
}

/// The patient column: checked once per distinct value where the batch has a dictionary of them.
enum Patients {
    Plain(StringArray),
    Keyed(Vec<Option<u32>>, Vec<Result<PatientId, Fault>>),
}

impl Patients {
    fn of(column: &ArrayRef) -> Result<Self, ArrowError> {
        if let DataType::Dictionary(_, _) = column.data_type() {
            let of = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            let column = cast(column, &of)?;
            let dictionary = column.as_dictionary::<Int32Type>();
            let texts = dictionary.values().as_string::<i32>();
            // A dictionary shared by many batches can hold far more patients than this one.
            if texts.len() <= dictionary.len() {
                let key = |key: Option<i32>| key.and_then(|k| u32::try_from(k).ok());
                let checked = texts.iter().map(|text| patient(text.unwrap_or_default()));
                return Ok(Self::Keyed(
                    dictionary.keys().iter().map(key).collect(),
                    checked.collect(),
                ));
            }
        }
        Ok(Self::Plain(cast(column, &DataType::Utf8)?.as_string::<i32>().clone()))
    }

    fn get(&self, row: usize) -> Result<PatientId, Fault> {
        match self {
            Self::Plain(texts) if texts.is_valid(row) => patient(texts.value(row)),
            Self::Plain(_) => patient(""),
            Self::Keyed(keys, checked) => {
                let key = keys.get(row).copied().flatten();
                let known = key.and_then(|key| checked.get(key as usize));
                known.cloned().unwrap_or_else(|| patient(""))
            }
        }
    }
}

fn patient(text: &str) -> Result<PatientId, Fault> {
    PatientId::new(text).map_err(|e| Fault::new(RejectReason::BadPatientId, e.to_string()))
}

//! Vital signs: any number of parameters measured at one time.
//!
//! On the wire a parameter is a plain number named with its unit (`"temperature_celsius": 38.1`) or, from a source that
//! charts in another unit, a quantity named without (`"temperature": {"value": 100.6, "unit": "[degF]"}`).
//! A record is used as a whole or not at all: one implausible parameter rejects it.

use super::header::{self, Header, TimeFields};
use super::json::{self, Reader, missing, twice, unknown_field};
use super::units::{self, Unit};
use super::wire::Writer;
use super::{Column, DefaultPolicy, Modality};
use crate::types::{Event, EventStatus, Fault, ModalityId, RejectReason, Span, Values};

/// How a parameter is written.
#[derive(Clone, Copy, Debug)]
pub enum Wire {
    /// A number in the column's unit, or a quantity `name` in one of `units`.
    Quantity {
        /// The quantity's field name, without a unit.
        name: &'static str,
        /// What its unit may be.
        units: &'static [Unit],
    },
    /// A whole number.
    Score,
    /// A text: the value of each is its place in this list, from 0.
    Choice(&'static [&'static str]),
}

/// A column and how it is written.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// The column; its name is also the field's.
    pub column: Column,
    /// How it is written.
    pub wire: Wire,
}

/// Consciousness as the ACVPU scale of NEWS2, in the order of the column's numbers: 0 alert, 1 new confusion,
/// 2 responds to voice, 3 responds to pain, 4 unresponsive.
pub const ACVPU: [&str; 5] = ["A", "C", "V", "P", "U"];
/// What the patient breathes: 0 room air, 1 supplemental oxygen. Left out means unknown, never air.
pub const OXYGEN: [&str; 2] = ["air", "supplemental"];

const fn quantity(
    name: &'static str,
    units: &'static [Unit],
    column: (&'static str, f64, [f64; 2], Option<&'static str>),
) -> Parameter {
    Parameter { column: plain(column), wire: Wire::Quantity { name, units } }
}

const fn plain(column: (&'static str, f64, [f64; 2], Option<&'static str>)) -> Column {
    let (name, steps_per_unit, plausible, loinc) = column;
    Column { name, steps_per_unit, plausible, loinc }
}

/// The parameters in column order.
///
/// Ranges hold what a living patient, or one being resuscitated, can have; they keep out what a sensor reports that is
/// off, open or being zeroed. They are ours, chosen against the CinC 2012 recordings, and wide on purpose.
pub static PARAMETERS: [Parameter; 12] = [
    // 0 is asystole; ventricular flutter ends near 300.
    quantity(
        "heart_rate",
        &units::PER_MINUTE,
        ("heart_rate_per_min", 10.0, [0.0, 350.0], Some("8867-4")),
    ),
    // 0 is apnoea; monitors stop counting at 120 to 150.
    quantity(
        "respiratory_rate",
        &units::PER_MINUTE,
        ("respiratory_rate_per_min", 10.0, [0.0, 150.0], Some("9279-1")),
    ),
    // Oximeters are not validated below 70; a probe off the finger reports 0 to 30.
    quantity("spo2", &units::PERCENT, ("spo2_percent", 10.0, [30.0, 100.0], Some("59408-5"))),
    // NEWS2 scale 1 or 2; 2 only on a clinician's documented decision.
    Parameter { column: plain(("spo2_scale", 1.0, [1.0, 2.0], None)), wire: Wire::Score },
    Parameter { column: plain(("oxygen", 1.0, [0.0, 1.0], None)), wire: Wire::Choice(&OXYGEN) },
    // High-flow systems deliver up to 60 to 80 L/min.
    quantity(
        "oxygen_flow",
        &units::LITRES_PER_MINUTE,
        ("oxygen_flow_l_per_min", 10.0, [0.0, 100.0], Some("3151-8")),
    ),
    // An open or zeroed arterial line reports 0 or less, a flushed one 300 and more.
    quantity(
        "systolic_pressure",
        &units::PRESSURE,
        ("systolic_pressure_mmhg", 10.0, [20.0, 350.0], Some("8480-6")),
    ),
    quantity(
        "diastolic_pressure",
        &units::PRESSURE,
        ("diastolic_pressure_mmhg", 10.0, [5.0, 300.0], Some("8462-4")),
    ),
    quantity(
        "mean_pressure",
        &units::PRESSURE,
        ("mean_pressure_mmhg", 10.0, [10.0, 330.0], Some("8478-0")),
    ),
    // A probe that fell out measures the room: 18 to 25; survivors of accidental hypothermia below 20 are single cases.
    quantity(
        "temperature",
        &units::TEMPERATURE,
        ("temperature_celsius", 100.0, [20.0, 45.0], Some("8310-5")),
    ),
    Parameter {
        column: plain(("consciousness", 1.0, [0.0, 4.0], None)),
        wire: Wire::Choice(&ACVPU),
    },
    // Glasgow Coma Scale, sum of its three parts.
    Parameter { column: plain(("gcs_total", 1.0, [3.0, 15.0], Some("9269-2"))), wire: Wire::Score },
];

/// The columns of [`PARAMETERS`].
pub static COLUMNS: [Column; PARAMETERS.len()] = {
    let (mut columns, mut i) = ([PARAMETERS[0].column; PARAMETERS.len()], 0);
    while i < columns.len() {
        columns[i] = PARAMETERS[i].column;
        i += 1;
    }
    columns
};

/// Hashes of the column names, so that ids survive a change of the columns' order.
static NAME_HASHES: [u64; COLUMNS.len()] = {
    let (mut hashes, mut i) = ([0; COLUMNS.len()], 0);
    while i < hashes.len() {
        hashes[i] = header::hash(PARAMETERS[i].column.name.as_bytes());
        i += 1;
    }
    hashes
};

static TIMES: TimeFields =
    TimeFields { event: "event_time", issued: "issued", issued_required: false };

/// Vital signs.
pub static VITALS: Modality = Modality {
    name: "vitals",
    topic: "vitals",
    columns: &COLUMNS,
    decode,
    ward: DefaultPolicy {
        validity: Span::minutes(15),
        half_life: Span::minutes(10),
        gating: true,
        out_of_orderness: Some(Span::seconds(10)),
        lookback: Span::hours(1),
    },
    hourly: DefaultPolicy {
        validity: Span::hours(6),
        half_life: Span::hours(4),
        gating: true,
        out_of_orderness: Some(Span::seconds(10)),
        lookback: Span::hours(48),
    },
};

/// Reads one record.
///
/// # Errors
/// The first fault, in the order of the text; then what is missing.
pub fn decode(payload: &[u8], modality: ModalityId) -> Result<Event, Fault> {
    let mut header = Header::new(&TIMES);
    let mut values = Values::default();
    let mut next = 0;
    json::read_record(payload, |name, reader| {
        if header.take(name, reader)? {
            return Ok(());
        }
        let place = find(name, next).ok_or_else(unknown_field)?;
        next = place + 1;
        take_parameter(place, name, reader, &mut values)
    })?;
    check_status(&header, &values)?;
    let subject = subject(&values);
    header.finish(modality, subject, values)
}

/// Vitals are not ordered in advance; and a record without parameters must say which one it is about.
fn check_status(header: &Header, values: &Values) -> Result<(), Fault> {
    match header.status() {
        EventStatus::Registered => {
            Err(Fault::new(RejectReason::BadStatus, "vitals cannot be registered in advance"))
        }
        EventStatus::Preliminary | EventStatus::Corrected if values.is_empty() => {
            Err(missing("a parameter"))
        }
        _ if values.is_empty() && !header.has_id() => Err(missing("a parameter or an id")),
        _ => Ok(()),
    }
}

/// What was observed, as a number: which columns, whatever their order in the record.
fn subject(values: &Values) -> u64 {
    values.iter().fold(0, |sum: u64, (column, _)| {
        sum.wrapping_add(NAME_HASHES.get(usize::from(column)).copied().unwrap_or(0))
    })
}

/// The parameter that a field is about. Sources keep an order of fields: `next` is looked at first.
fn find(name: &str, next: usize) -> Option<usize> {
    let is_named = |at: &usize| {
        PARAMETERS.get(*at).is_some_and(|parameter| match parameter.wire {
            _ if parameter.column.name == name => true,
            Wire::Quantity { name: quantity, .. } => quantity == name,
            _ => false,
        })
    };
    (next..PARAMETERS.len()).chain(0..next).find(is_named)
}

/// Reads the value of the parameter at `place`, whose field is called `name`.
fn take_parameter(
    place: usize,
    name: &str,
    reader: &mut Reader<'_>,
    values: &mut Values,
) -> Result<(), Fault> {
    let Some(Parameter { column, wire }) = PARAMETERS.get(place) else { return Ok(()) };
    if reader.take_null() {
        return Ok(());
    }
    let value = match wire {
        Wire::Quantity { units, .. } if column.name != name => {
            read_quantity(reader, column.name, units)?
        }
        wire => read_plain(reader, column.name, *wire)?,
    };
    if values.get(place as u8).is_some() {
        return Err(twice(column.name));
    }
    VITALS.set(values, place as u8, value)
}

fn read_plain(reader: &mut Reader<'_>, field: &'static str, wire: Wire) -> Result<f64, Fault> {
    match wire {
        Wire::Quantity { .. } => reader.number(field),
        Wire::Score => reader.whole(field).map(f64::from),
        Wire::Choice(choices) => {
            let text = reader.text(field)?;
            let place = choices.iter().position(|choice| *choice == text);
            place.map(|i| i as f64).ok_or_else(|| {
                let detail = format!("{field} must be one of {}", choices.join(", "));
                Fault::new(RejectReason::UnknownCode, detail)
            })
        }
    }
}

/// Reads `{"value": …, "unit": …}` into the column's unit.
fn read_quantity(
    reader: &mut Reader<'_>,
    field: &'static str,
    units: &'static [Unit],
) -> Result<f64, Fault> {
    let (mut value, mut unit) = (None, None);
    reader.object(field, |name, reader| match name {
        "value" => header::set(&mut value, "value", reader, |r, _| r.number(field)),
        "unit" => {
            header::set(&mut unit, "unit", reader, |r, f| units::find(units, field, &r.text(f)?))
        }
        _ => Err(unknown_field()),
    })?;
    let (value, unit) =
        (value.ok_or_else(|| missing("value"))?, unit.ok_or_else(|| missing("unit"))?);
    Ok(unit.to_column(value))
}

/// Appends an event as one JSON record. `id` is the source's own id, which the event keeps only a hash of;
/// where it is `None` readers derive the same id from the event time and the columns.
pub fn encode(event: &Event, id: Option<&str>, out: &mut String) {
    let mut writer = Writer::start(out);
    writer.header(event, &TIMES, id);
    for (column, steps) in event.values.iter() {
        let Some(parameter) = PARAMETERS.get(usize::from(column)) else { continue };
        let name = parameter.column.name;
        match parameter.wire {
            Wire::Choice(choices) => {
                let choice = usize::try_from(steps).ok().and_then(|i| choices.get(i));
                writer.text(name, choice.copied().unwrap_or_default());
            }
            _ => writer.number(name, parameter.column.to_value(steps)),
        }
    }
    writer.end();
}

#[cfg(test)]
#[path = "vitals_tests.rs"]
mod tests;

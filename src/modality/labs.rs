//! Laboratory results: one analyte an event, known only when the laboratory issues it.
//!
//! A result at the limit of an assay comes as text with a comparator (`"value": "<0.01"`). It is kept as the nearest
//! value of the column's resolution that satisfies it: a troponin T of `<0.01` ng/mL as 0.009, a lactate of `>=15` as 15.
//! Only blood is read: a code for another fluid is unknown here, whatever its label says.

use super::analytes::{ANALYTES, Analyte, COLUMNS, Naming};
use super::header::{self, Header, TimeFields};
use super::json::{self, Reader, missing, unknown_field};
use super::units;
use super::wire::Writer;
use super::{Column, DefaultPolicy, Modality};
use crate::types::{Event, EventStatus, Fault, ModalityId, RejectReason, Span, Values};

static TIMES: TimeFields =
    TimeFields { event: "specimen_time", issued: "result_time", issued_required: true };

/// Laboratory results.
pub static LABS: Modality = Modality {
    name: "labs",
    topic: "labs",
    columns: &COLUMNS,
    decode,
    ward: DefaultPolicy {
        validity: Span::hours(24),
        half_life: Span::hours(12),
        gating: false,
        out_of_orderness: None,
        lookback: Span::days(7),
    },
    hourly: DefaultPolicy {
        validity: Span::hours(36),
        half_life: Span::hours(24),
        gating: false,
        out_of_orderness: None,
        lookback: Span::days(7),
    },
};

/// A result as reported.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Reported {
    Number(f64),
    Below(f64),
    AtMost(f64),
    Above(f64),
    AtLeast(f64),
}

#[derive(Clone, Copy, Debug)]
struct Named {
    column: u8,
    analyte: &'static Analyte,
    naming: &'static Naming,
}

/// Reads one record.
///
/// # Errors
/// The first fault, in the order of the text; then what is missing or does not fit together.
pub fn decode(payload: &[u8], modality: ModalityId) -> Result<Event, Fault> {
    let mut header = Header::new(&TIMES);
    let (mut by_name, mut by_code, mut value, mut unit) = (None, None, None, None);
    json::read_record(payload, |name, reader| match name {
        "analyte" => header::set(&mut by_name, "analyte", reader, |r, f| {
            let name = r.text(f)?;
            find(f, |naming| naming.name == name)
        }),
        "loinc" => header::set(&mut by_code, "loinc", reader, |r, f| {
            let code = r.text(f)?;
            find(f, |naming| naming.loinc.contains(&&*code))
        }),
        "value" => header::set(&mut value, "value", reader, read_reported),
        "unit" => header::set(&mut unit, "unit", reader, Reader::text),
        _ if header.take(name, reader)? => Ok(()),
        _ => Err(unknown_field()),
    })?;
    let named = agree(by_name, by_code)?;
    let mut values = Values::default();
    if let Some(reported) = value {
        let unit = unit.ok_or_else(|| missing("unit"))?;
        let unit = units::find(named.naming.units, named.naming.name, &unit)?;
        let value = reported.value(&named.analyte.column, |v| unit.to_column(v));
        LABS.set(&mut values, named.column, value)?;
    }
    check_status(header.status(), &values)?;
    header.finish(modality, header::hash(named.analyte.column.name.as_bytes()), values)
}

/// The analyte whose naming fits.
fn find(field: &str, fits: impl Fn(&Naming) -> bool) -> Result<Named, Fault> {
    for (i, analyte) in ANALYTES.iter().enumerate() {
        if let Some(naming) = analyte.namings.iter().find(|naming| fits(naming)) {
            return Ok(Named { column: i as u8, analyte, naming });
        }
    }
    let detail = format!("{field} is none of the blood analytes known");
    Err(Fault::new(RejectReason::UnknownCode, detail))
}

/// The one analyte that name and code, as far as given, agree on.
fn agree(by_name: Option<Named>, by_code: Option<Named>) -> Result<Named, Fault> {
    match (by_name, by_code) {
        (Some(name), Some(code)) if name.naming != code.naming => {
            let detail = "analyte and loinc name different analytes";
            Err(Fault::new(RejectReason::UnknownCode, detail))
        }
        (Some(named), _) | (None, Some(named)) => Ok(named),
        (None, None) => Err(missing("analyte or loinc")),
    }
}

/// A result to come has no value yet; one that replaces another must have one.
fn check_status(status: EventStatus, values: &Values) -> Result<(), Fault> {
    match status {
        EventStatus::Registered if !values.is_empty() => {
            Err(Fault::new(RejectReason::BadStatus, "a registered result has no value yet"))
        }
        EventStatus::Preliminary | EventStatus::Corrected if values.is_empty() => {
            Err(missing("value"))
        }
        _ => Ok(()),
    }
}

fn read_reported(reader: &mut Reader<'_>, field: &'static str) -> Result<Reported, Fault> {
    if !reader.at_text() {
        return reader.number(field).map(Reported::Number);
    }
    let text = reader.text(field)?;
    let wanted = || json::mismatch(field, "a number, or a comparator and a number as text");
    let (comparator, digits): (fn(f64) -> Reported, &str) = [
        ("<=", Reported::AtMost as fn(f64) -> Reported),
        (">=", Reported::AtLeast),
        ("<", Reported::Below),
        (">", Reported::Above),
    ]
    .into_iter()
    .find_map(|(sign, make)| text.strip_prefix(sign).map(|digits| (make, digits)))
    .ok_or_else(wanted)?;
    let is_plain = digits.split('.').count() <= 2
        && digits.split('.').all(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()));
    let limit = if is_plain { digits.parse().ok() } else { None };
    limit.map(comparator).ok_or_else(wanted)
}

impl Reported {
    /// The value in the column's unit; for a bound the nearest step that satisfies it.
    fn value(self, column: &Column, to_column: impl Fn(f64) -> f64) -> f64 {
        let (limit, strictly, upwards) = match self {
            Self::Number(number) => return to_column(number),
            Self::Below(limit) => (limit, true, false),
            Self::AtMost(limit) => (limit, false, false),
            Self::Above(limit) => (limit, true, true),
            Self::AtLeast(limit) => (limit, false, true),
        };
        let exact = to_column(limit) * column.steps_per_unit;
        // A limit that is a whole step but for the noise of the conversion is that step.
        let nearest = exact.round();
        let is_step = (exact - nearest).abs() < 1e-6;
        let steps = match (is_step, upwards) {
            (true, true) => nearest + f64::from(u8::from(strictly)),
            (true, false) => nearest - f64::from(u8::from(strictly)),
            (false, true) => exact.ceil(),
            (false, false) => exact.floor(),
        };
        steps / column.steps_per_unit
    }
}

/// Appends an event about the analyte of `column` as one JSON record. `id` is the source's own id, which the event
/// keeps only a hash of; where it is `None` readers derive the same id from the specimen time and the analyte.
pub fn encode(event: &Event, column: u8, id: Option<&str>, out: &mut String) {
    let mut writer = Writer::start(out);
    writer.header(event, &TIMES, id);
    let analyte = ANALYTES.get(usize::from(column));
    if let Some((analyte, naming)) = analyte.and_then(|a| Some((a, a.namings.first()?))) {
        writer.text("analyte", naming.name);
        if let Some(steps) = event.values.get(column) {
            writer.number("value", analyte.column.to_value(steps));
            let unit = naming.units.first().and_then(|unit| unit.names.first());
            writer.text("unit", unit.copied().unwrap_or_default());
        }
    }
    writer.end();
}

#[cfg(test)]
#[path = "labs_tests.rs"]
mod tests;

//! Imaging reports: what was seen in one study, as probabilities that a finding is present.
//!
//! Structured findings are used directly where a report has them; otherwise its text is read.

use super::findings::{self, FINDINGS};
use super::header::{self, Header, TimeFields};
use super::json::{self, Reader, missing, twice, unknown_field};
use super::wire::Writer;
use super::{Column, DefaultPolicy, Modality};
use crate::types::{Event, EventStatus, Fault, ModalityId, RejectReason, Span, Values};

/// A kind of study.
#[derive(Debug, PartialEq)]
pub struct Procedure {
    /// Name on the wire.
    pub name: &'static str,
    /// LOINC codes that mean it.
    pub loinc: &'static [&'static str],
}

/// The kinds of study; `other` for everything else, so that no report is lost for want of a name.
pub static PROCEDURES: [Procedure; 9] = [
    Procedure { name: "xr_chest", loinc: &["30746-2", "36643-5"] },
    Procedure { name: "xr_abdomen", loinc: &[] },
    Procedure { name: "xr_skeleton", loinc: &[] },
    Procedure { name: "ct_head", loinc: &["30799-1"] },
    Procedure { name: "ct_chest", loinc: &["24627-2"] },
    Procedure { name: "ct_abdomen", loinc: &[] },
    Procedure { name: "mr_head", loinc: &[] },
    Procedure { name: "ultrasound", loinc: &[] },
    Procedure { name: "other", loinc: &["18748-4"] },
];

/// A column for each of [`FINDINGS`], of the same name: the probability that it is present, 0 to 1.
/// Null: the report says nothing of it, which is not the same as absent.
pub static COLUMNS: [Column; FINDINGS.len()] = {
    let none = Column { name: "", steps_per_unit: 10_000.0, plausible: [0.0, 1.0], loinc: None };
    let (mut columns, mut i) = ([none; FINDINGS.len()], 0);
    while i < columns.len() {
        columns[i].name = FINDINGS[i];
        i += 1;
    }
    columns
};

static TIMES: TimeFields =
    TimeFields { event: "study_time", issued: "report_time", issued_required: true };

/// Imaging reports.
pub static IMAGING: Modality = Modality {
    name: "imaging",
    topic: "imaging-reports",
    columns: &COLUMNS,
    decode,
    ward: DefaultPolicy {
        validity: Span::hours(72),
        half_life: Span::hours(48),
        gating: false,
        out_of_orderness: None,
        lookback: Span::days(7),
    },
    hourly: DefaultPolicy {
        validity: Span::hours(96),
        half_life: Span::hours(72),
        gating: false,
        out_of_orderness: None,
        lookback: Span::days(7),
    },
};

/// Reads one record.
///
/// # Errors
/// The first fault, in the order of the text; then what is missing; then what the report text lacks.
pub fn decode(payload: &[u8], modality: ModalityId) -> Result<Event, Fault> {
    let mut header = Header::new(&TIMES);
    let (mut procedure, mut listed, mut text) = (None, None, None);
    json::read_record(payload, |name, reader| match name {
        "procedure" => header::set(&mut procedure, "procedure", reader, read_procedure),
        "findings" => header::set(&mut listed, "findings", reader, read_findings),
        "text" => header::set(&mut text, "text", reader, Reader::text),
        _ if header.take(name, reader)? => Ok(()),
        _ => Err(unknown_field()),
    })?;
    let procedure = procedure.ok_or_else(|| missing("procedure"))?;
    let is_known = check_status(header.status(), listed.is_some() || text.is_some())?;
    let mut values = listed.unwrap_or_default();
    if let (true, Some(text)) = (is_known && values.is_empty(), &text) {
        for (column, probability) in findings::findings_from_text(text)? {
            IMAGING.set(&mut values, column, probability)?;
        }
    } else if is_known && values.is_empty() && text.is_none() && listed.is_some() {
        return Err(missing("at least one of the findings"));
    }
    header.finish(modality, header::hash(procedure.name.as_bytes()), values)
}

/// Checks that the status fits; true where the record says what was seen.
fn check_status(status: EventStatus, has_content: bool) -> Result<bool, Fault> {
    match status {
        EventStatus::Registered if has_content => {
            Err(Fault::new(RejectReason::BadStatus, "a registered study has no report yet"))
        }
        EventStatus::Preliminary | EventStatus::Corrected if !has_content => {
            Err(missing("findings or text"))
        }
        status => Ok(has_content && !status.withdraws()),
    }
}

fn read_procedure(
    reader: &mut Reader<'_>,
    field: &'static str,
) -> Result<&'static Procedure, Fault> {
    let text = reader.text(field)?;
    let known = PROCEDURES.iter().find(|p| p.name == text || p.loinc.contains(&&*text));
    known.ok_or_else(|| {
        let detail = "procedure is neither a name of the table nor one of its LOINC codes";
        Fault::new(RejectReason::UnknownCode, detail)
    })
}

fn read_findings(reader: &mut Reader<'_>, field: &'static str) -> Result<Values, Fault> {
    let mut values = Values::default();
    reader.array(field, |reader| {
        let (mut column, mut probability) = (None, None);
        reader.object("a finding", |name, reader| match name {
            "name" => header::set(&mut column, "name", reader, read_finding),
            "probability" => header::set(&mut probability, "probability", reader, Reader::number),
            _ => Err(unknown_field()),
        })?;
        let column = column.ok_or_else(|| missing("name"))?;
        let probability = probability.ok_or_else(|| missing("probability"))?;
        if values.get(column).is_some() {
            return Err(twice("a finding"));
        }
        IMAGING.set(&mut values, column, probability)
    })?;
    Ok(values)
}

fn read_finding(reader: &mut Reader<'_>, field: &'static str) -> Result<u8, Fault> {
    let text = reader.text(field)?;
    findings::column(&text)
        .ok_or_else(|| Fault::new(RejectReason::UnknownCode, "a finding that the table has not"))
}

/// Appends an event as one JSON record with structured findings. `id` is the source's own id, which the event keeps
/// only a hash of; where it is `None` readers derive the same id from the study time and the procedure.
pub fn encode(event: &Event, procedure: &Procedure, id: Option<&str>, out: &mut String) {
    let mut writer = Writer::start(out);
    writer.header(event, &TIMES, id);
    writer.text("procedure", procedure.name);
    if !event.values.is_empty() {
        writer.objects("findings", event.values.iter(), |writer, (column, steps)| {
            if let Some(spec) = COLUMNS.get(usize::from(column)) {
                writer.text("name", spec.name);
                writer.number("probability", spec.to_value(steps));
            }
        });
    }
    writer.end();
}

#[cfg(test)]
#[path = "imaging_tests.rs"]
mod tests;

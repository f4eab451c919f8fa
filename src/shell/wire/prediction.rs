//! The `predictions` topic: one JSON object for each [`LogEntry`], told apart by `kind`.

use super::control::{
    activation_of, heartbeat_of, stay_of, write_activation, write_heartbeat, write_stay,
};
use super::json::{Object, Text, float, read, record};
use super::parts::{
    ModelNames, Place, check_schema, missing, modality, patient, position_of, risk, time, unusable,
    word, write_position,
};
use super::topics::Names;
use crate::types::{
    EventTime, Fault, IngestTime, IssueTime, LogEntry, Outcome, Prediction, Scored,
};

pub(super) const SCHEMA: &str = "prediction/1";

record! {
    /// Every field of every kind, so that one pass reads a record whatever the order of its fields.
    struct Record {
        schema: Text<'a>,
        kind: Text<'a>,
        patient: Text<'a>,
        modality: Text<'a>,
        model: Text<'a>,
        source: Place<'a>,
        ingest_time: Text<'a>,
        predictions: Vec<Statement<'a>>,
        shadows: Vec<Shadow<'a>>,
        change: Text<'a>,
        event_time: Text<'a>,
        issued: Text<'a>,
        unit: Text<'a>,
        lane: Place<'a>,
        next_offset: i64,
        watermark: Text<'a>,
        idle: bool,
        clock: Text<'a>,
        lanes: u32,
        digest: Text<'a>,
        package: Text<'a>,
    }
}

record! {
    /// One prediction.
    struct Statement {
        event_time: Text<'a>,
        issued: Text<'a>,
        outcome: Text<'a>,
        risk: f64,
        score: f64,
        bounds: [f64; 2],
    }
}

record! {
    /// What one shadow model said.
    struct Shadow {
        model: Text<'a>,
        predictions: Vec<Statement<'a>>,
    }
}

/// Appends a log entry as one JSON object. A score or bound that is not finite is left out.
pub fn encode_entry(entry: &LogEntry, names: &Names, out: &mut Vec<u8>) {
    out.reserve(512);
    let mut object = Object::start(out);
    object.word("schema", SCHEMA);
    match entry {
        LogEntry::Scored(scored) => write_scored(&mut object, scored, names),
        LogEntry::Stay(stay) => write_stay(&mut object, stay, names),
        LogEntry::Heartbeat(heartbeat) => write_heartbeat(&mut object, heartbeat, names),
        LogEntry::Activation(activation) => write_activation(&mut object, activation),
    }
    object.end();
}

/// Reads a log entry. Whether the record's key agrees is [`super::check_key`]'s to say.
///
/// # Errors
/// `Undecodable`, `WrongType`, `MissingField`, `BadPatientId`, `BadTime`, `BadActivation` (a digest that is none), and
/// `BadPrediction` for another schema version, an unknown kind, topic, modality or word, or a value out of range.
pub fn decode_entry(
    payload: &[u8],
    names: &Names,
    models: &mut ModelNames,
) -> Result<LogEntry, Fault> {
    let record: Record<'_> = read(payload)?;
    check_schema(record.schema.as_ref(), SCHEMA)?;
    match record.kind.as_deref().ok_or_else(|| missing("kind"))? {
        "scored" => scored_of(&record, names, models).map(LogEntry::Scored),
        "stay" => stay_of(&record, names).map(LogEntry::Stay),
        "heartbeat" => heartbeat_of(&record, names).map(LogEntry::Heartbeat),
        "activation" => activation_of(&record).map(LogEntry::Activation),
        _ => Err(unusable("a kind of record that this version does not know")),
    }
}

fn write_scored(object: &mut Object<'_>, scored: &Scored, names: &Names) {
    object.word("kind", "scored");
    object.text("patient", scored.patient.as_str());
    object.text("modality", names.modality(scored.modality));
    object.text("model", &scored.model);
    write_position(object, "source", scored.source, names);
    object.time("ingest_time", scored.ingest_time.as_millis());
    object.array("predictions", &scored.predictions, write_statement);
    if !scored.shadows.is_empty() {
        object.array("shadows", &scored.shadows, |out, (model, predictions)| {
            let mut shadow = Object::start(out);
            shadow.text("model", model);
            shadow.array("predictions", predictions, write_statement);
            shadow.end();
        });
    }
}

fn write_statement(out: &mut Vec<u8>, prediction: &Prediction) {
    let mut object = Object::start(out);
    object.time("event_time", prediction.event_time.as_millis());
    object.time("issued", prediction.issued.as_millis());
    object.word("outcome", outcome_name(prediction.outcome));
    if let Outcome::Risk(risk) = prediction.outcome {
        object.float("risk", risk.get());
    }
    if let Some(score) = prediction.score.filter(|score| score.is_finite()) {
        object.float("score", score);
    }
    let bounds = prediction.bounds.filter(|bounds| bounds.iter().all(|bound| bound.is_finite()));
    if let Some(bounds) = bounds {
        object.array("bounds", bounds, float);
    }
    object.end();
}

/// The outcomes that carry nothing more than their name.
const BARE_OUTCOMES: [(Outcome, &str); 5] = [
    (Outcome::Uncalibrated, "uncalibrated"),
    (Outcome::Unscorable, "unscorable"),
    (Outcome::Withdrawn, "withdrawn"),
    (Outcome::Pending, "pending"),
    (Outcome::Rejected, "rejected"),
];

const fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Risk(_) => "risk",
        Outcome::Uncalibrated => "uncalibrated",
        Outcome::Unscorable => "unscorable",
        Outcome::Withdrawn => "withdrawn",
        Outcome::Pending => "pending",
        Outcome::Rejected => "rejected",
    }
}

fn scored_of(record: &Record<'_>, names: &Names, models: &mut ModelNames) -> Result<Scored, Fault> {
    let predictions = predictions_of(record.predictions.as_deref())?;
    if predictions.is_empty() {
        return Err(unusable("a scored record without a prediction"));
    }
    let model = record.model.as_deref().ok_or_else(|| missing("model"))?;
    let mut shadows = Vec::new();
    for shadow in record.shadows.iter().flatten() {
        let model = shadow.model.as_deref().ok_or_else(|| missing("shadows.model"))?;
        shadows.push((models.share(model), predictions_of(shadow.predictions.as_deref())?));
    }
    Ok(Scored {
        source: position_of(record.source.as_ref(), names)?,
        ingest_time: IngestTime::from_millis(time(record.ingest_time.as_ref(), "ingest_time")?),
        patient: patient(record.patient.as_ref())?,
        modality: modality(record.modality.as_ref(), names)?,
        model: models.share(model),
        predictions,
        shadows,
    })
}

fn predictions_of(statements: Option<&[Statement<'_>]>) -> Result<Vec<Prediction>, Fault> {
    let statements = statements.ok_or_else(|| missing("predictions"))?;
    statements.iter().map(prediction_of).collect()
}

fn prediction_of(statement: &Statement<'_>) -> Result<Prediction, Fault> {
    let outcome = match (statement.outcome.as_deref(), statement.risk) {
        (Some("risk"), Some(value)) => Outcome::Risk(risk(value)?),
        (Some("risk"), None) => return Err(missing("predictions.risk")),
        (Some(_), Some(_)) => return Err(unusable("a risk beside an outcome that has none")),
        _ => word(&BARE_OUTCOMES, statement.outcome.as_ref(), "predictions.outcome")?,
    };
    let event_time = time(statement.event_time.as_ref(), "predictions.event_time")?;
    let issued = time(statement.issued.as_ref(), "predictions.issued")?;
    Ok(Prediction {
        event_time: EventTime::from_millis(event_time),
        issued: IssueTime::from_millis(issued),
        outcome,
        score: statement.score,
        bounds: statement.bounds,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_without_a_risk_is_listed_under_its_name() {
        for (outcome, name) in BARE_OUTCOMES {
            assert_eq!(outcome_name(outcome), name);
            let wire = serde_json::to_string(&outcome).expect("a unit variant");
            assert_eq!(wire, format!("\"{name}\""));
        }
    }
}

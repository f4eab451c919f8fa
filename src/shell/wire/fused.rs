//! The `fused-scores` topic: what users read. Every field is always there; `null` says that there is none.

use super::json::{Entries, Object, Text, float, quoted, read, record};
use super::parts::{
    ModelNames, Place, check_schema, missing, patient, position_of, risk, time, unusable, word,
    write_position,
};
use super::topics::Names;
use super::words::{BANDS, PANES, STATUSES, band_name, notice, pane_name, status_name};
use crate::types::{
    Absence, Band, BandHeld, EventTime, Fault, FusedScore, FusedStatus, ModalityId, Presence,
    Present, Risk, Span, Window,
};

const SCHEMA: &str = "fused-score/1";

record! {
    /// One fused score.
    struct Record {
        schema: Text<'a>,
        patient: Text<'a>,
        window_start: Text<'a>,
        window_end: Text<'a>,
        pane: Text<'a>,
        revision: u32,
        status: Text<'a>,
        risk: f64,
        interval: [f64; 2],
        band: Text<'a>,
        band_held: Held<'a>,
        modalities: Entries<'a, Part<'a>>,
        unit: Text<'a>,
        package: Text<'a>,
    }
}

record! {
    /// A held band.
    struct Held {
        without_hold: Text<'a>,
        by: Vec<Text<'a>>,
    }
}

record! {
    /// One modality, present or absent.
    struct Part {
        presence: Text<'a>,
        event_time: Text<'a>,
        age_seconds: f64,
        risk: f64,
        weight: f64,
        contribution: f64,
        model: Text<'a>,
        source: Place<'a>,
        why: Text<'a>,
        newest_event_time: Text<'a>,
    }
}

/// Appends a fused score as one JSON object. A weight or contribution that is not finite becomes `null`, which readers
/// refuse.
pub fn encode_fused_score(score: &FusedScore, names: &Names, out: &mut Vec<u8>) {
    out.reserve(2_048);
    let mut object = Object::start(out);
    object.word("schema", SCHEMA);
    object.text("patient", score.patient.as_str());
    object.time("window_start", score.window.start().as_millis());
    object.time("window_end", score.window.end().as_millis());
    object.word("pane", pane_name(score.pane));
    object.whole("revision", score.revision);
    object.word("status", status_name(score.status));
    match score.risk {
        Some(risk) => object.float("risk", risk.get()),
        None => object.null("risk"),
    }
    match score.interval {
        Some(ends) => object.array("interval", ends.map(Risk::get), float),
        None => object.null("interval"),
    }
    write_band(&mut object, "band", score.band);
    write_held(&mut object, score.band_held, names);
    let mut modalities = object.object("modalities");
    for (id, presence) in (0..).map(ModalityId).zip(&score.modalities) {
        write_presence(&mut modalities, names.modality(id), presence, names);
    }
    modalities.end();
    object.optional_text("unit", score.unit.as_deref());
    object.text("package", &score.package);
    object.word("notice", notice(score));
    object.end();
}

fn write_band(object: &mut Object<'_>, name: &str, band: Option<Band>) {
    match band {
        Some(band) => object.word(name, band_name(band)),
        None => object.null(name),
    }
}

fn write_held(object: &mut Object<'_>, held: Option<BandHeld>, names: &Names) {
    let Some(held) = held else { return object.null("band_held") };
    let mut inner = object.object("band_held");
    write_band(&mut inner, "without_hold", held.without_hold);
    let by = (0..64).filter(|m| held.by >> m & 1 == 1).map(ModalityId);
    inner.array("by", by, |out, id| quoted(out, names.modality(id)));
    inner.end();
}

fn write_presence(object: &mut Object<'_>, name: &str, presence: &Presence, names: &Names) {
    let mut part = object.object(name);
    match presence {
        Presence::Present(present) => {
            part.word("presence", "present");
            part.time("event_time", present.event_time.as_millis());
            write_seconds(part.name("age_seconds"), present.age);
            part.float("risk", present.risk.get());
            part.float("weight", present.weight);
            part.float("contribution", present.contribution);
            part.text("model", &present.model);
            write_position(&mut part, "source", present.source, names);
        }
        Presence::Absent(why, newest) => {
            part.word("presence", "absent");
            part.word("why", why.name());
            part.optional_time("newest_event_time", newest.map(EventTime::as_millis));
        }
    }
    part.end();
}

/// Seconds with at most three decimals: `12`, `0.25`.
fn write_seconds(out: &mut Vec<u8>, span: Span) {
    let millis = span.as_millis();
    if millis % 1_000 == 0 {
        super::json::whole(out, millis / 1_000);
    } else {
        float(out, span.as_seconds());
    }
}

/// Reads a fused score. A modality of the configuration that the record does not name counts as `never`; one that the
/// configuration does not know is ignored.
///
/// # Errors
/// As [`super::decode_entry`]; and `BadPrediction` where risk, interval, status and presence contradict one another.
pub fn decode_fused_score(
    payload: &[u8],
    names: &Names,
    models: &mut ModelNames,
) -> Result<FusedScore, Fault> {
    let record: Record<'_> = read(payload)?;
    check_schema(record.schema.as_ref(), SCHEMA)?;
    let end = EventTime::from_millis(time(record.window_end.as_ref(), "window_end")?);
    let start = EventTime::from_millis(time(record.window_start.as_ref(), "window_start")?);
    if end <= start {
        return Err(unusable("a window that ends before it begins"));
    }
    let parts = record.modalities.as_ref().ok_or_else(|| missing("modalities"))?;
    let interval = match record.interval {
        Some([lower, upper]) => Some([risk(lower)?, risk(upper)?]),
        None => None,
    };
    let package = record.package.as_deref().ok_or_else(|| missing("package"))?;
    let score = FusedScore {
        patient: patient(record.patient.as_ref())?,
        window: Window::ending(end, end - start),
        pane: word(&PANES, record.pane.as_ref(), "pane")?,
        revision: record.revision.ok_or_else(|| missing("revision"))?,
        status: word(&STATUSES, record.status.as_ref(), "status")?,
        risk: record.risk.map(risk).transpose()?,
        interval,
        band: optional_band(record.band.as_ref(), "band")?,
        band_held: record.band_held.as_ref().map(|held| held_of(held, names)).transpose()?,
        modalities: presences(parts, names, models)?,
        unit: record.unit.as_deref().map(Into::into),
        package: package.into(),
    };
    check_sense(&score)?;
    Ok(score)
}

/// A risk exactly where a modality is present, an interval exactly with it, and the status to match.
fn check_sense(score: &FusedScore) -> Result<(), Fault> {
    let present = score.modalities.iter().any(|p| matches!(p, Presence::Present(_)));
    let has_risk = score.risk.is_some();
    let says_none = score.status == FusedStatus::InsufficientData;
    if has_risk == says_none || has_risk != present || has_risk != score.interval.is_some() {
        return Err(unusable("risk, interval, status and modalities contradict one another"));
    }
    Ok(())
}

fn optional_band(text: Option<&Text<'_>>, field: &'static str) -> Result<Option<Band>, Fault> {
    text.map(|text| word(&BANDS, Some(text), field)).transpose()
}

fn held_of(held: &Held<'_>, names: &Names) -> Result<BandHeld, Fault> {
    let mut by = 0;
    for name in held.by.as_ref().ok_or_else(|| missing("band_held.by"))? {
        let id = super::parts::modality(Some(name), names)?;
        by |= 1 << id.index().min(63);
    }
    let without_hold = optional_band(held.without_hold.as_ref(), "band_held.without_hold")?;
    Ok(BandHeld { without_hold, by })
}

fn presences(
    parts: &Entries<'_, Part<'_>>,
    names: &Names,
    models: &mut ModelNames,
) -> Result<Vec<Presence>, Fault> {
    let mut presences = vec![Presence::Absent(Absence::Never, None); names.modalities()];
    for (name, part) in &parts.0 {
        let known = names.find_modality(name).and_then(|id| presences.get_mut(id.index()));
        if let Some(presence) = known {
            *presence = presence_of(part, names, models)?;
        }
    }
    Ok(presences)
}

fn presence_of(part: &Part<'_>, names: &Names, models: &mut ModelNames) -> Result<Presence, Fault> {
    let event_time = |text: Option<&Text<'_>>| time(text, "event_time").map(EventTime::from_millis);
    match part.presence.as_deref().ok_or_else(|| missing("presence"))? {
        "present" => {
            let age = part.age_seconds.ok_or_else(|| missing("age_seconds"))?;
            let model = part.model.as_deref().ok_or_else(|| missing("model"))?;
            Ok(Presence::Present(Present {
                event_time: event_time(part.event_time.as_ref())?,
                // Saturates; ages are far below the 2^53 ms up to which this is exact.
                age: Span::millis((age * 1e3).round() as i64),
                risk: risk(part.risk.ok_or_else(|| missing("risk"))?)?,
                weight: part.weight.ok_or_else(|| missing("weight"))?,
                contribution: part.contribution.ok_or_else(|| missing("contribution"))?,
                model: models.share(model),
                source: position_of(part.source.as_ref(), names)?,
            }))
        }
        "absent" => {
            let words = Absence::ALL.map(|absence| (absence, absence.name()));
            let newest = part.newest_event_time.as_ref();
            Ok(Presence::Absent(
                word(&words, part.why.as_ref(), "why")?,
                newest.map(|text| event_time(Some(text))).transpose()?,
            ))
        }
        _ => Err(unusable("a presence that is neither present nor absent")),
    }
}

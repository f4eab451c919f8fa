//! Records that must be rejected, made from good ones.

use super::input::{Content, Input, Reported, SourceId, append, prepend};
use super::random::Random;
use crate::modality::analytes::ANALYTES;
use crate::types::{Encounter, Event, PatientId, RejectReason, Span};

/// A way to be bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadKind {
    /// JSON that ends in the middle.
    Malformed,
    /// A field that no schema has.
    UnknownField,
    /// A value in a unit that its quantity cannot have; vitals and labs.
    UnknownUnit,
    /// A value that nobody living has; vitals and labs.
    Implausible,
    /// The key names another patient.
    WrongKey,
    /// More bytes than are looked at.
    Oversized,
    /// From a day ahead.
    Future,
}

impl BadKind {
    /// All of them, in order.
    pub const ALL: [Self; 7] = [
        Self::Malformed,
        Self::UnknownField,
        Self::UnknownUnit,
        Self::Implausible,
        Self::WrongKey,
        Self::Oversized,
        Self::Future,
    ];

    /// Why it must be rejected.
    pub const fn reason(self) -> RejectReason {
        match self {
            Self::Malformed => RejectReason::Undecodable,
            Self::UnknownField => RejectReason::UnknownField,
            Self::UnknownUnit => RejectReason::UnknownUnit,
            Self::Implausible => RejectReason::ImplausibleValue,
            Self::WrongKey => RejectReason::KeyMismatch,
            Self::Oversized => RejectReason::Oversized,
            Self::Future => RejectReason::FutureEventTime,
        }
    }
}

/// A record that must be rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRecord {
    /// How it is bad.
    pub kind: BadKind,
    /// What is sent.
    pub bytes: Vec<u8>,
}

/// The first bytes of every record, which are names and texts: cut later, a number might be another number, and that be
/// the fault.
const WITHIN_TEXTS: usize = 50;

/// A bad record like `good`, with the same arrival; `id` is that of no other observation.
pub(super) fn spoil(
    good: &Input,
    id: SourceId,
    oversized_bytes: usize,
    random: &mut Random,
) -> Input {
    let kind = choose(&good.content, random);
    let mut bytes = text(&good.content, kind, id).into_bytes();
    match kind {
        BadKind::Malformed => bytes.truncate(1 + random.below(WITHIN_TEXTS.min(bytes.len()))),
        BadKind::Oversized => bytes.resize(oversized_bytes.max(bytes.len()), b' '),
        _ => {}
    }
    let key = if kind == BadKind::WrongKey { somebody_else(&good.key) } else { good.key.clone() };
    let content = Content::Bad(Box::new(BadRecord { kind, bytes }));
    Input { key, content, ..*good }
}

/// Values and their units are only in vitals and labs; giants are rarer than the rest, for they are big.
fn choose(content: &Content, random: &mut Random) -> BadKind {
    let kind = BadKind::ALL[random.below(BadKind::ALL.len())];
    let has_values = matches!(content, Content::Vitals(..) | Content::Lab(..));
    match kind {
        BadKind::UnknownUnit | BadKind::Implausible if !has_values => BadKind::UnknownField,
        BadKind::Oversized if random.chance(0.75) => BadKind::Malformed,
        kind => kind,
    }
}

/// The record's JSON, with what is bad in it where it is the JSON that is bad.
fn text(good: &Content, kind: BadKind, id: SourceId) -> String {
    let extra = match (kind, good) {
        (BadKind::UnknownField, _) => "\"vendor_note\":1",
        (BadKind::UnknownUnit | BadKind::Implausible, Content::Lab(event, id, reported)) => {
            return bad_lab(event, *id, reported.column, kind);
        }
        (BadKind::UnknownUnit, _) => "\"temperature\":{\"value\":98.6,\"unit\":\"furlong\"}",
        (BadKind::Implausible, _) => "\"heart_rate_per_min\":9999",
        (BadKind::Future, good) => return in_the_future(good, id).json(),
        _ => return good.json(),
    };
    // In front, so that it is the first fault of the record.
    let mut text = good.json();
    prepend(&mut text, extra);
    text
}

fn bad_lab(event: &Event, id: SourceId, column: u8, kind: BadKind) -> String {
    let mut text = Content::Lab(event.clone(), id, Reported { column, value: None }).json();
    let naming = ANALYTES.get(usize::from(column)).and_then(|a| a.namings.first());
    let unit = naming.and_then(|n| n.units.first()).and_then(|u| u.names.first());
    let (value, unit) = match kind {
        BadKind::Implausible => (-5, unit.copied().unwrap_or_default()),
        _ => (1, "furlong"),
    };
    append(&mut text, &format!("\"value\":{value},\"unit\":\"{unit}\""));
    text
}

/// The same said of tomorrow, as another observation.
fn in_the_future(good: &Content, id: SourceId) -> Content {
    const AHEAD: Span = Span::days(1);
    let later = |event: &Event| Event {
        id: id.observation(),
        event_time: event.event_time + AHEAD,
        issued: event.issued + AHEAD,
        ..event.clone()
    };
    match good {
        Content::Vitals(event, _) => Content::Vitals(later(event), id),
        Content::Lab(event, _, reported) => Content::Lab(later(event), id, *reported),
        Content::Imaging(event, _, report) => Content::Imaging(later(event), id, *report),
        Content::Encounter(encounter) => Content::Encounter(Encounter {
            event_time: encounter.event_time + AHEAD,
            issued: encounter.issued + AHEAD,
            ..encounter.clone()
        }),
        Content::Bad(bad) => Content::Bad(bad.clone()),
    }
}

/// A pseudonym that the ward gives nobody.
fn somebody_else(patient: &PatientId) -> PatientId {
    let text = format!("x{}", patient.as_str());
    PatientId::new(&text).unwrap_or_else(|_| patient.clone())
}

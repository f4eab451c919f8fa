//! What people write down: charted signs, laboratory results, reports; each with its versions.

use super::bed::{Source, Stay};
use super::input::{Content, Reported, SourceId};
use super::outbox::{Outbox, issue};
use super::panels::Test;
use super::random::Random;
use super::report::{FINDINGS, Report};
use super::statistics::Disturbance;
use super::tables::Tables;
use crate::types::{Event, EventStatus, EventTime, Feed, ModalityId, Span, Values};

/// What becomes of something written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Stands,
    Corrected,
    Withdrawn,
}

fn fate(travel: &mut Random, out: &Outbox<'_>) -> Fate {
    let rates = &out.config.rates;
    let is_corrected = travel.chance(rates.corrected);
    match (travel.chance(rates.entered_in_error), is_corrected) {
        (true, _) => Fate::Withdrawn,
        (false, true) => Fate::Corrected,
        (false, false) => Fate::Stands,
    }
}

/// Writes the versions of one observation.
struct Pen<'a, 'b> {
    stay: &'a Stay,
    travel: &'a mut Random,
    out: &'a mut Outbox<'b>,
    modality: ModalityId,
    id: SourceId,
    event_time: EventTime,
    versions: u32,
}

impl Pen<'_, '_> {
    /// The next version.
    fn write(
        &mut self,
        status: EventStatus,
        at: EventTime,
        values: Values,
        content: impl FnOnce(Event, SourceId) -> Content,
    ) {
        let event = Event {
            patient: self.stay.sender.patient.clone(),
            modality: self.modality,
            id: self.id.observation(),
            event_time: self.event_time,
            issued: issue(at),
            version: self.versions,
            status,
            values,
        };
        self.versions += 1;
        self.count(status);
        let content = content(event, self.id);
        let feed = Feed::Modality(self.modality);
        self.out.send(self.travel, &self.stay.sender, feed, at, content);
    }

    fn count(&mut self, status: EventStatus) {
        let disturbance = match status {
            EventStatus::Preliminary => Disturbance::Preliminary,
            EventStatus::Corrected => Disturbance::Corrected,
            EventStatus::Cancelled => Disturbance::Cancelled,
            EventStatus::EnteredInError => Disturbance::EnteredInError,
            EventStatus::Registered | EventStatus::Final => return,
        };
        self.out.statistics.count(disturbance);
    }
}

/// A nurse's round: the signs that no monitor has, and oxygen set by them. Charted up to 15 minutes later.
pub(super) fn chart(stay: &mut Stay, travel: &mut Random, now: EventTime, out: &mut Outbox<'_>) {
    let values = round(stay, now, out);
    let charted = now + stay.random.skewed_span(Span::seconds(10), Span::minutes(15));
    let revised = charted + stay.random.span(Span::minutes(10), Span::minutes(90));
    let id = stay.next_id(Source::Chart);
    let fate = fate(travel, out);
    let columns = &out.tables.columns;
    let mut first = values;
    if fate == Fate::Corrected {
        // Another patient's pulse and temperature.
        let (pulse, temperature) = (travel.between(50.0, 130.0), travel.between(355.0, 395.0));
        out.tables.set_vital(&mut first, columns.heart_rate, pulse.round());
        out.tables.set_vital(&mut first, columns.temperature, temperature.round() / 10.0);
    }
    let modality = out.tables.vitals;
    let mut pen = Pen { stay, travel, out, modality, id, event_time: now, versions: 0 };
    pen.write(EventStatus::Final, charted, first, Content::Vitals);
    match fate {
        Fate::Stands => {}
        Fate::Corrected => pen.write(EventStatus::Corrected, revised, values, Content::Vitals),
        Fate::Withdrawn => {
            pen.write(EventStatus::EnteredInError, revised, Values::default(), Content::Vitals);
        }
    }
}

/// What the nurse sees and does.
fn round(stay: &mut Stay, now: EventTime, out: &Outbox<'_>) -> Values {
    let severity = stay.course.severity;
    let signs = stay.body.signs(severity, now);
    stay.body.titrate_oxygen(signs.spo2);
    let flow = stay.body.oxygen_flow;
    let consciousness = stay.body.consciousness(severity);
    stay.charted_consciousness = consciousness;
    let [best, worst] = [[15, 15], [14, 13], [13, 11], [9, 7], [6, 3]][consciousness.min(4)];
    let gcs = best - stay.random.below(best - worst + 1);
    let noise = &mut stay.random;
    let pulse = signs.heart_rate + 1.5 * noise.normal();
    let breaths = signs.respiratory_rate + noise.normal();
    let temperature = signs.temperature + 0.1 * noise.normal();
    let (tables, columns) = (out.tables, &out.tables.columns);
    let mut values = Values::default();
    let mut set = |column, value| tables.set_vital(&mut values, column, value);
    set(columns.heart_rate, pulse.round());
    set(columns.respiratory_rate, breaths.round());
    set(columns.spo2, signs.spo2.round());
    set(columns.spo2_scale, if stay.body.scale_2 { 2.0 } else { 1.0 });
    set(columns.oxygen, if flow > 0.0 { 1.0 } else { 0.0 });
    if flow > 0.0 {
        set(columns.oxygen_flow, flow);
    }
    set(columns.systolic, signs.systolic.round());
    set(columns.diastolic, signs.diastolic.round());
    set(columns.temperature, (temperature * 10.0).round() / 10.0);
    set(columns.consciousness, consciousness as f64);
    set(columns.gcs, gcs as f64);
    values
}

/// Draws blood for the panels that are ordered now; `foreign`: this ward's laboratory reports in the other units.
pub(super) fn draw_blood(
    stay: &mut Stay,
    travel: &mut Random,
    foreign: bool,
    now: EventTime,
    out: &mut Outbox<'_>,
) {
    let latent = stay.latent();
    let ordered = out.tables.laboratory.order(&mut stay.random, latent);
    let tables = out.tables;
    for test in tables.laboratory.tests(ordered) {
        let exact = test.draw(&mut stay.random, latent);
        let times = LabTimes::draw(&mut stay.random, now, out.config.rates.preliminary);
        run_test(stay, travel, test, exact, foreign, &times, out);
    }
}

/// When the versions of one result are issued.
struct LabTimes {
    specimen: EventTime,
    registered: EventTime,
    first: EventTime,
    /// Where the first is preliminary.
    confirmed: Option<EventTime>,
    /// The final one says only that it is final.
    status_only: bool,
    revised: EventTime,
}

impl LabTimes {
    fn draw(random: &mut Random, specimen: EventTime, preliminary: f64) -> Self {
        let registered = specimen + random.span(Span::seconds(20), Span::minutes(5));
        let first = specimen + random.span(Span::minutes(20), Span::minutes(90));
        let confirmed = first + random.span(Span::minutes(5), Span::minutes(40));
        let revised = confirmed + random.span(Span::minutes(20), Span::hours(4));
        let confirmed = random.chance(preliminary).then_some(confirmed);
        let status_only = random.chance(0.5);
        Self { specimen, registered, first, confirmed, status_only, revised }
    }
}

fn run_test(
    stay: &mut Stay,
    travel: &mut Random,
    test: Test,
    exact: f64,
    foreign: bool,
    times: &LabTimes,
    out: &mut Outbox<'_>,
) {
    let id = stay.next_id(Source::Laboratory);
    let is_cancelled = travel.chance(out.config.rates.cancelled);
    let fate = fate(travel, out);
    let laboratory = &out.tables.laboratory;
    let right = laboratory.measure(test, exact, foreign);
    let first = match fate {
        Fate::Corrected => laboratory.measure(test, exact * travel.between(0.6, 1.5), foreign),
        _ => right,
    };
    let none = (Reported { column: test.column, value: None }, Values::default());
    let modality = out.tables.labs;
    let event_time = times.specimen;
    let mut pen = Pen { stay, travel, out, modality, id, event_time, versions: 0 };
    let mut write = |status, at, (reported, values)| {
        pen.write(status, at, values, |event, id| Content::Lab(event, id, reported));
    };
    write(EventStatus::Registered, times.registered, none);
    if is_cancelled {
        write(EventStatus::Cancelled, times.first, none);
        return;
    }
    match times.confirmed {
        None => write(EventStatus::Final, times.first, first),
        Some(confirmed) => {
            write(EventStatus::Preliminary, times.first, first);
            let confirms = if times.status_only { none } else { first };
            write(EventStatus::Final, confirmed, confirms);
        }
    }
    match fate {
        Fate::Stands => {}
        Fate::Corrected => write(EventStatus::Corrected, times.revised, right),
        Fate::Withdrawn => write(EventStatus::EnteredInError, times.revised, none),
    }
}

/// Makes a chest x-ray: ordered, dictated, signed, and at times completed by an addendum.
pub(super) fn image(stay: &mut Stay, travel: &mut Random, now: EventTime, out: &mut Outbox<'_>) {
    let latent = stay.latent();
    let report = Report::draw(&mut stay.random, latent);
    let random = &mut stay.random;
    let registered = now + random.span(Span::seconds(20), Span::minutes(5));
    let dictated = now + random.span(Span::minutes(20), Span::minutes(60));
    let signed = dictated + random.span(Span::minutes(20), Span::hours(8));
    let revised = signed + random.span(Span::minutes(30), Span::hours(12));
    let is_dictated = random.chance(0.7);
    let is_structured = random.chance(out.config.rates.structured);
    let id = stay.next_id(Source::Radiology);
    let is_cancelled = travel.chance(out.config.rates.cancelled);
    let fate = fate(travel, out);
    let tables = out.tables;
    let modality = tables.imaging;
    let mut pen = Pen { stay, travel, out, modality, id, event_time: now, versions: 0 };
    let mut write = |status, at, report: Option<Report>| {
        let structured = report.filter(|_| is_structured);
        let values = structured.map_or_else(Values::default, |r| findings(&r, tables));
        let text = report.filter(|_| !is_structured);
        pen.write(status, at, values, |event, id| Content::Imaging(event, id, text));
    };
    write(EventStatus::Registered, registered, None);
    if is_cancelled {
        write(EventStatus::Cancelled, dictated, None);
        return;
    }
    if is_dictated {
        write(EventStatus::Preliminary, dictated, Some(report));
    }
    write(EventStatus::Final, signed, Some(report));
    match fate {
        Fate::Stands => {}
        Fate::Corrected => write(EventStatus::Corrected, revised, Some(report.with_addendum())),
        Fate::Withdrawn => write(EventStatus::EnteredInError, revised, None),
    }
}

/// The report as structured findings; a clear one says so.
fn findings(report: &Report, tables: &Tables) -> Values {
    let mut values = Values::default();
    for i in 0..FINDINGS.len() {
        if let Some(probability) = report.statements[i].probability() {
            tables.set_finding(&mut values, tables.findings[i], probability);
        }
    }
    if report.is_clear() {
        tables.set_finding(&mut values, tables.no_acute_finding, 0.95);
    }
    values
}

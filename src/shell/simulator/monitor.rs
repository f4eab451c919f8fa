//! The bedside monitor: heart, breath and saturation all the time, pressure now and then, and its troubles.

use super::bed::{Source, Stay};
use super::config::Rates;
use super::course::STEP;
use super::input::Content;
use super::outbox::{Outbox, issue};
use super::physiology::Signs;
use super::random::Random;
use super::statistics::Disturbance;
use crate::types::{Event, EventStatus, EventTime, Feed, Span, Values};

/// A monitor and the radio it sends by.
#[derive(Clone, Debug)]
pub(super) struct Monitor {
    /// How far its clock is ahead; negative: behind.
    skew: Span,
    /// The Wi-Fi gap that is now or was last.
    gap: [EventTime; 2],
    /// When the cuff is inflated next.
    next_pressure: EventTime,
}

impl Monitor {
    /// Fast clocks stay below the five minutes from which events count as from the future.
    pub(super) fn new(travel: &mut Random, rates: &Rates) -> Self {
        let (off, slow) = (travel.chance(rates.skewed_clock), travel.chance(0.5));
        let slow_by = travel.span(Span::minutes(1), Span::minutes(9));
        let fast_by = travel.span(Span::minutes(1), Span::minutes(4));
        let skew = match (off, slow) {
            (false, _) => Span::ZERO,
            (true, true) => Span::ZERO - slow_by,
            (true, false) => fast_by,
        };
        Self { skew, gap: [EventTime::MIN; 2], next_pressure: EventTime::MIN }
    }

    /// A new patient.
    pub(super) fn connect(&mut self) {
        self.next_pressure = EventTime::MIN;
    }

    /// What the next minutes bring; returns for how long it is disconnected, mostly not at all.
    pub(super) fn step(
        &mut self,
        travel: &mut Random,
        now: EventTime,
        out: &mut Outbox<'_>,
    ) -> Span {
        let steps_per_day = Span::days(1).as_seconds() / STEP.as_seconds();
        let rates = &out.config.rates;
        if travel.chance(rates.gaps_per_day / steps_per_day) {
            let from = now + travel.span(Span::ZERO, STEP);
            self.gap = [from, from + travel.skewed_span(Span::seconds(5), Span::minutes(2))];
        }
        if !travel.chance(rates.disconnects_per_day / steps_per_day) {
            return Span::ZERO;
        }
        out.statistics.count(Disturbance::Disconnect);
        if travel.chance(0.8) {
            travel.span(Span::minutes(3), Span::minutes(20))
        } else {
            travel.span(Span::minutes(30), Span::hours(2))
        }
    }

    /// Sends one record.
    pub(super) fn send(
        &mut self,
        stay: &mut Stay,
        travel: &mut Random,
        now: EventTime,
        out: &mut Outbox<'_>,
    ) {
        let signs = self.measure(stay, travel, now, out);
        let with_pressure = now >= self.next_pressure;
        if with_pressure {
            let severity = stay.course.severity;
            let wait = Span::minutes(if severity > 0.5 { 10 } else { 20 });
            self.next_pressure = now + travel.about(wait);
        }
        let values = self.values(&signs, with_pressure, out);
        if self.skew != Span::ZERO {
            out.statistics.count(Disturbance::SkewedClock);
        }
        let shown = now + self.skew;
        let id = stay.next_id(Source::Monitor);
        let event = Event {
            patient: stay.sender.patient.clone(),
            modality: out.tables.vitals,
            id: id.observation(),
            event_time: shown,
            issued: issue(shown),
            version: 0,
            status: EventStatus::Final,
            values,
        };
        let sent = self.leaves(travel, now, out);
        let feed = Feed::Modality(out.tables.vitals);
        out.send(travel, &stay.sender, feed, sent, Content::Vitals(event, id));
    }

    fn measure(
        &self,
        stay: &Stay,
        travel: &mut Random,
        now: EventTime,
        out: &mut Outbox<'_>,
    ) -> Signs {
        let mut signs = stay.body.signs(stay.course.severity, now);
        signs.heart_rate += 1.5 * travel.normal();
        signs.respiratory_rate += 0.9 * travel.normal();
        signs.spo2 += 0.5 * travel.normal();
        signs.systolic += 3.0 * travel.normal();
        signs.diastolic += 2.0 * travel.normal();
        if travel.chance(out.config.rates.artefact) {
            out.statistics.count(Disturbance::Artefact);
            match travel.below(4) {
                0 => signs.spo2 = travel.between(45.0, 75.0), // a loose probe
                1 => signs.heart_rate *= 2.0,                 // T waves counted
                2 => signs.respiratory_rate = travel.between(40.0, 70.0), // movement
                _ => signs.heart_rate = travel.between(0.0, 25.0), // an electrode off
            }
        }
        signs
    }

    /// As monitors show them, in whole numbers.
    fn values(&self, signs: &Signs, with_pressure: bool, out: &Outbox<'_>) -> Values {
        let (tables, columns) = (out.tables, &out.tables.columns);
        let mut values = Values::default();
        tables.set_vital(&mut values, columns.heart_rate, signs.heart_rate.round());
        tables.set_vital(&mut values, columns.respiratory_rate, signs.respiratory_rate.round());
        tables.set_vital(&mut values, columns.spo2, signs.spo2.round());
        if with_pressure {
            let mean = (signs.systolic + 2.0 * signs.diastolic) / 3.0;
            tables.set_vital(&mut values, columns.systolic, signs.systolic.round());
            tables.set_vital(&mut values, columns.diastolic, signs.diastolic.round());
            tables.set_vital(&mut values, columns.mean, mean.round());
        }
        values
    }

    /// When a record of `now` leaves the monitor.
    fn leaves(&self, travel: &mut Random, now: EventTime, out: &mut Outbox<'_>) -> EventTime {
        let [from, until] = self.gap;
        if now >= from && now < until {
            out.statistics.count(Disturbance::HeldInGap);
            until + travel.span(Span::ZERO, Span::seconds(2))
        } else if travel.chance(out.config.rates.delayed) {
            out.statistics.count(Disturbance::Delayed);
            now + travel.skewed_span(Span::seconds(1), Span::seconds(45))
        } else {
            now
        }
    }
}

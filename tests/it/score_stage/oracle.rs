//! What every prediction must say, from the set of accepted events alone: slow, and nothing shared with the stage.

use super::bench::{MODALITY, term};
use latefusion::score::{FeatureSpec, Statistic};
use latefusion::types::{Event, EventStatus, EventTime, IssueTime, Span, Values};
use std::collections::BTreeMap;

/// One observation after all its versions.
#[derive(Clone, Debug, Default)]
struct Observation {
    /// (event time, first issue) where it stood, the last one being where it stands.
    places: Vec<(EventTime, IssueTime)>,
    values: Option<Values>,
    /// Registrations that were not cancelled or repeated elsewhere.
    registered: Vec<(EventTime, IssueTime)>,
}

/// One patient's observations by id.
#[derive(Clone, Debug, Default)]
pub(super) struct Oracle(BTreeMap<u64, Observation>);

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Truth {
    Score(f64),
    Pending,
    Withdrawn,
}

impl Oracle {
    /// Of one patient's accepted events, in any order.
    pub(super) fn of(events: &[Event]) -> Self {
        let stage = |event: &Event| match event.status {
            EventStatus::Registered => 0,
            status if status.withdraws() => 2,
            _ => 1,
        };
        let mut events: Vec<&Event> = events.iter().collect();
        events.sort_by_key(|event| (event.version, issued(event), stage(event)));
        let mut observations: BTreeMap<u64, Observation> = BTreeMap::new();
        for event in events {
            observations.entry(event.id.0).or_default().take(event);
        }
        Self(observations)
    }

    /// (event time, first issue, id, values) of what was not taken back.
    fn live(&self) -> impl Iterator<Item = (EventTime, IssueTime, u64, &Values)> {
        self.0.iter().filter_map(|(id, observation)| {
            let (event_time, issued) = *observation.places.last()?;
            Some((
                event_time,
                issued,
                (*id ^ *id >> 32) & u64::from(u32::MAX),
                observation.values.as_ref()?,
            ))
        })
    }

    pub(super) fn truth(&self, t: EventTime, k: IssueTime, inputs: &[FeatureSpec]) -> Truth {
        if self.live().any(|(time, issued, ..)| time == t && issued <= k) {
            return Truth::Score(
                inputs.iter().enumerate().map(|(i, spec)| term(i, self.feature(t, k, spec))).sum(),
            );
        }
        let pending = |observation: &Observation| {
            let came = observation.places.iter().any(|(time, issued)| *time == t && *issued <= k);
            !came && observation.registered.iter().any(|(time, issued)| *time == t && *issued <= k)
        };
        if self.0.values().any(pending) { Truth::Pending } else { Truth::Withdrawn }
    }

    /// The newest event time with a score, and the score, where the first input must not be null.
    pub(super) fn newest_usable(&self, inputs: &[FeatureSpec]) -> Option<(EventTime, f64)> {
        let end = IssueTime::from_millis(i64::MAX);
        let usable = self.live().filter(|(t, ..)| self.feature(*t, end, &inputs[0]).is_some());
        let newest = usable.map(|(t, ..)| t).max()?;
        match self.truth(newest, end, inputs) {
            Truth::Score(score) => Some((newest, score)),
            _ => None,
        }
    }

    /// Every (t, k) that ARCHITECTURE.md defines, for features of this span.
    pub(super) fn spots(&self, span: latefusion::types::Span) -> Vec<(EventTime, IssueTime)> {
        let mut spots = Vec::new();
        for (t, first, ..) in self.live() {
            for (time, k, ..) in self.live() {
                if time <= t && time > t - span && k >= first {
                    spots.push((t, k));
                }
            }
        }
        spots.sort_unstable();
        spots.dedup();
        spots
    }

    fn feature(&self, t: EventTime, k: IssueTime, spec: &FeatureSpec) -> Option<f64> {
        let column = MODALITY.column(spec.column).expect("a column of the test");
        let back = match spec.statistic {
            Statistic::StepMean(back) => i64::from(back),
            _ => 0,
        };
        let until = t - Span::millis(spec.within.as_millis() * back);
        let mut seen: Vec<(EventTime, IssueTime, u64, f64)> = self
            .live()
            .filter(|(time, ..)| *time <= until && *time > until - spec.within)
            .filter(|(_, issued, ..)| *issued <= k)
            .filter_map(|(time, issued, id, values)| {
                Some((time, issued, id, f64::from(values.get(column)?) / 10.0))
            })
            .collect();
        seen.sort_by_key(|seen| (seen.0, seen.1, seen.2));
        let count = seen.len() as f64;
        let values = || seen.iter().map(|(.., value)| *value);
        match spec.statistic {
            Statistic::Count => Some(count),
            Statistic::Last => seen.last().map(|(.., value)| *value),
            Statistic::SecondsSince => seen.last().map(|(time, ..)| (t - *time).as_seconds()),
            Statistic::Mean | Statistic::StepMean(_) => {
                (count > 0.0).then(|| values().sum::<f64>() / count)
            }
            Statistic::Min => values().reduce(f64::min),
            Statistic::Max => values().reduce(f64::max),
            Statistic::Slope => {
                let hours: Vec<f64> =
                    seen.iter().map(|(time, ..)| (*time - t).as_seconds() / 3_600.0).collect();
                let (mean_x, mean_y) =
                    (hours.iter().sum::<f64>() / count, values().sum::<f64>() / count);
                let spread: f64 = hours.iter().map(|x| (x - mean_x).powi(2)).sum();
                let together: f64 =
                    hours.iter().zip(values()).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
                let distinct = seen.first().map(|s| s.0) != seen.last().map(|s| s.0);
                distinct.then(|| together / spread)
            }
        }
    }
}

impl Observation {
    fn take(&mut self, event: &Event) {
        let (time, issued) = (event.event_time, issued(event));
        if event.status == EventStatus::Registered {
            if self.registered.first().is_none_or(|(there, _)| *there != time) {
                self.registered = vec![(time, issued)];
            }
        } else if event.status.withdraws() {
            if self.places.is_empty() {
                self.registered.clear();
            }
            self.values = None;
        } else if !event.values.is_empty() {
            match self.places.last().copied() {
                None => self.places.push((time, issued)),
                Some((there, first)) if there != time => {
                    let earliest = IssueTime::from_millis(time.as_millis());
                    self.places.push((time, first.max(earliest)));
                }
                Some(_) => {}
            }
            self.values = Some(event.values);
        }
    }
}

fn issued(event: &Event) -> IssueTime {
    event.issued.max(IssueTime::from_millis(event.event_time.as_millis()))
}

//! What a ward is made of, and how badly its records travel.

use crate::types::{EventTime, Feed, Span};

/// Everything that decides what a ward sends; equal configurations send equal bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct WardConfig {
    /// Which ward.
    pub seed: u64,
    /// Beds; nearly all are taken at any time. 1 to 10,000,000.
    pub patients: u32,
    /// When it begins: no record arrives earlier.
    pub start: EventTime,
    /// How often a monitor sends; 1 s to 1 h.
    pub vitals_every: Span,
    /// Shortest and longest stay.
    pub stay: [Span; 2],
    /// What goes wrong.
    pub rates: Rates,
    /// When a feed goes off and on again by itself, besides [`super::Ward::set_feed`].
    pub outages: Vec<Outage>,
    /// What becomes of the records of a feed that is off.
    pub while_off: WhileOff,
    /// Length of an oversized record, in bytes; at most 64 MiB. The default is one byte more than the decoders look at.
    pub oversized_bytes: usize,
}

/// How often what goes wrong; probabilities in 0..=1 unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// A record comes twice.
    pub duplicate: f64,
    /// A monitor's record is delayed by seconds and overtaken by its successors.
    pub delayed: f64,
    /// Wi-Fi gaps of a bed in a day (5 s to 2 min): its records come in a burst afterwards, in disorder. 0 to 1,000.
    pub gaps_per_day: f64,
    /// Disconnections of a monitor in a day: bathroom, procedures. 0 to 1,000.
    pub disconnects_per_day: f64,
    /// A monitor's record holds a number that is possible, but not this patient's.
    pub artefact: f64,
    /// A bed's monitor has a clock that is minutes off.
    pub skewed_clock: f64,
    /// A charted value, a result or a report is corrected later.
    pub corrected: f64,
    /// A charted value, a result or a report is withdrawn later as entered in error.
    pub entered_in_error: f64,
    /// An ordered test or study is cancelled.
    pub cancelled: f64,
    /// A result is issued as preliminary first.
    pub preliminary: f64,
    /// A report comes as structured findings instead of text.
    pub structured: f64,
    /// Besides a good record a bad one is sent, with its raw bytes.
    pub bad: f64,
    /// A bed's next patient is the last one again.
    pub readmission: f64,
}

/// A feed that is off for a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// Which.
    pub feed: Feed,
    /// From this arrival time on, included.
    pub from: EventTime,
    /// Up to this one, excluded.
    pub until: EventTime,
}

/// What becomes of records while their feed is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhileOff {
    /// They are lost.
    Lost,
    /// They are kept and sent when the feed is on again; beyond so many of one feed they are lost.
    Kept {
        /// Most records kept for a feed.
        most: usize,
    },
}

impl Default for WardConfig {
    /// Twenty patients at 1 Hz from 2026-01-05T08:00:00Z, with the disturbances of an ordinary ward.
    fn default() -> Self {
        Self {
            seed: 1,
            patients: 20,
            start: EventTime::from_millis(1_767_600_000_000),
            vitals_every: Span::seconds(1),
            stay: [Span::hours(18), Span::days(10)],
            rates: Rates::default(),
            outages: Vec::new(),
            while_off: WhileOff::Lost,
            oversized_bytes: crate::modality::json::MAX_PAYLOAD_BYTES + 1,
        }
    }
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            duplicate: 0.002,
            delayed: 0.005,
            gaps_per_day: 12.0,
            disconnects_per_day: 6.0,
            artefact: 0.001,
            skewed_clock: 0.03,
            corrected: 0.03,
            entered_in_error: 0.005,
            cancelled: 0.03,
            preliminary: 0.3,
            structured: 0.25,
            bad: 0.000_1,
            readmission: 0.05,
        }
    }
}

impl Rates {
    /// Nothing goes wrong: no disturbance at all. Results are still preliminary at times, reports still structured.
    pub fn calm() -> Self {
        Self {
            duplicate: 0.0,
            delayed: 0.0,
            gaps_per_day: 0.0,
            disconnects_per_day: 0.0,
            artefact: 0.0,
            skewed_clock: 0.0,
            corrected: 0.0,
            entered_in_error: 0.0,
            cancelled: 0.0,
            bad: 0.0,
            readmission: 0.0,
            ..Self::default()
        }
    }

    fn named(&self) -> [(&'static str, f64, f64); 13] {
        [
            ("duplicate", self.duplicate, 1.0),
            ("delayed", self.delayed, 1.0),
            ("gaps_per_day", self.gaps_per_day, 1_000.0),
            ("disconnects_per_day", self.disconnects_per_day, 1_000.0),
            ("artefact", self.artefact, 1.0),
            ("skewed_clock", self.skewed_clock, 1.0),
            ("corrected", self.corrected, 1.0),
            ("entered_in_error", self.entered_in_error, 1.0),
            ("cancelled", self.cancelled, 1.0),
            ("preliminary", self.preliminary, 1.0),
            ("structured", self.structured, 1.0),
            ("bad", self.bad, 1.0),
            ("readmission", self.readmission, 1.0),
        ]
    }
}

/// Every mistake in a configuration; the simulator does not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the simulated ward cannot be made: {}", .0.join("; "))]
pub struct WardError(pub Vec<String>);

impl WardConfig {
    /// Every mistake, one sentence each.
    pub(super) fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        let mut check = |holds: bool, mistake: &str| {
            if !holds {
                mistakes.push(mistake.to_owned());
            }
        };
        let [shortest, longest] = self.stay;
        check((1..=10_000_000).contains(&self.patients), "patients must be within 1..=10000000");
        check(self.vitals_every >= Span::seconds(1), "vitals_every must be 1s at least");
        check(self.vitals_every <= Span::hours(1), "vitals_every must be 1h at most");
        check(shortest >= Span::minutes(10), "the shortest stay must be 10min at least");
        check(longest > shortest, "the longest stay must be longer than the shortest");
        check(longest <= Span::days(365), "the longest stay must be 365d at most");
        check(self.oversized_bytes <= 64 << 20, "oversized_bytes must be 64 MiB at most");
        let century = 0..=4_102_444_800_000;
        check(century.contains(&self.start.as_millis()), "start must be within 1970..=2100");
        for outage in &self.outages {
            check(outage.until > outage.from, "an outage must end after it begins");
        }
        for (name, rate, most) in self.rates.named() {
            if !(0.0..=most).contains(&rate) {
                mistakes.push(format!("{name} must be within 0..={most}"));
            }
        }
        mistakes
    }
}

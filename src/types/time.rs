//! Four clocks and one span, each a type of its own so that they cannot be mixed by accident.
//!
//! All are whole milliseconds since 1970-01-01T00:00:00Z (leap seconds ignored, as Kafka does).

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

/// A length of time in milliseconds; may be negative where a difference is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Span(i64);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// From milliseconds.
    pub const fn millis(millis: i64) -> Self {
        Self(millis)
    }
    /// From seconds.
    pub const fn seconds(seconds: i64) -> Self {
        Self(seconds * 1_000)
    }
    /// From minutes.
    pub const fn minutes(minutes: i64) -> Self {
        Self::seconds(minutes * 60)
    }
    /// From hours.
    pub const fn hours(hours: i64) -> Self {
        Self::minutes(hours * 60)
    }
    /// From days of 24 hours.
    pub const fn days(days: i64) -> Self {
        Self::hours(days * 24)
    }
    /// The length in whole milliseconds.
    pub const fn as_millis(self) -> i64 {
        self.0
    }
    /// The length in seconds.
    pub fn as_seconds(self) -> f64 {
        self.0 as f64 / 1e3
    }
    /// True for lengths above zero.
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Span {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

/// Prints the largest unit that divides the span: `15min`, `250ms`, `2h`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"), (1, "ms")];
        let (size, unit) =
            units.into_iter().find(|(size, _)| self.0 % size == 0).unwrap_or((1, "ms"));
        if self.0 == 0 { f.write_str("0s") } else { write!(f, "{}{unit}", self.0 / size) }
    }
}

/// A text that is no span.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no length of time: write a whole number and ms, s, min, h or d, such as `15min`")]
pub struct NotASpan(pub String);

impl FromStr for Span {
    type Err = NotASpan;
    fn from_str(text: &str) -> Result<Self, NotASpan> {
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (digits, unit) = text.split_at(split);
        let size = match unit {
            "ms" => 1,
            "s" => 1_000,
            "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(NotASpan(text.to_owned())),
        };
        let count: Option<i64> = digits.parse().ok();
        count.and_then(|n| n.checked_mul(size)).map(Self).ok_or_else(|| NotASpan(text.to_owned()))
    }
}

/// Reads and writes spans as text (`15min`) in configuration: `#[serde(with = "span_text")]`.
pub mod span_text {
    use super::Span;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes the span as [`Span`] displays it.
    ///
    /// # Errors
    /// The serializer's own.
    pub fn serialize<S: Serializer>(span: &Span, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(span)
    }

    /// Reads a span from text.
    ///
    /// # Errors
    /// A text that is no span.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Span, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

macro_rules! clock {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(i64);

        impl $name {
            /// Before every real instant.
            pub const MIN: Self = Self(i64::MIN);
            /// From milliseconds since the epoch.
            pub const fn from_millis(millis: i64) -> Self {
                Self(millis)
            }
            /// Milliseconds since the epoch.
            pub const fn as_millis(self) -> i64 {
                self.0
            }
        }

        impl Add<Span> for $name {
            type Output = Self;
            fn add(self, span: Span) -> Self {
                Self(self.0.saturating_add(span.as_millis()))
            }
        }

        impl Sub<Span> for $name {
            type Output = Self;
            fn sub(self, span: Span) -> Self {
                Self(self.0.saturating_sub(span.as_millis()))
            }
        }

        impl Sub for $name {
            type Output = Span;
            fn sub(self, earlier: Self) -> Span {
                Span::millis(self.0.saturating_sub(earlier.0))
            }
        }

        /// RFC 3339 in UTC with milliseconds.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                super::rfc3339::write(f, self.0)
            }
        }
    };
}

clock!(
    /// When it was so at the bedside: measured, drawn, imaged. Windows are cut by event time.
    EventTime
);
clock!(
    /// When the source issued it. What was knowable at a window end is decided by issue time.
    IssueTime
);
clock!(
    /// When the broker took the record (`LogAppendTime`).
    IngestTime
);
clock!(
    /// A scorer's own clock, carried by its heartbeats; in a replay the replay's clock.
    ScorerClock
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_prints_its_largest_whole_unit() {
        let shown: Vec<String> =
            [Span::minutes(15), Span::millis(250), Span::hours(36), Span::ZERO, Span::days(7)]
                .iter()
                .map(Span::to_string)
                .collect();
        assert_eq!(shown, ["15min", "250ms", "36h", "0s", "7d"]);
    }

    #[test]
    fn a_span_reads_back_from_what_it_prints() {
        for span in [Span::minutes(15), Span::millis(250), Span::hours(36), Span::ZERO] {
            assert_eq!(span.to_string().parse(), Ok(span));
        }
        for bad in ["", "15", "min", "-1s", "1.5h", "99999999999999999999s", "9223372036854775807d"]
        {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }

    #[test]
    fn arithmetic_saturates_instead_of_wrapping() {
        assert_eq!(EventTime::MIN - Span::days(1), EventTime::MIN);
    }
}

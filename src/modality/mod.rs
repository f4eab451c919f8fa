//! What a modality is: its topic, columns, decoder and default policies; and the registry of those that ship.
//!
//! A new modality is one file beside this one and one line in [`Registry::shipped`].

pub mod analytes;
pub mod encounters;
pub mod findings;
pub mod header;
pub mod imaging;
pub mod json;
pub mod labs;
mod numbers;
pub mod report;
pub mod units;
pub mod vitals;
mod wire;

use crate::types::{Event, Fault, ModalityId, RejectReason, Span, Values};

/// One measured quantity of a modality.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Column {
    /// Field and feature name, ending in its unit: `heart_rate_per_min`.
    pub name: &'static str,
    /// Steps of resolution in one unit: 10.0 keeps tenths. A value is `steps / steps_per_unit`, correctly rounded.
    pub steps_per_unit: f64,
    /// Lowest and highest plausible value, both included; outside is rejected as implausible.
    pub plausible: [f64; 2],
    /// LOINC code, where there is one.
    pub loinc: Option<&'static str>,
}

impl Column {
    /// The value rounded (half away from zero) to whole steps of the resolution.
    ///
    /// # Errors
    /// NaN, infinite, outside the plausible range, or too many steps for the 16 bits that a lookback keeps.
    pub fn to_steps(&self, value: f64) -> Result<i16, Fault> {
        let [lowest, highest] = self.plausible;
        let steps = numbers::rounded(value * self.steps_per_unit);
        let fits = (f64::from(i16::MIN)..=f64::from(i16::MAX)).contains(&steps);
        if fits && (lowest..=highest).contains(&value) {
            Ok(steps as i16)
        } else {
            let detail = format!("{} must be within {lowest}..={highest}", self.name);
            Err(Fault::new(RejectReason::ImplausibleValue, detail))
        }
    }

    /// The value of a number of steps, in the unit that the name ends in.
    pub fn to_value(&self, steps: i16) -> f64 {
        f64::from(steps) / self.steps_per_unit
    }
}

/// How long a prediction counts; used where the fusion package does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DefaultPolicy {
    /// How long a prediction stays evidence.
    pub validity: Span,
    /// How fast its weight decays inside validity.
    pub half_life: Span,
    /// True where panes wait for this modality's watermark.
    pub gating: bool,
    /// How far behind the newest event another may still come in order; `None` for modalities that never gate.
    pub out_of_orderness: Option<Span>,
    /// How far back the score stage keeps observations.
    pub lookback: Span,
}

/// One modality.
#[derive(Clone, Copy)]
pub struct Modality {
    /// Name on the wire, in metric labels and configuration: `vitals`.
    pub name: &'static str,
    /// Default topic.
    pub topic: &'static str,
    /// Columns, at most [`crate::types::MAX_COLUMNS`]; a column's index is its identity within a run.
    pub columns: &'static [Column],
    /// Reads one record's payload (JSON). The patient is not yet compared with the record's key.
    pub decode: fn(&[u8], ModalityId) -> Result<Event, Fault>,
    /// Monitors, 1 s to 1 min.
    pub ward: DefaultPolicy,
    /// Hourly charting.
    pub hourly: DefaultPolicy,
}

impl std::fmt::Debug for Modality {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Modality").field(&self.name).finish()
    }
}

impl Modality {
    /// Index of a column by name.
    pub fn column(&self, name: &str) -> Option<u8> {
        self.columns.iter().position(|c| c.name == name).and_then(|i| u8::try_from(i).ok())
    }

    /// Checks `value` against the column's range and adds it to `values`.
    ///
    /// # Errors
    /// An implausible value, or an observation with more values than one may hold.
    pub fn set(&self, values: &mut Values, column: u8, value: f64) -> Result<(), Fault> {
        let limit = || Fault::new(RejectReason::LimitReached, "too many values in one observation");
        let spec = self.columns.get(usize::from(column)).ok_or_else(limit)?;
        if values.set(column, spec.to_steps(value)?) { Ok(()) } else { Err(limit()) }
    }
}

/// The modalities of a run; their order is the order of every per-modality array and of every sum.
#[derive(Clone, Debug)]
pub struct Registry(Vec<&'static Modality>);

impl Registry {
    /// A registry of these modalities, in this order.
    pub fn new(modalities: Vec<&'static Modality>) -> Self {
        Self(modalities)
    }

    /// The modalities that ship.
    pub fn shipped() -> Self {
        Self::new(vec![&vitals::VITALS, &labs::LABS, &imaging::IMAGING])
    }

    /// The modalities with their ids.
    pub fn iter(&self) -> impl Iterator<Item = (ModalityId, &'static Modality)> + '_ {
        self.0.iter().enumerate().map(|(i, m)| (ModalityId(i as u8), *m))
    }

    /// A modality by id.
    pub fn get(&self, id: ModalityId) -> Option<&'static Modality> {
        self.0.get(id.index()).copied()
    }

    /// A modality by name.
    pub fn find(&self, name: &str) -> Option<(ModalityId, &'static Modality)> {
        self.iter().find(|(_, m)| m.name == name)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True for a registry of none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Checks a LOINC code's last digit (modulus 10, as the LOINC Users' Guide, appendix C, gives it).
#[cfg(test)]
fn has_check_digit(code: &str) -> bool {
    let Some((body, check)) = code.split_once('-') else { return false };
    let digits = body.bytes().rev().map(|b| u32::from(b - b'0'));
    let sum: u32 =
        digits.enumerate().map(|(i, d)| if i % 2 == 0 { d * 2 / 10 + d * 2 % 10 } else { d }).sum();
    check.parse() == Ok((10 - sum % 10) % 10)
}

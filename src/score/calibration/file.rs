//! The calibration map as a TOML text, and every mistake that one can hold.
//!
//! ```toml
//! model = "news2-hourly@1"
//! [platt]                      # or [isotonic] with knots = [[score, risk], ...] and between = "linear" or "step"
//! slope = 0.31
//! intercept = -3.9
//! [provenance]
//! data_set = "cinc2012 a+b"
//! outcome = "in-hospital death"
//! patients = 8000
//! events = 1122
//! date = "2026-01-31"
//! command = "latefusion calibrate ..."
//! ```

use super::{Between, CalibrationMap, Curve, Provenance};
use toml::{Table, Value};

/// One mistake in a calibration map: where it stands and what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {expected}")]
pub struct Mistake {
    /// Path of the key: `platt.slope`.
    pub path: String,
    /// What was expected.
    pub expected: String,
}

impl Mistake {
    fn new(path: &str, expected: impl Into<String>) -> Self {
        Self { path: path.to_owned(), expected: expected.into() }
    }
}

/// Largest magnitude of a score or coefficient, so that no arithmetic on a map overflows.
const LARGEST: f64 = 1e12;
/// Most knots of a map.
const MOST_KNOTS: usize = 10_000;

impl CalibrationMap {
    /// Reads and checks a map.
    ///
    /// # Errors
    /// Every mistake, each with the path of its key; a text that is no TOML is one mistake.
    pub fn parse(text: &str) -> Result<Self, Vec<Mistake>> {
        let table = text
            .parse::<Table>()
            .map_err(|e| vec![Mistake::new("calibration map", e.message())])?;
        let mut reader = Reader::default();
        let read = reader.map(&table);
        let mut found = reader.mistakes;
        found.extend(read.iter().flat_map(mistakes));
        match read {
            Some(map) if found.is_empty() => Ok(map),
            _ => Err(found),
        }
    }

    /// The map as [`CalibrationMap::parse`] reads it; every number comes back as it was, to the last bit.
    pub fn to_toml(&self) -> String {
        let number = Value::Float;
        let (name, curve) = match &self.curve {
            Curve::Platt { slope, intercept } => (
                "platt",
                Table::from_iter([
                    ("slope".to_owned(), number(*slope)),
                    ("intercept".to_owned(), number(*intercept)),
                ]),
            ),
            Curve::Isotonic { knots, between } => {
                let knots =
                    knots.iter().map(|knot| Value::Array(knot.map(number).to_vec())).collect();
                let between = match between {
                    Between::Linear => "linear",
                    Between::Step => "step",
                };
                (
                    "isotonic",
                    Table::from_iter([
                        ("knots".to_owned(), Value::Array(knots)),
                        ("between".to_owned(), between.into()),
                    ]),
                )
            }
        };
        let p = &self.provenance;
        let count = |n: u64| Value::Integer(i64::try_from(n).unwrap_or(i64::MAX));
        let provenance = Table::from_iter([
            ("data_set".to_owned(), Value::String(p.data_set.clone())),
            ("outcome".to_owned(), Value::String(p.outcome.clone())),
            ("patients".to_owned(), count(p.patients)),
            ("events".to_owned(), count(p.events)),
            ("date".to_owned(), Value::String(p.date.clone())),
            ("command".to_owned(), Value::String(p.command.clone())),
        ]);
        let all = Table::from_iter([
            ("model".to_owned(), Value::String(self.model.clone())),
            (name.to_owned(), Value::Table(curve)),
            ("provenance".to_owned(), Value::Table(provenance)),
        ]);
        all.to_string()
    }
}

/// Every mistake in the values of a map.
pub(super) fn mistakes(map: &CalibrationMap) -> Vec<Mistake> {
    let mut found = Vec::new();
    let mut require = |holds: bool, path: &str, expected: &str| {
        if !holds {
            found.push(Mistake::new(path, expected));
        }
    };
    let named = map
        .model
        .split_once('@')
        .is_some_and(|(name, version)| !name.is_empty() && !version.is_empty());
    require(named, "model", "must be `name@version`");
    let tame = |x: f64| x.abs() <= LARGEST;
    match &map.curve {
        Curve::Platt { slope, intercept } => {
            require(
                tame(*slope) && *slope >= 0.0,
                "platt.slope",
                "must be zero or more, or a higher score would mean a lower risk",
            );
            require(tame(*intercept), "platt.intercept", "must be a finite number");
        }
        Curve::Isotonic { knots, .. } => {
            require(
                (1..=MOST_KNOTS).contains(&knots.len()),
                "isotonic.knots",
                "must be 1 to 10000 knots",
            );
            require(knots.iter().all(|[s, _]| tame(*s)), "isotonic.knots", "scores must be finite");
            require(
                knots.iter().all(|[_, r]| (0.0..=1.0).contains(r)),
                "isotonic.knots",
                "risks must be within 0..=1",
            );
            require(
                knots.windows(2).all(|w| w[0][0] < w[1][0]),
                "isotonic.knots",
                "scores must rise strictly",
            );
            require(
                knots.windows(2).all(|w| w[0][1] <= w[1][1]),
                "isotonic.knots",
                "risks must never fall",
            );
        }
    }
    let p = &map.provenance;
    require(p.events > 0, "provenance.events", "must be above 0");
    require(p.events < p.patients, "provenance.patients", "must be above `events`");
    require(is_day(&p.date), "provenance.date", "must be a day as YYYY-MM-DD");
    for (path, text) in
        [("data_set", &p.data_set), ("outcome", &p.outcome), ("command", &p.command)]
    {
        require(!text.trim().is_empty(), &format!("provenance.{path}"), "must not be empty");
    }
    found
}

fn is_day(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

/// Reads tables key by key and keeps going after a mistake, so that all are listed at once.
#[derive(Default)]
struct Reader {
    mistakes: Vec<Mistake>,
}

impl Reader {
    fn map(&mut self, table: &Table) -> Option<CalibrationMap> {
        self.only(table, "", &["model", "platt", "isotonic", "provenance"]);
        let model = self.text(table, "", "model");
        let curve = match (table.get("platt"), table.get("isotonic")) {
            (Some(_), None) => self.table(table, "platt").and_then(|t| self.platt(t)),
            (None, Some(_)) => self.table(table, "isotonic").and_then(|t| self.isotonic(t)),
            _ => self.refuse("platt", "exactly one of `platt` and `isotonic` must be there"),
        };
        let provenance = self.table(table, "provenance").and_then(|t| self.provenance(t));
        Some(CalibrationMap { model: model?, curve: curve?, provenance: provenance? })
    }

    fn platt(&mut self, table: &Table) -> Option<Curve> {
        self.only(table, "platt.", &["slope", "intercept"]);
        let slope = self.number(table, "platt.", "slope");
        let intercept = self.number(table, "platt.", "intercept");
        Some(Curve::Platt { slope: slope?, intercept: intercept? })
    }

    fn isotonic(&mut self, table: &Table) -> Option<Curve> {
        self.only(table, "isotonic.", &["knots", "between"]);
        let between = match table.get("between").and_then(Value::as_str) {
            Some("linear") => Some(Between::Linear),
            Some("step") => Some(Between::Step),
            _ => self.refuse("isotonic.between", "must be \"linear\" or \"step\""),
        };
        let knot = |value: &Value| match value.as_array()?.as_slice() {
            [score, risk] => Some([number(score)?, number(risk)?]),
            _ => None,
        };
        let knots = table.get("knots").and_then(Value::as_array);
        let knots = knots.and_then(|all| all.iter().map(knot).collect::<Option<Vec<_>>>());
        let knots = knots
            .or_else(|| self.refuse("isotonic.knots", "must be a list of pairs [score, risk]"));
        Some(Curve::Isotonic { knots: knots?, between: between? })
    }

    fn provenance(&mut self, table: &Table) -> Option<Provenance> {
        const AT: &str = "provenance.";
        self.only(table, AT, &["data_set", "outcome", "patients", "events", "date", "command"]);
        let [data_set, outcome, date, command] =
            ["data_set", "outcome", "date", "command"].map(|key| self.text(table, AT, key));
        let [patients, events] = ["patients", "events"].map(|key| self.count(table, AT, key));
        Some(Provenance {
            data_set: data_set?,
            outcome: outcome?,
            patients: patients?,
            events: events?,
            date: date?,
            command: command?,
        })
    }

    fn refuse<T>(&mut self, path: &str, expected: &str) -> Option<T> {
        self.mistakes.push(Mistake::new(path, expected));
        None
    }

    fn only(&mut self, table: &Table, at: &str, known: &[&str]) {
        let unknown = table.keys().filter(|key| !known.contains(&key.as_str()));
        self.mistakes.extend(unknown.map(|key| Mistake::new(&format!("{at}{key}"), "no such key")));
    }

    fn table<'t>(&mut self, table: &'t Table, key: &str) -> Option<&'t Table> {
        let found = table.get(key).and_then(Value::as_table);
        found.or_else(|| self.refuse(key, "must be a table"))
    }

    fn text(&mut self, table: &Table, at: &str, key: &str) -> Option<String> {
        let found = table.get(key).and_then(Value::as_str).map(str::to_owned);
        found.or_else(|| self.refuse(&format!("{at}{key}"), "must be a text"))
    }

    fn number(&mut self, table: &Table, at: &str, key: &str) -> Option<f64> {
        let found = table.get(key).and_then(number);
        found.or_else(|| self.refuse(&format!("{at}{key}"), "must be a number"))
    }

    fn count(&mut self, table: &Table, at: &str, key: &str) -> Option<u64> {
        let found = table.get(key).and_then(Value::as_integer).and_then(|n| u64::try_from(n).ok());
        found.or_else(|| self.refuse(&format!("{at}{key}"), "must be a whole number"))
    }
}

/// A number, written with or without a decimal point.
fn number(value: &Value) -> Option<f64> {
    value.as_float().or_else(|| value.as_integer().map(|n| n as f64))
}

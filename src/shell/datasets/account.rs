//! What became of every value of a data set: in = used + skipped, table by table.

use std::collections::BTreeMap;
use std::fmt;

/// Why a value of a data set was not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Skip {
    /// A row without a parameter name.
    EmptyParameter,
    /// A parameter that the data set's own description does not list.
    UnknownParameter,
    /// Listed by the data set, but no modality of the registry has a column for it.
    NoColumn,
    /// A row about something else, such as a treatment that is no chest x-ray.
    OtherSubject,
    /// The data set's own mark for "not known" (-1).
    NotKnown,
    /// No number, no time, or a row with too few fields.
    Unparsable,
    /// Outside the plausible range of its column.
    Implausible,
    /// Before the stay begins.
    BeforeAdmission,
    /// After the stay ends.
    AfterEnd,
    /// A stay that the table of stays does not hold.
    UnknownStay,
    /// Replaced by a later row with the same parameter and minute.
    Repeated,
    /// Another source of the same column and minute goes first (invasive before non-invasive pressure).
    LessDirect,
}

impl Skip {
    /// Every reason, in the order of the report.
    pub const ALL: [Self; 12] = [
        Self::EmptyParameter,
        Self::UnknownParameter,
        Self::NoColumn,
        Self::OtherSubject,
        Self::NotKnown,
        Self::Unparsable,
        Self::Implausible,
        Self::BeforeAdmission,
        Self::AfterEnd,
        Self::UnknownStay,
        Self::Repeated,
        Self::LessDirect,
    ];

    /// The name in reports and metric labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EmptyParameter => "empty_parameter",
            Self::UnknownParameter => "unknown_parameter",
            Self::NoColumn => "no_column",
            Self::OtherSubject => "other_subject",
            Self::NotKnown => "not_known",
            Self::Unparsable => "unparsable",
            Self::Implausible => "implausible",
            Self::BeforeAdmission => "before_admission",
            Self::AfterEnd => "after_end",
            Self::UnknownStay => "unknown_stay",
            Self::Repeated => "repeated",
            Self::LessDirect => "less_direct",
        }
    }
}

/// The account of one table of a data set.
///
/// A *value* is a row of a table with one value a row, and a cell that is not empty of a wide table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableAccount {
    /// Rows read, headers apart.
    pub rows: u64,
    /// Values read; what the other counts must add up to.
    pub values: u64,
    /// Values that are part of an event.
    pub in_events: u64,
    /// Values kept as context or outcome of their stay (age, unit, death, labels, ids).
    pub in_context: u64,
    /// Values not used, by reason and by parameter (empty: the row as a whole).
    pub skipped: BTreeMap<(Skip, &'static str), u64>,
}

impl TableAccount {
    /// Counts a value that is not used. `parameter` is a name of the data set's dictionary, or empty.
    pub fn skip(&mut self, reason: Skip, parameter: &'static str) {
        *self.skipped.entry((reason, parameter)).or_default() += 1;
    }

    /// How many values were skipped for a reason.
    pub fn skipped_for(&self, reason: Skip) -> u64 {
        self.skipped.iter().filter(|((r, _), _)| *r == reason).map(|(_, n)| n).sum()
    }

    /// How many values were skipped.
    pub fn skipped_total(&self) -> u64 {
        self.skipped.values().sum()
    }

    /// True when every value read was used or skipped, once.
    pub fn balances(&self) -> bool {
        self.values == self.in_events + self.in_context + self.skipped_total()
    }
}

/// The account of a data set. `Display` prints it as a table for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// One for each table, in the order they were read.
    pub tables: Vec<(&'static str, TableAccount)>,
    /// Events made, by modality in registry order.
    pub events: Vec<(&'static str, u64)>,
    /// Admissions and discharges made.
    pub encounters: u64,
    /// Stays.
    pub stays: u64,
}

impl Account {
    /// The sum over all tables.
    pub fn total(&self) -> TableAccount {
        let mut total = TableAccount::default();
        for (_, table) in &self.tables {
            total.rows += table.rows;
            total.values += table.values;
            total.in_events += table.in_events;
            total.in_context += table.in_context;
            for (key, count) in &table.skipped {
                *total.skipped.entry(*key).or_default() += count;
            }
        }
        total
    }

    /// True when every table balances.
    pub fn balances(&self) -> bool {
        self.tables.iter().all(|(_, table)| table.balances())
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, table) in &self.tables {
            let skipped = table.skipped_total();
            let sign = if table.balances() { "=" } else { "IS NOT" };
            writeln!(
                f,
                "{name}: {} rows, {} values {sign} {} in events + {} in context + {skipped} skipped",
                table.rows, table.values, table.in_events, table.in_context
            )?;
            for reason in Skip::ALL {
                let count = table.skipped_for(reason);
                if count > 0 {
                    writeln!(f, "  {:<18}{count:>10}  {}", reason.name(), most(table, reason))?;
                }
            }
        }
        let events: Vec<String> =
            self.events.iter().map(|(name, count)| format!("{count} {name}")).collect();
        write!(
            f,
            "events: {} · {} encounters · {} stays",
            events.join(", "),
            self.encounters,
            self.stays
        )
    }
}

/// The parameters with most values skipped for a reason, such as `Urine 274041, Weight 250599`.
fn most(table: &TableAccount, reason: Skip) -> String {
    const SHOWN: usize = 6;
    let mut named: Vec<(&str, u64)> = table
        .skipped
        .iter()
        .filter(|((r, name), _)| *r == reason && !name.is_empty())
        .map(|((_, name), count)| (*name, *count))
        .collect();
    named.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
    let more = named.len().saturating_sub(SHOWN);
    let shown: Vec<String> =
        named.iter().take(SHOWN).map(|(name, count)| format!("{name} {count}")).collect();
    let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
    shown.join(", ") + &tail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_balances_only_when_every_value_went_somewhere() {
        let mut table = TableAccount { rows: 3, values: 3, in_events: 1, ..Default::default() };
        table.skip(Skip::Implausible, "Temp");
        assert!(!table.balances());
        table.in_context += 1;
        assert!(table.balances());
        let account = Account { tables: vec![("records", table)], ..Default::default() };
        assert!(account.balances() && account.to_string().contains("Temp 1"), "{account}");
    }

    #[test]
    fn every_reason_is_listed_once() {
        for (i, reason) in Skip::ALL.into_iter().enumerate() {
            assert_eq!(Skip::ALL.iter().position(|r| r.name() == reason.name()), Some(i));
        }
    }
}

//! From single values with a stay and a minute to events: the part that all data sets share.
//!
//! Values of one stay, minute and modality become one event; laboratory results one event each, as on the wire.
//! Where several values stand for one column, the most direct source wins, and of one source the last row read.

use super::account::{Account, Skip, TableAccount};
use super::{Stay, order_events};
use crate::modality::{Modality, Registry};
use crate::shell::record_files::Identity;
use crate::types::{Event, EventStatus, EventTime, IssueTime, ModalityId, Span, Values};

/// Modalities whose wire format has one result a record.
const ONE_RESULT_AN_EVENT: [&str; 1] = ["labs"];
/// Column number of a value that says only that a result is to come.
const REGISTERED: u8 = u8::MAX;

/// How a data set's parameter becomes a column's value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameter {
    /// The data set's name of it.
    pub(super) name: &'static str,
    /// The column it stands for; empty: none of ours.
    pub(super) column: &'static str,
    /// The column's value is the file's times this.
    pub(super) factor: f64,
    /// Of two parameters for one column, the lower rank wins.
    pub(super) rank: u8,
}

/// A parameter in the column's own unit.
pub(super) const fn same(name: &'static str, column: &'static str) -> Parameter {
    Parameter { name, column, factor: 1.0, rank: 0 }
}

/// A parameter in another unit.
pub(super) const fn scaled(name: &'static str, column: &'static str, factor: f64) -> Parameter {
    Parameter { name, column, factor, rank: 0 }
}

/// A parameter that gives way to another one of the same column and minute.
pub(super) const fn second(name: &'static str, column: &'static str) -> Parameter {
    Parameter { name, column, factor: 1.0, rank: 1 }
}

/// A parameter that no modality has a column for.
pub(super) const fn none(name: &'static str) -> Parameter {
    same(name, "")
}

/// Where a parameter goes in the registry of this run.
struct Route {
    parameter: Parameter,
    target: Option<(ModalityId, &'static Modality, u8)>,
}

/// One accepted value.
#[derive(Clone, Copy)]
struct Cell {
    stay: u32,
    minute: i32,
    modality: ModalityId,
    column: u8,
    rank: u8,
    table: u8,
    parameter: u8,
    steps: i16,
}

impl Cell {
    fn group(&self) -> (u32, i32, ModalityId) {
        (self.stay, self.minute, self.modality)
    }
}

/// Number of a table within a [`Collector`].
#[derive(Clone, Copy)]
pub(super) struct TableId(u8);

/// Takes values in file order and makes events of them.
pub(super) struct Collector<'r> {
    registry: &'r Registry,
    tables: Vec<(&'static str, Vec<Route>, TableAccount)>,
    cells: Vec<Cell>,
}

impl<'r> Collector<'r> {
    pub(super) fn new(registry: &'r Registry) -> Self {
        Self { registry, tables: Vec::new(), cells: Vec::new() }
    }

    /// Begins a table whose values have these parameters; at most 256 of both.
    pub(super) fn table(&mut self, name: &'static str, parameters: &[Parameter]) -> TableId {
        let route = |p: &Parameter| Route { parameter: *p, target: find_column(self.registry, p) };
        let routes = parameters.iter().map(route).collect();
        self.tables.push((name, routes, TableAccount::default()));
        TableId((self.tables.len() - 1) as u8)
    }

    /// The account of a table, to count rows, values and what is skipped.
    pub(super) fn account(&mut self, table: TableId) -> &mut TableAccount {
        &mut self.tables[usize::from(table.0)].2
    }

    /// Counts one more value that is not used.
    pub(super) fn skip(&mut self, table: TableId, reason: Skip, parameter: &'static str) {
        let account = self.account(table);
        account.values += 1;
        account.skip(reason, parameter);
    }

    /// Counts values kept as context or outcome of their stay.
    pub(super) fn context(&mut self, table: TableId, values: u64) {
        let account = self.account(table);
        account.values += values;
        account.in_context += values;
    }

    /// Takes one value: `parameter` is its place in the table's list, `length` the stay's in minutes.
    pub(super) fn add(
        &mut self,
        table: TableId,
        parameter: usize,
        (stay, length): (u32, Option<i32>),
        minute: i32,
        value: f64,
    ) {
        let (_, routes, account) = &mut self.tables[usize::from(table.0)];
        account.values += 1;
        let Some(route) = routes.get(parameter) else {
            return account.skip(Skip::UnknownParameter, "");
        };
        let name = route.parameter.name;
        let Some((modality, spec, column)) = route.target else {
            return account.skip(Skip::NoColumn, name);
        };
        if let Some(reason) = outside(minute, length) {
            return account.skip(reason, name);
        }
        let value = value * route.parameter.factor;
        let steps = spec.columns.get(usize::from(column)).map(|c| c.to_steps(value));
        let Some(Ok(steps)) = steps else { return account.skip(Skip::Implausible, name) };
        let (rank, parameter) = (route.parameter.rank, parameter as u8);
        let table = table.0;
        self.cells.push(Cell { stay, minute, modality, column, rank, table, parameter, steps });
    }

    /// Takes a row that says only that a result of `modality` is to come.
    pub(super) fn register(
        &mut self,
        table: TableId,
        modality: ModalityId,
        (stay, length): (u32, Option<i32>),
        minute: i32,
    ) {
        if let Some(reason) = outside(minute, length) {
            return self.skip(table, reason, "");
        }
        self.account(table).values += 1;
        let (column, rank, table) = (REGISTERED, 0, table.0);
        self.cells.push(Cell {
            stay,
            minute,
            modality,
            column,
            rank,
            table,
            parameter: 0,
            steps: 0,
        });
    }

    /// Makes the events, in replay order, and closes the account.
    pub(super) fn finish(mut self, base: EventTime, stays: &[Stay]) -> (Vec<Event>, Account) {
        let mut cells = std::mem::take(&mut self.cells);
        cells.sort_by_key(|c| (c.group(), c.column, c.rank)); // stable: equal ones stay in file order
        let single: Vec<bool> =
            self.registry.iter().map(|(_, m)| ONE_RESULT_AN_EVENT.contains(&m.name)).collect();
        let identities: Vec<Identity> =
            self.registry.iter().map(|(_, m)| Identity::of(m)).collect();
        let mut events = Vec::new();
        let mut chosen = Vec::new();
        for group in cells.chunk_by(|a, b| a.group() == b.group()) {
            self.choose(group, &mut chosen);
            let Some(first) = group.first() else { continue };
            let Some(stay) = stays.get(first.stay as usize) else { continue };
            let Some(identity) = identities.get(first.modality.index()) else { continue };
            let at = base + Span::minutes(i64::from(first.minute));
            if single.get(first.modality.index()) == Some(&true) {
                let one = |cell: &Cell| event(stay, identity, at, std::slice::from_ref(cell));
                events.extend(chosen.iter().map(one));
            } else {
                events.push(event(stay, identity, at, &chosen));
            }
        }
        order_events(&mut events);
        let account = self.close(&events, stays.len());
        (events, account)
    }

    /// One value a column: those that give way are counted, registrations and winners are used.
    fn choose(&mut self, group: &[Cell], chosen: &mut Vec<Cell>) {
        chosen.clear();
        for same_column in group.chunk_by(|a, b| a.column == b.column) {
            let rank = same_column.first().map_or(0, |c| c.rank);
            let last = same_column.iter().rposition(|c| c.rank == rank);
            for (i, cell) in same_column.iter().enumerate() {
                let (_, routes, account) = &mut self.tables[usize::from(cell.table)];
                let name = routes.get(usize::from(cell.parameter)).map_or("", |r| r.parameter.name);
                if cell.rank != rank {
                    account.skip(Skip::LessDirect, name);
                } else if Some(i) == last {
                    account.in_events += 1;
                    chosen.push(*cell);
                } else {
                    account.skip(Skip::Repeated, name);
                }
            }
        }
    }

    fn close(self, events: &[Event], stays: usize) -> Account {
        let mut counts = vec![0_u64; self.registry.len()];
        for event in events {
            if let Some(count) = counts.get_mut(event.modality.index()) {
                *count += 1;
            }
        }
        Account {
            tables: self.tables.into_iter().map(|(name, _, account)| (name, account)).collect(),
            events: self.registry.iter().map(|(_, m)| m.name).zip(counts).collect(),
            encounters: 0,
            stays: stays as u64,
        }
    }
}

/// The column of a parameter. Where several modalities have it, the one registered last takes it, so that a
/// modality added to the registry takes over the columns it names.
fn find_column(
    registry: &Registry,
    parameter: &Parameter,
) -> Option<(ModalityId, &'static Modality, u8)> {
    let with_column = |(id, m): (ModalityId, &'static Modality)| {
        m.column(parameter.column).map(|column| (id, m, column))
    };
    registry.iter().filter_map(with_column).last()
}

/// Why a minute is outside a stay. The end itself counts as inside: what was known then was known in the stay.
fn outside(minute: i32, length: Option<i32>) -> Option<Skip> {
    if minute < 0 {
        Some(Skip::BeforeAdmission)
    } else if length.is_some_and(|length| minute > length) {
        Some(Skip::AfterEnd)
    } else {
        None
    }
}

fn event(stay: &Stay, identity: &Identity, at: EventTime, cells: &[Cell]) -> Event {
    let mut values = Values::default();
    let mut modality = ModalityId(0);
    for cell in cells {
        modality = cell.modality;
        // Columns are distinct here, and no modality's share of a data set comes near MAX_VALUES.
        if cell.column != REGISTERED {
            let fits = values.set(cell.column, cell.steps);
            debug_assert!(fits, "a group has at most MAX_VALUES columns");
        }
    }
    let status = if values.is_empty() { EventStatus::Registered } else { EventStatus::Final };
    Event {
        patient: stay.patient.clone(),
        modality,
        id: identity.derive(at, &values),
        event_time: at,
        issued: IssueTime::from_millis(at.as_millis()),
        version: 0,
        status,
        values,
    }
}

//! The table of patients: which columns there is room for, and a patient's line.

use super::draw::{Flow, Line, Style};
use super::picture::{Cell, Row, Trend};
use crate::shell::wire::{band_name, status_name};
use crate::types::{Absence, Band, FusedStatus, Span};

/// Widths of the columns. Where the terminal is narrow the unit goes first, then the status (bands, ages and "insufficient data" say
/// most of it), then the revision.
pub(super) struct Table {
    patient: usize,
    unit: Option<usize>,
    has_status: bool,
    has_revision: bool,
}

const RISK: usize = 22;
const BAND: usize = 13;
const STATUS: usize = 17;
const MODALITY: usize = 13;
const REVISION: usize = 4;

impl Table {
    /// For these rows on a terminal of so many columns.
    pub(super) fn new(rows: &[Row], flow: &Flow, width: usize) -> Self {
        let longest = |lengths: &mut dyn Iterator<Item = usize>, least: usize, most: usize| {
            lengths.max().unwrap_or(0).clamp(least, most)
        };
        let patient = longest(&mut rows.iter().map(|row| row.patient.as_str().len()), 7, 16);
        let of_row = |row: &Row| row.unit.as_ref().map_or(0, |unit| unit.chars().count());
        let unit = longest(&mut rows.iter().map(of_row), 4, 10);
        let needed = patient + 1 + RISK + 1 + BAND + flow.modalities.len() * (MODALITY + 1);
        let has_revision = needed + 1 + REVISION <= width;
        let has_status = needed + 1 + REVISION + 1 + STATUS <= width;
        let has_unit = needed + 1 + REVISION + 1 + STATUS + 1 + unit <= width;
        Self { patient, unit: has_unit.then_some(unit), has_status, has_revision }
    }

    /// The headings.
    pub(super) fn head(&self, flow: &Flow) -> Line {
        let mut text = format!("{:<1$}", "PATIENT", self.patient);
        if let Some(unit) = self.unit {
            text.push_str(&format!(" {:<unit$}", "UNIT"));
        }
        text.push_str(&format!(" {:<RISK$} {:<BAND$}", "RISK [95 %]", "BAND"));
        if self.has_status {
            text.push_str(&format!(" {:<STATUS$}", "STATUS"));
        }
        for (name, _) in &flow.modalities {
            text.push_str(&format!(" {:<MODALITY$}", name.to_uppercase()));
        }
        if self.has_revision {
            text.push_str(&format!(" {:>REVISION$}", "REV"));
        }
        Line::new(Style::Bold, text)
    }

    /// A patient.
    pub(super) fn line(&self, row: &Row) -> Line {
        let patient = short(row.patient.as_str(), self.patient);
        let mut line = Line::new(Style::Plain, format!("{patient:<0$}", self.patient));
        if let Some(width) = self.unit {
            let unit = short(row.unit.as_deref().unwrap_or("-"), width);
            line = line.with(Style::Plain, format!(" {unit:<width$}"));
        }
        let risk = format!(" {:<RISK$} {:<BAND$}", risk_text(row), band_text(row));
        line = line.with(band_style(row), risk);
        if self.has_status {
            let (style, text) = status_text(row);
            line = line.with(style, format!(" {text:<STATUS$}"));
        }
        for cell in &row.modalities {
            let (style, text) = cell_text(cell);
            line = line.with(style, format!(" {text:<MODALITY$}"));
        }
        if self.has_revision {
            let revision = if row.revision > 0 { row.revision.to_string() } else { "-".to_owned() };
            line = line.with(Style::Dim, format!(" {revision:>REVISION$}"));
        }
        line
    }
}

fn short(text: &str, width: usize) -> String {
    text.chars().take(width).collect()
}

fn band_text(row: &Row) -> String {
    match (row.band, row.is_held) {
        (Some(band), false) => band_name(band).to_owned(),
        (Some(band), true) => format!("{} (held)", band_name(band)),
        (None, _) => "-".to_owned(),
    }
}

fn status_text(row: &Row) -> (Style, String) {
    let text = if row.is_silent {
        format!("silent {}", age_text(row.score_age))
    } else {
        status_name(row.status).replace('_', " ")
    };
    let style = match (row.is_silent, row.status) {
        (false, FusedStatus::Ok) => Style::Plain,
        (false, FusedStatus::Degraded) => Style::Medium,
        _ => Style::Unknown,
    };
    (style, text)
}

fn band_style(row: &Row) -> Style {
    match row.band {
        _ if row.is_silent => Style::Dim,
        Some(Band::High) => Style::High,
        Some(Band::Medium) => Style::Medium,
        Some(Band::Low) => Style::Low,
        None => Style::Unknown,
    }
}

/// `0.312 [0.270-0.360] ↑`; insufficient data is a text, never a number.
fn risk_text(row: &Row) -> String {
    let Some(risk) = row.risk else { return "insufficient data".to_owned() };
    let interval =
        row.interval.map_or(String::new(), |[low, high]| format!(" [{low:.2}-{high:.2}]"));
    let arrow = match row.trend {
        Trend::Rising => "↑",
        Trend::Falling => "↓",
        Trend::Steady => "→",
        Trend::Unknown => " ",
    };
    format!("{risk:.3}{interval} {arrow}")
}

fn cell_text(cell: &Cell) -> (Style, String) {
    match cell {
        Cell::Fresh(age) => (Style::Low, format!("● {}", age_text(*age))),
        Cell::Stale(Some(age)) => (Style::Medium, format!("○ stale {}", age_text(*age))),
        Cell::Stale(None) => (Style::Medium, "○ stale".to_owned()),
        Cell::Missing(Absence::Never) => (Style::Dim, "· none".to_owned()),
        Cell::Missing(why) => (Style::Dim, format!("· {}", why.name())),
    }
}

/// What the rows that there was no room for hold.
pub(super) fn hidden(rows: &[Row]) -> String {
    let without = rows.iter().filter(|row| row.risk.is_none()).count();
    let high = rows.iter().filter(|row| row.band == Some(Band::High)).count();
    format!("… {} more patients below: {high} high, {without} with insufficient data", rows.len())
}

/// An age in its largest whole unit, cut off: `59s`, `12min`, `3h`, `2d`.
pub fn age_text(age: Span) -> String {
    let seconds = age.as_millis() / 1_000;
    match seconds {
        ..60 => format!("{seconds}s"),
        60..3_600 => format!("{}min", seconds / 60),
        3_600..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::super::picture::Picture;
    use super::super::picture::tests::score;
    use super::*;
    use crate::types::EventTime;

    #[test]
    fn a_narrow_terminal_keeps_risk_band_and_modalities_and_every_column_stands_under_its_heading()
    {
        let mut picture = Picture::default();
        picture.take_score(score("p1", 10, Some(0.25)));
        let rows = picture.rows(EventTime::from_millis(1_767_600_010_000));
        let names = ["vitals", "labs", "imaging"].map(|name| (name.to_owned(), true));
        let flow = Flow { modalities: names.into(), ..Flow::default() };
        let mut shown = Vec::new();
        for width in [200, 114, 109, 91, 86, 40] {
            let table = Table::new(&rows, &flow, width);
            let (head, line) = (table.head(&flow).text(), table.line(&rows[0]).text());
            assert_eq!(head.chars().count(), line.chars().count(), "{head}\n{line}");
            for (heading, value) in [("RISK", "0.250"), ("BAND", "medium"), ("LABS", "○ stale 1h")]
            {
                let at = head.find(heading).expect("a heading");
                let rest: String = line.chars().skip(at).collect();
                assert!(rest.starts_with(value), "{head}\n{line}");
            }
            shown.push((head.contains("UNIT"), head.contains("STATUS"), head.contains("REV")));
        }
        let expected =
            [(true, true, true), (true, true, true), (false, true, true), (false, false, true)];
        assert_eq!(shown[..4], expected);
        assert_eq!(shown[5], (false, false, false));
    }

    #[test]
    fn ages_are_cut_to_their_largest_unit() {
        let shown = [0, 59, 60, 3_599, 3_600, 172_799, 172_800].map(|s| age_text(Span::seconds(s)));
        assert_eq!(shown, ["0s", "59s", "1min", "59min", "1h", "47h", "2d"]);
    }
}

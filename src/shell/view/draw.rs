//! Lines of styled text from a picture; the terminal's size goes in, nothing is written.

use super::picture::{ModalityBar, Picture, Row};
use super::table::{Table, hidden};
use crate::types::{Band, EventTime};

/// What a piece of text is, for the terminal to colour. Every meaning is in the text as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Ordinary.
    Plain,
    /// Less important.
    Dim,
    /// A heading.
    Bold,
    /// The low band; a fresh modality.
    Low,
    /// The medium band; a stale modality.
    Medium,
    /// The high band.
    High,
    /// Insufficient data, a modality that is off.
    Unknown,
}

/// Text of one style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// How.
    pub style: Style,
    /// What; no line breaks, every character one column wide.
    pub text: String,
}

/// One line of the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line(pub Vec<Piece>);

impl Line {
    pub(super) fn new(style: Style, text: impl Into<String>) -> Self {
        Self::default().with(style, text)
    }

    pub(super) fn with(mut self, style: Style, text: impl Into<String>) -> Self {
        self.0.push(Piece { style, text: text.into() });
        self
    }

    /// The text without its styles.
    pub fn text(&self) -> String {
        self.0.iter().map(|piece| piece.text.as_str()).collect()
    }

    /// Cut to so many columns.
    fn cut(mut self, mut width: usize) -> Self {
        for piece in &mut self.0 {
            let length = piece.text.chars().count();
            if length > width {
                piece.text = piece.text.chars().take(width).collect();
            }
            width -= length.min(width);
        }
        self
    }
}

/// The numbers above the table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flow {
    /// First line: what is being shown.
    pub title: String,
    /// Stream time: what ages are measured against.
    pub now: EventTime,
    /// Input records a second; `None`: not known (a watcher of the outputs alone).
    pub events_per_second: Option<f64>,
    /// Fused scores a second.
    pub scores_per_second: f64,
    /// Fused scores since the start.
    pub scores: u64,
    /// Records on their way through the pipeline; `None`: not known.
    pub lag: Option<u64>,
    /// Rejected records since the start; `None`: not known.
    pub rejected: Option<u64>,
    /// Names of the modalities and whether their feed is switched on.
    pub modalities: Vec<(String, bool)>,
    /// What just happened, if anything.
    pub note: String,
    /// The keys, if there are any.
    pub hint: String,
}

const BAR: usize = 24;

/// The whole screen: at most `height` lines of at most `width` columns.
pub fn draw(picture: &Picture, flow: &Flow, (width, height): (u16, u16)) -> Vec<Line> {
    let (width, height) = (usize::from(width), usize::from(height));
    let rows = picture.rows(flow.now);
    let mut lines = head(picture, flow, &rows);
    let table = Table::new(&rows, flow, width);
    lines.push(table.head(flow));
    let foot = foot(flow);
    let room = height.saturating_sub(lines.len() + foot.len());
    let shown = if rows.len() > room { room.saturating_sub(1) } else { rows.len() };
    lines.extend(rows.iter().take(shown).map(|row| table.line(row)));
    if rows.len() > shown {
        lines.push(Line::new(Style::Dim, hidden(&rows[shown..])));
    }
    let blank = height.saturating_sub(lines.len() + foot.len());
    lines.extend((0..blank).map(|_| Line::default()));
    lines.extend(foot);
    lines.truncate(height);
    lines.into_iter().map(|line| line.cut(width)).collect()
}

fn head(picture: &Picture, flow: &Flow, rows: &[Row]) -> Vec<Line> {
    let rate = |rate: Option<f64>| rate.map_or("-".to_owned(), |rate| format!("{rate:.1}"));
    let count = |count: Option<u64>| count.map_or("-".to_owned(), |count| count.to_string());
    let numbers = format!(
        "events/s {:>7}  fused/s {:>7}  lag {:>5}  fused {:>8}  rejected {:>4}",
        rate(flow.events_per_second),
        rate(Some(flow.scores_per_second)),
        count(flow.lag),
        flow.scores,
        count(flow.rejected),
    );
    let mut lines = vec![
        Line::new(Style::Bold, flow.title.as_str()).with(Style::Plain, format!("   {}", flow.now)),
        Line::new(Style::Plain, numbers),
        Line::new(Style::Plain, census(picture, rows)),
        Line::default(),
    ];
    let bars = picture.bars(flow.modalities.len());
    lines
        .extend(flow.modalities.iter().zip(bars).map(|((name, on), bar)| bar_line(name, *on, bar)));
    lines.push(Line::default());
    lines
}

/// How many patients are in which band; those without data are counted as such.
fn census(picture: &Picture, rows: &[Row]) -> String {
    let count = |wanted: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| wanted(row)).count();
    let band = |band: Band| count(&|row| row.risk.is_some() && row.band == Some(band));
    let mut text = format!(
        "{} patients: {} high, {} medium, {} low, {} insufficient data; {} bands held",
        rows.len(),
        band(Band::High),
        band(Band::Medium),
        band(Band::Low),
        count(&|row| row.risk.is_none()),
        count(&|row| row.is_held),
    );
    if picture.is_incomplete() {
        text.push_str("; state was lost, the picture is not yet whole");
    }
    if picture.not_shown() > 0 {
        text.push_str("; too many patients, some are not shown");
    }
    text
}

fn bar_line(name: &str, on: bool, bar: ModalityBar) -> Line {
    let line = Line::new(Style::Plain, format!("{name:<9}"));
    let line = match bar.share() {
        None => line.with(Style::Dim, format!("{:BAR$}  no patient has had it", "")),
        Some(share) => {
            let full = (share * BAR as f64).round() as usize;
            let style = if share >= 0.8 { Style::Low } else { Style::Medium };
            line.with(style, "█".repeat(full)).with(Style::Dim, "░".repeat(BAR - full)).with(
                Style::Plain,
                format!("  {:>3.0} %  fresh {} of {}", share * 100.0, bar.fresh, bar.expected),
            )
        }
    };
    if on { line } else { line.with(Style::Unknown, "  SWITCHED OFF") }
}

fn foot(flow: &Flow) -> Vec<Line> {
    vec![
        Line::new(Style::Plain, flow.note.as_str()),
        Line::new(Style::Bold, flow.hint.as_str()),
        Line::new(Style::Dim, super::NOTICE),
    ]
}

#[cfg(test)]
#[path = "draw_tests.rs"]
mod tests;

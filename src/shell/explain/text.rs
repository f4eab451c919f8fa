//! An explanation as aligned plain text, at most [`WIDTH`] characters wide.

use super::{Explanation, NotUsed, Source, Used};
use std::fmt::{self, Write};

/// Longest line, in characters.
pub(super) const WIDTH: usize = 100;
/// Width of the column of labels and modality names.
const LABEL: usize = 16;

impl Explanation {
    /// The explanation for people: columns aligned, no line longer than 100 characters.
    pub fn text(&self) -> String {
        let mut out = String::new();
        // A String takes everything.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "Fused score of {}", clip(&self.patient, WIDTH - 15))?;
        field(out, "window", &format!("after {} up to {}", self.window_start, self.window_end))?;
        field(out, "pane", &format!("{}, revision {}", self.pane, self.revision))?;
        field(out, "unit", self.unit.as_deref().unwrap_or("not known"))?;
        match (self.risk, self.interval) {
            (Some(risk), Some([lower, upper])) => {
                field(out, "risk", &format!("{risk:.3}, interval {lower:.3} to {upper:.3}"))?;
            }
            _ => field(out, "risk", "none: not a low risk, no risk at all")?,
        }
        field(out, "band", self.band.unwrap_or("none"))?;
        if let Some(held) = &self.band_held {
            field(out, "band held", &held.why)?;
        }
        field(out, "status", &format!("{}: {}", self.status, self.status_meaning))?;
        if !self.used.is_empty() {
            write_used(out, &self.used)?;
        }
        if !self.not_used.is_empty() {
            out.push_str("\nNot used\n");
        }
        for part in &self.not_used {
            write_not_used(out, part)?;
        }
        out.push('\n');
        field(out, "fusion package", &self.package)?;
        field(out, "note", self.notice)
    }
}

fn write_used(out: &mut String, used: &[Used]) -> fmt::Result {
    out.push_str("\nMade of\n");
    let [name, risk, weight, adds] = ["modality", "risk", "weight", "log-odds"];
    let [odds, age] = ["odds", "age"];
    writeln!(out, "  {name:LABEL$} {risk:>6} {weight:>7} {adds:>9} {odds:>10} {age:>10}  model")?;
    for part in used {
        let name = clip(&part.modality, LABEL);
        let (risk, weight) = (part.risk, format!("{:.1} %", part.weight * 100.0));
        let (adds, age) = (signed(part.contribution_log_odds), duration(part.age_seconds));
        let odds = factor(part.odds_factor);
        let model = clip(&part.model, WIDTH - LABEL - 51);
        writeln!(
            out,
            "  {name:LABEL$} {risk:>6.3} {weight:>7} {adds:>9} {odds:>10} {age:>10}  {model}"
        )?;
    }
    let [share, adds] = ["its share after decay", "what it adds"];
    writeln!(out, "  weight: {share}; log-odds: {adds}; odds: the same as a factor")?;
    out.push_str("\nMade from\n");
    for part in used {
        let Source { topic, epoch, partition, offset } = &part.source;
        let source = format!("{topic}, partition {partition}, offset {offset}, epoch {epoch}");
        field(out, &part.modality, &format!("{}: {source}", part.event_time))?;
    }
    Ok(())
}

fn write_not_used(out: &mut String, part: &NotUsed) -> fmt::Result {
    field(out, &part.modality, &format!("{}: {}", part.why, part.meaning))?;
    if let (Some(time), Some(age)) = (&part.newest_event_time, part.newest_age_seconds) {
        let age = duration(age);
        field(out, "", &format!("newest known of it: {time}, {age} before the window end"))?;
    }
    field(out, "", &format!("comes back when {}", part.comes_back_when))
}

/// A label and its value, broken at spaces into lines that are aligned under the first.
fn field(out: &mut String, label: &str, value: &str) -> fmt::Result {
    let room = WIDTH - LABEL - 3;
    let mut label = clip(label, LABEL);
    let mut line = String::new();
    let mut used = 0;
    for word in value.split_whitespace() {
        let word = clip(word, room);
        let length = word.chars().count();
        if used > 0 && used + 1 + length > room {
            writeln!(out, "  {label:LABEL$} {line}")?;
            label.clear();
            line.clear();
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(&word);
        used += length;
    }
    writeln!(out, "  {label:LABEL$} {line}")
}

/// The first `width` characters, the last of them `…` where something was cut off. Control characters become spaces.
fn clip(text: &str, width: usize) -> String {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    if text.chars().count() <= width {
        return text.chars().map(shown).collect();
    }
    text.chars().take(width.saturating_sub(1)).map(shown).chain(['…']).collect()
}

/// Log-odds with three decimals; the method's are far below a thousand, and whatever comes must not break a column.
fn signed(log_odds: f64) -> String {
    if log_odds.abs() < 1e3 { format!("{log_odds:+.3}") } else { format!("{log_odds:+.1e}") }
}

/// A factor on the odds with three significant digits: `x 1.51`.
fn factor(factor: f64) -> String {
    match factor {
        f if !(1e-3..1e4).contains(&f) => format!("x {f:.1e}"),
        f if f >= 100.0 => format!("x {f:.0}"),
        f if f >= 10.0 => format!("x {f:.1}"),
        f if f >= 0.1 => format!("x {f:.2}"),
        f => format!("x {f:.4}"),
    }
}

/// The two largest units: `12 s`, `3 min 20 s`, `25 h 5 min`, `3 d 2 h`; below a second in ms.
fn duration(seconds: f64) -> String {
    if seconds.abs() < 1.0 && seconds != 0.0 {
        return format!("{:.0} ms", seconds * 1e3);
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    let whole = seconds.abs() as u64;
    let (days, hours, minutes) = (whole / 86_400, whole / 3_600, whole / 60);
    let two = |large: u64, unit: &str, small: u64, below: &str| {
        if small == 0 {
            format!("{large} {unit}")
        } else {
            format!("{large} {unit} {small} {below}")
        }
    };
    let text = match whole {
        0..60 => format!("{whole} s"),
        60..3_600 => two(minutes, "m", whole % 60, "s"),
        3_600..172_800 => two(hours, "h", minutes % 60, "m"),
        172_800..8_640_000 => two(days, "d", hours % 24, "h"),
        _ => format!("{days} d"),
    };
    format!("{sign}{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_show_their_two_largest_units() {
        let shown: Vec<String> =
            [0.0, 0.25, 12.0, 200.0, 3_600.0, 90_300.0, 266_400.0, -20.0].map(duration).to_vec();
        assert_eq!(
            shown,
            ["0 s", "250 ms", "12 s", "3 m 20 s", "1 h", "25 h 5 m", "3 d 2 h", "-20 s"]
        );
    }

    #[test]
    fn odds_factors_show_three_significant_digits() {
        let shown: Vec<String> = [1.514, 0.06, 12.34, 250.4, 3e6].map(factor).to_vec();
        assert_eq!(shown, ["x 1.51", "x 0.0600", "x 12.3", "x 250", "x 3.0e6"]);
    }

    #[test]
    fn long_values_break_at_spaces_under_their_first_line() {
        let mut out = String::new();
        field(&mut out, "status", &"word ".repeat(40)).expect("a string takes it");
        let lines: Vec<&str> = out.lines().collect();
        assert!(lines.len() == 3 && lines.iter().all(|line| line.chars().count() <= WIDTH));
        assert!(lines.iter().skip(1).all(|line| line.starts_with(&" ".repeat(LABEL + 3))));
    }
}

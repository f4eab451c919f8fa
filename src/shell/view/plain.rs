//! The same picture as lines, where there is no terminal: changes of band, and a summary now and then.

use super::draw::Flow;
use super::picture::{BandChange, Picture};
use crate::shell::wire::{band_name, status_name};
use crate::types::{Band, FusedScore, Risk};
use std::fmt::Write;

/// One line for a score that changed a patient's band.
pub fn change_line(score: &FusedScore, change: BandChange) -> String {
    let name = |band: Option<Band>| band.map_or("insufficient data", band_name);
    let mut line = format!("{}  {}  ", score.window.end(), score.patient.as_str());
    // A string takes everything.
    let _ = match change.from {
        None => write!(line, "new: {}", name(change.to)),
        Some(from) => write!(line, "{} -> {}", name(from), name(change.to)),
    };
    if score.band_held.is_some() {
        line.push_str(" (held by stale evidence)");
    }
    match (score.risk, score.interval.map(|ends| ends.map(Risk::get))) {
        (Some(risk), Some([low, high])) => {
            let _ = write!(line, "  risk {:.3} [{low:.2}-{high:.2}]", risk.get());
        }
        (Some(risk), None) => {
            let _ = write!(line, "  risk {:.3}", risk.get());
        }
        (None, _) => line.push_str("  no risk"),
    }
    let _ = write!(line, "  {}", status_name(score.status));
    line
}

/// One line for everything.
pub fn summary_line(picture: &Picture, flow: &Flow) -> String {
    let rows = picture.rows(flow.now);
    let in_band = |band| rows.iter().filter(|r| r.risk.is_some() && r.band == Some(band)).count();
    let without = rows.iter().filter(|row| row.risk.is_none()).count();
    let mut line = format!(
        "{}  patients {}  high {}  medium {}  low {}  insufficient {without}",
        flow.now,
        rows.len(),
        in_band(Band::High),
        in_band(Band::Medium),
        in_band(Band::Low),
    );
    let bars = picture.bars(flow.modalities.len());
    for ((name, on), bar) in flow.modalities.iter().zip(bars) {
        let share = bar.share().map_or("-".to_owned(), |share| format!("{:.0} %", share * 100.0));
        let _ = write!(line, "  {name} {share}{}", if *on { "" } else { " (off)" });
    }
    if let Some(rate) = flow.events_per_second {
        let _ = write!(line, "  events/s {rate:.1}");
    }
    let _ = write!(line, "  fused/s {:.1}  fused {}", flow.scores_per_second, flow.scores);
    if let Some(lag) = flow.lag {
        let _ = write!(line, "  lag {lag}");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::super::picture::tests::score;
    use super::*;

    #[test]
    fn a_change_names_both_bands_and_a_score_without_data_has_no_number() {
        let mut picture = Picture::default();
        let first = score("p1", 10, None);
        let change = picture.take_score(first.clone()).expect("a new patient");
        let line = change_line(&first, change);
        assert!(line.ends_with("p1  new: insufficient data  no risk  insufficient_data"), "{line}");
        let second = score("p1", 20, Some(0.4));
        let change = picture.take_score(second.clone()).expect("a band");
        let line = change_line(&second, change);
        assert!(line.ends_with("insufficient data -> high  risk 0.400 [0.40-0.40]  ok"), "{line}");
    }

    #[test]
    fn the_summary_counts_patients_without_data_apart() {
        let mut picture = Picture::default();
        picture.take_score(score("p1", 10, None));
        picture.take_score(score("p2", 10, Some(0.05)));
        let flow = Flow { modalities: vec![("vitals".to_owned(), false)], ..Flow::default() };
        let line = summary_line(&picture, &flow);
        assert!(line.contains("high 0  medium 0  low 1  insufficient 1  vitals - (off)"), "{line}");
    }
}

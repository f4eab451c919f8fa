//! The report's tables as Markdown.

use super::{Cell, Comparison, Kind};
use std::fmt::Write;

type Measured = (f64, Option<[f64; 2]>);

fn with_ends((value, ends): &Measured, digits: usize) -> String {
    match ends {
        _ if value.is_nan() => "-".to_owned(),
        None => format!("{value:.digits$}"),
        Some([low, high]) => format!("{value:.digits$} ({low:.digits$} to {high:.digits$})"),
    }
}

/// A difference of AUROC in points (hundredths).
fn points(cell: &Cell, rival: &str) -> String {
    match cell.ahead_of.get(rival) {
        Some((ahead, Some([low, high]))) => {
            format!("{:+.2} ({:+.2} to {:+.2})", ahead * 100.0, low * 100.0, high * 100.0)
        }
        _ => "-".to_owned(),
    }
}

fn optional(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.3}"))
}

/// Tables of the complete data, of every disturbance and of every pattern of presence.
pub fn markdown(comparison: &Comparison) -> String {
    let mut out = String::new();
    let rivals: Vec<&str> = names(comparison, |kind| kind == Kind::Early);
    let of_hours = |hours: f64| {
        let complete = move |cell: &&Cell| {
            cell.disturbance == "none" && cell.pattern == "any" && cell.as_of_hours == hours
        };
        comparison.cells.iter().filter(complete)
    };
    let mut hours: Vec<f64> = comparison.cells.iter().map(|cell| cell.as_of_hours).collect();
    hours.sort_by(|a, b| b.total_cmp(a));
    hours.dedup();
    for hours in hours {
        let _ = writeln!(out, "\n## Complete data, as of {hours} h\n");
        whole_table(&mut out, of_hours(hours), &rivals);
    }
    for (disturbance, what) in [
        ("removed", "A modality is not there at all"),
        ("outage", "A modality fails for the last 8 hours"),
        ("delay", "Everything of a modality is issued 6 hours later"),
    ] {
        for target in targets(comparison, disturbance) {
            let _ = writeln!(out, "\n## {what}: {target}\n");
            level_table(&mut out, comparison, (disturbance, &target), &rivals);
        }
    }
    let _ = writeln!(out, "\n## By availability pattern, each modality half removed\n");
    let cells = comparison.cells.iter().filter(|cell| cell.pattern != "any");
    let _ = writeln!(out, "| pattern | method | patients | deaths | AUROC | Brier | ECE | slope |");
    let _ = writeln!(out, "|---|---|---:|---:|---:|---:|---:|---:|");
    for cell in cells {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            cell.pattern,
            cell.method,
            cell.patients,
            cell.events,
            with_ends(&cell.measures["auroc"], 3),
            with_ends(&cell.measures["brier"], 4),
            with_ends(&cell.measures["calibration_error"], 3),
            optional(cell.calibration_slope)
        );
    }
    coverage_table(&mut out, comparison);
    out
}

fn coverage_table(out: &mut String, comparison: &Comparison) {
    if comparison.coverage.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n## Interval coverage (nominal 95 %)\n");
    let _ = writeln!(
        out,
        "How often the risk that the same patient has by everything there is, by models trained on other patients, lies in the interval made from these modalities.\n"
    );
    let _ = writeln!(
        out,
        "| method | modalities left | patients | covered (95 %) |\n|---|---|---:|---:|"
    );
    for row in &comparison.coverage {
        let percent = |(share, [low, high]): (f64, [f64; 2])| {
            format!("{:.1} % ({:.1} to {:.1})", share * 100.0, low * 100.0, high * 100.0)
        };
        let share = row.share().map_or("-".to_owned(), percent);
        let _ = writeln!(out, "| {} | {} | {} | {share} |", row.method, row.pattern, row.patients);
    }
}

fn names(comparison: &Comparison, of: fn(Kind) -> bool) -> Vec<&str> {
    comparison.columns.of.iter().filter(|(_, k)| of(*k)).map(|(name, _)| name.as_str()).collect()
}

fn targets(comparison: &Comparison, disturbance: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for cell in comparison.cells.iter().filter(|cell| cell.disturbance == disturbance) {
        if !found.contains(&cell.target) {
            found.push(cell.target.clone());
        }
    }
    found
}

fn whole_table<'a>(out: &mut String, cells: impl Iterator<Item = &'a Cell>, rivals: &[&str]) {
    let ahead: String = rivals.iter().map(|r| format!(" points ahead of {r} |")).collect();
    let _ = writeln!(
        out,
        "| method | patients | deaths | AUROC | AUPRC | Brier | log loss | ECE | slope | sensitivity at 10 % alerts | score 1 | score 2 |{ahead}"
    );
    let _ = writeln!(out, "|---|{}", "---:|".repeat(11 + rivals.len()));
    for cell in cells {
        let ahead: String = rivals.iter().map(|r| format!(" {} |", points(cell, r))).collect();
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |{ahead}",
            cell.method,
            cell.patients,
            cell.events,
            with_ends(&cell.measures["auroc"], 4),
            with_ends(&cell.measures["auprc"], 3),
            with_ends(&cell.measures["brier"], 4),
            with_ends(&cell.measures["log_loss"], 4),
            with_ends(&cell.measures["calibration_error"], 3),
            optional(cell.calibration_slope),
            with_ends(&cell.measures["sensitivity"], 3),
            optional(cell.score_1),
            cell.score_2.map_or("-".to_owned(), |score| format!("{score:.1}"))
        );
    }
}

/// AUROC of every late and early method by level, and how far the default is ahead of each rival.
fn level_table(
    out: &mut String,
    comparison: &Comparison,
    (disturbance, target): (&str, &str),
    rivals: &[&str],
) {
    let methods = names(comparison, |kind| kind != Kind::Alone);
    let Some(default) = methods.first() else { return };
    let heads: String = methods.iter().map(|name| format!(" {name} |")).collect();
    let ahead: String = rivals.iter().map(|r| format!(" {default} ahead of {r} |")).collect();
    let _ = writeln!(out, "| hours | hit | patients |{heads}{ahead} ECE {default} |");
    let _ = writeln!(out, "|---:|{}", "---:|".repeat(3 + methods.len() + rivals.len()));
    let of_method = |name: &str| {
        let name = name.to_owned();
        comparison.cells.iter().filter(move |cell| {
            let here = cell.disturbance == disturbance && cell.target == target;
            cell.method == name && cell.pattern == "any" && here
        })
    };
    for cell in of_method(default) {
        let same =
            |other: &&Cell| other.level == cell.level && other.as_of_hours == cell.as_of_hours;
        let areas: String = methods
            .iter()
            .map(|name| {
                let found = of_method(name).find(same).map(|cell| cell.measures["auroc"].0);
                let area =
                    found.filter(|a| !a.is_nan()).map_or("-".to_owned(), |a| format!("{a:.4}"));
                format!(" {area} |")
            })
            .collect();
        let ahead: String = rivals.iter().map(|r| format!(" {} |", points(cell, r))).collect();
        let _ = writeln!(
            out,
            "| {} | {:.0} % | {} |{areas}{ahead} {} |",
            cell.as_of_hours,
            cell.level * 100.0,
            cell.patients,
            with_ends(&cell.measures["calibration_error"], 3)
        );
    }
}

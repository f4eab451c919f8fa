//! The report as one HTML file that needs nothing else: plots as SVG, tables from the Markdown's figures.

use super::plot::{Line, plot};
use super::{Comparison, Curves, Kind, markdown};
use crate::evaluate::Case;
use crate::evaluate::calibration::{BINS, reliability};
use std::fmt::Write;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;color:#222}\
svg{margin:.4em;vertical-align:top;max-width:100%}.t{font:600 13px system-ui}.n{font:11px system-ui;fill:#444}.e{text-anchor:end}\
.m{text-anchor:middle}.g{stroke:#e4e4e4}table{border-collapse:collapse;margin:1em 0;font-size:13px;display:block;overflow-x:auto}\
td,th{border:1px solid #ddd;padding:3px 7px;text-align:right}td:first-child,th:first-child{text-align:left}";

/// The methods that plots show: fitted and early ones, and the best known pool.
fn shown(comparison: &Comparison) -> Vec<usize> {
    let show = |(name, kind): &(String, Kind)| match kind {
        Kind::Fitted | Kind::Early => true,
        Kind::Pool => name == "log_odds_pool" || name == "linear_pool",
        Kind::Alone => false,
    };
    (0..comparison.columns.of.len()).filter(|i| show(&comparison.columns.of[*i])).collect()
}

/// The report; `head` stands at its top as text.
pub fn html(comparison: &Comparison, title: &str, head: &str) -> String {
    let mut out = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style><h1>{title}</h1>"
    );
    out.push_str("<h2>Degradation</h2><p>AUROC against the share of patients hit; bands are 95 % bootstrap intervals of the first method and the last.</p>");
    for (disturbance, target) in curves(comparison) {
        out.push_str(&degradation(comparison, &disturbance, &target));
    }
    out.push_str("<h2>Late less early</h2><p>Paired difference of AUROC in points, with 95 % bootstrap bands; above zero the default late method ranks better.</p>");
    for rival in comparison.columns.of.iter().filter(|(_, kind)| *kind == Kind::Early) {
        out.push_str(&differences(comparison, &rival.0));
    }
    out.push_str("<h2>Reliability</h2>");
    for (cases, name) in
        comparison.cases.iter().zip(["complete data", "half of each modality removed"])
    {
        out.push_str(&reliability_plot(comparison, cases, name));
    }
    out.push_str("<h2>ROC and precision-recall</h2>");
    for (cases, name) in
        comparison.cases.iter().zip(["complete data", "half of each modality removed"])
    {
        let lines = |points: fn(&[Case]) -> Vec<(f64, f64)>| -> Vec<Line> {
            let line = |i: &usize| line(comparison, *i, points(&cases[*i]));
            shown(comparison).iter().map(line).collect()
        };
        let unit = [0.0, 1.0];
        let (roc, pr) = (format!("ROC, {name}"), format!("Precision-recall, {name}"));
        out.push_str(&plot(
            &roc,
            ("1 - specificity", unit),
            ("sensitivity", unit),
            &lines(roc_points),
        ));
        out.push_str(&plot(&pr, ("recall", unit), ("precision", unit), &lines(pr_points)));
    }
    out.push_str(&tables(&format!("{head}\n{}", markdown(comparison))));
    out.push_str("</html>\n");
    out
}

/// Every disturbance and target with levels, in the order of the cells.
fn curves(comparison: &Comparison) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for cell in comparison.cells.iter().filter(|cell| cell.level > 0.0 && cell.pattern == "any") {
        let key = (cell.disturbance.clone(), cell.target.clone());
        if !found.contains(&key) {
            found.push(key);
        }
    }
    found
}

fn line(comparison: &Comparison, column: usize, points: Vec<(f64, f64)>) -> Line {
    let (name, kind) = comparison.columns.of[column].clone();
    Line { name, points, band: Vec::new(), dashed: kind == Kind::Early }
}

fn degradation(comparison: &Comparison, disturbance: &str, target: &str) -> String {
    let shown = shown(comparison);
    let of = |column: &usize| {
        let name = &comparison.columns.of[*column].0;
        let at_hand = comparison.cells.iter().filter(|cell| {
            let same = cell.disturbance == disturbance && cell.target == target;
            cell.method == *name
                && cell.pattern == "any"
                && cell.as_of_hours == comparison.main_hours
                && (same || cell.disturbance == "none")
        });
        let mut points: Vec<(f64, f64, [f64; 2])> = at_hand
            .filter_map(|cell| {
                let (area, ends) = cell.measures.get("auroc")?;
                (!area.is_nan()).then(|| (cell.level, *area, ends.unwrap_or([*area; 2])))
            })
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut line = line(comparison, *column, points.iter().map(|p| (p.0, p.1)).collect());
        if shown.first() == Some(column) || shown.last() == Some(column) {
            line.band = points.iter().map(|(.., [low, high])| (*low, *high)).collect();
        }
        line
    };
    let lines: Vec<Line> = shown.iter().map(of).collect();
    let title = format!("{target}: {disturbance}, as of {} h", comparison.main_hours);
    let ends = range(lines.iter().flat_map(|line| line.points.iter().map(|point| point.1)));
    plot(&title, ("share of patients hit", [0.0, 1.0]), ("AUROC", ends), &lines)
}

/// The default late method less a rival, with each modality and with all of them removed.
fn differences(comparison: &Comparison, rival: &str) -> String {
    let curves = Curves::of(comparison, "");
    let points = |name: &str| curves.removed.get(name).into_iter().flatten();
    let line = |name: &str| {
        let known = || points(name).filter_map(|p| Some((p.missing, *p.ahead_of.get(rival)?)));
        Line {
            name: name.to_owned(),
            points: known().map(|(x, ahead)| (x, ahead.value * 100.0)).collect(),
            band: known().map(|(_, a)| (a.lower * 100.0, a.upper * 100.0)).collect(),
            dashed: false,
        }
    };
    let names = comparison.modalities.iter().map(|(_, name)| *name).chain(["all"]);
    let mut lines: Vec<Line> = names.map(line).collect();
    let ends = lines.iter().flat_map(|line| line.band.iter().flat_map(|(low, high)| [*low, *high]));
    let (low, high) = ends.fold((-0.5, 0.5), |(a, b): (f64, f64), v| (a.min(v), b.max(v)));
    let zero = vec![(0.0, 0.0), (1.0, 0.0)];
    lines.push(Line {
        name: "no difference".to_owned(),
        points: zero,
        band: Vec::new(),
        dashed: true,
    });
    let title =
        format!("{} less {rival}, modality removed, as of {} h", curves.late, curves.as_of_hours);
    plot(
        &title,
        ("share of patients hit", [0.0, 1.0]),
        ("points", [low.floor(), high.ceil()]),
        &lines,
    )
}

/// The values' range, widened to whole twentieths.
fn range(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let start = (f64::INFINITY, f64::NEG_INFINITY);
    let (low, high) = values.fold(start, |(low, high), v| (low.min(v), high.max(v)));
    if low > high {
        return [0.5, 1.0];
    }
    [(low * 20.0).floor() / 20.0, (high * 20.0 + 1e-9).ceil() / 20.0]
}

fn reliability_plot(comparison: &Comparison, cases: &[Vec<Case>], name: &str) -> String {
    let of = |i: &usize| {
        let bins = reliability(&cases[*i], BINS).unwrap_or_default();
        line(comparison, *i, bins.iter().map(|bin| (bin.mean_risk, bin.event_rate)).collect())
    };
    let mut lines: Vec<Line> = shown(comparison).iter().map(of).collect();
    lines.push(Line {
        name: "perfect".to_owned(),
        points: vec![(0.0, 0.0), (0.8, 0.8)],
        band: Vec::new(),
        dashed: true,
    });
    let title = format!("Reliability, {name}");
    plot(&title, ("mean risk of a tenth", [0.0, 0.8]), ("event rate", [0.0, 0.8]), &lines)
}

/// Hits and false alarms from the highest score down, at most 200 points.
fn sweep(cases: &[Case]) -> (Vec<(f64, f64)>, f64, f64) {
    let mut sorted = cases.to_vec();
    sorted.sort_by(|a, b| b.score.total_cmp(&a.score));
    let every = (sorted.len() / 200).max(1);
    let (mut hits, mut false_alarms, mut points) = (0.0, 0.0, vec![(0.0, 0.0)]);
    for (i, case) in sorted.iter().enumerate() {
        if case.event {
            hits += 1.0
        } else {
            false_alarms += 1.0
        }
        if i % every == 0 || i + 1 == sorted.len() {
            points.push((hits, false_alarms));
        }
    }
    (points, hits, false_alarms)
}

fn roc_points(cases: &[Case]) -> Vec<(f64, f64)> {
    let (points, hits, false_alarms) = sweep(cases);
    points.iter().map(|(h, f)| (f / false_alarms.max(1.0), h / hits.max(1.0))).collect()
}

fn pr_points(cases: &[Case]) -> Vec<(f64, f64)> {
    let (points, hits, _) = sweep(cases);
    points.iter().skip(1).map(|(h, f)| (h / hits.max(1.0), h / (h + f).max(1.0))).collect()
}

/// Headings, paragraphs and pipe tables of the Markdown that [`markdown()`] writes.
fn tables(text: &str) -> String {
    let mut out = String::new();
    let mut in_table = false;
    for row in text.lines() {
        let is_row = row.starts_with('|');
        if in_table && !is_row {
            out.push_str("</table>");
            in_table = false;
        }
        if is_row {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            if cells.iter().all(|cell| cell.chars().all(|c| c == '-' || c == ':')) {
                continue;
            }
            let tag = if in_table { "td" } else { "th" };
            if !in_table {
                out.push_str("<table>");
                in_table = true;
            }
            let cells: String = cells.iter().map(|cell| format!("<{tag}>{cell}</{tag}>")).collect();
            let _ = write!(out, "<tr>{cells}</tr>");
        } else if let Some(heading) = row.strip_prefix("## ") {
            let _ = write!(out, "<h2>{heading}</h2>");
        } else if !row.is_empty() {
            let _ = write!(out, "<p>{row}</p>");
        }
    }
    if in_table {
        out.push_str("</table>");
    }
    out
}

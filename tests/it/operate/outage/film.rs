//! What Prometheus would have scraped, and what it would have said of it: the shipped rules, run by promtool over the recorded series.

use super::super::files::Files;
use super::super::promql::{parse, uses};
use super::SCRAPE;
use super::plant::BEGINNING;
use latefusion::types::Span;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::Command;

/// Values by scrape; `None`: the series is not there.
pub(super) struct Film {
    series: BTreeMap<String, Vec<Option<f64>>>,
    wanted: BTreeSet<String>,
}

impl Film {
    /// Keeps only what the rules use, and what the test looks at.
    pub(super) fn new(files: &Files) -> Self {
        let rules = files.rules();
        let exprs = rules.iter().filter_map(|rule| parse(&rule.expr).ok());
        let wanted = exprs
            .flat_map(|expr| uses(&expr).into_iter().map(|used| used.name).collect::<Vec<_>>());
        Self { series: BTreeMap::new(), wanted: wanted.collect() }
    }

    fn put(&mut self, at: Span, series: String, value: f64) {
        let n = (at.as_millis() / SCRAPE.as_millis()) as usize;
        let values = self.series.entry(series).or_default();
        values.resize(n, None);
        values.push(Some(value));
    }

    /// A scrape that failed.
    pub(super) fn down(&mut self, at: Span, instance: &str) {
        self.put(at, format!("up{{instance=\"{instance}\"}}"), 0.0);
    }

    /// A scrape.
    pub(super) fn take(&mut self, at: Span, instance: &str, page: &str) {
        self.put(at, format!("up{{instance=\"{instance}\"}}"), 1.0);
        for line in page.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            // Reasons that never came up would only make the film longer.
            let is_idle = name == "latefusion_rejected_events_total" && value == "0";
            if !self.wanted.contains(name) || (is_idle && !self.series.contains_key(series)) {
                continue;
            }
            let mut value: f64 = value.parse().expect("a value is a number");
            if name.ends_with("_timestamp_seconds") && value > 0.0 {
                // promtool's time begins at 0.
                value = (value - BEGINNING as f64 / 1e3).max(0.001);
            }
            let labels = labels.trim_end_matches('}');
            let comma = if labels.is_empty() { "" } else { "," };
            self.put(at, format!("{name}{{{labels}{comma}instance=\"{instance}\"}}"), value);
        }
    }

    /// A series at an instant.
    pub(super) fn value(&self, at: Span, series: &str) -> f64 {
        let n = (at.as_millis() / SCRAPE.as_millis()) as usize;
        let found = self.series.get(series).and_then(|values| *values.get(n)?);
        found.expect("the series is in the film")
    }

    pub(super) fn share(&self, at: Span, part: &str, whole: &str) -> f64 {
        self.value(at, part) / self.value(at, whole)
    }

    /// Increase of fusion's series of a name in the five minutes before an instant, by their labels.
    fn increase(&self, at: Span, name: &str) -> BTreeMap<&str, f64> {
        let of_name = self
            .series
            .keys()
            .filter(|key| key.starts_with(name) && key.contains("instance=\"fuse\""));
        of_name
            .map(|key| (&**key, self.value(at, key) - self.value(at - Span::minutes(5), key)))
            .collect()
    }

    /// Share of the fused scores of the five minutes before that used the modality.
    pub(super) fn coverage(&self, at: Span, modality: &str) -> f64 {
        let with = self.increase(at, "latefusion_fused_scores_with_modality_total{");
        let label = format!("modality=\"{modality}\"");
        let with: f64 = with.iter().filter(|(key, _)| key.contains(&label)).map(|(_, n)| n).sum();
        with / self.increase(at, "latefusion_fused_scores_total{").values().sum::<f64>()
    }

    /// Fused scores of the five minutes before by combination, of those whose combination holds the modality.
    pub(super) fn combinations(&self, at: Span, modality: &str) -> BTreeMap<String, f64> {
        let mut counts = BTreeMap::new();
        for (key, n) in self.increase(at, "latefusion_fused_scores_total{") {
            let combination =
                key.split("combination=\"").nth(1).and_then(|rest| rest.split('"').next());
            let combination = combination.unwrap_or_default();
            if combination.contains(modality) && n > 0.0 {
                *counts.entry(combination.to_owned()).or_default() += n;
            }
        }
        counts
    }

    /// Every alert that fires, by the second: its name and what it is about (modality or process), seen every half minute.
    pub(super) fn firing(&self, files: &Files, end: Span) -> Vec<(i64, String)> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        files.write_to(folder.path());
        let scrape = SCRAPE.as_millis() / 1_000;
        let mut test = format!(
            "rule_files: [deploy/prometheus/rules/recording.yml, deploy/prometheus/rules/alerts.yml]\n\
             group_eval_order: [latefusion-recording, latefusion-alerts]\nevaluation_interval: {scrape}s\n\
             tests:\n  - interval: {scrape}s\n    input_series:\n"
        );
        for (series, values) in &self.series {
            let series = series.replacen('{', "{job=\"latefusion\",", 1).replace(",}", "}");
            let _ok =
                writeln!(test, "      - {{series: '{series}', values: '{}'}}", script(values));
        }
        test.push_str("    promql_expr_test:\n");
        for second in (0..=end.as_millis() / 1_000).step_by(30) {
            let _ok = writeln!(
                test,
                "      - {{expr: 'ALERTS{{alertstate=\"firing\"}}', eval_time: {second}s}}"
            );
        }
        std::fs::write(folder.path().join("film.yml"), test).expect("a file");
        let output = Command::new("promtool")
            .current_dir(folder.path())
            .args(["test", "rules", "film.yml"])
            .output();
        let output = output.expect("promtool was there");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(said.contains("got:"), "no alert at all, or no answer: {said}");
        read(&said)
    }
}

/// Values as promtool writes them: repetitions are counted.
fn script(values: &[Option<f64>]) -> String {
    let mut script = String::new();
    for same in values.chunk_by(|a, b| a == b) {
        let _ok = match same[0] {
            Some(value) => write!(script, "{value}x{} ", same.len() - 1),
            None => write!(script, "_x{} ", same.len()),
        };
    }
    script
}

/// What promtool got where nothing was expected.
fn read(said: &str) -> Vec<(i64, String)> {
    let mut firing = Vec::new();
    for answer in said.split("time: ").skip(1) {
        let at = answer.split(',').next().map_or(0, seconds);
        for alert in answer.split("{__name__=\"ALERTS\"").skip(1) {
            let label = |name: &str| {
                let rest = alert.split_once(&format!(" {name}=\"")).map_or("", |(_, rest)| rest);
                rest.split('"').next().unwrap_or_default().to_owned()
            };
            let about = [label("modality"), label("instance")].concat();
            firing.push((at, format!("{} {about}", label("alertname"))));
        }
    }
    firing
}

/// `1h2m30s` in seconds.
fn seconds(duration: &str) -> i64 {
    let mut total = 0;
    let mut number = 0;
    for letter in duration.chars() {
        match letter {
            '0'..='9' => number = number * 10 + i64::from(letter as u8 - b'0'),
            'd' => total += std::mem::take(&mut number) * 86_400,
            'h' => total += std::mem::take(&mut number) * 3_600,
            'm' => total += std::mem::take(&mut number) * 60,
            _ => total += std::mem::take(&mut number),
        }
    }
    total
}

#[test]
fn what_promtool_says_of_alerts_is_read() {
    let said = "expr: \"ALERTS\", time: 1h3m30s,\n exp: nil\n got: {__name__=\"ALERTS\", alertname=\"LatefusionDown\", \
                alertstate=\"firing\", instance=\"a\", job=\"latefusion\"} 1E+00";
    assert_eq!(read(said), [(3_810, "LatefusionDown a".to_owned())]);
    assert_eq!(script(&[Some(1.0), Some(1.0), None, Some(2.5)]), "1x1 _x1 2.5x0 ");
}

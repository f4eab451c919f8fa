//! The Prometheus text format, read.

use std::collections::{BTreeMap, BTreeSet};

/// One line with a value.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// What one scrape gave.
#[derive(Debug)]
pub(super) struct Exposition {
    pub series: Vec<Series>,
    /// Kind by metric.
    pub kinds: BTreeMap<String, String>,
    /// Metrics with a HELP line.
    pub explained: BTreeSet<String>,
}

impl Exposition {
    pub(super) fn parse(text: &str) -> Self {
        let (mut series, mut kinds, mut explained) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("name and kind");
                assert!(kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} twice");
            } else if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect("name and help");
                assert!(!help.is_empty() && explained.insert(name.to_owned()), "{line}");
            } else {
                series.push(Self::line(line));
            }
        }
        Self { series, kinds, explained }
    }

    fn line(line: &str) -> Series {
        let (key, value) = line.rsplit_once(' ').expect("key and value");
        let (name, labels) = key.split_once('{').unwrap_or((key, ""));
        let labels = labels.trim_end_matches('}').split(',').filter(|label| !label.is_empty());
        let label = |label: &str| {
            let (name, value) = label.split_once('=').expect("label and value");
            (name.to_owned(), value.trim_matches('"').to_owned())
        };
        let value = value.parse().unwrap_or_else(|_| panic!("a number: {line}"));
        Series { name: name.to_owned(), labels: labels.map(label).collect(), value }
    }

    /// The metric that a series belongs to: a histogram's own name for its parts.
    pub(super) fn metric_of<'a>(&self, series: &'a Series) -> &'a str {
        let parts = ["_bucket", "_sum", "_count"].iter();
        let base = parts.filter_map(|part| series.name.strip_suffix(part));
        let mut histogram =
            base.filter(|base| self.kinds.get(*base).is_some_and(|k| k == "histogram"));
        histogram.next().unwrap_or(&series.name)
    }

    /// The sum of a metric over the series that have these labels.
    pub(super) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |series: &&Series| {
            series.name == name
                && labels
                    .iter()
                    .all(|(label, value)| series.labels.get(*label).is_some_and(|v| v == value))
        };
        let found: Vec<f64> = self.series.iter().filter(has).map(|series| series.value).collect();
        assert!(!found.is_empty(), "there is no {name} {labels:?}");
        found.iter().sum()
    }
}

//! One series' value, on its way to the exporter.

/// A value of a counter or gauge.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// One of [`super::names`].
    pub name: &'static str,
    /// Label values, in the order of the metric's labels.
    pub labels: Vec<String>,
    /// The value.
    pub value: f64,
}

impl Sample {
    /// A value.
    pub fn new(name: &'static str, labels: &[&str], value: f64) -> Self {
        Self { name, labels: labels.iter().map(|label| (*label).to_owned()).collect(), value }
    }
}

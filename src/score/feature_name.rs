//! A feature as text, `column/statistic/span`: `heart_rate_per_min/mean/12h`. Manifests, specification files and the
//! columns of training tables all write features this way.

use super::{FeatureSpec, Statistic};
use crate::modality::Modality;
use crate::types::Span;
use std::fmt;

/// A text that names no feature of a modality.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no feature of {modality}: {expected}")]
pub struct NotAFeature {
    /// What was read.
    pub text: String,
    /// Name of the modality.
    pub modality: &'static str,
    /// What was expected instead.
    pub expected: String,
}

impl Statistic {
    /// Every statistic but the steps of sequences, in the order of their declaration.
    pub const ALL: [Self; 7] = [
        Self::Last,
        Self::SecondsSince,
        Self::Mean,
        Self::Min,
        Self::Max,
        Self::Slope,
        Self::Count,
    ];

    /// The name in texts; of a step without its number.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::SecondsSince => "seconds_since",
            Self::Mean => "mean",
            Self::Min => "min",
            Self::Max => "max",
            Self::Slope => "slope",
            Self::Count => "count",
            Self::StepMean(_) => "step_mean",
        }
    }
}

impl fmt::Display for FeatureSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (column, within) = (self.column, self.within);
        match self.statistic {
            Statistic::StepMean(back) => write!(f, "{column}/step_mean_{back}/{within}"),
            other => write!(f, "{column}/{}/{within}", other.name()),
        }
    }
}

impl FeatureSpec {
    /// Reads `column/statistic/span` for a modality.
    ///
    /// # Errors
    /// Not three parts, a column that the modality does not have, an unknown statistic, or a span that is none or zero.
    pub fn parse(text: &str, modality: &Modality) -> Result<Self, NotAFeature> {
        let wrong = |expected: &str| NotAFeature {
            text: text.to_owned(),
            modality: modality.name,
            expected: expected.to_owned(),
        };
        let parts: Vec<&str> = text.split('/').collect();
        let [column, statistic, within] = parts[..] else {
            return Err(wrong("expected column/statistic/span"));
        };
        let column = modality.columns.iter().find(|c| c.name == column).map(|c| c.name);
        let back = statistic.strip_prefix("step_mean_").and_then(|back| back.parse().ok());
        let named = Statistic::ALL.into_iter().find(|s| s.name() == statistic);
        let statistic = named.or(back.map(Statistic::StepMean));
        let within = within.parse::<Span>().ok().filter(|span| span.is_positive());
        Ok(Self {
            column: column.ok_or_else(|| wrong("no such column"))?,
            statistic: statistic.ok_or_else(|| wrong("no such statistic"))?,
            within: within.ok_or_else(|| wrong("the span must be such as 12h, above zero"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modality::Registry;

    #[test]
    fn every_feature_reads_back_the_same_and_mistakes_are_told() {
        let registry = Registry::shipped();
        let mut compared = 0;
        for (_, modality) in registry.iter() {
            for column in modality.columns {
                for statistic in Statistic::ALL.into_iter().chain([Statistic::StepMean(23)]) {
                    let within = Span::hours(12);
                    let spec = FeatureSpec { column: column.name, statistic, within };
                    assert_eq!(FeatureSpec::parse(&spec.to_string(), modality), Ok(spec));
                    compared += 1;
                }
            }
            let column = modality.columns[0].name;
            for wrong in ["", "a/mean/12h", &format!("{column}/mode/12h")] {
                assert!(FeatureSpec::parse(wrong, modality).is_err(), "{wrong}");
            }
            assert!(FeatureSpec::parse(&format!("{column}/mean/0h"), modality).is_err());
        }
        assert!(compared > 300, "only {compared} features were compared");
    }
}

//! Tree ensembles as LightGBM and XGBoost write them, read natively with their exact rules for missing values.
//!
//! A neutral room: scorers and fusion methods use it alike, and it knows of neither.

mod flat;
mod lightgbm;
mod link;
mod xgboost;

use flat::Forest;
use link::Link;

/// Most features of an ensemble.
pub const MOST_FEATURES: usize = 65_536;
/// Most outputs of an ensemble.
pub const MOST_OUTPUTS: usize = 1_024;

/// Why a model file cannot be used: what is wrong and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadTrees(pub String);

impl BadTrees {
    fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

/// A checked ensemble of decision trees.
#[derive(Clone, Debug, PartialEq)]
pub struct TreeEnsemble {
    forest: Forest,
    link: Link,
    feature_names: Vec<String>,
}

impl TreeEnsemble {
    /// Reads LightGBM's text format (`model.txt`): every objective with a fixed link, numerical and categorical splits,
    /// gbdt, dart, goss and rf. Predictions equal LightGBM's own to the last bit, up to the library's `exp`.
    ///
    /// # Errors
    /// What is wrong with the text, a truncated one included; linear trees are refused.
    pub fn from_lightgbm(text: &str) -> Result<Self, BadTrees> {
        lightgbm::read(text)
    }

    /// Reads XGBoost's JSON format (`save_model("x.json")`): gbtree and dart, numerical and categorical splits.
    /// XGBoost adds up in single precision, this in double: they agree to about 1e-6.
    ///
    /// # Errors
    /// What is wrong with the text; linear boosters, vector leaves and objectives without a fixed link are refused.
    pub fn from_xgboost(json: &str) -> Result<Self, BadTrees> {
        xgboost::read(json)
    }

    /// How many features it knows; it may use fewer.
    pub fn features(&self) -> usize {
        self.forest.features()
    }

    /// Names of the features in the order of the columns; empty where the file has none.
    pub fn feature_names(&self) -> &[String] {
        &self.feature_names
    }

    /// How many numbers it predicts for a row: 1, or the number of classes.
    pub fn outputs(&self) -> usize {
        self.forest.outputs()
    }

    /// How many trees it has.
    pub fn trees(&self) -> usize {
        self.forest.trees()
    }

    /// Bytes allocated.
    pub fn memory_bytes(&self) -> usize {
        let names = self.feature_names.iter().map(|name| name.capacity() + size_of::<String>());
        self.forest.memory_bytes() + names.sum::<usize>()
    }

    /// \[n x outputs\] predictions in the units of the objective (probabilities for classifiers), row by row.
    ///
    /// `rows` is \[n x `n_features`\], row by row; NaN = missing. Features beyond `n_features` are missing, columns
    /// beyond [`TreeEnsemble::features`] are not looked at, and an unfinished last row is left out. Rows do not
    /// depend on each other.
    pub fn predict(&self, rows: &[f64], n_features: usize) -> Vec<f64> {
        let mut predicted = self.margins(rows, n_features);
        predicted.chunks_exact_mut(self.outputs()).for_each(|row| self.link.apply(row));
        predicted
    }

    /// As [`TreeEnsemble::predict`], before the objective's link: log-odds for a binary classifier.
    pub fn margins(&self, rows: &[f64], n_features: usize) -> Vec<f64> {
        self.forest.sum(rows, n_features)
    }
}

//! The model behind a manifest, whatever its kind.

use super::inputs::{Given, Inputs};
use super::manifest::{Kind, Manifest, OutputKind};
use super::neural::Network;
use crate::trees::TreeEnsemble;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A model that can be run.
#[derive(Debug)]
pub(super) struct Runner {
    model: Model,
    /// Which of a row's outputs is the score.
    index: usize,
    /// Trees: before the link.
    margin: bool,
}

#[derive(Debug)]
enum Model {
    Trees(Box<TreeEnsemble>),
    Network(Box<Network>),
}

impl Runner {
    /// Reads a model file.
    pub(super) fn load(manifest: &Manifest, inputs: &Inputs, bytes: &[u8]) -> Result<Self, String> {
        let index = manifest.output.index;
        let margin = manifest.output.kind == OutputKind::LogOdds;
        let model = guarded(|| model(manifest, inputs, bytes))??;
        if let Model::Trees(trees) = &model {
            if index >= trees.outputs() {
                let outputs = trees.outputs();
                return Err(format!("output.index: the model has {outputs} outputs, from 0 on"));
            }
            if trees.features() != inputs.width() {
                return Err(format!(
                    "features: the manifest gives {} inputs and the model takes {} ({})",
                    inputs.width(),
                    trees.features(),
                    trees.feature_names().join(", ")
                ));
            }
        }
        Ok(Self { model, index, margin })
    }

    /// \[n\] raw scores; NaN: none.
    pub(super) fn run(&self, given: Given) -> Result<Vec<f64>, String> {
        let rows = given.rows;
        let scores = guarded(|| match &self.model {
            Model::Trees(trees) => {
                let width = given.values.len() / rows.max(1);
                let out = if self.margin {
                    trees.margins(&given.values, width)
                } else {
                    trees.predict(&given.values, width)
                };
                Ok(out.chunks_exact(trees.outputs()).map(|row| row[self.index]).collect())
            }
            Model::Network(network) => network.run(given, self.index),
        })??;
        if scores.len() == rows {
            return Ok(scores);
        }
        Err(format!("the model answers {} rows, and was asked for {rows}", scores.len()))
    }

    pub(super) fn memory_bytes(&self) -> usize {
        match &self.model {
            Model::Trees(trees) => trees.memory_bytes(),
            Model::Network(network) => network.memory_bytes(),
        }
    }
}

fn model(manifest: &Manifest, inputs: &Inputs, bytes: &[u8]) -> Result<Model, String> {
    let text = || std::str::from_utf8(bytes).map_err(|_| "the model file is no text".to_owned());
    let trees = |read: Result<TreeEnsemble, crate::trees::BadTrees>| {
        read.map(|trees| Model::Trees(Box::new(trees))).map_err(|error| error.to_string())
    };
    match manifest.kind {
        Kind::Lightgbm => trees(TreeEnsemble::from_lightgbm(text()?)),
        Kind::Xgboost => trees(TreeEnsemble::from_xgboost(text()?)),
        Kind::Onnx => Network::load(bytes, inputs, manifest.input.mask)
            .map(|network| Model::Network(Box::new(network))),
    }
}

/// What `run` returns, or what it panicked with: the runtimes hold no promise for files that nobody has seen.
fn guarded<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        format!("the runtime panicked: {}", text.unwrap_or_default())
    })
}

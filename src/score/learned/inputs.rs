//! From the manifest's inputs to what the score stage computes, and from its rows to what the model is given.

use super::manifest::{Layout, Manifest, Mask, Nulls};
use crate::modality::Modality;
use crate::score::{FeatureSpec, Statistic};
use crate::types::Span;
use arrow::array::{Array, Float64Array, RecordBatch};

/// The inputs of one model.
#[derive(Clone, Debug)]
pub(super) struct Inputs {
    specs: Vec<FeatureSpec>,
    /// (centre, scale) of each.
    scaling: Vec<(f64, f64)>,
    nulls: Nulls,
    mask: Mask,
    /// Steps and channels; `None`: the inputs are features.
    sequence: Option<(usize, usize, Layout)>,
}

/// What a model is given for n rows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Given {
    /// How many rows.
    pub(super) rows: usize,
    /// Shape of one row.
    pub(super) shape: Vec<usize>,
    /// Row by row.
    pub(super) values: Vec<f64>,
    /// 1 where known, 0 where null, of the same shape; only with [`Mask::Tensor`].
    pub(super) mask: Option<Vec<f64>>,
}

impl Inputs {
    pub(super) fn new(
        manifest: &Manifest,
        modality: &'static Modality,
    ) -> Result<Self, Vec<String>> {
        let mut mistakes = Vec::new();
        let mut column = |name: &str, path: String| match modality.column(name) {
            Some(at) => modality.columns[usize::from(at)].name,
            None => {
                mistakes.push(format!("{path}: {} has no column `{name}`", modality.name));
                ""
            }
        };
        let (mut specs, mut scaling) = (Vec::new(), Vec::new());
        for (i, feature) in manifest.features.iter().enumerate() {
            let column = column(&feature.column, format!("features[{i}].column"));
            let statistic = feature.statistic.statistic();
            specs.push(FeatureSpec { column, statistic, within: feature.within });
            scaling.push((feature.centre, feature.scale));
        }
        let mut shape = None;
        if let Some(sequence) = &manifest.sequence {
            let channels: Vec<&'static str> = sequence
                .channels
                .iter()
                .enumerate()
                .map(|(i, name)| column(name, format!("sequence.channels[{i}]")))
                .collect();
            shape = Some((usize::from(sequence.steps), channels.len(), sequence.layout));
            for back in (0..sequence.steps).rev() {
                for (i, column) in channels.iter().enumerate() {
                    let statistic = Statistic::StepMean(back);
                    specs.push(FeatureSpec { column, statistic, within: sequence.step });
                    let of = |list: &[f64], other| list.get(i).copied().unwrap_or(other);
                    scaling.push((of(&sequence.centre, 0.0), of(&sequence.scale, 1.0)));
                }
            }
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let (nulls, mask) = (manifest.nulls(), manifest.input.mask);
        Ok(Self { specs, scaling, nulls, mask, sequence: shape })
    }

    pub(super) fn specs(&self) -> &[FeatureSpec] {
        &self.specs
    }

    /// How far back the inputs reach.
    pub(super) fn span(&self) -> Span {
        self.specs.iter().map(FeatureSpec::reach).max().unwrap_or(Span::ZERO)
    }

    /// How many numbers a row of values has.
    pub(super) fn width(&self) -> usize {
        self.shape().iter().product()
    }

    /// Shape of one row.
    pub(super) fn shape(&self) -> Vec<usize> {
        let twice = if self.mask == Mask::Append { 2 } else { 1 };
        match self.sequence {
            None => vec![self.specs.len() * twice],
            Some((steps, channels, Layout::StepsFirst)) => vec![steps, channels * twice],
            Some((steps, channels, Layout::ChannelsFirst)) => vec![channels * twice, steps],
        }
    }

    /// What the model is given for a batch of the score stage.
    pub(super) fn of_batch(&self, batch: &RecordBatch) -> Given {
        let column = |i: usize| batch.columns().get(i)?.as_any().downcast_ref::<Float64Array>();
        let columns: Vec<Option<&Float64Array>> = (0..self.specs.len()).map(column).collect();
        self.given(batch.num_rows(), |row, i| {
            let column = columns.get(i).copied().flatten().filter(|c| c.is_valid(row))?;
            Some(column.value(row)).filter(|value| value.is_finite())
        })
    }

    fn given(&self, rows: usize, value: impl Fn(usize, usize) -> Option<f64>) -> Given {
        let (count, width) = (self.specs.len(), self.width());
        let null = if self.nulls == Nulls::Nan { f64::NAN } else { 0.0 };
        let mut values = vec![null; rows * width];
        let own_mask = self.mask == Mask::Tensor;
        let mut mask = vec![0.0; if own_mask { rows * width } else { 0 }];
        let appended = self.mask == Mask::Append;
        for (row, values) in values.chunks_exact_mut(width.max(1)).enumerate() {
            for i in 0..count {
                let [at, flag] = self.places(i);
                let known = value(row, i);
                if let Some(known) = known {
                    let (centre, scale) = self.scaling[i];
                    values[at] = (known - centre) / scale;
                }
                let known = f64::from(u8::from(known.is_some()));
                if appended {
                    values[flag] = known;
                } else if own_mask {
                    mask[row * width + at] = known;
                }
            }
        }
        Given { rows, shape: self.shape(), values, mask: own_mask.then_some(mask) }
    }

    /// Where input `i` and its appended flag stand in a row.
    fn places(&self, i: usize) -> [usize; 2] {
        let twice = if self.mask == Mask::Append { 2 } else { 1 };
        match self.sequence {
            None => [i, self.specs.len() + i],
            Some((steps, channels, layout)) => {
                let (step, channel) = (i / channels, i % channels);
                [channel, channels + channel].map(|channel| match layout {
                    Layout::StepsFirst => step * channels * twice + channel,
                    Layout::ChannelsFirst => channel * steps + step,
                })
            }
        }
    }
}

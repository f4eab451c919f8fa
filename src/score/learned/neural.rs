//! Neural networks in ONNX, run by `rten`.

use super::framing;
use super::inputs::{Given, Inputs};
use super::manifest::Mask;
use rten::{Dimension, Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value, ValueOrView};
use std::sync::Arc;

/// Rows that are run at once: more only fill the caches.
const BLOCK: usize = 128;
/// Rows are filled up to a multiple of this: the runtime multiplies a single row in another order than many, and the cut
/// into batches must not show in the last bit.
const MULTIPLE: usize = 8;

thread_local! {
    /// One thread for each lane's thread. The runtime's own pool has one for each core: lanes would wait for each other there,
    /// and the order of its sums, with it the last bit, would depend on the machine.
    static POOL: Arc<ThreadPool> = Arc::new(ThreadPool::with_num_threads(1));
}

/// A network that is ready to run.
pub(super) struct Network {
    model: Model,
    /// Values, and the mask where it is a tensor of its own.
    inputs: Vec<NodeId>,
    output: NodeId,
    parameters: usize,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network").field("parameters", &self.parameters).finish_non_exhaustive()
    }
}

impl Network {
    /// Reads a graph whose inputs fit the manifest's. The golden vectors show whether it runs.
    pub(super) fn load(bytes: &[u8], inputs: &Inputs, mask: Mask) -> Result<Self, String> {
        if !framing::is_sound(bytes) {
            return Err("the ONNX file is malformed or truncated".to_owned());
        }
        let mut options = ModelOptions::with_all_ops();
        options.prepack_weights(true);
        let model = options.load(bytes.to_vec()).map_err(|error| format!("ONNX: {error}"))?;
        let wanted = if mask == Mask::Tensor { 2 } else { 1 };
        let ids = model.input_ids().to_vec();
        if ids.len() != wanted {
            let names: Vec<&str> =
                ids.iter().filter_map(|id| model.node_info(*id)?.name()).collect();
            return Err(format!(
                "the graph has {} inputs ({}), and the manifest gives {wanted}",
                ids.len(),
                names.join(", ")
            ));
        }
        let output = *model.output_ids().first().ok_or("the graph has no output")?;
        for index in 0..ids.len() {
            fits(&model, index, &inputs.shape())?;
        }
        let parameters = model.total_params();
        Ok(Self { model, inputs: ids, output, parameters })
    }

    /// \[n\] the wanted one of each row's outputs.
    pub(super) fn run(&self, given: Given, index: usize) -> Result<Vec<f64>, String> {
        let width = given.shape.iter().product::<usize>().max(1);
        let single = |values: &[f64]| values.iter().map(|x| *x as f32).collect::<Vec<f32>>();
        let options = POOL.with(|pool| RunOptions::default().with_thread_pool(Some(pool.clone())));
        let mut scores = Vec::with_capacity(given.rows);
        for (block, values) in given.values.chunks(BLOCK * width).enumerate() {
            let start = block * BLOCK * width;
            let mask = given.mask.as_ref().map(|mask| &mask[start..start + values.len()]);
            let rows = values.len() / width;
            let filled = rows.next_multiple_of(MULTIPLE);
            let shape: Vec<usize> =
                std::iter::once(filled).chain(given.shape.iter().copied()).collect();
            let tensor = |values: &[f64]| {
                let mut values = single(values);
                values.resize(filled * width, 0.0);
                Value::from_shape(&shape, values).map_err(|error| error.to_string())
            };
            let mut inputs: Vec<(NodeId, ValueOrView<'_>)> = Vec::with_capacity(2);
            for (id, values) in self.inputs.iter().zip(std::iter::once(values).chain(mask)) {
                inputs.push((*id, tensor(values)?.into()));
            }
            let run = self.model.run_n(inputs, [self.output], Some(options.clone()));
            let [output] = run.map_err(|error| format!("ONNX: {error}"))?;
            scores.extend(column(output, filled, index)?.into_iter().take(rows));
        }
        Ok(scores)
    }

    /// The weights, and again as they are packed for multiplication.
    pub(super) fn memory_bytes(&self) -> usize {
        self.parameters * size_of::<f32>() * 2
    }
}

/// Checks the shape that the graph states for an input, where it states one.
fn fits(model: &Model, index: usize, row: &[usize]) -> Result<(), String> {
    let Some(stated) = model.input_shape(index) else { return Ok(()) };
    let axes: Vec<Option<usize>> = stated
        .iter()
        .map(|axis| match axis {
            Dimension::Fixed(size) => Some(*size),
            Dimension::Symbolic(_) => None,
        })
        .collect();
    let told = |axes: &[Option<usize>]| {
        let words: Vec<String> =
            axes.iter().map(|a| a.map_or("n".to_owned(), |a| a.to_string())).collect();
        format!("[{}]", words.join(" x "))
    };
    let given: Vec<Option<usize>> =
        std::iter::once(None).chain(row.iter().copied().map(Some)).collect();
    let same = axes.len() == given.len()
        && axes.iter().zip(&given).skip(1).all(|(axis, size)| axis.is_none() || axis == size);
    if same && axes.first().copied().flatten().is_none() {
        return Ok(());
    }
    let problem = if same { "its first axis must be dynamic (the batch)" } else { "they differ" };
    Err(format!(
        "input {index} of the graph is {}, and the manifest gives {}: {problem}",
        told(&axes),
        told(&given)
    ))
}

/// One of each row's outputs: of \[n\], or \[n x outputs\] in any further shape.
fn column(output: Value, rows: usize, index: usize) -> Result<Vec<f64>, String> {
    let tensor = output.into_tensor::<f32>().ok_or("the output is no tensor of floats")?;
    let values = tensor.into_data();
    let outputs = values.len() / rows.max(1);
    if outputs == 0 || values.len() != rows * outputs {
        return Err(format!("{} outputs for {rows} rows", values.len()));
    }
    if index >= outputs {
        return Err(format!("output.index: a row has {outputs} outputs, from 0 on"));
    }
    Ok(values.chunks_exact(outputs).map(|row| f64::from(row[index])).collect())
}

//! XGBoost's JSON model: `learner.gradient_booster` with a list of arrays for each tree.

use super::flat::{CategoriesLeft, Forest, Precision, RawNode, Split};
use super::link::Link;
use super::{BadTrees, MOST_FEATURES, MOST_OUTPUTS, TreeEnsemble};
use serde::Deserialize;
use std::str::FromStr;

#[derive(Deserialize)]
struct File {
    learner: Learner,
}

#[derive(Deserialize)]
struct Learner {
    gradient_booster: Booster,
    learner_model_param: LearnerParameters,
    objective: Objective,
    #[serde(default)]
    feature_names: Vec<String>,
}

#[derive(Deserialize)]
struct Booster {
    name: String,
    model: Option<Model>,
    /// Of dart: the booster proper.
    gbtree: Option<Inner>,
    /// Of dart: one for each tree.
    weight_drop: Option<Vec<f64>>,
}

#[derive(Deserialize)]
struct Inner {
    model: Model,
}

#[derive(Deserialize)]
struct Model {
    trees: Vec<Tree>,
    /// Output of each tree.
    tree_info: Vec<usize>,
}

#[derive(Deserialize)]
struct LearnerParameters {
    base_score: serde_json::Value,
    num_class: String,
    num_feature: String,
    #[serde(default)]
    num_target: Option<String>,
}

#[derive(Deserialize)]
struct Objective {
    name: String,
}

#[derive(Deserialize)]
struct Tree {
    left_children: Vec<i64>,
    right_children: Vec<i64>,
    split_indices: Vec<usize>,
    split_conditions: Vec<f64>,
    default_left: Vec<Flag>,
    #[serde(default)]
    split_type: Vec<u8>,
    #[serde(default)]
    categories: Vec<i64>,
    #[serde(default)]
    categories_nodes: Vec<usize>,
    #[serde(default)]
    categories_segments: Vec<usize>,
    #[serde(default)]
    categories_sizes: Vec<usize>,
    tree_param: TreeParameters,
}

/// Written as 0 and 1 or as false and true.
#[derive(Deserialize)]
#[serde(untagged)]
enum Flag {
    Bool(bool),
    Number(u8),
}

impl Flag {
    const fn is_set(&self) -> bool {
        matches!(self, Self::Bool(true) | Self::Number(1..))
    }
}

#[derive(Deserialize)]
struct TreeParameters {
    #[serde(default)]
    size_leaf_vector: Option<String>,
}

pub(super) fn read(json: &str) -> Result<TreeEnsemble, BadTrees> {
    let file: File = serde_json::from_str(json)
        .map_err(|error| BadTrees::new(format!("no XGBoost model in JSON: {error}")))?;
    let Learner { gradient_booster, learner_model_param: parameters, objective, feature_names } =
        file.learner;
    let (model, weights) = trees_of(gradient_booster)?;
    let features: usize = count("num_feature", &parameters.num_feature)?;
    let targets = parameters.num_target.map_or(Ok(1), |targets| count("num_target", &targets))?;
    let outputs = count("num_class", &parameters.num_class)?.max(targets).max(1);
    if features > MOST_FEATURES || outputs > MOST_OUTPUTS {
        return Err(BadTrees::new(format!("{features} features and {outputs} outputs: too many")));
    }
    let (link, margin) = link(&objective.name)?;
    let mut base = scores(&parameters.base_score)?;
    if base.len() == 1 {
        base = vec![base[0]; outputs];
    }
    if base.len() != outputs {
        return Err(BadTrees::new("`base_score` has not one entry for each output"));
    }
    let base: Vec<f64> = base.into_iter().map(margin).collect();
    if base.iter().any(|score| !score.is_finite()) {
        return Err(BadTrees::new("`base_score` is out of the objective's range"));
    }
    if model.tree_info.len() != model.trees.len() || model.trees.is_empty() {
        return Err(BadTrees::new("`tree_info` has not one entry for each tree, or there is none"));
    }
    let mut forest = Forest::new(features, base, Precision::Single)?;
    for (i, (tree, output)) in model.trees.iter().zip(&model.tree_info).enumerate() {
        let nodes = nodes(tree).map_err(|BadTrees(e)| BadTrees(format!("tree {i}: {e}")))?;
        let factor = weights.as_ref().map_or(Some(1.0), |weights| weights.get(i).copied());
        let factor = factor.ok_or_else(|| BadTrees::new("a tree has no entry in `weight_drop`"))?;
        forest.add(&nodes, *output, factor)?;
    }
    Ok(TreeEnsemble { forest, link, feature_names })
}

fn trees_of(booster: Booster) -> Result<(Model, Option<Vec<f64>>), BadTrees> {
    let Booster { name, model, gbtree, weight_drop } = booster;
    match (name.as_str(), model, gbtree) {
        ("gbtree", Some(model), _) => Ok((model, None)),
        ("dart", _, Some(inner)) => Ok((inner.model, Some(weight_drop.unwrap_or_default()))),
        ("gbtree" | "dart", ..) => Err(BadTrees::new("the booster has no `model`")),
        (other, ..) => Err(BadTrees::new(format!("the booster `{other}` has no trees"))),
    }
}

fn count(key: &str, text: &str) -> Result<usize, BadTrees> {
    text.parse().map_err(|_| BadTrees::new(format!("`{key}` is no whole number")))
}

/// `"5E-1"`, `"[5E-1]"` or a list: each version of XGBoost writes its own.
fn scores(value: &serde_json::Value) -> Result<Vec<f64>, BadTrees> {
    let wrong = || BadTrees::new("`base_score` is no number");
    match value {
        serde_json::Value::Array(list) => {
            list.iter().map(|one| one.as_f64().ok_or_else(wrong)).collect()
        }
        serde_json::Value::String(text) => text
            .trim_matches(['[', ']'])
            .split(',')
            .map(|one| f64::from_str(one.trim()).map_err(|_| wrong()))
            .collect(),
        other => other.as_f64().map(|one| vec![one]).ok_or_else(wrong),
    }
}

fn nodes(tree: &Tree) -> Result<Vec<RawNode>, BadTrees> {
    let count = tree.left_children.len();
    let lengths = [
        tree.right_children.len(),
        tree.split_indices.len(),
        tree.split_conditions.len(),
        tree.default_left.len(),
    ];
    if lengths.iter().any(|length| *length != count) {
        return Err(BadTrees::new("its arrays have different lengths"));
    }
    if !tree.split_type.is_empty() && tree.split_type.len() != count {
        return Err(BadTrees::new("`split_type` has another length than the other arrays"));
    }
    let vector = tree.tree_param.size_leaf_vector.as_deref().unwrap_or("1");
    if !matches!(vector, "0" | "1") {
        return Err(BadTrees::new("leaves that are vectors are not supported"));
    }
    let place = |child: i64| usize::try_from(child).unwrap_or(usize::MAX);
    let mut categories_left = CategoriesLeft::of_a_tree();
    let node = |i: usize| {
        let condition = tree.split_conditions[i];
        if tree.left_children[i] == -1 {
            return Ok(RawNode::Leaf(condition));
        }
        let split = match tree.split_type.get(i) {
            None | Some(0) if condition.is_nan() => return Err(BadTrees::new("a NaN threshold")),
            // `x < c` for floats is `x <= the float before c`.
            None | Some(0) => Split::AtMost(f64::from((condition as f32).next_down())),
            // XGBoost's members go right; what is in no set goes left.
            Some(1) => Split::OneOf { categories: categories(tree, i)?, left: false },
            Some(_) => return Err(BadTrees::new("`split_type` holds an unknown kind")),
        };
        categories_left.spend(&split)?;
        Ok(RawNode::Split {
            feature: tree.split_indices[i],
            split,
            missing_left: tree.default_left[i].is_set(),
            children: [place(tree.left_children[i]), place(tree.right_children[i])],
        })
    };
    (0..count).map(node).collect()
}

/// The categories of a node, rising.
fn categories(tree: &Tree, node: usize) -> Result<Vec<u32>, BadTrees> {
    let wrong = || BadTrees::new("a set of categories that there is not");
    let at = tree.categories_nodes.binary_search(&node).map_err(|_| wrong())?;
    let start = *tree.categories_segments.get(at).ok_or_else(wrong)?;
    let size = *tree.categories_sizes.get(at).ok_or_else(wrong)?;
    let set = tree.categories.get(start..start.saturating_add(size)).ok_or_else(wrong)?;
    let set: Result<Vec<u32>, _> = set.iter().map(|one| u32::try_from(*one)).collect();
    let mut set = set.map_err(|_| wrong())?;
    set.sort_unstable();
    set.dedup();
    Ok(set)
}

/// From a base score to its margin.
type ToMargin = fn(f64) -> f64;

/// The link of an objective, and what makes a margin of its base score.
fn link(objective: &str) -> Result<(Link, ToMargin), BadTrees> {
    let same: ToMargin = |score| score;
    let log_odds: ToMargin = |score| -(1.0 / score - 1.0).ln();
    let log: ToMargin = f64::ln;
    Ok(match objective {
        "binary:logistic" | "reg:logistic" => (Link::Logistic(1.0), log_odds),
        // Its base score is a probability too, though its predictions are margins.
        "binary:logitraw" => (Link::Identity, log_odds),
        "multi:softprob" | "multi:softmax" => (Link::Softmax, same),
        "count:poisson" | "reg:gamma" | "reg:tweedie" | "survival:cox" | "survival:aft" => {
            (Link::Exp, log)
        }
        "binary:hinge" => (Link::Hinge, same),
        "reg:squarederror"
        | "reg:squaredlogerror"
        | "reg:absoluteerror"
        | "reg:pseudohubererror"
        | "reg:quantileerror"
        | "rank:pairwise"
        | "rank:ndcg"
        | "rank:map" => (Link::Identity, same),
        other => return Err(BadTrees::new(format!("the objective `{other}` is not known"))),
    })
}

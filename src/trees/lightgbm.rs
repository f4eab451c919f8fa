//! LightGBM's `model.txt`: a header of `key=value` lines, then a block of such lines for each tree.

use super::flat::{CategoriesLeft, Forest, Precision, RawNode, Split};
use super::link::Link;
use super::{BadTrees, MOST_OUTPUTS, TreeEnsemble};
use std::collections::BTreeMap;
use std::str::FromStr;

/// `decision_type`: the split is on categories.
const CATEGORICAL: u8 = 1;
/// `decision_type`: missing values go left.
const DEFAULT_LEFT: u8 = 2;

/// What counts as missing at a split: bits 2 and 3 of `decision_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    /// Nothing: a NaN is read as zero.
    None,
    /// Zero and NaN.
    Zero,
    /// NaN.
    Nan,
}

type Lines<'a> = BTreeMap<&'a str, &'a str>;

pub(super) fn read(text: &str) -> Result<TreeEnsemble, BadTrees> {
    let mut lines = text.lines().map(str::trim_end);
    if lines.next() != Some("tree") {
        return Err(BadTrees::new("it does not begin with the line `tree`: no LightGBM model"));
    }
    let (header, mut next) = block(&mut lines);
    let outputs: usize = number(&header, "num_tree_per_iteration", "header")?;
    let highest: usize = number(&header, "max_feature_idx", "header")?;
    if !(1..=MOST_OUTPUTS).contains(&outputs) {
        return Err(BadTrees::new(format!("num_tree_per_iteration={outputs} is out of range")));
    }
    let mut forest = Forest::new(highest.saturating_add(1), vec![0.0; outputs], Precision::Double)?;
    let mut trees = 0_usize;
    while let Some(line) = next {
        if line == "end of trees" {
            break;
        }
        if line.strip_prefix("Tree=").and_then(|n| n.parse().ok()) != Some(trees) {
            return Err(BadTrees::new(format!("`Tree={trees}` or `end of trees` was expected")));
        }
        let (tree, after) = block(&mut lines);
        let nodes = nodes(&tree).map_err(|BadTrees(e)| BadTrees(format!("tree {trees}: {e}")))?;
        forest.add(&nodes, trees % outputs, 1.0)?;
        trees += 1;
        next = after;
    }
    if next.is_none() {
        return Err(BadTrees::new("it ends before `end of trees`: truncated"));
    }
    let stated = header.get("tree_sizes").map_or(trees, |sizes| sizes.split_whitespace().count());
    if trees != stated || !trees.is_multiple_of(outputs) || trees == 0 {
        return Err(BadTrees::new(format!("it has {trees} trees, and {stated} were announced")));
    }
    // A random forest (`boosting=rf`) averages over its iterations.
    if header.contains_key("average_output") {
        forest.divide_by((trees / outputs) as f64);
    }
    let feature_names = header.get("feature_names").map_or(Vec::new(), |names| {
        names.split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect()
    });
    let link = link(header.get("objective").copied().unwrap_or(""))?;
    Ok(TreeEnsemble { forest, link, feature_names })
}

/// The `key=value` lines up to the next block, and that block's first line.
fn block<'a>(lines: &mut impl Iterator<Item = &'a str>) -> (Lines<'a>, Option<&'a str>) {
    let mut found = Lines::new();
    for line in lines {
        if line.starts_with("Tree=") || line == "end of trees" {
            return (found, Some(line));
        }
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        found.insert(key, value);
    }
    (found, None)
}

fn number<T: FromStr>(lines: &Lines<'_>, key: &str, place: &str) -> Result<T, BadTrees> {
    let value = lines.get(key).and_then(|value| value.parse().ok());
    value.ok_or_else(|| BadTrees::new(format!("{place}: `{key}` is missing or no number")))
}

/// A list of exactly `count` numbers.
fn list<T: FromStr>(lines: &Lines<'_>, key: &str, count: usize) -> Result<Vec<T>, BadTrees> {
    let text = lines.get(key).ok_or_else(|| BadTrees::new(format!("`{key}` is missing")))?;
    let read: Result<Vec<T>, _> = text.split_ascii_whitespace().map(str::parse).collect();
    let read = read.map_err(|_| BadTrees::new(format!("`{key}` holds what is no number")))?;
    if read.len() == count {
        return Ok(read);
    }
    Err(BadTrees::new(format!("`{key}` has {} entries, not {count}", read.len())))
}

fn nodes(tree: &Lines<'_>) -> Result<Vec<RawNode>, BadTrees> {
    let leaves: usize = number(tree, "num_leaves", "block")?;
    if tree.get("is_linear").is_some_and(|linear| *linear != "0") {
        return Err(BadTrees::new("linear trees (linear_tree=true) are not supported"));
    }
    let values: Vec<f64> = list(tree, "leaf_value", leaves)?;
    let Some(splits) = leaves.checked_sub(1) else {
        return Err(BadTrees::new("it has no leaf"));
    };
    if splits == 0 {
        return Ok(values.into_iter().map(RawNode::Leaf).collect());
    }
    let features: Vec<usize> = list(tree, "split_feature", splits)?;
    let thresholds: Vec<f64> = list(tree, "threshold", splits)?;
    let kinds: Vec<u8> = list(tree, "decision_type", splits)?;
    let left: Vec<i64> = list(tree, "left_child", splits)?;
    let right: Vec<i64> = list(tree, "right_child", splits)?;
    let categories = Categories::read(tree)?;
    // A negative child is a leaf: -1 the first one. Leaves follow the splits in the list.
    let place = |child: i64| {
        let place = if child < 0 { splits as i64 - 1 - child } else { child };
        usize::try_from(place).unwrap_or(usize::MAX)
    };
    let mut nodes = Vec::with_capacity(splits + leaves);
    let mut categories_left = CategoriesLeft::of_a_tree();
    for i in 0..splits {
        let (split, missing_left) = question(kinds[i], thresholds[i], &categories)?;
        categories_left.spend(&split)?;
        let children = [place(left[i]), place(right[i])];
        nodes.push(RawNode::Split { feature: features[i], split, missing_left, children });
    }
    nodes.extend(values.into_iter().map(RawNode::Leaf));
    Ok(nodes)
}

/// What a split asks, and whether a missing value goes left (LightGBM: `NumericalDecision`, `CategoricalDecision`).
fn question(kind: u8, threshold: f64, categories: &Categories) -> Result<(Split, bool), BadTrees> {
    if kind & CATEGORICAL != 0 {
        // NaN is in no set of categories.
        return Ok((Split::OneOf { categories: categories.get(threshold)?, left: true }, false));
    }
    let missing = match kind >> 2 & 3 {
        0 => Missing::None,
        1 => Missing::Zero,
        2 => Missing::Nan,
        _ => return Err(BadTrees::new("`decision_type` names an unknown kind of missing value")),
    };
    let default_left = kind & DEFAULT_LEFT != 0;
    Ok(match missing {
        Missing::None => (Split::AtMost(threshold), 0.0 <= threshold),
        Missing::Zero => (Split::AtMostZeroMissing(threshold), default_left),
        Missing::Nan => (Split::AtMost(threshold), default_left),
    })
}

/// The bit sets of a tree's category splits.
#[derive(Default)]
struct Categories {
    boundaries: Vec<usize>,
    words: Vec<u32>,
}

impl Categories {
    fn read(tree: &Lines<'_>) -> Result<Self, BadTrees> {
        let sets: usize = number(tree, "num_cat", "block")?;
        if sets == 0 {
            return Ok(Self::default());
        }
        let boundaries: Vec<usize> = list(tree, "cat_boundaries", sets.saturating_add(1))?;
        let words = list(tree, "cat_threshold", boundaries.last().copied().unwrap_or(0))?;
        Ok(Self { boundaries, words })
    }

    /// The members of the set that a threshold names, rising.
    fn get(&self, threshold: f64) -> Result<Vec<u32>, BadTrees> {
        let at = threshold as usize;
        let words = match (self.boundaries.get(at), self.boundaries.get(at.saturating_add(1))) {
            (Some(start), Some(end)) if at as f64 == threshold => self.words.get(*start..*end),
            _ => None,
        };
        let words = words.ok_or_else(|| BadTrees::new("a set of categories that there is not"))?;
        let members = words.iter().enumerate().flat_map(|(at, word)| {
            (0..32).filter(move |bit| word >> bit & 1 == 1).map(move |bit| at as u32 * 32 + bit)
        });
        Ok(members.collect())
    }
}

/// The link of an objective line such as `binary sigmoid:1`.
fn link(objective: &str) -> Result<Link, BadTrees> {
    let mut words = objective.split_whitespace();
    let name = words.next().unwrap_or("");
    let settings: Vec<&str> = words.collect();
    let sigmoid = || {
        let stated = settings.iter().find_map(|word| word.strip_prefix("sigmoid:"));
        let factor = stated.map_or(Ok(1.0), f64::from_str).ok().filter(|f| f.is_finite());
        factor.ok_or_else(|| BadTrees::new("the objective's sigmoid is no number"))
    };
    Ok(match name {
        "binary" | "multiclassova" => Link::Logistic(sigmoid()?),
        "cross_entropy" => Link::Logistic(1.0),
        "cross_entropy_lambda" => Link::Log1pExp,
        "multiclass" => Link::Softmax,
        "poisson" | "gamma" | "tweedie" => Link::Exp,
        "regression" if settings.contains(&"sqrt") => Link::SignedSquare,
        "" | "custom" | "none" | "regression" | "regression_l1" | "huber" | "fair" | "quantile"
        | "mape" | "lambdarank" | "rank_xendcg" => Link::Identity,
        other => return Err(BadTrees::new(format!("the objective `{other}` is not known"))),
    })
}

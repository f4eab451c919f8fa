//! Trees as flat arrays, walked for several rows at once.
//!
//! A step of a walk waits for the node before it; sixteen walks side by side wait together. Leaves lead to themselves, so that
//! all walks of a tree take the same number of steps and no branch depends on the data.

use super::{BadTrees, MOST_FEATURES, MOST_OUTPUTS};

/// Rows that walk side by side.
const LANES: usize = 16;
/// Most nodes of all trees together, leaves included.
const MOST_NODES: usize = 1 << 26;
/// Most steps from a root to a leaf, so that a forged tree costs no more than a deep one.
const DEEPEST: u32 = 4_096;
/// Most categories of all splits together.
const MOST_CATEGORIES: usize = 1 << 24;

/// Magnitudes up to this count as zero in LightGBM: its `kZeroThreshold`, the float 1e-35.
const ZERO: f64 = 1e-35_f32 as f64;

/// A node as the readers hand it over: children by their index in the same list.
#[derive(Clone, Debug)]
pub(super) enum RawNode {
    Leaf(f64),
    Split { feature: usize, split: Split, missing_left: bool, children: [usize; 2] },
}

/// What is asked at a node; "yes" goes left.
#[derive(Clone, Debug)]
pub(super) enum Split {
    /// `x <= threshold`.
    AtMost(f64),
    /// `x <= threshold`, but a zero counts as missing.
    AtMostZeroMissing(f64),
    /// The whole number `x` is (or, where `left` is false, is not) one of these, rising.
    OneOf { categories: Vec<u32>, left: bool },
}

/// How many categories the splits of a tree may still name: many splits can name one large set, and each has a copy of it.
pub(super) struct CategoriesLeft(usize);

impl CategoriesLeft {
    pub(super) const fn of_a_tree() -> Self {
        Self(MOST_CATEGORIES)
    }

    pub(super) fn spend(&mut self, split: &Split) -> Result<(), BadTrees> {
        let named = if let Split::OneOf { categories, .. } = split { categories.len() } else { 0 };
        let left = self.0.checked_sub(named);
        self.0 = left.ok_or_else(|| BadTrees::new("its splits name too many categories"))?;
        Ok(())
    }
}

/// How values are read before anything is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Precision {
    /// LightGBM: double; a category between -1 and 0 is category 0.
    Double,
    /// XGBoost: single; a negative category is none.
    Single,
}

/// One node, sixteen bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Node {
    /// A leaf: infinity, which everything is at most. A category split: the index of its set.
    threshold: f64,
    /// Feature, and what else there is to know in the upper bits.
    feature: u32,
    /// Index of the left child; the right one follows it. A leaf: its own.
    left: u32,
}

const FEATURE: u32 = 0x00ff_ffff;
const MISSING_LEFT: u32 = 1 << 31;
const ZERO_IS_MISSING: u32 = 1 << 30;
const CATEGORIES: u32 = 1 << 29;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Tree {
    root: u32,
    /// Steps from the root to the deepest leaf.
    depth: u32,
    output: u32,
    /// Whether it has splits that a comparison alone does not decide.
    special: bool,
    factor: f64,
}

/// Where the sets of a category split stand in the common list, and which way their members go.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Set {
    start: u32,
    end: u32,
    left: bool,
}

/// All trees of an ensemble.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Forest {
    features: usize,
    precision: Precision,
    /// What the sums begin with, one for each output.
    base: Vec<f64>,
    /// What the sums of the trees are divided by.
    divisor: f64,
    trees: Vec<Tree>,
    nodes: Vec<Node>,
    /// Value of a leaf at its node's index; 0 elsewhere.
    values: Vec<f64>,
    sets: Vec<Set>,
    categories: Vec<u32>,
}

impl Forest {
    /// A forest without trees; `base` has an entry for each output.
    pub(super) fn new(
        features: usize,
        base: Vec<f64>,
        precision: Precision,
    ) -> Result<Self, BadTrees> {
        if features > MOST_FEATURES {
            return Err(BadTrees::new(format!(
                "it has {features} features, and {MOST_FEATURES} is the most"
            )));
        }
        if base.is_empty() || base.len() > MOST_OUTPUTS {
            return Err(BadTrees::new(format!(
                "it has {} outputs, and 1 to {MOST_OUTPUTS} are possible",
                base.len()
            )));
        }
        Ok(Self {
            features,
            precision,
            base,
            divisor: 1.0,
            trees: Vec::new(),
            nodes: Vec::new(),
            values: Vec::new(),
            sets: Vec::new(),
            categories: Vec::new(),
        })
    }

    /// Divides the trees' sums, as a random forest does.
    pub(super) fn divide_by(&mut self, divisor: f64) {
        self.divisor = divisor;
    }

    /// Adds a tree whose root is the first of the nodes; `factor` multiplies its leaves. Nodes that cannot be reached are
    /// left out: XGBoost's pruning leaves some behind.
    pub(super) fn add(
        &mut self,
        nodes: &[RawNode],
        output: usize,
        factor: f64,
    ) -> Result<(), BadTrees> {
        let tree = self.trees.len();
        let wrong = |what: &str| BadTrees::new(format!("tree {tree}: {what}"));
        if output >= self.base.len() {
            return Err(wrong("it belongs to an output that there is not"));
        }
        if !factor.is_finite() {
            return Err(wrong("its weight is no finite number"));
        }
        if self.nodes.len() + nodes.len() > MOST_NODES {
            return Err(wrong("there are too many nodes"));
        }
        let root = self.nodes.len() as u32;
        let mut special = false;
        // Breadth first: the pair of a node's children is appended when the node is reached.
        let mut order = vec![(0_usize, 0_u32)];
        let mut seen = vec![false; nodes.len()];
        let mut depth = 0;
        let mut at = 0;
        while let Some((raw, level)) = order.get(at).copied() {
            depth = depth.max(level);
            if depth > DEEPEST {
                return Err(wrong("it is too deep"));
            }
            if seen.get_mut(raw).is_none_or(|seen| std::mem::replace(seen, true)) {
                return Err(wrong("a child that there is not, or that has another parent"));
            }
            let own = root + at as u32;
            match &nodes[raw] {
                RawNode::Leaf(value) if !value.is_finite() => {
                    return Err(wrong("the value of a leaf is no finite number"));
                }
                RawNode::Leaf(value) => {
                    let leaf = Node { threshold: f64::INFINITY, feature: MISSING_LEFT, left: own };
                    self.nodes.push(leaf);
                    self.values.push(*value);
                }
                RawNode::Split { feature, split, missing_left, children } => {
                    if *feature >= self.features {
                        return Err(wrong("a split asks for a feature that there is not"));
                    }
                    let left = root + order.len() as u32;
                    let (threshold, flags) =
                        self.question(split).ok_or_else(|| wrong("a split is malformed"))?;
                    special |= flags != 0;
                    let missing = if *missing_left { MISSING_LEFT } else { 0 };
                    let feature = *feature as u32 | flags | missing;
                    self.nodes.push(Node { threshold, feature, left });
                    self.values.push(0.0);
                    order.extend(children.map(|child| (child, level + 1)));
                }
            }
            at += 1;
        }
        self.trees.push(Tree { root, depth, output: output as u32, special, factor });
        Ok(())
    }

    /// Threshold and flags of a split; `None`: it cannot be one.
    fn question(&mut self, split: &Split) -> Option<(f64, u32)> {
        match split {
            Split::AtMost(threshold) => (!threshold.is_nan()).then_some((*threshold, 0)),
            Split::AtMostZeroMissing(threshold) => {
                (!threshold.is_nan()).then_some((*threshold, ZERO_IS_MISSING))
            }
            Split::OneOf { categories, left } => {
                let rising = categories.windows(2).all(|pair| pair[0] < pair[1]);
                let start = self.categories.len();
                if !rising || start + categories.len() > MOST_CATEGORIES {
                    return None;
                }
                self.categories.extend(categories);
                let set =
                    Set { start: start as u32, end: self.categories.len() as u32, left: *left };
                self.sets.push(set);
                Some(((self.sets.len() - 1) as f64, CATEGORIES))
            }
        }
    }

    pub(super) fn features(&self) -> usize {
        self.features
    }

    pub(super) fn outputs(&self) -> usize {
        self.base.len()
    }

    pub(super) fn trees(&self) -> usize {
        self.trees.len()
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.trees.capacity() * size_of::<Tree>()
            + self.nodes.capacity() * size_of::<Node>()
            + self.values.capacity() * size_of::<f64>()
            + self.sets.capacity() * size_of::<Set>()
            + self.categories.capacity() * size_of::<u32>()
    }

    /// \[n x outputs\] sums of the trees.
    pub(super) fn sum(&self, rows: &[f64], n_features: usize) -> Vec<f64> {
        if n_features == 0 {
            return Vec::new();
        }
        let (count, outputs) = (rows.len() / n_features, self.outputs());
        let mut sums = vec![0.0; count * outputs];
        let width = self.features.max(1);
        let mut block = vec![f64::NAN; LANES * width];
        let lanes = rows.chunks(LANES * n_features).zip(sums.chunks_mut(LANES * outputs));
        for (rows, sums) in lanes {
            for (row, into) in rows.chunks_exact(n_features).zip(block.chunks_exact_mut(width)) {
                self.read(row, into);
            }
            for tree in &self.trees {
                let leaves = if tree.special {
                    self.walk_special(tree, &block, width)
                } else {
                    self.walk(tree, &block, width)
                };
                let sums = sums.iter_mut().skip(tree.output as usize).step_by(outputs);
                for (sum, leaf) in sums.zip(leaves) {
                    *sum += tree.factor * self.values[leaf as usize];
                }
            }
            for row in sums.chunks_exact_mut(outputs) {
                for (sum, base) in row.iter_mut().zip(&self.base) {
                    *sum = *sum / self.divisor + base;
                }
            }
        }
        sums
    }

    fn read(&self, row: &[f64], into: &mut [f64]) {
        for (to, from) in into.iter_mut().zip(row) {
            *to = if self.precision == Precision::Single { f64::from(*from as f32) } else { *from };
        }
    }

    /// The leaf that each lane ends at; all splits are comparisons.
    fn walk(&self, tree: &Tree, block: &[f64], width: usize) -> [u32; LANES] {
        let mut at = [tree.root; LANES];
        for _ in 0..tree.depth {
            for (lane, at) in at.iter_mut().enumerate() {
                let node = self.nodes[*at as usize];
                let x = block[lane * width + (node.feature & FEATURE) as usize];
                let missing_left = node.feature & MISSING_LEFT != 0;
                let left = (x <= node.threshold) | (x.is_nan() & missing_left);
                *at = node.left + u32::from(!left);
            }
        }
        at
    }

    fn walk_special(&self, tree: &Tree, block: &[f64], width: usize) -> [u32; LANES] {
        let mut at = [tree.root; LANES];
        for (row, at) in block.chunks_exact(width).zip(&mut at) {
            for _ in 0..tree.depth {
                let node = self.nodes[*at as usize];
                let left = self.goes_left(node, row[(node.feature & FEATURE) as usize]);
                *at = node.left + u32::from(!left);
            }
        }
        at
    }

    fn goes_left(&self, node: Node, x: f64) -> bool {
        let zero_is_missing = node.feature & ZERO_IS_MISSING != 0;
        if x.is_nan() || (zero_is_missing && x.abs() <= ZERO) {
            return node.feature & MISSING_LEFT != 0;
        }
        if node.feature & CATEGORIES == 0 {
            return x <= node.threshold;
        }
        let set = self.sets[node.threshold as usize];
        let negative = x <= -1.0 || (x < 0.0 && self.precision == Precision::Single);
        let members = &self.categories[set.start as usize..set.end as usize];
        let is_member = !negative && members.binary_search(&(x as u32)).is_ok();
        is_member == set.left
    }
}

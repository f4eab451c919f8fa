//! What the label sets are made of.

use crate::shell::wire::Names;
use crate::types::{Feed, ModalityId};

/// With more modalities than this, combinations are told apart by their number alone: the series must stay few.
const MOST_COMBINED: usize = 5;

/// The closed label sets of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Names of the modalities, in registry order.
    pub modalities: Vec<String>,
}

impl Shape {
    /// Of a run.
    pub fn new(names: &Names) -> Self {
        let name = |m: usize| names.modality(ModalityId(m as u8)).to_owned();
        Self { modalities: (0..names.modalities()).map(name).collect() }
    }

    /// What lanes read: every modality, `encounters`, and `predictions`, which fusion reads.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        self.modalities.iter().map(String::as_str).chain(["encounters", "predictions"])
    }

    /// The name of a source.
    pub fn name(&self, source: usize) -> &str {
        self.sources().nth(source).unwrap_or("unknown")
    }

    /// The source of a feed's lanes.
    pub fn source(&self, feed: Feed) -> usize {
        match feed {
            Feed::Modality(id) => id.index(),
            Feed::Encounters => self.modalities.len(),
        }
    }

    /// The source of fusion's lanes.
    pub fn predictions(&self) -> usize {
        self.modalities.len() + 1
    }

    /// The name of a set of modalities: `labs+vitals`, `none`.
    pub fn combination(&self, present: u64) -> String {
        let is_in = |m: &usize| present >> m & 1 == 1;
        let members: Vec<usize> = (0..self.modalities.len()).filter(is_in).collect();
        if members.is_empty() {
            return "none".to_owned();
        }
        if self.modalities.len() > MOST_COMBINED {
            return format!("{} of {}", members.len(), self.modalities.len());
        }
        members.iter().map(|m| &*self.modalities[*m]).collect::<Vec<_>>().join("+")
    }

    /// Every name that [`Self::combination`] can give.
    pub fn combinations(&self) -> Vec<String> {
        let count = self.modalities.len();
        if count > MOST_COMBINED {
            let named = (0..=count as u32).map(|n| self.combination((1_u64 << n) - 1));
            return named.collect();
        }
        (0..1_u64 << count).map(|present| self.combination(present)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(count: usize) -> Shape {
        Shape { modalities: (0..count).map(|m| format!("m{m}")).collect() }
    }

    #[test]
    fn every_combination_has_a_name_and_there_are_few() {
        assert_eq!(shape(2).combinations(), ["none", "m0", "m1", "m0+m1"]);
        assert_eq!(shape(3).combination(0b101), "m0+m2");
        assert_eq!(shape(6).combinations().len(), 7);
        assert_eq!(shape(6).combination(0b11), "2 of 6");
    }
}

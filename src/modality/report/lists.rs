//! How a list goes on: whether a cue at its head still holds behind a comma or "and".

use super::cues::{Cue, Word};
use super::finding::{Certainty, Change};
use super::lexicon::Target;
use super::matcher::Meaning;
use super::scope::{NEAR_WINDOW, Sentence};

/// Items looked at when asking how a list goes on.
const LIST_LOOK: usize = 24;

impl Sentence<'_> {
    /// Whether a list goes on behind the joining word at `at`.
    pub(super) fn carries_on(&self, at: usize, word: Word, cue: Cue) -> bool {
        match word {
            Word::Or | Word::Versus => true,
            Word::And => cue.over_and && !self.starts_fresh(at),
            // Behind a comma uncertainty needs an "or" to come; a denial carries on by default.
            _ if cue.effect == Certainty::Uncertain => self.or_follows(at),
            _ => !self.starts_fresh(at),
        }
    }

    /// Whether the words behind the comma or "and" at `at` read as a new statement.
    fn starts_fresh(&self, at: usize) -> bool {
        if matches!(
            self.tokens.text(self.items[at].end),
            "the" | "this" | "these" | "there" | "now"
        ) {
            return true;
        }
        let next = self.items[at + 1..]
            .iter()
            .take(LIST_LOOK)
            .position(|item| matches!(item.meaning, Meaning::Finding(..)));
        let Some(next) = next.map(|offset| at + 1 + offset) else {
            return false;
        };
        if self.is_asserted_behind(next) {
            return true;
        }
        if self.or_follows(at) {
            return false;
        }
        let article = matches!(self.tokens.text(self.items[at].end), "a" | "an");
        let described = self.items[at + 1..next].first().is_some_and(|item| {
            matches!(item.meaning, Meaning::Word(Word::Size(_) | Word::Change(_)))
        });
        article || described
    }

    /// "... is unchanged", "... has increased" directly behind the finding.
    fn is_asserted_behind(&self, finding: usize) -> bool {
        let mut behind = self.items[finding + 1..].iter().take(4);
        let copula = behind.next().is_some_and(|item| {
            item.first <= self.items[finding].end + 1
                && matches!(
                    item.meaning,
                    Meaning::Word(Word::Copula | Word::Change(Change::Unchanged))
                )
        });
        let verb = self.items.get(finding + 1).is_some_and(|item| {
            item.first == self.items[finding].end
                && matches!(item.meaning, Meaning::Word(Word::Change(_)))
        });
        verb || copula
            && behind.take(2).any(|item| matches!(item.meaning, Meaning::Word(Word::Change(_))))
    }

    /// An "or" or "nor" further down the same list.
    fn or_follows(&self, at: usize) -> bool {
        for item in self.items[at + 1..].iter().take(LIST_LOOK) {
            match item.meaning {
                Meaning::Word(Word::Or) => return true,
                Meaning::Word(
                    Word::Cue(_) | Word::Stop | Word::Opener | Word::Copula | Word::With,
                ) => return false,
                _ => {}
            }
        }
        false
    }

    /// "A or B", "A versus B" with no cue of their own: each is only possible.
    pub(super) fn mark_alternatives(&mut self, at: usize) {
        let Some(left) = self.nearest(at, (0..at).rev()) else {
            return;
        };
        let Some(right) = self.nearest(at, at + 1..self.items.len()) else {
            return;
        };
        for side in [left, right] {
            if self.marks[side].certainty.is_none() {
                self.marks[side].certainty = Some(Certainty::Uncertain);
            }
        }
    }

    fn nearest(&self, from: usize, way: impl Iterator<Item = usize>) -> Option<usize> {
        let here = self.items[from];
        for at in way.take(NEAR_WINDOW) {
            let item = self.items[at];
            let gap = if item.end <= here.first {
                here.first - item.end
            } else {
                item.first.saturating_sub(here.end)
            };
            match item.meaning {
                _ if gap > NEAR_WINDOW => return None,
                Meaning::Finding(Target::Names(_), _) => return Some(at),
                Meaning::Finding(..) | Meaning::Word(Word::Stop | Word::Copula | Word::Opener) => {
                    return None;
                }
                _ => {}
            }
        }
        None
    }
}

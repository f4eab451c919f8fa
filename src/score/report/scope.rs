//! Decides how each finding of a sentence is meant: which cue reaches it.
//!
//! A cue looks forward or backward over the items of its own sentence until a stop word, another cue, or its
//! window ends. From the first finding it reaches it goes on only along a list ("no A, B or C"), and not into
//! what reads as a fresh statement ("no A, small B"; "no A and the B is larger").

use super::cues::{Cue, Direction, Word};
use super::finding::{Certainty, Change};
use super::lexicon::Target;
use super::matcher::{Item, Meaning};
use super::tokens::Tokens;

/// Tokens a cue reaches before it meets a finding, and from one finding of a list to the next.
const WINDOW: usize = 10;
/// The same for adjectives ("possible", "prior").
const NEAR_WINDOW: usize = 6;
/// Items looked at when asking how a list goes on.
const LIST_LOOK: usize = 24;

/// What the cues made of one item of the sentence (only findings are marked).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// None: no cue reached it, so it is affirmed.
    pub(super) certainty: Option<Certainty>,
    pub(super) change: Change,
    /// The first finding behind its cue, not one further down the list.
    direct: bool,
}

/// The items of one sentence with their marks.
pub(super) struct Sentence<'a> {
    pub(super) tokens: &'a Tokens,
    pub(super) items: &'a [Item],
    pub(super) marks: &'a mut [Mark],
}

impl Sentence<'_> {
    /// Marks every finding that a cue reaches. `marks` is as long as `items`.
    pub(super) fn mark_scopes(&mut self) {
        let mut spent = None; // the last joining phrase that handed on an earlier cue
        for at in 0..self.items.len() {
            match self.items[at].meaning {
                Meaning::Word(Word::Cue(cue)) if cue.direction == Direction::Forward => {
                    // "Pneumothorax: No." and "effusion no" answer what stands before.
                    let last = self.items[at].end == self.tokens_end();
                    if last && cue.effect != Certainty::Hypothetical && self.text(at) != "?" {
                        self.look_back(at, cue);
                    } else if last && self.text(at) == "?" {
                        self.look_back(at, cue);
                    } else {
                        spent = self.look_forward(at, cue).or(spent);
                    }
                }
                Meaning::Word(Word::Joins { uncertain: true })
                    if spent.is_none_or(|spent| at > spent) =>
                {
                    self.look_forward(at, JOINING);
                }
                _ => {}
            }
        }
        for at in 0..self.items.len() {
            match self.items[at].meaning {
                Meaning::Word(Word::Cue(cue)) if cue.direction == Direction::Backward => {
                    self.look_back(at, cue)
                }
                Meaning::Word(Word::Or | Word::Versus) if self.text(at) != "/" => {
                    self.mark_alternatives(at)
                }
                _ => {}
            }
        }
    }

    fn tokens_end(&self) -> usize {
        self.items.last().map_or(0, |item| item.end)
    }

    fn text(&self, item: usize) -> &str {
        self.tokens.text(self.items[item].first)
    }

    /// Returns the last joining phrase that it went through.
    fn look_forward(&mut self, from: usize, cue: Cue) -> Option<usize> {
        let window = if cue.near { NEAR_WINDOW } else { WINDOW };
        let mut reach = self.items[from].end + window;
        let (mut marked, mut joined, mut through) = (false, true, None);
        for at in from + 1..self.items.len() {
            let item = self.items[at];
            if item.first > reach {
                break;
            }
            match item.meaning {
                Meaning::Finding(Target::Names(_) | Target::AcuteProcess, _) => {
                    if marked && !joined && item.first > self.items[at - 1].end {
                        break;
                    }
                    if marked && !joined && !self.is_finding(at - 1) {
                        break;
                    }
                    self.mark_forward(at, cue, !marked);
                    (marked, joined, reach) = (true, false, item.end + window);
                }
                Meaning::Finding(..) => break,
                Meaning::Inert | Meaning::Word(Word::English | Word::Foreign) => {}
                Meaning::Word(word) => match word {
                    Word::Joins { .. } if cue.effect != Certainty::Uncertain => {
                        (joined, through, reach) = (true, Some(at), item.end + window);
                    }
                    Word::Joins { .. } if marked => break,
                    Word::Comma | Word::And | Word::Or | Word::Versus if marked => {
                        if !self.carries_on(at, word, cue) {
                            break;
                        }
                        joined = true;
                    }
                    Word::Comma if cue.near => break,
                    Word::With if cue.effect == Certainty::Historical => break,
                    _ if self.ends_forward(word, cue) => break,
                    _ => {}
                },
            }
        }
        through
    }

    fn ends_forward(&self, word: Word, cue: Cue) -> bool {
        let asking = cue.effect == Certainty::Hypothetical;
        match word {
            Word::Stop => true,
            Word::Opener => !asking,
            Word::Cue(other) if asking => other.effect == Certainty::Hypothetical,
            Word::Cue(other) => other.direction == Direction::Forward,
            _ => false,
        }
    }

    fn mark_forward(&mut self, at: usize, cue: Cue, direct: bool) {
        let mark = &mut self.marks[at];
        if mark.certainty != Some(Certainty::Hypothetical) {
            *mark = Mark {
                certainty: Some(cue.effect),
                change: cue.change,
                direct,
            };
        }
    }

    /// Whether a list goes on behind the joining word at `at`.
    fn carries_on(&self, at: usize, word: Word, cue: Cue) -> bool {
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
            && behind
                .take(2)
                .any(|item| matches!(item.meaning, Meaning::Word(Word::Change(_))))
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

    fn is_finding(&self, at: usize) -> bool {
        matches!(self.items[at].meaning, Meaning::Finding(..))
    }

    fn look_back(&mut self, from: usize, cue: Cue) {
        let first = self.items[from].first;
        // "A and B is not seen" speaks of B alone.
        let singular = matches!(self.tokens.text(first), "is" | "was" | "has");
        let mut reach = first.saturating_sub(WINDOW);
        let (mut marked, mut joined, mut list) = (false, true, false);
        for at in (0..from).rev() {
            let item = self.items[at];
            if item.end < reach {
                break;
            }
            match item.meaning {
                Meaning::Finding(Target::Names(_) | Target::AcuteProcess, _) => {
                    if marked && (!joined || self.is_opened(at)) {
                        break;
                    }
                    self.mark_back(at, cue);
                    (marked, joined, reach) = (true, false, item.first.saturating_sub(WINDOW));
                }
                Meaning::Finding(..) | Meaning::Word(Word::Stop | Word::Opener | Word::Cue(_)) => {
                    break;
                }
                Meaning::Word(Word::And) if marked && singular => break,
                Meaning::Word(Word::And | Word::Or | Word::Versus) => (joined, list) = (true, true),
                Meaning::Word(Word::Comma) if marked && !list => break,
                Meaning::Word(Word::Comma) => joined = true,
                Meaning::Word(Word::Copula | Word::Change(_) | Word::Joins { .. }) if marked => {
                    break;
                }
                _ => {}
            }
        }
    }

    /// Whether "there is" stands before the finding in its clause.
    fn is_opened(&self, at: usize) -> bool {
        let before = self.items[..at].iter().rev().take(6);
        before
            .take_while(|item| item.meaning != Meaning::Word(Word::Stop))
            .any(|item| item.meaning == Meaning::Word(Word::Opener))
    }

    fn mark_back(&mut self, at: usize, cue: Cue) {
        let mark = &mut self.marks[at];
        let denied_at_once = mark.certainty == Some(Certainty::Negated) && mark.direct;
        if mark.certainty != Some(Certainty::Hypothetical) && !denied_at_once {
            *mark = Mark {
                certainty: Some(cue.effect),
                change: cue.change,
                direct: true,
            };
        }
    }

    /// "A or B", "A versus B" with no cue of their own: each is only possible.
    fn mark_alternatives(&mut self, at: usize) {
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

/// "Suspicious for" as a cue of its own.
const JOINING: Cue = Cue {
    effect: Certainty::Uncertain,
    direction: Direction::Forward,
    near: false,
    over_and: true,
    change: Change::Unspecified,
};

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
pub(super) const NEAR_WINDOW: usize = 6;

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
    /// One past the sentence's last token.
    pub(super) end: usize,
}

impl Sentence<'_> {
    /// Marks every finding that a cue reaches. `marks` is as long as `items`.
    pub(super) fn mark_scopes(&mut self) {
        let mut spent = None; // the last joining phrase that handed on an earlier cue
        for at in 0..self.items.len() {
            match self.items[at].meaning {
                Meaning::Word(Word::Cue(_)) if spent == Some(at) => {}
                Meaning::Word(Word::Cue(cue)) if cue.direction == Direction::Forward => {
                    if self.answers(at, cue) {
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

    /// Whether a forward cue speaks of what stands before it: "pneumothorax: no", "pneumothorax?".
    fn answers(&self, at: usize, cue: Cue) -> bool {
        if self.text(at) == "?" {
            let after = self.items[at].end;
            let marked = self.tokens.tokens[self.items[at].first].end;
            let word_follows =
                self.tokens.tokens.get(after).is_some_and(|next| next.start == marked);
            return !word_follows || self.tokens.text(after) == "?";
        }
        self.items[at].end == self.end && cue.effect != Certainty::Hypothetical
    }

    pub(super) fn text(&self, item: usize) -> &str {
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
                    // "no apparent", "no suspected": the denial is of the whole.
                    Word::Cue(other)
                        if is_denied_guess(cue, other)
                            && at == from + 1
                            && item.first == self.items[from].end =>
                    {
                        through = Some(at);
                    }
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
            *mark = Mark { certainty: Some(cue.effect), change: cue.change, direct };
        }
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
            *mark = Mark { certainty: Some(cue.effect), change: cue.change, direct: true };
        }
    }
}

fn is_denied_guess(cue: Cue, other: Cue) -> bool {
    cue.effect == Certainty::Negated && other.near && other.effect == Certainty::Uncertain
}

/// "Suspicious for" as a cue of its own.
const JOINING: Cue = Cue {
    effect: Certainty::Uncertain,
    direction: Direction::Forward,
    near: false,
    over_and: true,
    change: Change::Unspecified,
};

#[cfg(test)]
mod tests {
    use crate::modality::report::{Certainty, Change, read_report};
    use Certainty::{Affirmed, Historical, Hypothetical, Negated, Uncertain};

    fn certainties(text: &str) -> Vec<Certainty> {
        let reading = read_report(text, Some("chest")).expect("the text is readable");
        reading.findings.iter().map(|finding| finding.certainty).collect()
    }

    #[test]
    fn a_denial_covers_its_list_and_nothing_behind_it() {
        assert_eq!(certainties("No effusion, pneumothorax or edema."), [Negated; 3]);
        assert_eq!(certainties("No effusion, but edema."), [Negated, Affirmed]);
        assert_eq!(certainties("No effusion and the edema is worse."), [Negated, Affirmed]);
        assert_eq!(certainties("No effusion in a patient with edema."), [Negated, Affirmed]);
    }

    #[test]
    fn a_denial_reaches_through_what_joins_an_observation_to_its_cause() {
        assert_eq!(certainties("No opacity suspicious for pneumonia."), [Negated; 2]);
        assert_eq!(certainties("Opacity suspicious for pneumonia."), [Affirmed, Uncertain]);
        assert_eq!(certainties("No apparent effusion."), [Negated]);
    }

    #[test]
    fn a_cue_ends_where_the_next_one_begins() {
        assert_eq!(certainties("Possible edema, no effusion."), [Uncertain, Negated]);
        assert_eq!(certainties("No effusion, possible edema."), [Negated, Uncertain]);
    }

    #[test]
    fn a_cue_does_not_leave_its_sentence_nor_its_window() {
        assert_eq!(certainties("No. Effusion."), [Affirmed]);
        let far = "No relevant thing in any of the many other places that were looked at today, effusion.";
        assert_eq!(certainties(far), [Affirmed]);
    }

    #[test]
    fn history_and_questions_are_kept_apart_from_the_present() {
        assert_eq!(
            certainties("History of pneumothorax, with new effusion."),
            [Historical, Affirmed]
        );
        assert_eq!(
            certainties("If pneumothorax is suspected, repeat. No effusion."),
            [Hypothetical, Negated]
        );
    }

    #[test]
    fn no_change_is_not_a_denial() {
        let reading = read_report("No change in the effusion.", Some("chest")).expect("readable");
        assert_eq!(
            (reading.findings[0].certainty, reading.findings[0].change),
            (Affirmed, Change::Unchanged)
        );
    }
}

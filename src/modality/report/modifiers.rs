//! Attaches side, size, acuity and change to the findings of a sentence.
//!
//! The words before a finding up to the one before it (or a comma, a cue, a stop) describe it; so do the
//! words behind it up to the next finding's own description.

use super::cues::Word;
use super::finding::{Acuity, Change, Laterality, Size};
use super::matcher::{Item, Meaning};
use super::tokens::Tokens;

/// Tokens before a finding that can describe it.
const BEFORE: usize = 8;
/// Tokens behind a finding that can describe it.
const BEHIND: usize = 10;

/// What describes one finding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Modifiers {
    pub(super) laterality: Laterality,
    pub(super) size: Size,
    pub(super) acuity: Acuity,
    pub(super) change: Change,
}

impl Modifiers {
    fn take(&mut self, word: Word) {
        match word {
            Word::Side(side) => self.laterality = self.laterality.and(side),
            Word::Size(size) => self.size = self.size.max(size),
            Word::Acuity(acuity) if self.acuity == Acuity::Unspecified => self.acuity = acuity,
            Word::Change(change) if stronger(change, self.change) => self.change = change,
            _ => {}
        }
    }
}

/// "Remains unchanged", "persistent but improved": what moved says more than what stayed.
fn stronger(new: Change, known: Change) -> bool {
    known == Change::Unspecified || known == Change::Unchanged && new != Change::Unchanged
}

fn describes(item: &Item) -> bool {
    matches!(
        item.meaning,
        Meaning::Word(Word::Side(_) | Word::Size(_) | Word::Acuity(_) | Word::Change(_))
    )
}

fn is_finding(item: &Item) -> bool {
    matches!(item.meaning, Meaning::Finding(..))
}

/// Fills `out` (as long as `items`); only entries of findings mean anything.
pub(super) fn attach(tokens: &Tokens, items: &[Item], out: &mut [Modifiers]) {
    let mut next_start = items.len(); // where the next finding's own description begins
    for at in (0..items.len()).rev() {
        if !is_finding(&items[at]) {
            continue;
        }
        let start = description_start(tokens, items, at);
        let mut modifiers = Modifiers::default();
        items[start..at].iter().for_each(|item| take(&mut modifiers, item));
        let behind = description_behind(items, at, next_start);
        let sized = modifiers.size != Size::Unspecified;
        let sided = modifiers.laterality != Laterality::Unspecified;
        for item in &items[at + 1..behind] {
            match item.meaning {
                Meaning::Word(Word::Size(_)) if sized => {}
                Meaning::Word(Word::Side(_)) if sided => {}
                _ => take(&mut modifiers, item),
            }
        }
        out[at] = modifiers;
        next_start = start;
    }
    share_verdict(tokens, items, out);
}

fn take(modifiers: &mut Modifiers, item: &Item) {
    if let Meaning::Word(word) = item.meaning {
        modifiers.take(word);
    }
}

fn description_start(tokens: &Tokens, items: &[Item], finding: usize) -> usize {
    let mut start = finding;
    while start > 0 {
        let item = &items[start - 1];
        let before = start.checked_sub(2).map(|at| &items[at]);
        let within = item.end + BEFORE >= items[finding].first;
        let passes = match item.meaning {
            Meaning::Word(Word::Comma | Word::And | Word::Or | Word::Versus) => {
                before.is_some_and(|before| is_one_description(tokens, before, item, &items[start]))
            }
            Meaning::Word(
                Word::Cue(_)
                | Word::Stop
                | Word::Opener
                | Word::Joins { .. }
                | Word::With
                | Word::Copula,
            ) => false,
            Meaning::Finding(..) => false,
            _ => true,
        };
        if !within || !passes {
            break;
        }
        start -= 1;
    }
    start
}

/// "small, left", "right and left", "trace right and small left"; but not "on the left, small".
fn is_one_description(tokens: &Tokens, left: &Item, joint: &Item, right: &Item) -> bool {
    let (Meaning::Word(a), Meaning::Word(joint), Meaning::Word(b)) =
        (left.meaning, joint.meaning, right.meaning)
    else {
        return false;
    };
    let ends_a_phrase = left.first > 0 && matches!(tokens.text(left.first - 1), "the" | "on");
    match (a, b) {
        (Word::Size(_), Word::Side(_)) => joint == Word::Comma,
        (Word::Side(_), Word::Size(_)) => joint == Word::And && !ends_a_phrase,
        (Word::Size(_), Word::Size(_)) | (Word::Side(_), Word::Side(_)) => !ends_a_phrase,
        _ => false,
    }
}

/// Index one past the last item behind the finding that still speaks of it.
fn description_behind(items: &[Item], finding: usize, next_start: usize) -> usize {
    let mut end = finding + 1;
    while end < next_start && items[end].first <= items[finding].end + BEHIND {
        let item = &items[end];
        match item.meaning {
            Meaning::Finding(..)
            | Meaning::Word(Word::Stop | Word::Opener | Word::And | Word::Or | Word::With) => break,
            // Behind a comma only words that describe at once ("effusion, unchanged").
            Meaning::Word(Word::Comma)
                if !items
                    .get(end + 1)
                    .is_some_and(|next| end + 1 < next_start && follows(item, next)) =>
            {
                break;
            }
            _ => {}
        }
        end += 1;
    }
    end
}

fn follows(comma: &Item, next: &Item) -> bool {
    next.first <= comma.end + 1
        && (describes(next)
            || matches!(next.meaning, Meaning::Inert | Meaning::Word(Word::Copula | Word::English)))
}

/// "Effusion and atelectasis are unchanged": the verdict holds for the whole list.
fn share_verdict(tokens: &Tokens, items: &[Item], out: &mut [Modifiers]) {
    for at in 0..items.len() {
        let plural = is_finding(&items[at])
            && items
                .get(at + 1)
                .is_some_and(|next| matches!(tokens.text(next.first), "are" | "have" | "remain"));
        if !plural || out[at].change == Change::Unspecified {
            continue;
        }
        let (change, mut right) = (out[at].change, at);
        while let Some(left) = listed_before(items, right) {
            if out[left].change != Change::Unspecified {
                break;
            }
            out[left].change = change;
            right = left;
        }
    }
}

/// The finding joined to this one by "and", "or" or a comma with nothing but description between.
fn listed_before(items: &[Item], finding: usize) -> Option<usize> {
    let mut joined = false;
    for at in (0..finding).rev() {
        match items[at].meaning {
            Meaning::Finding(..) => return joined.then_some(at),
            Meaning::Word(Word::And | Word::Or | Word::Comma) => joined = true,
            _ if describes(&items[at]) => {}
            Meaning::Word(Word::English) | Meaning::Inert => {}
            _ => return None,
        }
    }
    None
}

//! One automaton over all phrases; the longest phrase at the leftmost place wins, which is what keeps
//! "no change" from being read as "no".

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::cues::{WORDS, Word, filled};
use super::lexicon::{ENTRIES, INERT, Site, Target};
use super::tokens::Tokens;

/// What a matched phrase means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Finding(Target, Site),
    Word(Word),
    Inert,
}

/// A matched phrase: what it means and the tokens `first..end` it covers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) meaning: Meaning,
    pub(super) first: usize,
    pub(super) end: usize,
}

struct Phrases {
    automaton: AhoCorasick,
    meanings: Vec<Meaning>,
}

static PHRASES: LazyLock<Phrases> = LazyLock::new(|| {
    let (patterns, meanings): (Vec<String>, Vec<Meaning>) = all_phrases().into_iter().unzip();
    let automaton = AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .kind(Some(AhoCorasickKind::DFA))
        .build(&patterns)
        .expect("the phrase list is fixed and small enough for any automaton");
    Phrases { automaton, meanings }
});

/// Every phrase in its normal form with its meaning. Of two equal ones the first counts, so findings
/// come before inert phrases and those before cues.
fn all_phrases() -> Vec<(String, Meaning)> {
    let mut all = Vec::new();
    let mut add = |phrase: &str, meaning: Meaning| {
        all.extend(expand(phrase).into_iter().map(|p| (p, meaning)))
    };
    for entry in ENTRIES {
        phrases(entry.phrases)
            .for_each(|phrase| add(phrase, Meaning::Finding(entry.target, entry.site)));
    }
    phrases(INERT).for_each(|phrase| add(phrase, Meaning::Inert));
    for (word, text) in WORDS {
        phrases(text).for_each(|phrase| add(&filled(phrase), Meaning::Word(*word)));
    }
    all
}

/// Splits at each `|` outside parentheses.
fn phrases(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_i32;
    let outside = move |c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == '|' && depth == 0
    };
    text.split(outside).map(str::trim)
}

/// All alternatives of a phrase, each in the normal form `[word][word]`.
fn expand(phrase: &str) -> Vec<String> {
    let mut done = Vec::new();
    let mut open = vec![phrase.to_owned()];
    while let Some(text) = open.pop() {
        // The innermost group is the one that ends first: groups may nest.
        let Some(close) = text.find(')').filter(|&close| text[..close].contains('(')) else {
            let normal: String = text.split_whitespace().map(|word| format!("[{word}]")).collect();
            done.push(normal);
            continue;
        };
        let start = text[..close].rfind('(').unwrap_or(0);
        for choice in text[start + 1..close].split('|') {
            open.push(format!("{}{choice}{}", &text[..start], &text[close + 1..]));
        }
    }
    done.retain(|normal| !normal.is_empty());
    done
}

/// All phrases in the tokens, in order, never overlapping.
pub(super) fn find(tokens: &Tokens) -> Vec<Item> {
    let phrases = &*PHRASES;
    let mut items = Vec::with_capacity(tokens.tokens.len());
    let mut at = 0;
    for found in phrases.automaton.find_iter(&tokens.normal) {
        while tokens.tokens.get(at).is_some_and(|token| (token.normal as usize) < found.start()) {
            at += 1;
        }
        let first = at;
        while tokens.tokens.get(at).is_some_and(|token| (token.normal as usize) < found.end()) {
            at += 1;
        }
        items.push(Item { meaning: phrases.meanings[found.pattern().as_usize()], first, end: at });
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modality::report::finding::FindingKind;

    #[test]
    fn groups_expand_to_every_alternative() {
        let mut all = expand("h(a|)emo(|pneumo)thorax now");
        all.sort();
        assert_eq!(
            all,
            [
                "[haemopneumothorax][now]",
                "[haemothorax][now]",
                "[hemopneumothorax][now]",
                "[hemothorax][now]"
            ]
        );
        let nested: std::collections::BTreeSet<_> = expand("a (b (c|d)|e)").into_iter().collect();
        assert_eq!(nested.len(), 3);
    }

    #[test]
    fn no_phrase_has_two_different_meanings_by_accident() {
        let mut seen: std::collections::BTreeMap<String, Meaning> = Default::default();
        let mut clashes = std::collections::BTreeSet::new();
        for (phrase, meaning) in all_phrases() {
            match seen.get(&phrase) {
                Some(&known) if known != meaning => {
                    clashes.insert(phrase);
                }
                _ => drop(seen.insert(phrase, meaning)),
            }
        }
        assert!(seen.len() > 1000, "only {} phrases compared", seen.len());
        assert!(clashes.is_empty(), "{clashes:#?}");
    }

    #[test]
    fn every_kind_can_be_said() {
        let said: std::collections::BTreeSet<_> = ENTRIES
            .iter()
            .filter_map(|entry| match entry.target {
                Target::Names(kind) => Some(kind),
                _ => None,
            })
            .collect();
        assert_eq!(said.len(), FindingKind::ALL.len() - 1); // all but NoAcuteFinding
    }

    #[test]
    fn a_phrase_matches_whole_words_only() {
        let mut tokens = Tokens::default();
        tokens.push("hypertension nodes masseter piano", 0);
        assert!(find(&tokens).is_empty());
    }
}

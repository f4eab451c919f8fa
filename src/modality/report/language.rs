//! The guard that keeps text which the engine cannot read from being taken for a normal report.

use super::cues::Word;
use super::matcher::{Item, Meaning};
use super::tokens::Tokens;

/// At least one word in this many must be known (a finding, a cue or an English function word).
/// Chosen so that the tersest English report passes and prose about other things or noise does not.
const WORDS_PER_KNOWN: usize = 5;

/// What the guard saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Readable,
    NoWords,
    OtherLanguage,
    Unknown { known: usize, words: usize },
}

/// Judges the text about to be read. A word or two of another language (a name) is outweighed by English
/// function words; without any of those, one foreign function word or accented word is enough to refuse:
/// "Kein Pneumothorax" must never be read as a pneumothorax.
pub(super) fn judge(tokens: &Tokens, items: &[Item]) -> Verdict {
    if tokens.words == 0 {
        return Verdict::NoWords;
    }
    let (mut known, mut english, mut foreign) = (0, 0, tokens.non_ascii_words);
    for item in items {
        let width = item.end - item.first;
        match item.meaning {
            Meaning::Word(Word::Foreign) => foreign += width,
            Meaning::Word(Word::Comma | Word::Stop) => {}
            Meaning::Word(word) => {
                known += width;
                english += if is_english(word, width) { width } else { 0 };
            }
            Meaning::Inert | Meaning::Finding(..) => known += width,
        }
    }
    if foreign > english {
        return Verdict::OtherLanguage;
    }
    if known * WORDS_PER_KNOWN < tokens.words {
        return Verdict::Unknown { known, words: tokens.words };
    }
    Verdict::Readable
}

/// Words that other languages share ("no", "normal", "chronic") prove nothing.
fn is_english(word: Word, width: usize) -> bool {
    match word {
        Word::English
        | Word::Copula
        | Word::With
        | Word::And
        | Word::Or
        | Word::Opener
        | Word::Joins { .. } => true,
        Word::Cue(_) | Word::Change(_) => width > 1,
        Word::Side(_) | Word::Size(_) => true,
        _ => false,
    }
}

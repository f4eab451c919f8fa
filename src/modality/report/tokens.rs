//! Text to tokens and sentences. Every token keeps its byte span; a copy in one normal form (lower case,
//! each token in brackets) is what the phrase automaton reads, so a phrase can only match whole words.

/// A sentence is cut after this many tokens, so that no rule ever looks at an unbounded stretch.
pub(super) const MAX_SENTENCE_TOKENS: usize = 512;

/// A line this short, in capitals, is taken for a list item rather than a wrapped sentence.
const SHORT_LINE_BYTES: usize = 48;

/// Words after which a line break never ends a sentence.
const CONTINUES: [&str; 22] = [
    "a", "an", "the", "of", "and", "or", "nor", "no", "not", "with", "without", "for", "to", "in",
    "on", "at", "is", "are", "which", "right", "left", "pleural",
];

/// Words whose full stop is part of the word.
const ABBREVIATIONS: [&str; 6] = ["vs", "approx", "dr", "st", "e.g", "i.e"];

#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    /// First byte in the report.
    pub(super) start: u32,
    /// One past the last byte in the report.
    pub(super) end: u32,
    /// Where the token's bracket opens in the normal form.
    pub(super) normal: u32,
}

/// The tokens of the text being read, all sections together.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    pub(super) normal: String,
    pub(super) tokens: Vec<Token>,
    /// Index of the first token of each sentence.
    pub(super) sentences: Vec<u32>,
    /// Tokens that are words (not punctuation, not numbers).
    pub(super) words: usize,
    /// Words with a letter outside ASCII.
    pub(super) non_ascii_words: usize,
    line_start: usize,
}

impl Tokens {
    /// The normal form of one token, without its brackets; empty past the end.
    pub(super) fn text(&self, index: usize) -> &str {
        let Some(token) = self.tokens.get(index) else {
            return "";
        };
        let rest = self.normal.get(token.normal as usize + 1..).unwrap_or("");
        rest.split(']').next().unwrap_or("")
    }

    /// Tokenises `text`, which begins at byte `base` of the report. Always starts a new sentence.
    pub(super) fn push(&mut self, text: &str, base: usize) {
        self.end_sentence();
        self.line_start = 0;
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let Some(c) = char_at(text, at) else { break };
            let next = at + c.len_utf8();
            at = if c.is_alphanumeric() {
                let end = word_end(text, at);
                self.push_word(&text[at..end], base + at);
                end
            } else {
                self.push_mark(text, at, c, base);
                next
            };
        }
        self.end_sentence();
    }

    fn push_word(&mut self, word: &str, start: usize) {
        self.open(start, start + word.len());
        if word.is_ascii() {
            self.normal.extend(word.bytes().map(|b| b.to_ascii_lowercase() as char));
        } else {
            // A typographic apostrophe is the same word as a plain one; brackets cannot occur in a word.
            self.normal.extend(
                word.chars().map(|c| if c == '\u{2019}' { '\'' } else { c.to_ascii_lowercase() }),
            );
            self.non_ascii_words +=
                usize::from(word.chars().any(|c| !c.is_ascii() && c.is_alphabetic()));
        }
        self.words += usize::from(word.chars().any(char::is_alphabetic));
        self.normal.push(']');
    }

    fn open(&mut self, start: usize, end: usize) {
        let in_sentence =
            self.tokens.len() - self.sentences.last().map_or(0, |&first| first as usize);
        if self.sentences.is_empty() {
            self.sentences.push(0);
        } else if in_sentence >= MAX_SENTENCE_TOKENS {
            self.end_sentence();
        }
        let normal = self.normal.len() as u32;
        self.tokens.push(Token { start: start as u32, end: end as u32, normal });
        self.normal.push('[');
    }

    fn push_mark(&mut self, text: &str, at: usize, mark: char, base: usize) {
        let rest = &text[at + mark.len_utf8()..];
        match mark {
            ',' | ';' | ':' | '(' | ')' | '/' | '?' => {
                self.open(base + at, base + at + 1);
                self.normal.push(mark);
                self.normal.push(']');
                if mark == '?' && rest.starts_with(|c: char| c.is_whitespace()) {
                    self.end_sentence();
                }
            }
            '.' if self.stop_ends_sentence(rest) => self.end_sentence(),
            '!' | '\u{2022}' => self.end_sentence(),
            '\n' => {
                let line = &text[self.line_start..at];
                if self.newline_ends_sentence(line, rest) {
                    self.end_sentence();
                }
                self.line_start = at + 1;
            }
            _ => {}
        }
    }

    fn end_sentence(&mut self) {
        let here = self.tokens.len() as u32;
        if here > 0 && self.sentences.last() != Some(&here) {
            self.sentences.push(here);
            self.normal.push('\n'); // no phrase reaches over it
        }
    }

    fn last_word(&self) -> &str {
        self.tokens.len().checked_sub(1).map_or("", |last| self.text(last))
    }

    fn stop_ends_sentence(&self, rest: &str) -> bool {
        let next_is_apart =
            rest.chars().next().is_none_or(|c| !c.is_alphanumeric() || c.is_uppercase());
        next_is_apart && !ABBREVIATIONS.contains(&self.last_word())
    }

    fn newline_ends_sentence(&self, line: &str, rest: &str) -> bool {
        let next_line = rest.split('\n').next().unwrap_or("").trim_start();
        if next_line.is_empty() || starts_list_item(next_line) {
            return true;
        }
        let last = self.last_word();
        let continues = CONTINUES.contains(&last) || last == "," || line.trim_end().ends_with('-');
        let mut first = next_line.chars();
        let capital = first.next().is_some_and(char::is_uppercase);
        let capitalised = capital && first.next().is_some_and(char::is_lowercase);
        capital && !continues && (capitalised || line.len() < SHORT_LINE_BYTES)
    }
}

/// "- x", "* x", "1. x", "2) x".
fn starts_list_item(line: &str) -> bool {
    let after_digits = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = after_digits.len() < line.len() && after_digits.starts_with(['.', ')']);
    numbered && !after_digits[1..].starts_with(|c: char| c.is_ascii_digit())
        || line.starts_with(['-', '*', '>'])
}

fn char_at(text: &str, at: usize) -> Option<char> {
    match text.as_bytes().get(at) {
        Some(&b) if b < 0x80 => Some(b as char),
        _ => text.get(at..)?.chars().next(),
    }
}

/// Letters and digits; an apostrophe between letters; a point between digits.
fn word_end(text: &str, start: usize) -> usize {
    let mut at = start;
    let mut previous = ' ';
    while let Some(c) = char_at(text, at) {
        let next = at + c.len_utf8();
        let joins = match c {
            '\'' | '\u{2019}' => char_at(text, next).is_some_and(char::is_alphabetic),
            '.' => {
                previous.is_ascii_digit() && char_at(text, next).is_some_and(|n| n.is_ascii_digit())
            }
            _ => c.is_alphanumeric(),
        };
        if !joins {
            break;
        }
        previous = c;
        at = next;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences(text: &str) -> Vec<String> {
        let mut tokens = Tokens::default();
        tokens.push(text, 0);
        let found = tokens.normal.split('\n').filter(|s| !s.is_empty());
        found.map(|s| s.trim_matches(['[', ']']).replace("][", " ")).collect()
    }

    #[test]
    fn a_wrapped_line_stays_one_sentence_and_a_list_does_not() {
        assert_eq!(
            sentences("No evidence of pleural\neffusion."),
            ["no evidence of pleural effusion"]
        );
        assert_eq!(
            sentences("No pneumothorax\nSmall effusion"),
            ["no pneumothorax", "small effusion"]
        );
        assert_eq!(sentences("1. no change\n2. edema"), ["1", "no change", "2", "edema"]);
        assert_eq!(
            sentences("NO EVIDENCE OF PNEUMOTHORAX OR FOCAL LUNG AIRSPACE\nDISEASE"),
            ["no evidence of pneumothorax or focal lung airspace disease"]
        );
    }

    #[test]
    fn a_decimal_point_and_an_abbreviation_do_not_end_a_sentence() {
        assert_eq!(
            sentences("A 1.5 cm nodule, atelectasis vs. scar"),
            ["a 1.5 cm nodule , atelectasis vs scar"]
        );
        assert_eq!(sentences("Effusion.No mass"), ["effusion", "no mass"]);
    }

    #[test]
    fn spans_point_into_the_text_also_after_multi_byte_letters() {
        let text = "naïve — Pneumothorax";
        let mut tokens = Tokens::default();
        tokens.push(text, 0);
        let last = tokens.tokens[tokens.tokens.len() - 1];
        assert_eq!(&text[last.start as usize..last.end as usize], "Pneumothorax");
        assert_eq!(tokens.text(tokens.tokens.len() - 1), "pneumothorax");
        assert_eq!((tokens.words, tokens.non_ascii_words), (2, 1));
    }

    #[test]
    fn a_sentence_without_end_is_cut() {
        let mut tokens = Tokens::default();
        tokens.push(&"word ".repeat(2 * MAX_SENTENCE_TOKENS + 1), 0);
        assert_eq!(tokens.sentences.len(), 4); // three sentences and the end
    }
}

//! Cuts a report into its sections and decides which of them are read.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

/// What a section is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SectionKind {
    /// The radiologist's conclusion.
    Impression,
    /// What was seen.
    Findings,
    /// A later correction or completion.
    Addendum,
    /// Why the study was asked for, and what is known of the patient. Not read: a question is not a finding.
    Indication,
    /// What the study was compared with. Not read.
    Comparison,
    /// How the study was made, its title and date. Not read.
    Technique,
    /// Advice. Not read.
    Recommendation,
    /// Signatures, dictation marks, who was told. Not read.
    Administrative,
    /// Text under no heading.
    Unlabelled,
}

/// One section: `span` is its body in bytes of the report, without the heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// What it is.
    pub kind: SectionKind,
    /// Bytes of its body.
    pub span: Range<usize>,
}

/// Where a reading comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The impression.
    Impression,
    /// The findings, because there is no impression or it names nothing ("as above").
    Findings,
    /// All text under no heading, because there is neither: trust it less.
    WholeText,
    /// Only an addendum.
    Addendum,
}

/// Names separated by `|`.
const HEADINGS: &[(SectionKind, &str)] = &[
    (
        SectionKind::Impression,
        "
        impression | impressions | final impression | conclusion | conclusions | opinion |
        interpretation | summary | findings/impression | impression/findings |
        findings and impression | findings & impression | impression and plan | imp",
    ),
    (
        SectionKind::Findings,
        "
        findings | finding | report | description | result | results | observations | narrative |
        wet read | preliminary report | final report",
    ),
    (
        SectionKind::Addendum,
        "
        addendum | addenda | addendum report | corrected report | correction",
    ),
    (
        SectionKind::Indication,
        "
        indication | indications | clinical indication | clinical indications | reason for exam |
        reason for examination | reason for study | reason for the exam |
        reason for this examination | clinical information | clinical history | clinical details |
        clinical data | clinical question | clinical statement | history | patient history |
        past medical history | pmh | reason | medical condition | diagnosis |
        admitting diagnosis | underlying medical condition",
    ),
    (
        SectionKind::Comparison,
        "
        comparison | comparisons | comparison study | compared to | prior studies | prior study |
        previous studies | comparison exams",
    ),
    (
        SectionKind::Technique,
        "
        technique | exam | examination | procedure | study | protocol | contrast | exam type |
        study type | views | view | modality | dose | radiation dose | date | date of exam |
        exam date",
    ),
    (SectionKind::Recommendation, "recommendation | recommendations | plan | advice | recommend"),
    (
        SectionKind::Administrative,
        "
        electronically signed by | signed by | dictated by | reported by | attending |
        notification | notifications | communication | read by | transcribed by | attestation |
        signature | discussed with",
    ),
];

static MATCHER: LazyLock<(AhoCorasick, Vec<SectionKind>)> = LazyLock::new(|| {
    let pairs: Vec<(String, SectionKind)> = HEADINGS
        .iter()
        .flat_map(|(kind, names)| {
            names
                .split('|')
                .map(|name| (name.split_whitespace().collect::<Vec<_>>().join(" "), *kind))
        })
        .collect();
    let automaton = AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .ascii_case_insensitive(true)
        .build(pairs.iter().map(|pair| &pair.0))
        .expect("the heading list is fixed and small");
    (automaton, pairs.into_iter().map(|pair| pair.1).collect())
});

struct Heading {
    kind: SectionKind,
    start: usize,
    body: usize,
}

/// Where the heading's body starts, if the name at `start..end` is used as a heading: at the start of a
/// line and followed by a colon or the line's end, or in capitals (or opening a sentence) and followed by a colon.
fn heading_body(text: &str, start: usize, end: usize) -> Option<usize> {
    // Only the run of blanks before the name is looked at: the cost over all names stays linear.
    let before = text[..start].trim_end_matches([' ', '\t', '*', '#', '_']);
    let opens_line = before.is_empty() || before.ends_with('\n');
    if !opens_line && text[..start].ends_with(|c: char| c.is_alphanumeric() || c == '-') {
        return None;
    }
    let name_is_capitals = !text[start..end].bytes().any(|b| b.is_ascii_lowercase());
    let tail = text[end..].trim_start_matches([
        ' ', '\t', '*', '_', '#', '1', '2', '3', '4', '5', '6', '7', '8', '9',
    ]);
    let tail = tail.strip_prefix("(S)").or_else(|| tail.strip_prefix("(s)")).unwrap_or(tail);
    let body = text.len() - tail.len();
    if tail.starts_with(':') {
        let opens_sentence = before.ends_with(['.', ';', '!', '?', ')'])
            && text[start..].starts_with(char::is_uppercase);
        return (opens_line || name_is_capitals || opens_sentence).then_some(body + 1);
    }
    let ends_line = tail.is_empty() || tail.starts_with(['\n', '\r']);
    (opens_line && ends_line && text[start..].starts_with(char::is_uppercase)).then_some(body)
}

fn headings(text: &str) -> Vec<Heading> {
    let (automaton, kinds) = &*MATCHER;
    let mut found: Vec<Heading> = Vec::new();
    let mut impression_seen = false;
    let mut in_addendum = false;
    for name in automaton.find_iter(text) {
        let Some(body) = heading_body(text, name.start(), name.end()) else {
            continue;
        };
        let mut kind = kinds[name.pattern().as_usize()];
        // An addendum at the end may bring its own findings and impression.
        if in_addendum
            && impression_seen
            && matches!(kind, SectionKind::Impression | SectionKind::Findings)
        {
            kind = SectionKind::Addendum;
        }
        impression_seen |= kind == SectionKind::Impression;
        in_addendum |= kind == SectionKind::Addendum;
        found.push(Heading { kind, start: name.start(), body });
    }
    found
}

/// All sections in order; together with the headings they cover the text.
pub(super) fn split(text: &str) -> Vec<Section> {
    let headings = headings(text);
    let mut sections = Vec::with_capacity(headings.len() + 1);
    let first = headings.first().map_or(text.len(), |heading| heading.start);
    push(&mut sections, text, SectionKind::Unlabelled, 0..first);
    for (index, heading) in headings.iter().enumerate() {
        let end = headings.get(index + 1).map_or(text.len(), |next| next.start);
        let body = heading.body.min(end)..end;
        match heading.kind {
            SectionKind::Impression | SectionKind::Findings | SectionKind::Addendum => {
                push(&mut sections, text, heading.kind, body);
            }
            // What follows a blank line under such a heading is the report's body without a heading of its own.
            _ => {
                let cut = body.start + blank_line(&text[body.clone()]);
                push(&mut sections, text, heading.kind, body.start..cut);
                push(&mut sections, text, SectionKind::Unlabelled, cut..body.end);
            }
        }
    }
    sections
}

fn push(sections: &mut Vec<Section>, text: &str, kind: SectionKind, span: Range<usize>) {
    if text[span.clone()].contains(|c: char| c.is_alphanumeric()) {
        sections.push(Section { kind, span });
    }
}

/// Offset of the first blank line after some text, or the length.
fn blank_line(body: &str) -> usize {
    let mut at = 0;
    let mut seen_text = false;
    for line in body.split_inclusive('\n') {
        let blank = line.trim().is_empty();
        if blank && seen_text && line.ends_with('\n') {
            return at;
        }
        seen_text |= !blank;
        at += line.len();
    }
    body.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use SectionKind::*;

    fn kinds(text: &str) -> Vec<(SectionKind, &str)> {
        split(text).into_iter().map(|s| (s.kind, text[s.span].trim())).collect()
    }

    #[test]
    fn headings_are_found_on_their_own_lines_and_inside_one_line() {
        assert_eq!(
            kinds("INDICATION: cough\nFINDINGS: clear\nIMPRESSION:\nnormal"),
            [(Indication, "cough"), (Findings, "clear"), (Impression, "normal")]
        );
        assert_eq!(
            kinds("INDICATION: cough. FINDINGS: clear. Impression: normal"),
            [(Indication, "cough."), (Findings, "clear."), (Impression, "normal")]
        );
        assert_eq!(kinds("Impression\nNormal."), [(Impression, "Normal.")]);
    }

    #[test]
    fn a_heading_word_inside_a_sentence_is_no_heading() {
        assert_eq!(
            kinds("No prior study for comparison: none."),
            [(Unlabelled, "No prior study for comparison: none.")]
        );
        assert_eq!(kinds("The findings are stable."), [(Unlabelled, "The findings are stable.")]);
    }

    #[test]
    fn text_after_a_blank_line_below_an_indication_is_unlabelled() {
        assert_eq!(
            kinds("INDICATION: r/o pneumonia\n\nSmall effusion."),
            [(Indication, "r/o pneumonia"), (Unlabelled, "Small effusion.")]
        );
    }

    #[test]
    fn an_impression_inside_a_closing_addendum_belongs_to_it() {
        let text = "IMPRESSION: a.\nADDENDUM: b.\nIMPRESSION: c.";
        assert_eq!(
            kinds(text).iter().map(|s| s.0).collect::<Vec<_>>(),
            [Impression, Addendum, Addendum]
        );
    }
}

//! From text to a reading: sections, phrases, scopes, modifiers, addenda.

use super::finding::{Certainty, Change, Finding, FindingKind};
use super::language::{Verdict, judge};
use super::lexicon::{Site, Target};
use super::matcher::{self, Item, Meaning};
use super::modifiers::{self, Modifiers};
use super::region::{self, Region};
use super::scope::{Mark, Sentence};
use super::sections::{self, Section, SectionKind, Source};
use super::strength::strength;
use super::summary::{Summary, summarise};
use super::tokens::Tokens;

/// Longest report that is read, in bytes: 1 MiB, a hundred times the longest real ones.
pub const MAX_REPORT_BYTES: usize = 1 << 20;

/// What a report says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Every section found, read or not, in order.
    pub sections: Vec<Section>,
    /// Which text the findings come from (an addendum is read besides).
    pub source: Source,
    /// Every mention in the text read, in order; empty when nothing in it is known to the engine.
    pub findings: Vec<Finding>,
}

impl Reading {
    /// One line per finding kind: positive beats uncertain beats negative.
    pub fn summary(&self) -> Vec<Summary> {
        summarise(&self.findings)
    }

    /// How strongly a line of [`Self::summary`] is stated, in 0..=1; null = it says nothing of present disease.
    pub fn strength(&self, line: &Summary) -> Option<f64> {
        strength(&self.findings, line)
    }
}

/// Why a report gives no reading. The modality is then absent, not normal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// No word in the text.
    #[error("the report is empty")]
    Empty,
    /// Longer than [`MAX_REPORT_BYTES`].
    #[error("the report has {bytes} bytes, more than {MAX_REPORT_BYTES}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Only sections that are not read: indication, comparison, technique and the like.
    #[error("the report has no findings, impression or free text")]
    NoReadableSection,
    /// Words of another language outweigh the English ones.
    #[error("the report is not in English")]
    NotEnglish,
    /// Too few words that the engine knows.
    #[error("only {known} of {words} words are known")]
    TooFewKnownWords {
        /// Words known.
        known: usize,
        /// Words read.
        words: usize,
    },
}

/// Reads a report. `procedure` is the study's name ("CT head"); with it, words that mean different things in
/// different parts of the body are understood.
///
/// # Errors
/// [`Unreadable`], with the reason.
pub fn read_report(text: &str, procedure: Option<&str>) -> Result<Reading, Unreadable> {
    if text.len() > MAX_REPORT_BYTES {
        return Err(Unreadable::TooLong { bytes: text.len() });
    }
    let sections = sections::split(text);
    if sections.is_empty() {
        return Err(Unreadable::Empty);
    }
    let region = region::of(procedure, text);
    let addendum = match read_sections(text, &sections, SectionKind::Addendum, region) {
        Err(Unreadable::TooFewKnownWords { .. }) => None, // names and times: it contradicts nothing
        other => other?,
    };
    let (source, main) = read_main(text, &sections, region)?;
    let source = match source {
        Some(source) => source,
        None if addendum.is_some() => Source::Addendum,
        None => return Err(Unreadable::NoReadableSection),
    };
    let findings = supersede(main, addendum.unwrap_or_default());
    Ok(Reading { sections, source, findings })
}

/// The first of impression, findings and unlabelled text that names something; else the first that exists.
fn read_main(
    text: &str,
    sections: &[Section],
    region: Region,
) -> Result<(Option<Source>, Vec<Finding>), Unreadable> {
    let preferred = [
        (SectionKind::Impression, Source::Impression),
        (SectionKind::Findings, Source::Findings),
        (SectionKind::Unlabelled, Source::WholeText),
    ];
    let (mut first, mut unknown) = (None, None);
    for (kind, source) in preferred {
        if kind == SectionKind::Unlabelled && first.is_some() {
            break; // a heading was there and its text was readable: titles and footers do not count
        }
        match read_sections(text, sections, kind, region) {
            Ok(None) => {}
            Ok(Some(findings)) if findings.is_empty() => first = first.or(Some(source)),
            Ok(Some(findings)) => return Ok((Some(source), findings)),
            Err(error @ Unreadable::TooFewKnownWords { .. }) => unknown = unknown.or(Some(error)),
            Err(error) => return Err(error),
        }
    }
    match (first, unknown) {
        (None, Some(error)) => Err(error),
        _ => Ok((first, Vec::new())),
    }
}

/// Reads all sections of one kind together; None when there is none.
fn read_sections(
    text: &str,
    all: &[Section],
    kind: SectionKind,
    region: Region,
) -> Result<Option<Vec<Finding>>, Unreadable> {
    let mut tokens = Tokens::default();
    for section in all.iter().filter(|section| section.kind == kind) {
        tokens.push(&text[section.span.clone()], section.span.start);
    }
    if tokens.tokens.is_empty() {
        return Ok(None);
    }
    let mut items = matcher::find(&tokens);
    match judge(&tokens, &items) {
        Verdict::Readable => {}
        Verdict::NoWords => return Ok(None),
        Verdict::OtherLanguage => return Err(Unreadable::NotEnglish),
        Verdict::Unknown { known, words } => {
            return Err(Unreadable::TooFewKnownWords { known, words });
        }
    }
    Ok(Some(read_items(&tokens, &mut items, region)))
}

fn read_items(tokens: &Tokens, items: &mut [Item], region: Region) -> Vec<Finding> {
    let mut marks = vec![Mark::default(); items.len()];
    let mut modifiers = vec![Modifiers::default(); items.len()];
    let mut findings = Vec::new();
    let mut from = 0;
    for bounds in tokens.sentences.windows(2) {
        let end = from + items[from..].partition_point(|item| item.first < bounds[1] as usize);
        let sentence = &mut items[from..end];
        drop_misplaced(sentence, region);
        let marks = &mut marks[from..end];
        let modifiers = &mut modifiers[from..end];
        if sentence.iter().any(|item| matches!(item.meaning, Meaning::Finding(..))) {
            Sentence { tokens, items: sentence, marks, end: bounds[1] as usize }.mark_scopes();
            modifiers::attach(tokens, sentence, modifiers);
            let all = sentence.iter().zip(marks).zip(modifiers);
            findings.extend(
                all.filter_map(|((item, mark), modifiers)| {
                    finding(tokens, item, *mark, *modifiers)
                }),
            );
        }
        from = end;
    }
    findings
}

/// Phrases that mean a finding only elsewhere in the body, or only beside a device, mean nothing here.
fn drop_misplaced(sentence: &mut [Item], region: Region) {
    let is_device = |item: &Item| {
        matches!(item.meaning, Meaning::Finding(Target::Names(FindingKind::Device), _))
    };
    let beside_device = sentence.iter().any(is_device);
    for item in sentence {
        if matches!(item.meaning, Meaning::Finding(_, site) if !Site::holds(site, region, beside_device))
        {
            item.meaning = Meaning::Inert;
        }
    }
}

fn finding(tokens: &Tokens, item: &Item, mark: Mark, modifiers: Modifiers) -> Option<Finding> {
    let Meaning::Finding(target, _) = item.meaning else {
        return None;
    };
    let change = if mark.change == Change::Unspecified { modifiers.change } else { mark.change };
    let meant = mark.certainty.unwrap_or(Certainty::Affirmed);
    let (kind, certainty) = match target {
        Target::Names(kind) if change == Change::Resolved && meant == Certainty::Affirmed => {
            (kind, Certainty::Negated)
        }
        Target::Names(kind) => (kind, meant),
        Target::Excludes(kind) => (kind, Certainty::Negated),
        Target::Normal => (FindingKind::NoAcuteFinding, Certainty::Affirmed),
        Target::AcuteProcess => (FindingKind::NoAcuteFinding, opposite(meant)),
    };
    Some(Finding {
        kind,
        certainty,
        laterality: modifiers.laterality,
        change,
        acuity: modifiers.acuity,
        size: modifiers.size,
        span: tokens.tokens.get(item.first)?.start as usize
            ..tokens.tokens.get(item.end - 1)?.end as usize,
        superseded: false,
    })
}

fn opposite(certainty: Certainty) -> Certainty {
    match certainty {
        Certainty::Affirmed => Certainty::Negated,
        Certainty::Negated => Certainty::Affirmed,
        other => other,
    }
}

/// An addendum replaces what the main report says about the kinds that it speaks about itself; a disease in
/// it also replaces "no acute finding". Among several addenda the stronger certainty wins, as everywhere.
fn supersede(mut main: Vec<Finding>, addendum: Vec<Finding>) -> Vec<Finding> {
    let spoken: Vec<Summary> =
        summarise(&addendum).into_iter().filter(|s| s.certainty <= Certainty::Negated).collect();
    let disease =
        |s: &Summary| !matches!(s.kind, FindingKind::Device | FindingKind::NoAcuteFinding);
    let found = spoken.iter().any(|s| disease(s) && s.certainty == Certainty::Affirmed);
    for finding in &mut main {
        finding.superseded = spoken.iter().any(|s| s.kind == finding.kind)
            || found && finding.kind == FindingKind::NoAcuteFinding;
    }
    main.extend(addendum);
    main.sort_by_key(|finding| finding.span.start);
    main
}

//! Reads an imaging report: which findings it names, how surely, and how severe they are together.
//!
//! Rules, no learning: sections (`sections`), whole-word phrases by one automaton (`matcher`, `lexicon`, `cues`),
//! the scope of cues in the NegEx and ConText manner (`scope`), describing words (`modifiers`), aggregation in
//! the CheXpert manner ([`summarise`]) and one weighted severity ([`severity()`]).
//!
//! What it is not: validated. Its test corpus is synthetic and was written together with the rules;
//! being exact on it shows that the rules do what they say, not how accurate they are on clinical text.
//!
//! Text that cannot be read is [`Unreadable`] with its reason, never "normal". Every function here is total:
//! no text makes it panic, and the cost grows linearly with the text.

mod cues;
mod finding;
mod language;
mod lexicon;
mod lists;
mod matcher;
mod modifiers;
mod reader;
mod region;
mod scope;
mod sections;
mod severity;
mod structured;
mod summary;
mod tokens;

pub use finding::{Acuity, Certainty, Change, Finding, FindingKind, Laterality, Size};
pub use reader::{MAX_REPORT_BYTES, Reading, Unreadable, read_report};
pub use sections::{Section, SectionKind, Source};
pub use severity::{BASELINE_SEVERITY, severity, weight};
pub use structured::{
    NameRejection, Structured, StructuredRejection, kind_by_name, severity_of_structured,
};
pub use summary::{Summary, summarise};

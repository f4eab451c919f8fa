//! Reads an imaging report: which findings it names, how surely, and how strongly.
//!
//! Rules, no learning: sections (`sections`), whole-word phrases by one automaton (`matcher`, `lexicon`, `cues`),
//! the scope of cues in the NegEx and ConText manner (`scope`), describing words (`modifiers`), aggregation in
//! the CheXpert manner ([`summarise`]) and one number for how strongly each is stated ([`Reading::strength`]).
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
mod strength;
mod summary;
mod tokens;

pub use finding::{Acuity, Certainty, Change, Finding, FindingKind, Laterality, Size};
pub use reader::{MAX_REPORT_BYTES, Reading, Unreadable, read_report};
pub use sections::{Section, SectionKind, Source};
pub use summary::{Summary, summarise};

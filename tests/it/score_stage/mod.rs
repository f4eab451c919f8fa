//! The score stage through `step`: laws against an oracle, and one scenario for each rule.

mod bench;
mod laws;
mod oracle;
mod rules;

//! The score stage through `step`: laws against an oracle, and one scenario for each rule.
#![allow(clippy::print_stdout, reason = "each law prints how much it compared")]

mod bench;
mod laws;
mod oracle;
mod rules;

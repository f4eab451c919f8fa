//! A deployment as its commands see it, on the in-memory broker: the audit and the dead letters.

mod audit;
mod dead_letters;
pub(crate) mod small_ward;

//! latefusion
fn main() {}

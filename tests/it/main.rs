//! The integration tests.

mod fusers;
mod seeds;

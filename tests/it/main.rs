//! The integration tests.

mod news2;

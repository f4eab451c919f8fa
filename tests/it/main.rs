//! The integration tests.

mod wire;

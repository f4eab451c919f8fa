//! The integration tests.
mod score_stage;

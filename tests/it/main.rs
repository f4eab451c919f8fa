//! The integration tests.

mod datasets;
mod record_files;
mod tiny;

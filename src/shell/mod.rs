//! Everything that awaits, reads a clock, a file, a socket or the environment.

pub mod bus;
pub mod datasets;
pub mod explain;
pub mod record_files;
pub mod wire;

//! Everything that awaits, reads a clock, a file, a socket or the environment.

pub mod bus;
pub mod datasets;
pub mod record_files;
//! Everything that touches the world: wire formats, configuration, Kafka, files, telemetry, the command line.

pub mod explain;
pub mod wire;

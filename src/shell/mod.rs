//! Everything that touches the world: wire formats, configuration, Kafka, files, telemetry, the command line.

pub mod explain;
pub mod wire;

//! Everything that awaits, reads a clock, a file, a socket or the environment.

pub mod bus;
pub mod cli;
pub mod datasets;
pub mod demo;
pub mod driver;
pub mod explain;
pub mod feed;
pub mod final_revisions;
pub mod local_lane;
pub mod record_files;
pub mod replay;
pub mod setup;
pub mod simulator;
pub mod view;
pub mod watcher;
pub mod wire;

//! Everything that awaits, reads a clock, a file, a socket or the environment.

pub mod advice;
pub mod audit;
pub mod bus;
pub mod cli;
pub mod comparison;
pub mod config;
pub mod datasets;
pub mod dead_letters;
pub mod demo;
pub mod driver;
pub mod explain;
pub mod feed;
pub mod final_revisions;
pub mod local_lane;
pub mod models;
pub mod patience;
pub mod record_files;
pub mod replay;
pub mod setup;
pub mod signals;
pub mod simulator;
pub mod tables;
pub mod telemetry;
pub mod view;
pub mod watcher;
pub mod wire;

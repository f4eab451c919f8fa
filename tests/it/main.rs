//! The integration tests.

mod bus_contract;
mod calibration_file;
mod config;
mod datasets;
mod decoders;
mod demo;
mod deployment;
mod fourth_modality;
mod fusers;
mod kafka;
mod laws;
mod news2;
mod operate;
mod oracle;
mod record_files;
mod report;
mod schemas;
mod score_stage;
mod seeds;
mod simulation;
mod simulator;
mod tidy;
mod tiny;
mod wire;
mod worlds;

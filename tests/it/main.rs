//! The integration tests.

mod datasets;
mod decoders;
mod fourth_modality;
mod fusers;
mod schemas;
mod calibration_file;
mod news2;
mod record_files;
mod report;
mod schemas;
mod seeds;
mod tiny;
mod wire;
mod score_stage;

//! The integration tests.

mod fusers;
mod seeds;
mod decoders;
mod fourth_modality;
mod schemas;
mod calibration_file;
mod news2;
mod datasets;
mod record_files;
mod tiny;
mod report;

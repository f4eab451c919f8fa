//! The integration tests.

mod fusers;
mod laws;
mod oracle;
mod seeds;
mod decoders;
mod fourth_modality;
mod schemas;
mod news2;
mod datasets;
mod record_files;
mod tiny;
mod report;
mod worlds;

//! The integration tests.

mod decoders;
mod fourth_modality;
mod schemas;

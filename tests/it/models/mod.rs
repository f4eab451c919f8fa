//! Learned models: files of every kind read, run, refused, swapped.

mod golden;
mod laws;
mod loading;
mod packages;
mod trees;

//! Learned models: files of every kind read, run, refused, swapped.

mod golden;
mod trees;

//! Learned models: files of every kind read, run, refused, swapped.
#![allow(clippy::panic, clippy::print_stdout, reason = "a test fails and says what it measured")]

mod demo;
mod golden;
mod laws;
mod loading;
mod mutations;
mod packages;
mod refusals;
mod site;
mod swapping;
mod trees;

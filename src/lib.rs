//! latefusion

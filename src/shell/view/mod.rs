//! The live picture of a ward: what is known of each patient, how it is drawn, and the terminal it is drawn on.
//!
//! [`Picture`] is plain data made from the records of `fused-scores` and `availability`, as any consumer of these topics could make
//! it; [`draw()`] makes lines of it; [`Screen`] puts lines on a terminal, and [`plain`] writes them where there is none.

mod draw;
mod picture;
#[cfg(test)]
pub(super) use picture::tests;
pub mod plain;
mod screen;
mod table;

pub use draw::{Flow, Line, Piece, Style, draw};
pub use picture::{BandChange, Cell, ModalityBar, Picture, Row, Trend};
pub use screen::{Key, Screen, has_colour};
pub use table::age_text;

/// Stands under every picture; short enough for 80 columns.
pub const NOTICE: &str = "Informs staff, never alarms on its own. Not for clinical decisions.";

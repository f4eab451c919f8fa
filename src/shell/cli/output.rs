//! Where the command line prints: results to standard output, everything else to standard error.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, Write};

/// Prints a result. A reader that has gone away (`| head`) ends the program quietly.
pub(super) fn say(text: &str) {
    if writeln!(io::stdout().lock(), "{text}").is_err() {
        std::process::exit(0);
    }
}

/// Prints a warning or an error.
pub(super) fn warn(text: &str) {
    // Nothing is left to tell a failure to.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A bar on standard error; invisible where that is no terminal.
pub(super) fn bar(what: &str, total: u64) -> ProgressBar {
    let style = "{msg:18} [{bar:40}] {pos}/{len} {per_sec} {eta} left";
    let style =
        ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total).with_style(style.progress_chars("=> ")).with_message(what.to_owned())
}

//! Where the live commands show what comes: a table on a terminal, lines elsewhere.

use super::output::say;
use crate::shell::view::plain::{change_line, summary_line};
use crate::shell::view::{BandChange, Flow, Key, NOTICE, Picture, Screen, draw};
use crate::types::FusedScore;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

/// How the live commands show what comes.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct FaceArgs {
    /// Prints lines instead of a table: every change of a band, and a summary now and then. Without a terminal it is always so.
    #[arg(long)]
    pub plain: bool,
    /// Seconds between two summaries of --plain.
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub summary_every: u64,
}

/// See the module.
pub(super) struct Face {
    screen: Option<Screen>,
    quiet: bool,
    summary_every: Duration,
    summed_up: Instant,
}

impl Face {
    /// `quiet`: nothing is shown at all (for `--json`).
    pub fn open(args: FaceArgs, quiet: bool) -> io::Result<Self> {
        let on_terminal = io::stdout().is_terminal() && io::stdin().is_terminal();
        let screen = if args.plain || quiet || !on_terminal { None } else { Some(Screen::open()?) };
        let summary_every = Duration::from_secs(args.summary_every.max(1));
        Ok(Self { screen, quiet, summary_every, summed_up: Instant::now() })
    }

    /// True where there are lines instead of a table.
    pub fn is_plain(&self) -> bool {
        self.screen.is_none() && !self.quiet
    }

    /// A score that changed a band.
    pub fn score(&self, score: &FusedScore, change: Option<BandChange>) {
        if let (true, Some(change)) = (self.is_plain(), change) {
            say(&change_line(score, change));
        }
    }

    /// Shows the picture and returns the keys that were pressed meanwhile.
    pub fn look(&mut self, picture: &Picture, flow: &Flow) -> io::Result<Vec<Key>> {
        let Some(screen) = &mut self.screen else {
            if !self.quiet && self.summed_up.elapsed() >= self.summary_every {
                self.summed_up = Instant::now();
                say(&summary_line(picture, flow));
            }
            return Ok(Vec::new());
        };
        let mut keys = Vec::new();
        while let Some(key) = screen.key(Duration::ZERO)? {
            keys.push(key);
        }
        screen.show(&draw(picture, flow, screen.size()))?;
        Ok(keys)
    }

    /// What has to be said where there is no table to stand under.
    pub fn notice(&self) {
        if self.is_plain() {
            say(NOTICE);
        }
    }
}

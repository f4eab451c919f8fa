//! Seeded cases: every failure names the seed that brings it back, and a law that compared nothing fails.

use std::ops::AddAssign;

/// What a law has looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count {
    /// Values compared with what they should be.
    pub(crate) compared: u64,
    /// Disturbances put in: disorder, duplicates, crashes, removals.
    pub(crate) faults: u64,
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.compared += other.compared;
        self.faults += other.faults;
    }
}

/// Names the seed when the case panics.
struct Named<'a>(&'a str, u64);

impl Drop for Named<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            say(format_args!("{}: failed; bring it back with LATEFUSION_SEED={}", self.0, self.1));
        }
    }
}

#[allow(clippy::print_stderr)]
pub(crate) fn say(text: std::fmt::Arguments<'_>) {
    eprintln!("{text}");
}

/// Runs a law over `cases` seeds, or over `LATEFUSION_SEED` alone. Fails when nothing was compared.
pub(crate) fn law(name: &str, cases: u64, mut case: impl FnMut(u64) -> Count) -> Count {
    let only: Option<u64> =
        std::env::var("LATEFUSION_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut count = Count::default();
    for seed in only.map_or(0..cases, |seed| seed..seed + 1) {
        let named = Named(name, seed);
        count += case(seed);
        drop(named);
    }
    say(format_args!(
        "law: {name}: {} cases, {} compared, {} faults",
        if only.is_some() { 1 } else { cases },
        count.compared,
        count.faults
    ));
    assert!(count.compared > 0 || only.is_some(), "{name}: compared nothing");
    count
}

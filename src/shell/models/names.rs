//! How people name a model: in the configuration and in the files `active` and `shadow`.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// Stands for the reference scorer of the profile.
const REFERENCE: &str = "reference";

/// A model by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// The reference scorer of the profile.
    Reference,
    /// `name@version`: a package, or a scorer that ships.
    Exactly(String),
    /// `name`: its package of the highest version.
    Highest(String),
}

/// What is no name of a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no model: write `name@version`, `name` for its highest version, or `reference`")]
pub struct BadName(String);

impl FromStr for Named {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        let word = |word: &str| {
            (1..=64).contains(&word.len()) && !word.starts_with('.') && word.bytes().all(legal)
        };
        match text.split_once('@') {
            None if text == REFERENCE => Ok(Self::Reference),
            None if word(text) => Ok(Self::Highest(text.to_owned())),
            Some((name, version)) if word(name) && word(version) => {
                Ok(Self::Exactly(text.to_owned()))
            }
            _ => Err(BadName(text.to_owned())),
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reference => REFERENCE,
            Self::Exactly(name) | Self::Highest(name) => name,
        })
    }
}

/// Order of versions: runs of digits count as numbers, so that 10 comes after 9, and 1.2 before 1.10.
pub(super) fn by_version(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while let (Some(x), Some(y)) = (a.first(), b.first()) {
        let order = if x.is_ascii_digit() && y.is_ascii_digit() {
            let (x, y) = (digits(&mut a), digits(&mut b));
            x.len().cmp(&y.len()).then(x.cmp(y))
        } else {
            (a, b) = (&a[1..], &b[1..]);
            x.cmp(y)
        };
        if order.is_ne() {
            return order;
        }
    }
    a.len().cmp(&b.len())
}

/// Takes a run of digits, without leading zeros.
fn digits<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let end = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    let (run, rest) = text.split_at(end);
    *text = rest;
    let zeros = run.iter().position(|b| *b != b'0').unwrap_or(run.len());
    &run[zeros..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_people_count() {
        let rising = ["1", "1.2", "1.10", "2-rc1", "2-rc2", "9", "10", "2026-11-24", "v1", "v2"];
        for (i, a) in rising.iter().enumerate() {
            for (j, b) in rising.iter().enumerate() {
                assert_eq!(by_version(a, b), i.cmp(&j), "{a} and {b}");
            }
        }
    }

    #[test]
    fn a_name_reads_back_as_it_was_and_a_path_is_none() {
        for name in ["reference", "gru", "gru@3", "news2-ward@1"] {
            let read: Named = name.parse().expect("a name");
            assert_eq!(read.to_string(), name);
        }
        for bad in ["", "../x", "a@", "@1", "a@b@c", "a b", ".a", "a@../1"] {
            assert!(bad.parse::<Named>().is_err(), "{bad}");
        }
    }
}

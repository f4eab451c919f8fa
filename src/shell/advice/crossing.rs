//! Reading a curve: between its points, and where it crosses zero.

use crate::shell::comparison::{Ahead, Point};

/// The points at which the difference to a rival is known, by rising share missing.
fn known<'a>(curve: &'a [Point], rival: &'a str) -> impl Iterator<Item = (f64, Ahead)> + 'a {
    curve.iter().filter_map(move |point| Some((point.missing, *point.ahead_of.get(rival)?)))
}

/// The difference at a share missing, between the two levels around it (its ends too); beyond the last level the last.
/// `None` without a point.
pub fn at(curve: &[Point], rival: &str, missing: f64) -> Option<Ahead> {
    let mut before: Option<(f64, Ahead)> = None;
    for (level, ahead) in known(curve, rival) {
        let Some((lower_level, lower)) = before.filter(|_| level >= missing) else {
            if level >= missing {
                return Some(ahead);
            }
            before = Some((level, ahead));
            continue;
        };
        let share = (missing - lower_level) / (level - lower_level);
        let mix = |a: f64, b: f64| a + share * (b - a);
        return Some(Ahead {
            value: mix(lower.value, ahead.value),
            lower: mix(lower.lower, ahead.lower),
            upper: mix(lower.upper, ahead.upper),
        });
    }
    before.map(|(_, ahead)| ahead)
}

/// The share missing from which the difference stays at zero or above; `None`: it ends below zero.
pub fn crosses_at(curve: &[Point], rival: &str) -> Option<f64> {
    let mut crossing = None;
    let mut before: Option<(f64, f64)> = None;
    for (level, Ahead { value, .. }) in known(curve, rival) {
        crossing = match before {
            _ if value < 0.0 => None,
            Some((lower_level, lower)) if lower < 0.0 => {
                Some(lower_level + (level - lower_level) * lower / (lower - value))
            }
            Some(_) => crossing,
            None => Some(level),
        };
        before = Some((level, value));
    }
    crossing
}

/// The lowest level from which on every level's whole interval is above zero; `None`: the last one's is not.
pub fn certain_from(curve: &[Point], rival: &str) -> Option<f64> {
    known(curve, rival)
        .fold(None, |from, (level, ahead)| (ahead.lower > 0.0).then(|| from.unwrap_or(level)))
}

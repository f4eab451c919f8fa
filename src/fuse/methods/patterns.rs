//! Availability patterns: what a method holds for each set of present modalities, and how wide its interval is there.

use super::rows::{Part, Z};
use super::{Member, Parameters};

/// Most modalities that a method with patterns can know: there are 2^n patterns.
const MOST_MODALITIES: usize = 8;

/// Default of `spread`; see the pools.
const SPREAD: f64 = 0.5;

/// Something for each set of present modalities; bit i of an index stands for the i-th modality in registry order.
pub(super) struct Patterns<T> {
    by_mask: Vec<T>,
}

impl<T> Patterns<T> {
    /// What holds for the present modalities; `None` with none present, or more modalities than patterns are kept for.
    pub(super) fn of<'a>(&self, present: impl Iterator<Item = &'a Part>) -> Option<&T> {
        let bit = |part: &Part| 1_usize.checked_shl(part.modality as u32).unwrap_or(0);
        let mask = present.fold(0, |mask, part| mask | bit(part));
        self.by_mask.get(mask).filter(|_| mask > 0)
    }
}

/// A pattern's calibration: fused log-odds = prior + intercept + gain times the distance from the prior.
pub(super) struct Gain {
    pub(super) intercept: f64,
    pub(super) gain: f64,
}

impl Gain {
    /// One modality alone has nothing to be calibrated.
    pub(super) fn read(inner: &mut Parameters<'_>, present: &[usize], default: f64) -> Self {
        if present.len() < 2 {
            return Self { intercept: 0.0, gain: 1.0 };
        }
        Self {
            intercept: inner.number("intercept", 0.0, "between -20 and 20", |i| i.abs() <= 20.0),
            gain: inner.number("gain", default, "above 0 and at most 20", |g| 0.0 < g && g <= 20.0),
        }
    }
}

/// Reads `[method.pattern."labs+vitals"]` for each pattern that is given: `half_width`, and by `read` what the method
/// holds of a pattern beside it. A pattern that is not given is made by `read` from no parameters at all.
///
/// The interval law asks that removing a modality never narrows the interval: a pattern is at least as wide as every
/// pattern that has more, and one that is not given is no wider than those that have less.
pub(super) fn read<T>(
    parameters: &mut Parameters<'_>,
    members: &[Member<'_>],
    mut read: impl FnMut(&mut Parameters<'_>, &[usize]) -> T,
) -> (Patterns<T>, Patterns<f64>) {
    let spread = parameters.number("spread", SPREAD, "above 0", |s| s > 0.0);
    let empty = toml::Table::new();
    let mut given: Vec<(&str, Parameters<'_>)> = parameters.tables("pattern");
    if members.len() > MOST_MODALITIES {
        let expected = format!("knows at most {MOST_MODALITIES} modalities");
        parameters.wrong("name", expected);
        return (Patterns { by_mask: Vec::new() }, Patterns { by_mask: Vec::new() });
    }
    let total: f64 = members.iter().map(|(_, policy)| policy.weight).sum();
    let (mut by_mask, mut widths) = (Vec::new(), Vec::<f64>::new());
    for mask in 0..1_usize << members.len() {
        let present: Vec<usize> = (0..members.len()).filter(|i| mask >> i & 1 == 1).collect();
        let weight: f64 = present.iter().map(|i| members[*i].1.weight).sum();
        let by_weight = Z * spread * (total / weight).sqrt();
        let less = present.iter().map(|i| widths[mask & !(1 << i)]);
        let default = less.fold(by_weight, f64::min);
        let at = given.iter().position(|(name, _)| names_it(name, &present, members));
        let mut inner = match at {
            Some(at) => given.swap_remove(at).1,
            None => Parameters::of(&empty),
        };
        widths.push(inner.number("half_width", default, "above 0", |w| w > 0.0));
        by_mask.push(read(&mut inner, &present));
        parameters.and(inner);
    }
    for (name, _) in &given {
        parameters.wrong(&format!("pattern.{name}"), "names no set of the package's modalities");
    }
    widen(&mut widths, members.len());
    (Patterns { by_mask }, Patterns { by_mask: widths })
}

/// `labs+vitals`, in any order.
fn names_it(name: &str, present: &[usize], members: &[Member<'_>]) -> bool {
    let named: Vec<&str> = name.split('+').collect();
    named.len() == present.len() && present.iter().all(|i| named.contains(&members[*i].0))
}

fn widen(widths: &mut [f64], modalities: usize) {
    for mask in (0..widths.len()).rev() {
        let more = (0..modalities).map(|i| mask | 1 << i).filter(|more| *more != mask);
        widths[mask] = more.map(|more| widths[more]).fold(widths[mask], f64::max);
    }
}

//! Boosted: a tree ensemble over the log-odds, the ages and the presence of the modalities, in which what is absent
//! stays missing (NaN, by the trees' own rule for it); then a gain and an intercept for each set of present modalities.
//!
//! The ensemble is LightGBM's text in the package (`trees`); its features are named `vitals_log_odds`,
//! `vitals_age_hours` and `vitals_present` (1 or 0), and so on. Without it, log-odds are averaged, with a gain of √n.
//! Not monotone: trees are steps fitted to data. An ensemble trained with monotone constraints on the log-odds is so
//! between two rows of the same ages, but nothing here can see whether it was.

use super::MethodEntry;
use super::parameters::Parameters;
use super::patterns::{self, Gain, Patterns};
use super::rows::{Combine, Part, Rows, leave_one_out};
use crate::trees::TreeEnsemble;
use crate::types::LogOdds;

pub(super) const ENTRY: MethodEntry = MethodEntry {
    name: "boosted",
    monotone: false,
    build: |parameters, members| {
        let names: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
        let trees = Trees::read(parameters, &names);
        let has_trees = trees.is_some();
        let gain = |inner: &mut Parameters<'_>, present: &[usize]| {
            Gain::read(inner, present, if has_trees { 1.0 } else { (present.len() as f64).sqrt() })
        };
        let (gains, widths) = patterns::read(parameters, members, gain);
        Box::new(Rows::new(parameters, members, Boosted { trees, gains, widths }))
    },
};

/// What a feature of the ensemble is of its modality.
#[derive(Clone, Copy)]
enum Of {
    LogOdds,
    AgeHours,
    Present,
}

/// The ensemble, with the place of each of its features.
struct Trees {
    ensemble: TreeEnsemble,
    features: Vec<(usize, Of)>,
}

impl Trees {
    /// `None` where none is given, or it is a mistake.
    fn read(parameters: &mut Parameters<'_>, names: &[&str]) -> Option<Self> {
        let text = parameters.text("trees")?;
        let ensemble = match TreeEnsemble::from_lightgbm(text) {
            Ok(ensemble) if ensemble.outputs() == 1 => ensemble,
            Ok(_) => {
                parameters.wrong("trees", "must have one output");
                return None;
            }
            Err(error) => {
                parameters.wrong("trees", error.to_string());
                return None;
            }
        };
        let place = |feature: &String| {
            let ends = [
                ("_log_odds", Of::LogOdds),
                ("_age_hours", Of::AgeHours),
                ("_present", Of::Present),
            ];
            let (name, of) =
                ends.into_iter().find_map(|(end, of)| Some((feature.strip_suffix(end)?, of)))?;
            Some((names.iter().position(|known| *known == name)?, of))
        };
        let features: Option<Vec<_>> = ensemble.feature_names().iter().map(place).collect();
        if features.is_none() {
            parameters.wrong("trees", "a feature is not named after a modality of the package");
        }
        Some(Self { features: features?, ensemble })
    }

    fn log_odds(&self, parts: &[&Part]) -> f64 {
        let value = |(modality, of): &(usize, Of)| {
            let part = parts.iter().find(|part| part.modality == *modality);
            match (of, part) {
                (Of::Present, part) => f64::from(u8::from(part.is_some())),
                (Of::LogOdds, Some(part)) => LogOdds::of(part.risk).get(),
                (Of::AgeHours, Some(part)) => part.age_seconds / 3_600.0,
                (_, None) => f64::NAN,
            }
        };
        let row: Vec<f64> = self.features.iter().map(value).collect();
        self.ensemble.margins(&row, row.len()).first().copied().unwrap_or(f64::NAN)
    }
}

struct Boosted {
    trees: Option<Trees>,
    gains: Patterns<Gain>,
    widths: Patterns<f64>,
}

impl Boosted {
    fn risk(&self, parts: &[&Part], prior: f64) -> f64 {
        let [first, _, ..] = parts else { return parts.first().map_or(f64::NAN, |only| only.risk) };
        let Some(gain) = self.gains.of(parts.iter().copied()) else { return first.risk };
        let own = |part: &&Part| LogOdds::of(part.risk).get() - prior;
        let away = match &self.trees {
            Some(trees) => trees.log_odds(parts) - prior,
            None => parts.iter().map(own).sum::<f64>() / parts.len() as f64,
        };
        LogOdds::from_value(prior + gain.intercept + gain.gain * away).risk().get()
    }
}

impl Combine for Boosted {
    /// Contribution: the fused log-odds less those without the modality. Share: the decayed weight's, as in the pools;
    /// trees have no weights.
    fn combine(&self, parts: &mut [Part], prior: f64) -> f64 {
        leave_one_out(parts, |parts| {
            let parts: Vec<&Part> = parts.collect();
            self.risk(&parts, prior)
        })
    }

    fn half_width(&self, present: &[Part]) -> Option<f64> {
        self.widths.of(present.iter()).copied()
    }
}

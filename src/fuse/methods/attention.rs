//! Attention: a share for each present modality by the softmax of its key, which sees who it is, how old it is and how
//! sure it is; then a gain and an intercept for each set of present modalities:
//! logit p = l0 + intercept_S + gain_S Σ share_m (logit p_m − l0), share = softmax(bias_m − ageing_m age + confidence_m |logit p_m − l0|).
//!
//! An absent modality is masked: it has no key and no share. Without a gain a mean of log-odds would be under-confident.
//! Not monotone: as the key sees the confidence, raising a low risk towards the prior takes weight from it, and what
//! the others say then counts more.

use super::MethodEntry;
use super::parameters::Parameters;
use super::patterns::{self, Gain, Patterns};
use super::rows::{Combine, Part, Rows};
use crate::types::LogOdds;

pub(super) const ENTRY: MethodEntry = MethodEntry {
    name: "attention",
    monotone: false,
    build: |parameters, members| {
        let (gains, widths) = patterns::read(parameters, members, |inner, present| {
            Gain::read(inner, present, (present.len() as f64).sqrt())
        });
        let mut given = parameters.tables("key");
        let keys = members.iter().map(|(name, _)| {
            match given.iter().position(|(known, _)| known == name) {
                None => Key::default(),
                Some(at) => {
                    let mut inner = given.swap_remove(at).1;
                    let key = Key::read(&mut inner);
                    parameters.and(inner);
                    key
                }
            }
        });
        let keys = keys.collect();
        for (name, _) in &given {
            parameters.wrong(&format!("key.{name}"), "no such modality");
        }
        Box::new(Rows::new(parameters, members, Attention { keys, gains, widths }))
    },
};

/// Keys further below the greatest than this get the share of one exactly so far below, so that no share is zero.
const LOWEST_KEY: f64 = -50.0;

/// What a modality's key is made of.
#[derive(Default)]
struct Key {
    bias: f64,
    /// Per hour of age.
    ageing: f64,
    /// Per unit of distance from the prior in log-odds.
    confidence: f64,
}

impl Key {
    fn read(inner: &mut Parameters<'_>) -> Self {
        let mut number = |key| inner.number(key, 0.0, "between -100 and 100", |n| n.abs() <= 100.0);
        Self { bias: number("bias"), ageing: number("ageing"), confidence: number("confidence") }
    }
}

struct Attention {
    keys: Vec<Key>,
    gains: Patterns<Gain>,
    widths: Patterns<f64>,
}

impl Attention {
    /// Fills in the shares.
    fn attend(&self, parts: &mut [Part], prior: f64) {
        let mut greatest = f64::NEG_INFINITY;
        for part in parts.iter_mut() {
            let away = (LogOdds::of(part.risk).get() - prior).abs();
            let energy = self.keys.get(part.modality).map_or(0.0, |key| {
                key.bias - key.ageing * part.age_seconds / 3_600.0 + key.confidence * away
            });
            part.share = energy;
            greatest = greatest.max(energy);
        }
        for part in parts.iter_mut() {
            part.share = (part.share - greatest).max(LOWEST_KEY).exp();
        }
        let sum: f64 = parts.iter().map(|part| part.share).sum();
        parts.iter_mut().for_each(|part| part.share /= sum);
    }
}

impl Combine for Attention {
    /// Contribution: gain times share times the distance of the modality's log-odds from the prior's.
    fn combine(&self, parts: &mut [Part], prior: f64) -> f64 {
        let Some(Gain { intercept, gain }) = self.gains.of(parts.iter()) else { return f64::NAN };
        self.attend(parts, prior);
        let mut log_odds = prior + intercept;
        for part in parts.iter_mut() {
            part.contribution = gain * part.share * (LogOdds::of(part.risk).get() - prior);
            log_odds += part.contribution;
        }
        LogOdds::from_value(log_odds).risk().get()
    }

    fn half_width(&self, present: &[Part]) -> Option<f64> {
        self.widths.of(present.iter()).copied()
    }
}

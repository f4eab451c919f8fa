//! The pipeline as it ships: modalities, reference scorers with their calibrations, spans and limits.

use super::local_lane::{LaneSetup, Models, Scoring};
use crate::fuse::package::Profile;
use crate::modality::{DefaultPolicy, Modality, Registry};
use crate::score;
use crate::types::Span;
use std::sync::Arc;

/// Lanes with the reference scorers of a profile and this fusion package.
pub fn shipped(profile: Profile, registry: &Registry, package: Arc<str>) -> LaneSetup {
    let policy = |m: &'static Modality| policy_of(profile, m);
    LaneSetup {
        registry: registry.clone(),
        models: registry.iter().map(|(_, m)| reference_models(m, policy(m))).collect(),
        package,
        scoring: registry.iter().map(|(_, m)| scoring_of(policy(m))).collect(),
        idle_after: if profile == Profile::Ward { Span::seconds(10) } else { Span::hours(1) },
        max_patients: 2_000_000,
        max_history: 4_096,
        batch: 1_024,
    }
}

fn policy_of(profile: Profile, modality: &'static Modality) -> &'static DefaultPolicy {
    if profile == Profile::Ward { &modality.ward } else { &modality.hourly }
}

fn reference_models(modality: &Modality, policy: &DefaultPolicy) -> Models {
    Models { active: score::registry::reference(modality.name, policy.validity), shadows: Vec::new() }
}

fn scoring_of(policy: &DefaultPolicy) -> Scoring {
    Scoring {
        lookback: policy.lookback,
        out_of_orderness: policy.out_of_orderness.unwrap_or(Span::ZERO),
        max_clock_skew: Span::minutes(5),
        state_ttl: Span::days(7),
        max_observations: 512,
    }
}

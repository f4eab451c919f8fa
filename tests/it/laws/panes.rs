//! Single panes: when they may come, and what is in them.

use super::{CASES, scores, stage, step, story};
use crate::seeds::{Count, law};
use crate::worlds::{Flavour, World};
use latefusion::fuse::package::Package;
use latefusion::types::{EncounterChange, FusedStatus, LogEntry, Pane, PatientId, Presence};
use std::collections::BTreeMap;

/// How long a discharge is remembered at least.
fn memory(package: &Package) -> i64 {
    let holds = package.modality.values().map(|policy| policy.hold_limit.as_millis());
    holds.max().unwrap_or(0) + package.allowed_lateness.as_millis()
}

#[test]
fn a_discharged_patient_has_no_pane_at_or_after_the_discharge() {
    law("no pane after discharge", CASES / 2, |seed| {
        let world = World::new(seed, Flavour::Wild);
        let mut stage = stage(&world);
        let mut discharged: BTreeMap<PatientId, i64> = BTreeMap::new();
        let (mut count, mut taken) = (Count::default(), -1);
        // After that nothing is known of a patient any more, not even the discharge.
        let kept = world.packages().map(|p| memory(&p)).min().unwrap_or(0);
        for record in &world.log {
            if let Ok(LogEntry::Stay(stay)) = &record.entry
                && stay.source.offset > taken
            {
                let (who, time) = (stay.patient.clone(), stay.event_time.as_millis());
                taken = stay.source.offset;
                match stay.change {
                    EncounterChange::Discharge => {
                        discharged.insert(who, time);
                        count.faults += 1;
                    }
                    _ => discharged.retain(|patient, until| *patient != who || time < *until),
                }
            }
            for score in scores(&step(&mut stage, std::slice::from_ref(record))) {
                let end = score.window.end().as_millis();
                let who = score.patient.as_str();
                let remembered = |until: &&i64| record.ingest_time.as_millis() < **until + kept;
                if let Some(until) = discharged.get(&score.patient).filter(remembered) {
                    let why = || story(&world, &[], &score.patient, end);
                    assert!(
                        end < *until,
                        "{who} at {end}, discharged at {until}, by {record:?}{}",
                        why()
                    );
                    count.compared += 1;
                }
            }
        }
        count
    });
}

#[test]
fn within_out_of_orderness_no_pane_is_late() {
    law("2: no late pane within out-of-orderness", CASES, |seed| {
        let world = World::new(seed, Flavour::Orderly);
        let outputs = step(&mut stage(&world), &world.log);
        let mut count = world.count(0);
        for score in scores(&outputs) {
            let who = (score.patient.as_str(), score.window.end().as_millis());
            assert_ne!(score.pane, Pane::Late, "{who:?}");
            count.compared += 1;
        }
        count
    });
}

#[test]
fn an_absent_modality_has_no_part_and_weights_sum_to_one() {
    law("absence has weight zero", CASES / 2, |seed| {
        let world = World::new(seed, Flavour::Wild);
        let outputs = step(&mut stage(&world), &world.log);
        let mut count = world.count(0);
        for score in scores(&outputs) {
            let present = score.modalities.iter().filter_map(|presence| match presence {
                Presence::Present(present) => Some(present.weight),
                Presence::Absent(..) => None,
            });
            let weights: Vec<f64> = present.collect();
            let sum: f64 = weights.iter().sum();
            assert!(weights.is_empty() || (sum - 1.0).abs() < 1e-12, "{sum}");
            assert_eq!(weights.is_empty(), score.risk.is_none());
            assert_eq!(weights.is_empty(), score.status == FusedStatus::InsufficientData);
            assert_eq!(score.risk.is_some(), score.interval.is_some());
            count.compared += 1;
        }
        count
    });
}

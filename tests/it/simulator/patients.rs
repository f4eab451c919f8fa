//! The patients behind the records.

use super::{LABS, config, hours, ward};
use latefusion::modality::Registry;
use latefusion::shell::simulator::{Content, CourseKind, Disturbance, Input, Rates, WardConfig};
use latefusion::types::{EncounterChange, Event, ModalityId, ObservationId, PatientId, Span};
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn nothing_of_a_stay_comes_after_its_discharge() {
    let stay = [Span::hours(2), Span::hours(10)];
    let rates = Rates { readmission: 0.0, ..Rates::default() };
    let mut ward = ward(WardConfig { patients: 50, stay, rates, ..config() });
    let (mut checked, mut left) = (0, BTreeSet::new());
    for input in hours(&mut ward, 36) {
        assert!(!left.contains(&input.key), "{input:?}");
        checked += 1;
        if let Content::Encounter(encounter) = &input.content
            && encounter.change == EncounterChange::Discharge
        {
            left.insert(input.key.clone());
        }
    }
    assert!(checked > 100_000 && left.len() > 200, "{checked} {}", left.len());
    let statistics = ward.statistics();
    assert_eq!(statistics.admissions(), statistics.discharges() + ward.present().count() as u64);
    // The last discharges may be on their way.
    assert!(statistics.discharges() - left.len() as u64 <= 5);
    assert!(statistics.disturbed(Disturbance::AfterDischarge) > 0);
}

/// NEWS2 in short (RCP 2017, chart 1, scale 1) of the newest value of each parameter that was seen.
fn early_warning(newest: &BTreeMap<&str, f64>) -> Option<u32> {
    let points = |name, bands: &[(f64, u32)], above: u32| {
        let value = newest.get(name)?;
        Some(bands.iter().find(|(upto, _)| value <= upto).map_or(above, |(_, points)| *points))
    };
    let breaths =
        points("respiratory_rate_per_min", &[(8.0, 3), (11.0, 1), (20.0, 0), (24.0, 2)], 3)?;
    let oxygen = points("spo2_percent", &[(91.0, 3), (93.0, 2), (95.0, 1)], 0)?;
    let gas = points("oxygen", &[(0.0, 0)], 2)?;
    let pressure =
        points("systolic_pressure_mmhg", &[(90.0, 3), (100.0, 2), (110.0, 1), (219.0, 0)], 3)?;
    let pulse = points(
        "heart_rate_per_min",
        &[(40.0, 3), (50.0, 1), (90.0, 0), (110.0, 1), (130.0, 2)],
        3,
    )?;
    let mind = points("consciousness", &[(0.0, 0)], 3)?;
    let heat = points("temperature_celsius", &[(35.0, 3), (36.0, 1), (38.0, 0), (39.0, 1)], 2)?;
    Some(breaths + oxygen + gas + pressure + pulse + mind + heat)
}

#[test]
fn early_warning_scores_rank_patients_as_the_latent_truth_does() {
    let mut ward = ward(WardConfig { patients: 300, vitals_every: Span::minutes(1), ..config() });
    let vitals = Registry::shipped().get(ModalityId(0)).expect("shipped");
    let mut newest: BTreeMap<PatientId, BTreeMap<&str, f64>> = BTreeMap::new();
    for input in hours(&mut ward, 30) {
        let Content::Vitals(event, _) = &input.content else { continue };
        let of_patient = newest.entry(input.key.clone()).or_default();
        for (column, steps) in event.values.iter() {
            let column = &vitals.columns[usize::from(column)];
            of_patient.insert(column.name, column.to_value(steps));
        }
    }
    let mut scored: Vec<(u32, f64)> = Vec::new();
    for (patient, latent) in ward.present() {
        if let Some(score) = newest.get(patient).and_then(early_warning) {
            scored.push((score, latent.outcome_probability()));
        }
    }
    let (mut concordant, mut pairs) = (0.0, 0.0);
    for (a_score, a_truth) in &scored {
        for (b_score, b_truth) in &scored {
            if a_truth > &(b_truth + 0.05) {
                pairs += 1.0;
                concordant += match a_score.cmp(b_score) {
                    std::cmp::Ordering::Greater => 1.0,
                    std::cmp::Ordering::Equal => 0.5,
                    std::cmp::Ordering::Less => 0.0,
                };
            }
        }
    }
    let concordance = concordant / pairs;
    assert!(scored.len() > 250 && pairs > 2_000.0, "{} {pairs}", scored.len());
    assert!((0.85..1.0).contains(&concordance), "{concordance}");
    let deteriorating = ward.present().filter(|(_, latent)| latent.course.deteriorates()).count();
    assert!((30..110).contains(&deteriorating), "{deteriorating}");
    assert!(ward.present().any(|(_, latent)| latent.course == CourseKind::Stable));
}

/// The last version of every laboratory result that none took back, by observation.
fn final_results(inputs: &[Input]) -> BTreeMap<ObservationId, Event> {
    let mut results: BTreeMap<ObservationId, Event> = BTreeMap::new();
    let mut withdrawn = BTreeSet::new();
    for event in inputs.iter().filter(|i| i.feed == LABS).filter_map(Input::event) {
        if event.status.withdraws() {
            withdrawn.insert(event.id);
        }
        let newest = results.get(&event.id).is_none_or(|known| known.version < event.version);
        if newest && !event.values.is_empty() {
            results.insert(event.id, event.clone());
        }
    }
    results.retain(|id, _| !withdrawn.contains(id));
    results
}

#[test]
fn what_goes_wrong_with_records_changes_nothing_about_the_patients() {
    let rates = Rates { readmission: 0.0, corrected: 0.2, ..Rates::default() };
    let mut rough_ward = ward(WardConfig { rates, ..config() });
    let mut calm_ward = ward(WardConfig { rates: Rates::calm(), ..config() });
    let (rough, calm) = (hours(&mut rough_ward, 40), hours(&mut calm_ward, 40));
    assert!(rough_ward.present().eq(calm_ward.present()));
    // Corrections take up to seven hours, unless the patient has left: then the results are the same, whatever was
    // wrong with them first.
    let settled = config().start + Span::hours(30);
    let present: BTreeSet<&PatientId> = rough_ward.present().map(|(patient, _)| patient).collect();
    let (rough, calm) = (final_results(&rough), final_results(&calm));
    let mut compared = 0;
    for (id, event) in rough.iter().filter(|(_, event)| event.event_time < settled) {
        if !present.contains(&event.patient) {
            continue;
        }
        let same = calm.get(id).expect("calm wards lose nothing");
        assert_eq!((event.event_time, event.values), (same.event_time, same.values));
        compared += 1;
    }
    assert!(compared > 200, "{compared}");
}

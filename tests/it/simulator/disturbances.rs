//! How often what goes wrong, and in what order the rest arrives.

use super::{VITALS, config, hours, ward};
use latefusion::shell::simulator::{
    BadKind, Content, Disturbance, Input, Outage, Rates, WardConfig, WhileOff,
};
use latefusion::types::{EventStatus, EventTime, PatientId, Span};
use std::collections::BTreeMap;

#[test]
fn records_come_in_order_of_arrival_and_not_before_the_start() {
    let mut ward = ward(config());
    let inputs = hours(&mut ward, 24);
    assert!(inputs.len() > 50_000);
    assert!(inputs.is_sorted_by_key(|input| input.arrival));
    assert!(inputs[0].arrival.as_millis() >= config().start.as_millis());
    assert_eq!(ward.statistics().total(), inputs.len() as u64);
}

#[test]
fn rates_are_as_configured() {
    let rates = Rates { duplicate: 0.01, bad: 0.01, delayed: 0.02, ..Rates::default() };
    let mut ward = ward(WardConfig { patients: 100, rates, ..config() });
    let inputs = hours(&mut ward, 24);
    let statistics = ward.statistics();
    let total = inputs.len() as f64;
    let share = |n: u64| n as f64 / total;
    let duplicate = share(statistics.disturbed(Disturbance::Duplicate));
    assert!((0.009..0.011).contains(&duplicate), "{duplicate}");
    let bad = share(BadKind::ALL.into_iter().map(|kind| statistics.bad(kind)).sum());
    assert!((0.009..0.011).contains(&bad), "{bad}");
    let delayed = share(statistics.disturbed(Disturbance::Delayed));
    assert!((0.018..0.021).contains(&delayed), "{delayed}");
    // 100 patients every 20 s for a day, less disconnections (6 a day of 24 minutes on average: a tenth) and empty beds.
    let most = 100.0 * 86_400.0 / 20.0 * 1.03;
    let vitals = statistics.sent()[0] as f64;
    assert!((0.8 * most..most).contains(&vitals), "{vitals}");
    // A panel or more a day and patient, of ten tests with two or three versions each; an image every three days at least.
    let [_, labs, imaging, encounters] = statistics.sent().map(|n| n as f64 / 100.0);
    assert!((30.0..150.0).contains(&labs), "{labs}");
    assert!((0.5..10.0).contains(&imaging), "{imaging}");
    assert!((1.0..6.0).contains(&encounters), "{encounters}");
}

#[test]
fn every_disturbance_occurs_and_a_calm_ward_has_none() {
    let mut config =
        WardConfig { patients: 200, stay: [Span::hours(6), Span::hours(40)], ..config() };
    config.vitals_every = Span::minutes(1);
    config.while_off = WhileOff::Kept { most: 100 };
    let from = config.start + Span::hours(2);
    config.outages = vec![Outage { feed: VITALS, from, until: from + Span::minutes(10) }];
    let mut rough = ward(config.clone());
    hours(&mut rough, 24);
    for disturbance in Disturbance::ALL {
        assert!(rough.statistics().disturbed(disturbance) > 0, "{disturbance:?}");
    }
    config.rates = Rates::calm();
    config.outages.clear();
    let mut calm = ward(config);
    let inputs = hours(&mut calm, 24);
    for disturbance in Disturbance::ALL {
        let expected =
            matches!(disturbance, Disturbance::Preliminary | Disturbance::AfterDischarge);
        assert_eq!(calm.statistics().disturbed(disturbance) > 0, expected, "{disturbance:?}");
    }
    assert!(inputs.len() > 200_000);
}

/// Patients' newest monitor event times; how often one was passed by an older.
fn overtaken(inputs: &[Input]) -> usize {
    let mut newest: BTreeMap<&PatientId, EventTime> = BTreeMap::new();
    let mut overtaken = 0;
    for input in inputs {
        let Content::Vitals(event, _) = &input.content else { continue };
        if event.values.len() > 6 || event.status != EventStatus::Final {
            continue; // charted by hand
        }
        let newest = newest.entry(&input.key).or_insert(EventTime::MIN);
        overtaken += usize::from(event.event_time < *newest);
        *newest = (*newest).max(event.event_time);
    }
    overtaken
}

#[test]
fn monitors_are_in_order_where_all_is_calm_and_overtake_each_other_where_it_is_not() {
    let rough = overtaken(&hours(&mut ward(config()), 24));
    let calm = overtaken(&hours(&mut ward(WardConfig { rates: Rates::calm(), ..config() }), 24));
    assert!(rough > 100, "{rough}");
    assert_eq!(calm, 0);
}

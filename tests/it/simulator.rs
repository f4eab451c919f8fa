//! The simulated ward: same seed same bytes, in order of arrival, readable by the decoders, and as bad as configured.

use latefusion::modality::{Registry, encounters, imaging::IMAGING as IMAGING_MODALITY};
use latefusion::shell::simulator::{
    BadKind, Content, CourseKind, Disturbance, FINDINGS, Input, MARK, Outage, Rates, Report,
    Statement, Ward, WardConfig, WhileOff,
};
use latefusion::types::{
    Encounter, EncounterChange, Event, EventStatus, EventTime, Fault, Feed, ModalityId,
    ObservationId, PatientId, Span, Values,
};
use std::collections::{BTreeMap, BTreeSet};

const VITALS: Feed = Feed::Modality(ModalityId(0));
const LABS: Feed = Feed::Modality(ModalityId(1));
const IMAGING: Feed = Feed::Modality(ModalityId(2));

fn config() -> WardConfig {
    WardConfig { seed: 11, vitals_every: Span::seconds(20), ..WardConfig::default() }
}

fn ward(config: WardConfig) -> Ward {
    Ward::new(config, &Registry::shipped()).expect("a valid configuration")
}

fn hours(ward: &mut Ward, hours: i64) -> Vec<Input> {
    let end = ward.now() + Span::hours(hours);
    std::iter::from_fn(|| ward.next_before(end)).collect()
}

/// FNV-1a over everything that a broker would see.
fn digest(inputs: &[Input]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut take = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    };
    for input in inputs {
        take(&input.arrival.as_millis().to_le_bytes());
        take(format!("{:?}", input.feed).as_bytes());
        take(input.key.as_str().as_bytes());
        take(&input.payload());
    }
    hash
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let rates = Rates { bad: 0.01, duplicate: 0.01, ..Rates::default() };
    let small = || WardConfig { oversized_bytes: 2_000, rates, ..config() };
    let [first, again, other] = [11, 11, 12].map(|seed| {
        let inputs = hours(&mut ward(WardConfig { seed, ..small() }), 3);
        assert!(inputs.len() > 5_000);
        digest(&inputs)
    });
    assert_eq!(first, again);
    assert_ne!(first, other);
    // Pinned: a change here changes every recorded demo and every benchmark made with a seed.
    assert_eq!(first, 0, "the bytes of seed 11 have changed");
}

fn decode(input: &Input) -> Result<Decoded, Fault> {
    let (registry, payload) = (Registry::shipped(), input.payload());
    match input.feed {
        Feed::Encounters => encounters::decode(&payload).map(Decoded::Encounter),
        Feed::Modality(id) => {
            let modality = registry.get(id).expect("a shipped modality");
            (modality.decode)(&payload, id).map(Decoded::Event)
        }
    }
}

#[derive(Debug)]
enum Decoded {
    Event(Event),
    Encounter(Encounter),
}

impl Decoded {
    fn patient(&self) -> &PatientId {
        match self {
            Self::Event(event) => &event.patient,
            Self::Encounter(encounter) => &encounter.patient,
        }
    }

    fn event_time(&self) -> EventTime {
        match self {
            Self::Event(event) => event.event_time,
            Self::Encounter(encounter) => encounter.event_time,
        }
    }
}

/// Decodes a report's text and checks that the pipeline reads what the simulated radiologist meant.
fn read(input: &Input, report: &Report) -> Event {
    let text = report.to_string();
    assert!(text.starts_with(MARK), "{text}");
    let Ok(Decoded::Event(event)) = decode(input) else { panic!("cannot be read: {text}") };
    for (name, statement) in FINDINGS.iter().zip(report.statements) {
        let strength = IMAGING_MODALITY.column(name).and_then(|column| event.values.get(column));
        let strength = strength.map(|steps| f64::from(steps) / 10_000.0);
        match statement {
            Statement::Present => {
                assert!(strength.is_some_and(|s| s >= 0.5), "{name} {strength:?} {text}")
            }
            Statement::Possible => {
                assert!(strength.is_some_and(|s| s > 0.0 && s <= 0.5), "{name} {strength:?} {text}")
            }
            Statement::Absent | Statement::Unmentioned => {
                assert!(strength.is_none_or(|s| s == 0.0), "{name} {strength:?} {text}");
            }
        }
    }
    event
}

#[test]
fn every_good_record_decodes_to_its_typed_event() {
    let mut compared = [0; 4];
    let mut ward = ward(WardConfig { patients: 60, ..config() });
    for input in hours(&mut ward, 12) {
        let kind = match &input.content {
            Content::Bad(_) => continue,
            Content::Imaging(sent, _, Some(report)) => {
                let read = read(&input, report);
                assert_eq!(sent, &Event { values: Values::default(), ..read });
                compared[3] += 1;
                continue;
            }
            Content::Encounter(_) => 2,
            Content::Imaging(..) => 1,
            _ => 0,
        };
        match (decode(&input), &input.content) {
            (Ok(Decoded::Encounter(decoded)), Content::Encounter(sent)) => {
                assert_eq!(&decoded, sent)
            }
            (Ok(Decoded::Event(decoded)), _) => assert_eq!(Some(&decoded), input.event()),
            (wrong, content) => panic!("{wrong:?} for {content:?}"),
        }
        compared[kind] += 1;
    }
    assert!(
        compared[0] > 50_000 && compared[1] > 30 && compared[2] > 60 && compared[3] > 50,
        "{compared:?}"
    );
}

#[test]
fn every_bad_record_is_rejected_for_its_own_reason() {
    let rates = Rates { bad: 0.05, ..Rates::default() };
    let mut ward = ward(WardConfig { patients: 60, rates, ..config() });
    let mut seen = [0; BadKind::ALL.len()];
    for input in hours(&mut ward, 3) {
        let Content::Bad(bad) = &input.content else { continue };
        match (bad.kind, decode(&input)) {
            (BadKind::WrongKey, Ok(decoded)) => assert_ne!(decoded.patient(), &input.key),
            (BadKind::Future, Ok(decoded)) => {
                let ahead = decoded.event_time().as_millis() - input.arrival.as_millis();
                assert!(ahead > Span::minutes(5).as_millis());
            }
            (kind, Err(fault)) => assert_eq!(fault.reason, kind.reason(), "{fault}"),
            (kind, Ok(_)) => panic!("{kind:?} was accepted"),
        }
        seen[bad.kind as usize] += 1;
    }
    assert!(seen.iter().all(|n| *n >= 20), "{seen:?}");
    for kind in BadKind::ALL {
        assert_eq!(ward.statistics().bad(kind), seen[kind as usize]);
    }
}

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

#[test]
fn a_feed_that_is_off_sends_nothing_and_what_was_kept_comes_when_it_is_on() {
    for while_off in [WhileOff::Lost, WhileOff::Kept { most: 500 }] {
        let mut ward = ward(WardConfig { while_off, ..config() });
        hours(&mut ward, 1);
        assert!(ward.set_feed(VITALS, false) && !ward.is_on(VITALS));
        let during = hours(&mut ward, 1);
        assert!(during.iter().all(|input| input.feed != VITALS) && !during.is_empty());
        let (kept, lost) = (
            ward.statistics().disturbed(Disturbance::Kept),
            ward.statistics().disturbed(Disturbance::Lost),
        );
        assert!(lost > 2_000, "{lost}");
        assert_eq!(kept, if while_off == WhileOff::Lost { 0 } else { 500 });
        let on_again = ward.now();
        assert!(ward.set_feed(VITALS, true));
        let after = hours(&mut ward, 1);
        assert!(after.is_sorted_by_key(|input| input.arrival) && after[0].arrival >= on_again);
        let before = |input: &&Input| {
            let event = input.event().filter(|_| input.feed == VITALS);
            event.is_some_and(|e| e.event_time.as_millis() < on_again.as_millis() - 600_000)
        };
        // Slow clocks and corrections of charts bring a few old ones in either case.
        let old = after.iter().filter(before).count();
        assert_eq!(old > 300, kept > 0, "{old}");
    }
}

#[test]
fn a_scheduled_outage_keeps_its_times() {
    let start = config().start;
    let [from, until] = [60, 90].map(|minutes| start + Span::minutes(minutes));
    for while_off in [WhileOff::Lost, WhileOff::Kept { most: 100_000 }] {
        let outages = vec![Outage { feed: VITALS, from, until }];
        let mut ward = ward(WardConfig { outages, while_off, ..config() });
        let arrivals: Vec<i64> = hours(&mut ward, 3)
            .iter()
            .filter(|input| input.feed == VITALS)
            .map(|input| input.arrival.as_millis())
            .collect();
        let within = |from: EventTime, span: Span| {
            let until = (from + span).as_millis();
            arrivals.iter().filter(|a| (from.as_millis()..until).contains(*a)).count()
        };
        assert_eq!(within(from, Span::minutes(30)), 0);
        let burst = within(until, Span::seconds(10));
        assert_eq!(burst > 1_000, while_off != WhileOff::Lost, "{burst}");
    }
}

#[test]
fn a_ward_whose_feeds_are_all_off_ends_its_iteration_instead_of_spinning() {
    let mut ward = ward(config());
    for feed in [VITALS, LABS, IMAGING, Feed::Encounters] {
        assert!(ward.next().is_some() && ward.set_feed(feed, false));
    }
    assert_eq!(ward.next(), None);
    assert_eq!(hours(&mut ward, 1), Vec::new());
    assert!(!ward.set_feed(Feed::Modality(ModalityId(9)), true));
    assert!(ward.set_feed(LABS, true));
    assert!(ward.next().is_some_and(|input| input.feed == LABS));
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

#[test]
fn a_wrong_configuration_lists_every_mistake() {
    let rates = Rates { bad: 1.5, delayed: f64::NAN, ..Rates::default() };
    let wrong = WardConfig { patients: 0, vitals_every: Span::ZERO, rates, ..config() };
    let error = Ward::new(wrong, &Registry::new(Vec::new())).expect_err("all wrong");
    for word in [
        "patients",
        "vitals_every",
        "bad must",
        "delayed",
        "no modality vitals",
        "no modality imaging",
    ] {
        assert!(error.to_string().contains(word), "{word}: {error}");
    }
}

/// Seconds that this thread has been on a processor; `None` where the system does not tell.
fn processor_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanos: u64 = text.split_whitespace().next()?.parse().ok()?;
    Some(nanos as f64 / 1e9)
}

/// How fast on one core; run by hand in release: `cargo test --release --test it ward_speed -- --ignored --nocapture`.
#[test]
#[ignore = "measures; run by hand in release"]
fn ward_speed() {
    for patients in [1_000, 100_000] {
        let config = WardConfig { patients, vitals_every: Span::seconds(1), ..config() };
        let mut ward = ward(config);
        let mut per_second = |records: usize, each: fn(&Input) -> usize| {
            let begin = processor_seconds().expect("Linux");
            let sum: usize = ward.by_ref().take(records).map(|input| each(&input)).sum();
            let took = processor_seconds().expect("Linux") - begin;
            (records as f64 / took, sum / records)
        };
        let (typed, _) = per_second(3_000_000, |input| usize::from(input.event().is_some()));
        let (json, bytes) = per_second(500_000, |input| input.payload().len());
        eprintln!(
            "{patients} patients, a second of processor: {typed:.0} typed, {json:.0} as JSON of {bytes} bytes; {} in flight",
            ward.in_flight(),
        );
    }
}

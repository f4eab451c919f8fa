use super::*;
use crate::shell::comparison::Point;
use crate::types::{Availability, EventTime, IngestTime, ModalityAvailability, Span, Window};

/// Points `(missing, value)` with an interval of a tenth on both sides.
fn curve(points: &[(f64, f64)]) -> Vec<Point> {
    let point = |(missing, value): &(f64, f64)| {
        let ahead = Ahead { value: *value, lower: value - 0.1, upper: value + 0.1 };
        Point {
            missing: *missing,
            auroc: BTreeMap::new(),
            ahead_of: BTreeMap::from([("early".to_owned(), ahead)]),
        }
    };
    points.iter().map(point).collect()
}

fn curves(removed: &[(&str, &[(f64, f64)])]) -> Curves {
    let removed = removed.iter().map(|(name, points)| ((*name).to_owned(), curve(points)));
    Curves {
        data_set: "made up".to_owned(),
        as_of_hours: 48.0,
        stays: [100, 10],
        late: "stack".to_owned(),
        rivals: vec!["early".to_owned()],
        removed: removed.collect(),
    }
}

/// One window with ten patients, of whom so many have each modality.
fn counted(fresh: [u32; 3]) -> Completeness {
    let end = EventTime::from_millis(3_600_000);
    let modality = |fresh| ModalityAvailability { fresh, ..ModalityAvailability::default() };
    let mut completeness = Completeness::default();
    completeness.count(&Availability {
        partition: 0,
        window: Window::ending(end, Span::hours(1)),
        active: 10,
        modalities: fresh.map(modality).to_vec(),
        ingest_time: IngestTime::from_millis(3_600_000),
        complete: true,
    });
    completeness
}

#[test]
fn a_curve_is_read_between_its_points() {
    let falling = curve(&[(0.0, -0.2), (0.5, 0.2), (1.0, 0.3)]);
    let value = |missing| at(&falling, "early", missing).map(|ahead| (ahead.value * 1e6).round());
    assert_eq!(value(0.0), Some(-200_000.0));
    assert_eq!(value(0.25), Some(0.0));
    assert_eq!(value(0.75), Some(250_000.0));
    assert_eq!(value(1.5), Some(300_000.0), "beyond the last level the last");
    assert_eq!(at(&falling, "another", 0.5), None);
}

#[test]
fn the_crossing_is_where_the_curve_leaves_zero_behind_for_good() {
    let of = |points: &[(f64, f64)]| crosses_at(&curve(points), "early");
    assert_eq!(of(&[(0.0, -0.2), (0.5, 0.2), (1.0, 0.3)]), Some(0.25));
    assert_eq!(of(&[(0.0, 0.1), (0.5, -0.1), (1.0, 0.1)]), Some(0.75));
    assert_eq!(of(&[(0.0, 0.1), (1.0, 0.3)]), Some(0.0));
    assert_eq!(of(&[(0.0, 0.1), (1.0, -0.3)]), None);
    assert_eq!(of(&[]), None);
}

#[test]
fn certainty_needs_the_whole_interval_at_every_higher_level() {
    let of = |points: &[(f64, f64)]| certain_from(&curve(points), "early");
    assert_eq!(of(&[(0.0, 0.2), (0.5, 0.05), (0.9, 0.2), (1.0, 0.3)]), Some(0.9));
    assert_eq!(of(&[(0.0, 0.2), (1.0, 0.05)]), None);
}

#[test]
fn the_verdict_follows_from_how_much_is_missing() {
    let registry = Registry::shipped();
    let known = curves(&[
        ("vitals", &[(0.0, -0.3), (1.0, 0.5)]),
        ("labs", &[(0.0, -0.3), (1.0, 0.5)]),
        ("all", &[(0.0, -0.3), (1.0, 0.5)]),
    ]);
    let verdict = |fresh| Advice::of(&counted(fresh), &known, &registry).verdict;
    assert_eq!(verdict([10, 10, 0]), Some(Verdict::Early));
    assert_eq!(verdict([6, 6, 0]), Some(Verdict::NoDifference));
    assert_eq!(verdict([1, 1, 0]), Some(Verdict::Late));
    assert_eq!(verdict([1, 10, 0]), Some(Verdict::NoDifference), "one says late, one early");
    let nothing = Advice::of(&Completeness::default(), &known, &registry);
    assert_eq!((nothing.verdict, nothing.lines.len()), (None, 0));
    assert!(nothing.text().contains("Nothing to go by"));
}

#[test]
fn a_modality_without_a_curve_is_shown_and_decides_nothing() {
    let registry = Registry::shipped();
    let known = curves(&[("vitals", &[(0.0, -0.3), (1.0, 0.5)])]);
    let advice = Advice::of(&counted([0, 10, 10]), &known, &registry);
    assert_eq!(advice.verdict, Some(Verdict::Late));
    assert_eq!(advice.lines.len(), 3, "no line for `all` with one curve only");
    assert_eq!(advice.lines[1].verdict, None);
    assert!(advice.text().contains("not measured"), "{}", advice.text());
}

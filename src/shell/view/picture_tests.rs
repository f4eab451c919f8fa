use super::*;
use crate::types::{BandHeld, ModalityAvailability, Position, Present, Risk, SourceLane, Window};
use crate::types::{Feed, IngestTime, ModalityId};

fn at(seconds: i64) -> EventTime {
    EventTime::from_millis(1_767_600_000_000 + seconds * 1_000)
}

fn present(event_time: EventTime) -> Presence {
    let risk = Risk::new(0.2).expect("a probability");
    let lane = SourceLane { feed: Feed::Modality(ModalityId(0)), epoch: 0, partition: 0 };
    Presence::Present(Present {
        event_time,
        age: Span::ZERO,
        risk,
        weight: 1.0,
        contribution: 0.0,
        model: "m@1".into(),
        source: Position { lane, offset: 0 },
    })
}

pub(crate) fn score(patient: &str, end: i64, risk: Option<f64>) -> FusedScore {
    let risk = risk.map(|risk| Risk::new(risk).expect("a probability"));
    let band = risk.map(|risk| match risk.get() {
        risk if risk >= 0.3 => Band::High,
        risk if risk >= 0.1 => Band::Medium,
        _ => Band::Low,
    });
    FusedScore {
        patient: PatientId::new(patient).expect("printable"),
        window: Window::ending(at(end), Span::seconds(10)),
        pane: Pane::OnTime,
        revision: 0,
        status: if risk.is_some() { FusedStatus::Ok } else { FusedStatus::InsufficientData },
        risk,
        interval: risk.map(|risk| [risk, risk]),
        band,
        band_held: None,
        modalities: vec![
            present(at(end - 2)),
            Presence::Absent(Absence::Stale, Some(at(end - 3_600))),
            Presence::Absent(Absence::Pending, None),
        ],
        unit: None,
        package: "digest".into(),
    }
}

pub(crate) fn availability(partition: u32, end: i64, fresh: u32, expected: u32) -> Availability {
    let counted = ModalityAvailability { expected, fresh, absent: [0; 7] };
    Availability {
        partition,
        window: Window::ending(at(end), Span::seconds(10)),
        active: expected,
        modalities: vec![counted],
        ingest_time: IngestTime::from_millis(0),
        complete: true,
    }
}

fn names(picture: &Picture, now: i64) -> Vec<String> {
    picture.rows(at(now)).iter().map(|row| row.patient.as_str().to_owned()).collect()
}

#[test]
fn patients_stand_in_order_of_their_risk_and_those_without_data_are_no_low_risk() {
    let mut picture = Picture::default();
    picture.take_score(score("low", 10, Some(0.05)));
    picture.take_score(score("nothing", 10, None));
    picture.take_score(score("higher", 10, Some(0.6)));
    picture.take_score(score("high", 10, Some(0.4)));
    let mut held = score("held", 10, None);
    held.band = Some(Band::High);
    held.band_held = Some(BandHeld { without_hold: None, by: 1 });
    picture.take_score(held);
    assert_eq!(names(&picture, 10), ["held", "higher", "high", "low", "nothing"]);
    let rows = picture.rows(at(10));
    assert!(rows[0].is_held && rows[0].risk.is_none());
    let last = &rows[4];
    assert_eq!(
        (last.risk, last.interval, last.band, last.trend),
        (None, None, None, Trend::Unknown)
    );
    assert_eq!(last.status, FusedStatus::InsufficientData);
}

#[test]
fn an_older_window_or_revision_does_not_replace_a_newer_one() {
    let mut picture = Picture::default();
    picture.take_score(FusedScore { revision: 1, ..score("p", 20, Some(0.2)) });
    assert_eq!(picture.take_score(score("p", 10, Some(0.9))), None);
    assert_eq!(picture.take_score(score("p", 20, Some(0.9))), None);
    assert_eq!(picture.rows(at(20))[0].risk, Some(0.2));
    let change = picture.take_score(FusedScore { revision: 2, ..score("p", 20, Some(0.9)) });
    assert_eq!(change, Some(BandChange { from: Some(Some(Band::Medium)), to: Some(Band::High) }));
}

#[test]
fn the_trend_compares_with_the_oldest_risk_of_the_last_thirty_windows() {
    let mut picture = Picture::default();
    picture.take_score(score("p", 10, Some(0.50)));
    assert_eq!(picture.rows(at(10))[0].trend, Trend::Unknown, "nothing to compare with");
    picture.take_score(score("p", 20, Some(0.20)));
    assert_eq!(picture.rows(at(20))[0].trend, Trend::Falling);
    picture.take_score(score("p", 310, Some(0.51)));
    assert_eq!(picture.rows(at(310))[0].trend, Trend::Steady);
    picture.take_score(score("p", 320, Some(0.52)));
    assert_eq!(picture.rows(at(320))[0].trend, Trend::Rising, "0.50 is out of sight, 0.20 not");
    picture.take_score(score("p", 330, None));
    assert_eq!(picture.rows(at(330))[0].trend, Trend::Unknown, "there is no risk");
}

#[test]
fn ages_are_those_of_now_and_absence_keeps_its_reason() {
    let mut picture = Picture::default();
    picture.take_score(score("p", 10, Some(0.2)));
    let row = &picture.rows(at(15))[0];
    let hour = Span::hours(1) + Span::seconds(5);
    let expected =
        [Cell::Fresh(Span::seconds(7)), Cell::Stale(Some(hour)), Cell::Missing(Absence::Pending)];
    assert_eq!(row.modalities, expected);
    assert_eq!((row.score_age, row.is_silent), (Span::seconds(5), false));
}

#[test]
fn a_patient_without_scores_is_marked_silent_and_then_no_longer_shown() {
    let mut picture = Picture::default();
    picture.take_score(score("p", 0, Some(0.2)));
    assert!(!picture.rows(at(60))[0].is_silent);
    assert!(picture.rows(at(61))[0].is_silent);
    picture.prune(at(600));
    assert_eq!(names(&picture, 600), ["p"]);
    picture.prune(at(601));
    assert!(names(&picture, 601).is_empty());
}

#[test]
fn bars_add_up_the_newest_record_of_every_partition() {
    let mut picture = Picture::default();
    picture.take_availability(availability(0, 20, 3, 5));
    picture.take_availability(availability(0, 10, 9, 9));
    picture.take_availability(availability(1, 10, 1, 3));
    let bars = picture.bars(2);
    assert_eq!((bars[0].fresh, bars[0].expected, bars[0].share()), (4, 8, Some(0.5)));
    assert_eq!(bars[1].share(), None, "no patient has had it");
    assert_eq!(picture.newest(), Some(at(20)));
}

#[test]
fn only_a_change_of_band_is_reported() {
    let mut picture = Picture::default();
    let new = picture.take_score(score("p", 10, None));
    assert_eq!(new, Some(BandChange { from: None, to: None }));
    assert_eq!(picture.take_score(score("p", 20, None)), None);
    let change = picture.take_score(score("p", 30, Some(0.2)));
    assert_eq!(change, Some(BandChange { from: Some(None), to: Some(Band::Medium) }));
}

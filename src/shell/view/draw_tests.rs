use super::super::picture::tests::{availability, score};
use super::*;

fn flow() -> Flow {
    Flow {
        title: "a ward".to_owned(),
        now: EventTime::from_millis(1_767_600_000_000 + 12_000),
        modalities: ["vitals", "labs", "imaging"]
            .map(|name| (name.to_owned(), name != "labs"))
            .into(),
        hint: "q quit".to_owned(),
        ..Flow::default()
    }
}

fn texts(picture: &Picture, size: (u16, u16)) -> Vec<String> {
    draw(picture, &flow(), size).iter().map(Line::text).collect()
}

#[test]
fn insufficient_data_is_drawn_as_words_and_never_as_a_number() {
    let mut picture = Picture::default();
    picture.take_score(score("p1", 10, None));
    picture.take_score(score("p2", 10, Some(0.25)));
    let texts = texts(&picture, (140, 20));
    let of = |name: &str| texts.iter().find(|text| text.starts_with(name)).expect("a row").clone();
    assert!(of("p1").contains("insufficient data") && !of("p1").contains('['), "{}", of("p1"));
    let expected = ["0.250 [0.25-0.25]", "medium", "● 4s", "○ stale 1h", "· pending"];
    assert!(expected.iter().all(|part| of("p2").contains(part)), "{}", of("p2"));
    assert!(texts[2].contains("1 medium, 0 low, 1 insufficient"), "{}", texts[2]);
}

#[test]
fn a_screen_is_never_larger_than_the_terminal_and_says_what_it_leaves_out() {
    let mut picture = Picture::default();
    for patient in 0..40 {
        picture.take_score(score(&format!("p{patient}"), 10, (patient > 0).then_some(0.4)));
    }
    let mut compared = 0;
    for size in [(140, 50), (80, 24), (10, 14), (3, 2), (0, 0), (200, 200)] {
        let texts = texts(&picture, size);
        assert!(texts.len() <= usize::from(size.1), "{size:?}");
        assert!(texts.iter().all(|text| text.chars().count() <= usize::from(size.0)), "{size:?}");
        compared += texts.len();
    }
    assert!(compared > 100);
    let texts = texts(&picture, (140, 24));
    let shown = texts.iter().filter(|text| text.starts_with('p')).count();
    let rest = format!("… {} more patients below: {} high, 1 with", 40 - shown, 39 - shown);
    assert!(texts.iter().any(|text| text.starts_with(&rest)), "{rest}: {texts:?}");
    assert_eq!(texts.last().map(String::as_str), Some(super::super::NOTICE));
}

#[test]
fn a_bar_shows_the_share_and_that_its_feed_is_off() {
    let mut picture = Picture::default();
    let mut record = availability(0, 10, 4, 4);
    record.modalities = [(4, 4), (1, 4), (0, 0)]
        .map(|(fresh, expected)| crate::types::ModalityAvailability {
            expected,
            fresh,
            absent: [0; 7],
        })
        .into();
    picture.take_availability(record);
    let texts = texts(&picture, (100, 30));
    assert!(texts[4].starts_with("vitals   ████") && texts[4].ends_with("100 %  fresh 4 of 4"));
    assert!(texts[5].starts_with("labs     ██████░") && texts[5].ends_with("SWITCHED OFF"));
    assert!(texts[6].ends_with("no patient has had it"));
}

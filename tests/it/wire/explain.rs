//! What a fused score was made of, told to people.

use super::{names, random};
use latefusion::shell::explain::explain;
use latefusion::shell::wire::{ModelNames, decode_fused_score};
use latefusion::types::FusedScore;

fn example(name: &str) -> FusedScore {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = folder.join(format!("schemas/examples/fused-scores/accepted/{name}.json"));
    let bytes = std::fs::read(path).expect("a readable example");
    decode_fused_score(&bytes, &names(), &mut ModelNames::default()).expect("an accepted example")
}

#[test]
fn a_score_of_two_modalities_says_what_each_adds_and_why_the_third_is_absent() {
    let text = explain(&example("two_of_three_modalities"), &names()).text();
    println!("{text}");
    for expected in [
        "0.129, interval 0.061 to 0.251",
        "vitals            0.138  71.0 %    +0.258     x 1.29        2 s  news2@1",
        "labs              0.109  29.0 %    +0.028     x 1.03   2 h 14 m  lab_panel@1",
        "imaging          stale: the newest one is too old to count any more",
        "offset 81234",
        "comes back when a newer measurement or result arrives",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
}

#[test]
fn no_data_is_told_as_no_risk_and_never_as_a_low_one() {
    let explanation = explain(&example("insufficient_data"), &names());
    let text = explanation.text();
    assert_eq!((explanation.risk, explanation.band), (None, None));
    assert!(text.contains("none: not a low risk, no risk at all"), "{text}");
    assert!(!text.contains("Made of"), "{text}");
    assert_eq!(explanation.not_used.len(), 3);
}

#[test]
fn a_held_band_says_what_holds_it_and_what_it_would_be() {
    let text = explain(&example("band_held_by_vanished_vitals"), &names()).text();
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(joined.contains("band high band held what is present alone gives low"), "{text}");
    assert!(joined.contains("old evidence of vitals keeps it up"), "{text}");
}

#[test]
fn the_text_is_never_wider_than_100_and_its_columns_stand_under_their_heads() {
    let (mut lines, mut tables) = (0, 0);
    for seed in 0..3_000 {
        let score = random::fused_score(&mut fastrand::Rng::with_seed(seed));
        let explanation = explain(&score, &names());
        let text = explanation.text();
        for line in text.lines() {
            assert!(line.chars().count() <= 100, "seed {seed}: {line}");
            assert!(!line.contains(char::is_control), "seed {seed}: {line:?}");
            lines += 1;
        }
        let table = text.lines().skip_while(|line| !line.contains("log-odds"));
        let table = table.take_while(|line| !line.starts_with("  weight:"));
        let rows: Vec<Vec<char>> = table.map(|line| line.chars().collect()).collect();
        assert_eq!(rows.len().saturating_sub(1), explanation.used.len(), "seed {seed}\n{text}");
        for row in &rows {
            let gap = row.get(65..67);
            assert!(gap == Some(&[' ', ' ']) && row.get(64) != Some(&' '), "seed {seed}\n{text}");
        }
        tables += u32::from(!rows.is_empty());
    }
    println!("explained lines: {lines}, tables: {tables}");
    assert!(lines > 30_000 && tables > 2_000, "{lines} {tables}");
}

#[test]
fn the_json_form_carries_the_same_numbers_and_the_factor_on_the_odds() {
    let json = serde_json::to_value(explain(&example("two_of_three_modalities"), &names()))
        .expect("plain data");
    assert_eq!(json["used"][0]["contribution_log_odds"], 0.258);
    let factor = json["used"][0]["odds_factor"].as_f64().expect("a number");
    assert!((factor - 0.258f64.exp()).abs() < 1e-12);
    assert_eq!(json["used"][0]["source"]["offset"], 81_234);
    assert_eq!(json["not_used"][0]["why"], "stale");
}

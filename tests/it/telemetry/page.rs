//! `/ui` in a real browser, over a live demo.

use super::browser::{Window, browser, document, picture, png_size};
use super::check_status;
use super::http::get;
use super::showing::Showing;
use std::collections::BTreeSet;
use std::path::Path;

/// The text of an element that holds no other.
fn text_of<'a>(page: &'a str, id: &str) -> &'a str {
    let from = page.find(&format!("id=\"{id}\"")).unwrap_or_else(|| panic!("there is no {id}"));
    let rest = &page[from..];
    let begin = rest.find('>').map_or(0, |at| at + 1);
    let end = rest[begin..].find('<').map_or(rest.len(), |at| begin + at);
    &rest[begin..end]
}

/// The part of the page from one element to another.
fn part<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    let at =
        |id: &str| page.find(&format!("id=\"{id}\"")).unwrap_or_else(|| panic!("there is no {id}"));
    &page[at(from)..at(to)]
}

#[test]
fn the_page_shows_in_a_browser_what_status_says() {
    let Some(program) = browser() else { return };
    let showing = Showing::start();
    let status = showing.until("/status", |_, text| {
        let status = check_status(text);
        let full = status["scores"]["by_combination"]["vitals+labs+imaging"].as_u64() > Some(0);
        let active = status["availability"]["active_patients"].as_u64() > Some(0);
        (full && active && status["ready"] == true).then_some(status)
    });
    let page = document(program, showing.address);
    assert_eq!(text_of(&page, "state"), "✓ ready");
    // Somebody may have come or gone meanwhile.
    let after = check_status(&get(showing.address, "/status").1);
    let active = [&status, &after].map(|s| s["availability"]["active_patients"].to_string());
    let shown = text_of(&page, "active");
    assert!(active.iter().any(|active| active == shown), "{shown} is none of {active:?}");
    assert!(text_of(&page, "total").ends_with(" in all"), "{}", text_of(&page, "total"));
    assert!(page.contains("It informs staff and never raises an alarm."));

    let modalities = part(&page, "modalities", "combinations-of");
    assert_eq!(modalities.matches("class=\"row\"").count(), 3, "{modalities}");
    let both = [&status, &after].map(|s| s["availability"]["modalities"].clone());
    for m in 0..3 {
        let name = both[0][m]["modality"].as_str().expect("a name");
        assert!(modalities.contains(&format!("<b>{name}</b>")), "{name}: {modalities}");
        let says =
            both.each_ref().map(|all| format!(" of {} expected patients", all[m]["expected"]));
        assert!(says.iter().any(|says| modalities.contains(says)), "{says:?}: {modalities}");
    }
    assert_eq!(part(&page, "combinations", "bins-of").matches("row share").count(), 8);
    assert_eq!(part(&page, "bins", "models").matches("row share").count(), 10);
    let models = part(&page, "models", "package");
    for model in ["news2-ward", "lab-panel-ward", "imaging-severity-ward"] {
        assert!(models.contains(model), "{model}: {models}");
    }
    let lanes = &page[page.find("id=\"lanes\"").expect("lanes")..];
    assert_eq!(lanes.matches("<details").count(), 5, "a line for each worker");
    for place in ["vitals[0]", "labs[1]", "imaging-reports[0]", "encounters[1]", "predictions[1]"] {
        assert!(lanes.contains(place), "{place}");
    }

    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut sizes = BTreeSet::new();
    for (width, height) in [(1280, 1400), (390, 2300)] {
        for dark in [false, true] {
            let file =
                folder.join(format!("ui-{width}-{}.png", if dark { "dark" } else { "light" }));
            picture(program, showing.address, Window { width, height, dark }, &file);
            assert_eq!(png_size(&file), Some((width, height)), "{}", file.display());
            let bytes = std::fs::metadata(&file).map_or(0, |file| file.len());
            assert!(bytes > 40_000, "{} has {bytes} bytes: is it empty?", file.display());
            sizes.insert(bytes);
            println!("{}", file.display());
        }
    }
    assert_eq!(sizes.len(), 4, "four different pictures");
    showing.stop();
}

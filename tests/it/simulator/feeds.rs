//! Feeds that are off and on again.

use super::{IMAGING, LABS, VITALS, config, hours, ward};
use latefusion::shell::simulator::{Disturbance, Input, Outage, WardConfig, WhileOff};
use latefusion::types::{EventTime, Feed, ModalityId, Span};

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

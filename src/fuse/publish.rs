//! The publishing policy `on_change`: a filter over computed panes that loses nothing a reader could not carry forward.

use super::package::Publish;
use crate::types::{Band, EventTime, FusedScore, FusedStatus, Span};
use serde::{Deserialize, Serialize};

/// What a reader knows of a window after reading a published pane, and carries forward until the next.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Published {
    window: EventTime,
    risk: Option<f64>,
    band: Option<Band>,
    status: FusedStatus,
    present: u64,
}

impl Published {
    pub(super) fn of(score: &FusedScore, present: u64) -> Self {
        Self {
            window: score.window.end(),
            risk: score.risk.map(crate::types::Risk::get),
            band: score.band,
            status: score.status,
            present,
        }
    }

    fn stands_for(&self, later: &Self, smallest_change: f64, longest_silence: Span) -> bool {
        let close = match (self.risk, later.risk) {
            (Some(a), Some(b)) => (a - b).abs() < smallest_change,
            (None, None) => true,
            _ => false,
        };
        close
            && (self.band, self.status, self.present) == (later.band, later.status, later.present)
            && later.window - self.window < longest_silence
    }
}

/// Decides whether a computed pane is published, and remembers it in `known` if so.
///
/// `known` holds the published panes of one patient in window order. What a reader carries into a window is the newest
/// published pane at or before it; a pane that says no more than that is left out.
pub(super) fn admits(policy: &Publish, known: &mut Vec<Published>, pane: Published) -> bool {
    let Publish::OnChange { smallest_change, longest_silence } = policy else { return true };
    let at = known.partition_point(|p| p.window <= pane.window);
    let carried = at.checked_sub(1).and_then(|i| known.get(i).copied());
    match carried {
        Some(before) if before.window == pane.window => {
            let changed = Published { ..before } != pane;
            known[at - 1] = pane;
            changed
        }
        Some(before) if before.stands_for(&pane, *smallest_change, *longest_silence) => false,
        _ => {
            known.insert(at, pane);
            true
        }
    }
}

/// Windows after `revised`, up to the next published pane, that were carried forward from the pane just revised:
/// they have to be looked at again. Empty unless the policy is `on_change`.
pub(super) fn carried_over(
    policy: &Publish,
    known: &[Published],
    revised: EventTime,
    fired: EventTime,
    every: Span,
) -> Vec<EventTime> {
    if *policy == Publish::Always {
        return Vec::new();
    }
    let next = known.iter().map(|p| p.window).find(|w| *w > revised);
    let last = next.map_or(fired, |window| window - every);
    std::iter::successors(Some(revised + every), |w| Some(*w + every))
        .take_while(|w| *w <= last)
        .collect()
}

/// Forgets the published panes of windows that cannot be revised any more, but for the newest of them.
pub(super) fn close(known: &mut Vec<Published>, closed: EventTime) {
    let open = known.partition_point(|p| p.window <= closed);
    known.drain(..open.saturating_sub(1));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pane(window: i64, risk: f64) -> Published {
        Published {
            window: EventTime::from_millis(window),
            risk: Some(risk),
            band: Some(Band::Low),
            status: FusedStatus::Ok,
            present: 1,
        }
    }

    const POLICY: Publish =
        Publish::OnChange { smallest_change: 0.05, longest_silence: Span::millis(50) };

    #[test]
    fn only_changes_and_the_longest_silence_are_published() {
        let mut known = Vec::new();
        let published: Vec<bool> = [(10, 0.10), (20, 0.12), (30, 0.16), (40, 0.17), (80, 0.17)]
            .iter()
            .map(|(window, risk)| admits(&POLICY, &mut known, pane(*window, *risk)))
            .collect();
        assert_eq!(published, [true, false, true, false, true]);
    }

    #[test]
    fn a_revision_asks_for_the_windows_carried_forward_over_it() {
        let mut known = Vec::new();
        for window in [10, 20, 30, 40] {
            admits(&POLICY, &mut known, pane(window, 0.10));
        }
        assert!(admits(&POLICY, &mut known, pane(10, 0.30)), "the revised pane itself");
        let again = carried_over(
            &POLICY,
            &known,
            EventTime::from_millis(10),
            EventTime::from_millis(40),
            Span::millis(10),
        );
        let windows: Vec<i64> = again.iter().map(|w| w.as_millis()).collect();
        assert_eq!(windows, [20, 30, 40]);
        assert!(admits(&POLICY, &mut known, pane(20, 0.10)), "readers would carry 0.30 into it");
        assert!(!admits(&POLICY, &mut known, pane(30, 0.10)));
    }
}

//! What a lane did since its last commit, as plain data. It is counted when that commit stands and dropped when it is taken back, so
//! that the counters count each record once, however often it was taken.

use super::traces::MOST_LINKS;
use crate::types::{
    Absence, EventTime, FusedScore, IngestTime, ModelName, Outcome, Pane, Prediction, Presence,
    RejectReason, Scored, ScorerClock,
};
use std::collections::BTreeMap;

/// Upper bounds of the bins of the fused risk, the last one included; narrow where risks are common. The edges of the
/// shipped bands (0.10 and 0.30) are among them.
pub const BINS: [f64; 10] = [0.04, 0.06, 0.08, 0.10, 0.15, 0.20, 0.30, 0.40, 0.60, 1.0];

/// The bin of a risk.
pub fn bin_of(risk: f64) -> usize {
    BINS.partition_point(|bound| *bound <= risk).min(BINS.len() - 1)
}

/// Why a pane has no risk: [`Absence::ALL`], then `unchanged` for one that the publishing policy left out.
pub const WITHHELD: usize = Absence::ALL.len() + 1;

/// What became of late predictions.
pub const DISPOSITIONS: [&str; 3] = ["merged", "carried", "expired"];

/// When a fused score became due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Due {
    /// Newest event in it; `None`: nothing was present, or it revises a window of the past.
    pub newest: Option<EventTime>,
    /// When the broker took the record that made it due.
    pub taken: IngestTime,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// When the first record was taken; `None`: none was.
    pub since: Option<ScorerClock>,
    /// Records taken, of whatever kind.
    pub records: u64,
    /// The commit gets a span.
    pub traced: bool,
    /// Trace contexts of records in it, as their headers; a few, and only where it is traced.
    pub links: Vec<Vec<u8>>,
    /// Input records taken.
    pub events: u64,
    /// Seconds from event time to broker, each zero or more.
    pub ingest_delays: Vec<f32>,
    /// Records not used.
    pub rejected: BTreeMap<RejectReason, u64>,
    /// Statements by active model.
    pub predictions: Vec<(ModelName, u64)>,
    /// Distances of shadow from active risks.
    pub shadow_differences: Vec<f32>,
    /// By `DISPOSITIONS` and modality.
    pub late: [Vec<u64>; 3],
    /// Fused scores by modalities present (bit m) and pane.
    pub scores: BTreeMap<(u64, Pane), u64>,
    /// Fused scores with a risk, by [`BINS`].
    pub bins: [u64; BINS.len()],
    /// Panes without a risk; see `WITHHELD`.
    pub withheld: [u64; WITHHELD],
    /// Modality and age in seconds of the predictions used.
    pub ages: Vec<(u8, f32)>,
    /// One for each fused score.
    pub due: Vec<Due>,
}

impl Measured {
    /// Records are taken; `chooses` decides for a commit that begins with them whether it is traced.
    pub fn take(&mut self, records: usize, now: ScorerClock, chooses: impl FnOnce() -> bool) {
        if self.since.is_none() {
            (self.since, self.traced) = (Some(now), chooses());
        }
        self.records += records as u64;
    }

    /// A record in it carries a trace context.
    pub fn link(&mut self, header: &[u8]) {
        if self.traced
            && self.links.len() < MOST_LINKS
            && self.links.last().is_none_or(|last| last != header)
        {
            self.links.push(header.to_vec());
        }
    }

    /// An input record; `event_time`: it could be decoded.
    pub fn event(&mut self, ingest_time: IngestTime, event_time: Option<EventTime>) {
        self.events += 1;
        if let Some(event_time) = event_time {
            let delay = ingest_time.as_millis() - event_time.as_millis();
            self.ingest_delays.push(delay.max(0) as f32 / 1e3);
        }
    }

    /// A record that was not used.
    pub fn reject(&mut self, reason: RejectReason) {
        *self.rejected.entry(reason).or_default() += 1;
    }

    /// What models said.
    pub fn scored(&mut self, scored: &Scored) {
        let count = scored.predictions.len() as u64;
        match self.predictions.last_mut().filter(|(model, _)| *model == scored.model) {
            Some((_, counted)) => *counted += count,
            None => self.predictions.push((scored.model.clone(), count)),
        }
        for (_, shadow) in &scored.shadows {
            let pairs = shadow.iter().filter_map(|said| difference(said, &scored.predictions));
            self.shadow_differences.extend(pairs);
        }
    }

    /// A fused score, made when `taken` was the broker's time.
    pub fn fused(&mut self, score: &FusedScore, taken: IngestTime) {
        let (mut present, mut newest) = (0, None);
        for (m, presence) in (0_u8..).zip(&score.modalities) {
            if let Presence::Present(used) = presence {
                present |= 1_u64 << m;
                newest = newest.max(Some(used.event_time));
                self.ages.push((m, used.age.as_seconds().max(0.0) as f32));
            }
        }
        *self.scores.entry((present, score.pane)).or_default() += 1;
        match score.risk {
            Some(risk) => self.bins[bin_of(risk.get())] += 1,
            None => self.withheld[withheld_for(&score.modalities)] += 1,
        }
        // How old the evidence of a revision is says nothing about how fast it was made.
        let newest = newest.filter(|_| score.pane != Pane::Late);
        self.due.push(Due { newest, taken });
    }

    /// Panes that were computed and not published.
    pub fn unchanged(&mut self, panes: u64) {
        self.withheld[WITHHELD - 1] += panes;
    }
}

/// Distance of a statement's risk from that of the same statement of another model.
fn difference(said: &Prediction, others: &[Prediction]) -> Option<f32> {
    let same =
        |other: &&Prediction| (other.event_time, other.issued) == (said.event_time, said.issued);
    match (said.outcome, others.iter().find(same)?.outcome) {
        (Outcome::Risk(a), Outcome::Risk(b)) => Some((a.get() - b.get()).abs() as f32),
        _ => None,
    }
}

/// The first reason, in registry order, that says more than `never`.
fn withheld_for(modalities: &[Presence]) -> usize {
    let reasons = modalities.iter().filter_map(|presence| match presence {
        Presence::Absent(why, _) if *why != Absence::Never => Some(*why),
        _ => None,
    });
    let why = reasons.into_iter().next().unwrap_or(Absence::Never);
    Absence::ALL.iter().position(|kind| *kind == why).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_risk_has_its_bin() {
        for (risk, bin) in [(0.0, 0), (0.039, 0), (0.04, 1), (0.1, 4), (0.3, 7), (0.6, 9), (1.0, 9)]
        {
            assert_eq!(bin_of(risk), bin, "{risk}");
        }
    }

    #[test]
    fn a_pane_without_risk_is_withheld_for_the_most_telling_reason() {
        let absent = |why| Presence::Absent(why, None);
        let at = |why| Absence::ALL.iter().position(|kind| *kind == why);
        let never = [absent(Absence::Never), absent(Absence::Never)];
        assert_eq!(Some(withheld_for(&never)), at(Absence::Never));
        let stale = [absent(Absence::Never), absent(Absence::Stale)];
        assert_eq!(Some(withheld_for(&stale)), at(Absence::Stale));
    }
}

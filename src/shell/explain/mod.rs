//! `latefusion explain`: what one fused score was made of, for people ([`Explanation::text`]) and as JSON.

mod text;
mod words;

use super::wire::{Names, band_name, notice, pane_name, status_name};
use crate::types::{BandHeld, EventTime, FusedScore, ModalityId, Presence, Present, Window};
use serde::Serialize;

/// What a fused score was made of. Holds patient data: for the asker's eyes, never for logs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// Whom it is about.
    pub patient: String,
    /// The window, RFC 3339, start excluded.
    pub window_start: String,
    /// Its end, included.
    pub window_end: String,
    /// Why it was published: `early`, `on_time`, `late`.
    pub pane: &'static str,
    /// Counts the panes of (patient, window) from 0.
    pub revision: u32,
    /// `ok`, `degraded`, `insufficient_data`.
    pub status: &'static str,
    /// What that means.
    pub status_meaning: &'static str,
    /// Fused risk in 0..=1; `None`: it could not be computed, which is never a low risk.
    pub risk: Option<f64>,
    /// The same as natural log-odds.
    pub risk_log_odds: Option<f64>,
    /// Ends of the uncertainty interval; `None` with the risk.
    pub interval: Option<[f64; 2]>,
    /// Risk band, holds included; `None`: no evidence, not even old evidence.
    pub band: Option<&'static str>,
    /// Set when old evidence keeps the band up.
    pub band_held: Option<Held>,
    /// The modalities that were used, in registry order.
    pub used: Vec<Used>,
    /// The modalities that were not, in registry order.
    pub not_used: Vec<NotUsed>,
    /// The unit the patient was in; `None`: not known.
    pub unit: Option<String>,
    /// Digest of the fusion package.
    pub package: String,
    /// What the score is for, or that there is none.
    pub notice: &'static str,
}

/// Why the band is higher than the present evidence makes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The band that the present evidence alone gives; `None`: no evidence is present.
    pub without_hold: Option<&'static str>,
    /// The modalities whose old evidence holds it.
    pub by: Vec<String>,
    /// In words.
    pub why: String,
}

/// A modality's part in the score.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Used {
    /// Which.
    pub modality: String,
    /// Its own calibrated risk, 0..=1.
    pub risk: f64,
    /// Window end less event time, in seconds.
    pub age_seconds: f64,
    /// Its share in the combination after decay, 0..=1.
    pub weight: f64,
    /// What it adds to the fused log-odds; its exact meaning is the method's.
    pub contribution_log_odds: f64,
    /// The same as a factor on the odds: e to the contribution.
    pub odds_factor: f64,
    /// Model and version.
    pub model: String,
    /// Event time of the prediction, RFC 3339.
    pub event_time: String,
    /// The record it was made from.
    pub source: Source,
}

/// A source record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Source {
    /// Topic.
    pub topic: String,
    /// Incarnation of the topic.
    pub epoch: u32,
    /// Partition.
    pub partition: u32,
    /// Offset.
    pub offset: i64,
}

/// A modality that was not used.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NotUsed {
    /// Which.
    pub modality: String,
    /// The kind of absence: `stale`.
    pub why: &'static str,
    /// In words.
    pub meaning: &'static str,
    /// What would bring it back.
    pub comes_back_when: &'static str,
    /// Event time of the newest thing known of it, RFC 3339; `None`: nothing is.
    pub newest_event_time: Option<String>,
    /// Window end less that time, in seconds; `None` with it.
    pub newest_age_seconds: Option<f64>,
}

/// Takes a fused score apart.
pub fn explain(score: &FusedScore, names: &Names) -> Explanation {
    let mut used = Vec::new();
    let mut not_used = Vec::new();
    for (id, presence) in (0..).map(ModalityId).zip(&score.modalities) {
        let name = names.modality(id);
        match presence {
            Presence::Present(present) => used.push(used_part(name, present, names)),
            Presence::Absent(why, newest) => not_used.push(NotUsed {
                modality: name.to_owned(),
                why: why.name(),
                meaning: words::meaning(*why),
                comes_back_when: words::comes_back_when(*why),
                newest_event_time: newest.as_ref().map(EventTime::to_string),
                newest_age_seconds: newest.map(|time| age_seconds(score.window, time)),
            }),
        }
    }
    Explanation {
        patient: score.patient.as_str().to_owned(),
        window_start: score.window.start().to_string(),
        window_end: score.window.end().to_string(),
        pane: pane_name(score.pane),
        revision: score.revision,
        status: status_name(score.status),
        status_meaning: words::status(score.status),
        risk: score.risk.map(f64::from),
        risk_log_odds: score.risk.map(|risk| risk.log_odds().get()),
        interval: score.interval.map(|ends| ends.map(f64::from)),
        band: score.band.map(band_name),
        band_held: score.band_held.map(|held| held_band(held, names)),
        used,
        not_used,
        unit: score.unit.as_ref().map(|unit| unit.as_str().to_owned()),
        package: (*score.package).to_owned(),
        notice: notice(score),
    }
}

fn used_part(name: &str, present: &Present, names: &Names) -> Used {
    let lane = present.source.lane;
    Used {
        modality: name.to_owned(),
        risk: present.risk.get(),
        age_seconds: present.age.as_seconds(),
        weight: present.weight,
        contribution_log_odds: present.contribution,
        odds_factor: present.contribution.exp(),
        model: (*present.model).to_owned(),
        event_time: present.event_time.to_string(),
        source: Source {
            topic: names.topic(lane.feed).to_owned(),
            epoch: lane.epoch,
            partition: lane.partition,
            offset: present.source.offset,
        },
    }
}

fn held_band(held: BandHeld, names: &Names) -> Held {
    let holding = (0..names.modalities()).filter(|m| held.by >> m & 1 == 1);
    let by: Vec<String> = holding
        .filter_map(|m| u8::try_from(m).ok())
        .map(|m| names.modality(ModalityId(m)).to_owned())
        .collect();
    let without_hold = held.without_hold.map(band_name);
    let alone = match without_hold {
        Some(band) => format!("what is present alone gives {band}"),
        None => "nothing is present that gives a band".to_owned(),
    };
    let kept = "a band may not fall only because data stopped coming";
    let why = format!("{alone}; old evidence of {} keeps it up: {kept}", by.join(", "));
    Held { without_hold, by, why }
}

fn age_seconds(window: Window, time: EventTime) -> f64 {
    (window.end() - time).as_seconds()
}

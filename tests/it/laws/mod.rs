//! The laws of the fusion stage over seeded worlds. `LATEFUSION_SEED` brings one case back.

mod finals;
mod panes;
mod restores;

use crate::seeds::Count;
use crate::worlds::{Record, World};
use latefusion::fuse::{FuseConfig, FuseInput, FuseOutput, FuseStage};
use latefusion::stage::Stage;
use latefusion::types::{FusedScore, LogEntry, PatientId, Prediction};

const CASES: u64 = 2_000;

fn stage(world: &World) -> FuseStage {
    FuseStage::new(FuseConfig {
        partition: 0,
        registry: world.registry.clone(),
        max_patients: 1_000,
        max_history: 4_096,
    })
}

fn input(record: &Record) -> FuseInput {
    FuseInput {
        offset: record.offset,
        ingest_time: record.ingest_time,
        entry: record.entry.clone(),
    }
}

fn step(stage: &mut FuseStage, records: &[Record]) -> Vec<FuseOutput> {
    let mut out = Vec::new();
    stage.step(&mut records.iter().map(input).collect(), &mut out);
    out
}

fn scores(outputs: &[FuseOutput]) -> impl Iterator<Item = &FusedScore> {
    outputs.iter().filter_map(|output| match output {
        FuseOutput::Fused(score) => Some(score),
        _ => None,
    })
}

/// With the patient, whom `Debug` hides.
fn named(output: Option<&FuseOutput>) -> String {
    let patient = match output {
        Some(FuseOutput::Fused(score)) => score.patient.as_str(),
        _ => "",
    };
    format!("{patient} {output:?}")
}

fn assert_same(expected: &[FuseOutput], found: &[FuseOutput]) -> Count {
    if expected != found {
        let differ = |i: &usize| expected.get(*i) != found.get(*i);
        let at = (0..expected.len().max(found.len())).find(differ).unwrap_or(0);
        assert_eq!(
            named(expected.get(at)),
            named(found.get(at)),
            "output {at} of {}",
            expected.len()
        );
    }
    Count { compared: expected.len() as u64, faults: 0 }
}

/// What was said of a patient and what was published for one window, to see why they differ.
fn story(world: &World, outputs: &[FuseOutput], patient: &PatientId, end: i64) -> String {
    let mut story = format!("\n{:#?}\nlog of the patient:\n", world.package);
    for record in &world.log {
        let (offset, ingest) = (record.offset, record.ingest_time.as_millis());
        match &record.entry {
            Ok(LogEntry::Scored(s)) if s.patient == *patient => {
                let says = |p: &Prediction| {
                    let (t, k) = (p.event_time.as_millis(), p.issued.as_millis());
                    format!("({t}, {k}) {:?}", p.outcome)
                };
                let says: Vec<String> = s.predictions.iter().map(says).collect();
                story += &format!("{offset} at {ingest}: {:?} {says:?}\n", s.source);
            }
            Ok(LogEntry::Stay(s)) if s.patient == *patient => {
                story +=
                    &format!("{offset} at {ingest}: {:?} {}\n", s.change, s.event_time.as_millis());
            }
            _ => {}
        }
    }
    story += "published for the window:\n";
    for score in scores(outputs) {
        if score.patient == *patient && score.window.end().as_millis() == end {
            story += &format!("{score:?}\n");
        }
    }
    story
}

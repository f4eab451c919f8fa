//! State of a fusion lane as checkpoint entries, and back.

use super::active::Active;
use super::availability::Tally;
use super::groups::Groups;
use super::lanes::{Lanes, LogClock};
use super::patient::Patient;
use super::stage::FuseStage;
use crate::stage::{BadCheckpoint, StateEntry, StateKey};
use crate::types::Activation;
use compact_str::CompactString;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// First byte of every entry; another one is refused. Raise it when anything that is kept changes its shape.
const VERSION: u8 = 1;

/// Everything that belongs to no single patient.
#[derive(Serialize, Deserialize)]
struct LaneState {
    partition: u32,
    /// Names of the modalities, because every index in the state stands for one of them.
    modalities: Vec<String>,
    package: Option<(CompactString, String)>,
    clock: LogClock,
    lanes: Lanes,
    groups: Groups,
    models: Vec<String>,
    tally: Tally,
    complete: bool,
}

/// What changed since the last checkpoint: patients first, the lane-wide entry last.
pub(super) fn take(stage: &mut FuseStage) -> Vec<StateEntry> {
    let touched = stage.ward.take_touched();
    let forgotten = std::mem::take(&mut stage.forgotten);
    let tombstones =
        forgotten.into_iter().map(|id| StateEntry { key: StateKey::Patient(id), value: None });
    let patients = touched.into_iter().filter_map(|slot| {
        let patient = stage.ward.get(slot)?;
        let key = StateKey::Patient(patient.id.clone());
        Some(StateEntry { key, value: Some(encode(&(slot, patient))) })
    });
    let lane = StateEntry { key: StateKey::Lane, value: Some(encode(&lane_state(stage))) };
    tombstones.chain(patients).chain([lane]).collect()
}

fn lane_state(stage: &FuseStage) -> LaneState {
    let package = |active: &Active| (CompactString::from(&*active.digest), active.text.to_string());
    LaneState {
        partition: stage.config.partition,
        modalities: names(stage),
        package: stage.active.as_ref().map(package),
        clock: stage.clock,
        lanes: stage.lanes.clone(),
        groups: stage.groups.clone(),
        models: stage.models.iter().map(ToString::to_string).collect(),
        tally: stage.tally.clone(),
        complete: stage.complete,
    }
}

fn names(stage: &FuseStage) -> Vec<String> {
    stage.config.registry.iter().map(|(_, m)| m.name.to_owned()).collect()
}

/// Puts the entries back into an empty stage.
pub(super) fn restore(
    stage: &mut FuseStage,
    entries: Vec<StateEntry>,
) -> Result<(), BadCheckpoint> {
    let mut lane = None;
    let mut patients: Vec<(u32, Patient)> = Vec::new();
    for entry in entries {
        match (entry.key, entry.value) {
            (StateKey::Lane, Some(value)) => lane = Some(decode::<LaneState>(&value)?),
            (StateKey::Patient(_), Some(value)) => patients.push(decode(&value)?),
            (_, None) => {}
        }
    }
    let Some(lane) = lane else {
        return match patients.is_empty() {
            true => Ok(()),
            false => Err(bad("there are patients but no lane-wide entry")),
        };
    };
    put_lane(stage, lane)?;
    patients.sort_unstable_by_key(|(slot, _)| *slot);
    for (slot, patient) in patients {
        let in_table = patient.histories.len() == stage.config.registry.len();
        if !in_table || stage.ward.get(slot).is_some() {
            return Err(bad("a patient's entry contradicts the lane-wide entry"));
        }
        stage.groups.join(patient.gate, slot);
        stage.ward.put(slot, patient);
    }
    Ok(())
}

fn put_lane(stage: &mut FuseStage, lane: LaneState) -> Result<(), BadCheckpoint> {
    if (lane.partition, &lane.modalities) != (stage.config.partition, &names(stage)) {
        return Err(bad("it belongs to another partition or another registry of modalities"));
    }
    stage.active = match lane.package {
        None => None,
        Some((digest, text)) => {
            let activation = Activation { digest, package: text.into() };
            let built = Active::build(&activation, &stage.config.registry);
            Some(built.map_err(|mistakes| bad(&format!("its fusion package: {mistakes:?}")))?)
        }
    };
    stage.clock = lane.clock;
    stage.lanes = lane.lanes;
    stage.groups = lane.groups;
    stage.models = lane.models.into_iter().map(Into::into).collect();
    stage.tally = lane.tally;
    stage.complete &= lane.complete;
    Ok(())
}

fn bad(why: &str) -> BadCheckpoint {
    BadCheckpoint(why.to_owned())
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    let encoded = postcard::to_extend(value, vec![VERSION]);
    encoded.expect("plain data of known lengths, written to memory")
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BadCheckpoint> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => {
            postcard::from_bytes(rest).map_err(|error| bad(&format!("torn bytes ({error})")))
        }
        Some((version, _)) => {
            Err(bad(&format!("version {version}, and this program reads {VERSION}")))
        }
        None => Err(bad("it is empty")),
    }
}

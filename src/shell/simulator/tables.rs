//! Where in a registry the simulator's numbers go.

use super::panels::Laboratory;
use super::report::FINDINGS;
use crate::modality::{Modality, Registry};
use crate::types::{Feed, ModalityId, Values};

/// The columns of vitals that the ward fills.
#[derive(Clone, Debug)]
pub(super) struct VitalColumns {
    pub(super) heart_rate: u8,
    pub(super) respiratory_rate: u8,
    pub(super) spo2: u8,
    pub(super) spo2_scale: u8,
    pub(super) oxygen: u8,
    pub(super) oxygen_flow: u8,
    pub(super) systolic: u8,
    pub(super) diastolic: u8,
    pub(super) mean: u8,
    pub(super) temperature: u8,
    pub(super) consciousness: u8,
    pub(super) gcs: u8,
}

/// Modalities, their ids and columns.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    pub(super) vitals: ModalityId,
    pub(super) labs: ModalityId,
    pub(super) imaging: ModalityId,
    vitals_modality: &'static Modality,
    imaging_modality: &'static Modality,
    pub(super) columns: VitalColumns,
    pub(super) laboratory: Laboratory,
    pub(super) findings: [u8; FINDINGS.len()],
    pub(super) no_acute_finding: u8,
}

impl Tables {
    /// Looks everything up by name; what is not there becomes a mistake, and `None` where a modality is missing.
    pub(super) fn new(registry: &Registry, mistakes: &mut Vec<String>) -> Option<Self> {
        let mut find = |name: &str| {
            let found = registry.find(name);
            if found.is_none() {
                mistakes.push(format!("the registry has no modality {name}"));
            }
            found
        };
        let (vitals, labs, imaging) = (find("vitals"), find("labs"), find("imaging"));
        let (vitals, labs, imaging) = (vitals?, labs?, imaging?);
        let mut vital = |name| column(vitals.1, name, mistakes);
        let columns = VitalColumns {
            heart_rate: vital("heart_rate_per_min"),
            respiratory_rate: vital("respiratory_rate_per_min"),
            spo2: vital("spo2_percent"),
            spo2_scale: vital("spo2_scale"),
            oxygen: vital("oxygen"),
            oxygen_flow: vital("oxygen_flow_l_per_min"),
            systolic: vital("systolic_pressure_mmhg"),
            diastolic: vital("diastolic_pressure_mmhg"),
            mean: vital("mean_pressure_mmhg"),
            temperature: vital("temperature_celsius"),
            consciousness: vital("consciousness"),
            gcs: vital("gcs_total"),
        };
        Some(Self {
            vitals: vitals.0,
            labs: labs.0,
            imaging: imaging.0,
            vitals_modality: vitals.1,
            imaging_modality: imaging.1,
            columns,
            laboratory: Laboratory::new(labs.1, mistakes),
            findings: FINDINGS.map(|name| column(imaging.1, name, mistakes)),
            no_acute_finding: column(imaging.1, "no_acute_finding", mistakes),
        })
    }

    /// Adds a vital sign, moved into its plausible range.
    pub(super) fn set_vital(&self, values: &mut Values, column: u8, value: f64) {
        set(self.vitals_modality, values, column, value);
    }

    /// Adds a finding's probability.
    pub(super) fn set_finding(&self, values: &mut Values, column: u8, probability: f64) {
        set(self.imaging_modality, values, column, probability);
    }

    /// Where a feed's state stands: vitals, labs, imaging, encounters; `None` for feeds that the ward has not.
    pub(super) fn index(&self, feed: Feed) -> Option<usize> {
        match feed {
            Feed::Encounters => Some(3),
            Feed::Modality(id) => {
                [self.vitals, self.labs, self.imaging].iter().position(|m| *m == id)
            }
        }
    }
}

fn set(modality: &Modality, values: &mut Values, column: u8, value: f64) {
    let [lowest, highest] = modality.columns[usize::from(column)].plausible;
    let set = modality.set(values, column, value.clamp(lowest, highest));
    debug_assert!(set.is_ok(), "a plausible value, and fewer of them than an observation holds");
}

/// A column by its name; 0 and a mistake where there is none.
pub(super) fn column(modality: &Modality, name: &str, mistakes: &mut Vec<String>) -> u8 {
    modality.column(name).unwrap_or_else(|| {
        mistakes.push(format!("{} has no column {name}", modality.name));
        0
    })
}

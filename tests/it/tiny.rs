//! A small registry, so that tests of files do not depend on every column that ships.

use latefusion::modality::{Column, DefaultPolicy, Modality, Registry};
use latefusion::types::{
    Event, EventStatus, EventTime, Fault, IssueTime, ModalityId, ObservationId, PatientId,
    RejectReason, Span, Values,
};

const fn column(name: &'static str, steps_per_unit: f64, plausible: [f64; 2]) -> Column {
    Column { name, steps_per_unit, plausible, loinc: None }
}

const POLICY: DefaultPolicy = DefaultPolicy {
    validity: Span::hours(6),
    half_life: Span::hours(4),
    gating: false,
    out_of_orderness: None,
    lookback: Span::hours(24),
};

const fn modality(name: &'static str, columns: &'static [Column]) -> Modality {
    Modality { name, topic: name, columns, decode, ward: POLICY, hourly: POLICY }
}

/// Reads `patient@millis=heart rate`, the payload of these tests.
fn decode(payload: &[u8], modality: ModalityId) -> Result<Event, Fault> {
    let bad = || Fault::new(RejectReason::Undecodable, "no event of the tests");
    let text: String = serde_json::from_slice(payload).map_err(|_| bad())?;
    let (patient, rest) = text.split_once('@').ok_or_else(bad)?;
    let (millis, rate) = rest.split_once('=').ok_or_else(bad)?;
    let (millis, rate) = (millis.parse().map_err(|_| bad())?, rate.parse().map_err(|_| bad())?);
    let mut values = Values::default();
    VITALS.set(&mut values, 0, rate)?;
    Ok(Event {
        patient: PatientId::new(patient).map_err(|_| bad())?,
        modality,
        id: ObservationId(0),
        event_time: EventTime::from_millis(millis),
        issued: IssueTime::from_millis(millis),
        version: 0,
        status: EventStatus::Final,
        values,
    })
}

pub(crate) static VITALS: Modality = modality(
    "vitals",
    &[
        column("heart_rate_per_min", 10.0, [0.0, 350.0]),
        column("spo2_percent", 10.0, [30.0, 100.0]),
        column("systolic_pressure_mmhg", 10.0, [20.0, 350.0]),
        column("mean_pressure_mmhg", 10.0, [10.0, 330.0]),
        column("temperature_celsius", 100.0, [20.0, 45.0]),
    ],
);

static LABS: Modality = modality(
    "labs",
    &[
        column("potassium_mmol_per_l", 100.0, [0.5, 25.0]),
        column("lactate_mmol_per_l", 100.0, [0.0, 50.0]),
        column("magnesium_mg_per_dl", 100.0, [0.1, 30.0]),
        column("fio2_percent", 10.0, [21.0, 100.0]),
    ],
);

static IMAGING: Modality = modality(
    "imaging",
    &[
        column("consolidation", 10_000.0, [0.0, 1.0]),
        column("pleural_effusion", 10_000.0, [0.0, 1.0]),
        column("pneumothorax", 10_000.0, [0.0, 1.0]),
    ],
);

static VENTILATION: Modality = modality(
    "ventilation",
    &[column("fio2_percent", 10.0, [21.0, 100.0]), column("mech_vent", 1.0, [0.0, 1.0])],
);

/// Vitals, labs and imaging.
pub(crate) fn registry() -> Registry {
    Registry::new(vec![&VITALS, &LABS, &IMAGING])
}

/// The same and a fourth.
pub(crate) fn registry_with_ventilation() -> Registry {
    Registry::new(vec![&VITALS, &LABS, &IMAGING, &VENTILATION])
}

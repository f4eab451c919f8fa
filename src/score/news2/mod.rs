//! NEWS2, the National Early Warning Score 2 (Royal College of Physicians, London 2017), complete.
//!
//! Decided here where the chart leaves it open: values are rounded to chart precision before banding; a
//! missing parameter is never zero points but widens the bounds; unknown oxygen is missing, not air; scale 2
//! holds only where it was chosen (RCP 2017: a clinician's documented decision). Not for patients under 16
//! years nor in pregnancy (RCP 2017).

mod parameter;
mod possible;
mod scorer;
mod table;

pub use parameter::{Parameter, ParameterSet};
use possible::Possible;
pub use scorer::{News2Scorer, TimesToLive};
use table::{charted, charted_tenths, points};

/// Which SpO2 scale holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spo2Scale {
    /// For everyone without a documented decision for scale 2.
    #[default]
    One,
    /// Hypercapnic respiratory failure, target 88 to 92 %; a clinician's documented decision, never inferred.
    Two,
}

/// Level of consciousness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consciousness {
    /// A.
    Alert,
    /// C: confusion that is new.
    NewConfusion,
    /// V: responds to voice.
    Voice,
    /// P: responds to pain.
    Pain,
    /// U.
    Unresponsive,
}

/// What was measured; `None` = not known. NaN and infinite values count as not known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Parameters {
    /// Breaths per minute.
    pub respiratory_rate: Option<f64>,
    /// Percent.
    pub spo2: Option<f64>,
    /// The scale that `spo2` is read on.
    pub scale: Spo2Scale,
    /// True on supplemental oxygen, false on air.
    pub on_oxygen: Option<bool>,
    /// mmHg.
    pub systolic_pressure: Option<f64>,
    /// Beats per minute.
    pub pulse: Option<f64>,
    /// ACVPU as charted; goes before `gcs_total`.
    pub consciousness: Option<Consciousness>,
    /// Glasgow coma scale, 3 to 15; read only where `consciousness` is not known. 15 is alert, anything below
    /// is not: only eyes open spontaneously (4), orientated speech (5) and obeyed commands (6) make 15
    /// (Teasdale and Jennett, Lancet 1974;304:81-84), and RCP 2017 gives whatever is not alert 3 points. It overrates
    /// long-standing confusion and intubated patients; the alternative, a cut at 13, would miss new confusion.
    pub gcs_total: Option<f64>,
    /// Degrees Celsius.
    pub temperature: Option<f64>,
}

/// The clinical response that a total calls for (RCP 2017, Chart 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClinicalBand {
    /// 0 to 4, no parameter at 3.
    Low,
    /// 0 to 4, a single parameter at 3: urgent ward review.
    LowMedium,
    /// 5 or 6: urgent response.
    Medium,
    /// 7 and above: emergency response.
    High,
}

impl ClinicalBand {
    /// The band of a complete total.
    pub const fn of(total: u8, any_red: bool) -> Self {
        match total {
            7.. => Self::High,               // RCP 2017, Chart 2
            5.. => Self::Medium,             // RCP 2017, Chart 2
            _ if any_red => Self::LowMedium, // RCP 2017, Chart 2
            _ => Self::Low,
        }
    }
}

/// What NEWS2 says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct News2 {
    /// Points of each parameter in the order of [`Parameter::ALL`]; `None` = not known.
    pub points: [Option<u8>; 7],
    /// 0 to 20; `None` while a parameter is missing.
    pub total: Option<u8>,
    /// True where a known parameter scores 3; false excludes it only for what is known.
    pub any_red: bool,
    /// Lowest and highest total possible.
    pub bounds: [u8; 2],
    /// Lowest and highest band possible.
    pub bands: [ClinicalBand; 2],
    /// What was not measured.
    pub missing: ParameterSet,
    /// Missing parameters each of which alone settles the band, whatever its value; empty once it is settled.
    pub settled_by: ParameterSet,
    /// Missing parameters each of which alone can settle the band, with a fitting value; empty once it is settled.
    pub may_be_settled_by: ParameterSet,
}

impl News2 {
    /// The band, where what is missing cannot change it; always there when the total is.
    pub fn band(&self) -> Option<ClinicalBand> {
        let [lowest, highest] = self.bands;
        (lowest == highest).then_some(lowest)
    }
}

/// The score of what was measured.
pub fn news2(parameters: &Parameters) -> News2 {
    let assessed = Assessed::of(parameters);
    let possible = Parameter::ALL.map(|p| assessed.possible(p));
    let sum = |skip: Option<Parameter>| {
        let counted = Parameter::ALL.into_iter().filter(|p| Some(*p) != skip);
        counted.fold(Possible::ZERO, |sum, p| sum.and(possible[p as usize]))
    };
    let all = sum(None);
    let open = !all.is_settled();
    // Every outcome of one missing parameter, with the others as open as they are.
    let settled = |p: Parameter| {
        let rest = sum(Some(p));
        possible[p as usize].outcomes().map(move |outcome| rest.and(outcome).is_settled())
    };
    let missing = assessed.missing;
    let points = Parameter::ALL.map(|p| assessed.points(p));
    News2 {
        points,
        total: missing.is_empty().then_some(assessed.lowest()),
        any_red: points.contains(&Some(3)),
        bounds: [assessed.lowest(), assessed.highest()],
        bands: all.bands(),
        missing,
        settled_by: ParameterSet::of(|p| open && missing.contains(p) && settled(p).all(|s| s)),
        may_be_settled_by: ParameterSet::of(|p| {
            open && missing.contains(p) && settled(p).any(|s| s)
        }),
    }
}

/// Lowest and highest points of each parameter; equal where the points are known.
#[derive(Clone, Copy, Debug)]
struct Assessed {
    points: [[u8; 2]; 7],
    missing: ParameterSet,
}

impl Assessed {
    fn of(parameters: &Parameters) -> Self {
        let banded = |value: Option<f64>, bands| {
            value.and_then(charted).map(|charted| [points(bands, charted); 2])
        };
        let temperature = parameters.temperature.and_then(charted_tenths);
        let known = [
            banded(parameters.respiratory_rate, &table::RESPIRATORY_RATE),
            spo2(parameters),
            parameters.on_oxygen.map(|on| if on { [table::ON_OXYGEN; 2] } else { [0; 2] }),
            banded(parameters.systolic_pressure, &table::SYSTOLIC_PRESSURE),
            banded(parameters.pulse, &table::PULSE),
            alert(parameters).map(|alert| if alert { [0; 2] } else { [table::NOT_ALERT; 2] }),
            temperature.map(|tenths| [points(&table::TEMPERATURE_TENTHS, tenths); 2]),
        ];
        Self {
            points: std::array::from_fn(|i| known[i].unwrap_or([0, MOST[i]])),
            missing: ParameterSet::of(|p| known[p as usize].is_none()),
        }
    }

    fn measured(&self) -> usize {
        Parameter::ALL.len() - self.missing.len()
    }

    fn lowest(&self) -> u8 {
        self.points.iter().map(|[lowest, _]| lowest).sum()
    }

    fn highest(&self) -> u8 {
        self.points.iter().map(|[_, highest]| highest).sum()
    }

    fn points(&self, parameter: Parameter) -> Option<u8> {
        let [lowest, highest] = self.points[parameter as usize];
        (lowest == highest).then_some(lowest)
    }

    /// A saturation whose points hang on the unknown oxygen is counted with the oxygen: they come out together.
    fn possible(&self, parameter: Parameter) -> Possible {
        let [_, highest] = self.points[parameter as usize];
        let spo2 = self.points[Parameter::Spo2 as usize][1];
        let spo2_hangs =
            !self.missing.contains(Parameter::Spo2) && self.points(Parameter::Spo2).is_none();
        match parameter {
            Parameter::Spo2 if spo2_hangs => Possible::ZERO,
            Parameter::Oxygen if spo2_hangs => {
                Possible::ZERO.or(Possible::of(table::ON_OXYGEN).and(Possible::of(spo2)))
            }
            _ if !self.missing.contains(parameter) => Possible::of(highest),
            Parameter::Oxygen | Parameter::Consciousness => {
                Possible::ZERO.or(Possible::of(highest))
            }
            _ => Possible::ANY,
        }
    }
}

/// Most points that each parameter can score (RCP 2017, Chart 1).
const MOST: [u8; 7] = [3, 3, table::ON_OXYGEN, 3, 3, table::NOT_ALERT, 3];

/// Lowest and highest points of a measured saturation; they differ on scale 2 where it matters whether oxygen is given.
fn spo2(parameters: &Parameters) -> Option<[u8; 2]> {
    let percent = charted(parameters.spo2?)?;
    let on = |bands| points(bands, percent);
    Some(match (parameters.scale, parameters.on_oxygen) {
        (Spo2Scale::One, _) => [on(&table::SPO2_SCALE_1); 2],
        (Spo2Scale::Two, Some(false)) => [on(&table::SPO2_SCALE_2_AIR); 2],
        (Spo2Scale::Two, Some(true)) => [on(&table::SPO2_SCALE_2_OXYGEN); 2],
        // At equal saturation oxygen never scores less than air.
        (Spo2Scale::Two, None) => [on(&table::SPO2_SCALE_2_AIR), on(&table::SPO2_SCALE_2_OXYGEN)],
    })
}

fn alert(parameters: &Parameters) -> Option<bool> {
    let by_gcs = || parameters.gcs_total.and_then(charted).map(|total| total >= 15);
    parameters.consciousness.map(|c| c == Consciousness::Alert).or_else(by_gcs)
}

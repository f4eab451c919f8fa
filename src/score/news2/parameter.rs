//! The seven parameters of NEWS2 and sets of them.

/// The seven parameters, in the order in which points are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Parameter {
    /// Breaths per minute.
    RespiratoryRate,
    /// Oxygen saturation by pulse oximetry, on scale 1 or 2.
    Spo2,
    /// Air or supplemental oxygen.
    Oxygen,
    /// Systolic blood pressure.
    SystolicPressure,
    /// Heart rate.
    Pulse,
    /// ACVPU.
    Consciousness,
    /// Body temperature.
    Temperature,
}

impl Parameter {
    /// All seven, each at its own index.
    pub const ALL: [Self; 7] = [
        Self::RespiratoryRate,
        Self::Spo2,
        Self::Oxygen,
        Self::SystolicPressure,
        Self::Pulse,
        Self::Consciousness,
        Self::Temperature,
    ];

    /// Plain name, lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RespiratoryRate => "respiratory rate",
            Self::Spo2 => "oxygen saturation",
            Self::Oxygen => "air or oxygen",
            Self::SystolicPressure => "systolic pressure",
            Self::Pulse => "pulse",
            Self::Consciousness => "consciousness",
            Self::Temperature => "temperature",
        }
    }
}

/// A set of parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ParameterSet(u8);

impl ParameterSet {
    /// Those for which `belongs` holds.
    pub(super) fn of(belongs: impl Fn(Parameter) -> bool) -> Self {
        let members = Parameter::ALL.into_iter().filter(|p| belongs(*p));
        Self(members.fold(0, |bits, p| bits | 1 << p as u8))
    }
    /// True for members.
    pub const fn contains(self, parameter: Parameter) -> bool {
        self.0 >> parameter as u8 & 1 == 1
    }
    /// The members in the order of [`Parameter::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Parameter> {
        Parameter::ALL.into_iter().filter(move |p| self.contains(*p))
    }
    /// How many members.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }
    /// True without members.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

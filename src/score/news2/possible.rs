//! Which totals remain possible while parameters are missing, and so which bands.

use super::ClinicalBand;

/// The sums that can still come out, one bit each: bit n of `plain` is "n points, no parameter at 3",
/// bit n of `red` is "n points, some parameter at 3". A total is at most 20, so 32 bits hold all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Possible {
    plain: u32,
    red: u32,
}

impl Possible {
    /// Nothing added: the sum 0.
    pub(super) const ZERO: Self = Self { plain: 1, red: 0 };
    /// Any of 0 to 3 points: a missing parameter.
    pub(super) const ANY: Self = Self { plain: 0b0111, red: 0b1000 };

    /// One parameter's points.
    pub(super) const fn of(points: u8) -> Self {
        if points == 3 {
            Self { plain: 0, red: 0b1000 }
        } else {
            Self { plain: 1 << points, red: 0 }
        }
    }

    /// Either the one or the other.
    pub(super) const fn or(self, other: Self) -> Self {
        Self { plain: self.plain | other.plain, red: self.red | other.red }
    }

    /// The one and the other, added up.
    pub(super) fn and(self, other: Self) -> Self {
        let mut sum = Self { plain: 0, red: 0 };
        for n in 0..u32::BITS {
            if other.plain >> n & 1 == 1 {
                sum.plain |= self.plain << n;
                sum.red |= self.red << n;
            }
            if other.red >> n & 1 == 1 {
                sum.red |= (self.plain | self.red) << n;
            }
        }
        sum
    }

    /// Each possibility alone.
    pub(super) fn outcomes(self) -> impl Iterator<Item = Self> {
        let bits = |mask: u32| (0..u32::BITS).map(|n| 1 << n).filter(move |bit| mask & bit != 0);
        let plain = bits(self.plain).map(|bit| Self { plain: bit, red: 0 });
        plain.chain(bits(self.red).map(|bit| Self { plain: 0, red: bit }))
    }

    /// Lowest and highest band that can still come out.
    ///
    /// Both are found among all possibilities, because a single 3 lifts a low total only to low-medium.
    pub(super) fn bands(self) -> [ClinicalBand; 2] {
        let band_of = |mask: u32, red: bool| {
            (0..32).filter(move |n| mask >> n & 1 == 1).map(move |n| ClinicalBand::of(n, red))
        };
        let mut lowest = ClinicalBand::High;
        let mut highest = ClinicalBand::Low;
        for band in band_of(self.plain, false).chain(band_of(self.red, true)) {
            lowest = lowest.min(band);
            highest = highest.max(band);
        }
        [lowest, highest]
    }

    /// True where the band no longer depends on what is missing.
    pub(super) fn is_settled(self) -> bool {
        let [lowest, highest] = self.bands();
        lowest == highest
    }

    /// Lowest and highest sum.
    #[cfg(test)]
    pub(super) fn bounds(self) -> [u8; 2] {
        let all = self.plain | self.red;
        [all.trailing_zeros() as u8, (u32::BITS - 1 - all.leading_zeros()) as u8]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adding_keeps_track_of_single_threes() {
        let two_and_one = Possible::of(2).and(Possible::of(1));
        assert_eq!(two_and_one.bands(), [ClinicalBand::Low; 2], "3 points without a red score");
        assert_eq!(Possible::of(3).bands(), [ClinicalBand::LowMedium; 2]);
        assert_eq!(Possible::of(3).and(Possible::of(2)).bands(), [ClinicalBand::Medium; 2]);
        assert_eq!(Possible::ANY.and(Possible::of(2)).bounds(), [2, 5]);
    }

    #[test]
    fn outcomes_cover_every_possibility_once() {
        let outcomes: Vec<_> = Possible::ANY.outcomes().collect();
        assert_eq!(outcomes, [0, 1, 2, 3].map(Possible::of));
    }
}

//! The simulator's own random numbers.
//!
//! Ours rather than a library's, because what a seed gives is part of what the simulator promises: SplitMix64
//! (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014) in eight bytes of state, so that
//! every bed has a stream of its own. Only additions, multiplications and shifts of IEEE numbers: the same on
//! every machine.

use crate::types::Span;

/// A stream of random numbers; equal seeds give equal streams.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Random {
    /// The stream `number` of a seed; streams of one seed have nothing to do with each other.
    pub(super) const fn new(seed: u64, number: u64) -> Self {
        Self(mix(seed ^ mix(number.wrapping_add(GOLDEN_GAMMA))))
    }

    /// 64 random bits.
    pub(super) const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN_GAMMA);
        mix(self.0)
    }

    /// In 0..1, evenly.
    pub(super) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// In `low..high`, evenly.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// True with this probability.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// In `0..n`; 0 for `n` of 0.
    pub(super) fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// Nearly normal with mean 0 and standard deviation 1, within ±3.5: the sum of four even numbers of 16 bits.
    /// Bounded on purpose: measurement noise has no far tails, artefacts are made separately.
    pub(super) fn normal(&mut self) -> f64 {
        let bits = self.bits();
        let sum =
            (bits & 0xffff) + ((bits >> 16) & 0xffff) + ((bits >> 32) & 0xffff) + (bits >> 48);
        // Four numbers in 0..65536: mean 131,070, standard deviation 65,536 * sqrt(4 / 12).
        (sum as f64 - 131_070.0) / 37_837.23
    }

    /// In `low..high`, evenly, in whole milliseconds.
    pub(super) fn span(&mut self, low: Span, high: Span) -> Span {
        let width = (high - low).as_millis().max(0) as usize;
        low + Span::millis(self.below(width) as i64)
    }

    /// In `low..high`, mostly near `low`: half of them in the first eighth.
    pub(super) fn skewed_span(&mut self, low: Span, high: Span) -> Span {
        let unit = self.unit();
        let width = (high - low).as_millis().max(0) as f64;
        low + Span::millis((unit * unit * unit * width) as i64)
    }

    /// `span` give or take a tenth.
    pub(super) fn about(&mut self, span: Span) -> Span {
        let tenth = Span::millis(span.as_millis() / 10);
        self.span(span - tenth, span + tenth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_splitmix64() {
        // First outputs of the reference implementation for state 1234567 (Vigna, splitmix64.c).
        let mut random = Random(1_234_567);
        let drawn = [random.bits(), random.bits(), random.bits()];
        assert_eq!(
            drawn,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn draws_have_the_moments_they_claim() {
        let mut random = Random::new(7, 0);
        let n = 200_000;
        let (mut sum, mut squares, mut units) = (0.0, 0.0, 0.0);
        for _ in 0..n {
            let x = random.normal();
            assert!(x.abs() < 3.5);
            sum += x;
            squares += x * x;
            units += random.unit();
        }
        let n = f64::from(n);
        assert!(
            (sum / n).abs() < 0.01
                && (squares / n - 1.0).abs() < 0.02
                && (units / n - 0.5).abs() < 0.005
        );
    }

    #[test]
    fn spans_stay_within_their_bounds_and_empty_ones_are_their_low_end() {
        let mut random = Random::new(1, 1);
        for _ in 0..10_000 {
            let span = random.skewed_span(Span::seconds(1), Span::seconds(3));
            assert!(span >= Span::seconds(1) && span < Span::seconds(3));
        }
        assert_eq!(random.span(Span::seconds(5), Span::seconds(5)), Span::seconds(5));
        assert_eq!(random.below(0), 0);
    }
}

//! Arithmetic of the hot path, equal to the standard library's to the last bit.

/// The value of a number as a source writes a measurement: digits, and perhaps some after a point. `None`: another number, which the
/// standard library reads.
///
/// Exact: up to 15 digits and their power of ten are whole numbers of an `f64`, so that their quotient is rounded once (Clinger, How to
/// read floating point numbers accurately, 1990).
pub(super) fn short_decimal(text: &[u8]) -> Option<f64> {
    const POWERS: [f64; 7] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6];
    if text.len() > 15 {
        return None;
    }
    let (mut digits, mut decimals, mut pointed) = (0_u64, 0, false);
    for byte in text {
        match byte {
            b'0'..=b'9' => {
                digits = digits * 10 + u64::from(byte - b'0');
                decimals += usize::from(pointed);
            }
            b'.' => pointed = true,
            _ => return None,
        }
    }
    POWERS.get(decimals).map(|power| digits as f64 / power)
}

/// To the nearest whole number, half away from zero, as `f64::round`, which calls the C library where the processor's
/// instruction may not be counted on. Anything beyond 64 bits or not finite is returned as it is.
pub(super) fn rounded(number: f64) -> f64 {
    if number.abs() < 9e15 {
        // Exact: number and its whole part are within a factor of two, or the part is 0.
        let whole = number as i64 as f64;
        let rest = number - whole;
        whole + f64::from(i8::from(rest >= 0.5) - i8::from(rest <= -0.5))
    } else {
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_the_one_that_the_standard_library_reads() {
        let mut random = fastrand::Rng::with_seed(3);
        let mut short = 0;
        for _ in 0..200_000 {
            let digits: String =
                (0..random.usize(1..16)).map(|_| char::from(random.u8(b'0'..=b'9'))).collect();
            let (whole, decimals) = digits.split_at(random.usize(0..digits.len()));
            let text = format!("{}.{decimals}", if whole.is_empty() { "0" } else { whole });
            let read = short_decimal(text.as_bytes());
            short += u32::from(read.is_some());
            let wanted = text.parse::<f64>().expect("a number");
            assert!(read.is_none_or(|read| read.to_bits() == wanted.to_bits()), "{text}: {read:?}");
        }
        assert!(short > 50_000, "{short} were short");
        for other in ["-1", "1e3", "1234567890123456", "0.1234567"] {
            assert_eq!(short_decimal(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn rounding_is_that_of_the_standard_library() {
        let mut random = fastrand::Rng::with_seed(5);
        let halves = (-4_000..4_000).map(|n| f64::from(n) / 2.0);
        let near = [0.499_999_999_999_999_94, -0.499_999_999_999_999_94, 4_503_599_627_370_495.5];
        let odd = [f64::NAN, f64::INFINITY, f64::MAX, f64::MIN, 9e15, -9e15, -0.0];
        let any: Vec<f64> = (0..100_000).map(|_| f64::from_bits(random.u64(..))).collect();
        let usual: Vec<f64> = (0..100_000).map(|_| (random.f64() - 0.5) * 1e5).collect();
        for number in halves.chain(near).chain(odd).chain(any).chain(usual) {
            let (ours, theirs) = (rounded(number), number.round());
            assert!(ours == theirs || (ours.is_nan() && theirs.is_nan()), "{number}: {ours}");
        }
    }
}

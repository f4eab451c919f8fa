//! RFC 3339 instants, read and written without allocation: the hot path of every event.
//!
//! Ours rather than a library's because two of these stand in every event; checked against `jiff` in the tests.

use std::fmt;

/// Longest text that is looked at, in bytes; RFC 3339 with nanoseconds and an offset takes 35.
pub const MAX_LENGTH: usize = 40;

/// Milliseconds since the epoch of an RFC 3339 instant such as `2026-11-23T08:15:00.250+01:00`.
///
/// The offset is required (`Z` or `±hh:mm`); digits past the millisecond are cut off, a leap second
/// (`:60`) counts as the first instant of the next minute. `None`: not such a text, or no such date.
pub fn parse(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() < 20 || bytes.len() > MAX_LENGTH {
        return None;
    }
    let number = |from: usize, to: usize| digits(bytes.get(from..to)?);
    let expect = |at: usize, wanted: &[u8]| bytes.get(at).is_some_and(|b| wanted.contains(b));
    let separators = expect(4, b"-")
        && expect(7, b"-")
        && expect(10, b"Tt ")
        && expect(13, b":")
        && expect(16, b":");
    if !separators {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let date_exists = (1..=12).contains(&month) && day >= 1 && day <= days_in_month(year, month);
    if !date_exists || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (millis, rest) = fraction(bytes.get(19..)?)?;
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some((seconds - offset_seconds(rest)?) * 1_000 + millis)
}

/// Writes `millis` since the epoch as RFC 3339 in UTC with three decimals.
pub fn write(out: &mut impl fmt::Write, millis: i64) -> fmt::Result {
    if let Some(text) = text(millis) {
        return text.iter().try_for_each(|byte| out.write_char(char::from(*byte)));
    }
    let (days, in_day) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000));
    let (year, month, day) = civil_from_days(days);
    let (hour, minute) = (in_day / 3_600_000, in_day / 60_000 % 60);
    let (second, milli) = (in_day / 1_000 % 60, in_day % 1_000);
    write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// The ASCII text of `millis` since the epoch, as [`write()`] writes it; `None` outside the years 0000 to 9999.
///
/// For the wire formats, where the formatting machinery of the standard library would cost most of a record.
pub fn text(millis: i64) -> Option<[u8; 24]> {
    let (year, month, day) = civil_from_days(millis.div_euclid(86_400_000));
    if !(0..=9_999).contains(&year) {
        return None;
    }
    let in_day = millis.rem_euclid(86_400_000);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let mut put = |at: usize, count: usize, mut number: i64| {
        for digit in text.iter_mut().skip(at).take(count).rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
        }
    };
    put(0, 4, year);
    put(5, 2, month);
    put(8, 2, day);
    put(11, 2, in_day / 3_600_000);
    put(14, 2, in_day / 60_000 % 60);
    put(17, 2, in_day / 1_000 % 60);
    put(20, 3, in_day % 1_000);
    Some(text)
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0, |sum, b| b.is_ascii_digit().then(|| sum * 10 + i64::from(b - b'0')))
}

/// Splits an optional `.ddd…` off the front: its milliseconds and what follows.
fn fraction(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let Some((b'.', rest)) = bytes.split_first() else { return Some((0, bytes)) };
    let length = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let (decimals, rest) = rest.split_at(length);
    let digit = |i: usize| decimals.get(i).map_or(0, |b| i64::from(b - b'0'));
    (length > 0).then(|| (digit(0) * 100 + digit(1) * 10 + digit(2), rest))
}

fn offset_seconds(bytes: &[u8]) -> Option<i64> {
    match bytes {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?);
            let seconds = hours * 3_600 + minutes * 60;
            (hours < 24 && minutes < 60).then_some(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar, counting years from March so that the
/// leap day comes last (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days.saturating_add(719_468);
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let (day, month) = (day_of_year - (153 * shifted + 2) / 5 + 1, (shifted + 2) % 12 + 1);
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_jiff_on_ten_thousand_instants_and_offsets() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..10_000 {
            let millis = random.i64(-62_135_596_800_000..253_402_300_799_999);
            let mut ours = String::new();
            write(&mut ours, millis).expect("a string takes it");
            let theirs: jiff::Timestamp = ours.parse().expect("jiff reads what we write");
            assert_eq!(theirs.as_millisecond(), millis, "{ours}");
            assert_eq!(parse(&ours), Some(millis), "{ours}");
            let offset = format!("{:+03}:{:02}", random.i32(-14..15), random.i32(0..60));
            let shifted = ours.replace('Z', &offset);
            let theirs = shifted.parse::<jiff::Timestamp>().map(|t| t.as_millisecond());
            if let Ok(theirs) = theirs {
                assert_eq!(parse(&shifted), Some(theirs), "{shifted}");
            }
        }
    }

    #[test]
    fn refuses_what_is_no_instant() {
        for text in [
            "",
            "2026-11-23",
            "2026-11-23T08:15:00",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T08:15:00.Z",
            "2026-11-23T08:15:00+1:00",
            "2026-11-23T08:15:00+01:00 ",
            "１２３４-11-23T08:15:00Z",
            "2026-11-23T08:15:00+24:00",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn never_panics_on_any_text() {
        let mut random = fastrand::Rng::with_seed(2);
        for _ in 0..20_000 {
            let mut text = String::from("2026-11-23T08:15:00.250+01:00");
            for _ in 0..random.usize(1..4) {
                let at = random.usize(0..text.len());
                if text.is_char_boundary(at) {
                    text.insert(at, random.char(..));
                }
            }
            let _ = parse(&text);
        }
        let mut extreme = String::new();
        write(&mut extreme, i64::MIN).expect("a string takes it");
        write(&mut extreme, i64::MAX).expect("a string takes it");
    }
}

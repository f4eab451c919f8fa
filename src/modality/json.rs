//! A strict JSON reader that takes one record apart in a single pass, without building a tree.
//!
//! Ours rather than `serde_json`'s, for two reasons: every mistake must get its exact [`RejectReason`], which
//! the text of a library's error message does not reliably tell, and this is the hot path of every event.
//! What it accepts is compared with `serde_json` in the fuzz tests.
//!
//! Values are read by the type their field calls for, so nothing is ever skipped and nesting costs nothing.

use super::numbers::short_decimal;
use crate::types::{Fault, RejectReason};
use std::borrow::Cow;

/// Largest payload that is looked at, in bytes; a report text takes some ten thousand.
pub const MAX_PAYLOAD_BYTES: usize = 1 << 20;

/// A place in a record's text.
#[derive(Debug)]
pub struct Reader<'a> {
    text: &'a str,
    at: usize,
}

/// Reads a payload that is one JSON object; `each` is called with every field's name and must read its value.
///
/// # Errors
/// `Oversized`, `Undecodable`, and whatever `each` returns; the first one found, in the order of the text.
pub fn read_record<'a>(
    payload: &'a [u8],
    each: impl FnMut(&str, &mut Reader<'a>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    if payload.len() > MAX_PAYLOAD_BYTES {
        let detail = format!("the record is longer than {MAX_PAYLOAD_BYTES} bytes");
        return Err(Fault::new(RejectReason::Oversized, detail));
    }
    let text = std::str::from_utf8(payload)
        .map_err(|_| Fault::new(RejectReason::Undecodable, "the record is not UTF-8"))?;
    let mut reader = Reader { text, at: 0 };
    reader.skip_space();
    if reader.peek() != Some(b'{') {
        return Err(Fault::new(RejectReason::Undecodable, "the record is no JSON object"));
    }
    reader.read_fields(each)?;
    reader.skip_space();
    if reader.at == text.len() { Ok(()) } else { Err(reader.broken()) }
}

impl<'a> Reader<'a> {
    /// Reads an object; `each` as in [`read_record`].
    ///
    /// # Errors
    /// `WrongType` where the value is no object, `Undecodable`, and whatever `each` returns.
    pub fn object(
        &mut self,
        field: &'static str,
        each: impl FnMut(&str, &mut Self) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if self.peek() == Some(b'{') {
            self.read_fields(each)
        } else {
            Err(self.wrong_type(field, "an object"))
        }
    }

    /// Reads an array; `each` must read one element.
    ///
    /// # Errors
    /// `WrongType` where the value is no array, `Undecodable`, and whatever `each` returns.
    pub fn array(
        &mut self,
        field: &'static str,
        mut each: impl FnMut(&mut Self) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if !self.take(b'[') {
            return Err(self.wrong_type(field, "an array"));
        }
        self.skip_space();
        if self.take(b']') {
            return Ok(());
        }
        loop {
            each(self)?;
            if self.ends_with(b']')? {
                return Ok(());
            }
        }
    }

    /// Reads a number; infinite where it is beyond an `f64`. The plausible range is the caller's to check.
    ///
    /// # Errors
    /// `WrongType`; `ImplausibleValue` for the words `NaN` and `Infinity`, which some writers emit; `Undecodable`.
    pub fn number(&mut self, field: &'static str) -> Result<f64, Fault> {
        match self.peek() {
            Some(b'-' | b'0'..=b'9') => {}
            _ => return Err(self.no_number(field)),
        }
        let digits = self.number_text(field)?;
        match short_decimal(digits.as_bytes()) {
            Some(number) => Ok(number),
            None => digits.parse().map_err(|_| self.broken()),
        }
    }

    /// Reads a whole number from 0 to `u32::MAX`, written without point or exponent.
    ///
    /// # Errors
    /// `WrongType` for every other number or type, `Undecodable`.
    pub fn whole(&mut self, field: &'static str) -> Result<u32, Fault> {
        const WANTED: &str = "a whole number from 0 to 4294967295";
        match self.peek() {
            Some(b'-' | b'0'..=b'9') => {}
            _ => return Err(self.wrong_type(field, WANTED)),
        }
        let digits = self.number_text(field)?;
        digits.parse().map_err(|_| mismatch(field, WANTED))
    }

    /// Reads a string, borrowed from the payload unless it holds escapes.
    ///
    /// # Errors
    /// `WrongType`, `Undecodable`.
    pub fn text(&mut self, field: &'static str) -> Result<Cow<'a, str>, Fault> {
        if self.peek() == Some(b'"') {
            self.string()
        } else {
            Err(self.wrong_type(field, "a string"))
        }
    }

    /// True where the value to come is a string.
    pub fn at_text(&self) -> bool {
        self.peek() == Some(b'"')
    }

    /// Takes a `null` if one comes. A field that is null counts as left out.
    pub fn take_null(&mut self) -> bool {
        let found = self.rest().starts_with(b"null");
        self.at += if found { 4 } else { 0 };
        found
    }

    fn read_fields(
        &mut self,
        mut each: impl FnMut(&str, &mut Self) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.at += 1;
        self.skip_space();
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.broken());
            }
            let name = self.string()?;
            self.skip_space();
            if !self.take(b':') {
                return Err(self.broken());
            }
            self.skip_space();
            each(&name, self)?;
            if self.ends_with(b'}')? {
                return Ok(());
            }
        }
    }

    /// After an element: true at the closing bracket, false after a comma.
    fn ends_with(&mut self, closing: u8) -> Result<bool, Fault> {
        self.skip_space();
        if self.take(closing) {
            return Ok(true);
        }
        if !self.take(b',') {
            return Err(self.broken());
        }
        self.skip_space();
        Ok(false)
    }

    /// The number that starts here, by the grammar of RFC 8259, section 6.
    fn number_text(&mut self, field: &'static str) -> Result<&'a str, Fault> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') && self.skip_digits() == 0 {
            return Err(self.no_number(field));
        }
        if self.take(b'.') && self.skip_digits() == 0 {
            return Err(self.broken());
        }
        if self.take(b'e') || self.take(b'E') {
            let _signed = self.take(b'+') || self.take(b'-');
            if self.skip_digits() == 0 {
                return Err(self.broken());
            }
        }
        // A number that ends with the text may have been cut short: it must not be judged by its value.
        match self.peek() {
            Some(_) => Ok(self.text.get(start..self.at).unwrap_or_default()),
            None => Err(self.broken()),
        }
    }

    fn no_number(&self, field: &'static str) -> Fault {
        let rest = self.rest();
        if rest.starts_with(b"NaN") || rest.starts_with(b"Infinity") || rest.starts_with(b"-I") {
            Fault::new(RejectReason::ImplausibleValue, format!("{field} is not finite"))
        } else {
            self.wrong_type(field, "a number")
        }
    }

    /// The string that starts at the quote here.
    fn string(&mut self) -> Result<Cow<'a, str>, Fault> {
        self.at += 1;
        let start = self.at;
        self.skip_plain();
        if self.peek() == Some(b'"') {
            let text = self.text.get(start..self.at).unwrap_or_default();
            self.at += 1;
            return Ok(Cow::Borrowed(text));
        }
        self.escaped_string(start).map(Cow::Owned)
    }

    #[cold]
    fn escaped_string(&mut self, start: usize) -> Result<String, Fault> {
        let mut text = self.text.get(start..self.at).unwrap_or_default().to_owned();
        loop {
            if self.take(b'"') {
                return Ok(text);
            }
            if !self.take(b'\\') {
                return Err(self.broken());
            }
            text.push(self.escape()?);
            let from = self.at;
            self.skip_plain();
            text.push_str(self.text.get(from..self.at).unwrap_or_default());
        }
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<char, Fault> {
        let byte = self.peek().ok_or_else(|| self.broken())?;
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.four_hex()?;
                let is_high = (0xD800..0xDC00).contains(&unit);
                let low = if is_high && self.take(b'\\') && self.take(b'u') {
                    Some(self.four_hex()?)
                } else {
                    None
                };
                char::decode_utf16([Some(unit), low].into_iter().flatten())
                    .next()
                    .and_then(Result::ok)
                    .filter(|c| low.is_none() || u32::from(*c) > 0xFFFF)
                    .ok_or_else(|| self.broken())?
            }
            _ => return Err(self.broken()),
        })
    }

    fn four_hex(&mut self) -> Result<u16, Fault> {
        let digits = self.text.get(self.at..self.at + 4).ok_or_else(|| self.broken())?;
        self.at += 4;
        let is_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
        let unit = if is_hex { u16::from_str_radix(digits, 16).ok() } else { None };
        unit.ok_or_else(|| self.broken())
    }

    fn skip_plain(&mut self) {
        self.at += self.rest().iter().take_while(|b| PLAIN[usize::from(**b)]).count();
    }

    fn skip_digits(&mut self) -> usize {
        let count = self.rest().iter().take_while(|b| b.is_ascii_digit()).count();
        self.at += count;
        count
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// The fault for a value of another type than the field calls for.
    fn wrong_type(&self, field: &'static str, wanted: &str) -> Fault {
        let rest = self.rest();
        let starts_value = matches!(rest.first(), Some(b'{' | b'[' | b'"' | b'-' | b'0'..=b'9'));
        let is_literal = ["true", "false", "null"].iter().any(|l| rest.starts_with(l.as_bytes()));
        if starts_value || is_literal { mismatch(field, wanted) } else { self.broken() }
    }

    fn broken(&self) -> Fault {
        Fault::new(RejectReason::Undecodable, format!("broken JSON at byte {}", self.at))
    }
}

/// What may stand in a string as it is.
const PLAIN: [bool; 256] = {
    let (mut plain, mut byte) = ([true; 256], 0);
    while byte < 0x20 {
        plain[byte] = false;
        byte += 1;
    }
    plain[b'"' as usize] = false;
    plain[b'\\' as usize] = false;
    plain
};

/// A field of the wrong JSON type.
#[cold]
pub fn mismatch(field: &str, wanted: &str) -> Fault {
    Fault::new(RejectReason::WrongType, format!("{field} must be {wanted}"))
}

/// A field that the schema requires and the record has not.
#[cold]
pub fn missing(field: &'static str) -> Fault {
    Fault::new(RejectReason::MissingField, format!("{field} is required"))
}

/// A field that the schema does not know; unnamed, because a name can carry anything.
#[cold]
pub fn unknown_field() -> Fault {
    Fault::new(RejectReason::UnknownField, "the record has a field that the schema does not know")
}

/// A field that stands in the record twice: which of the two was meant cannot be told.
#[cold]
pub fn twice(field: &str) -> Fault {
    Fault::new(RejectReason::Undecodable, format!("{field} is given twice"))
}

//! Comma-separated tables (RFC 4180), gzipped or not, and the numbers in them.

use super::{DatasetError, io_error};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// A finite number; `None`: anything else, `NaN` and infinities included.
pub(super) fn number(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    text.trim().parse().ok().filter(|v: &f64| v.is_finite())
}

/// A whole number of a few ASCII digits.
pub(super) fn whole(digits: &[u8]) -> Option<i64> {
    let digit = |sum: i64, b: &u8| b.is_ascii_digit().then(|| sum * 10 + i64::from(b - b'0'));
    (!digits.is_empty() && digits.len() <= 9).then(|| digits.iter().try_fold(0, digit)).flatten()
}

/// Largest table, unpacked, in bytes; a larger one is cut off there rather than filling the memory.
const MAX_BYTES: u64 = 1 << 30;

/// A table in memory.
pub(super) struct Table {
    bytes: Vec<u8>,
    at: usize,
    header: Vec<String>,
}

impl Table {
    /// Reads a `.csv` or `.csv.gz` file, its header first.
    pub(super) fn open(path: &Path) -> Result<Self, DatasetError> {
        let file = File::open(path).map_err(io_error(path))?;
        let mut bytes = Vec::new();
        if path.extension().is_some_and(|e| e == "gz") {
            let unpacked = flate2::read::MultiGzDecoder::new(file);
            unpacked.take(MAX_BYTES).read_to_end(&mut bytes).map_err(io_error(path))?;
        } else {
            file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(io_error(path))?;
        }
        Ok(Self::of(bytes))
    }

    fn of(bytes: Vec<u8>) -> Self {
        let mut table = Self { bytes, at: 0, header: Vec::new() };
        let mut header = Vec::new();
        table.next_row(&mut header);
        table.header = header;
        table
    }

    /// The places of these columns.
    pub(super) fn columns<const N: usize>(
        &self,
        path: &Path,
        names: [&'static str; N],
    ) -> Result<[usize; N], DatasetError> {
        let mut places = [0; N];
        for (place, column) in places.iter_mut().zip(names) {
            let found = self.header.iter().position(|name| name == column);
            *place = found.ok_or_else(|| DatasetError::Column { path: path.to_owned(), column })?;
        }
        Ok(places)
    }

    /// Reads the next row that is not empty into `fields`; false at the end.
    pub(super) fn next_row(&mut self, fields: &mut Vec<String>) -> bool {
        loop {
            if self.at >= self.bytes.len() {
                return false;
            }
            let (row, length) = split_row(&self.bytes[self.at..]);
            self.at += length;
            if row.len() > 1 || row.first().is_some_and(|f| !f.is_empty()) {
                *fields = row;
                return true;
            }
        }
    }
}

/// The fields of the first row of `bytes` and the row's length, its line end included.
fn split_row(bytes: &[u8]) -> (Vec<String>, usize) {
    let (mut fields, mut field, mut quoted) = (Vec::new(), Vec::new(), false);
    let mut end = bytes.len();
    let mut i = 0;
    while let Some(byte) = bytes.get(i) {
        match (*byte, quoted) {
            (b'"', true) if bytes.get(i + 1) == Some(&b'"') => {
                field.push(b'"');
                i += 1;
            }
            (b'"', _) => quoted = !quoted,
            (b',', false) => fields.push(text(&mut field)),
            (b'\n', false) => {
                end = i + 1;
                break;
            }
            (b'\r', false) => {}
            (other, _) => field.push(other),
        }
        i += 1;
    }
    fields.push(text(&mut field));
    (fields, end)
}

fn text(field: &mut Vec<u8>) -> String {
    String::from_utf8_lossy(&std::mem::take(field)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_fields_keep_commas_quotes_and_line_ends() {
        let bytes = b"h\na,\"b,\"\"c\"\"\nd\",\r\n\nlast".to_vec();
        let mut table = Table::of(bytes);
        let mut row = Vec::new();
        assert!(table.next_row(&mut row));
        assert_eq!(row, ["a", "b,\"c\"\nd", ""]);
        assert!(table.next_row(&mut row));
        assert_eq!(row, ["last"]);
        assert!(!table.next_row(&mut row));
    }

    #[test]
    fn only_finite_numbers_are_numbers() {
        assert_eq!(number(b"1.25e+04"), Some(12_500.0));
        for bad in [&b"NaN"[..], b"inf", b"", b"abc", b"\xff"] {
            assert_eq!(number(bad), None);
        }
        assert_eq!((whole(b"07"), whole(b""), whole(b"-1")), (Some(7), None, None));
    }
}

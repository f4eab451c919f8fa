//! Writes records in the shape that the decoders read: for the simulator and for producing test data.

use super::header::{STATUSES, TimeFields};
use crate::types::{Event, rfc3339};
use std::fmt::Write;

/// Writes one JSON object, field by field.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    out: &'a mut String,
    separator: &'static str,
}

impl<'a> Writer<'a> {
    pub(super) fn start(out: &'a mut String) -> Self {
        out.push('{');
        Self { out, separator: "" }
    }

    /// The fields that all modalities share.
    pub(super) fn header(&mut self, event: &Event, times: &TimeFields, id: Option<&str>) {
        self.text("patient", event.patient.as_str());
        self.time(times.event, event.event_time.as_millis());
        self.time(times.issued, event.issued.as_millis());
        if let Some(id) = id {
            self.text("id", id);
        }
        self.number("version", f64::from(event.version));
        let named = STATUSES.iter().find(|(_, status)| *status == event.status);
        self.text("status", named.map_or("final", |(name, _)| name));
    }

    pub(super) fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        self.quoted(text);
    }

    pub(super) fn number(&mut self, name: &str, number: f64) {
        self.name(name);
        // Shortest decimals that read back as the same number; a String takes everything.
        let _ = write!(self.out, "{number}");
    }

    pub(super) fn time(&mut self, name: &str, millis: i64) {
        self.name(name);
        self.out.push('"');
        let _ = rfc3339::write(self.out, millis);
        self.out.push('"');
    }

    /// An array of objects, one for each item, filled by `each`.
    pub(super) fn objects<T>(
        &mut self,
        name: &str,
        items: impl Iterator<Item = T>,
        mut each: impl FnMut(&mut Writer<'_>, T),
    ) {
        self.name(name);
        self.out.push('[');
        for (i, item) in items.enumerate() {
            self.out.push_str(if i == 0 { "" } else { "," });
            let mut writer = Writer::start(self.out);
            each(&mut writer, item);
            writer.end();
        }
        self.out.push(']');
    }

    pub(super) fn end(self) {
        self.out.push('}');
    }

    fn name(&mut self, name: &str) {
        self.out.push_str(self.separator);
        self.separator = ",";
        self.quoted(name);
        self.out.push(':');
    }

    fn quoted(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' | '\\' => self.out.extend(['\\', c]),
                '\0'..='\u{1f}' => {
                    let _ = write!(self.out, "\\u{:04x}", u32::from(c));
                }
                _ => self.out.push(c),
            }
        }
        self.out.push('"');
    }
}

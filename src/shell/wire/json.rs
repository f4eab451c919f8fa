//! Writing JSON straight into bytes, and reading it into plain records without building a tree.

use crate::types::{Fault, RejectReason, rfc3339};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// One JSON object being appended to a buffer.
#[derive(Debug)]
pub(super) struct Object<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> Object<'a> {
    pub(super) fn start(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    pub(super) fn end(self) {
        self.out.push(b'}');
    }

    /// The buffer, after the name of a field whose value the caller writes.
    /// `name` comes from the code or the registry and needs no escapes.
    #[inline]
    pub(super) fn name(&mut self, name: &str) -> &mut Vec<u8> {
        self.out.extend_from_slice(if self.empty { b"\"" } else { b",\"" });
        self.empty = false;
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    pub(super) fn text(&mut self, name: &str, text: &str) {
        quoted(self.name(name), text);
    }

    /// Text that is known to need no escapes: a name of ours.
    pub(super) fn word(&mut self, name: &str, word: &'static str) {
        let out = self.name(name);
        out.push(b'"');
        out.extend_from_slice(word.as_bytes());
        out.push(b'"');
    }

    pub(super) fn optional_text(&mut self, name: &str, text: Option<&str>) {
        match text {
            Some(text) => self.text(name, text),
            None => self.null(name),
        }
    }

    pub(super) fn time(&mut self, name: &str, millis: i64) {
        instant(self.name(name), millis);
    }

    pub(super) fn optional_time(&mut self, name: &str, millis: Option<i64>) {
        match millis {
            Some(millis) => self.time(name, millis),
            None => self.null(name),
        }
    }

    pub(super) fn whole(&mut self, name: &str, number: impl itoa::Integer) {
        whole(self.name(name), number);
    }

    pub(super) fn float(&mut self, name: &str, number: f64) {
        float(self.name(name), number);
    }

    pub(super) fn flag(&mut self, name: &str, flag: bool) {
        self.name(name).extend_from_slice(if flag { b"true" } else { b"false" });
    }

    pub(super) fn null(&mut self, name: &str) {
        self.name(name).extend_from_slice(b"null");
    }

    pub(super) fn object(&mut self, name: &str) -> Object<'_> {
        Object::start(self.name(name))
    }

    /// An array with one element for each item, written by `each`.
    pub(super) fn array<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        mut each: impl FnMut(&mut Vec<u8>, T),
    ) {
        let out = self.name(name);
        out.push(b'[');
        for (i, item) in items.into_iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            each(out, item);
        }
        out.push(b']');
    }
}

pub(super) fn whole(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Shortest decimals that read back as the same bits; `null` for NaN and infinities, which JSON cannot say.
pub(super) fn float(out: &mut Vec<u8>, number: f64) {
    if number.is_finite() {
        out.extend_from_slice(zmij::Buffer::new().format_finite(number).as_bytes());
    } else {
        out.extend_from_slice(b"null");
    }
}

/// An instant outside the years 0000 to 9999 is moved to the nearer end of them.
fn instant(out: &mut Vec<u8>, millis: i64) {
    let end = if millis < 0 { b"0000-01-01T00:00:00.000Z" } else { b"9999-12-31T23:59:59.999Z" };
    out.push(b'"');
    out.extend_from_slice(&rfc3339::text(millis).unwrap_or(*end));
    out.push(b'"');
}

pub(super) fn quoted(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    let needs_escape = |b: &u8| *b < 0x20 || *b == b'"' || *b == b'\\';
    while let Some(at) = rest.iter().position(needs_escape) {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((byte, tail)) = tail.split_first() else { break };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                let hex = |nibble: u8| b"0123456789abcdef"[usize::from(nibble & 15)];
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[hex(byte >> 4), hex(*byte)]);
            }
        }
        rest = tail;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Reads a payload that is one JSON object. A value of the wrong type and a field given twice are `WrongType`;
/// what is no JSON, no UTF-8 or no object is `Undecodable`. Details tell the place and never quote the payload.
#[inline]
pub(super) fn read<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, Fault> {
    let text = std::str::from_utf8(payload)
        .map_err(|_| Fault::new(RejectReason::Undecodable, "the record is not UTF-8"))?;
    if !text.trim_start_matches([' ', '\n', '\r', '\t']).starts_with('{') {
        return Err(Fault::new(RejectReason::Undecodable, "the record is no JSON object"));
    }
    serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        if error.is_data() {
            let what = "a value of the wrong type, or a field given twice";
            let detail = format!("{what}, before line {line}, column {column}");
            Fault::new(RejectReason::WrongType, detail)
        } else {
            let detail = format!("broken JSON at line {line}, column {column}");
            Fault::new(RejectReason::Undecodable, detail)
        }
    })
}

/// A string, borrowed from the payload unless it holds escapes. (`Option<Cow<str>>` would always be copied.)
#[derive(Debug)]
pub(super) struct Text<'a>(Cow<'a, str>);

impl std::ops::Deref for Text<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Strings;
        impl<'de> Visitor<'de> for Strings {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        from.deserialize_str(Strings)
    }
}

/// An object whose field names are data: its fields in the order of the text.
#[derive(Debug)]
pub(super) struct Entries<'a, T>(pub(super) Vec<(Text<'a>, T)>);

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for Entries<'a, T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Entries<'de, T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries: Vec<(Text<'de>, T)> = Vec::with_capacity(4);
                while let Some((name, value)) = map.next_entry::<Text<'de>, T>()? {
                    if entries.iter().any(|(known, _)| **known == *name) {
                        return Err(de::Error::custom("a field is given twice"));
                    }
                    entries.push((name, value));
                }
                Ok(Entries(entries))
            }
        }
        from.deserialize_map(Fields(PhantomData))
    }
}

/// Declares a struct of optional fields and how to read it from a JSON object: `null` counts as left out, unknown fields
/// are ignored, a field given twice is refused, and so is an array (which a derived reader would take for the object).
macro_rules! record {
    ($(#[$doc:meta])* struct $name:ident { $($field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub(super) struct $name<'a> {
            $(pub(super) $field: Option<$type>,)*
            pub(super) borrowed: std::marker::PhantomData<&'a ()>,
        }

        impl<'de: 'a, 'a> serde::Deserialize<'de> for $name<'a> {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                struct Fields<'a>(std::marker::PhantomData<&'a ()>);
                impl<'de: 'a, 'a> serde::de::Visitor<'de> for Fields<'a> {
                    type Value = $name<'a>;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }
                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        mut map: A,
                    ) -> Result<Self::Value, A::Error> {
                        let mut record = $name::default();
                        while let Some(name) = map.next_key::<$crate::shell::wire::json::Text<'de>>()? {
                            match &*name {
                                $(stringify!($field) => {
                                    if record.$field.is_some() {
                                        return Err(serde::de::Error::duplicate_field(stringify!($field)));
                                    }
                                    record.$field = map.next_value()?;
                                })*
                                _ => drop(map.next_value::<serde::de::IgnoredAny>()?),
                            }
                        }
                        Ok(record)
                    }
                }
                from.deserialize_map(Fields(std::marker::PhantomData))
            }
        }
    };
}
pub(super) use record;

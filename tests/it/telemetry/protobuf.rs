//! As much of the protobuf wire format as it takes to read an OTLP request.

/// A field's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    pub(super) fn bytes(self) -> &'a [u8] {
        if let Value::Bytes(bytes) = self { bytes } else { panic!("bytes: {self:?}") }
    }

    pub(super) fn text(self) -> &'a str {
        std::str::from_utf8(self.bytes()).expect("UTF-8")
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first().expect("a whole number");
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return value;
        }
    }
    panic!("a number of more than 64 bits")
}

fn cut<'a>(bytes: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(length);
    *bytes = rest;
    taken
}

/// The fields of a message: number and value, in order.
pub(super) fn fields(mut bytes: &[u8]) -> Vec<(u64, Value<'_>)> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let value = match key & 7 {
            0 => Value::Number(varint(&mut bytes)),
            1 => Value::Number(u64::from_le_bytes(cut(&mut bytes, 8).try_into().expect("eight"))),
            2 => {
                let length = varint(&mut bytes);
                Value::Bytes(cut(&mut bytes, usize::try_from(length).expect("a length")))
            }
            5 => Value::Number(u64::from(u32::from_le_bytes(
                cut(&mut bytes, 4).try_into().expect("four"),
            ))),
            other => panic!("wire type {other}"),
        };
        found.push((key >> 3, value));
    }
    found
}

/// All values of one field.
pub(super) fn all(message: &[u8], field: u64) -> Vec<Value<'_>> {
    fields(message).into_iter().filter(|(number, _)| *number == field).map(|(_, v)| v).collect()
}

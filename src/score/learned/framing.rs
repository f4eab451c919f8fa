//! Whether the messages of an ONNX file fit into each other.
//!
//! The runtime's reader allocates what a length field says before it reads; a forged one would end the process. Here every
//! length must fit in what is left of its message.

/// The messages of ONNX that the runtime reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    ValueInfo,
    Type,
    TensorType,
    SequenceType,
    Shape,
    /// Nothing but numbers, texts and bytes.
    Flat,
}

/// Most messages within messages.
const DEEPEST: usize = 32;

/// The message that a length-delimited field holds (onnx.proto3); `None`: text, bytes, packed numbers, or not read.
const fn inner(message: Message, field: u64) -> Option<Message> {
    use Message::{
        Attribute, Flat, Graph, Model, Node, SequenceType, Shape, Tensor, TensorType, Type,
        ValueInfo,
    };
    Some(match (message, field) {
        (Model, 7) | (Attribute, 6 | 11) => Graph,
        (Model, 8 | 14) | (Tensor, 13) | (Shape, 1) => Flat,
        (Graph, 1) => Node,
        (Graph, 5) | (Attribute, 5 | 10) => Tensor,
        (Graph, 11..=13) => ValueInfo,
        (Node, 5) => Attribute,
        (ValueInfo, 2) | (SequenceType, 1) | (Attribute, 14 | 15) => Type,
        (Type, 1) => TensorType,
        (Type, 4) => SequenceType,
        (TensorType, 2) => Shape,
        _ => return None,
    })
}

/// True where every field of the file, and of the messages within, ends within its message.
pub(super) fn is_sound(bytes: &[u8]) -> bool {
    walk(bytes, Message::Model, 0).is_some()
}

fn walk(mut bytes: &[u8], message: Message, depth: usize) -> Option<()> {
    if depth > DEEPEST {
        return None;
    }
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        match key & 7 {
            0 => {
                varint(&mut bytes)?;
            }
            1 => bytes = bytes.get(8..)?,
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let (field, rest) = bytes.split_at_checked(length)?;
                if let Some(within) = inner(message, key >> 3) {
                    walk(field, within, depth + 1)?;
                }
                bytes = rest;
            }
            5 => bytes = bytes.get(4..)?,
            _ => return None,
        }
    }
    Some(())
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..70).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        if shift == 63 && *byte > 1 {
            return None;
        }
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

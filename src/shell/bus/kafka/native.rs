//! librdkafka's shapes and ours.

use crate::shell::bus::{Headers, Outgoing, Record, TopicPartition};
use crate::types::IngestTime;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Header, Headers as _, Message, OwnedHeaders};
use rdkafka::producer::BaseRecord;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A list of places with offsets (-1001: none).
pub(super) fn list<'a>(
    places: impl IntoIterator<Item = (&'a TopicPartition, i64)>,
) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::new();
    for (place, offset) in places {
        let offset = if offset >= 0 { Offset::Offset(offset) } else { Offset::Invalid };
        list.add_partition_offset(&place.topic, place.partition as i32, offset)?;
    }
    Ok(list)
}

/// A record as the bus gives it.
pub(super) fn record(
    message: &BorrowedMessage<'_>,
    topics: &mut BTreeMap<String, Arc<str>>,
) -> Record {
    let topic = match topics.get(message.topic()) {
        Some(topic) => topic.clone(),
        None => topics.entry(message.topic().to_owned()).or_insert(message.topic().into()).clone(),
    };
    let headers: Headers = message.headers().map_or_else(Vec::new, |headers| {
        let pair = |h: Header<'_, &[u8]>| (h.key.to_owned(), h.value.unwrap_or_default().to_vec());
        headers.iter().map(pair).collect()
    });
    Record {
        place: TopicPartition { topic, partition: message.partition() as u32 },
        offset: message.offset(),
        // Every broker since 0.10 stamps records; -1 would be one before that.
        ingest_time: IngestTime::from_millis(message.timestamp().to_millis().unwrap_or(-1)),
        key: message.key().map(<[u8]>::to_vec),
        payload: message.payload().map(<[u8]>::to_vec),
        headers,
    }
}

/// A record to be written, as librdkafka takes it.
pub(super) fn base_record(outgoing: &Outgoing) -> BaseRecord<'_, [u8], [u8]> {
    let mut record = BaseRecord::to(&outgoing.topic);
    if let Some(partition) = outgoing.partition {
        record = record.partition(partition as i32);
    }
    if let Some(key) = &outgoing.key {
        record = record.key(key.as_slice());
    }
    if let Some(payload) = &outgoing.payload {
        record = record.payload(payload.as_slice());
    }
    if !outgoing.headers.is_empty() {
        let start = OwnedHeaders::new_with_capacity(outgoing.headers.len());
        let headers = (outgoing.headers.iter()).fold(start, |headers, (name, value)| {
            headers.insert(Header { key: name, value: Some(value) })
        });
        record = record.headers(headers);
    }
    record
}

//! The partitioner of Kafka's Java client, so that every client agrees on the partition of a patient.

/// Kafka's murmur2 (32 bits, seed 0x9747b28c).
pub fn murmur2(bytes: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const MIX: u32 = 0x5bd1_e995;
    let words = bytes.chunks_exact(4);
    let tail = words.remainder();
    // Keys are far shorter than 4 GiB; Java hashes the length as an i32 too.
    let mut hash = SEED ^ (bytes.len() as u32);
    for word in words {
        let mut k = word.iter().rev().fold(0, |k, byte| (k << 8) | u32::from(*byte));
        k = k.wrapping_mul(MIX);
        k ^= k >> 24;
        hash = hash.wrapping_mul(MIX) ^ k.wrapping_mul(MIX);
    }
    if !tail.is_empty() {
        hash ^= tail.iter().rev().fold(0, |k, byte| (k << 8) | u32::from(*byte));
        hash = hash.wrapping_mul(MIX);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MIX);
    hash ^ (hash >> 15)
}

/// The partition of a key among `partitions` (at least 1), as the Java client and librdkafka's `murmur2_random` choose it.
pub fn partition(key: &[u8], partitions: u32) -> u32 {
    (murmur2(key) & 0x7fff_ffff) % partitions.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_equal_those_of_the_java_client() {
        // Apache Kafka, clients/src/test/java/org/apache/kafka/common/utils/UtilsTest.java, testMurmur2
        let cases: [(&str, i32); 6] = [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ];
        for (key, expected) in cases {
            assert_eq!(murmur2(key.as_bytes()), expected as u32, "{key}");
        }
    }

    #[test]
    fn a_partition_is_the_positive_hash_modulo_the_count() {
        assert_eq!(partition(b"21", 7), ((-973_932_308_i32) as u32 & 0x7fff_ffff) % 7);
        assert_eq!(partition(b"anyone", 1), 0);
    }
}

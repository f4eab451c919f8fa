//! Recorded events through both stages, in the order in which they became known.
//!
//! The work is cut into rounds of stream time and, inside a round, into partitions; each partition is a function of its own
//! inputs, so neither the number of threads nor the batch size shows in the output.

use super::local_lane::{Known, LaneSetup, LocalLane, Published};
use crate::fuse::FuseCounters;
use crate::types::{
    Availability, FusedScore, IssueTime, PatientId, RejectReason, Rejection, ScorerClock, Span,
};
use std::collections::BTreeMap;

/// How a replay runs.
#[derive(Clone, Debug)]
pub struct ReplayConfig {
    /// How many partitions the patients are spread over; part of the result (panes wait for their partition).
    pub partitions: u32,
    /// Threads; never shows in the output.
    pub threads: usize,
    /// Stream time between two heartbeats of a score lane.
    pub heartbeat: Span,
    /// Stream time of one round: what has to be held before it is written.
    pub round: Span,
    /// How long after the last input the clock runs on, so that its panes fire.
    pub run_on: Span,
}

/// Where the outputs of a replay go, in an order that is a function of the input.
pub trait Sink {
    /// Takes one fused score.
    ///
    /// # Errors
    /// What the sink writes to has failed.
    fn fused(&mut self, score: FusedScore) -> std::io::Result<()>;
    /// Takes one availability record.
    ///
    /// # Errors
    /// What the sink writes to has failed.
    fn availability(&mut self, _availability: Availability) -> std::io::Result<()> {
        Ok(())
    }
    /// Takes one rejected input.
    ///
    /// # Errors
    /// What the sink writes to has failed.
    fn rejected(&mut self, _rejection: Rejection) -> std::io::Result<()> {
        Ok(())
    }
}

/// What went through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplayCounts {
    /// Inputs.
    pub inputs: u64,
    /// Rejected inputs by reason.
    pub rejected: BTreeMap<RejectReason, u64>,
    /// Of the fusion stages, summed.
    pub fusion: FuseCounters,
    /// Patients in state at the end.
    pub patients: u64,
    /// Bytes of state at the end: fusion, score.
    pub state_bytes: [u64; 2],
}

/// Replays inputs that are in rising order of [`Known::issued`].
///
/// # Errors
/// What the sink answered.
pub fn replay(
    setup: &LaneSetup,
    config: &ReplayConfig,
    inputs: Vec<Known>,
    sink: &mut dyn Sink,
    progress: &mut dyn FnMut(u64),
) -> std::io::Result<ReplayCounts> {
    let mut counts = ReplayCounts { inputs: inputs.len() as u64, ..ReplayCounts::default() };
    let (Some(first), Some(last)) = (inputs.first(), inputs.last()) else { return Ok(counts) };
    let (first, last) = (first.issued(), last.issued());
    let beat = config.heartbeat.as_millis().max(1);
    let start = first.as_millis().div_euclid(beat) * beat;
    let end = last + config.run_on;
    let mut partitions: Vec<Partition> = (0..config.partitions.max(1))
        .map(|p| Partition::new(LocalLane::new(setup, p), start, config.heartbeat))
        .collect();
    for known in inputs {
        let at = partition_of(known.patient(), config.partitions);
        partitions[at as usize].inputs.push_back(known);
    }
    let mut until = first + config.round;
    loop {
        let round = Round { until, last, end };
        run_round(&mut partitions, round, config.threads);
        let mut done = 0;
        for partition in &mut partitions {
            done += std::mem::take(&mut partition.taken);
            for published in partition.out.drain(..) {
                counts.write(published, sink)?;
            }
        }
        progress(done);
        if until > end {
            break;
        }
        until = until + config.round;
    }
    for partition in &partitions {
        counts.add(&partition.lane);
    }
    Ok(counts)
}

/// The partition that Kafka's murmur2 partitioner gives a patient.
pub fn partition_of(patient: &PatientId, partitions: u32) -> u32 {
    (murmur2(patient.as_str().as_bytes()) & 0x7fff_ffff) % partitions.max(1)
}

/// MurmurHash2 with Kafka's seed (`org.apache.kafka.common.utils.Utils.murmur2`), so that every client agrees on a patient's partition.
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c_u32 ^ data.len() as u32;
    let mut chunks = data.chunks_exact(4);
    for chunk in &mut chunks {
        let word = chunk.iter().rev().fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
        let word = word.wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ (word ^ word >> 24).wrapping_mul(M);
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        hash ^= rest.iter().rev().fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ hash >> 13).wrapping_mul(M);
    hash ^ hash >> 15
}

#[derive(Clone, Copy)]
struct Round {
    /// Inputs issued before this, and heartbeats up to it, belong to the round.
    until: IssueTime,
    /// The last input of all partitions.
    last: IssueTime,
    /// The clock stops here.
    end: IssueTime,
}

struct Partition {
    lane: LocalLane,
    inputs: std::collections::VecDeque<Known>,
    next_beat: IssueTime,
    heartbeat: Span,
    taken: u64,
    out: Vec<Published>,
}

impl Partition {
    fn new(lane: LocalLane, start: i64, heartbeat: Span) -> Self {
        let next_beat = IssueTime::from_millis(start);
        let inputs = std::collections::VecDeque::new();
        Self { lane, inputs, next_beat, heartbeat, taken: 0, out: Vec::new() }
    }

    fn run(&mut self, round: Round) {
        while let Some(known) = self.inputs.pop_front_if(|known| known.issued() < round.until) {
            self.beat_before(known.issued(), round);
            self.lane.take(known, &mut self.out);
            self.taken += 1;
        }
        self.beat_before(round.until.min(round.end + self.heartbeat), round);
    }

    fn beat_before(&mut self, time: IssueTime, round: Round) {
        while self.next_beat < time {
            let clock = ScorerClock::from_millis(self.next_beat.as_millis());
            self.lane.beat(clock, self.next_beat >= round.last, &mut self.out);
            self.next_beat = self.next_beat + self.heartbeat;
        }
    }
}

fn run_round(partitions: &mut [Partition], round: Round, threads: usize) {
    let threads = threads.clamp(1, partitions.len());
    if threads == 1 {
        partitions.iter_mut().for_each(|partition| partition.run(round));
        return;
    }
    let share = partitions.len().div_ceil(threads);
    std::thread::scope(|scope| {
        for partitions in partitions.chunks_mut(share) {
            scope.spawn(move || partitions.iter_mut().for_each(|partition| partition.run(round)));
        }
    });
}

impl ReplayCounts {
    fn write(&mut self, published: Published, sink: &mut dyn Sink) -> std::io::Result<()> {
        use crate::fuse::FuseOutput::{Availability, Fused, Rejected};
        match published {
            Published::Fused(Fused(score)) => sink.fused(score),
            Published::Fused(Availability(availability)) => sink.availability(availability),
            Published::Fused(Rejected(_, fault)) => {
                *self.rejected.entry(fault.reason).or_default() += 1;
                Ok(())
            }
            Published::Rejected(rejection) => {
                *self.rejected.entry(rejection.fault.reason).or_default() += 1;
                sink.rejected(rejection)
            }
        }
    }

    fn add(&mut self, lane: &LocalLane) {
        let (sum, one) = (&mut self.fusion, lane.fuse().counters());
        sum.repeated += one.repeated;
        sum.before_activation += one.before_activation;
        sum.overflowed += one.overflowed;
        sum.old_heartbeats += one.old_heartbeats;
        sum.forgotten += one.forgotten;
        sum.panes += one.panes;
        for (sum, one) in [
            (&mut sum.merged, &one.merged),
            (&mut sum.carried, &one.carried),
            (&mut sum.expired, &one.expired),
        ] {
            sum.resize(one.len(), 0);
            sum.iter_mut().zip(one).for_each(|(sum, one)| *sum += one);
        }
        self.patients += lane.fuse().patients() as u64;
        self.state_bytes[0] += lane.fuse().memory_bytes() as u64;
        self.state_bytes[1] += lane.scorers().map(|s| s.memory_bytes() as u64).sum::<u64>();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patients_go_to_the_partition_that_kafka_gives_them() {
        // Values of org.apache.kafka.common.utils.UtilsTest.
        let known = [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
        ];
        for (text, hash) in known {
            assert_eq!(murmur2(text.as_bytes()) as i32, hash, "{text}");
        }
    }
}

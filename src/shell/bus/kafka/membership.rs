//! The reading side's standing in its group: what a zombie has lost.

use super::errors::{self, Remedy, remedy};
use super::native::list;
use super::source::Source;
use crate::shell::bus::{BusError, TopicPartition};
use rdkafka::consumer::{CommitMode, Consumer, ConsumerGroupMetadata};
use rdkafka::error::RDKafkaErrorCode as Code;
use std::time::{Duration, Instant};

impl Source {
    /// What lets the group coordinator refuse a zombie; `None`: the membership is over.
    ///
    /// The order matters. Where librdkafka has forgotten both member and generation, the broker would take the offsets as those of
    /// a client without a group. But it forgets them only together with marking the assignment lost, in one go of its main thread,
    /// and that same thread answers the question for the metadata: if they are forgotten, the mark stands by now.
    pub(super) fn membership(&self) -> Option<ConsumerGroupMetadata> {
        let metadata = self.consumer.group_metadata();
        if self.consumer.assignment_lost() { None } else { metadata }
    }

    /// Commits offsets, serving rebalances between two tries; a partition that goes away meanwhile is left out: its next owner
    /// repeats what was made from it. (rdkafka 0.39 never delivers the result of an asynchronous commit, so each try blocks; with
    /// the coordinator away that is 6 s, well within the poll interval.)
    pub(super) fn commit(
        &mut self,
        offsets: &[(TopicPartition, i64)],
        patience: Duration,
    ) -> Result<(), BusError> {
        let deadline = Instant::now() + patience;
        let what = format!("group {} cannot commit its offsets", self.group);
        loop {
            let owned = offsets.iter().filter(|(place, _)| self.owns(place));
            let list = list(owned.map(|(place, offset)| (place, *offset)))
                .map_err(|e| errors::bus_error(&what, &e, &self.notes()))?;
            if list.count() == 0 {
                return Ok(());
            }
            if self.consumer.assignment_lost() {
                return Err(BusError::Restart(format!(
                    "{what}: the membership was lost; connect again"
                )));
            }
            let Err(error) = self.consumer.commit(&list, CommitMode::Sync) else { return Ok(()) };
            let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
            if remedy(code) != Remedy::Wait || Instant::now() > deadline {
                let text = errors::text(&what, code, &self.notes());
                return Err(match remedy(code) {
                    Remedy::Change => BusError::Stop(text),
                    // What was appended stands; whether the offsets do is unknown.
                    _ => BusError::Restart(text),
                });
            }
            self.keep_alive();
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

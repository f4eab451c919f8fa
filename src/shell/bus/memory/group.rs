//! One consumer group of the in-memory broker: members, cooperative assignment, committed offsets.

use super::TopicPartition;
use super::log::ProducerId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A member as the coordinator knows it; never used twice, so it also stands for the generation that it belongs to:
/// whoever was evicted comes back as another member, and what it does as the old one is refused.
pub(super) type MemberId = u64;

#[derive(Debug)]
struct Member {
    worker: String,
    topics: Vec<Arc<str>>,
    last_seen: i64,
}

/// A consumer group. A partition goes to its next owner only when the owner before has heard of it (at its next poll) or is gone.
#[derive(Debug, Default)]
pub(super) struct Group {
    generation: u64,
    members: BTreeMap<MemberId, Member>,
    /// Who is to have each partition.
    target: BTreeMap<TopicPartition, MemberId>,
    /// Who has it.
    owners: BTreeMap<TopicPartition, MemberId>,
    committed: BTreeMap<TopicPartition, i64>,
    /// Offsets inside transactions that have not ended.
    pending: BTreeMap<ProducerId, Vec<(TopicPartition, i64)>>,
}

impl Group {
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    pub(super) fn join(&mut self, id: MemberId, worker: &str, topics: &[Arc<str>], now: i64) {
        let member = Member { worker: worker.to_owned(), topics: topics.to_vec(), last_seen: now };
        self.members.insert(id, member);
    }

    pub(super) fn has(&self, id: MemberId) -> bool {
        self.members.contains_key(&id)
    }

    pub(super) fn seen(&mut self, id: MemberId, now: i64) {
        if let Some(member) = self.members.get_mut(&id) {
            member.last_seen = now;
        }
    }

    /// Removes the members that `gone` picks by worker and by when they were last seen; true if there were any.
    pub(super) fn evict(&mut self, gone: impl Fn(&str, i64) -> bool) -> bool {
        let before = self.members.len();
        self.members.retain(|_, member| !gone(&member.worker, member.last_seen));
        let members = &self.members;
        self.owners.retain(|_, owner| members.contains_key(owner));
        self.members.len() < before
    }

    pub(super) fn leave(&mut self, id: MemberId) {
        self.members.remove(&id);
        self.owners.retain(|_, owner| *owner != id);
    }

    /// Shares the partitions out again: everybody keeps what it may keep, nobody has two more than another.
    pub(super) fn rebalance(&mut self, partitions: &BTreeMap<Arc<str>, u32>) {
        self.generation += 1;
        let mut load: BTreeMap<MemberId, usize> = self.members.keys().map(|id| (*id, 0)).collect();
        let places: Vec<TopicPartition> = partitions
            .iter()
            .flat_map(|(topic, count)| (0..*count).map(|p| TopicPartition::new(topic.clone(), p)))
            .filter(|place| self.members.values().any(|m| m.topics.contains(&place.topic)))
            .collect();
        let members = self.members.len().max(1);
        let (base, mut extra) = (places.len() / members, places.len() % members);
        let mut target = BTreeMap::new();
        for place in &places {
            let Some(owner) = self.target.get(place).copied() else { continue };
            let subscribes = self.subscribes(owner, place);
            let Some(held) = load.get_mut(&owner) else { continue };
            let room = *held < base || (*held == base && extra > 0);
            if subscribes && room {
                extra -= usize::from(*held == base);
                *held += 1;
                target.insert(place.clone(), owner);
            }
        }
        for place in places {
            let free = !target.contains_key(&place);
            let candidates = load.iter().filter(|(id, _)| self.subscribes(**id, &place));
            let Some(id) = candidates.min_by_key(|(_, held)| **held).map(|(id, _)| *id) else {
                continue;
            };
            if free {
                *load.entry(id).or_default() += 1;
                target.insert(place, id);
            }
        }
        self.target = target;
    }

    fn subscribes(&self, id: MemberId, place: &TopicPartition) -> bool {
        self.members.get(&id).is_some_and(|member| member.topics.contains(&place.topic))
    }

    /// A member hears of the newest assignment: what it has to give up, what it gets.
    pub(super) fn sync(&mut self, id: MemberId) -> (Vec<TopicPartition>, Vec<TopicPartition>) {
        let target = &self.target;
        let lost = |place: &TopicPartition| target.get(place) != Some(&id);
        let revoked: Vec<TopicPartition> = (self.owners.iter())
            .filter(|(place, owner)| **owner == id && lost(place))
            .map(|(place, _)| place.clone())
            .collect();
        for place in &revoked {
            self.owners.remove(place);
        }
        let assigned: Vec<TopicPartition> = (self.target.iter())
            .filter(|(place, owner)| **owner == id && !self.owners.contains_key(place))
            .map(|(place, _)| place.clone())
            .collect();
        for place in &assigned {
            self.owners.insert(place.clone(), id);
        }
        (revoked, assigned)
    }

    pub(super) fn commit(&mut self, offsets: &[(TopicPartition, i64)]) {
        self.committed.extend(offsets.iter().cloned());
    }

    pub(super) fn commit_in_transaction(
        &mut self,
        producer: ProducerId,
        offsets: &[(TopicPartition, i64)],
    ) {
        self.pending.entry(producer).or_default().extend(offsets.iter().cloned());
    }

    pub(super) fn end_transaction(&mut self, producer: ProducerId, committed: bool) {
        let offsets = self.pending.remove(&producer).unwrap_or_default();
        if committed {
            self.commit(&offsets);
        }
    }

    /// `Err`: a transaction that has not ended holds one.
    pub(super) fn committed(&self, place: &TopicPartition) -> Result<Option<i64>, ()> {
        if self.pending.values().flatten().any(|(pending, _)| pending == place) {
            return Err(());
        }
        Ok(self.committed.get(place).copied())
    }
}

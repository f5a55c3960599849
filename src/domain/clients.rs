//! Exactly once: what each client instance has already been answered.
//!
//! Owns the memory of (instance, counter) and its bounds, for whatever remembers commands: a conversation, a
//! workspace. Must not know what the commands were, nor what an answer says.

use std::collections::{BTreeMap, VecDeque};

use switchboard_protocol::vocabulary::{InstanceId, Party};

/// Which client's command something was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// As whom the client acts.
    pub party: Party,
    /// Which run of the client program.
    pub instance: InstanceId,
    /// The instance's counter.
    pub counter: u64,
}

/// What is known of a counter of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known<A> {
    /// It has not been accepted.
    New,
    /// It was accepted and answered so.
    Answered(A),
    /// It was accepted so long ago that the answer is gone.
    LongAgo,
    /// It has not been accepted, and a later one has been. Commands of an instance come in the order of
    /// their counters, so it was refused when its turn came.
    Overtaken,
    /// The instance was forgotten, so that nothing can be said. It must not be accepted.
    Forgotten,
}

/// The client instances that have acted somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clients<A> {
    /// Per party, so that no party can push another's out.
    pub parties: BTreeMap<Party, PartyClients<A>>,
}

/// The instances of one party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartyClients<A> {
    /// The latest instance that was forgotten. Ids rise with the engine's clock, which issues them: an
    /// unknown instance up to this one may have been forgotten, a later one cannot have been.
    pub forgotten: Option<InstanceId>,
    /// Those remembered, least recently used first.
    pub instances: VecDeque<Client<A>>,
}

/// One instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client<A> {
    /// Which.
    pub instance: InstanceId,
    /// Its last answers, by rising counter.
    pub answers: VecDeque<(u64, A)>,
    /// The highest counter whose answer was dropped: up to here everything counts as accepted.
    pub dropped: u64,
}

impl<A> Default for Clients<A> {
    fn default() -> Self {
        Self { parties: BTreeMap::new() }
    }
}

impl<A> Default for PartyClients<A> {
    fn default() -> Self {
        Self { forgotten: None, instances: VecDeque::new() }
    }
}

impl<A: Copy> Clients<A> {
    /// What is known of a command.
    ///
    /// A client uses no counter more than [`ANSWERS_MAX`] above its oldest unanswered one, so a
    /// counter at or below the dropped ones is never one that is still waiting to be accepted.
    #[must_use]
    pub fn look_up(&self, origin: &Origin) -> Known<A> {
        let Some(party) = self.parties.get(&origin.party) else { return Known::New };
        let Some(client) = party.instances.iter().find(|client| client.instance == origin.instance) else {
            return match party.forgotten {
                Some(forgotten) if origin.instance <= forgotten => Known::Forgotten,
                Some(_) | None => Known::New,
            };
        };
        if origin.counter <= client.dropped {
            return Known::LongAgo;
        }
        match client.answers.binary_search_by_key(&origin.counter, |(counter, _)| *counter) {
            Ok(at) => Known::Answered(client.answers[at].1),
            Err(at) if at < client.answers.len() => Known::Overtaken,
            Err(_) => Known::New,
        }
    }

    /// Remembers an answer.
    pub fn remember(&mut self, origin: &Origin, answer: A) {
        let party = self.parties.entry(origin.party).or_default();
        let known = party.instances.iter().position(|client| client.instance == origin.instance);
        let mut client = known.and_then(|at| party.instances.remove(at)).unwrap_or_else(|| Client {
            instance: origin.instance,
            answers: VecDeque::new(),
            dropped: 0,
        });
        let at = client.answers.partition_point(|(counter, _)| *counter < origin.counter);
        client.answers.insert(at, (origin.counter, answer));
        if client.answers.len() > ANSWERS_MAX {
            client.dropped = client.answers.pop_front().map_or(client.dropped, |(counter, _)| counter);
        }
        party.instances.push_back(client);
        if party.instances.len() > INSTANCES_MAX {
            let oldest = party.instances.pop_front().map(|client| client.instance);
            party.forgotten = party.forgotten.max(oldest);
        }
    }
}

/// Answers kept of an instance: as many as a client may leave unanswered.
pub const ANSWERS_MAX: usize = 32;

/// Instances kept of a party: tabs and devices that took part, the least recently used go first.
pub const INSTANCES_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(instance: u8, counter: u64) -> Origin {
        Origin { party: Party::Customer, instance: InstanceId::from_bytes([instance; 16]), counter }
    }

    #[test]
    fn the_last_answers_are_kept_and_older_ones_are_long_ago() {
        let mut clients = Clients::default();
        for counter in 1..=ANSWERS_MAX as u64 + 1 {
            assert_eq!(clients.look_up(&origin(1, counter)), Known::New);
            clients.remember(&origin(1, counter), counter);
        }
        assert_eq!(clients.look_up(&origin(1, 1)), Known::LongAgo);
        assert_eq!(clients.look_up(&origin(1, 2)), Known::Answered(2));
    }

    #[test]
    fn a_counter_that_was_passed_over_is_known_to_be_and_may_be_remembered() {
        let mut clients = Clients::default();
        clients.remember(&origin(1, 7), 1);
        assert_eq!(clients.look_up(&origin(1, 6)), Known::Overtaken);
        assert_eq!(clients.look_up(&origin(1, 8)), Known::New);
        clients.remember(&origin(1, 6), 2);
        assert_eq!(clients.look_up(&origin(1, 6)), Known::Answered(2));
        assert_eq!(clients.look_up(&origin(1, 7)), Known::Answered(1));
    }

    #[test]
    fn a_forgotten_instance_is_refused_and_a_later_one_is_not() {
        let mut clients = Clients::default();
        for instance in 1..=INSTANCES_MAX as u8 + 1 {
            clients.remember(&origin(instance, 1), 1);
        }
        assert_eq!(clients.look_up(&origin(1, 2)), Known::Forgotten);
        assert_eq!(clients.look_up(&origin(2, 2)), Known::New);
        assert_eq!(clients.look_up(&origin(200, 1)), Known::New);
        let other_party = Origin { party: Party::Bot, ..origin(1, 1) };
        assert_eq!(clients.look_up(&other_party), Known::New);
    }
}

//! What waits to become durable.
//!
//! Owns who may append: one incarnation of a stream at a time, of the group's current term, revision
//! by revision; and the order in which everything that waits is settled. Must not know what is
//! written, nor where: it says what the next commit is, and is told what became of it.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;

use super::planted::{Bug, is_planted};

/// One opening of a stream for appending. A later one is larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub u64);

/// One opening of a group of streams: binds those that were opened under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term(pub u64);

/// What the queue is made of.
pub trait Kinds {
    /// Names a stream.
    type Stream: Copy + Ord + Debug;
    /// Names a group of streams.
    type Group: Copy + Ord + Debug;
    /// What is to be written.
    type Payload;
    /// Whoever waits for everything queued before.
    type Waiter;
}

/// The right to append to a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim<S> {
    /// Which stream.
    pub stream: S,
    /// Which opening of it.
    pub incarnation: Incarnation,
}

/// Why something was not taken. The incarnation has ended by it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not the stream's incarnation, or not any more.
    #[error("the stream was opened anew, or closed")]
    Fenced,
    /// The group was opened anew.
    #[error("the term {} is over", .0.0)]
    StaleTerm(Term),
    /// The stream's state had not been read.
    #[error("the stream is not ready")]
    NotReady,
    /// It does not follow on what was appended before.
    #[error("revision {got} came where {expected} belongs")]
    OutOfOrder {
        /// The next revision.
        expected: u64,
        /// The one that came.
        got: u64,
    },
}

/// What has been settled, in order.
#[derive(Debug, PartialEq, Eq)]
pub enum Settled<S, W> {
    /// Everything of the stream up to this revision is durable.
    Durable(Claim<S>, u64),
    /// The incarnation has ended: what of it is not durable by now never will be.
    Ended(Claim<S>, String),
    /// Everything that was queued before is settled.
    Reached(W),
}

/// One payload that waits.
#[derive(Debug)]
pub struct Queued<K: Kinds> {
    /// Whose.
    pub claim: Claim<K::Stream>,
    /// Its place in the stream.
    pub revision: u64,
    /// What is to be written.
    pub payload: K::Payload,
    bytes: usize,
}

/// What waits to become durable.
pub struct CommitQueue<K: Kinds> {
    streams: BTreeMap<K::Stream, Opening<K::Group>>,
    terms: BTreeMap<K::Group, Term>,
    waiting: VecDeque<Item<K>>,
    in_flight: Vec<Item<K>>,
    bytes: usize,
    last_number: u64,
}

#[derive(Debug)]
struct Opening<G> {
    incarnation: Incarnation,
    group: G,
    term: Term,
    /// The last revision appended; `None` until the stream's state has been read.
    last: Option<u64>,
}

enum Item<K: Kinds> {
    Append(Queued<K>),
    Barrier(K::Waiter),
    End(Claim<K::Stream>, String),
}

/// How much one commit may take; at least one payload is taken.
#[derive(Debug, Clone, Copy)]
pub struct CommitSize {
    /// So many bytes of payload.
    pub bytes_max: usize,
    /// So many payloads.
    pub records_max: usize,
}

impl<K: Kinds> Default for CommitQueue<K> {
    fn default() -> Self {
        Self {
            streams: BTreeMap::new(),
            terms: BTreeMap::new(),
            waiting: VecDeque::new(),
            in_flight: Vec::new(),
            bytes: 0,
            last_number: 0,
        }
    }
}

impl<K: Kinds> CommitQueue<K> {
    /// Begins a new term of a group: streams opened under an earlier one are refused from now on.
    pub fn open_group(&mut self, group: K::Group) -> Term {
        let term = Term(self.next_number());
        self.terms.insert(group, term);
        term
    }

    /// Opens a stream: the earlier incarnation is refused from now on. Its state can be read, and
    /// [`CommitQueue::ready`] said, when a [`CommitQueue::barrier`] that follows is reached.
    ///
    /// # Errors
    /// When the term is over; nothing has changed.
    pub fn open(
        &mut self,
        stream: K::Stream,
        group: K::Group,
        term: Term,
    ) -> Result<Claim<K::Stream>, Refusal> {
        if self.terms.get(&group) != Some(&term) {
            return Err(Refusal::StaleTerm(term));
        }
        if let Some(earlier) = self.streams.get(&stream) {
            let claim = Claim { stream, incarnation: earlier.incarnation };
            self.end(claim, &Refusal::Fenced.to_string());
        }
        let incarnation = Incarnation(self.next_number());
        self.streams.insert(stream, Opening { incarnation, group, term, last: None });
        Ok(Claim { stream, incarnation })
    }

    /// The stream's durable state was read: it ends with this revision.
    pub fn ready(&mut self, claim: Claim<K::Stream>, revision: u64) {
        if let Some(opening) = self.streams.get_mut(&claim.stream)
            && opening.incarnation == claim.incarnation
        {
            opening.last = Some(revision);
        }
    }

    /// Takes what is to become the stream's next revision.
    ///
    /// # Errors
    /// When it is not allowed; the incarnation ends by it, which is said in its turn.
    pub fn append(
        &mut self,
        claim: Claim<K::Stream>,
        revision: u64,
        payload: K::Payload,
        bytes: usize,
    ) -> Result<(), Refusal> {
        if let Err(refusal) = self.check(claim, revision) {
            self.end(claim, &refusal.to_string());
            return Err(refusal);
        }
        self.bytes += bytes;
        self.waiting.push_back(Item::Append(Queued { claim, revision, payload, bytes }));
        Ok(())
    }

    fn check(&mut self, claim: Claim<K::Stream>, revision: u64) -> Result<(), Refusal> {
        let opening = self.streams.get_mut(&claim.stream).ok_or(Refusal::Fenced)?;
        if opening.incarnation != claim.incarnation {
            return if is_planted(Bug::FenceIgnored) { Ok(()) } else { Err(Refusal::Fenced) };
        }
        if self.terms.get(&opening.group) != Some(&opening.term) && !is_planted(Bug::FormerTermAppends) {
            return Err(Refusal::StaleTerm(opening.term));
        }
        let last = opening.last.as_mut().ok_or(Refusal::NotReady)?;
        if revision != *last + 1 {
            return Err(Refusal::OutOfOrder { expected: *last + 1, got: revision });
        }
        *last = revision;
        Ok(())
    }

    /// The waiter is reached when everything queued before is settled.
    pub fn barrier(&mut self, waiter: K::Waiter) {
        self.waiting.push_back(Item::Barrier(waiter));
    }

    /// Ends an incarnation. What of it waits is still written; its end is said after that.
    pub fn end(&mut self, claim: Claim<K::Stream>, why: &str) {
        if self.streams.get(&claim.stream).is_some_and(|opening| opening.incarnation == claim.incarnation) {
            self.streams.remove(&claim.stream);
            self.waiting.push_back(Item::End(claim, why.to_owned()));
        }
    }

    /// Payloads that wait, in bytes, those of the commit under way included.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.in_flight.is_empty()
    }

    /// Whether this incarnation is the stream's, as far as it is known here.
    #[must_use]
    pub fn is_open(&self, claim: Claim<K::Stream>) -> bool {
        self.streams.get(&claim.stream).is_some_and(|opening| opening.incarnation == claim.incarnation)
    }

    /// Begins the next commit. What need not be written is settled with it, in its turn. Must be
    /// followed by [`CommitQueue::committed`] or [`CommitQueue::failed`], also when there is nothing
    /// to write.
    pub fn begin(&mut self, size: CommitSize) -> impl ExactSizeIterator<Item = &Queued<K>> {
        debug_assert!(self.in_flight.is_empty(), "one commit at a time");
        let (mut records, mut bytes) = (0, 0);
        while let Some(item) = self.waiting.front() {
            if let Item::Append(queued) = item {
                let full = records == size.records_max || bytes + queued.bytes > size.bytes_max;
                if records > 0 && full {
                    break;
                }
                records += 1;
                bytes += queued.bytes;
            }
            self.in_flight.extend(self.waiting.pop_front());
        }
        Batch { items: self.in_flight.iter(), left: records }
    }

    /// The commit is durable. Returns what is settled by it: for a stream one
    /// [`Settled::Durable`] with its last revision, before anything that was queued later.
    pub fn committed(&mut self) -> Vec<Settled<K::Stream, K::Waiter>> {
        let mut settled = Vec::new();
        // Where in `settled` an incarnation's resolution is.
        let mut last = BTreeMap::new();
        for item in std::mem::take(&mut self.in_flight) {
            match item {
                Item::Append(queued) => {
                    self.bytes -= queued.bytes;
                    let resolution = Settled::Durable(queued.claim, queued.revision);
                    match last.get(&(queued.claim.stream, queued.claim.incarnation)) {
                        Some(&at) => settled[at] = resolution,
                        None => {
                            last.insert((queued.claim.stream, queued.claim.incarnation), settled.len());
                            settled.push(resolution);
                        }
                    }
                }
                Item::Barrier(waiter) => settled.push(Settled::Reached(waiter)),
                Item::End(claim, why) => settled.push(Settled::Ended(claim, why)),
            }
        }
        settled
    }

    /// The commit failed: nothing of it is durable, and what waits behind it cannot follow on it.
    /// Every incarnation that loses something by it ends.
    pub fn failed(&mut self, why: &str) -> Vec<Settled<K::Stream, K::Waiter>> {
        if is_planted(Bug::FailedCommitKept) {
            return self.committed();
        }
        let mut settled = Vec::new();
        let items = std::mem::take(&mut self.in_flight).into_iter().chain(std::mem::take(&mut self.waiting));
        let mut ended = BTreeMap::new();
        let mut rest = Vec::new();
        for item in items {
            match item {
                Item::Append(queued) => {
                    let claim = queued.claim;
                    if ended.insert((claim.stream, claim.incarnation), ()).is_none() {
                        if self.is_open(claim) {
                            self.streams.remove(&claim.stream);
                        }
                        settled.push(Settled::Ended(claim, why.to_owned()));
                    }
                }
                Item::Barrier(waiter) => rest.push(Settled::Reached(waiter)),
                Item::End(claim, why) if !ended.contains_key(&(claim.stream, claim.incarnation)) => {
                    settled.push(Settled::Ended(claim, why));
                }
                Item::End(..) => {}
            }
        }
        self.bytes = 0;
        settled.extend(rest);
        settled
    }

    const fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }
}

struct Batch<'a, K: Kinds> {
    items: std::slice::Iter<'a, Item<K>>,
    left: usize,
}

impl<'a, K: Kinds> Iterator for Batch<'a, K> {
    type Item = &'a Queued<K>;

    fn next(&mut self) -> Option<Self::Item> {
        let queued = self.items.by_ref().find_map(|item| match item {
            Item::Append(queued) => Some(queued),
            Item::Barrier(_) | Item::End(..) => None,
        })?;
        self.left -= 1;
        Some(queued)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<K: Kinds> ExactSizeIterator for Batch<'_, K> {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    struct Plain;

    impl Kinds for Plain {
        type Stream = char;
        type Group = u8;
        type Payload = &'static str;
        type Waiter = u32;
    }

    const ALL: CommitSize = CommitSize { bytes_max: 1_000, records_max: 1_000 };

    fn opened(stream: char, revision: u64) -> (CommitQueue<Plain>, Claim<char>) {
        let mut queue = CommitQueue::default();
        let term = queue.open_group(1);
        let claim = queue.open(stream, 1, term).unwrap();
        queue.barrier(0);
        assert_eq!(queue.begin(ALL).len(), 0);
        assert_eq!(queue.committed(), [Settled::Reached(0)]);
        queue.ready(claim, revision);
        (queue, claim)
    }

    #[test]
    fn a_commit_settles_each_stream_once_at_its_last_revision() {
        let (mut queue, a) = opened('a', 4);
        let term = queue.open_group(2);
        let b = queue.open('b', 2, term).unwrap();
        queue.barrier(1);
        queue.ready(b, 0);
        queue.append(a, 5, "x", 1).unwrap();
        queue.append(b, 1, "y", 1).unwrap();
        queue.append(a, 6, "z", 1).unwrap();
        assert_eq!(queue.begin(ALL).map(|queued| queued.payload).collect::<Vec<_>>(), ["x", "y", "z"]);
        assert_eq!(queue.bytes(), 3);
        let settled = [Settled::Reached(1), Settled::Durable(a, 6), Settled::Durable(b, 1)];
        assert_eq!(queue.committed(), settled);
        assert!(queue.is_empty() && queue.bytes() == 0);
    }

    #[test]
    fn a_new_incarnation_waits_for_the_old_ones_appends_and_refuses_the_next() {
        let (mut queue, old) = opened('a', 0);
        queue.append(old, 1, "x", 1).unwrap();
        let term = queue.terms[&1];
        let new = queue.open('a', 1, term).unwrap();
        queue.barrier(9);
        assert_eq!(queue.append(old, 2, "y", 1), Err(Refusal::Fenced));
        assert_eq!(queue.begin(ALL).len(), 1);
        let settled = queue.committed();
        assert_eq!(settled[0], Settled::Durable(old, 1));
        assert!(matches!(&settled[1], Settled::Ended(claim, _) if *claim == old));
        assert_eq!(settled[2], Settled::Reached(9));
        assert_eq!(queue.append(new, 2, "y", 1), Err(Refusal::NotReady));
    }

    #[test]
    fn what_does_not_follow_ends_the_incarnation_after_what_was_taken() {
        let (mut queue, a) = opened('a', 0);
        queue.append(a, 1, "x", 1).unwrap();
        assert_eq!(queue.append(a, 3, "z", 1), Err(Refusal::OutOfOrder { expected: 2, got: 3 }));
        assert_eq!(queue.append(a, 2, "y", 1), Err(Refusal::Fenced));
        assert_eq!(queue.begin(ALL).len(), 1);
        let settled = queue.committed();
        assert_eq!(settled[0], Settled::Durable(a, 1));
        assert!(matches!(&settled[1], Settled::Ended(claim, _) if *claim == a));
    }

    #[test]
    fn a_new_term_refuses_every_stream_of_the_group() {
        let (mut queue, a) = opened('a', 0);
        let old = queue.terms[&1];
        queue.open_group(1);
        assert_eq!(queue.append(a, 1, "x", 1), Err(Refusal::StaleTerm(old)));
        assert_eq!(queue.open('a', 1, old), Err(Refusal::StaleTerm(old)));
    }

    #[test]
    fn a_failed_commit_ends_whoever_lost_something_and_nobody_else() {
        let (mut queue, a) = opened('a', 0);
        let term = queue.terms[&1];
        let b = queue.open('b', 1, term).unwrap();
        assert_eq!(queue.begin(ALL).len(), 0);
        queue.committed();
        queue.ready(b, 0);
        queue.append(a, 1, "x", 1).unwrap();
        assert_eq!(queue.begin(ALL).len(), 1);
        queue.append(a, 2, "y", 1).unwrap();
        queue.barrier(5);
        let settled = queue.failed("disk");
        assert_eq!(settled, [Settled::Ended(a, "disk".to_owned()), Settled::Reached(5)]);
        assert_eq!(queue.append(a, 3, "z", 1), Err(Refusal::Fenced));
        assert_eq!(queue.append(b, 1, "w", 1), Ok(()));
    }

    #[test]
    fn a_commit_is_bounded_and_takes_at_least_one() {
        let (mut queue, a) = opened('a', 0);
        for (revision, bytes) in [(1, 2_000), (2, 600), (3, 600)] {
            queue.append(a, revision, "x", bytes).unwrap();
        }
        for up_to in 1..=3 {
            assert_eq!(queue.begin(ALL).len(), 1);
            assert_eq!(queue.committed(), [Settled::Durable(a, up_to)]);
        }
        queue.append(a, 4, "x", 1).unwrap();
        queue.append(a, 5, "x", 1).unwrap();
        assert_eq!(queue.begin(CommitSize { bytes_max: 9, records_max: 1 }).len(), 1);
    }
}

//! What is durable of one conversation, as the reference model has it.
//!
//! Owns what each reader may see and has not read, counted anew from the entries alone. Must not know the
//! engine's rules, nor who asks.

use std::collections::BTreeMap;

use switchboard::domain::conversation::{Entry, Event, Side, What};
use switchboard::domain::customer::Details;
use switchboard::domain::identity::{CustomerKey, Reader};
use switchboard::machines::live::SideCursors;
use switchboard_protocol::vocabulary::{InstanceId, Party, Seq, Timestamp};

use crate::model::{Accepted, Origin};

/// What is durable of a conversation.
#[derive(Default)]
pub(crate) struct Stored {
    pub(crate) entries: u64,
    pub(crate) customer: Option<CustomerKey>,
    /// What was last written down of the customer.
    pub(crate) details: Details,
    pub(crate) has_ended: bool,
    pub(crate) accepted: BTreeMap<Origin, Accepted>,
    pub(crate) last_counters: BTreeMap<InstanceId, u64>,
    last_at: Option<Timestamp>,
    /// For the customer and the staff.
    shown: [Vec<Shown>; 2],
    /// For each event that a reader sees, how many the other reader has seen by then.
    others: [Vec<Seq>; 2],
    /// How far each side has read, in the sequences of the customer and the staff.
    read: [[Seq; 2]; 2],
}

/// An event as a reader must see it.
pub(crate) type Shown = (Seq, Timestamp, Event);

impl Stored {
    /// Everything that a reader may see, in order.
    pub(crate) fn shown(&self, reader: Reader) -> &[Shown] {
        &self.shown[index(reader)]
    }

    /// How far each side has read, as a reader counts.
    pub(crate) fn read(&self, reader: Reader) -> SideCursors {
        let [customer, staff] = self.read.map(|read| read[index(reader)]);
        SideCursors { customer, staff, ..SideCursors::default() }
    }

    /// How many messages of the other side a reader has behind a place in its sequence.
    pub(crate) fn unread(&self, reader: Reader, read: Seq) -> usize {
        let is_others = |event: &Event| (event.by == Party::Customer) != (reader == Reader::Customer);
        let behind = self.shown(reader).iter().filter(|(seq, ..)| *seq > read);
        behind.filter(|(_, _, event)| is_others(event) && matches!(event.what, What::Message(_))).count()
    }

    /// A place in a reader's sequence, as a side counts; `None` if there is no such place.
    pub(crate) fn counted_by(&self, side: Reader, reader: Reader, seq: Seq) -> Option<Seq> {
        if side == reader || seq == Seq::ZERO {
            return Some(seq);
        }
        let at = usize::try_from(seq.get()).ok()?.checked_sub(1)?;
        self.others[index(reader)].get(at).copied()
    }

    /// Adds the next entry. Returns the sequences of its last event that each reader sees, if there is one
    /// that counts.
    ///
    /// # Errors
    /// Which promise it breaks.
    pub(crate) fn add(&mut self, entry: &Entry) -> Result<[Option<Seq>; 2], String> {
        self.follows_on(entry)?;
        let mut seqs = [None; 2];
        for event in &entry.events {
            let before = self.lengths();
            self.add_event(entry.at, event)?;
            let grown = self.lengths();
            if grown != before {
                seqs = [0, 1].map(|at| (grown[at] > before[at]).then_some(grown[at]));
            }
        }
        Ok(seqs)
    }

    fn follows_on(&mut self, entry: &Entry) -> Result<(), String> {
        self.entries += 1;
        if entry.revision != self.entries {
            return Err(format!("revision {} came where {} belongs", entry.revision, self.entries));
        }
        if [entry.before.customer, entry.before.staff] != self.lengths() {
            return Err(format!("the sequences of revision {} do not follow on", entry.revision));
        }
        if self.last_at.replace(entry.at).is_some_and(|last| last > entry.at) {
            return Err(format!("revision {} is earlier than the one before", entry.revision));
        }
        Ok(())
    }

    fn add_event(&mut self, at: Timestamp, event: &Event) -> Result<(), String> {
        let (seen_by, goes_on) = match &event.what {
            What::Started { .. }
            | What::Message(_)
            | What::Called { .. }
            | What::Unserved { .. }
            | What::Ended => ([true, true], true),
            What::CallRefused { .. }
            | What::Assigned { .. }
            | What::Requeued { .. }
            | What::Entered { .. }
            | What::Described(_)
            | What::Completed => ([false, true], true),
            What::Left { .. } => ([false, true], false),
            What::Explained(_) => ([false, false], true),
            What::Read { .. } | What::Unchanged => ([false, false], false),
        };
        if goes_on && self.has_ended {
            return Err(format!("{event:?} happened after the end"));
        }
        match &event.what {
            What::Started { customer, .. } => self.customer = Some(customer.clone()),
            What::Ended => self.has_ended = true,
            // People here write down names alone.
            What::Described(change) => self.details.name = change.name.set().cloned(),
            What::Read { side: Side::Customer, up_to } => self.read[0] = [up_to.customer, up_to.staff],
            What::Read { side: Side::Staff, up_to } => self.read[1] = [up_to.customer, up_to.staff],
            What::Message(_)
            | What::Called { .. }
            | What::CallRefused { .. }
            | What::Requeued { .. }
            | What::Unserved { .. }
            | What::Explained(_)
            | What::Assigned { .. }
            | What::Entered { .. }
            | What::Left { .. }
            | What::Completed
            | What::Unchanged => {}
        }
        for (shown, sees) in self.shown.iter_mut().zip(seen_by) {
            if sees {
                shown.push((sequence(shown.len() + 1), at, event.clone()));
            }
        }
        let [customer, staff] = self.lengths();
        self.others[0].resize(self.shown[0].len(), staff);
        self.others[1].resize(self.shown[1].len(), customer);
        Ok(())
    }

    fn lengths(&self) -> [Seq; 2] {
        self.shown.each_ref().map(|shown| sequence(shown.len()))
    }
}

fn sequence(value: usize) -> Seq {
    Seq::new(value as u64).unwrap_or(Seq::MAX)
}

/// Where a reader's things are in a pair.
pub(crate) const fn index(reader: Reader) -> usize {
    match reader {
        Reader::Customer => 0,
        Reader::Staff => 1,
    }
}

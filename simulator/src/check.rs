//! The promises, checked at every place where the engine reveals something, and at the end.
//!
//! Owns what counts as a broken promise. Must not know how the engine came to break it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use switchboard::domain::conversation::{Seen, What};
use switchboard::domain::identity::{Identity, Reader};
use switchboard::machines::live::SideCursors;
use switchboard_protocol::vocabulary::{ConversationId, Seq};
use switchboard_protocol::wire::{ErrorCode, ReplyBody};

use crate::conversation::name;
use crate::disk::Record;
use crate::model::Origin;
use crate::pump::reader_name;
use crate::session::{ALREADY_SO, Reply};
use crate::stored::index;
use crate::tally::Count;
use crate::workspace::WorkspaceActor;
use crate::world::World;

/// What the engine promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// Durable before visible.
    G1,
    /// Exactly once, in order.
    G2,
    /// Resume without loss.
    G3,
    /// A customer sees their own conversations only.
    Private,
    /// Whoever has a session is online, and nobody else.
    Presence,
    /// Nothing is taken while the disk is full, and everything again once it is not.
    Room,
    /// Whoever waits hears something, and what has nothing to do sleeps.
    Alive,
    /// Nobody is given more than the maximum automatically.
    Capacity,
    /// Only who is there is given anything.
    Eligible,
    /// One answers for a consultation at a time.
    OneOwner,
    /// A decision about what is not so any more does nothing.
    Stale,
    /// Nobody waits beside somebody who may serve them.
    Waiting,
    /// Equal requests are served in order of arrival.
    Order,
    /// What ends by itself does so once, and not before its time.
    Timers,
    /// Nobody who waits is forgotten.
    Forgotten,
    /// One has the floor at a time.
    Floor,
    /// Doors open and close in time.
    Hours,
    /// Every decision follows from what is recorded of it.
    Explained,
    /// No machine panics.
    Sound,
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::G1 => "G1, durable before visible",
            Self::G2 => "G2, exactly once and in order",
            Self::G3 => "G3, resume without loss",
            Self::Private => "a customer sees their own conversations only",
            Self::Presence => "whoever has a session is online, and nobody else",
            Self::Room => "nothing is taken while the disk is full",
            Self::Alive => "whoever waits hears something",
            Self::Capacity => "G5, never over capacity",
            Self::Eligible => "G8, only who is there is given anything",
            Self::OneOwner => "G7, one owner",
            Self::Stale => "G7, a stale decision does nothing",
            Self::Waiting => "G6, nobody waits beside somebody who may serve them",
            Self::Order => "G6, equal requests are served in order",
            Self::Timers => "G10, timers take effect once and in time",
            Self::Forgotten => "G10, nobody is forgotten",
            Self::Floor => "G7, one has the floor",
            Self::Hours => "G10, doors open and close in time",
            Self::Explained => "G11, decisions are explained",
            Self::Sound => "no machine panics",
        })
    }
}

impl World {
    /// A promise is broken. The first one counts.
    pub(crate) fn broken(&mut self, promise: Promise, what: String) {
        self.broken.get_or_insert((promise, what));
    }

    /// Entries have become durable.
    pub(crate) fn model_durable(&mut self, records: &[Record]) {
        for record in records {
            let entry = match record {
                Record::Conversation(entry) => entry,
                Record::Workspace(entry) => {
                    self.setting_durable(entry);
                    continue;
                }
            };
            if let Err(what) = self.model.durable(entry) {
                self.broken(Promise::G2, format!("{}: {what}", name(entry.conversation)));
            }
            for event in &entry.events {
                match &event.what {
                    What::Explained(explanation) => self.check_taken(entry.conversation, explanation),
                    What::Requeued { .. } => self.check_requeued(entry.conversation),
                    What::Called { in_hours, .. } => self.check_doors(entry, *in_hours),
                    What::CallRefused { .. } => self.check_doors(entry, false),
                    What::Started { .. }
                    | What::Message(_)
                    | What::Described(_)
                    | What::Assigned { .. }
                    | What::Unserved { .. }
                    | What::Entered { .. }
                    | What::Left { .. }
                    | What::Completed
                    | What::Ended
                    | What::Read { .. }
                    | What::Unchanged => {}
                }
            }
            let given_by = self.decision_in(entry);
            match self.model.service.add(entry, &self.set_aside, given_by) {
                Ok(counts) => counts.into_iter().for_each(|count| self.note(count)),
                Err((promise, what)) => {
                    self.broken(promise, format!("{}: {what}", name(entry.conversation)));
                }
            }
            self.check_came_from_somebody(entry);
            let describes = entry.events.iter().any(|event| matches!(event.what, What::Described(_)));
            if self.model.is_another(entry) {
                self.note(Count::SecondConversation);
            }
            if describes {
                let begins = entry.revision == 1;
                self.note(if begins { Count::Remembered } else { Count::Described });
            }
            if entry.events.iter().any(|event| event.what == What::Ended) {
                self.note(Count::Ended);
            }
        }
    }

    /// The engine begins anew from the disk: what was durable is there, and nothing else is.
    pub(crate) fn check_disk(&mut self) {
        let disk = &self.disk;
        let lost =
            self.model.conversations().find(|(id, entries)| disk.entries(*id).len() as u64 != *entries);
        if let Some((id, entries)) = lost {
            self.broken(Promise::G1, format!("{}: {entries} entries were durable; they are not", name(id)));
        }
    }

    /// A reply leaves the engine: what it says must be durable, and said the same every time.
    pub(crate) fn check_reply(&mut self, origin: Origin, reader: Reader, reply: &Reply) {
        let accepted = self.model.accepted(origin);
        let said = match reply {
            Ok(body) if *body == ALREADY_SO => return self.model.needless(origin),
            Ok(ReplyBody::Opened { conversation }) => {
                if let Err(what) = self.model.opened(origin, *conversation) {
                    let what = format!("{origin:?} was answered {}, which {what}", name(*conversation));
                    self.broken(Promise::G1, what);
                }
                return;
            }
            Ok(ReplyBody::Accepted { seq, at }) => Some((*seq, *at)),
            Ok(ReplyBody::AlreadyAccepted) => None,
            Err(error) if error.code() == Some(ErrorCode::Overtaken) => {
                if !self.model.was_passed_over(origin) {
                    self.broken(Promise::G2, format!("{origin:?} was overtaken before its turn came"));
                }
                return;
            }
            Ok(_) | Err(_) => return,
        };
        match (accepted, said) {
            (None, _) => {
                self.broken(Promise::G1, format!("{origin:?} was acknowledged and is not on the disk"));
            }
            (Some(due), Some((seq, at))) if (seq, at) != (due.seqs[index(reader)], due.at) => {
                self.broken(Promise::G2, format!("{origin:?} was answered {seq:?} and is {due:?}"));
            }
            (Some(_), _) => {}
        }
    }

    /// A client hears what became of its command.
    pub(crate) fn told(&mut self, origin: Origin, reply: &Reply) {
        let Err(error) = reply else { return };
        if self.changes.has(origin) {
            return self.told_of_change(origin, error);
        }
        if matches!(
            error.code(),
            Some(ErrorCode::Fault | ErrorCode::Quarantined | ErrorCode::InstanceExpired)
        ) {
            // These do not say that nothing was done.
            return;
        }
        // An opening may be refused that had been done and is sent again: the journal could not be asked,
        // and asking once more finds what it has begun.
        if !self.model.is_opening(origin) && self.model.accepted(origin).is_some() {
            self.broken(Promise::G2, format!("{origin:?} is done, and its client was told: {error}"));
        }
        self.model.refused(origin);
    }

    /// An event leaves the engine: it must be durable, and what this reader may see at that place.
    pub(crate) fn check_shown(
        &mut self,
        conversation: ConversationId,
        who: &Identity,
        seen: &Seen<'_>,
        where_to: &str,
    ) {
        let reader = who.reader();
        if !self.model.may_see(conversation, who) {
            self.broken(Promise::Private, format!("{}: {where_to} showed it to {who:?}", name(conversation)));
        }
        let shown = self.model.shown(conversation, reader);
        let at = usize::try_from(seen.seq.get()).unwrap_or(0);
        let is_so = at
            .checked_sub(1)
            .and_then(|at| shown.get(at))
            .map(|(seq, at, event)| (*seq, *at, event) == (seen.seq, seen.at, seen.event));
        let (conversation, reader) = (name(conversation), reader_name(reader));
        match is_so {
            Some(true) => {}
            Some(false) => {
                let what = format!("{conversation}: {where_to} showed {reader} another event {}", seen.seq);
                self.broken(Promise::G3, what);
            }
            None => {
                let what =
                    format!("{conversation}: {where_to} showed {reader} {} before it was durable", seen.seq);
                self.broken(Promise::G1, what);
            }
        }
    }

    /// Latest cursors leave the engine: they rest on what is durable and what was said, and never go back.
    pub(crate) fn check_cursors(
        &mut self,
        conversation: ConversationId,
        reader: Reader,
        cursors: &SideCursors,
        before: Option<&SideCursors>,
    ) {
        let last = self.model.shown(conversation, reader).len() as u64;
        let read = self.model.read(conversation, reader);
        let parts = |cursors: &SideCursors| {
            [cursors.customer, cursors.staff, cursors.customer_received, cursors.staff_received]
        };
        let said = format!("{}: {} was told {cursors:?}", name(conversation), reader_name(reader));
        if parts(cursors).into_iter().any(|cursor| cursor.get() > last)
            || cursors.customer > read.customer
            || cursors.staff > read.staff
        {
            self.broken(Promise::G1, format!("{said}, which is not durable"));
        }
        if cursors.customer > cursors.customer_received || cursors.staff > cursors.staff_received {
            self.broken(Promise::G3, format!("{said}: it was read before it was received"));
        }
        for (side, cursor) in
            [(Reader::Customer, cursors.customer_received), (Reader::Staff, cursors.staff_received)]
        {
            if !self.model.was_claimed(conversation, side, reader, cursor) {
                self.broken(Promise::G3, format!("{said}, which {} never said", reader_name(side)));
            }
        }
        // More may have been written since they were put down.
        if cursors.unread > self.model.unread(conversation, reader, cursors) {
            self.broken(Promise::G1, format!("{said}: so much is not there to be read"));
        }
        let Some(before) = before else { return };
        if parts(before).into_iter().zip(parts(cursors)).any(|(before, now)| now < before) {
            self.broken(Promise::G3, format!("{said} after {before:?}"));
        }
        self.note(Count::CursorsMoved);
    }

    /// Somebody is told of typing, after an event that must be durable.
    pub(crate) fn check_typing(&mut self, conversation: ConversationId, reader: Reader, after_seq: Seq) {
        if after_seq.get() > self.model.shown(conversation, reader).len() as u64 {
            let what = format!("{}: typing told {} of {after_seq}", name(conversation), reader_name(reader));
            self.broken(Promise::G1, what);
        }
    }

    /// Everything is at rest: nobody waits, and each transcript is what the store has for its reader.
    pub(crate) fn check_at_rest(&mut self) {
        let mut found = Vec::new();
        // One that was displaced has ended where it was.
        let clients = self.clients.iter().enumerate().filter(|(_, client)| !client.is_displaced);
        for (at, client) in clients {
            if !client.outstanding.is_empty() {
                found.push((Promise::Alive, format!("client {at}: {} unanswered", client.outstanding.len())));
            }
            let reader = client.identity.reader();
            for (conversation, following) in &client.follows {
                let shown = self.model.shown(*conversation, reader);
                if following.transcript != shown {
                    let what = format!(
                        "client {at} has {} events of {}; there are {}",
                        following.transcript.len(),
                        name(*conversation),
                        shown.len()
                    );
                    found.push((Promise::G3, what));
                }
                let read = self.model.read(*conversation, reader);
                let known = following.cursors.map(|cursors| (cursors.customer, cursors.staff));
                if !shown.is_empty() && known != Some((read.customer, read.staff)) {
                    let what = format!(
                        "client {at} has the cursors {known:?} of {}; they are {read:?}",
                        name(*conversation)
                    );
                    found.push((Promise::G3, what));
                }
            }
        }
        if let Err(why) = self.space.may_take() {
            found.push((Promise::Room, format!("there is room, and still {why}")));
        }
        found.extend(self.presence_at_rest());
        found.extend(self.received_at_rest());
        for (promise, what) in found {
            self.broken(promise, what);
        }
    }

    /// Those are online who have a session, and nobody else.
    fn presence_at_rest(&self) -> Option<(Promise, String)> {
        let workspace = self.workspace.as_ref()?;
        let here = self.sessions.values().filter(|session| session.run == workspace.run);
        let members: BTreeSet<_> =
            here.filter(|session| !session.looks).filter_map(|session| session.identity.member()).collect();
        let what = || format!("online are {:?}; sessions have {members:?}", workspace.online);
        (members != workspace.online).then(|| (Promise::Presence, what()))
    }

    /// Whoever follows a conversation as the same reader knows the same of what has been received.
    fn received_at_rest(&self) -> Option<(Promise, String)> {
        let mut known = BTreeMap::new();
        for client in self.clients.iter().filter(|client| !client.is_displaced) {
            for (conversation, following) in &client.follows {
                let Some(cursors) = following.cursors else { continue };
                let received = (cursors.customer_received, cursors.staff_received);
                let first = known.entry((*conversation, client.identity.reader())).or_insert(received);
                if *first != received {
                    let what = format!(
                        "{}: one knows {first:?} received, another {received:?}",
                        name(*conversation)
                    );
                    return Some((Promise::G3, what));
                }
            }
        }
        None
    }

    /// Everybody has left: nothing is kept for them.
    pub(crate) fn check_deserted(&mut self) {
        let left = (self.sessions.len(), self.pumps.len(), self.conversations.len());
        if left != (0, 0, 0) {
            let what =
                format!("everybody left; sessions, subscriptions and conversations that stay: {left:?}");
            self.broken(Promise::Alive, what);
        }
        let awake = self.workspace.as_ref().map_or(0, WorkspaceActor::awake);
        if awake != 0 {
            self.broken(Promise::Alive, format!("everybody left; {awake} conversations count as awake"));
        }
    }
}

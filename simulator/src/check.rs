//! The promises, checked at every place where the engine reveals something, and at the end.
//!
//! Owns what counts as a broken promise. Must not know how the engine came to break it.

use std::fmt;
use std::sync::Arc;

use switchboard::domain::conversation::{Entry, Seen};
use switchboard::domain::identity::Reader;
use switchboard_protocol::vocabulary::ConversationId;
use switchboard_protocol::wire::{ErrorCode, ReplyBody};

use crate::conversation::name;
use crate::model::{Origin, index};
use crate::pump::reader_name;
use crate::session::{ALREADY_SO, Reply};
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
    /// Whoever waits hears something, and what has nothing to do sleeps.
    Alive,
    /// No machine panics.
    Sound,
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::G1 => "G1, durable before visible",
            Self::G2 => "G2, exactly once and in order",
            Self::G3 => "G3, resume without loss",
            Self::Alive => "whoever waits hears something",
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
    pub(crate) fn model_durable(&mut self, entries: &[Arc<Entry>]) {
        for entry in entries {
            match self.model.durable(entry) {
                Ok(()) => {}
                Err(what) => self.broken(Promise::G2, format!("{}: {what}", name(entry.conversation))),
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
        if matches!(
            error.code(),
            Some(ErrorCode::Fault | ErrorCode::Quarantined | ErrorCode::InstanceExpired)
        ) {
            // These do not say that nothing was done.
            return;
        }
        if self.model.accepted(origin).is_some() {
            self.broken(Promise::G2, format!("{origin:?} is done, and its client was told: {error}"));
        }
        self.model.refused(origin);
    }

    /// An event leaves the engine: it must be durable, and what this reader may see at that place.
    pub(crate) fn check_shown(
        &mut self,
        conversation: ConversationId,
        reader: Reader,
        seen: &Seen<'_>,
        where_to: &str,
    ) {
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

    /// Everything is at rest: nobody waits, and each transcript is what the store has for its reader.
    pub(crate) fn check_at_rest(&mut self) {
        let mut found = Vec::new();
        for (at, client) in self.clients.iter().enumerate() {
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
        for (promise, what) in found {
            self.broken(promise, what);
        }
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

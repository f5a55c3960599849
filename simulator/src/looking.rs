//! Those who only look: sessions of a member who is not there because of them, and may serve from another place.
//!
//! Owns who does so when, and, by what their clients have said alone, that nobody counts as there because of it and
//! nothing is done by it for which somebody has to be. Must not know what they look at.

use switchboard::domain::conversation::Entry;

use crate::check::Promise;
use crate::conversation::name;
use crate::mail::SessionId;
use crate::session::{Reply, Session};
use crate::tally::Count;
use crate::world::World;

impl Session {
    /// Whether anybody at the other end counts as an agent, or is a customer.
    pub(crate) fn counts(&self) -> bool {
        self.identity.member().is_none() || self.place.serves()
    }
}

impl World {
    /// Now and then somebody who only looked wants to serve, or the other way round, by the same client program.
    pub(crate) fn changes_purpose(&mut self, at: usize) {
        let is_member = self.clients[at].identity.member().is_some();
        let one_in = if self.clients[at].looks { 8 } else { 40 };
        if self.is_calm || !is_member || self.rng.u8(..one_in) > 0 {
            return;
        }
        let looks = &mut self.clients[at].looks;
        *looks = !*looks;
        let count = if *looks { Count::StoodBack } else { Count::SatDown };
        self.note(count);
    }

    /// A session has begun.
    pub(crate) fn note_looker(&mut self, session: &Session) {
        if session.looks {
            self.note(Count::OnlyLooks);
            let mut others = self.sessions.values().filter(|other| other.identity == session.identity);
            if others.any(|other| !other.looks) {
                self.note(Count::LooksWhileServing);
            }
        }
    }

    pub(crate) fn note_looked(&mut self, session: &Session) {
        if session.looks {
            self.note(Count::LookedOn);
        }
    }

    /// A session asks a conversation to do something.
    pub(crate) fn note_asked(&mut self, session: &Session, counter: u64) {
        if !session.looks {
            self.model.came_from_somebody((session.instance, counter));
        }
    }

    /// The workspace is told that a member is there by a session.
    pub(crate) fn check_serves(&mut self, session: SessionId) {
        if let Some(session) = self.sessions.get(&session).filter(|session| session.looks) {
            let what = format!(
                "{:?} counts as there by session {}, which only looks",
                session.identity, session.id.0
            );
            self.broken(Promise::Presence, what);
        }
    }

    /// An entry is durable: if somebody had to be there for it, they were.
    pub(crate) fn check_came_from_somebody(&mut self, entry: &Entry) {
        let Some(origin) = entry.origin.map(|origin| (origin.instance, origin.counter)) else { return };
        if self.model.came_from_nobody(origin) {
            let what =
                format!("{}: {:?} is of {origin:?}, who only looks", name(entry.conversation), entry.events);
            self.broken(Promise::Presence, what);
        }
    }

    /// A session that only looks has answered a command: what somebody had to be there for was done when they were.
    pub(crate) fn check_looker_told(&mut self, session: &Session, counter: u64, reply: &Reply) {
        if !session.looks || reply.is_err() {
            return;
        }
        let origin = (session.instance, counter);
        self.note(match self.model.needs_somebody(origin) {
            true => Count::AnsweredAsBefore,
            false => Count::AdministeredByLooker,
        });
        if self.model.came_from_nobody(origin) {
            let what = format!("{origin:?}, who only looks, was answered {reply:?}");
            self.broken(Promise::Presence, what);
        }
    }
}

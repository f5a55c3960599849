//! Those who only look: sessions of a member who is not there because of them, and may serve from another place.
//!
//! Owns what such a session may not ask, as the engine's session has it; and, by what its client has said alone, that
//! nobody counts as there because of it, and nothing is done by it for which somebody has to be. Must not know what
//! they look at.

use switchboard::domain::conversation::{Action, Entry};
use switchboard_protocol::wire::{ErrorBody, ErrorCode};

use crate::check::Promise;
use crate::conversation::name;
use crate::mail::SessionId;
use crate::session::{Reply, Session};
use crate::tally::Count;
use crate::world::World;

impl Session {
    /// Whether it may ask that: by one that only looks nobody can be reached.
    pub(crate) fn may(&self, action: &Action) -> Result<(), &'static str> {
        match action.needs_somebody_there() {
            Some(what) if !self.counts() => Err(what),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether anybody at the other end counts as an agent, or is a customer.
    pub(crate) fn counts(&self) -> bool {
        self.identity.member().is_none() || self.place.serves()
    }
}

impl World {
    /// Now and then somebody who only looked wants to serve, by the same client program.
    pub(crate) fn may_sit_down(&mut self, at: usize) {
        if !self.is_calm && self.clients[at].looks && self.rng.u8(..8) == 0 {
            self.clients[at].looks = false;
            self.note(Count::SatDown);
        }
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

    pub(crate) fn refuse_to_look(&mut self, session: &Session, (ask, counter): (u64, u64), what: &str) {
        self.note(Count::RefusedToLook);
        self.model.passed_over((session.instance, counter));
        let error = ErrorBody::new(ErrorCode::OnlyLooks, what);
        self.reply(session, ask, Some(counter), Err(error));
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

    /// A session that only looks has answered a command.
    pub(crate) fn check_looker_told(&mut self, session: &Session, counter: u64, reply: &Reply) {
        if !session.looks || reply.is_err() {
            return;
        }
        self.note(Count::AdministeredByLooker);
        if self.model.came_from_nobody((session.instance, counter)) {
            let what =
                format!("counter {counter} of {}, who only looks, was answered {reply:?}", session.instance);
            self.broken(Promise::Presence, what);
        }
    }
}

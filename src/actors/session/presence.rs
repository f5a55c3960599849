//! What a session is for: whether the member is there by it, and until when that is believed.
//!
//! Owns the announcing of that to the workspace, to each that begins. Must not know where the evidence comes from,
//! or what needs somebody to be there.

use std::time::Instant;

use ractor::ActorRef;

use super::{Closing, SessionMsg, SessionState};
use crate::actors::workspace::{Attending, WorkspaceMsg};
use crate::clock;

impl SessionState {
    /// The client has said hello, which is the first evidence.
    pub(super) fn begins(&mut self, myself: &ActorRef<SessionMsg>) {
        self.attends(myself, clock::instant() + self.ports.lease);
    }

    /// There is somebody at the other end, and until then this is believed. A session that does not come to its
    /// messages says nothing: nobody is reached by it.
    pub(super) fn attends(&mut self, myself: &ActorRef<SessionMsg>, until: Instant) {
        self.until = until;
        let Some(member) = self.ports.identity.member() else { return };
        // Also by one that only looks: the workspace knows whether they are a member still.
        let attending = if self.ports.place.serves() { Attending::Until(until) } else { Attending::Looks };
        let attending = WorkspaceMsg::AgentSession(member, self.ports.id, attending);
        if self.ports.workspace.cast(attending).is_err() {
            // It has ended, and no other has begun: whoever connects again begins one.
            self.close(myself, Closing::Fault);
        }
    }

    /// The workspace has begun anew, and knows nobody. What was asked of the one before may rest on what this one
    /// does not know, such as the name of a conversation that has not begun: then the client has to come again.
    pub(super) fn workspace_begun(
        &mut self,
        myself: &ActorRef<SessionMsg>,
        workspace: ActorRef<WorkspaceMsg>,
    ) {
        if !self.routing.is_idle() || !self.opening.is_empty() {
            return self.close(myself, Closing::Fault);
        }
        self.ports.workspace = workspace;
        self.attends(myself, self.until);
    }

    /// Whether anybody at the other end counts as an agent, or is a customer.
    pub(super) fn counts(&self) -> bool {
        self.ports.identity.member().is_none() || self.ports.place.serves()
    }
}

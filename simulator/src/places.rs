//! From where clients are served: the listener around [`Places`], and the leases of those who serve.
//!
//! Owns the arrival of clients, the evidence that somebody is at the other end of a connection, and what becomes of
//! sessions that stick or whose end is never told. Must not know what a session does.

use std::rc::Rc;
use std::time::Duration;

use switchboard::domain::identity::Identity;
use switchboard::machines::attendance::{Attendance, Evidence};
use switchboard::machines::places::{Guest, Place, Refused, Step, Why};
use switchboard_protocol::vocabulary::MemberId;

use crate::check::Promise;
use crate::mail::{Attending, ForGood, SessionId, SessionMsg, WorkspaceMsg};
use crate::network::Connection;
use crate::session::Session;
use crate::tally::Count;
use crate::world::World;

/// What is known of the other end of a session's connection.
pub(crate) struct Signs {
    evidence: Evidence<Duration>,
    heard: u64,
    /// When it was heard last, which the engine does not know.
    heard_at: Duration,
    look_at: Duration,
    /// The session does not come to its messages any more.
    sticks: bool,
    /// It was told to end.
    closing: bool,
    /// So many looks ago it was told something that it has not taken.
    untaken: u32,
}

impl Signs {
    fn new(now: Duration) -> Self {
        let evidence = Evidence::new(LEASE, now, 0);
        let look_at = now + evidence.every();
        Self { evidence, heard: 0, heard_at: now, look_at, sticks: false, closing: false, untaken: 0 }
    }
}

impl Session {
    /// Whether it has its turns.
    pub(crate) const fn comes_to_messages(&self) -> bool {
        !self.signs.sticks
    }

    /// Whether it was told to end and cannot.
    pub(crate) const fn is_overdue(&self) -> bool {
        self.signs.sticks && self.signs.closing
    }

    fn member(&self) -> Option<MemberId> {
        self.identity.member().filter(|_| self.place.serves())
    }
}

impl World {
    /// The client connects, again as the same instance.
    pub(crate) fn connect(&mut self, at: usize) {
        let Some(workspace) = &self.workspace else { return self.start_workspace() };
        let run = workspace.run;
        let (id, connection, now) = (SessionId(self.number()), self.number(), self.now);
        self.changes_purpose(at);
        let several = self.settings.settings.team.service.several_places;
        let client = &mut self.clients[at];
        client.waits = Some(id);
        let place = match &*client.identity {
            Identity::Customer { .. } => Place::None,
            Identity::Member { .. } if client.looks => Place::None,
            Identity::Member { .. } if several => Place::Beside,
            Identity::Member { .. } => Place::Only { takes_over: std::mem::take(&mut client.takes_over) },
        };
        let (identity, instance, looks) = (Rc::clone(&client.identity), client.instance, client.looks);
        let guest = Guest { party: Rc::clone(&identity), instance, session: id, place };
        let signs = Signs::new(now);
        let session = Session::new(id, (at, connection), identity, instance, run, (place, signs, looks));
        let steps = self.places.arrives(guest, Box::new(session), self.true_time());
        self.carry_out_places(steps);
    }

    /// Whether the client could connect now.
    pub(crate) fn may_connect(&self, at: usize) -> bool {
        let client = &self.clients[at];
        let workspace_opens = self.workspace.as_ref().is_some_and(|workspace| !workspace.is_open());
        let is_member = match &*client.identity {
            Identity::Member { member, .. } => self.settings.members.contains_key(member),
            Identity::Customer { .. } => true,
        };
        let wants = client.waits.is_none() && !client.has_left && !client.is_displaced;
        !workspace_opens && wants && is_member
    }

    pub(crate) fn carry_out_places(&mut self, steps: Vec<Step<SessionId, Box<Session>>>) {
        for step in steps {
            match step {
                Step::Begin(session) => self.begin_session(*session),
                Step::Close(id, why) => {
                    self.note(match why {
                        Why::Replaced => Count::SessionReplaced,
                        Why::TakenOver => Count::TakenOver,
                        Why::Lapsed => Count::LapsedSessionClosed,
                    });
                    if let Some(session) = self.sessions.get_mut(&id) {
                        session.signs.closing = true;
                    }
                    self.mail.to_session(id, SessionMsg::Close(ForGood(why == Why::TakenOver)));
                }
                Step::Refuse(session, why) => {
                    let client = &mut self.clients[session.client];
                    if client.waits == Some(session.id) {
                        client.waits = None;
                        client.is_displaced = matches!(why, Refused::Elsewhere { .. });
                    }
                    self.note(Count::ServedElsewhere);
                }
            }
        }
    }

    fn begin_session(&mut self, session: Session) {
        let (at, id) = (session.client, session.id);
        if self.clients[at].waits != Some(id) {
            // Its connection did not wait.
            self.note(Count::NewcomerGone);
            let steps = self.places.left(&id);
            return self.carry_out_places(steps);
        }
        let others = self.sessions.values().filter(|other| other.member() == session.member());
        if matches!(session.place, Place::Only { .. }) && others.count() > 0 {
            self.broken(Promise::Presence, format!("{:?} serves from two places", session.identity));
        }
        let client = &mut self.clients[at];
        client.waits = None;
        client.connection = Some(Connection::new(session.connection, id));
        self.note(Count::Connected);
        self.note_looker(&session);
        self.session_begins(session);
    }

    /// The session says until when its client is believed to be there. `false`: its workspace is gone.
    pub(crate) fn attends(&mut self, session: &mut Session, until: Duration) -> bool {
        session.until = until;
        session.signs.untaken = 0;
        let Some(member) = session.identity.member() else { return true };
        let attending = if session.place.serves() { Attending::Until(until) } else { Attending::Looks };
        self.mail.to_workspace(session.run, WorkspaceMsg::AgentSession(member, session.id, attending))
    }

    /// The listener says that a session has ended; now and then that is lost.
    pub(crate) fn has_gone(&mut self, session: &Session) {
        let Some(member) = session.member() else { return };
        if self.happens(self.rates.faults.end_untold) {
            return self.note(Count::EndUntold);
        }
        self.mail.to_workspace(session.run, WorkspaceMsg::AgentSession(member, session.id, Attending::Gone));
    }

    /// The workspace has begun: every session that there is goes on with it.
    pub(crate) fn tell_workspace_begun(&mut self) {
        let Some(workspace) = &self.workspace else { return };
        for session in self.sessions.keys() {
            self.mail.to_session(*session, SessionMsg::WorkspaceBegun(workspace.run));
        }
        if !self.sessions.is_empty() {
            self.note(Count::WentOnWithNext);
        }
    }

    /// Something of the client has arrived.
    pub(crate) fn heard(&mut self, session: SessionId) {
        let now = self.now;
        if let Some(session) = self.sessions.get_mut(&session) {
            session.signs.heard += 1;
            session.signs.heard_at = now;
        }
    }

    /// The connection looks whether anything has been heard. A client that is there has answered meanwhile.
    pub(crate) fn look_for_signs(&mut self, id: SessionId) {
        if self.sessions.get(&id).is_some_and(|session| self.has_client(session)) {
            self.heard(id);
        }
        let now = self.now;
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Signs { evidence, heard, heard_at, look_at, untaken, .. } = &mut session.signs;
        *look_at = now + evidence.every();
        let (renewed, heard_at, told) = (evidence.look(now, *heard), *heard_at, *untaken);
        *untaken += u32::from(renewed.is_some() || told > 0);
        if told >= LOOKS_UNTAKEN_MAX {
            self.note(Count::StuckSessionEnded);
            return self.fail_session(id);
        }
        let Some(until) = renewed else { return self.note(Count::NothingHeard) };
        self.note(Count::LeaseRenewed);
        if until > heard_at + LEASE {
            let what = format!("session {}: believed until {until:?}, heard last at {heard_at:?}", id.0);
            self.broken(Promise::Presence, what);
        }
        if told == 0 {
            self.mail.to_session(id, SessionMsg::Attends(until));
        }
    }

    /// The connection of a session has ended.
    pub(crate) fn connection_closed(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.signs.closing = true;
        }
        self.mail.to_session(id, SessionMsg::Closed);
    }

    /// The agent looks who is not believed any more.
    pub(crate) fn agent_looks(&mut self, member: MemberId) {
        let now = self.now;
        let Some(mut workspace) = self.workspace.take() else { return };
        if let Some(agent) = workspace.agents.get_mut(&member) {
            let lapsed = agent.lapsed(now);
            let is_gone = !lapsed.is_empty() && !agent.is_there();
            if is_gone {
                self.goes_offline(&mut workspace, member);
            }
            self.workspace = Some(workspace);
            for session in lapsed {
                self.note(Count::Lapsed);
                let steps = self.places.lapsed(&session);
                self.carry_out_places(steps);
            }
        } else {
            self.workspace = Some(workspace);
        }
    }

    /// An agent's actor fails: it is begun anew with the sessions that are live.
    pub(crate) fn fail_agent(&mut self, member: MemberId) {
        self.note(Count::AgentFailed);
        let agent = self.workspace.as_mut().and_then(|workspace| workspace.agents.get_mut(&member));
        if let Some(agent) = agent {
            *agent = Attendance::of(agent.sessions().clone());
        }
    }

    /// A session does not come to its messages any more.
    pub(crate) fn stick(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.signs.sticks = true;
            self.note(Count::SessionStuck);
        }
    }

    /// Whether a session could get stuck, so that somebody finds out.
    pub(crate) fn may_stick(&self, id: SessionId) -> bool {
        self.sessions
            .get(&id)
            .is_some_and(|session| session.member().is_some() && session.comes_to_messages())
    }

    /// Members who are to look at their sessions now.
    pub(crate) fn agents_due(&self) -> impl Iterator<Item = MemberId> {
        let workspace = self.workspace.as_ref().filter(|workspace| workspace.is_open());
        let agents = workspace.into_iter().flat_map(|workspace| &workspace.agents);
        agents.filter(|(_, agent)| agent.next().is_some_and(|at| at <= self.now)).map(|(member, _)| *member)
    }

    /// Members who are there.
    pub(crate) fn agents(&self) -> impl Iterator<Item = MemberId> {
        let workspace = self.workspace.as_ref().filter(|workspace| workspace.is_open());
        workspace.into_iter().flat_map(|workspace| workspace.agents.keys().copied())
    }

    /// Sessions whose connection is to be looked at now.
    pub(crate) fn looks_due(&self) -> impl Iterator<Item = SessionId> {
        let serving = self.sessions.values().filter(|session| session.member().is_some());
        serving.filter(|session| session.signs.look_at <= self.now).map(|session| session.id)
    }

    /// When a connection is looked at next, or an agent looks.
    pub(crate) fn next_look_for_signs(&self) -> Option<Duration> {
        let serving = self.sessions.values().filter(|session| session.member().is_some());
        let looks = serving.map(|session| session.signs.look_at);
        let agents = self.workspace.iter().flat_map(|workspace| workspace.agents.values());
        looks.chain(agents.filter_map(Attendance::next)).min()
    }

    /// When something is not believed any more that is not renewed. What is renewed for ever waits for nothing.
    pub(crate) fn next_lapse(&self) -> Option<Duration> {
        let agents = self.workspace.iter().flat_map(|workspace| workspace.agents.values());
        let sessions = agents.flat_map(|agent| agent.sessions());
        let doubtful = sessions.filter(|(session, _)| !self.is_connected(**session)).map(|(_, until)| *until);
        let stuck = self.sessions.values().filter(|session| session.signs.sticks);
        doubtful.chain(stuck.map(|session| session.signs.look_at)).min()
    }

    /// Whether the client of a session is at its other end, and the session comes to what it says.
    fn is_connected(&self, id: SessionId) -> bool {
        let session = self.sessions.get(&id).filter(|session| session.comes_to_messages());
        session.is_some_and(|session| self.has_client(session))
    }

    fn has_client(&self, session: &Session) -> bool {
        let connection = self.clients[session.client].connection.as_ref();
        connection.is_some_and(|connection| connection.session == session.id)
    }
}

/// So often it is looked whether a session has taken what it was told.
const LOOKS_UNTAKEN_MAX: u32 = 3;

/// How long a sign of life is good for.
pub(crate) const LEASE: Duration = Duration::from_secs(24);

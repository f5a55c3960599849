//! The workspace's actor: the mailbox around [`Residence`].
//!
//! Owns the waking of conversations and what their ending means, as the engine's actor does. Must not
//! know what happens in a conversation.

use std::collections::{BTreeMap, BTreeSet};

use switchboard::domain::identity::CustomerKey;
use switchboard::machines::attendance::Attendance;
use switchboard::machines::commit::Term;
use switchboard::machines::openings::{Opening, Openings};
use switchboard::machines::residence::{Residence, Want};
use switchboard_protocol::vocabulary::{ConversationId, MemberId};

use crate::mail::{
    ConversationMsg, Ended, LocateReply, Located, OpenReply, Order, Resolved, Run, SessionId, SessionMsg,
    Way, WorkspaceMsg,
};
use crate::tally::Count;
use crate::world::World;
use crate::writer::Opened;

/// The actor.
pub(crate) struct WorkspaceActor {
    pub(crate) run: Run,
    /// `None` until the writer has answered.
    term: Option<Term>,
    residence: Residence<Way, (ConversationId, LocateReply)>,
    openings: Openings<CustomerKey, OpenReply>,
    agents: BTreeMap<MemberId, Attendance<SessionId>>,
    /// Who of the agents is online, as the others are told.
    pub(crate) online: BTreeSet<MemberId>,
}

impl WorkspaceActor {
    pub(crate) const fn is_open(&self) -> bool {
        self.term.is_some()
    }

    /// How many conversations are awake or on their way out.
    pub(crate) fn awake(&self) -> usize {
        self.residence.awake()
    }

    pub(crate) fn has_quarantined(&self) -> bool {
        self.residence.quarantined().next().is_some()
    }
}

impl World {
    /// Somebody wants in and there is no workspace: it is started.
    pub(crate) fn start_workspace(&mut self) {
        let run = Run(self.number());
        self.mail.open_workspace(run);
        let residence = Residence::new(self.rates.allowance);
        let (openings, agents, online) = (Openings::default(), BTreeMap::new(), BTreeSet::new());
        self.workspace = Some(WorkspaceActor { run, term: None, residence, openings, agents, online });
        self.mail.order(Order::OpenWorkspace(run));
    }

    /// The writer has answered. `false`: the actor is gone.
    pub(crate) fn workspace_opened(&mut self, run: Run, opened: &Opened) -> bool {
        let Some(workspace) = self.workspace.as_mut().filter(|workspace| workspace.run == run) else {
            return false;
        };
        match opened {
            Ok((claim, term)) => {
                workspace.term = Some(*term);
                self.mail.order(Order::Ready(*claim, 0));
            }
            Err(_) => {
                self.workspace = None;
                self.mail.close_workspace(run);
            }
        }
        true
    }

    /// The actor's turn. Ends of conversations come before other messages.
    pub(crate) fn run_workspace(&mut self) {
        let Some(mut workspace) = self.workspace.take() else { return };
        if let Some(ended) = self.mail.next_ended(workspace.run) {
            self.conversation_ended(&mut workspace, ended);
        } else if let Some(message) = self.mail.next_for_workspace(workspace.run) {
            match message {
                WorkspaceMsg::Locate(id, dead, reply) => self.locate(&mut workspace, id, dead, reply),
                WorkspaceMsg::Open(customer, ended, reply) => {
                    self.open_for_customer(&mut workspace, customer, ended, reply);
                }
                WorkspaceMsg::Found(customer, found) => self.found(&mut workspace, &customer, found),
                WorkspaceMsg::Release(id, reply) => {
                    let released = workspace.residence.release(id);
                    if released {
                        self.note(Count::Released);
                    }
                    reply.released(released);
                }
                WorkspaceMsg::AgentSession(member, session, came) => {
                    self.agent_came_or_went(&mut workspace, member, session, came);
                }
                WorkspaceMsg::AsksToSleep(id, way, has_begun) => {
                    workspace.openings.asleep(id, has_begun);
                    if workspace.residence.asks_to_sleep(id, &way) {
                        // If it is gone already, its end is on its way here.
                        self.mail.to_conversation(way, ConversationMsg::Sleep);
                    }
                }
                WorkspaceMsg::Stays(id, way) => {
                    let waiting = workspace.residence.stays(id, &way);
                    self.relocate(&mut workspace, waiting);
                }
                WorkspaceMsg::Resolved(Resolved::Durable(_)) => {}
                WorkspaceMsg::Resolved(Resolved::Failed(_)) => return self.end_workspace(workspace),
            }
        }
        self.workspace = Some(workspace);
    }

    pub(crate) fn fail_workspace(&mut self) {
        if let Some(workspace) = self.workspace.take() {
            self.note(Count::WorkspaceFailed);
            self.end_workspace(workspace);
        }
    }

    /// Its conversations are ended too, each at some time.
    fn end_workspace(&mut self, workspace: WorkspaceActor) {
        let run = workspace.run;
        drop(workspace);
        self.mail.close_workspace(run);
        for actor in self.conversations.values_mut().filter(|actor| actor.run == run) {
            actor.is_orphan = true;
        }
    }

    fn conversation_ended(&mut self, workspace: &mut WorkspaceActor, ended: Ended) {
        let Ended { conversation, way, failed } = ended;
        let was_quarantined = workspace.residence.quarantined().count();
        let waiting = match failed {
            Some(why) => workspace.residence.failed(conversation, &way, self.wall_clock(), &why),
            None => workspace.residence.gone(conversation, &way),
        };
        if workspace.residence.quarantined().count() > was_quarantined {
            self.note(Count::Quarantined);
        }
        self.relocate(workspace, waiting);
    }

    fn open_for_customer(
        &mut self,
        workspace: &mut WorkspaceActor,
        customer: CustomerKey,
        ended: Option<ConversationId>,
        reply: OpenReply,
    ) {
        let fresh = self.conversation_id();
        match workspace.openings.want(&customer, ended, reply, || fresh) {
            Opening::Known(reply, id) => reply.opened(Ok(id)),
            Opening::Later => self.note(Count::WaitedForName),
            Opening::LookUp => self.look_ups.push((workspace.run, customer)),
        }
    }

    /// The journal says which conversation a customer has, or cannot.
    pub(crate) fn look_up(&mut self, at: usize) {
        let (run, customer) = self.look_ups.swap_remove(at);
        let found = match self.happens(self.rates.faults.disk_fails) {
            true => {
                self.note(Count::LookUpFailed);
                Err("it cannot be read now".to_owned())
            }
            false => Ok(self.disk.latest_of(&customer)),
        };
        self.mail.to_workspace(run, WorkspaceMsg::Found(customer, found));
    }

    fn found(
        &mut self,
        workspace: &mut WorkspaceActor,
        customer: &CustomerKey,
        found: Result<Option<ConversationId>, String>,
    ) {
        let fresh = self.conversation_id();
        match found {
            Ok(latest) => {
                let (id, waiting) = workspace.openings.found(customer, latest, || fresh).unzip();
                for reply in waiting.into_iter().flatten() {
                    reply.opened(id.ok_or_else(String::new));
                }
            }
            Err(why) => {
                let waiting = workspace.openings.not_found(customer);
                waiting.into_iter().for_each(|reply| reply.opened(Err(why.clone())));
            }
        }
    }

    fn agent_came_or_went(
        &mut self,
        workspace: &mut WorkspaceActor,
        member: MemberId,
        session: SessionId,
        came: bool,
    ) {
        let agent = workspace.agents.entry(member).or_default();
        if came && agent.came(session) {
            workspace.online.insert(member);
            self.note(Count::CameOnline);
        }
        if !came && agent.left(&session) {
            workspace.online.remove(&member);
            self.note(Count::WentOffline);
        }
    }

    /// The list is read for an agent.
    pub(crate) fn read_list(&mut self, at: usize) {
        let (session, ask) = self.list_reads.swap_remove(at);
        let conversations = self.model.conversations().map(|(id, _)| id).collect();
        self.note(Count::Listed);
        self.mail.to_session(session, SessionMsg::Listed(ask, conversations));
    }

    fn locate(
        &mut self,
        workspace: &mut WorkspaceActor,
        id: ConversationId,
        dead: Option<Way>,
        reply: LocateReply,
    ) {
        // It handles nothing before it is open.
        let Some(term) = workspace.term else { return };
        match workspace.residence.want(id, (id, reply), dead.as_ref()) {
            Want::Route((_, reply), way) => reply.locate(Located::At(way)),
            Want::Later => self.note(Count::WaitedForEnd),
            Want::Quarantined((_, reply), _) => reply.locate(Located::Quarantined),
            Want::Wake((_, reply)) => {
                let way = self.wake(id, workspace.run, term);
                workspace.residence.woken(id, way);
                reply.locate(Located::At(way));
            }
        }
    }

    fn relocate(&mut self, workspace: &mut WorkspaceActor, waiting: Vec<(ConversationId, LocateReply)>) {
        for (id, reply) in waiting {
            self.locate(workspace, id, None, reply);
        }
    }
}

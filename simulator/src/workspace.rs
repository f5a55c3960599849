//! The workspace's actor: the mailbox around [`Residence`] and the desk.
//!
//! Owns the waking of conversations and what their ending means, as the engine's actor does. Must not
//! know what happens in a conversation.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use switchboard::domain::conversation::{OwnAction, Present};
use switchboard::domain::identity::CustomerKey;
use switchboard::domain::workspace::Workspace;
use switchboard::machines::attendance::Attendance;
use switchboard::machines::commit::{Claim, Term};
use switchboard::machines::desk::Desk;
use switchboard::machines::ledger::Ledger;
use switchboard::machines::openings::{Opening, Openings};
use switchboard::machines::residence::{Residence, Want};
use switchboard_protocol::vocabulary::{ConversationId, MemberId};

use crate::mail::{
    Attending, ChangeReply, ConversationMsg, Ended, ForGood, LocateReply, Located, OpenReply, Order,
    Resolved, Run, SessionId, SessionMsg, Way, WorkspaceMsg,
};
use crate::tally::Count;
use crate::world::World;
use crate::writer::{Opened, Stream};

/// The actor.
pub(crate) struct WorkspaceActor {
    pub(crate) run: Run,
    /// `None` until the writer has answered.
    term: Option<Term>,
    pub(crate) residence: Residence<Way, (ConversationId, Wanted)>,
    pub(crate) desk: Desk,
    /// The settings, as they are decided and become durable.
    pub(crate) ledger: Ledger<ChangeReply>,
    /// What it appends them by.
    pub(crate) claim: Option<Claim<Stream>>,
    openings: Openings<CustomerKey, OpenReply>,
    pub(crate) agents: BTreeMap<MemberId, Attendance<SessionId, Duration>>,
    /// Who of the agents is online, as the others are told.
    pub(crate) online: BTreeSet<MemberId>,
    pub(crate) present: ToldPresent,
}

/// Who is there, as a workspace has told its conversations.
pub(crate) type ToldPresent = Rc<RefCell<Present>>;

/// What a conversation is wanted for.
pub(crate) enum Wanted {
    Way(LocateReply),
    Told(OwnAction),
}

impl WorkspaceActor {
    pub(crate) const fn is_open(&self) -> bool {
        self.term.is_some()
    }

    /// The settings in force.
    pub(crate) const fn settings(&self) -> &Arc<Workspace> {
        self.ledger.durable()
    }

    /// How many conversations are awake or on their way out.
    pub(crate) fn awake(&self) -> usize {
        self.residence.awake()
    }

    /// Tells conversations whom work can be given to.
    pub(crate) fn tell_present(&self) {
        self.present.replace(self.desk.present());
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
        let desk = Desk::new(self.grace_until);
        let (ledger, claim) = (Ledger::new(Workspace::clone(&self.settings)), None);
        self.workspace = Some(WorkspaceActor {
            run,
            term: None,
            residence,
            desk,
            ledger,
            claim,
            openings,
            agents,
            online,
            present: ToldPresent::default(),
        });
        self.mail.order(Order::OpenWorkspace(run));
    }

    /// The writer has answered. `false`: the actor is gone.
    pub(crate) fn workspace_opened(&mut self, run: Run, opened: &Opened) -> bool {
        let Some(mut workspace) = self.workspace.take_if(|workspace| workspace.run == run) else {
            return false;
        };
        match opened {
            Ok((claim, term)) => {
                workspace.term = Some(*term);
                workspace.claim = Some(*claim);
                workspace.ledger = Ledger::new(Workspace::clone(&self.settings));
                self.mail.order(Order::Ready(*claim, self.settings.revision));
                self.learn_what_goes_on(&mut workspace);
                self.workspace = Some(workspace);
                self.tell_workspace_begun();
            }
            Err(_) => self.mail.close_workspace(run),
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
                WorkspaceMsg::Locate(id, dead, reply) => {
                    self.locate(&mut workspace, id, dead, Wanted::Way(reply));
                }
                WorkspaceMsg::Open(customer, ended, reply) => {
                    self.open_for_customer(&mut workspace, customer, ended, reply);
                }
                WorkspaceMsg::Found(customer, found) => self.found(&mut workspace, &customer, found),
                WorkspaceMsg::List(reply) => self.list_reads.push(reply),
                WorkspaceMsg::Release(id, reply) => {
                    let released = workspace.residence.release(id);
                    if released {
                        self.note(Count::Released);
                        if let Some(way) = workspace.residence.dismiss(id) {
                            self.mail.to_conversation(way, ConversationMsg::Sleep);
                        }
                        self.at_desk(&mut workspace, |desk, _| vec![desk.released(id)]);
                    }
                    reply.released(released);
                }
                WorkspaceMsg::AgentSession(member, session, attending) => {
                    self.agent_came_or_went(&mut workspace, member, session, attending);
                }
                WorkspaceMsg::Announced(said, way)
                    if workspace.residence.has_failed(said.conversation, &way) =>
                {
                    self.note(Count::AnnouncedLate);
                    self.at_desk(&mut workspace, |desk, now| desk.announced_late(said, now));
                }
                WorkspaceMsg::Announced(said, _) => {
                    self.at_desk(&mut workspace, |desk, now| desk.announced(said, now));
                }
                WorkspaceMsg::DecisionRefused(id, way, _) if workspace.residence.has_failed(id, &way) => {
                    self.note(Count::RefusalTooLate);
                }
                WorkspaceMsg::DecisionRefused(id, _, epoch) => {
                    self.note(Count::DecisionRefused);
                    self.at_desk(&mut workspace, |desk, now| desk.refused(id, epoch, now));
                }
                WorkspaceMsg::Change(command, reply) => self.change(&mut workspace, *command, reply),
                WorkspaceMsg::AsksToSleep(id, way, has_begun, due) => {
                    workspace.openings.asleep(id, has_begun);
                    if workspace.residence.asks_to_sleep(id, &way) {
                        self.at_desk(&mut workspace, |desk, now| {
                            desk.sleeps(id, due, now);
                            Vec::new()
                        });
                        // If it is gone already, its end is on its way here.
                        self.mail.to_conversation(way, ConversationMsg::Sleep);
                    }
                }
                WorkspaceMsg::Stays(id, way) => {
                    let waiting = workspace.residence.stays(id, &way);
                    self.relocate(&mut workspace, waiting);
                }
                WorkspaceMsg::Resolved(Resolved::Durable(up_to)) => {
                    self.settle_changes(&mut workspace, up_to);
                }
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
        self.present_before.insert(run, self.who_can_be_given(&workspace));
        drop(workspace);
        self.mail.close_workspace(run);
        for actor in self.conversations.values_mut().filter(|actor| actor.run == run) {
            actor.is_orphan = true;
        }
        // Its sessions need not come again.
        self.start_workspace();
    }

    fn conversation_ended(&mut self, workspace: &mut WorkspaceActor, ended: Ended) {
        let Ended { conversation, way, failed } = ended;
        let was_quarantined = workspace.residence.quarantined().count();
        let has_failed = failed.is_some();
        let mut waiting = match failed {
            Some(why) => workspace.residence.failed(conversation, &way, self.wall_clock(), &why),
            None => workspace.residence.gone(conversation, &way),
        };
        if workspace.residence.quarantined().count() > was_quarantined {
            self.note(Count::Quarantined);
        }
        if has_failed {
            // It is told again.
            waiting.retain(|(_, wanted)| !matches!(wanted, Wanted::Told(OwnAction::Decided { .. })));
        }
        self.relocate(workspace, waiting);
        if has_failed && workspace.residence.is_quarantined(conversation) {
            self.set_aside.insert(conversation);
            self.at_desk(workspace, |desk, now| desk.set_aside(conversation, now));
        } else if has_failed {
            self.at_desk(workspace, |desk, _| desk.failed(conversation).into_iter().collect());
        }
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
            Opening::Known(reply, named) => reply.opened(Ok(named)),
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
                let (named, waiting) = workspace.openings.found(customer, latest, || fresh).unzip();
                for reply in waiting.into_iter().flatten() {
                    reply.opened(named.ok_or_else(String::new));
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
        attending: Attending,
    ) {
        if !workspace.settings().members.contains_key(&member) {
            if attending != Attending::Gone {
                // It was proven before the member was removed.
                self.mail.to_session(session, SessionMsg::Close(ForGood(false)));
            }
            return;
        }
        match attending {
            Attending::Until(until) => {
                self.check_serves(session);
                if workspace.agents.entry(member).or_default().attends(session, until) {
                    workspace.online.insert(member);
                    self.note(Count::CameOnline);
                    self.stands(workspace, member, true);
                }
            }
            Attending::Looks => {}
            Attending::Gone => {
                let agent = workspace.agents.get_mut(&member);
                if agent.is_some_and(|agent| agent.left(&session)) {
                    self.goes_offline(workspace, member);
                }
            }
        }
    }

    pub(crate) fn goes_offline(&mut self, workspace: &mut WorkspaceActor, member: MemberId) {
        workspace.online.remove(&member);
        self.note(Count::WentOffline);
        self.stands(workspace, member, false);
    }

    fn stands(&mut self, workspace: &mut WorkspaceActor, member: MemberId, online: bool) {
        self.at_desk(workspace, |desk, now| desk.stands(member, online, now));
        workspace.tell_present();
    }

    /// The list is read for an agent.
    pub(crate) fn read_list(&mut self, at: usize) {
        let reply = self.list_reads.swap_remove(at);
        let conversations = self.model.conversations().map(|(id, _)| id).collect();
        self.note(Count::Listed);
        reply.listed(conversations);
    }

    pub(crate) fn locate(
        &mut self,
        workspace: &mut WorkspaceActor,
        id: ConversationId,
        dead: Option<Way>,
        wanted: Wanted,
    ) {
        // It handles nothing before it is open.
        let Some(term) = workspace.term else { return };
        match workspace.residence.want(id, (id, wanted), dead.as_ref()) {
            Want::Route((_, wanted), way) => self.found_way(wanted, way),
            Want::Later => self.note(Count::WaitedForEnd),
            Want::Quarantined((_, Wanted::Way(reply)), _) => reply.locate(Located::Quarantined),
            Want::Quarantined((_, Wanted::Told(_)), _) => {}
            Want::Wake((_, wanted)) => {
                let way = self.wake(id, workspace, term);
                workspace.residence.woken(id, way);
                self.found_way(wanted, way);
            }
        }
    }

    fn found_way(&self, wanted: Wanted, way: Way) {
        match wanted {
            Wanted::Way(reply) => reply.locate(Located::At(way)),
            // If it has ended, its next incarnation says what is so.
            Wanted::Told(action) => drop(self.mail.to_conversation(way, ConversationMsg::Own(action))),
        }
    }

    fn relocate(&mut self, workspace: &mut WorkspaceActor, waiting: Vec<(ConversationId, Wanted)>) {
        for (id, wanted) in waiting {
            self.locate(workspace, id, None, wanted);
        }
    }
}

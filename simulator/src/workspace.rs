//! The workspace's actor: the mailbox around [`Residence`].
//!
//! Owns the waking of conversations and what their ending means, as the engine's actor does. Must not
//! know what happens in a conversation.

use switchboard::machines::commit::Term;
use switchboard::machines::residence::{Residence, Want};
use switchboard_protocol::vocabulary::ConversationId;

use crate::mail::{ConversationMsg, Ended, LocateReply, Located, Order, Resolved, Run, Way, WorkspaceMsg};
use crate::tally::Count;
use crate::world::World;
use crate::writer::Opened;

/// The actor.
pub(crate) struct WorkspaceActor {
    pub(crate) run: Run,
    /// `None` until the writer has answered.
    term: Option<Term>,
    residence: Residence<Way, (ConversationId, LocateReply)>,
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
        self.workspace = Some(WorkspaceActor { run, term: None, residence });
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
                WorkspaceMsg::AsksToSleep(id, way) => {
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
            Want::Route((_, reply), way) => reply.say(Located::At(way)),
            Want::Later => self.note(Count::WaitedForEnd),
            Want::Quarantined((_, reply), _) => reply.say(Located::Quarantined),
            Want::Wake((_, reply)) => {
                let way = self.wake(id, workspace.run, term);
                workspace.residence.woken(id, way);
                reply.say(Located::At(way));
            }
        }
    }

    fn relocate(&mut self, workspace: &mut WorkspaceActor, waiting: Vec<(ConversationId, LocateReply)>) {
        for (id, reply) in waiting {
            self.locate(workspace, id, None, reply);
        }
    }
}

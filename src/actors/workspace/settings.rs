//! The settings of a workspace: the carrying of commands to its ledger, and of what changed to whom it concerns.
//!
//! Owns who is told of a change: the directory, the sessions of whoever was removed, the desks. Must not know
//! what may be changed; the domain decides that.

use std::sync::Arc;

use ractor::{ActorProcessingErr, ActorRef};
use switchboard_protocol::vocabulary::MemberId;

use super::{WorkspaceMsg, WorkspaceState};
use crate::actors::directory::DirectoryMsg;
use crate::actors::session::{Answered, Refusal, SettingsOf, Told, WorkspaceReply};
use crate::clock;
use crate::domain::identity::Identity;
use crate::domain::workspace::{MemberCommand, WorkspaceEntry, WorkspaceRejection};
use crate::journal::AppendError;
use crate::machines::ledger::{Decided, Outcome, Settled};

impl WorkspaceState {
    /// Decides a member's command. The answer waits until everything that it rests on is durable.
    pub(super) fn change(
        &mut self,
        command: MemberCommand,
        reply: WorkspaceReply,
    ) -> Result<(), ActorProcessingErr> {
        let journal = &self.conversation_ports.journal;
        match self.ledger.command(reply, command, clock::now(), || journal.has_room()) {
            Ok(Decided { append, answer }) => {
                if let Some(entry) = append {
                    // What was not taken is lost, and with it everything decided since: the term ends.
                    journal.append_workspace(self.incarnation, &entry)?;
                }
                answer.into_iter().for_each(|(reply, outcome)| say(reply, outcome));
            }
            Err((reply, why)) => reply.answer(Err(match why {
                AppendError::NoRoom(why) => Refusal::NoRoom(why),
                AppendError::Full | AppendError::Unavailable | AppendError::Unstorable(_) => {
                    Refusal::Unavailable(why.to_string())
                }
            })),
        }
        Ok(())
    }

    /// Tells the settings that are durable.
    pub(super) fn tell_settings(&self, of: SettingsOf, reply: WorkspaceReply) {
        let workspace = self.ledger.durable();
        reply.answer(match of.profile() {
            Some(profile) if !workspace.profiles.contains_key(&profile) => {
                Err(Refusal::Workspace(WorkspaceRejection::NoSuchProfile(profile)))
            }
            Some(_) | None => Ok(Answered::Told(Told::Settings(Arc::clone(workspace), of))),
        });
    }

    /// Entries are durable: whoever is concerned is told, and then whoever waits is answered.
    pub(super) async fn settle(
        &mut self,
        myself: &ActorRef<WorkspaceMsg>,
        up_to: u64,
    ) -> Result<(), ActorProcessingErr> {
        let Settled { entries, answers } = self.ledger.settle(up_to);
        if entries.iter().any(WorkspaceEntry::changes_settings) {
            self.tell_directory();
            self.settings_changed(myself, &entries).await?;
            for member in entries.iter().flat_map(WorkspaceEntry::removed) {
                self.forget_agent(member);
                self.show_out(member);
            }
            // Nothing can be given to whoever was removed.
            self.tell_present();
            self.settings_for_desks(myself, entries.iter().any(WorkspaceEntry::changes_members));
        }
        let intend: Vec<_> = entries.iter().flat_map(WorkspaceEntry::away).collect();
        if !intend.is_empty() {
            self.intend(myself, &intend).await?;
        }
        answers.into_iter().for_each(|(reply, outcome)| say(reply, outcome));
        Ok(())
    }

    /// The directory says whom a credential proves by the state that it was told last.
    pub(super) fn tell_directory(&self) {
        // One that is gone begins anew from disk.
        let _ = self.directory.cast(DirectoryMsg::Changed(Arc::clone(self.ledger.durable())));
    }

    /// Somebody is no member any more: their sessions are closed.
    pub(super) fn show_out(&self, member: MemberId) {
        let workspace = self.ledger.durable().id;
        let _ = self.directory.cast(DirectoryMsg::Removed(Identity::Member { workspace, member }));
    }

    /// The settings in force are others from now on: for assignment, and for every conversation.
    async fn settings_changed(
        &mut self,
        myself: &ActorRef<WorkspaceMsg>,
        entries: &[WorkspaceEntry],
    ) -> Result<(), ActorProcessingErr> {
        for entry in entries {
            tracing::info!(revision = entry.revision, by = ?entry.by, "the settings of a workspace were changed");
        }
        let before = self.told.send_replace(Arc::clone(self.ledger.durable()));
        self.at_desk(myself, |desk, now| desk.settings_changed(&before, now)).await
    }
}

fn say(reply: WorkspaceReply, outcome: Outcome) {
    reply.answer(match outcome {
        Outcome::Changed(changed) => Ok(Answered::Told(Told::Changed(changed))),
        Outcome::AcceptedLongAgo => Ok(Answered::Told(Told::AcceptedLongAgo)),
        Outcome::Rejected(rejection) => Err(Refusal::Workspace(rejection)),
    });
}

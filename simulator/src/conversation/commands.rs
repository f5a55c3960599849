//! What a command becomes in its conversation, and what must be true of it when it is decided.
//!
//! Owns the context that commands are decided in, as the engine's actor has it; and, written without the engine's
//! rules, whom a consultation may be given to. Must not know what a command means otherwise.

use std::collections::BTreeSet;

use switchboard::domain::consultation::How;
use switchboard::domain::conversation::{Command, Context, Doors, Entry, Known, Origin, Policy, What};
use switchboard_protocol::vocabulary::MemberId;

use super::{Action, Arc, ConversationActor, Fate, Phase, Promise, name};
use crate::mail::{ErrandAnswer, ErrandReply};
use crate::tally::Count;
use crate::workspace::WorkspaceActor;
use crate::world::{Refused, World};

impl World {
    pub(super) fn command(
        &mut self,
        actor: &mut ConversationActor,
        command: &Command,
        reply: ErrandReply,
    ) -> Fate {
        let now = self.wall_clock();
        let has_room = self.has_room();
        let settings = Arc::clone(&self.told.borrow());
        let Phase::Open { live, .. } = &mut actor.phase else { return Fate::Lives };
        let customer = live.state().customer.as_ref();
        let doors = customer.map_or(Doors::Open, |customer| settings.doors(customer.profile, now));
        let present = actor.present.borrow().clone();
        let present = Some(&present).filter(|_| command.action.asks_who_is_there());
        let context = Context { now, policy: Policy::default(), service: &actor.service.1, doors, present };
        let Origin { instance, counter, .. } = command.origin;
        let known = live.state().clients.look_up(&command.origin);
        let actions = match live.command(reply, (), command, &context, || has_room) {
            Ok(actions) => actions,
            Err((reply, why)) => {
                reply.answer(match why {
                    Refused::NoRoom(why) => ErrandAnswer::NoRoom(why),
                    Refused::Unavailable(why) => ErrandAnswer::Unavailable(why),
                });
                self.note(Count::NoRoom);
                self.model.passed_over((instance, counter));
                return Fate::Lives;
            }
        };
        let recorded = actions.iter().find_map(|action| match action {
            Action::Append(entry) => Some(Arc::clone(entry)),
            Action::Answer(..) | Action::Announce(_) => None,
        });
        let is_recorded = recorded.is_some();
        if is_recorded && self.space.must_hold() {
            self.broken(Promise::Room, format!("counter {counter} of {instance} was taken"));
        }
        self.say(|| format!("     counter {counter} of {instance}: {known:?}, recorded {is_recorded}"));
        match known {
            Known::New if is_recorded => {}
            Known::New => self.model.passed_over((instance, counter)),
            Known::Overtaken => self.note(Count::Overtaken),
            Known::Answered(_) | Known::LongAgo | Known::Forgotten => self.note(Count::ResendRecognised),
        }
        if let Some(entry) = recorded {
            self.check_given(actor, &entry);
            self.note_taken(&entry);
        }
        self.act(actor, actions);
        Fate::Lives
    }

    /// Whom work can be given to by what is known: members who are there and not away.
    pub(crate) fn who_can_be_given(&self, workspace: &WorkspaceActor) -> BTreeSet<MemberId> {
        let settings = workspace.settings();
        let may =
            |member: &MemberId| settings.members.contains_key(member) && !settings.away.contains(member);
        workspace.online.iter().copied().filter(may).collect()
    }

    /// A consultation is given to a colleague: they are there at this very moment and not away, as far as the
    /// conversation's workspace knows or has known last.
    fn check_given(&mut self, actor: &ConversationActor, entry: &Entry) {
        for event in &entry.events {
            let What::Assigned { member, how: How::Transferred { .. } } = event.what else { continue };
            let workspace = self.workspace.as_ref().filter(|workspace| workspace.run == actor.run);
            let present = match workspace {
                Some(workspace) => self.who_can_be_given(workspace),
                None => self.present_before.get(&actor.run).cloned().unwrap_or_default(),
            };
            if !present.contains(&member) {
                let what = format!("{}: given to {member}; there are {present:?}", name(actor.id));
                self.broken(Promise::Eligible, what);
            }
        }
    }
}

//! The ledger of a workspace: what was decided, and what of it is durable.
//!
//! Owns the order decide → append → durable → answer: everybody but the next decision sees the durable state
//! only, and an answer leaves when everything it rests on is durable, a refusal as well. Must not know how
//! messages travel: a token is whoever waits for an answer.

use std::collections::VecDeque;
use std::sync::Arc;

use switchboard_protocol::vocabulary::Timestamp;

use super::planted::{Bug, is_planted};
use crate::domain::workspace::{
    Changed, MemberCommand, Workspace, WorkspaceDecision, WorkspaceEntry, WorkspaceRejection, decide,
};

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was accepted, now or before.
    Changed(Changed),
    /// It was accepted so long ago that the answer is gone.
    AcceptedLongAgo,
    /// It was refused.
    Rejected(WorkspaceRejection),
}

/// What the shell has to do about a command.
#[derive(Debug, PartialEq, Eq)]
pub struct Decided<T> {
    /// Hand this to the writer.
    pub append: Option<WorkspaceEntry>,
    /// Then give this answer.
    pub answer: Option<(T, Outcome)>,
}

/// What has become durable.
#[derive(Debug, PartialEq, Eq)]
pub struct Settled<T> {
    /// The entries, in order.
    pub entries: Vec<WorkspaceEntry>,
    /// The answers that rested on them.
    pub answers: Vec<(T, Outcome)>,
}

/// A workspace's settings while its actor runs.
#[derive(Debug)]
pub struct Ledger<T> {
    /// With everything that was decided.
    ahead: Workspace,
    durable: Arc<Workspace>,
    pending: VecDeque<WorkspaceEntry>,
    /// Answers, with the revision that each rests on.
    waiting: VecDeque<(u64, T, Outcome)>,
}

impl<T> Ledger<T> {
    /// A workspace in the durable state that the journal gave when it was opened.
    #[must_use]
    pub fn new(state: Workspace) -> Self {
        let durable = Arc::new(state.clone());
        Self { ahead: state, durable, pending: VecDeque::new(), waiting: VecDeque::new() }
    }

    /// The durable state.
    #[must_use]
    pub const fn durable(&self) -> &Arc<Workspace> {
        &self.durable
    }

    /// A command has arrived. Whether an entry can be taken now is asked of `room` only when there is one: a
    /// command that was accepted before needs no room, and must not hear that nothing was done.
    ///
    /// # Errors
    /// Whoever waits and why there is no room; nothing has changed.
    pub fn command<Full>(
        &mut self,
        token: T,
        command: MemberCommand,
        now: Timestamp,
        room: impl FnOnce() -> Result<(), Full>,
    ) -> Result<Decided<T>, (T, Full)> {
        let mut append = None;
        let outcome = match decide(&self.ahead, command, now) {
            Ok(WorkspaceDecision::Record(entry)) => {
                if let Err(full) = room() {
                    return Err((token, full));
                }
                self.ahead.apply(&entry);
                if is_planted(Bug::SettingBeforeDurable) {
                    self.durable = Arc::new(self.ahead.clone());
                }
                self.pending.push_back(entry.clone());
                let answer = Changed { revision: entry.revision, at: entry.at };
                append = Some(entry);
                Outcome::Changed(answer)
            }
            Ok(WorkspaceDecision::Answered(answer)) => Outcome::Changed(answer),
            Ok(WorkspaceDecision::AcceptedLongAgo) => Outcome::AcceptedLongAgo,
            Err(rejection) => Outcome::Rejected(rejection),
        };
        let answer = if self.pending.is_empty() {
            Some((token, outcome))
        } else {
            self.waiting.push_back((self.ahead.revision, token, outcome));
            None
        };
        Ok(Decided { append, answer })
    }

    /// Everything up to a revision is durable.
    pub fn settle(&mut self, up_to: u64) -> Settled<T> {
        let settled = self.pending.partition_point(|entry| entry.revision <= up_to);
        let entries: Vec<_> = self.pending.drain(..settled).collect();
        if !entries.is_empty() {
            let durable = Arc::make_mut(&mut self.durable);
            if !is_planted(Bug::SettingBeforeDurable) {
                entries.iter().for_each(|entry| durable.apply(entry));
            }
        }
        let answered = self.waiting.partition_point(|(revision, ..)| *revision <= up_to);
        let answers = self.waiting.drain(..answered).map(|(_, token, outcome)| (token, outcome)).collect();
        Settled { entries, answers }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::workspace::{Member, Role, TokenHash, WorkspaceAction, decide_own};
    use switchboard_protocol::vocabulary::{DisplayName, InstanceId, MemberId, ProfileTitle, WorkspaceId};

    const NOW: Timestamp = Timestamp::from_millis(7);
    const OWNER: MemberId = MemberId::from_bytes([1; 16]);

    fn ledger() -> Ledger<&'static str> {
        let mut state = Workspace::new(WorkspaceId::from_bytes([9; 16]));
        let name = DisplayName::new("Kim").unwrap();
        let owner = (OWNER, Member { name, role: Role::Owner, token_hash: TokenHash([1; 32]) });
        let create = WorkspaceAction::Create { name: ProfileTitle::new("Demo").unwrap(), owner };
        let entry = decide_own(&state, create, NOW).unwrap();
        state.apply(&entry);
        Ledger::new(state)
    }

    fn rename(counter: u64, member: MemberId, name: &str) -> MemberCommand {
        let action = WorkspaceAction::RenameMember { member, name: DisplayName::new(name).unwrap() };
        MemberCommand { member: OWNER, instance: InstanceId::from_bytes([5; 16]), counter, action }
    }

    fn try_to(
        ledger: &mut Ledger<&'static str>,
        token: &'static str,
        command: MemberCommand,
    ) -> Decided<&'static str> {
        ledger.command(token, command, NOW, || Ok::<(), ()>(())).unwrap()
    }

    const CHANGED: Outcome = Outcome::Changed(Changed { revision: 2, at: NOW });

    #[test]
    fn nothing_is_shown_or_answered_before_it_is_durable() {
        let mut ledger = ledger();
        let decided = try_to(&mut ledger, "first", rename(1, OWNER, "Lee"));
        assert_eq!((decided.append.map(|entry| entry.revision), decided.answer), (Some(2), None));
        assert_eq!(ledger.durable().members[&OWNER].name.as_str(), "Kim");
        assert_eq!(ledger.settle(1), Settled { entries: Vec::new(), answers: Vec::new() });
        let settled = ledger.settle(2);
        assert_eq!((settled.entries.len(), settled.answers), (1, vec![("first", CHANGED)]));
        assert_eq!(ledger.durable().members[&OWNER].name.as_str(), "Lee");
    }

    #[test]
    fn a_command_that_comes_again_waits_for_the_same_and_writes_nothing() {
        let mut ledger = ledger();
        try_to(&mut ledger, "first", rename(1, OWNER, "Lee"));
        let again = try_to(&mut ledger, "again", rename(1, OWNER, "Lee"));
        assert_eq!(again, Decided { append: None, answer: None });
        assert_eq!(ledger.settle(2).answers, [("first", CHANGED), ("again", CHANGED)]);
        let late = try_to(&mut ledger, "late", rename(1, OWNER, "Lee"));
        assert_eq!(late, Decided { append: None, answer: Some(("late", CHANGED)) });
    }

    #[test]
    fn a_refusal_waits_for_what_it_rests_on() {
        let mut ledger = ledger();
        let stranger = MemberId::from_bytes([8; 16]);
        let refused = Outcome::Rejected(WorkspaceRejection::NoSuchMember(stranger));
        let at_once = try_to(&mut ledger, "at once", rename(1, stranger, "Lee"));
        assert_eq!(at_once, Decided { append: None, answer: Some(("at once", refused.clone())) });
        try_to(&mut ledger, "first", rename(1, OWNER, "Lee"));
        assert_eq!(try_to(&mut ledger, "later", rename(2, stranger, "Lee")).answer, None);
        assert_eq!(ledger.settle(2).answers, [("first", CHANGED), ("later", refused)]);
    }

    #[test]
    fn without_room_nothing_has_changed() {
        let mut ledger = ledger();
        let full = ledger.command("first", rename(1, OWNER, "Lee"), NOW, || Err("full"));
        assert_eq!(full, Err(("first", "full")));
        let decided = try_to(&mut ledger, "again", rename(1, OWNER, "Lee"));
        assert_eq!(decided.append.map(|entry| entry.revision), Some(2));
        ledger.settle(2);
        let needs_none = ledger.command("late", rename(1, OWNER, "Lee"), NOW, || Err("full")).unwrap();
        assert_eq!(needs_none.answer, Some(("late", CHANGED)));
    }
}

//! What the forms of each version can say that those before could not, for the golden files: events, states and rows.
//!
//! Owns those values; the fourth and the fifth version have files of their own for the larger part. Must not know how
//! they are stored.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use super::messages::{every_kind, masked};
use super::samples::{Script, conversation, conversation_id, customer, member_id, place, workspace_id};
use super::*;
use crate::domain::assignment::{
    Agent, Candidate, Choosing, Considered, Explanation, Group, Outcome, Rule, Standing,
    Strategy as AssignmentStrategy, Why,
};
use crate::domain::consultation::{Assignees, Beginning, Consultation, How, Requeued, Stage, Unserved};
use crate::domain::conversation::{Conversation, Entry, Served, Unread, What};
use crate::domain::customer::Details;
use crate::domain::listing::{Listing, Past};
use crate::domain::workspace::{Profile, Workspace, WorkspaceEntry, WorkspaceEvent};
use crate::journal::Position;
use switchboard_protocol::vocabulary::{
    CategoryName, CategoryPath, ConsultationId, Party, ProfileId, ProfileTitle, Seq, Timestamp,
};

/// Entries that the first version could not say.
pub(super) fn newer_entries() -> Vec<(String, Entry)> {
    let mut script = Script::new(workspace_id(1), conversation_id(2));
    script.start(1_700_000_000_000, customer(1));
    let kinds = every_kind().into_iter();
    let kinds = kinds.map(|(name, message)| (format!("message_{name}"), What::Message(message)));
    let said = kinds.map(|(name, what)| (name, script.entry(1_700_000_001_000, Party::Bot, vec![what])));
    let mut entries: Vec<_> = said.collect();
    entries.push(("ended".to_owned(), script.entry(1_700_000_002_000, Party::Customer, vec![What::Ended])));
    let mut script = Script::new(workspace_id(1), conversation_id(2));
    script.start(1_700_000_000_000, customer(1));
    let masked = script.entry(1_700_000_001_000, Party::Bot, vec![What::Message(masked())]);
    entries.push(("message_masked".to_owned(), masked));
    entries
}

/// Entries that the second version could not say.
pub(super) fn service_entries() -> Vec<(&'static str, Entry)> {
    let mut script = Script::new(workspace_id(1), conversation_id(2));
    script.start(1_700_000_000_000, customer(1));
    let (member, other) = (member_id(3), member_id(4));
    let agent = Party::Agent { member };
    let waits = explanation(Outcome::Waits(Why::ForFormer(other)));
    let chosen = explanation(Outcome::Assigned { member, rule: Rule::Specialist });
    let unserved = |why| What::Unserved { why };
    let mut all = Vec::new();
    let mut add = |name, by, whats: Vec<What>| {
        let at = 1_700_000_001_000 + script.state.revision as i64;
        all.push((name, script.entry(at, by, whats)));
    };
    add("called", Party::Customer, vec![called(true, false)]);
    add("explained_waits", Party::Bot, vec![What::Explained(Box::new(waits))]);
    let automatic = What::Assigned { member, how: How::Automatic };
    add("assigned_automatically", Party::Bot, vec![What::Explained(Box::new(chosen)), automatic]);
    add("requeued_absent", Party::Bot, vec![What::Requeued { from: member, why: Requeued::Absent }]);
    add("taken", agent, vec![What::Assigned { member, how: How::Taken }, What::Entered { member }]);
    let transferred = What::Assigned { member: other, how: How::Transferred { from: member } };
    add("transferred", agent, vec![transferred]);
    add("requeued_removed", Party::Bot, vec![What::Requeued { from: other, why: Requeued::Removed }]);
    add("unserved_too_long", Party::Bot, vec![unserved(Unserved::TooLong)]);
    let category = CategoryPath::default();
    add("call_refused", Party::Customer, vec![What::CallRefused { category }]);
    for (name, why) in [
        ("unserved_cancelled", Unserved::Cancelled),
        ("unserved_gave_up", Unserved::GaveUp),
        ("unserved_left", Unserved::Left),
    ] {
        add("called_outside_hours", Party::Customer, vec![called(false, true)]);
        add(name, Party::Customer, vec![unserved(why)]);
    }
    let consultation = ConsultationId::from_bytes([0xc0; 16]);
    let stepped_in = What::Assigned { member, how: How::SteppedIn { consultation } };
    add("stepped_in", agent, vec![stepped_in, What::Entered { member }]);
    let mut seen = BTreeSet::new();
    all.retain(|(name, _)| seen.insert(*name));
    all
}

/// Entries that the third version could not say.
pub(super) fn latest_entries() -> impl Iterator<Item = (&'static str, Entry)> {
    records::entries().into_iter().chain(described::entries())
}

fn called(in_hours: bool, bot_replies: bool) -> What {
    let category = described::bank();
    What::Called { consultation: ConsultationId::from_bytes([0xc1; 16]), category, in_hours, bot_replies }
}

/// A decision with an agent of every group and standing.
fn explanation(outcome: Outcome) -> Explanation {
    let candidate = |n, group, standing| Candidate {
        member: member_id(n),
        group,
        agent: Agent { standing, load: u32::from(n), turn: u64::from(n) << 40 },
    };
    let considered = Considered {
        consultation: ConsultationId::from_bytes([0xc1; 16]),
        automatic: true,
        open: true,
        choosing: Choosing { sticky: true, or_another: false, strategy: AssignmentStrategy::RoundRobin },
        maximum: 10,
        matched: Some(CategoryPath::new(vec![CategoryName::new("Bank").unwrap()]).unwrap()),
        former: Some(member_id(4)),
        seed: u64::MAX,
        candidates: vec![
            candidate(3, Group::Specialist, Standing::Online),
            candidate(4, Group::General, Standing::Away),
            candidate(5, Group::Outside, Standing::Offline),
        ],
    };
    Explanation { considered, outcome }
}

/// A conversation whose customer waits for an agent.
pub(super) fn waiting() -> Conversation {
    let mut script = Script::new(workspace_id(1), conversation_id(2));
    script.start(1_700_000_000_000, customer(1));
    script.entry(1_700_000_001_000, Party::Customer, vec![called(false, true)]);
    script.say(1_700_000_002_000, Party::Customer, "Hello?");
    script.state.served.former = Some(member_id(4));
    script.state
}

/// A workspace whose bot greets with something to press, and the entry that it comes from.
pub(super) fn newer_workspace() -> Workspace {
    let mut state = Workspace::new(workspace_id(1));
    newer_workspace_entries().iter().for_each(|(_, entry)| state.apply(entry));
    state
}

pub(super) fn newer_workspace_entries() -> Vec<(String, WorkspaceEntry)> {
    let (_, greeting) = every_kind().pop().unwrap();
    let details = Profile { title: ProfileTitle::new("Support").unwrap(), greeting: Some(greeting) };
    let profile = ProfileId::from_bytes([0x70; 16]);
    let events = vec![WorkspaceEvent::ProfileAdded { profile, details }];
    let at = Timestamp::from_millis(1_700_000_000_000);
    let entry =
        WorkspaceEntry { workspace: workspace_id(1), revision: 1, at, by: None, origin: None, events };
    vec![("profile_with_keyboard".to_owned(), entry)]
}

pub(super) fn row() -> RowState {
    RowState {
        customer: Some(customer(1)),
        details: Details::default(),
        categories: Vec::new(),
        served: row_served(),
        listing: Listing::of(&row_served()),
        ended: false,
        last_message: "How can I help?".to_owned(),
        last_at: Timestamp::from_millis(1_700_000_003_000),
        unread: Unread { read: place(2, 2), waiting: [place(3, 3), place(9, 7)].into() },
        seq: Seq::new(9).unwrap(),
        revision: 8,
        position: Position(70_000),
    }
}

/// A row that says no more than who serves it.
pub(super) fn row_of(served: Served) -> RowState {
    RowState { listing: Listing::of(&served), served, ..row() }
}

/// Who served, as rows said it before there were consultations.
fn row_served() -> Served {
    let at = Timestamp::from_millis(1_700_000_003_000);
    let consultation = Consultation {
        id: ConsultationId::from_bytes([0; 16]),
        beginning: Beginning::SteppedIn,
        category: CategoryPath::default(),
        called_at: at,
        waits_since: at,
        stage: Stage::InProgress(member_id(3)),
        why: None,
        served_at: Some(at),
        answered_at: None,
        transfers: 0,
        requeues: 0,
        assignees: Assignees::default(),
    };
    Served { consultation: Some(consultation), ..Served::default() }
}

/// The row of a conversation whose last call was missed by somebody.
fn missed_row() -> RowState {
    let category = described::bank();
    let past = Some(Past { served: false, by: Some(member_id(3)), category });
    let served = Served { epoch: 3, ..Served::default() };
    RowState { served, listing: Listing { past, answered: None }, ..row() }
}

/// Rows that say how the last consultation ended, where that cannot be seen.
pub(super) fn listed_rows() -> [(String, RowState); 2] {
    [("row_missed".to_owned(), missed_row()), ("row_requeued".to_owned(), requeued_row())]
}

/// The row of one that waits again, whose last one nobody answered for.
fn requeued_row() -> RowState {
    let past = Some(Past { served: false, by: None, category: CategoryPath::default() });
    let listing = Listing { past, answered: Some(member_id(4)) };
    RowState { served: records::without(conversation().served), listing, ..row() }
}

/// The row of a conversation that has not started.
pub(super) fn empty_row() -> RowState {
    RowState {
        customer: None,
        details: Details::default(),
        categories: Vec::new(),
        served: Served::default(),
        listing: Listing::default(),
        ended: false,
        last_message: String::new(),
        last_at: Timestamp::from_millis(0),
        unread: Unread::default(),
        seq: Seq::ZERO,
        revision: 0,
        position: Position(0),
    }
}

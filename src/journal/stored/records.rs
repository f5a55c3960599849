//! What the fourth and the fifth version of stored forms can say, for the golden files: who has answered for a
//! consultation, its record, where the bot is, where it goes on, and why it waits.
//!
//! Owns those values. Must not know how they are stored.

#![allow(clippy::unwrap_used)]

use switchboard_protocol::vocabulary::{
    CategoryName, CategoryPath, ConsultationId, FlowId, InstanceId, Party, ProfileId, Timestamp,
};

use super::samples::{Script, conversation_id, customer, member_id, said, workspace, workspace_id};
use crate::domain::assignment::Why;
use crate::domain::clients::Origin;
use crate::domain::consultation::{Assignees, How, Outcome, Record, Requeued, Unserved};
use crate::domain::conversation::{Conversation, Entry, Served, What};
use crate::domain::workspace::{Workspace, WorkspaceEntry, WorkspaceEvent};

/// Entries that the third version could not say.
pub(super) fn entries() -> Vec<(&'static str, Entry)> {
    let mut script = Script::new(workspace_id(1), conversation_id(2));
    script.start(1_700_000_000_000, customer(1));
    let agent = Party::Agent { member: member_id(3) };
    let called = script.entry(1_700_000_001_000, Party::Bot, vec![called()]);
    let dismissed = vec![What::Unserved { why: Unserved::Dismissed }, What::Ended];
    let dismissed = script.entry(1_700_000_002_000, agent, dismissed);
    vec![
        ("called_at_an_epoch", Entry { epoch: Some(7), ..called }),
        ("unserved_dismissed", dismissed.clone()),
        ("unserved_dismissed_at_an_epoch", Entry { epoch: Some(300), ..dismissed }),
    ]
}

/// A consultation of which everything can be said: the bot called, one agent lost it, the next gave it to a third.
fn consulted() -> Script {
    let (ada, ben, cid) = (member_id(3), member_id(4), member_id(5));
    let mut script = Script::new(workspace_id(1), conversation_id(2));
    script.start(1_700_000_000_000, customer(1));
    let given = What::Assigned { member: cid, how: How::Transferred { from: ben } };
    for (at, by, what) in [
        (1_000, Party::Bot, called()),
        (2_000, Party::Bot, What::Assigned { member: ada, how: How::Automatic }),
        (3_000, Party::Bot, What::Requeued { from: ada, why: Requeued::Absent }),
        (4_000, Party::Agent { member: ben }, What::Assigned { member: ben, how: How::Taken }),
        (5_000, Party::Agent { member: ben }, What::Entered { member: ben }),
        (6_000, Party::Agent { member: ben }, What::Message(said("안녕하세요"))),
        (7_000, Party::Agent { member: ben }, given),
    ] {
        script.entry(1_700_000_000_000 + at, by, vec![what]);
    }
    script
}

fn called() -> What {
    let names = ["Bank", "카드"].map(|name| CategoryName::new(name).unwrap());
    let category = CategoryPath::new(names.to_vec()).unwrap();
    let consultation = ConsultationId::from_bytes([0xc1; 16]);
    What::Called { consultation, category, in_hours: false, bot_replies: true }
}

/// Conversations in states that the third version could not say.
pub(super) fn conversations() -> Vec<(&'static str, Conversation)> {
    let consulted = consulted();
    let mut parked = consulted.clone();
    parked.entry(1_700_000_009_000, Party::Bot, vec![What::Completed]);
    let mut left = Script::new(workspace_id(1), conversation_id(2));
    left.start(1_700_000_000_000, customer(1));
    let assigned = left.stepped_in(member_id(3));
    left.entry(1_700_000_001_000, Party::Agent { member: member_id(3) }, vec![assigned]);
    let stepped_in = left.state.clone();
    left.entry(1_700_000_002_000, Party::Bot, vec![What::Completed]);
    vec![
        ("consulted", consulted.state),
        ("parked", parked.state),
        ("stepped_in", stepped_in),
        ("at_the_start", left.state),
    ]
}

/// Conversations that say why they wait, which the fourth version could not.
pub(super) fn explained() -> [(&'static str, Conversation); 4] {
    [
        ("waits_manual", Why::Manual),
        ("waits_closed", Why::Closed),
        ("waits_for_former", Why::ForFormer(member_id(3))),
        ("waits_nobody_free", Why::NobodyFree),
    ]
    .map(|(name, why)| {
        let mut script = Script::new(workspace_id(1), conversation_id(2));
        script.start(1_700_000_000_000, customer(1));
        script.entry(1_700_000_001_000, Party::Customer, vec![called()]);
        let mut state = script.state;
        state.served.consultation.as_mut().unwrap().why = Some(why);
        (name, state)
    })
}

/// Consultations that are over, with every outcome.
pub(super) fn records() -> Vec<(&'static str, Record)> {
    let consulted = consulted().state.served.consultation.unwrap();
    let mut many = consulted.clone();
    many.assignees.earlier = 3;
    let mut script = Script::new(workspace_id(1), conversation_id(2));
    script.start(1_700_000_000_000, customer(1));
    script.entry(1_700_000_001_000, Party::Customer, vec![called()]);
    let waiting = script.state.served.consultation.unwrap();
    let at = Timestamp::from_millis(1_700_000_009_000);
    let unserved = |why| waiting.clone().ended(at, Outcome::Unserved(why));
    vec![
        ("completed", consulted.ended(at, Outcome::Completed)),
        ("by_many", many.ended(at, Outcome::Completed)),
        ("cancelled", unserved(Unserved::Cancelled)),
        ("given_up", unserved(Unserved::GaveUp)),
        ("left", unserved(Unserved::Left)),
        ("dismissed", unserved(Unserved::Dismissed)),
        ("too_long", unserved(Unserved::TooLong)),
    ]
}

/// Who serves, as far as the third version could say it.
pub(super) fn without(mut served: Served) -> Served {
    if let Some(consultation) = &mut served.consultation {
        consultation.answered_at = None;
        consultation.assignees = Assignees::default();
    }
    served
}

/// Changes that the third version could not say.
pub(super) fn workspace_entries() -> Vec<(&'static str, WorkspaceEntry)> {
    let profile = ProfileId::from_bytes([0x70; 16]);
    let flow = Some(FlowId::from_bytes([0xf1; 16]));
    [("completion", flow), ("completion_taken", None)]
        .map(|(name, flow)| (name, completed(profile, flow)))
        .into()
}

fn completed(profile: ProfileId, flow: Option<FlowId>) -> WorkspaceEntry {
    let member = member_id(3);
    let instance = InstanceId::from_bytes([0x1a; 16]);
    let origin = Some(Origin { party: Party::Agent { member }, instance, counter: 30 });
    let (at, events) =
        (Timestamp::from_millis(1_700_000_000_030), vec![WorkspaceEvent::CompletionSet { profile, flow }]);
    WorkspaceEntry { workspace: workspace_id(1), revision: 7, at, by: Some(member), origin, events }
}

/// A workspace with a profile whose bot goes on with a flow.
pub(super) fn with_completion() -> Workspace {
    let mut state = workspace();
    let (_, entry) = workspace_entries().remove(0);
    state.apply(&entry);
    state
}

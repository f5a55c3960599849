//! Values to test stored forms with.
//!
//! Owns fixed ones, one of each kind, and random ones that follow the rules of the domain.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use switchboard_protocol::vocabulary::{
    CategoryName, CategoryPath, Content, ConversationId, CustomerName, DisplayName, EmailAddress, InstanceId,
    MemberId, MessageText, Party, Phone, Platform, ProfileId, ProfileTitle, Seq, Timestamp, UserKey,
    WorkspaceId,
};

use crate::domain::assignment::{Choosing, Considered, Explanation};
use crate::domain::consultation::{How, Requeued, Unserved, begun_by};
use crate::domain::conversation::{Conversation, Entry, Event, Origin, Place, Side, What};
use crate::domain::customer::{DetailsChange, Edit};
use crate::domain::identity::CustomerKey;
use crate::domain::listing::{Filter, Wish};
use crate::domain::message::Message;
use crate::domain::workspace::{Member, Profile, Role, TokenHash, Workspace, WorkspaceEntry, WorkspaceEvent};

pub(in crate::journal) fn workspace_id(n: u8) -> WorkspaceId {
    WorkspaceId::from_bytes([n; 16])
}

pub(in crate::journal) fn conversation_id(n: u8) -> ConversationId {
    ConversationId::from_bytes([n; 16])
}

pub(in crate::journal) fn member_id(n: u8) -> MemberId {
    MemberId::from_bytes([n; 16])
}

pub(in crate::journal) fn place(staff: u64, customer: u64) -> Place {
    Place { staff: Seq::new(staff).unwrap(), customer: Seq::new(customer).unwrap() }
}

/// The profiles that customers talk to.
pub(in crate::journal) const PROFILES: [ProfileId; 2] =
    [ProfileId::from_bytes([0x70; 16]), ProfileId::from_bytes([0x71; 16])];

/// Everything of each of them.
pub(in crate::journal) fn everything() -> Filter {
    Filter::new(Wish::ALL, PROFILES.map(|profile| (profile, None)))
}

pub(in crate::journal) fn customer(n: u8) -> CustomerKey {
    CustomerKey {
        profile: PROFILES[0],
        platform: Platform::new("web").unwrap(),
        user_key: UserKey::new(format!("customer-{n}")).unwrap(),
    }
}

pub(in crate::journal) fn text(text: &str) -> Content {
    Content::text(MessageText::new(text).unwrap())
}

pub(in crate::journal) fn said(words: &str) -> Message {
    Message::plain(text(words))
}

/// Builds entries that follow on one another.
#[derive(Debug, Clone)]
pub(in crate::journal) struct Script {
    pub(in crate::journal) state: Conversation,
}

impl Script {
    pub(in crate::journal) fn new(workspace: WorkspaceId, conversation: ConversationId) -> Self {
        Self { state: Conversation::new(workspace, conversation) }
    }

    /// The next entry.
    pub(in crate::journal) fn entry(&mut self, at: i64, by: Party, whats: Vec<What>) -> Entry {
        let party = by;
        let counter = self.state.revision + 1;
        let origin = Origin { party, instance: InstanceId::from_bytes([0x1e; 16]), counter };
        let entry = Entry {
            conversation: self.state.id,
            revision: self.state.revision + 1,
            before: self.state.last,
            at: Timestamp::from_millis(at).max(self.state.last_at),
            origin: (by != Party::Bot).then_some(origin),
            epoch: None,
            events: whats.into_iter().map(|what| Event { by, what }).collect(),
        };
        self.state.apply(&entry);
        entry
    }

    pub(in crate::journal) fn start(&mut self, at: i64, customer: CustomerKey) -> Entry {
        self.entry(at, Party::Customer, vec![What::Started { customer, former: None }])
    }

    pub(in crate::journal) fn say(&mut self, at: i64, by: Party, words: &str) -> Entry {
        self.entry(at, by, vec![What::Message(said(words))])
    }

    fn called(&self, step: &Step) -> What {
        let name = step.words.chars().filter(|c| !c.is_control()).collect::<String>();
        let category = CategoryName::new(name).map(|name| CategoryPath::new(vec![name]).unwrap());
        What::Called {
            consultation: begun_by(self.state.id, self.state.revision + 1),
            category: category.unwrap_or_default(),
            in_hours: step.who.is_multiple_of(2),
            bot_replies: step.who.is_multiple_of(3),
        }
    }

    /// A decision that a number tells from others.
    fn manual(&self, seed: u64) -> Explanation {
        let considered = Considered {
            consultation: begun_by(self.state.id, self.state.revision),
            automatic: false,
            open: true,
            choosing: Choosing::default(),
            maximum: 1,
            matched: None,
            former: None,
            seed,
            candidates: Vec::new(),
        };
        Explanation { outcome: considered.conclude(), considered }
    }

    /// What the next entry says of a member who steps in, in the form that has always been there.
    pub(in crate::journal) fn stepped_in(&self, member: MemberId) -> What {
        let consultation = begun_by(self.state.id, self.state.revision + 1);
        What::Assigned { member, how: How::SteppedIn { consultation } }
    }

    /// The next entry that a random step becomes.
    pub(in crate::journal) fn step(&mut self, at: i64, step: &Step) -> Entry {
        let agent = Party::Agent { member: member_id(step.who % 3 + 1) };
        let member = member_id(step.who % 3 + 1);
        if self.state.revision == 0 {
            return self.start(at, customer(step.who));
        }
        match step.kind % 18 {
            0..=2 => self.say(at, Party::Customer, &step.words),
            3 => self.say(at, agent, &step.words),
            4 => self.entry(at, Party::Bot, vec![What::Message(said(&step.words))]),
            5 => {
                let assigned = self.stepped_in(member);
                self.entry(at, agent, vec![assigned, What::Entered { member }])
            }
            6 => self.entry(at, agent, vec![What::Left { member }]),
            7 => self.entry(at, agent, vec![What::Completed]),
            8 => self.entry(at, agent, vec![What::Unchanged]),
            9 => self.entry(at, agent, vec![What::Ended]),
            10 => {
                let what = self.called(step);
                self.entry(at, Party::Customer, vec![what])
            }
            11 => self.entry(at, Party::Bot, vec![What::Assigned { member, how: How::Automatic }]),
            12 => self.entry(at, Party::Bot, vec![What::Requeued { from: member, why: Requeued::Absent }]),
            15 | 16 => {
                let what = described(step);
                self.entry(at, agent, vec![what])
            }
            14 => self.entry(at, Party::Bot, vec![What::Explained(Box::new(self.manual(step.who.into())))]),
            13 => {
                let why = if step.who < 128 { Unserved::GaveUp } else { Unserved::Cancelled };
                self.entry(at, Party::Customer, vec![What::Unserved { why }])
            }
            _ => {
                let side = if step.who.is_multiple_of(2) { Side::Staff } else { Side::Customer };
                let by = if side == Side::Staff { agent } else { Party::Customer };
                let up_to = self.state.last;
                self.entry(at, by, vec![What::Read { side, up_to }])
            }
        }
    }
}

/// What a step says of the customer: one detail at a time, a few of each.
fn described(step: &Step) -> What {
    let Step { who, words, .. } = step;
    let set = |is: bool| is.then_some(());
    let mut change = DetailsChange::default();
    match who % 4 {
        0 => change.name = CustomerName::new(words.as_str()).map_or(Edit::Clear, Edit::Set),
        1 => {
            change.name =
                CustomerName::new(NAMES[*who as usize / 4 % NAMES.len()]).map_or(Edit::Clear, Edit::Set)
        }
        2 => {
            let phone = set(who % 8 == 2).and_then(|()| Phone::new(format!("010-12{who:03}-{who:04}")).ok());
            change.phone = phone.map_or(Edit::Clear, Edit::Set);
        }
        _ => {
            let email =
                set(who % 8 == 3).and_then(|()| EmailAddress::new(format!("Ada{who}@mail.example")).ok());
            change.email = email.map_or(Edit::Clear, Edit::Set);
        }
    }
    What::Described(Box::new(change))
}

const NAMES: [&str; 5] = ["김철수", "Ada Lovelace", "ADA B", "황보 관", "남궁민수"];

/// A random step of a conversation.
#[derive(Debug, Clone)]
pub(in crate::journal) struct Step {
    pub(in crate::journal) kind: u8,
    pub(in crate::journal) who: u8,
    pub(in crate::journal) words: String,
}

pub(in crate::journal) fn steps(max: usize) -> impl Strategy<Value = Vec<Step>> {
    let step =
        (any::<u8>(), any::<u8>(), "\\PC{1,60}").prop_map(|(kind, who, words)| Step { kind, who, words });
    proptest::collection::vec(step, 1..max)
}

/// An entry of each kind of event, in an order that can happen.
pub(in crate::journal) fn entries() -> Vec<(&'static str, Entry)> {
    let mut script = Script::new(workspace_id(1), conversation_id(2));
    let member = member_id(3);
    let agent = Party::Agent { member };
    let greeting = What::Message(said("Welcome!"));
    let mut started = script.entry(
        1_700_000_000_000,
        Party::Customer,
        vec![What::Started { customer: customer(1), former: None }, greeting],
    );
    started.events[1].by = Party::Bot;
    let read_by = |side, state: &Conversation| What::Read { side, up_to: state.last };
    vec![
        ("started_with_greeting", started),
        ("message_by_customer", script.say(1_700_000_001_000, Party::Customer, "안녕하세요 🙂\nHello")),
        ("message_by_bot", script.say(1_700_000_001_001, Party::Bot, "One moment.")),
        ("assigned_and_entered", {
            let assigned = script.stepped_in(member);
            script.entry(1_700_000_002_000, agent, vec![assigned, What::Entered { member }])
        }),
        ("message_by_agent", script.say(1_700_000_003_000, agent, "How can I help?")),
        ("read_by_customer", {
            let read = read_by(Side::Customer, &script.state);
            script.entry(1_700_000_004_000, Party::Customer, vec![read])
        }),
        ("read_by_staff", {
            let read = read_by(Side::Staff, &script.state);
            script.entry(1_700_000_004_000, agent, vec![read])
        }),
        ("left", script.entry(1_700_000_005_000, agent, vec![What::Left { member }])),
        ("completed", script.entry(1_700_000_006_000, agent, vec![What::Completed])),
        ("unchanged", script.entry(1_700_000_007_000, agent, vec![What::Unchanged])),
    ]
}

/// A conversation with something in every field.
pub(in crate::journal) fn conversation() -> Conversation {
    let mut state = Conversation::new(workspace_id(1), conversation_id(2));
    for (name, entry) in entries() {
        if name == "left" {
            break;
        }
        state.apply(&entry);
    }
    let mut script = Script { state };
    script.say(1_700_000_007_000, Party::Customer, "Still there?");
    script.say(1_700_000_008_000, Party::Customer, "Hello?");
    script.say(1_700_000_009_000, Party::Agent { member: member_id(3) }, "Yes.");
    let mut state = script.state;
    let clients = state.clients.parties.get_mut(&Party::Customer).unwrap();
    clients.forgotten = Some(InstanceId::from_bytes([0x0f; 16]));
    clients.instances[0].dropped = 1;
    state
}

/// An entry of a workspace of each kind of event.
pub(in crate::journal) fn workspace_entries() -> Vec<(&'static str, WorkspaceEntry)> {
    let entry = |revision, by, events| WorkspaceEntry {
        workspace: workspace_id(1),
        revision,
        at: Timestamp::from_millis(1_700_000_000_000 + i64::try_from(revision).unwrap()),
        by,
        origin: None,
        events,
    };
    let member = |name: &str, role, n| Member {
        name: DisplayName::new(name).unwrap(),
        role,
        token_hash: TokenHash([n; 32]),
    };
    let added = |n, name: &str, role| WorkspaceEvent::MemberAdded {
        member: member_id(n),
        details: member(name, role, n),
    };
    let profile = |n, greeting: Option<Message>| WorkspaceEvent::ProfileAdded {
        profile: ProfileId::from_bytes([n; 16]),
        details: Profile { title: ProfileTitle::new("Support").unwrap(), greeting },
    };
    let created = WorkspaceEvent::Created { name: ProfileTitle::new("데모").unwrap() };
    vec![
        ("created", entry(1, None, vec![created, added(3, "Kim", Role::Owner)])),
        ("admin_added", entry(2, Some(member_id(3)), vec![added(4, "Lee", Role::Admin)])),
        ("editor_added", entry(3, None, vec![added(5, "Park", Role::Editor)])),
        ("readonly_added", entry(4, None, vec![added(6, "Choi", Role::Readonly)])),
        ("profile_added", entry(5, None, vec![profile(0x70, Some(said("Welcome!")))])),
        ("silent_profile_added", entry(6, None, vec![profile(0x71, None)])),
    ]
}

/// A workspace with something in every field.
pub(in crate::journal) fn workspace() -> Workspace {
    let mut state = Workspace::new(workspace_id(1));
    for (_, entry) in workspace_entries() {
        state.apply(&entry);
    }
    state
}

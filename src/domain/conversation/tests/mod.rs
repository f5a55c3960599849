//! The rules of a conversation, told as given / when / then.
//!
//! Owns the story that such a test tells: what has happened, what somebody does, what becomes of it. The
//! tests are in files of their own, by what they are about; `random` holds every rule at once against
//! `model`, a plain list.

#![allow(clippy::unwrap_used, clippy::panic)]

mod calling;
mod coming;
mod course;
mod describing;
mod ending;
mod epochs;
mod history;
mod model;
mod once;
mod parking;
mod random;
mod reading;
mod seeing;
mod serving;
mod talking;

use std::collections::BTreeMap;

use switchboard_protocol::vocabulary::{
    ConsultationId, Content, ConversationId, InstanceId, MemberId, MessageText, Party, Platform, ProfileId,
    Seq, Timestamp, UserKey, WorkspaceId,
};

use super::*;
use crate::domain::consultation::How;
use crate::domain::customer::Details;
use crate::domain::identity::{CustomerKey, Identity, Reader};
use crate::domain::message::Message;

/// A conversation and everything that was recorded of it.
struct Story {
    state: Conversation,
    entries: Vec<Entry>,
    /// The time of the next command; nothing moves it but the test.
    now: i64,
    service: Service,
    doors: Doors,
    present: Option<Present>,
    counters: BTreeMap<Party, u64>,
}

/// What became of a command.
#[must_use]
struct Outcome(Result<Decision, Rejection>);

/// These commands were given and accepted, in this order.
fn given(commands: impl IntoIterator<Item = (Identity, Action)>) -> Story {
    let state = Conversation::new(WORKSPACE, CONVERSATION);
    let mut story = Story {
        state,
        entries: Vec::new(),
        now: 1_000,
        service: Service::default(),
        doors: Doors::Open,
        present: None,
        counters: BTreeMap::new(),
    };
    for (who, action) in commands {
        let accepted = story.when(&who, action);
        assert!(matches!(accepted.0, Ok(Decision::Record(_))), "{:?}", accepted.0);
    }
    story
}

impl Story {
    /// Somebody gives a command, with the next counter of theirs.
    fn when(&mut self, who: &Identity, action: Action) -> Outcome {
        let counter = self.counters.entry(who.party()).or_default();
        *counter += 1;
        let counter = *counter;
        self.when_sent(who, 1, counter, action)
    }

    /// A client of somebody's sends a command, for the first time or again.
    fn when_sent(&mut self, who: &Identity, client: u8, counter: u64, action: Action) -> Outcome {
        let origin = Origin { party: who.party(), instance: instance(client), counter };
        let command = Command { identity: who.clone(), origin, action };
        let decided = decide(&self.state, &command, &self.context());
        if let Ok(Decision::Record(entry)) = &decided {
            self.state.apply(entry);
            self.entries.push(entry.clone());
        }
        Outcome(decided)
    }

    /// The engine itself does something.
    fn when_own(&mut self, action: &OwnAction) -> Result<Option<Entry>, Rejection> {
        let decided = decide_own(&self.state, action, &self.context());
        if let Ok(Some(entry)) = &decided {
            self.state.apply(entry);
            self.entries.push(entry.clone());
        }
        decided
    }

    fn context(&self) -> Context<'_> {
        let (now, policy) = (Timestamp::from_millis(self.now), Policy { text_chars_max: TEXT_CHARS_MAX });
        Context { now, policy, service: &self.service, doors: self.doors, present: self.present.as_ref() }
    }

    /// What a reader has of it all.
    fn seen_by(&self, reader: Reader) -> Vec<(u64, What)> {
        let seen = self.entries.iter().flat_map(|entry| entry.seen_by(reader));
        seen.map(|seen| (seen.seq.get(), seen.event.what.clone())).collect()
    }
}

impl Outcome {
    /// It is recorded as these events, all by the one who gave the command.
    fn becomes<const N: usize>(self, expected: [What; N]) -> Entry {
        let entry = self.recorded();
        let by = entry.origin.map(|origin| origin.party);
        assert!(entry.events.iter().all(|event| Some(event.by) == by), "{entry:?}");
        let whats: Vec<_> = entry.events.iter().map(|event| event.what.clone()).collect();
        assert_eq!(whats, Vec::from(expected));
        entry
    }

    fn recorded(self) -> Entry {
        match self.0 {
            Ok(Decision::Record(entry)) => entry,
            other => panic!("not recorded: {other:?}"),
        }
    }

    fn refused(self, rejection: Rejection) {
        assert_eq!(self.0, Err(rejection));
    }

    fn already_so(self) {
        assert_eq!(self.0, Ok(Decision::AlreadySo));
    }

    fn answered_as(self, entry: &Entry) {
        assert_eq!(self.0, Ok(Decision::Answered(answer_of(entry))));
    }
}

fn instance(n: u8) -> InstanceId {
    InstanceId::from_bytes([n; 16])
}

fn key(user: &str) -> CustomerKey {
    CustomerKey {
        profile: ProfileId::from_bytes([7; 16]),
        platform: Platform::new("web").unwrap(),
        user_key: UserKey::new(user).unwrap(),
    }
}

fn customer() -> Identity {
    Identity::Customer { workspace: WORKSPACE, customer: key("minji") }
}

/// A customer too, of another conversation.
fn stranger() -> Identity {
    Identity::Customer { workspace: WORKSPACE, customer: key("stranger") }
}

const fn agent(member: MemberId) -> Identity {
    Identity::Member { workspace: WORKSPACE, member }
}

/// A member with Ada's id, of another workspace.
const fn outsider() -> Identity {
    Identity::Member { workspace: ELSEWHERE, member: ADA }
}

/// A customer of the same names, of another workspace.
fn customer_elsewhere() -> Identity {
    Identity::Customer { workspace: ELSEWHERE, customer: key("minji") }
}

fn text(text: &str) -> Content {
    Content::text(MessageText::new(text).unwrap())
}

fn said(words: &str) -> Message {
    Message::plain(text(words))
}

fn start() -> Action {
    Action::Start { customer: key("minji"), greeting: None, known: Details::default(), former: None }
}

fn post(words: &str) -> Action {
    Action::Post { content: text(words) }
}

const fn take() -> Action {
    Action::Take { consultation: CONSULTATION, epoch: None }
}

/// What taking a conversation with the bot becomes.
const fn stepped_in(member: MemberId) -> What {
    What::Assigned { member, how: How::SteppedIn { consultation: CONSULTATION } }
}

fn read(up_to: u64) -> Action {
    Action::Read { up_to: Seq::new(up_to).unwrap() }
}

fn message(words: &str) -> What {
    What::Message(said(words))
}

fn place(staff: u64, customer: u64) -> Place {
    Place { staff: Seq::new(staff).unwrap(), customer: Seq::new(customer).unwrap() }
}

const WORKSPACE: WorkspaceId = WorkspaceId::from_bytes([1; 16]);
const ELSEWHERE: WorkspaceId = WorkspaceId::from_bytes([2; 16]);
const CONVERSATION: ConversationId = ConversationId::from_bytes([3; 16]);
const CONSULTATION: ConsultationId = ConsultationId::from_bytes([4; 16]);
const ADA: MemberId = MemberId::from_bytes([0xa; 16]);
const BEN: MemberId = MemberId::from_bytes([0xb; 16]);
const CID: MemberId = MemberId::from_bytes([0xc; 16]);

/// The setting in force in these tests.
const TEXT_CHARS_MAX: usize = 8;

//! Sequences of commands to a conversation.
//!
//! Owns the rules that hold after every command, whoever gives it and however often: the same is decided
//! twice, the sequences have no gaps, time does not run back, and nothing is done twice. Must not know how the
//! rules are carried out.

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use switchboard::domain::conversation::{
    Action, Answer, Command, Context, Conversation, Decision, Entry, Origin, Policy, answer_of, decide,
};
use switchboard::domain::customer::{Details, DetailsChange, Edit};
use switchboard::domain::identity::{CustomerKey, Identity, Reader};
use switchboard::domain::message::Message;
use switchboard_protocol::vocabulary::{
    CategoryPath, ConsultationId, Content, ConversationId, CustomerName, InstanceId, MemberId, MessageText,
    Phone, Platform, ProfileId, Seq, Timestamp, UserKey, WorkspaceId,
};

/// The bytes are read as choices, one command after the other.
pub fn commands(data: &[u8]) {
    let mut choices = Unstructured::new(data);
    let mut story = Story::default();
    // It ends when there are no more bytes.
    while !choices.is_empty() && story.next(&mut choices).is_ok() {}
}

struct Story {
    state: Conversation,
    entries: Vec<Entry>,
    tried: BTreeMap<Origin, Command>,
    accepted: BTreeMap<Origin, Answer>,
    now: i64,
}

impl Default for Story {
    fn default() -> Self {
        let state = Conversation::new(WORKSPACE, CONVERSATION);
        let (entries, tried, accepted) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        Self { state, entries, tried, accepted, now: 1_000 }
    }
}

impl Story {
    fn next(&mut self, choices: &mut Unstructured<'_>) -> Result<()> {
        self.now += i64::from(choices.arbitrary::<i16>()?);
        let identity = somebody(choices.int_in_range(0..=4)?);
        let instance = InstanceId::v7(1_000, [choices.int_in_range(1..=20)?; 10]);
        let counter = choices.int_in_range(1..=80)?;
        let origin = Origin { party: identity.party(), instance, counter };
        let action = self.action(&identity, choices)?;
        // A client uses a counter for one command only.
        let command =
            self.tried.entry(origin).or_insert_with(|| Command { identity, origin, action }).clone();
        self.run(&command);
        Ok(())
    }

    fn action(&self, identity: &Identity, choices: &mut Unstructured<'_>) -> Result<Action> {
        Ok(match choices.int_in_range(0..=14)? {
            0 => Action::Start {
                customer: customer(0),
                greeting: None,
                known: Details::default(),
                former: None,
            },
            1 => Action::Start {
                customer: customer(choices.int_in_range(0..=1)?),
                greeting: Some(Message::plain(text("Hi"))),
                known: details(choices)?,
                former: None,
            },
            2 => Action::Post { content: Content::Unknown },
            3 => {
                let last = self.state.last.of(identity.reader()).get();
                let up_to = last.saturating_add_signed(choices.arbitrary::<i8>()?.into());
                Action::Read { up_to: Seq::new(up_to).unwrap_or(Seq::MAX) }
            }
            4 => Action::Join,
            5 => Action::Leave,
            6 => Action::Take { consultation: ConsultationId::from_bytes([6; 16]), epoch: None },
            7 => Action::Complete { epoch: None },
            8 => Action::Call {
                consultation: ConsultationId::from_bytes([choices.arbitrary()?; 16]),
                category: CategoryPath::default(),
            },
            9 => Action::Cancel,
            10 => Action::Transfer {
                from: MemberId::from_bytes([choices.int_in_range(2..=3)?; 16]),
                to: MemberId::from_bytes([choices.int_in_range(2..=4)?; 16]),
                epoch: None,
            },
            11 => {
                let Details { name, phone, .. } = details(choices)?;
                let name = name.map_or(Edit::Clear, Edit::Set);
                let phone = phone.map_or(Edit::Leave, Edit::Set);
                Action::Describe {
                    change: Box::new(DetailsChange { name, phone, ..DetailsChange::default() }),
                }
            }
            _ => {
                let chars = choices.int_in_range(1..=12)?;
                Action::Post { content: text(&"가".repeat(chars)) }
            }
        })
    }

    fn run(&mut self, command: &Command) {
        let policy = Policy { text_chars_max: TEXT_CHARS_MAX };
        let context = Context::plain(Timestamp::from_millis(self.now), policy);
        let decided = decide(&self.state, command, &context);
        assert_eq!(decided, decide(&self.state, command, &context), "the same, decided again");
        match decided {
            Ok(Decision::Record(entry)) => {
                let before = self.accepted.insert(command.origin, answer_of(&entry));
                assert_eq!(before, None, "done a second time");
                self.record(entry);
            }
            Ok(Decision::Answered(answer)) => {
                assert_eq!(self.accepted.get(&command.origin), Some(&answer), "answered otherwise");
            }
            // What was forgotten, or refused, is not looked into: `decide` has tests of its own.
            Ok(Decision::AlreadySo | Decision::AcceptedLongAgo) | Err(_) => {}
        }
    }

    fn record(&mut self, entry: Entry) {
        assert_eq!(entry.revision, self.state.revision + 1);
        assert_eq!(entry.before, self.state.last);
        assert!(entry.at >= self.state.last_at, "time runs back");
        for reader in [Reader::Customer, Reader::Staff] {
            let mut last = entry.before.of(reader);
            for seen in entry.seen_by(reader) {
                assert_eq!(seen.seq, last.next(), "a gap or a repeat");
                last = seen.seq;
            }
            assert_eq!(last, entry.after().of(reader));
        }
        self.state.apply(&entry);
        assert_eq!(self.state.last, entry.after());
        switchboard::journal::fuzzing::is_stored_as_itself(&entry, &self.state);
        self.entries.push(entry);
        let mut replayed = Conversation::new(WORKSPACE, CONVERSATION);
        self.entries.iter().for_each(|entry| replayed.apply(entry));
        assert_eq!(replayed, self.state, "replayed otherwise");
    }
}

fn somebody(who: u8) -> Identity {
    match who {
        0 | 1 => Identity::Customer { workspace: WORKSPACE, customer: customer(who) },
        2 | 3 => Identity::Member { workspace: WORKSPACE, member: MemberId::from_bytes([who; 16]) },
        _ => {
            let (workspace, member) = (WorkspaceId::from_bytes([9; 16]), MemberId::from_bytes([9; 16]));
            Identity::Member { workspace, member }
        }
    }
}

fn customer(who: u8) -> CustomerKey {
    CustomerKey {
        profile: ProfileId::from_bytes([3; 16]),
        platform: Platform::new("web").unwrap(),
        user_key: UserKey::new(format!("customer {who}")).unwrap(),
    }
}

fn details(choices: &mut Unstructured<'_>) -> Result<Details> {
    let name = CustomerName::new(format!("name {}", choices.int_in_range(0..=2)?)).ok();
    let phone = Phone::new("123").ok().filter(|_| name.is_some());
    Ok(Details { name: name.filter(|name| !name.as_str().ends_with('0')), phone, ..Details::default() })
}

fn text(text: &str) -> Content {
    Content::text(MessageText::new(text).unwrap())
}

const WORKSPACE: WorkspaceId = WorkspaceId::from_bytes([1; 16]);
const CONVERSATION: ConversationId = ConversationId::from_bytes([2; 16]);

/// Short, so that some are too long.
const TEXT_CHARS_MAX: usize = 10;

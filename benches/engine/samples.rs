//! What is measured with: messages, conversations, a journal on disk.
//!
//! Owns the making of them. Must not know what is measured.

use std::sync::{Arc, mpsc};

use switchboard::domain::conversation::{
    Action, Command, Context, Conversation, Decision, Entry, Event, Origin, Place, Policy, What, decide,
};
use switchboard::domain::customer::Details;
use switchboard::domain::identity::{CustomerKey, Identity};
use switchboard::domain::message::Message;
use switchboard::journal::{
    Incarnation, Journal, JournalOptions, OpenedConversation, Resolved, Term, TicketSink,
};
use switchboard_protocol::vocabulary::{
    Content, ConversationId, InstanceId, MessageText, Party, Platform, ProfileId, Seq, Timestamp, UserKey,
    WorkspaceId,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The messages' size, in bytes.
pub(crate) const MESSAGE_BYTES: usize = 200;

pub(crate) const WORKSPACE: WorkspaceId = WorkspaceId::from_bytes([1; 16]);

pub(crate) fn content() -> Content {
    Content::text(MessageText::new("x".repeat(MESSAGE_BYTES)).unwrap())
}

pub(crate) fn conversation_id(number: u64) -> ConversationId {
    let mut bytes = [2; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    ConversationId::from_bytes(bytes)
}

pub(crate) fn profile(number: u64) -> ProfileId {
    let mut bytes = [3; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    ProfileId::from_bytes(bytes)
}

pub(crate) fn customer(number: u64) -> CustomerKey {
    CustomerKey {
        profile: profile(0),
        platform: Platform::new("web").unwrap(),
        user_key: UserKey::new(format!("customer-{number}")).unwrap(),
    }
}

/// A command of the customer of a conversation.
pub(crate) fn command(number: u64, counter: u64, action: Action) -> Command {
    let identity = Identity::Customer { workspace: WORKSPACE, customer: customer(number) };
    let origin = Origin { party: identity.party(), instance: InstanceId::from_bytes([4; 16]), counter };
    Command { identity, origin, action }
}

pub(crate) fn context(counter: u64) -> Context<'static> {
    Context::plain(Timestamp::from_millis(counter as i64), Policy::default())
}

/// What a message of the customer becomes.
#[allow(clippy::panic, reason = "a bench that measures something else must not go on")]
pub(crate) fn decided(state: &Conversation, command: &Command, context: &Context<'_>) -> Entry {
    match decide(state, command, context).unwrap() {
        Decision::Record(entry) => entry,
        other => unreachable!("a message is recorded: {other:?}"),
    }
}

/// A conversation that has begun and in which so many messages were posted.
pub(crate) fn conversation(messages: u64) -> Conversation {
    let mut state = Conversation::new(WORKSPACE, conversation_id(0));
    let start =
        Action::Start { customer: customer(0), greeting: None, known: Details::default(), former: None };
    let entry = decided(&state, &command(0, 1, start), &context(1));
    state.apply(&entry);
    for counter in 2..messages + 2 {
        let post = Action::Post { content: content() };
        let entry = decided(&state, &command(0, counter, post), &context(counter));
        state.apply(&entry);
    }
    state
}

/// Entry `revision` of a conversation: its beginning, or a message.
pub(crate) fn entry(number: u64, revision: u64) -> Entry {
    let before = Seq::new(revision - 1).unwrap();
    let what = match revision {
        1 => What::Started { customer: customer(number), former: None },
        _ => What::Message(Message::plain(content())),
    };
    Entry {
        conversation: conversation_id(number),
        revision,
        before: Place { staff: before, customer: before },
        at: Timestamp::from_millis(revision as i64),
        origin: Some(Origin {
            party: Party::Customer,
            instance: InstanceId::from_bytes([4; 16]),
            counter: revision,
        }),
        epoch: None,
        events: vec![Event { by: Party::Customer, what }],
    }
}

/// A folder on the disk of the build folder, which is no memory.
pub(crate) fn folder() -> TempDir {
    tempfile::Builder::new().prefix("bench-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// An open journal, and the conversations that can be appended to.
pub(crate) struct Bench {
    pub(crate) runtime: Runtime,
    pub(crate) journal: Journal,
    term: Term,
    conversations: Vec<Open>,
    tickets: mpsc::Receiver<u64>,
    say: mpsc::Sender<u64>,
    /// Conversations are with so many profiles, one after the other.
    pub(crate) profiles: u64,
}

struct Open {
    incarnation: Incarnation,
    revision: u64,
}

/// Says which conversation has a ticket.
struct Sink(u64, mpsc::Sender<u64>);

impl TicketSink for Sink {
    fn resolved(&self, resolved: Resolved) {
        if let Resolved::Durable { .. } = resolved {
            // Nobody waits after the last one.
            let _ = self.1.send(self.0);
        }
    }
}

impl Bench {
    /// Opens a journal.
    pub(crate) fn start(options: &JournalOptions) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (journal, _) = Journal::start(options, &mut |_| {}).unwrap();
        let (say, tickets) = mpsc::channel();
        let sink = Arc::new(Sink(u64::MAX, say.clone()));
        let term = runtime.block_on(journal.open_workspace(WORKSPACE, sink)).unwrap().term;
        Self { runtime, journal, term, conversations: Vec::new(), tickets, say, profiles: 1 }
    }

    /// Stops the journal and lets its store go, so that it can be opened again.
    pub(crate) fn stop(self) {
        self.journal.stop().unwrap();
    }

    /// Opens conversations `0..count` for appending.
    pub(crate) fn open(&mut self, count: u64) {
        self.conversations.clear();
        for number in 0..count {
            let OpenedConversation { state, incarnation } = self.open_one(number);
            self.conversations.push(Open { incarnation, revision: state.revision });
        }
    }

    /// Opens one conversation, which ends its earlier incarnation.
    pub(crate) fn open_one(&self, number: u64) -> OpenedConversation {
        let sink = Arc::new(Sink(number, self.say.clone()));
        let opening = self.journal.open_conversation(WORKSPACE, self.term, conversation_id(number), sink);
        self.runtime.block_on(opening).unwrap()
    }

    /// Appends so many messages, one outstanding in each open conversation, and waits for all.
    pub(crate) fn append(&mut self, messages: u64) {
        let first = messages.min(self.conversations.len() as u64);
        (0..first).for_each(|number| self.append_one(number));
        for _ in first..messages {
            let number = self.tickets.recv().unwrap();
            self.append_one(number);
        }
        for _ in 0..first {
            self.tickets.recv().unwrap();
        }
    }

    fn append_one(&mut self, number: u64) {
        let open = &mut self.conversations[number as usize];
        open.revision += 1;
        let mut entry = entry(number, open.revision);
        for event in &mut entry.events {
            if let What::Started { customer, .. } = &mut event.what {
                customer.profile = profile(number % self.profiles);
            }
        }
        self.journal.append_conversation(WORKSPACE, open.incarnation, &entry).unwrap();
    }
}

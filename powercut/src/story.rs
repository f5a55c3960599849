//! What is written: the same for the same seed, whoever asks.
//!
//! Owns the entries of every stream, of all sizes that the journal takes, and their digests. Must not
//! know what became of them.

use fastrand::Rng;
use sha2::{Digest as _, Sha256};
use switchboard::domain::conversation::{Conversation, Entry, Event, Origin, What};
use switchboard::domain::identity::CustomerKey;
use switchboard::domain::mask::{Mask, MaskAfter};
use switchboard::domain::message::Message;
use switchboard::domain::workspace::{Member, Role, TokenHash, Workspace, WorkspaceEntry, WorkspaceEvent};
use switchboard_protocol::vocabulary::{
    Content, ConversationId, DisplayName, InstanceId, MemberId, MessageText, Party, Platform, ProfileId,
    ProfileTitle, TextError, Timestamp, UserKey, WorkspaceId,
};

/// Streams: the workspace, which is stream 0, and its conversations.
pub const STREAMS: u8 = 25;

/// The stream of the workspace.
pub const WORKSPACE: u8 = 0;

/// A workspace does not grow further than this many entries.
pub const WORKSPACE_ENTRIES_MAX: u64 = 60;

/// What is written with a seed.
#[derive(Debug, Clone, Copy)]
pub struct Story {
    seed: u64,
}

impl Story {
    /// The story of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Whether it is one of long lives with much in the store that is not synced.
    #[must_use]
    pub const fn is_long(&self) -> bool {
        self.seed % 16 == 15
    }

    /// The workspace before anything has happened.
    #[must_use]
    pub fn workspace() -> Workspace {
        Workspace::new(WORKSPACE_ID)
    }

    /// A conversation before anything has happened.
    #[must_use]
    pub fn conversation(stream: u8) -> Conversation {
        Conversation::new(WORKSPACE_ID, conversation_id(stream))
    }

    /// The next entry of the workspace.
    ///
    /// # Errors
    /// None: all its texts keep the rules.
    pub fn next_of_workspace(&self, state: &Workspace) -> Result<WorkspaceEntry, TextError> {
        let revision = state.revision + 1;
        let mut rng = self.rng(WORKSPACE, revision);
        let mut token_hash = [0; 32];
        rng.fill(&mut token_hash);
        let details = Member {
            name: DisplayName::new(format!("member {}", rng.u32(..)))?,
            role: if revision == 1 { Role::Owner } else { Role::Editor },
            token_hash: TokenHash(token_hash),
        };
        let added =
            WorkspaceEvent::MemberAdded { member: MemberId::from_bytes(rng.u128(..).to_be_bytes()), details };
        let created = WorkspaceEvent::Created { name: ProfileTitle::new("Support")? };
        let events = if revision == 1 { vec![created, added] } else { vec![added] };
        Ok(WorkspaceEntry {
            workspace: state.id,
            revision,
            at: time(revision),
            by: None,
            origin: None,
            events,
        })
    }

    /// The next entry of a conversation.
    ///
    /// # Errors
    /// None: all its texts keep the rules.
    pub fn next(&self, stream: u8, state: &Conversation) -> Result<Entry, TextError> {
        let revision = state.revision + 1;
        let mut rng = self.rng(stream, revision);
        let party = Party::Customer;
        let mut events = Vec::new();
        if revision == 1 {
            let customer = CustomerKey {
                profile: ProfileId::from_bytes([0x70; 16]),
                platform: Platform::new("web")?,
                user_key: UserKey::new(format!("customer {stream}"))?,
            };
            events.push(Event { by: party, what: What::Started { customer, former: None } });
        }
        for length in self.sizes(&mut rng) {
            let content = Content::text(MessageText::new(text(&mut rng, length))?);
            let masks = masks(&mut rng, length as u32);
            events
                .push(Event { by: party, what: What::Message(Message { masks, ..Message::plain(content) }) });
        }
        let instance = InstanceId::from_bytes([0x1e; 16]);
        Ok(Entry {
            conversation: state.id,
            revision,
            before: state.last,
            at: if is_early(stream) { time(revision) } else { late_time(revision) },
            origin: Some(Origin { party, instance, counter: revision }),
            epoch: None,
            events,
        })
    }

    /// How many characters the messages of an entry have: one seed tells of short messages, another of
    /// all sizes, another of many large ones.
    fn sizes(self, rng: &mut Rng) -> Vec<usize> {
        let (large, long) = match self.seed % 4 {
            0 | 1 => (0, 3),
            2 => (1, 20),
            _ => (15, 40),
        };
        match rng.u8(..100) {
            chance if chance < large => vec![TEXT_CHARS_MAX; rng.usize(1..=MESSAGES_MAX)],
            chance if chance < large + long => vec![rng.usize(200..=TEXT_CHARS_MAX)],
            _ => vec![rng.usize(1..=200)],
        }
    }

    fn rng(self, stream: u8, revision: u64) -> Rng {
        let mut rng = Rng::with_seed(self.seed);
        let (one, two) = (rng.u64(..) | 1, rng.u64(..) | 1);
        Rng::with_seed(one.wrapping_mul(u64::from(stream) + 1) ^ two.wrapping_mul(revision))
    }
}

/// The workspace of all stories.
pub const WORKSPACE_ID: WorkspaceId = WorkspaceId::from_bytes([7; 16]);

/// The conversation of a stream.
#[must_use]
pub const fn conversation_id(stream: u8) -> ConversationId {
    ConversationId::from_bytes([stream; 16])
}

/// Tells an entry apart from every other, also by what its messages say: but for what is masked by now.
#[must_use]
pub fn digest_of_entry(entry: &Entry) -> String {
    let shown = entry.shown_at(BETWEEN);
    let entry = shown.as_ref().unwrap_or(entry);
    let mut sum = Sha256::new();
    sum.update(format!("{entry:?}"));
    for event in &entry.events {
        if let What::Message(Message { content: Content::Text { text, .. }, .. }) = &event.what {
            sum.update(text.as_str());
        }
    }
    hex(&sum.finalize())
}

/// Tells a state of the workspace apart from every other.
#[must_use]
pub fn digest_of_workspace(state: &Workspace) -> String {
    hex(&Sha256::digest(format!("{state:?}")))
}

fn hex(sum: &[u8]) -> String {
    sum.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// A text of characters of one to four bytes.
fn text(rng: &mut Rng, length: usize) -> String {
    let alphabet = ["abcdefgh", "äöüßñçøå", "안녕하세요다라", "🙂🎈🚀🌍🍀🎲🐙🌈"];
    let letters: Vec<char> = rng.choice(alphabet).unwrap_or("abcdefgh").chars().collect();
    (0..length).map(|_| letters[rng.usize(..letters.len())]).collect()
}

/// Parts of some messages are masked: some minutes or some hours after they were sent.
fn masks(rng: &mut Rng, length: u32) -> Vec<Mask> {
    let count = if rng.u8(..8) == 0 { rng.u32(1..=2) } else { 0 };
    let minutes = (0..count).map(|_| rng.u64(1..600) * 60_000);
    let masks = minutes.filter_map(MaskAfter::from_millis).zip(1..);
    masks.map(|(after, nth)| Mask { from: length / 4 * nth, to: length / 4 * nth + 1, after }).collect()
}

/// Of every third conversation the masks are not due yet, of all others they have long been.
const fn is_early(stream: u8) -> bool {
    !stream.is_multiple_of(3)
}

const fn late_time(revision: u64) -> Timestamp {
    Timestamp::from_millis(4_000_000_000_000 + revision.cast_signed())
}

/// After every mask of the early conversations is due, and before those of the late ones are. So is the
/// time of day.
const BETWEEN: Timestamp = Timestamp::from_millis(3_000_000_000_000);

const fn time(revision: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + revision.cast_signed())
}

const TEXT_CHARS_MAX: usize = 4_000;

/// So many of the largest messages are just below the largest record that the journal takes.
const MESSAGES_MAX: usize = 7;

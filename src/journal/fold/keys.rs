//! Where each fold is in the store.
//!
//! Owns the layout of keys: a letter for the kind, then ids, so that what is read together lies
//! together and nobody's key can reach into another workspace. Must not know values.

use switchboard_protocol::vocabulary::{ConsultationId, ConversationId, MemberId, Timestamp, WorkspaceId};

use crate::domain::identity::CustomerKey;
use crate::domain::listing::{ListPlace, Stretch};
use crate::journal::{Position, Stream};

/// How far the folds are.
pub(in crate::journal) const MARK: &[u8] = b"m";

/// The workspaces.
pub(in crate::journal) const WORKSPACES: &[u8] = b"w";

/// All pages.
pub(in crate::journal) const PAGES: &[u8] = b"p";

/// All rows.
pub(in crate::journal) const ROWS: &[u8] = b"r";

/// All places of rows in lists.
pub(in crate::journal) const LISTS: &[u8] = b"l";

/// Of which layout the store is.
pub(in crate::journal) const LAYOUT: &[u8] = b"v";

/// All consultations that are over.
pub(in crate::journal) const RECORDS: &[u8] = b"e";

/// When each member was last assigned something automatically.
pub(in crate::journal) const TURNS: &[u8] = b"t";

/// All places of rows in the lists of those who answer for them.
pub(in crate::journal) const THEIRS: &[u8] = b"b";

/// The conversations with a consultation that goes on.
pub(in crate::journal) const OPEN: &[u8] = b"o";

/// Which conversation each customer has now.
pub(in crate::journal) const CUSTOMERS: &[u8] = b"c";

/// Which conversations each customer has had.
pub(in crate::journal) const TALKS: &[u8] = b"k";

/// All snapshots of conversations.
pub(in crate::journal) const SNAPSHOTS: &[u8] = b"s";

/// When which page has something that is to be erased.
pub(in crate::journal) const DUE: &[u8] = b"d";

/// What happened to workspaces.
pub(in crate::journal) const AUDITS: &[u8] = b"a";

/// The streams that were found damaged.
pub(in crate::journal) const DAMAGE: &[u8] = b"x";

/// The pages of a conversation.
pub(in crate::journal) fn pages(workspace: WorkspaceId, conversation: ConversationId) -> Vec<u8> {
    key(PAGES, &[workspace.as_bytes(), conversation.as_bytes()])
}

/// The page of a conversation that begins with a revision.
pub(in crate::journal) fn page(workspace: WorkspaceId, conversation: ConversationId, first: u64) -> Vec<u8> {
    key(PAGES, &[workspace.as_bytes(), conversation.as_bytes(), &first.to_be_bytes()])
}

/// Which page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::journal) struct PageKey {
    /// Of which workspace.
    pub(in crate::journal) workspace: WorkspaceId,
    /// Of which conversation.
    pub(in crate::journal) conversation: ConversationId,
    /// The revision that it begins with.
    pub(in crate::journal) first: u64,
}

/// That a page has something that is due at a time; earlier times come first.
pub(in crate::journal) fn due(due: Timestamp, page: &PageKey) -> Vec<u8> {
    let PageKey { workspace, conversation, first } = page;
    // Flipping the sign orders negative times before the others.
    let due = (due.as_millis() ^ i64::MIN).to_be_bytes();
    key(DUE, &[&due, workspace.as_bytes(), conversation.as_bytes(), &first.to_be_bytes()])
}

/// What such a key says.
pub(in crate::journal) fn due_of(key: &[u8]) -> Option<(Timestamp, PageKey)> {
    let (due, rest) = key.strip_prefix(DUE)?.split_first_chunk::<8>()?;
    let (workspace, rest) = rest.split_first_chunk()?;
    let (conversation, first) = rest.split_first_chunk()?;
    let page = PageKey {
        workspace: WorkspaceId::from_bytes(*workspace),
        conversation: ConversationId::from_bytes(*conversation),
        first: u64::from_be_bytes(first.try_into().ok()?),
    };
    Some((Timestamp::from_millis(i64::from_be_bytes(*due) ^ i64::MIN), page))
}

/// The row of a conversation.
pub(in crate::journal) fn row(workspace: WorkspaceId, conversation: ConversationId) -> Vec<u8> {
    key(ROWS, &[workspace.as_bytes(), conversation.as_bytes()])
}

/// All places in a stretch of the lists.
pub(in crate::journal) fn list(workspace: WorkspaceId, Stretch { profile, of, list }: Stretch) -> Vec<u8> {
    let (workspace, profile, list) = (workspace.as_bytes(), profile.as_bytes(), &[list.number()]);
    match of {
        Some(member) => key(THEIRS, &[workspace, member.as_bytes(), profile, list]),
        None => key(LISTS, &[workspace, profile, list]),
    }
}

/// A place in a stretch of the lists.
pub(in crate::journal) fn list_place(workspace: WorkspaceId, stretch: Stretch, place: ListPlace) -> Vec<u8> {
    let mut key = self::list(workspace, stretch);
    key.extend_from_slice(&place_bytes(place));
    key
}

/// The consultations of a workspace that go on.
pub(in crate::journal) fn all_open(workspace: WorkspaceId) -> Vec<u8> {
    key(OPEN, &[workspace.as_bytes()])
}

/// The mark that a conversation has a consultation that goes on.
pub(in crate::journal) fn open(workspace: WorkspaceId, conversation: ConversationId) -> Vec<u8> {
    key(OPEN, &[workspace.as_bytes(), conversation.as_bytes()])
}

/// The conversation that a key of an open consultation names.
pub(in crate::journal) fn open_conversation_of(key: &[u8]) -> Option<ConversationId> {
    key.get(17..).and_then(|id| id.try_into().ok()).map(ConversationId::from_bytes)
}

/// The consultations of a conversation that are over, the last to end first.
pub(in crate::journal) fn records(workspace: WorkspaceId, conversation: ConversationId) -> Vec<u8> {
    key(RECORDS, &[workspace.as_bytes(), conversation.as_bytes()])
}

/// The record of a consultation that is over.
pub(in crate::journal) fn record(
    workspace: WorkspaceId,
    conversation: ConversationId,
    place: RecordPlace,
) -> Vec<u8> {
    key(RECORDS, &[workspace.as_bytes(), conversation.as_bytes(), &place.0])
}

/// The place that a key of a record has.
pub(in crate::journal) fn record_place_of(key: &[u8]) -> Option<RecordPlace> {
    key.get(33..).and_then(|place| place.try_into().ok()).map(RecordPlace)
}

/// When the members of a workspace were last assigned something automatically.
pub(in crate::journal) fn turns(workspace: WorkspaceId) -> Vec<u8> {
    key(TURNS, &[workspace.as_bytes()])
}

/// When a member was last assigned something automatically.
pub(in crate::journal) fn turn(workspace: WorkspaceId, member: MemberId) -> Vec<u8> {
    key(TURNS, &[workspace.as_bytes(), member.as_bytes()])
}

/// The member and the place in the log that such a pair says.
pub(in crate::journal) fn turn_of(key: &[u8], value: &[u8]) -> Option<(MemberId, Position)> {
    let member = key.get(17..).and_then(|id| id.try_into().ok()).map(MemberId::from_bytes)?;
    Some((member, Position(u64::from_be_bytes(value.try_into().ok()?))))
}

/// The place that a key of a list has.
pub(in crate::journal) fn list_place_of(key: &[u8]) -> Option<ListPlace> {
    key.last_chunk().map(place_of)
}

/// The conversation that a customer has now.
pub(in crate::journal) fn customer(workspace: WorkspaceId, customer: &CustomerKey) -> Vec<u8> {
    of_customer(CUSTOMERS, workspace, customer)
}

/// The conversations that a customer has had, the last to begin first.
pub(in crate::journal) fn talks(workspace: WorkspaceId, customer: &CustomerKey) -> Vec<u8> {
    of_customer(TALKS, workspace, customer)
}

/// The mark of a conversation of a customer's that has begun at a position.
pub(in crate::journal) fn talk(workspace: WorkspaceId, customer: &CustomerKey, begun: Position) -> Vec<u8> {
    let mut key = talks(workspace, customer);
    key.extend_from_slice(&(!begun.0).to_be_bytes());
    key
}

/// The pieces of a workspace.
pub(in crate::journal) fn workspace(workspace: WorkspaceId) -> Vec<u8> {
    key(WORKSPACES, &[workspace.as_bytes()])
}

/// The entries of a workspace.
pub(in crate::journal) fn audit(workspace: WorkspaceId) -> Vec<u8> {
    key(AUDITS, &[workspace.as_bytes()])
}

/// An entry of a workspace.
pub(in crate::journal) fn audited(workspace: WorkspaceId, revision: u64) -> Vec<u8> {
    key(AUDITS, &[workspace.as_bytes(), &revision.to_be_bytes()])
}

/// The pieces of a conversation's snapshot.
pub(in crate::journal) fn snapshot(workspace: WorkspaceId, conversation: ConversationId) -> Vec<u8> {
    key(SNAPSHOTS, &[workspace.as_bytes(), conversation.as_bytes()])
}

/// A piece of a value that may be too large for one.
pub(in crate::journal) fn piece(value: &[u8], number: u16) -> Vec<u8> {
    key(value, &[&number.to_be_bytes()])
}

/// Whether a stream was found damaged.
pub(in crate::journal) fn damage(stream: Stream) -> Vec<u8> {
    match stream {
        Stream::Workspace(workspace) => key(DAMAGE, &[workspace.as_bytes()]),
        Stream::Conversation(workspace, conversation) => {
            key(DAMAGE, &[workspace.as_bytes(), conversation.as_bytes()])
        }
    }
}

/// The workspace that a key of any kind but the mark and what is due belongs to.
pub(in crate::journal) fn workspace_of(key: &[u8]) -> Option<WorkspaceId> {
    key.get(1..17).and_then(|id| id.try_into().ok()).map(WorkspaceId::from_bytes)
}

/// A place in a list as bytes that are in its order: newest activity first, then by conversation.
pub(in crate::journal) fn place_bytes(place: ListPlace) -> [u8; PLACE_BYTES] {
    // Flipping all but the sign makes later times smaller and orders negative ones with them.
    let inverted = (place.last_at().as_millis() ^ i64::MAX) as u64;
    let mut bytes = [0; PLACE_BYTES];
    bytes[..8].copy_from_slice(&inverted.to_be_bytes());
    bytes[8..].copy_from_slice(place.conversation().as_bytes());
    bytes
}

/// The place that such bytes are.
pub(in crate::journal) fn place_of(bytes: &[u8; PLACE_BYTES]) -> ListPlace {
    let (mut at, mut id) = ([0; 8], [0; 16]);
    at.copy_from_slice(&bytes[..8]);
    id.copy_from_slice(&bytes[8..]);
    let at = Timestamp::from_millis(u64::from_be_bytes(at) as i64 ^ i64::MAX);
    ListPlace::new(at, ConversationId::from_bytes(id))
}

/// The place of a consultation among those of its conversation: the last to end first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::journal) struct RecordPlace(pub(in crate::journal) [u8; 24]);

impl RecordPlace {
    /// The place of a consultation that was over with this entry.
    pub(in crate::journal) fn new(revision: u64, consultation: ConsultationId) -> Self {
        let mut place = [0; 24];
        place[..8].copy_from_slice(&(!revision).to_be_bytes());
        place[8..].copy_from_slice(consultation.as_bytes());
        Self(place)
    }
}

/// What is of a kind and a customer's. Nobody's key is the beginning of another's.
fn of_customer(kind: &[u8], workspace: WorkspaceId, customer: &CustomerKey) -> Vec<u8> {
    let (platform, user_key) = (customer.platform.as_str().as_bytes(), customer.user_key.as_str().as_bytes());
    // Both have at most 100 characters of at most four bytes.
    let lengths = [platform, user_key].map(|text| (text.len() as u16).to_be_bytes());
    let profile = customer.profile.as_bytes();
    key(kind, &[workspace.as_bytes(), profile, &lengths[0], platform, &lengths[1], user_key])
}

fn key(kind: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let length = kind.len() + parts.iter().map(|part| part.len()).sum::<usize>();
    let mut key = Vec::with_capacity(length);
    key.extend_from_slice(kind);
    for part in parts {
        key.extend_from_slice(part);
    }
    key
}

/// What a place takes, in bytes.
pub(in crate::journal) const PLACE_BYTES: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::listing::List;
    use switchboard_protocol::vocabulary::ProfileId;

    #[test]
    fn later_activity_comes_first_also_before_1970() {
        let id = ConversationId::from_bytes([1; 16]);
        let times = [i64::MAX, 1_700_000_000_000, 1, 0, -1, i64::MIN];
        let places = times.map(|at| ListPlace::new(Timestamp::from_millis(at), id));
        assert!(places.is_sorted() && places.map(place_bytes).is_sorted());
        assert_eq!(places.map(|place| place_of(&place_bytes(place))), places);
        let (workspace, of) = (WorkspaceId::from_bytes([2; 16]), Some(MemberId::from_bytes([3; 16])));
        let profile = ProfileId::from_bytes([4; 16]);
        for of in [None, of] {
            let stretches = List::ALL.map(|list| Stretch { profile, of, list });
            let keys = stretches.map(|stretch| list_place(workspace, stretch, places[0]));
            assert!(keys.is_sorted() && keys.iter().all(|key| list_place_of(key) == Some(places[0])));
        }
    }

    #[test]
    fn what_is_due_is_ordered_by_its_time_and_names_its_page() {
        let page = PageKey {
            workspace: WorkspaceId::from_bytes([1; 16]),
            conversation: ConversationId::from_bytes([2; 16]),
            first: 300,
        };
        let times = [i64::MIN, -1, 0, 1, 1_700_000_000_000, i64::MAX].map(Timestamp::from_millis);
        let keys = times.map(|at| due(at, &page));
        assert!(keys.is_sorted());
        assert_eq!(keys.each_ref().map(|key| due_of(key)), times.map(|at| Some((at, page))));
    }

    #[test]
    fn customers_whose_texts_join_to_the_same_have_keys_of_their_own() {
        use crate::journal::stored::samples;
        use switchboard_protocol::vocabulary::{Platform, UserKey};
        let mut one = samples::customer(1);
        let mut other = one.clone();
        (one.platform, one.user_key) = (Platform::new("ab").unwrap(), UserKey::new("c").unwrap());
        (other.platform, other.user_key) = (Platform::new("a").unwrap(), UserKey::new("bc").unwrap());
        let workspace = samples::workspace_id(1);
        assert_ne!(customer(workspace, &one), customer(workspace, &other));
        other = one.clone();
        other.user_key = UserKey::new("cd").unwrap();
        assert!(!talks(workspace, &other).starts_with(&talks(workspace, &one)));
        let [earlier, later] = [5, 300].map(|begun| talk(workspace, &one, Position(begun)));
        assert!(later < earlier && later.starts_with(&talks(workspace, &one)));
    }
}

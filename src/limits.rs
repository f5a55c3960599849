//! Every bound of the engine, in one place, checked against each other when it is compiled.
//!
//! Owns the numbers that are not settings, and names those that belong to a smaller part. A queue,
//! buffer, list or retry without a line here is a mistake.

use switchboard_protocol::wire;

use crate::machines::budget::Allowance;

pub use crate::domain::assignment::ASSIGNMENT_BYTES_MAX;
pub use crate::domain::consultation::ASSIGNEES_MAX;
pub use crate::domain::conversation::{AGENTS_MAX, ANSWERS_MAX, INSTANCES_MAX, UNREAD_MAX};
pub use crate::domain::hours::{HOLIDAYS_MAX, INTERVALS_MAX, NOTICE_CHARS_MAX};
pub use crate::domain::instance::INSTANCE_AHEAD_MS_MAX;
pub use crate::domain::message::MESSAGE_BYTES_MAX;
pub use crate::domain::workspace::{
    BOT_BYTES_MAX, BOT_CATEGORIES_MAX, MEMBERS_MAX, PROFILES_MAX, REMEMBERED_MEMBERS_MAX, WORD_CHARS_MAX,
};
pub use crate::journal::PREVIEW_CHARS_MAX;
pub use crate::machines::openings::NAMED_MAX;
pub use switchboard_protocol::wire::{
    DATAGRAM_BYTES_MAX, DEPTH_MAX, FRAME_BYTES_MAX, UNANSWERED_REQUESTS_MAX,
};

/// Bytes that the store must find free on its disk whenever it is written.
pub const STORE_ROOM_BYTES: u64 = 24 << 20;

/// Subscriptions of a session at a time.
pub const SUBSCRIPTIONS_MAX: usize = 16;

/// Subscriptions of a session that take memory: also those whose streams have not ended yet although nobody
/// wants them any more.
pub const LANES_MAX: usize = 2 * SUBSCRIPTIONS_MAX;

/// Ways to conversations that a session remembers.
pub const ROUTES_MAX: usize = 128;

/// Bytes of memory that wait in a subscriber's outbox before the subscriber counts as lagging.
pub const OUTBOX_BYTES_MAX: usize = 192 * 1024;

/// Bytes of entries read from the journal at once for a reader who catches up.
pub const CATCH_UP_BYTES_MAX: usize = 64 * 1024;

/// Rows that wait for a desk, or have left its view, before it is given a fresh snapshot instead.
pub const DESK_ROWS_MAX: usize = 256;

/// Agents who have come or gone that wait for a desk before it is given a fresh snapshot instead.
pub const DESK_AGENTS_MAX: usize = 256;

/// Terms that a search looks at of those with one beginning: so many rows are read at the most.
pub const SEARCH_TERMS_MAX: usize = 500;

/// How often a desk is told what has changed, at the most: once in so many milliseconds.
pub const DESK_TURN_MS: u64 = 200;

/// Rows of a page of a list, and of a desk's view.
pub const LIST_ROWS_MAX: usize = 48;

/// Decisions about a conversation that are told at once.
pub const DECISIONS_MAX: usize = 10;

/// Entries that are looked at for them.
pub const DECISIONS_ENTRIES_MAX: usize = 2_000;

/// Members who are told of each decision: so many that all decisions fit into a frame.
pub const CANDIDATES_MAX: usize = 50;

/// Conversations of a customer that are looked at for a page of their consultations.
pub const TALKS_LOOKED_AT_MAX: usize = 100;

/// Consultations of a page: as many of the longest as fit into a frame.
pub const CONSULTATIONS_MAX: usize = 16;

/// Events of a page of history.
pub const HISTORY_EVENTS_MAX: usize = 200;

/// The fewest characters of a new member's token: it is drawn by chance, and guessed by nobody.
pub const TOKEN_CHARS_MIN: usize = 16;

/// Entries of a page of an audit.
pub const AUDIT_ENTRIES_MAX: usize = 200;

/// Members or profiles of a page of settings.
pub const SETTINGS_ROWS_MAX: usize = 200;

/// Bytes of events in one reply: a frame less its envelope.
pub const REPLY_BYTES_MAX: usize = FRAME_BYTES_MAX - 4 * 1024;

/// Conversations in quarantine that one reply lists.
pub const QUARANTINED_LISTED_MAX: usize = 50;

/// Characters of the reason why a conversation is in quarantine, as a reply tells it.
pub const REASON_CHARS_MAX: usize = 240;

/// Bytes of reply that a request's credit stands for; a connection has [`UNANSWERED_REQUESTS_MAX`] credits.
/// They come back when the reply is written, so no more bytes of replies ever wait for a client that does
/// not read: its next requests are not taken.
pub const CREDIT_BYTES: usize = 8 * 1024;

/// Credits of a request whose reply may be as large as a frame.
pub const LARGE_REPLY_CREDITS: u32 = (FRAME_BYTES_MAX / CREDIT_BYTES) as u32;

/// Typing indicators that a connection may send: so many within so many milliseconds; more are dropped.
pub const TYPING: Allowance = Allowance { times: 8, within_ms: 2_000 };

/// How long a typing indicator may hold, in milliseconds.
pub const TYPING_MS_MAX: u32 = 10_000;

/// Bytes that a connection may have on its way to the engine, over all streams.
pub const CONNECTION_RECEIVE_BYTES_MAX: u32 = 256 * 1024;

/// Bytes that a stream may have on its way to the engine.
pub const STREAM_RECEIVE_BYTES_MAX: u32 = 96 * 1024;

/// Streams that a client may have open: the session's, and one for an upload.
pub const CLIENT_STREAMS_MAX: u32 = 2;

/// Bytes that a connection may have on its way to a client.
pub const CONNECTION_SEND_BYTES_MAX: u64 = 256 * 1024;

/// Bytes of the handshake that may wait for their turn.
pub const CRYPTO_BYTES_MAX: usize = 16 * 1024;

/// Bytes of datagrams of a connection that may wait, each way.
pub const DATAGRAMS_BYTES_MAX: usize = 8 * 1024;

/// The most bytes of memory that a subscription takes whose client does not read: its outbox, or else a page of
/// the journal, and what is being written.
pub const LANE_BYTES_MAX: usize = OUTBOX_BYTES_MAX + IN_MEMORY * CATCH_UP_BYTES_MAX + WRITE_BYTES_MAX;

/// The most bytes of memory that the desk takes for a client who does not read it: every agent of the largest
/// workspace and the rows of a view, in a snapshot and as changed since, each as a value and as it travels; the ids of
/// rows that have left; and the counts of each profile, as they are and as they were told. Most of it is shared with
/// other desks.
pub const DESK_BYTES_MAX: usize = 2 * ((MEMBERS_MAX + DESK_AGENTS_MAX) * 256 + 2 * LIST_ROWS_MAX * 2_816)
    + DESK_ROWS_MAX * 64
    + 2 * (1 + PROFILES_MAX) * 64;

/// The most bytes of memory that a connection takes, whatever its client does or does not do.
pub const CONNECTION_BYTES_MAX: usize = CONNECTION_RECEIVE_BYTES_MAX as usize
    + CONNECTION_SEND_BYTES_MAX as usize
    + CRYPTO_BYTES_MAX
    + 2 * DATAGRAMS_BYTES_MAX
    + STREAM_RECEIVE_BYTES_MAX as usize
    + (1 + IN_MEMORY) * UNANSWERED_REQUESTS_MAX * CREDIT_BYTES
    + SUBSCRIPTIONS_MAX * LANE_BYTES_MAX
    + (LANES_MAX - SUBSCRIPTIONS_MAX) * WRITE_BYTES_MAX
    + DESK_BYTES_MAX
    + CONNECTION_BASE_BYTES;

/// The most bytes of memory that what is being written to a subscription's stream takes: frames of small events
/// are kept in buffers of a message's usual size.
const WRITE_BYTES_MAX: usize = 4 * FRAME_BYTES_MAX;

/// How many bytes of memory a stored byte takes at the most once it is read: small entries are mostly fields.
const IN_MEMORY: usize = 5;

/// What a connection takes that does nothing: its state in QUIC and TLS, its tasks, its session.
const CONNECTION_BASE_BYTES: usize = 128 * 1024;

/// Connections that may be between their first packet and their welcome at a time.
pub const HANDSHAKES_MAX: usize = 512;

/// The most bytes of memory that one of them takes.
pub const OPENING_BYTES_MAX: usize = CONNECTION_BASE_BYTES + CRYPTO_BYTES_MAX + FRAME_BYTES_MAX;

/// So many of them under way, a client must prove its address first.
pub const HANDSHAKES_BEFORE_RETRY: usize = 128;

/// So many of them may come from one address: one cannot take every place.
pub const HANDSHAKES_PER_ADDRESS_MAX: usize = HANDSHAKES_MAX / 2;

const _: () = {
    assert!(ANSWERS_MAX >= UNANSWERED_REQUESTS_MAX, "a resent request must find its answer");
    assert!(ROUTES_MAX > UNANSWERED_REQUESTS_MAX, "what is pending must find room");
    assert!(STREAM_RECEIVE_BYTES_MAX as usize > FRAME_BYTES_MAX + 4, "a stream must take a whole frame");
    assert!(
        CONNECTION_RECEIVE_BYTES_MAX > CLIENT_STREAMS_MAX * STREAM_RECEIVE_BYTES_MAX,
        "streams that are not read must not hold up the session's"
    );
    assert!(REPLY_BYTES_MAX + 1024 < FRAME_BYTES_MAX);
    assert!(LARGE_REPLY_CREDITS as usize * CREDIT_BYTES >= FRAME_BYTES_MAX);
    assert!(LARGE_REPLY_CREDITS as usize <= UNANSWERED_REQUESTS_MAX, "a large reply must be possible");
    assert!(QUARANTINED_LISTED_MAX * (4 * REASON_CHARS_MAX + 64) < REPLY_BYTES_MAX);
    assert!(CATCH_UP_BYTES_MAX <= OUTBOX_BYTES_MAX);
    assert!(HANDSHAKES_BEFORE_RETRY < HANDSHAKES_MAX);
    assert!(CONNECTION_BYTES_MAX <= 22 << 20, "a hostile client takes more than docs/OPERATIONS.md says");
    assert!(MESSAGE_BYTES_MAX + 1024 < CATCH_UP_BYTES_MAX && MESSAGE_BYTES_MAX + 1024 < REPLY_BYTES_MAX);
    assert!(wire::DATAGRAM_BYTES_MAX < 1_200, "a datagram must fit QUIC's smallest packet");
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::message::Message;
    use switchboard_protocol::vocabulary::{
        Content, ConversationId, Few, Keyboard, KeyboardButton, KeyboardButtons, Label, MemberId,
        MessageText, Params, Seq, Timestamp,
    };
    use switchboard_protocol::wire::{
        ConversationFrame, Event, EventKind, Reply, ReplyBody, Sender, ServerFrame, Typing, encode,
    };

    /// About the longest message that can be stored, by the sender with the longest name.
    fn longest() -> Event {
        let content = Content::text(MessageText::new("🙂".repeat(MessageText::CHARS_MAX)).unwrap());
        let label = Label::new("🙂".repeat(159)).unwrap();
        let button = KeyboardButton { label, params: Params::default() };
        let buttons = Few::new(vec![button; KeyboardButtons::MAX]).unwrap();
        let message =
            Message { keyboard: Some(Box::new(Keyboard::Buttons { buttons })), ..Message::plain(content) };
        assert!(message.check().is_ok() && message.bytes() + 100 > MESSAGE_BYTES_MAX);
        let by = Sender::Agent { member: Some(MemberId::from_bytes([0xff; 16])) };
        let what = EventKind::Message { content: message.content, keyboard: message.keyboard };
        Event { seq: Seq::MAX, at: Timestamp::from_millis(i64::MAX), by, what, epoch: Some(u64::MAX) }
    }

    #[test]
    fn the_longest_message_fits_into_a_frame_an_outbox_and_a_page_of_history() {
        let event = encode(&ConversationFrame::Event(longest())).unwrap().len();
        assert!(event < FRAME_BYTES_MAX.min(OUTBOX_BYTES_MAX).min(CATCH_UP_BYTES_MAX), "{event} bytes");
        let events = vec![longest()];
        let reply =
            ServerFrame::Reply(Reply { id: u64::MAX, body: ReplyBody::Events { events, more: true } });
        assert!(encode(&reply).unwrap().len() < REPLY_BYTES_MAX);
    }

    #[test]
    fn typing_fits_into_a_datagram() {
        let typing = Typing {
            conversation: ConversationId::from_bytes([0xff; 16]),
            by: Some(longest().by),
            after_seq: Seq::MAX,
            expires_ms: TYPING_MS_MAX,
        };
        assert!(encode(&typing).unwrap().len() <= DATAGRAM_BYTES_MAX);
    }
}

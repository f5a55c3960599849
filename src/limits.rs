//! Every bound of the engine, in one place, checked against each other when it is compiled.
//!
//! Owns the numbers that are not settings, and names those that belong to a smaller part. A queue,
//! buffer, list or retry without a line here is a mistake.

use switchboard_protocol::wire;

use crate::machines::budget::Allowance;

pub use crate::domain::conversation::{AGENTS_MAX, ANSWERS_MAX, INSTANCES_MAX, UNREAD_MAX};
pub use crate::domain::instance::INSTANCE_AHEAD_MS_MAX;
pub use crate::domain::message::MESSAGE_BYTES_MAX;
pub use crate::domain::workspace::{MEMBERS_MAX, PROFILES_MAX};
pub use crate::journal::PREVIEW_CHARS_MAX;
pub use switchboard_protocol::wire::{
    DATAGRAM_BYTES_MAX, DEPTH_MAX, FRAME_BYTES_MAX, UNANSWERED_REQUESTS_MAX,
};

/// Subscriptions of a session at a time.
pub const SUBSCRIPTIONS_MAX: usize = 16;

/// Ways to conversations that a session remembers.
pub const ROUTES_MAX: usize = 128;

/// Bytes that wait in a subscriber's outbox before the subscriber counts as lagging.
pub const OUTBOX_BYTES_MAX: usize = 64 * 1024;

/// Bytes of entries read from the journal at once for a reader who catches up.
pub const CATCH_UP_BYTES_MAX: usize = 64 * 1024;

/// Rows that wait for a desk before it is given a fresh snapshot instead.
pub const DESK_ROWS_MAX: usize = 256;

/// Rows of a page of the conversation list: as many of the longest as fit into a frame.
pub const LIST_ROWS_MAX: usize = 48;

/// Events of a page of history.
pub const HISTORY_EVENTS_MAX: usize = 200;

/// Bytes of events in one reply: a frame less its envelope.
pub const REPLY_BYTES_MAX: usize = FRAME_BYTES_MAX - 4 * 1024;

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

/// Handshakes that may be under way at a time.
pub const HANDSHAKES_MAX: usize = 512;

/// Handshakes under way above which a client must prove its address first.
pub const HANDSHAKES_BEFORE_RETRY: usize = 128;

const _: () = {
    assert!(ANSWERS_MAX >= UNANSWERED_REQUESTS_MAX, "a resent request must find its answer");
    assert!(ROUTES_MAX > UNANSWERED_REQUESTS_MAX, "what is pending must find room");
    assert!(STREAM_RECEIVE_BYTES_MAX as usize > FRAME_BYTES_MAX + 4, "a stream must take a whole frame");
    assert!(
        CONNECTION_RECEIVE_BYTES_MAX > CLIENT_STREAMS_MAX * STREAM_RECEIVE_BYTES_MAX,
        "streams that are not read must not hold up the session's"
    );
    assert!(REPLY_BYTES_MAX + 1024 < FRAME_BYTES_MAX);
    assert!(CATCH_UP_BYTES_MAX <= OUTBOX_BYTES_MAX);
    assert!(HANDSHAKES_BEFORE_RETRY < HANDSHAKES_MAX);
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
        Event { seq: Seq::MAX, at: Timestamp::from_millis(i64::MAX), by, what }
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

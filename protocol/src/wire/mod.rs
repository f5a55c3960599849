//! The wire: what the bytes on a connection mean.
//!
//! Owns frames, the codec, the session's opening and its requests, replies and events, error
//! numbers and close codes. Must not know sockets, or how the engine carries a request out.
//!
//! One connection has
//! - the **session stream** (the first, bidirectional, opened by the client): one [`Hello`], then
//!   [`Request`]s; from the server a [`ServerFrame`] each: a welcome, then replies, at last a goodbye;
//! - a **subscription stream** for each subscription (unidirectional, opened by the server): one
//!   [`SubscriptionHead`], then [`ConversationFrame`]s or [`DeskFrame`]s;
//! - **datagrams** with a [`Typing`] each, both ways.
//!
//! `docs/PROTOCOL.md` says all of it for clients in other languages, and `vectors` holds its bytes: whoever
//! changes something here changes both, and the tests of the crate see to it.

mod change;
mod codec;
mod consultation;
mod customer;
mod error;
mod event;
mod explanation;
mod frame;
mod hello;
mod listing;
mod reply;
mod request;
mod settings;
mod structure;
#[cfg(test)]
mod tests;
mod unknown;

pub use change::{AuditEntry, Change};
pub use codec::{CodecError, decode, encode, encode_frame};
pub use consultation::{Assignee, BegunBy, Consultation, Outcome};
pub use customer::{CustomerDetails, CustomerField, Gender, SearchBy};
pub use error::{CloseCode, ErrorBody, ErrorCode};
pub use event::{
    AgentStatus, ConversationFrame, Cursors, DeskFrame, Event, EventKind, How, Line, RequeuedWhy, Row,
    Sender, SubscriptionHead, Typing, UnservedWhy,
};
pub use explanation::{AssignmentRule, Candidate, Decided, Decision, PassedOver, WaitsWhy};
pub use frame::{FrameError, FrameReader};
pub use hello::{Credentials, Goodbye, Hello, PROTOCOL_VERSION, Purpose, ServerLimits, Welcome};
pub use listing::{DeskView, ListCounts, ListFilter, ListName};
pub use reply::{EstimateFigures, QuarantinedConversation, Reply, ReplyBody, ServerFrame, StageLatency};
pub use request::{Op, Request, Topic};
pub use settings::{
    AssignmentStrategy, Bot, ByHand, Choosing, Greeting, Holiday, Load, MemberRow, ProfileAssignment,
    ProfileHours, ProfileRow, Role, Schedule, Settings, SettingsOf, Specialists, TeamAssignment, TeamHours,
    TeamService, Week,
};
pub use structure::{Malformed, check_structure};
pub use unknown::UnknownWord;

/// The ALPN name of the protocol on QUIC.
pub const ALPN: &[u8] = b"switchboard/1";

/// The most bytes of a frame's body, both ways.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;

/// The most bytes of a datagram. Fits QUIC's smallest packet.
pub const DATAGRAM_BYTES_MAX: usize = 1_000;

/// How deep maps and arrays may nest in a frame.
pub const DEPTH_MAX: usize = 32;

/// The most requests a client may have unanswered. It must not use a counter that is more than
/// this far above its oldest unanswered one: the engine remembers that many answers of an instance
/// in each conversation, so that a resent request always finds its answer.
pub const UNANSWERED_REQUESTS_MAX: usize = 32;

//! The opening of a session, and its goodbye.
//!
//! Owns who says what first. Must not know how credentials are checked.

use serde::{Deserialize, Serialize};

use super::{CloseCode, FRAME_BYTES_MAX, UNANSWERED_REQUESTS_MAX};
use crate::vocabulary::{InstanceId, MemberId, Platform, ProfileId, SessionId, Timestamp, Token, UserKey};

/// The version of the protocol that this crate speaks. A server accepts its own and the one before.
pub const PROTOCOL_VERSION: u16 = 1;

/// The client's first frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The protocol version that the client speaks.
    pub protocol: u16,
    /// This run of the client program, as its first welcome named it. Absent before that: the engine then
    /// issues one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceId>,
    /// Who the client is.
    pub credentials: Credentials,
    /// The session that this connection continues, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<SessionId>,
    /// What a member's session is for. A customer's has none to say: they are always served.
    #[serde(default, skip_serializing_if = "Purpose::is_default")]
    pub purpose: Purpose,
}

/// What a member's session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To serve: while it lives, the member is there. It is refused while the member serves from another place,
    /// unless a setting of the workspace allows several.
    #[default]
    Serve,
    /// The same; if the member serves from another place, that one is closed first.
    TakeOver,
    /// Only to look, and to administer: the member is not there because of it, and there may be many.
    Look,
    /// A purpose that this version does not know; refused.
    #[serde(other)]
    Unknown,
}

impl Purpose {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Who a client is. Provisional: accounts and signed user keys come later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "as", rename_all = "snake_case")]
pub enum Credentials {
    /// A customer of a profile.
    Customer {
        /// The profile to talk to.
        profile: ProfileId,
        /// Where the customer comes from; `web` when it is not said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        platform: Option<Platform>,
        /// What the customer is known by there.
        user_key: UserKey,
    },
    /// A member of a workspace, who serves as agent.
    Agent {
        /// The secret that proves it.
        token: Token,
    },
    /// A kind that this version does not know; refused.
    #[serde(other)]
    Unknown,
}

/// The server's answer to a hello that it accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The protocol version that this session speaks.
    pub protocol: u16,
    /// This session.
    pub session: SessionId,
    /// The instance that requests on this session count for, and that every later hello of this run of the
    /// client program names: the one that the hello named, or a new one.
    pub instance: InstanceId,
    /// For a member: which one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<MemberId>,
    /// What the client must keep to.
    pub limits: ServerLimits,
    /// The server's clock.
    pub server_time: Timestamp,
}

/// The limits of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerLimits {
    /// The most bytes of a frame's body.
    pub frame_bytes_max: u32,
    /// The most requests without an answer, and the widest span of their counters.
    pub unanswered_requests_max: u32,
    /// The most subscriptions at a time.
    pub subscriptions_max: u32,
    /// The most characters of a message's text.
    pub text_chars_max: u32,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            frame_bytes_max: FRAME_BYTES_MAX as u32,
            unanswered_requests_max: UNANSWERED_REQUESTS_MAX as u32,
            subscriptions_max: 16,
            text_chars_max: 1_000,
        }
    }
}

/// The server's last frame on the session stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goodbye {
    /// The code with which the connection is about to be closed.
    pub close: CloseCode,
    /// A sentence for people.
    pub reason: String,
    /// When to connect again, in milliseconds from now. `None`: do not reconnect by yourself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reconnect_after_ms: Option<u32>,
}

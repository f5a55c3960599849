//! Numbered errors and close codes.
//!
//! Owns the one table of each. A number is never used again for something else. Must not know
//! where an error arises.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::vocabulary::{MemberId, Timestamp};

/// An error as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{number} {name}: {sentence}")]
pub struct ErrorBody {
    /// Its number; see [`ErrorCode`].
    pub number: u16,
    /// Its name, as in the table.
    pub name: String,
    /// A sentence for people: what was wrong, with which value, by which rule.
    pub sentence: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// How long to wait before that, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u32>,
    /// Since when what it speaks of has been so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Who answers for the consultation instead; absent when nobody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<MemberId>,
}

impl ErrorBody {
    /// An error of the table with its sentence.
    #[must_use]
    pub fn new(code: ErrorCode, sentence: impl Into<String>) -> Self {
        let mut sentence: String = sentence.into();
        // What somebody sent may be quoted in it, and an error must always fit into a frame.
        if let Some((end, _)) = sentence.char_indices().nth(SENTENCE_CHARS_MAX) {
            sentence.truncate(end);
        }
        Self {
            number: code.number(),
            name: code.name().to_owned(),
            sentence,
            retryable: code.retryable(),
            wait_ms: None,
            since: None,
            assignee: None,
        }
    }

    /// The same with a wait.
    #[must_use]
    pub fn after_ms(mut self, wait_ms: u32) -> Self {
        self.wait_ms = Some(wait_ms);
        self
    }

    /// The same with when it began.
    #[must_use]
    pub fn since(mut self, since: Timestamp) -> Self {
        self.since = Some(since);
        self
    }

    /// Which error of the table it is; `None` when this version does not know the number.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        ErrorCode::from_number(self.number)
    }
}

macro_rules! errors {
    ($($(#[$doc:meta])* $name:ident = $number:literal $text:literal $retry:ident;)*) => {
        /// Every error: 1xx the frames and the session, 2xx who may do what, 3xx the conversation,
        /// 4xx subscriptions and lists, 5xx the engine, 6xx the workspace.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $($(#[$doc])* $name,)* }

        impl ErrorCode {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its number on the wire.
            #[must_use]
            pub const fn number(self) -> u16 {
                match self { $(Self::$name => $number,)* }
            }

            /// Its name on the wire.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Whether the same request may succeed later.
            #[must_use]
            pub const fn retryable(self) -> bool {
                match self { $(Self::$name => retry!($retry),)* }
            }

            /// The error with this number.
            #[must_use]
            pub const fn from_number(number: u16) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }
        }
    };
}

macro_rules! retry {
    (final) => {
        false
    };
    (retry) => {
        true
    };
}

errors! {
    /// A frame that is not one well-formed value, or too large.
    MalformedFrame = 100 "malformed_frame" final;
    /// A well-formed request with a field that is missing or breaks a rule.
    MalformedRequest = 101 "malformed_request" final;
    /// An operation, topic or kind that this server does not know.
    Unsupported = 102 "unsupported" final;
    /// A protocol version that this server does not speak.
    ProtocolVersion = 103 "protocol_version" final;
    /// A request that changes something came without a counter.
    CounterMissing = 104 "counter_missing" final;
    /// The instance was forgotten, or is none that the engine issues; connecting without one gives a new one.
    InstanceExpired = 105 "instance_expired" final;
    /// The session was not opened in time.
    HelloTimeout = 106 "hello_timeout" retry;
    /// A request that was refused came again after later ones of its instance were accepted.
    Overtaken = 107 "overtaken" final;
    /// The credentials are not those of anybody.
    BadCredentials = 200 "bad_credentials" final;
    /// This session may not do that.
    Forbidden = 201 "forbidden" final;
    /// There is no such conversation, or it is not this session's.
    NoSuchConversation = 202 "no_such_conversation" final;
    /// The member serves from another place already; that one can be taken over.
    ServedElsewhere = 203 "served_elsewhere" final;
    /// The session only looks: nobody is there who could be reached.
    OnlyLooks = 204 "only_looks" final;
    /// The agent must enter the conversation first.
    NotEntered = 300 "not_entered" final;
    /// Somebody else serves the conversation.
    AlreadyAssigned = 301 "already_assigned" final;
    /// Nobody serves the conversation.
    NotServed = 302 "not_served" final;
    /// The text is longer than the setting allows.
    TextTooLong = 303 "text_too_long" final;
    /// The sequence is beyond the last event.
    BeyondEnd = 304 "beyond_end" final;
    /// Too many agents are in the conversation.
    TooManyAgents = 305 "too_many_agents" retry;
    /// The conversation is not set aside.
    NotQuarantined = 306 "not_quarantined" final;
    /// The conversation has ended; opening one begins a new one.
    ConversationEnded = 307 "conversation_ended" final;
    /// Only the bot sends that.
    OnlyBot = 308 "only_bot" final;
    /// An agent has been called already.
    AlreadyCalled = 309 "already_called" final;
    /// No call waits.
    NotCalled = 310 "not_called" final;
    /// An agent serves already.
    AlreadyServed = 311 "already_served" final;
    /// A preview calls nobody, is served by nobody, and has no customer.
    Preview = 312 "preview" final;
    /// Who answers for the conversation has changed.
    Moved = 313 "moved" final;
    /// Whoever is to get the consultation is away, not there, or no member.
    NotPresent = 314 "not_present" final;
    /// The subscription's number is in use.
    SubscriptionInUse = 400 "subscription_in_use" final;
    /// There is no subscription of that number.
    NoSuchSubscription = 401 "no_such_subscription" final;
    /// More subscriptions than a session may have.
    TooManySubscriptions = 402 "too_many_subscriptions" retry;
    /// The list's cursor is not one of this server's, or of another filter.
    BadCursor = 403 "bad_cursor" final;
    /// The subscription lost touch; subscribe again after the last sequence received.
    Resubscribe = 404 "resubscribe" retry;
    /// The engine could not do it now; nothing was changed.
    Unavailable = 500 "unavailable" retry;
    /// The conversation is set aside because its record cannot be read.
    Quarantined = 501 "quarantined" final;
    /// The engine is stopping.
    Stopping = 502 "stopping" retry;
    /// The engine has more to do than it may queue.
    Overloaded = 503 "overloaded" retry;
    /// The engine failed while it was doing it: it may or may not have been done.
    Fault = 504 "fault" final;
    /// The engine's disk is full: nothing is taken until there is room, and nothing was changed. Reading goes on.
    NoRoom = 505 "no_room" retry;
    /// A setting that cannot be meant.
    BadSetting = 600 "bad_setting" final;
    /// There is no such member.
    NoSuchMember = 601 "no_such_member" final;
    /// There is no such profile.
    NoSuchProfile = 602 "no_such_profile" final;
    /// What was to be added is there already.
    AlreadyThere = 603 "already_there" final;
    /// There is one owner, who stays.
    OneOwner = 604 "one_owner" final;
    /// The workspace has as many as it may have.
    WorkspaceFull = 605 "workspace_full" final;
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number(), self.name())
    }
}

macro_rules! closes {
    ($($(#[$doc:meta])* $name:ident = $number:literal $retry:ident;)*) => {
        /// Why a connection was closed: the application's close code on QUIC.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "u32", into = "u32")]
        pub enum CloseCode { $($(#[$doc])* $name,)* }

        impl CloseCode {
            /// Its number on the wire.
            #[must_use]
            pub const fn number(self) -> u32 {
                match self { $(Self::$name => $number,)* }
            }

            /// Whether the client should connect again by itself.
            #[must_use]
            pub const fn reconnect(self) -> bool {
                match self { $(Self::$name => retry!($retry),)* }
            }

            /// The code with this number.
            #[must_use]
            pub const fn from_number(number: u32) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }
        }
    };
}

closes! {
    /// The client said goodbye.
    Done = 0 final;
    /// The server is stopping or restarting; the goodbye says when to come back.
    GoingAway = 1 retry;
    /// The client broke the protocol.
    ProtocolError = 2 final;
    /// The hello was refused: its credentials, its instance, its version of the protocol, or since the member serves
    /// from another place.
    Refused = 3 final;
    /// The same instance has connected again; this connection is its past.
    Replaced = 4 final;
    /// The session failed inside the engine.
    Fault = 5 retry;
    /// The engine has too many connections.
    Overloaded = 6 retry;
    /// The member was removed from the workspace.
    Removed = 7 final;
    /// The member serves from another place from now on.
    TakenOver = 8 final;
}

impl From<CloseCode> for u32 {
    fn from(code: CloseCode) -> Self {
        code.number()
    }
}

impl TryFrom<u32> for CloseCode {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        Self::from_number(number).ok_or_else(|| format!("close: {number} is not a known close code"))
    }
}

/// The most characters of an error's sentence.
const SENTENCE_CHARS_MAX: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn numbers_and_names_are_used_once_and_rise() {
        let numbers: Vec<u16> = ErrorCode::ALL.iter().map(|code| code.number()).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
        let names: BTreeSet<&str> = ErrorCode::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), ErrorCode::ALL.len());
        let quoted = ErrorBody::new(ErrorCode::MalformedRequest, "🙂".repeat(60_000));
        assert_eq!(quoted.sentence.chars().count(), SENTENCE_CHARS_MAX, "an error fits into a frame");
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_number(code.number()), Some(*code));
        }
    }
}

//! What can go wrong, as types.
//!
//! Owns the errors that users of the SDK see, and why a session or a client ended. Must not know
//! the transport's own errors.

use std::time::Duration;

use switchboard_protocol::vocabulary::{MemberId, Timestamp};
use switchboard_protocol::wire::{CloseCode, CodecError, ErrorBody, ErrorCode, Goodbye};

use crate::outstanding::WindowFull;
use crate::progress::StreamFault;

/// Why something that the user asked for did not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The options cannot work; the sentence says which.
    #[error("options: {0}")]
    Options(String),
    /// This machine refused a socket, or its root certificates could not be read.
    #[error("local: {0}")]
    Local(String),
    /// The engine refused the request; it changed nothing.
    #[error("refused: {0}")]
    Rejected(ErrorBody),
    /// The member serves from another place already; a client may take it over, when its user wants that.
    #[error("you serve from another place already")]
    ServedElsewhere {
        /// Since when, if the engine says so.
        since: Option<Timestamp>,
    },
    /// The client has ended. Whether requests that had no answer took effect is not known.
    #[error("closed: {0}")]
    Closed(Ending),
    /// The request does not fit in a frame; it was not sent.
    #[error("request: {0}")]
    Request(#[from] CodecError),
    /// The engine's answer is of a kind that does not belong to the request.
    #[error("an answer of another kind than asked for: {0}")]
    WrongAnswer(&'static str),
    /// The engine kept breaking the protocol on a subscription.
    #[error("subscription: {0}")]
    Subscription(#[from] StreamFault),
    /// More subscriptions than the session allows.
    #[error("{live} subscriptions are live; at most {max}")]
    TooManySubscriptions {
        /// How many this client has.
        live: usize,
        /// How many it may have.
        max: usize,
    },
    /// The window of unanswered requests is full; only [`try_begin_post`](crate::Client::try_begin_post) says so.
    #[error("{0}")]
    WindowFull(#[from] WindowFull),
    /// The client said goodbye while requests had no answer; whether they took effect is not known.
    #[error("{0} requests had no answer at the goodbye")]
    Unanswered(usize),
}

impl ClientError {
    /// Why a first session could not be opened.
    pub(crate) fn not_connected(ending: Ending) -> Self {
        match ending {
            Ending::Refused(error) if error.code() == Some(ErrorCode::ServedElsewhere) => {
                Self::ServedElsewhere { since: error.since }
            }
            other => Self::Closed(other),
        }
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Rejected(error) => error.retryable,
            Self::WindowFull(_) => true,
            Self::Options(_)
            | Self::Local(_)
            | Self::ServedElsewhere { .. }
            | Self::Closed(_)
            | Self::Request(_)
            | Self::WrongAnswer(_)
            | Self::Subscription(_)
            | Self::TooManySubscriptions { .. }
            | Self::Unanswered(_) => false,
        }
    }

    /// Who answers for the consultation instead, if somebody was faster than this request.
    #[must_use]
    pub fn assignee(&self) -> Option<MemberId> {
        self.refusal()?.assignee
    }

    /// How long the engine asks to wait before another try.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        self.refusal()?.wait_ms.map(|ms| Duration::from_millis(u64::from(ms)))
    }

    /// What the engine said, if it refused the request.
    const fn refusal(&self) -> Option<&ErrorBody> {
        match self {
            Self::Rejected(error) => Some(error),
            Self::Options(_)
            | Self::Local(_)
            | Self::ServedElsewhere { .. }
            | Self::Closed(_)
            | Self::Request(_)
            | Self::WrongAnswer(_)
            | Self::Subscription(_)
            | Self::TooManySubscriptions { .. }
            | Self::WindowFull(_)
            | Self::Unanswered(_) => None,
        }
    }
}

/// Why a session, or the client, ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ending {
    /// This client said goodbye, or its last handle was dropped.
    #[error("this client said goodbye")]
    Done,
    /// The server refused to open the session.
    #[error("the server refused the session: {0}")]
    Refused(ErrorBody),
    /// The server said goodbye.
    #[error("the server said goodbye: {}", .0.reason)]
    Goodbye(Goodbye),
    /// The server closed the connection.
    #[error("the server closed the connection with code {code}: {reason}")]
    Closed {
        /// The close code's number; see [`CloseCode`].
        code: u32,
        /// Its sentence, if it gave one.
        reason: String,
    },
    /// The network or the other end failed.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// The session did not open in time.
    #[error("no session within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// The server's certificate is not one to trust.
    #[error("the server's certificate is not trusted: {0}")]
    Untrusted(String),
    /// The server sent what the protocol does not allow.
    #[error("the server broke the protocol: {0}")]
    Protocol(String),
}

/// Whether the client connects again by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reconnect {
    /// No.
    Never,
    /// Yes, not before this long from now.
    After(Duration),
}

impl Ending {
    /// Whether the member serves from another place now, which has taken this one over. (One that was displaced
    /// while it was not connected hears so when it wants to come back.)
    #[must_use]
    pub fn is_taken_over(&self) -> bool {
        match self {
            Self::Goodbye(goodbye) => goodbye.close == CloseCode::TakenOver,
            Self::Closed { code, .. } => *code == CloseCode::TakenOver.number(),
            Self::Refused(error) => error.code() == Some(ErrorCode::ServedElsewhere),
            Self::Done | Self::Lost(_) | Self::TimedOut(_) | Self::Untrusted(_) | Self::Protocol(_) => false,
        }
    }

    /// Whether a client whose session ended so connects again. (One whose instance was refused does too,
    /// as another instance, while no change is unanswered.)
    #[must_use]
    pub fn reconnect(&self) -> Reconnect {
        let milliseconds = |ms: u32| Reconnect::After(Duration::from_millis(u64::from(ms)));
        match self {
            Self::Done | Self::Untrusted(_) => Reconnect::Never,
            Self::Refused(error) if error.retryable => milliseconds(error.wait_ms.unwrap_or(0)),
            Self::Refused(_) => Reconnect::Never,
            Self::Goodbye(goodbye) => goodbye.reconnect_after_ms.map_or(Reconnect::Never, milliseconds),
            // A code that this version does not know says nothing against coming back.
            Self::Closed { code, .. } => match CloseCode::from_number(*code) {
                Some(code) if !code.reconnect() => Reconnect::Never,
                Some(_) | None => milliseconds(0),
            },
            Self::Lost(_) | Self::TimedOut(_) | Self::Protocol(_) => milliseconds(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_comes_back_when_and_only_when_it_is_told_it_may() {
        let goodbye = |reconnect_after_ms| {
            Ending::Goodbye(Goodbye {
                close: CloseCode::GoingAway,
                reason: "restart".to_owned(),
                reconnect_after_ms,
            })
        };
        let closed = |code| Ending::Closed { code, reason: String::new() };
        let refused = |code| Ending::Refused(ErrorBody::new(code, ""));
        let after = |ms| Reconnect::After(Duration::from_millis(ms));
        for (ending, wanted) in [
            (Ending::Done, Reconnect::Never),
            (Ending::Untrusted(String::new()), Reconnect::Never),
            (Ending::Lost(String::new()), after(0)),
            (goodbye(Some(250)), after(250)),
            (goodbye(None), Reconnect::Never),
            (closed(CloseCode::GoingAway.number()), after(0)),
            (closed(CloseCode::Replaced.number()), Reconnect::Never),
            (closed(CloseCode::TakenOver.number()), Reconnect::Never),
            (refused(ErrorCode::ServedElsewhere), Reconnect::Never),
            (closed(CloseCode::ProtocolError.number()), Reconnect::Never),
            (closed(4_000), after(0)),
            (refused(ErrorCode::BadCredentials), Reconnect::Never),
            (refused(ErrorCode::HelloTimeout), after(0)),
        ] {
            assert_eq!(ending.reconnect(), wanted, "{ending:?}");
        }
    }
}

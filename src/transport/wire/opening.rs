//! The opening of a session: what a hello proves and asks for, and why it is refused.
//!
//! Owns the translation of credentials, instance and purpose. Must not know who is known; the engine proves.

use sha2::{Digest, Sha256};
use switchboard_protocol::vocabulary::{InstanceId, MemberId, Platform};
use switchboard_protocol::wire::{CloseCode, Credentials, ErrorBody, ErrorCode, Hello, Purpose, decode};

use super::{bad_frame, bad_request};
use crate::actors::directory::{Proof, Proven};
use crate::actors::session::{Place, Refused};
use crate::clock;
use crate::domain::identity::Identity;
use crate::domain::instance::check_instance;
use crate::domain::workspace::TokenHash;

/// Reads a hello.
pub(in crate::transport) fn hello(body: &[u8]) -> Result<Hello, ErrorBody> {
    decode(body).map_err(|error| bad_frame(&error))
}

/// What a hello's credentials are to prove.
pub(in crate::transport) fn proof(credentials: &Credentials) -> Result<Proof, ErrorBody> {
    match credentials {
        Credentials::Customer { profile, platform, user_key } => {
            let platform = match platform {
                Some(platform) => platform.clone(),
                None => Platform::new("web").map_err(|error| bad_request(&error))?,
            };
            Ok(Proof::Customer(*profile, platform, user_key.clone()))
        }
        Credentials::Agent { token } => Ok(Proof::Token(TokenHash(Sha256::digest(token.as_str()).into()))),
        Credentials::Unknown => {
            Err(ErrorBody::new(ErrorCode::Unsupported, "credentials: this kind is not known here"))
        }
    }
}

/// The instance that a client is from now on: the one that it names, or a new one.
pub(in crate::transport) fn instance(hello: &Hello) -> Result<InstanceId, ErrorBody> {
    let Some(named) = hello.instance else { return Ok(clock::instance_id()) };
    let checked = check_instance(named, clock::now()).map(|()| named);
    checked.map_err(|error| ErrorBody::new(ErrorCode::InstanceExpired, error.to_string()))
}

/// The place that a session is to take: a member's has a purpose.
pub(in crate::transport) fn place(purpose: Purpose, proven: &Proven) -> Result<Place, ErrorBody> {
    match (purpose, proven.identity.member()) {
        (Purpose::Unknown, _) => {
            Err(ErrorBody::new(ErrorCode::Unsupported, "purpose: this one is not known here"))
        }
        (Purpose::Serve, None) | (Purpose::Look, Some(_)) => Ok(Place::None),
        (Purpose::Look | Purpose::TakeOver, None) => {
            Err(bad_request(&"purpose: only a member's session has one"))
        }
        (Purpose::Serve | Purpose::TakeOver, Some(_)) if proven.several_places => Ok(Place::Beside),
        (Purpose::Serve, Some(_)) => Ok(Place::Only { takes_over: false }),
        (Purpose::TakeOver, Some(_)) => Ok(Place::Only { takes_over: true }),
    }
}

/// Why there is no place for a session.
pub(in crate::transport) fn no_place(refused: Refused) -> ErrorBody {
    match refused {
        Refused::Full => ErrorBody::new(ErrorCode::Overloaded, "the engine takes no more sessions now")
            .after_ms(FULL_RETRY_MS),
        Refused::Elsewhere { since } => {
            let sentence = "purpose: you serve from another place already; take it over, or only look";
            ErrorBody::new(ErrorCode::ServedElsewhere, sentence).since(since)
        }
    }
}

/// The answer to credentials that prove nobody.
pub(in crate::transport) fn bad_credentials() -> ErrorBody {
    ErrorBody::new(ErrorCode::BadCredentials, "credentials: they are not those of anybody here")
}

/// The code to close with after an opening was refused.
pub(in crate::transport) fn close_for(error: &ErrorBody) -> CloseCode {
    match error.code() {
        Some(
            ErrorCode::BadCredentials
            | ErrorCode::InstanceExpired
            | ErrorCode::ProtocolVersion
            | ErrorCode::ServedElsewhere,
        ) => CloseCode::Refused,
        _ if error.retryable => CloseCode::Overloaded,
        _ => CloseCode::ProtocolError,
    }
}

/// Which member an identity is.
pub(in crate::transport) fn member_of(identity: &Identity) -> Option<MemberId> {
    match identity {
        Identity::Member { member, .. } => Some(*member),
        Identity::Customer { .. } => None,
    }
}

/// How long a client that cannot be served now is asked to wait, in milliseconds.
pub(in crate::transport) const FULL_RETRY_MS: u32 = 1_000;

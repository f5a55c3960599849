//! The Rust SDK of Switchboard: talk to the engine over QUIC, as a customer or as an agent.
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/example/daemon.rs.inc"));
//! # #[tokio::main]
//! # async fn main() -> Anything {
//! # let example = Example::start().await?;
//! # let (address, fingerprint, profile) = (example.address(), example.fingerprint(), example.profile());
//! use switchboard_client::vocabulary::{Content, MessageText, Seq, UserKey};
//! use switchboard_client::wire::Credentials;
//! use switchboard_client::{Client, ConnectOptions, Trust, Update};
//!
//! let user_key = UserKey::new("ada")?;
//! let customer = Credentials::Customer { profile, platform: None, user_key };
//! let options = ConnectOptions::new(vec![address], Trust::Pinned(fingerprint), customer);
//! let client = Client::connect(options).await?;
//!
//! let conversation = client.open().await?;
//! let mut following = client.follow(conversation, Seq::ZERO).await?;
//! let posted = client.post(conversation, Content::text(MessageText::new("hello")?)).await?;
//! while let Some(update) = following.next().await {
//!     if let Update::Event(event) = update?
//!         && Some(event.seq) == posted.seq
//!     {
//!         break;
//!     }
//! }
//! client.close().await?;
//! # example.daemon.stop().await?;
//! # Ok(())
//! # }
//! ```
//!
//! The client connects again by itself, as the same instance; requests without an answer are sent
//! again with their counters, so that the engine carries each out once; whoever follows a conversation
//! sees each event once and in order.
//!
//! Owns the client's side of the protocol: connecting, resuming, resending, and the back-pressure of
//! whoever does not take their events. Must not know the engine: only the wire is shared with it.
//!
//! Inside, data moves one way: `client` puts a request into `outstanding` under the one lock of
//! `shared`, the task in `session` writes it and hands back the answer; a stream of a subscription is
//! read by a `reader` into the queue of its `subscription`, judged by `progress`, and taken out by its
//! `following`. Only `transport` names the QUIC library, only `trust` the TLS library.

mod ambient;
pub mod backoff;
mod client;
mod connection;
mod consultations;
mod customers;
mod desk;
mod error;
mod following;
mod frames;
mod options;
pub mod outstanding;
pub mod progress;
mod reader;
mod session;
mod settings;
mod shared;
mod subscription;
mod transport;
mod trust;

pub use backoff::BackoffSettings;
pub use client::{Accepted, Client, ConversationPage, History, PendingPost};
pub use connection::ConnectionState;
pub use consultations::ConsultationsPage;
pub use customers::{Customer, FoundPage};
pub use desk::DeskState;
pub use error::{ClientError, Ending, Reconnect};
pub use following::{Desk, Following};
pub use options::{ConnectOptions, Fingerprint, FingerprintError, Trust};
pub use settings::{Audit, Changed, SettingsAt};
pub use subscription::{DeskUpdate, Update};
pub use switchboard_protocol::{vocabulary, wire};
pub use transport::Endpoint;

//! The words of the product: ids, bounded texts, sequences, times and message content.
//!
//! Owns their checked constructors and their one MessagePack encoding. Must not know the wire's
//! frames, nor any rule about what may follow what.

mod content;
mod id;
mod number;
mod text;

pub use content::{Content, Party};
pub use id::{ConversationId, IdError, InstanceId, MemberId, ProfileId, SessionId, WorkspaceId};
pub use number::{Seq, Timestamp};
pub use text::{DisplayName, MessageText, Platform, ProfileTitle, TextError, TextRule, Token, UserKey};

//! What is said, and who says it.
//!
//! Owns the kinds of message content. Must not know who may post what.

use serde::{Deserialize, Serialize};

use super::{MemberId, MessageText};

/// The content of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    /// Plain text.
    Text {
        /// The text.
        text: MessageText,
    },
    /// A kind that this version does not know. A client shows it as unsupported; the engine never
    /// stores it.
    #[serde(other)]
    Unknown,
}

impl Content {
    /// A text message.
    #[must_use]
    pub fn text(text: MessageText) -> Self {
        Self::Text { text }
    }

    /// How many bytes its texts have.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Text { text } => text.as_str().len(),
            Self::Unknown => 0,
        }
    }

    /// The beginning of it, for a row in a list: at most `chars_max` characters.
    #[must_use]
    pub fn preview(&self, chars_max: usize) -> String {
        match self {
            Self::Text { text } => text.as_str().chars().take(chars_max).collect(),
            Self::Unknown => String::new(),
        }
    }
}

/// Who acts in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "who", rename_all = "snake_case")]
pub enum Party {
    /// The customer.
    Customer,
    /// The profile's bot.
    Bot,
    /// A member serving the conversation.
    Agent {
        /// Which member.
        member: MemberId,
    },
}

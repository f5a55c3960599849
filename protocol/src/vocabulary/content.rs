//! What is said, and who says it.
//!
//! Owns the kinds of message content. Must not know who may post what.

use serde::{Deserialize, Serialize};

use super::{Buttons, Cards, Location, Media, MediaKind, MemberId, MessageText};

/// The content of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    /// Plain text.
    Text {
        /// The text.
        text: MessageText,
        /// What can be pressed below it.
        #[serde(default, skip_serializing_if = "Buttons::is_empty")]
        buttons: Buttons,
    },
    /// A picture, a film, a sound, or a link to anything else.
    Media(Media),
    /// Cards, side by side.
    Cards {
        /// At least one.
        cards: Cards,
    },
    /// A place.
    Location(Location),
    /// A kind that this version does not know. A client shows it as unsupported; the engine never
    /// stores it.
    #[serde(other)]
    Unknown,
}

impl Content {
    /// A text message.
    #[must_use]
    pub fn text(text: MessageText) -> Self {
        Self::Text { text, buttons: Buttons::default() }
    }

    /// Its text, if it is a text message.
    #[must_use]
    pub const fn as_text(&self) -> Option<&MessageText> {
        match self {
            Self::Text { text, .. } => Some(text),
            Self::Media(_) | Self::Cards { .. } | Self::Location(_) | Self::Unknown => None,
        }
    }

    /// At most so many bytes it takes as it travels, besides a flat amount for the message that it is in.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Text { text, buttons } => text.as_str().len() + buttons.bytes(),
            Self::Media(media) => media.bytes(),
            Self::Cards { cards } => cards.bytes(),
            Self::Location(location) => location.bytes(),
            Self::Unknown => 0,
        }
    }

    /// Whether this version knows all that is in it.
    #[must_use]
    pub fn is_known(&self) -> bool {
        match self {
            Self::Text { buttons, .. } => buttons.are_known(),
            Self::Media(media) => media.kind() != MediaKind::Unknown,
            Self::Cards { cards } => cards.are_known(),
            Self::Location(_) => true,
            Self::Unknown => false,
        }
    }

    /// The beginning of it, for a row in a list: at most `chars_max` characters. What has no words of its
    /// own is named in brackets.
    #[must_use]
    pub fn preview(&self, chars_max: usize) -> String {
        let words = match self {
            Self::Text { text, .. } => text.as_str(),
            Self::Media(media) => match media.kind() {
                MediaKind::Image => "[image]",
                MediaKind::Video => "[video]",
                MediaKind::Audio => "[audio]",
                MediaKind::Link => media.uri().as_str(),
                MediaKind::Unknown => "",
            },
            Self::Cards { cards } => cards.as_slice().first().map_or("", |card| card.title.as_str()),
            Self::Location(location) => location.title.as_ref().map_or("[location]", |title| title.as_str()),
            Self::Unknown => "",
        };
        words.chars().take(chars_max).collect()
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

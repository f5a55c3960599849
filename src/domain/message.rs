//! A message: what it says, what the bot suggests to answer with, and what of it is hidden in storage.
//!
//! Owns the bound of a message as a whole, which its parts together could exceed, and which content is
//! the bot's alone. Must not know conversations.

use switchboard_protocol::vocabulary::{Content, Keyboard};

use super::mask::{MASKS_MAX, Mask, MaskAfter, masks_of};

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What it says.
    pub content: Content,
    /// What is suggested to answer with; the bot's messages alone have one.
    pub keyboard: Option<Box<Keyboard>>,
    /// What of it is hidden, and from when on; again the bot's messages alone.
    pub masks: Vec<Mask>,
}

/// Why the bot cannot say something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// A kind in it is not known.
    #[error("message: a kind in it is not known here")]
    Unknown,
    /// It has too many masks.
    #[error("message: it has {count} masks; at most {MASKS_MAX}")]
    TooManyMasks {
        /// How many.
        count: usize,
    },
    /// It is larger than a message may be.
    #[error("message: it takes {bytes} bytes; at most {MESSAGE_BYTES_MAX}")]
    TooLarge {
        /// How many it takes.
        bytes: usize,
    },
}

impl Message {
    /// A message without a keyboard, of which nothing is hidden.
    #[must_use]
    pub const fn plain(content: Content) -> Self {
        Self { content, keyboard: None, masks: Vec::new() }
    }

    /// Hides these words wherever they stand in it, at once or after a time.
    ///
    /// # Errors
    /// When it would have too many masks; then it is as it was.
    pub fn mask(&mut self, words: &str, after: MaskAfter) -> Result<(), MessageError> {
        let masks = masks_of(self, words, after);
        let count = self.masks.len() + masks.len();
        if count > MASKS_MAX {
            return Err(MessageError::TooManyMasks { count });
        }
        self.masks.extend(masks);
        Ok(())
    }

    /// At most so many bytes it takes, besides a flat amount.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let keyboard = self.keyboard.as_ref().map_or(0, |keyboard| keyboard.bytes());
        self.content.bytes() + keyboard + MASK_BYTES * self.masks.len()
    }

    /// Checks a message of the bot's.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn check(&self) -> Result<(), MessageError> {
        let is_known =
            self.content.is_known() && self.keyboard.as_ref().is_none_or(|keyboard| keyboard.is_known());
        match self.bytes() {
            _ if !is_known => Err(MessageError::Unknown),
            _ if self.masks.len() > MASKS_MAX => Err(MessageError::TooManyMasks { count: self.masks.len() }),
            bytes if bytes > MESSAGE_BYTES_MAX => Err(MessageError::TooLarge { bytes }),
            _ => Ok(()),
        }
    }
}

/// What of some content only the bot sends, by name: people talk, and the bot offers what to press.
#[must_use]
pub const fn only_bots(content: &Content) -> Option<&'static str> {
    match content {
        Content::Cards { .. } => Some("cards"),
        Content::Text { buttons, .. } if !buttons.is_empty() => Some("buttons"),
        Content::Text { .. } | Content::Media(_) | Content::Location(_) | Content::Unknown => None,
    }
}

/// The most bytes of a message: less than a frame, an outbox or a page of the store holds. Nine cards with
/// nine buttons each could have eight times as many.
pub const MESSAGE_BYTES_MAX: usize = 48 * 1024;

/// What a mask takes where it is stored, at the most.
const MASK_BYTES: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;
    use switchboard_protocol::vocabulary::{Button, Few, Label, MessageText, Payload};

    /// A text with so many buttons of so many bytes each, their labels of one.
    fn message(buttons: usize, bytes: usize) -> Message {
        let text = MessageText::new("x").unwrap();
        let payload = Payload::new("🙂".repeat(bytes / 4)).unwrap();
        let button = Button::Postback { label: Label::new("x").unwrap(), payload };
        let buttons = Few::new(vec![button; buttons]).unwrap();
        Message::plain(Content::Text { text, buttons })
    }

    #[test]
    fn a_message_has_a_bound_as_a_whole() {
        assert_eq!(message(9, 4_000).check(), Ok(()));
        let text = MessageText::new("🙂".repeat(MessageText::CHARS_MAX)).unwrap();
        let Content::Text { buttons, .. } = message(9, 4_000).content else { unreachable!("it is a text") };
        let large = Message::plain(Content::Text { text, buttons });
        let bytes = large.bytes();
        assert!(bytes > MESSAGE_BYTES_MAX);
        assert_eq!(large.check(), Err(MessageError::TooLarge { bytes }));
    }

    #[test]
    fn a_message_has_so_many_masks() {
        let text = MessageText::new("1".repeat(MASKS_MAX + 1)).unwrap();
        let mut message = Message::plain(Content::text(text));
        let error = MessageError::TooManyMasks { count: MASKS_MAX + 1 };
        assert_eq!(message.mask("1", MaskAfter::AT_ONCE), Err(error.clone()));
        assert!(message.masks.is_empty());
        message.masks = masks_of(&message, "1", MaskAfter::AT_ONCE);
        assert_eq!(message.check(), Err(error));
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        assert_eq!(Message::plain(Content::Unknown).check(), Err(MessageError::Unknown));
        let keyboard = Some(Box::new(Keyboard::Unknown));
        assert_eq!(Message { keyboard, ..message(0, 4) }.check(), Err(MessageError::Unknown));
    }
}

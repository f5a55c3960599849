//! What a message says: who wrote it, its number, and when it was due and sent.
//!
//! Owns the text's form and that a receiver can tell whether it arrived whole. Must not know where
//! messages go.

use switchboard_client::vocabulary::{Content, MessageText, TextError};

use crate::clock::Micros;

/// The two ends of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Customer,
    Agent,
}

impl Side {
    /// Its place in a list of two.
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Customer => 0,
            Self::Agent => 1,
        }
    }
}

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Payload {
    /// Which pair wrote it.
    pub(crate) pair: usize,
    /// Which end of the pair.
    pub(crate) side: Side,
    /// Its number, from 1, counted for each end of each pair.
    pub(crate) number: u64,
    /// When it was due.
    pub(crate) due: Micros,
    /// When it was sent.
    pub(crate) sent: Micros,
}

impl Payload {
    /// The message, filled up to so many bytes.
    ///
    /// # Errors
    /// When that is more than a message may have.
    pub(crate) fn content(&self, bytes: usize) -> Result<Content, TextError> {
        let Self { pair, side, number, due, sent } = self;
        let letter = match side {
            Side::Customer => 'c',
            Side::Agent => 'a',
        };
        let mut text = format!("{pair} {letter} {number} {due} {sent} ");
        let filler = bytes.saturating_sub(text.len());
        text.extend(std::iter::repeat_n(filler_of(*number), filler));
        MessageText::new(text).map(Content::text)
    }

    /// Reads a message that was made for so many bytes; `None` if it is not as it was made.
    pub(crate) fn read(content: &Content, bytes: usize) -> Option<Self> {
        let text = content.as_text()?.as_str();
        let mut parts = text.splitn(6, ' ');
        let mut number = || parts.next()?.parse::<u64>().ok();
        let pair = usize::try_from(number()?).ok()?;
        let side = match parts.next()? {
            "c" => Side::Customer,
            "a" => Side::Agent,
            _ => return None,
        };
        let mut number = || parts.next()?.parse::<u64>().ok();
        let (number, due, sent) = (number()?, number()?, number()?);
        let filler = parts.next()?;
        let head = text.len() - filler.len();
        let whole =
            text.len() == bytes.max(head) && filler.bytes().all(|byte| byte == filler_of(number) as u8);
        whole.then_some(Self { pair, side, number, due, sent })
    }
}

/// Different from one message to the next, so that a mixed-up one shows.
const fn filler_of(number: u64) -> char {
    (b'a' + (number % 26) as u8) as char
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_made_is_read_and_nothing_else(
            pair in 0..10_000_usize, number in 1..u64::MAX, due: u64, sent: u64, bytes in 0..400_usize,
        ) {
            let payload = Payload { pair, side: Side::Agent, number, due, sent };
            let content = payload.content(bytes).unwrap();
            prop_assert!(content.bytes() >= bytes);
            prop_assert_eq!(Payload::read(&content, bytes), Some(payload));
            let text = content.as_text().unwrap();
            let longer = Content::text(MessageText::new(format!("{}~", text.as_str())).unwrap());
            prop_assert_eq!(Payload::read(&longer, bytes), None);
            let other = text.as_str().replace('a', "c");
            let other = Content::text(MessageText::new(other).unwrap());
            prop_assert_ne!(Payload::read(&other, bytes), Some(payload));
        }
    }
}

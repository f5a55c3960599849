//! Words that this version does not know, where it has to say which it was.
//!
//! Owns how much of one is kept. Must not know which words there are.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A word in place of one that is known: its beginning, which is enough to say which it was.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct UnknownWord {
    bytes: [u8; WORD_BYTES_MAX],
    length: u8,
}

impl UnknownWord {
    /// Keeps the beginning of a word.
    #[must_use]
    pub fn new(word: &str) -> Self {
        let length = word.floor_char_boundary(WORD_BYTES_MAX);
        let mut bytes = [0; WORD_BYTES_MAX];
        bytes[..length].copy_from_slice(&word.as_bytes()[..length]);
        Self { bytes, length: length as u8 }
    }

    /// What is kept of it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // It was cut where a character ends.
        std::str::from_utf8(&self.bytes[..usize::from(self.length)]).unwrap_or_default()
    }
}

impl fmt::Debug for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl Serialize for UnknownWord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for UnknownWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|word| Self::new(&word))
    }
}

/// The most bytes that are kept of a word: longer than any that there is.
const WORD_BYTES_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{AssignmentStrategy, Role, decode, encode};

    #[test]
    fn a_role_that_is_not_known_keeps_its_beginning_and_a_known_one_is_itself() {
        let read = |word: &str| decode::<Role>(&encode(&word).unwrap()).unwrap();
        assert_eq!(read("editor"), Role::Editor);
        assert_eq!(read("king"), Role::Unknown(UnknownWord::new("king")));
        let Role::Unknown(long) = read(&"왕".repeat(20_000)) else { unreachable!() };
        assert_eq!(long.as_str(), "왕".repeat(10), "cut where a character ends");
        assert_eq!(encode(&read("king")).unwrap(), encode(&"king").unwrap());
        assert_eq!(encode(&AssignmentStrategy::RoundRobin).unwrap(), encode(&"round_robin").unwrap());
        let refused = decode::<Role>(&encode(&7).unwrap()).unwrap_err().to_string();
        assert!(refused.contains("a role is a text"), "{refused}");
    }
}

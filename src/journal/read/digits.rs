//! Bytes as hexadecimal digits, which cursors are written in.
//!
//! Owns both directions. Must not know what the bytes mean.

use std::fmt;

/// Writes two digits for each byte.
pub(super) fn write<'a>(f: &mut fmt::Formatter<'_>, bytes: impl IntoIterator<Item = &'a u8>) -> fmt::Result {
    bytes.into_iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// The bytes that so many digits are, and nothing else.
pub(super) fn bytes<const N: usize>(digits: &str) -> Option<[u8; N]> {
    if digits.len() != 2 * N || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&digits[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}

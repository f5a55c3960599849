//! The check of a frame's structure before anything is decoded.
//!
//! Owns one bounded, allocation-free pass over MessagePack that proves: exactly one value, nothing
//! cut off, nothing behind it, no deeper than allowed. rmp-serde alone ignores what follows a value
//! and its own depth limit does not cover every path. Must not know what the values mean.
//! Source of the format: the MessagePack specification, github.com/msgpack/msgpack/blob/master/spec.md.

/// Why bytes are not one acceptable MessagePack value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The value needs more bytes than there are.
    #[error("the value is cut off after {0} bytes")]
    CutOff(usize),
    /// Bytes follow the value.
    #[error("{0} bytes follow the value")]
    Trailing(usize),
    /// Maps or arrays nest too deeply.
    #[error("values nest deeper than {0}")]
    TooDeep(usize),
    /// The byte 0xc1, which MessagePack never uses.
    #[error("byte {0} is no MessagePack marker")]
    Marker(usize),
}

/// Checks that `bytes` is exactly one MessagePack value whose maps and arrays nest at most
/// `depth_max` deep.
///
/// # Errors
/// The first reason found why it is not.
pub fn check_structure(bytes: &[u8], depth_max: usize) -> Result<(), Malformed> {
    let mut cursor = Cursor { bytes, at: 0 };
    // What is still to be read on each open level; the frame limit bounds the work, the depth the memory.
    let mut open = [0_u64; LEVELS_MAX];
    let depth_max = depth_max.min(LEVELS_MAX - 1);
    let mut depth = 0;
    open[0] = 1;
    loop {
        if open[depth] == 0 {
            if depth == 0 {
                break;
            }
            depth -= 1;
            continue;
        }
        open[depth] -= 1;
        let children = cursor.value()?;
        if children > 0 {
            if depth == depth_max {
                return Err(Malformed::TooDeep(depth_max));
            }
            depth += 1;
            open[depth] = children;
        }
    }
    match bytes.len() - cursor.at {
        0 => Ok(()),
        more => Err(Malformed::Trailing(more)),
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    /// Steps over one marker and what belongs to it; returns how many values follow inside it.
    fn value(&mut self) -> Result<u64, Malformed> {
        let marker_at = self.at;
        let marker = self.uint(1)?;
        match marker {
            0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => Ok(0),
            0x80..=0x8f => Ok((marker & 0x0f) * 2),
            0x90..=0x9f => Ok(marker & 0x0f),
            0xa0..=0xbf => self.skip(marker & 0x1f),
            0xc4 | 0xd9 => self.sized(1, 0),
            0xc5 | 0xda => self.sized(2, 0),
            0xc6 | 0xdb => self.sized(4, 0),
            0xc7 => self.sized(1, 1),
            0xc8 => self.sized(2, 1),
            0xc9 => self.sized(4, 1),
            0xcc | 0xd0 => self.skip(1),
            0xcd | 0xd1 => self.skip(2),
            0xca | 0xce | 0xd2 => self.skip(4),
            0xcb | 0xcf | 0xd3 => self.skip(8),
            0xd4..=0xd8 => self.skip(1 + (1 << (marker - 0xd4))),
            0xdc => self.uint(2),
            0xdd => self.uint(4),
            0xde => self.uint(2).map(|pairs| pairs * 2),
            0xdf => self.uint(4).map(|pairs| pairs * 2),
            _ => Err(Malformed::Marker(marker_at)),
        }
    }

    /// A length of `width` bytes, then that many bytes and `extra` more.
    fn sized(&mut self, width: usize, extra: u64) -> Result<u64, Malformed> {
        let length = self.uint(width)?;
        self.skip(length + extra)
    }

    fn skip(&mut self, count: u64) -> Result<u64, Malformed> {
        let left = (self.bytes.len() - self.at) as u64;
        if count > left {
            return Err(Malformed::CutOff(self.bytes.len()));
        }
        self.at += count as usize;
        Ok(0)
    }

    fn uint(&mut self, width: usize) -> Result<u64, Malformed> {
        let end = self.at + width;
        let bytes = self.bytes.get(self.at..end).ok_or(Malformed::CutOff(self.bytes.len()))?;
        self.at = end;
        Ok(bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }
}

/// More levels than any limit in use, so that the stack of open levels is a plain array.
const LEVELS_MAX: usize = 65;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_whole_value_passes() {
        for bytes in [&[0xc0][..], &[0x81, 0xa1, b'a', 0x93, 1, 2, 3], &[0xc4, 2, 0, 0], &[0xd8; 18]] {
            assert_eq!(check_structure(bytes, 4), Ok(()), "{bytes:02x?}");
        }
    }

    #[test]
    fn each_fault_has_its_name() {
        assert_eq!(check_structure(&[], 4), Err(Malformed::CutOff(0)));
        assert_eq!(check_structure(&[0x92, 1], 4), Err(Malformed::CutOff(2)));
        assert_eq!(check_structure(&[0xdb, 255, 255, 255, 255, 1], 4), Err(Malformed::CutOff(6)));
        assert_eq!(check_structure(&[0xc0, 0xc0], 4), Err(Malformed::Trailing(1)));
        assert_eq!(check_structure(&[0x91, 0xc1], 4), Err(Malformed::Marker(1)));
        assert_eq!(check_structure(&[0x91; 5], 4), Err(Malformed::TooDeep(4)));
        assert_eq!(check_structure(&[0x91; 60_000], 32), Err(Malformed::TooDeep(32)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = check_structure(&bytes, 32);
        }

        #[test]
        fn what_the_encoder_writes_passes_and_no_prefix_of_it_does(value in any::<(u64, String, Vec<i16>)>()) {
            let bytes = rmp_serde::to_vec_named(&value).unwrap();
            prop_assert_eq!(check_structure(&bytes, 8), Ok(()));
            for end in 0..bytes.len() {
                prop_assert!(check_structure(&bytes[..end], 8).is_err());
            }
        }
    }
}

//! Frames: a length of four bytes, big-endian, then one MessagePack value of that length.
//!
//! Owns cutting a stream of bytes into bodies. Must not know sockets (bytes are pushed in) or what
//! a body means.

use bytes::{Buf, Bytes, BytesMut};

use super::FRAME_BYTES_MAX;

/// Why the bytes of a stream are not frames. The stream cannot be read any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The announced length is above the limit.
    #[error("frame: {bytes} bytes announced; at most {FRAME_BYTES_MAX}")]
    TooLarge {
        /// The announced length.
        bytes: usize,
    },
    /// The announced length is zero.
    #[error("frame: 0 bytes announced; at least 1")]
    Empty,
    /// The stream ended in the middle of a frame.
    #[error("frame: the stream ended {missing} bytes too early")]
    CutOff {
        /// How many bytes were missing.
        missing: usize,
    },
}

/// Cuts a stream into frames. Never holds more than one frame and one chunk.
#[derive(Debug, Default)]
pub struct FrameReader {
    buffer: BytesMut,
}

impl FrameReader {
    /// Takes bytes that have arrived.
    pub fn push(&mut self, chunk: &[u8]) {
        self.buffer.extend_from_slice(chunk);
    }

    /// The next whole frame's body, or `None` when more bytes are needed.
    ///
    /// # Errors
    /// When the announced length is zero or above the limit.
    pub fn next_frame(&mut self) -> Result<Option<Bytes>, FrameError> {
        let Some(length) = self.announced()? else { return Ok(None) };
        if self.buffer.len() < LENGTH_BYTES + length {
            return Ok(None);
        }
        self.buffer.advance(LENGTH_BYTES);
        Ok(Some(self.buffer.split_to(length).freeze()))
    }

    /// Says whether the stream may end here.
    ///
    /// # Errors
    /// When it would end in the middle of a frame.
    pub fn finish(&self) -> Result<(), FrameError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let whole = LENGTH_BYTES + self.announced()?.unwrap_or(0);
        Err(FrameError::CutOff { missing: whole.saturating_sub(self.buffer.len()).max(1) })
    }

    /// Gives back the memory of a buffer that is empty: an idle connection holds none.
    pub fn release_if_empty(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }

    fn announced(&self) -> Result<Option<usize>, FrameError> {
        let Some(head) = self.buffer.first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
        match u32::from_be_bytes(*head) as usize {
            0 => Err(FrameError::Empty),
            bytes if bytes > FRAME_BYTES_MAX => Err(FrameError::TooLarge { bytes }),
            bytes => Ok(Some(bytes)),
        }
    }
}

const LENGTH_BYTES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_out_of_range_end_the_stream() {
        let mut reader = FrameReader::default();
        reader.push(&[0, 0, 0, 0]);
        assert_eq!(reader.next_frame(), Err(FrameError::Empty));
        let mut reader = FrameReader::default();
        reader.push(&[0, 1, 0, 1]);
        assert_eq!(reader.next_frame(), Err(FrameError::TooLarge { bytes: 65_537 }));
    }

    #[test]
    fn a_stream_may_end_only_between_frames() {
        let mut reader = FrameReader::default();
        assert_eq!(reader.finish(), Ok(()));
        reader.push(&[0, 0, 0, 3, 1]);
        assert_eq!(reader.finish(), Err(FrameError::CutOff { missing: 2 }));
    }

    proptest! {
        #[test]
        fn any_cutting_of_the_stream_gives_the_same_frames(
            bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..50), 0..8),
            cut in 1..40_usize,
        ) {
            let mut stream = Vec::new();
            for body in &bodies {
                stream.extend((body.len() as u32).to_be_bytes());
                stream.extend(body);
            }
            let mut reader = FrameReader::default();
            let mut read = Vec::new();
            for chunk in stream.chunks(cut) {
                reader.push(chunk);
                while let Some(body) = reader.next_frame().unwrap() {
                    read.push(body.to_vec());
                }
            }
            prop_assert_eq!(read, bodies);
            prop_assert_eq!(reader.finish(), Ok(()));
        }
    }
}

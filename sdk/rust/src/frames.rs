//! Frames out of the chunks that a stream delivers.
//!
//! Owns the short cut for the usual case, a frame that lies whole in one chunk: it is not copied.
//! Everything else goes through the protocol's [`FrameReader`]. Must not know where chunks come from.

use bytes::{Buf, Bytes};
use switchboard_protocol::wire::{FRAME_BYTES_MAX, FrameError, FrameReader};

/// Cuts chunks into frames. Holds at most one chunk and the beginning of one frame.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    chunk: Bytes,
    /// The beginning of a frame that did not lie whole in one chunk, or is not a valid one.
    partial: FrameReader,
}

impl Frames {
    /// Takes the next chunk of the stream.
    pub(crate) fn push(&mut self, chunk: Bytes) {
        if self.chunk.is_empty() && self.partial.finish().is_ok() {
            self.chunk = chunk;
        } else {
            self.partial.push(&std::mem::take(&mut self.chunk));
            self.partial.push(&chunk);
        }
    }

    /// The next whole frame's body, or `None` when another chunk is needed.
    pub(crate) fn next_frame(&mut self) -> Result<Option<Bytes>, FrameError> {
        if self.partial.finish().is_err() {
            return self.partial.next_frame();
        }
        if self.chunk.is_empty() {
            return Ok(None);
        }
        if let Some(length) = whole(&self.chunk) {
            self.chunk.advance(LENGTH_BYTES);
            return Ok(Some(self.chunk.split_to(length)));
        }
        self.partial.push(&std::mem::take(&mut self.chunk));
        self.partial.next_frame()
    }

    /// Gives back memory that an idle stream does not need.
    pub(crate) fn rest(&mut self) {
        self.partial.release_if_empty();
        if self.chunk.is_empty() {
            // An empty view would still hold the packet it was cut from.
            self.chunk = Bytes::new();
        }
    }
}

/// The length of the frame that lies whole at the beginning of `chunk`, if a valid one does.
fn whole(chunk: &Bytes) -> Option<usize> {
    let length = u32::from_be_bytes(*chunk.first_chunk::<LENGTH_BYTES>()?) as usize;
    ((1..=FRAME_BYTES_MAX).contains(&length) && chunk.len() >= LENGTH_BYTES + length).then_some(length)
}

const LENGTH_BYTES: usize = 4;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn invalid_lengths_are_faults_here_too() {
        for (bytes, fault) in [
            (&[0, 0, 0, 0][..], FrameError::Empty),
            (&[0, 1, 0, 1, 9], FrameError::TooLarge { bytes: 65_537 }),
        ] {
            let mut frames = Frames::default();
            frames.push(Bytes::from_static(bytes));
            assert_eq!(frames.next_frame(), Err(fault));
        }
    }

    proptest! {
        #[test]
        fn any_cutting_gives_the_same_frames(
            bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..60), 0..12),
            cuts in proptest::collection::vec(1..120_usize, 1..20),
        ) {
            let mut stream = Vec::new();
            for body in &bodies {
                stream.extend((body.len() as u32).to_be_bytes());
                stream.extend(body);
            }
            let mut stream = Bytes::from(stream);
            let mut frames = Frames::default();
            let mut read = Vec::new();
            for cut in cuts.iter().cycle() {
                if stream.is_empty() {
                    break;
                }
                frames.push(stream.split_to((*cut).min(stream.len())));
                while let Some(body) = frames.next_frame().unwrap() {
                    read.push(body.to_vec());
                }
                frames.rest();
            }
            prop_assert_eq!(read, bodies);
            prop_assert_eq!(frames.partial.finish(), Ok(()));
        }
    }
}

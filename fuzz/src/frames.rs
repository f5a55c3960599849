//! Frames: cutting a stream of bytes, and everything that a frame can hold.
//!
//! Owns the rules: however the stream is cut into chunks, the frames are the same; what can be read can be
//! written, and is then read as the same. Must not know sessions.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use switchboard_protocol::wire::{
    CodecError, ConversationFrame, DeskFrame, FrameReader, Hello, Request, ServerFrame, SubscriptionHead,
    Typing, decode, encode,
};

/// The first byte says how the rest is cut into chunks.
pub fn frames(data: &[u8]) {
    let Some((cut, stream)) = data.split_first() else { return };
    let whole = cut_into(stream, stream.len());
    assert_eq!(whole, cut_into(stream, usize::from(*cut) + 1), "the cutting matters");
    for body in whole.iter().map(Vec::as_slice).chain([stream]) {
        again::<Hello>(body);
        again::<Request>(body);
        again::<ServerFrame>(body);
        again::<SubscriptionHead>(body);
        again::<ConversationFrame>(body);
        again::<DeskFrame>(body);
        again::<Typing>(body);
    }
}

fn cut_into(stream: &[u8], bytes: usize) -> Vec<Vec<u8>> {
    let mut reader = FrameReader::default();
    let mut bodies = Vec::new();
    for chunk in stream.chunks(bytes.max(1)) {
        reader.push(chunk);
        loop {
            match reader.next_frame() {
                Ok(Some(body)) => bodies.push(body.to_vec()),
                Ok(None) => break,
                Err(_) => return bodies,
            }
        }
    }
    let _ = reader.finish();
    bodies
}

fn again<T: DeserializeOwned + Serialize + PartialEq + Debug>(body: &[u8]) {
    let Ok(value) = decode::<T>(body) else { return };
    match encode(&value) {
        Ok(written) => assert_eq!(decode::<T>(&written).as_ref(), Ok(&value), "it is read as another"),
        // Names are written in full, which a sender may have left out.
        Err(CodecError::TooLarge { .. }) => {}
        Err(error) => panic!("{value:?} cannot be written: {error}"),
    }
}

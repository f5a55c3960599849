//! The codec: typed values to MessagePack with named fields, and back.
//!
//! Owns the only calls of the MessagePack library on the wire, strict on what comes in: bounded,
//! one value, nothing behind it. Unknown fields are ignored, so that versions can differ by one.
//! Must not know any particular frame.

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{DEPTH_MAX, ErrorCode, FRAME_BYTES_MAX, Malformed, check_structure};

/// Why a value could not be written or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Larger than the limit of a frame.
    #[error("frame: {bytes} bytes; at most {FRAME_BYTES_MAX}")]
    TooLarge {
        /// How large it is.
        bytes: usize,
    },
    /// Not one well-formed value.
    #[error("frame: {0}")]
    Malformed(#[from] Malformed),
    /// Well-formed, but not what was expected here; the sentence names the field.
    #[error("{0}")]
    Unexpected(String),
}

impl CodecError {
    /// The error with which a peer that sent such bytes is answered.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::TooLarge { .. } | Self::Malformed(_) => ErrorCode::MalformedFrame,
            Self::Unexpected(_) => ErrorCode::MalformedRequest,
        }
    }
}

/// Reads one value from the body of a frame.
///
/// # Errors
/// When it is too large, malformed, or not a `T`.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, CodecError> {
    if body.len() > FRAME_BYTES_MAX {
        return Err(CodecError::TooLarge { bytes: body.len() });
    }
    check_structure(body, DEPTH_MAX)?;
    rmp_serde::from_slice(body).map_err(|error| CodecError::Unexpected(error.to_string()))
}

/// Writes one value without a length: a datagram, or the body of a frame.
///
/// # Errors
/// When it would be larger than a frame may be.
pub fn encode<T: Serialize>(value: &T) -> Result<Bytes, CodecError> {
    write(value, 0).map(BytesMut::freeze)
}

/// Writes one value as a frame: its length in four bytes, big-endian, then the value.
///
/// # Errors
/// When it would be larger than a frame may be.
pub fn encode_frame<T: Serialize>(value: &T) -> Result<Bytes, CodecError> {
    let mut frame = write(value, LENGTH_BYTES)?;
    let length =
        u32::try_from(frame.len() - LENGTH_BYTES).map_err(|_| CodecError::TooLarge { bytes: frame.len() })?;
    frame[..LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
    Ok(frame.freeze())
}

fn write<T: Serialize>(value: &T, reserved: usize) -> Result<BytesMut, CodecError> {
    let mut buffer = BytesMut::with_capacity(TYPICAL_BYTES);
    buffer.put_bytes(0, reserved);
    let mut writer = buffer.writer();
    let mut serializer = rmp_serde::Serializer::new(&mut writer).with_struct_map();
    value.serialize(&mut serializer).map_err(|error| CodecError::Unexpected(error.to_string()))?;
    let buffer = writer.into_inner();
    let bytes = buffer.len() - reserved;
    if bytes > FRAME_BYTES_MAX { Err(CodecError::TooLarge { bytes }) } else { Ok(buffer) }
}

/// The width of a frame's length.
const LENGTH_BYTES: usize = 4;

/// Room for a message of ordinary length without growing.
const TYPICAL_BYTES: usize = 320;

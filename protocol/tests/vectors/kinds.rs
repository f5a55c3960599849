//! The kinds of values that have vectors.
//!
//! Owns the one table from the name of a file to the type in the code. Must not know files or lines.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use switchboard_protocol::vocabulary::{ConversationId, Seq, Timestamp};
use switchboard_protocol::wire::{
    CodecError, ConversationFrame, DeskFrame, ErrorBody, Hello, Request, ServerFrame, SubscriptionHead,
    Typing, decode, encode,
};

use crate::variants::Variants;

/// A kind of value.
pub(crate) struct Kind {
    /// The name of its file.
    pub(crate) name: &'static str,
    /// Reads its bytes.
    pub(crate) decode: fn(&[u8]) -> Result<Forms, CodecError>,
    /// Reads its JSON.
    pub(crate) parse: fn(&Value) -> Result<Forms, serde_json::Error>,
}

/// A value in all its forms.
pub(crate) struct Forms {
    /// As JSON, its fields in the order of the wire.
    pub(crate) text: String,
    pub(crate) bytes: Bytes,
    /// The variants that are in it.
    pub(crate) variants: Vec<&'static str>,
}

impl Forms {
    /// As JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

/// The kind whose file has this name.
pub(crate) fn of(name: &str) -> &'static Kind {
    KINDS.iter().find(|kind| kind.name == name).unwrap_or_else(|| panic!("{name:?} is not a kind of value"))
}

pub(crate) const KINDS: &[Kind] = &[
    kind::<ConversationId>("id"),
    kind::<Seq>("seq"),
    kind::<Timestamp>("timestamp"),
    kind::<Hello>("hello"),
    kind::<Request>("request"),
    kind::<ServerFrame>("session"),
    kind::<SubscriptionHead>("head"),
    kind::<ConversationFrame>("conversation"),
    kind::<DeskFrame>("desk"),
    kind::<Typing>("typing"),
    kind::<ErrorBody>("error"),
];

const fn kind<T: Serialize + DeserializeOwned + Variants>(name: &'static str) -> Kind {
    Kind {
        name,
        decode: |bytes| decode::<T>(bytes).map(|value| forms(&value)),
        parse: |value| T::deserialize(value).map(|value| forms(&value)),
    }
}

fn forms<T: Serialize + Variants>(value: &T) -> Forms {
    let mut variants = Vec::new();
    value.variants(&mut variants);
    Forms { text: serde_json::to_string(value).unwrap(), bytes: encode(value).unwrap(), variants }
}

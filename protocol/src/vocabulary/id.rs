//! Ids: UUIDv7, 16 bytes in MessagePack (`bin 8`), the usual 36 characters for people.
//!
//! Owns one type for each thing that has an id. Must not know clocks or randomness: whoever makes
//! an id passes both in.

use std::fmt;
use std::str::FromStr;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::Timestamp;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {value:?} is not an id; it must be a UUID of 36 characters")]
pub struct IdError {
    /// The kind of id that was wanted, as the wire names it.
    pub field: &'static str,
    /// What was given, cut to 64 characters.
    pub value: String,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $field:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id of UUID version 7, made from a UTC time in milliseconds and ten random
            /// bytes (RFC 9562, section 5.7). Times before 1970 count as 1970.
            #[must_use]
            pub fn v7(at_ms: i64, random: [u8; 10]) -> Self {
                let at_ms = u64::try_from(at_ms).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(at_ms, &random).into_uuid())
            }

            /// The id with these 16 bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// Its 16 bytes, in network order.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($field, ":{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Uuid::try_parse(text).map(Self).map_err(|_| IdError {
                    field: $field,
                    value: text.chars().take(64).collect(),
                })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(&self.0)
                } else {
                    serializer.serialize_bytes(self.0.as_bytes())
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(IdVisitor($field)).map(Self)
            }
        }
    )*};
}

ids! {
    /// A workspace: one company's space.
    WorkspaceId "workspace";
    /// A profile: a chatbot of a workspace, the face customers talk to.
    ProfileId "profile";
    /// A member of a workspace; an agent while serving conversations.
    MemberId "member";
    /// A flow of a profile's bot.
    FlowId "flow";
    /// The thread between a customer and a profile.
    ConversationId "conversation";
    /// One episode of human service within a conversation.
    ConsultationId "consultation";
    /// One run of a client program, as the engine names it. With its counter it makes each of the run's
    /// commands unique.
    InstanceId "instance";
    /// One authenticated connection.
    SessionId "session";
}

impl InstanceId {
    /// When it was made; `None` when it is no UUID of version 7 and so has no time in it.
    #[must_use]
    pub fn issued_at(&self) -> Option<Timestamp> {
        let is_dated = self.0.get_variant() == uuid::Variant::RFC4122 && self.0.get_version_num() == 7;
        let [a, b, c, d, e, f, ..] = *self.as_bytes();
        let millis = i64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        is_dated.then(|| Timestamp::from_millis(millis))
    }
}

/// Reads 16 bytes, or the textual form. Both are accepted wherever an id stands, because values
/// inside a tagged map are buffered and lose the knowledge of which format they came from.
struct IdVisitor(&'static str);

impl<'de> Visitor<'de> for IdVisitor {
    type Value = Uuid;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: 16 bytes of a UUID", self.0)
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Uuid, E> {
        Uuid::from_slice(bytes)
            .map_err(|_| E::custom(format_args!("{}: {} bytes given; an id has 16", self.0, bytes.len())))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Uuid, E> {
        Uuid::try_parse(text)
            .map_err(|_| E::custom(IdError { field: self.0, value: text.chars().take(64).collect() }))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Uuid, A::Error> {
        let mut bytes = [0_u8; 16];
        for byte in &mut bytes {
            *byte = seq
                .next_element()?
                .ok_or_else(|| A::Error::custom(format_args!("{}: fewer than 16 bytes", self.0)))?;
        }
        Ok(Uuid::from_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_sixteen_bytes_of_msgpack() {
        let id = ConversationId::v7(1_700_000_000_000, [7; 10]);
        let bytes = rmp_serde::to_vec(&id).unwrap();
        assert_eq!(bytes[..2], [0xc4, 16]);
        assert_eq!(rmp_serde::from_slice::<ConversationId>(&bytes).unwrap(), id);
    }

    #[test]
    fn ids_made_later_sort_later() {
        assert!(ConversationId::v7(1, [255; 10]) < ConversationId::v7(2, [0; 10]));
    }

    #[test]
    fn an_instance_says_when_it_was_made_and_what_has_no_time_does_not() {
        let last_ms = (1 << 48) - 1;
        for at_ms in [0, 1_700_000_000_000, last_ms] {
            let made = InstanceId::v7(at_ms, [255; 10]).issued_at();
            assert_eq!(made, Some(Timestamp::from_millis(at_ms)));
        }
        let v4 = "936da01f-9abd-4d9d-80c7-02af85c822a8".parse::<InstanceId>().unwrap();
        assert_eq!(v4.issued_at(), None);
        let other_variant = "018bcfe5-6800-7000-c000-000000000000".parse::<InstanceId>().unwrap();
        assert_eq!(other_variant.issued_at(), None);
    }

    #[test]
    fn a_text_that_is_no_id_is_refused_with_field_value_and_rule() {
        let error = "seven".parse::<MemberId>().unwrap_err();
        assert_eq!(error.to_string(), "member: \"seven\" is not an id; it must be a UUID of 36 characters");
    }
}

//! The small parts that several stored forms share.
//!
//! Owns ids, places, parties and customers as they are stored.

use std::borrow::Cow;
use std::fmt;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_bytes::ByteArray;
use switchboard_protocol::vocabulary::{
    FlowId, InstanceId, MemberId, Party, Platform, ProfileId, Seq, Timestamp, UserKey,
};

use super::StoredError;
use crate::domain::conversation::Place;
use crate::domain::identity::CustomerKey;

/// The 16 bytes of any id.
pub(super) type Id = ByteArray<16>;

/// A place: the staff's sequence, then the customer's.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct StoredPlace(pub(super) u64, pub(super) u64);

impl StoredPlace {
    pub(super) const fn new(place: Place) -> Self {
        Self(place.staff.get(), place.customer.get())
    }

    pub(super) fn place(self, what: &'static str) -> Result<Place, StoredError> {
        Ok(Place { staff: seq(what, self.0)?, customer: seq(what, self.1)? })
    }
}

pub(super) fn seq(what: &'static str, value: u64) -> Result<Seq, StoredError> {
    Seq::new(value)
        .ok_or_else(|| StoredError::malformed(what, &format_args!("sequence {value} out of range")))
}

pub(super) const fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(super) const fn member_id(member: MemberId) -> Id {
    Id::new(*member.as_bytes())
}

pub(super) fn member(id: Id) -> MemberId {
    MemberId::from_bytes(id.into_array())
}

pub(super) const fn profile_id(profile: ProfileId) -> Id {
    Id::new(*profile.as_bytes())
}

pub(super) fn profile(id: Id) -> ProfileId {
    ProfileId::from_bytes(id.into_array())
}

pub(super) const fn flow_id(flow: FlowId) -> Id {
    Id::new(*flow.as_bytes())
}

pub(super) fn flow(id: Id) -> FlowId {
    FlowId::from_bytes(id.into_array())
}

pub(super) const fn instance_id(instance: InstanceId) -> Id {
    Id::new(*instance.as_bytes())
}

pub(super) fn instance(id: Id) -> InstanceId {
    InstanceId::from_bytes(id.into_array())
}

/// A party: `"c"` for the customer, `"b"` for the bot, the 16 bytes of an agent's member id.
#[derive(Debug, Clone, Copy)]
pub(super) struct StoredParty(pub(super) Party);

impl Serialize for StoredParty {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Party::Customer => serializer.serialize_str(CUSTOMER),
            Party::Bot => serializer.serialize_str(BOT),
            Party::Agent { member } => serializer.serialize_bytes(member.as_bytes()),
        }
    }
}

impl<'de> Deserialize<'de> for StoredParty {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PartyVisitor).map(Self)
    }
}

struct PartyVisitor;

impl Visitor<'_> for PartyVisitor {
    type Value = Party;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"c\", \"b\" or 16 bytes")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Party, E> {
        match text {
            CUSTOMER => Ok(Party::Customer),
            BOT => Ok(Party::Bot),
            _ => Err(E::custom("party: neither customer, bot nor agent")),
        }
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Party, E> {
        let id = <[u8; 16]>::try_from(bytes).map_err(|_| E::custom("party: an id has 16 bytes"))?;
        Ok(Party::Agent { member: MemberId::from_bytes(id) })
    }
}

const CUSTOMER: &str = "c";
const BOT: &str = "b";

/// A customer: profile, platform, user key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StoredCustomer<'a>(
    pub(super) Id,
    #[serde(borrow)] pub(super) Cow<'a, str>,
    #[serde(borrow)] pub(super) Cow<'a, str>,
);

impl<'a> StoredCustomer<'a> {
    pub(super) fn new(customer: &'a CustomerKey) -> Self {
        Self(
            Id::new(*customer.profile.as_bytes()),
            Cow::Borrowed(customer.platform.as_str()),
            Cow::Borrowed(customer.user_key.as_str()),
        )
    }

    pub(super) fn customer(&self, what: &'static str) -> Result<CustomerKey, StoredError> {
        customer(what, self.0, &self.1, &self.2)
    }
}

pub(super) fn customer(
    what: &'static str,
    profile: Id,
    platform: &str,
    user_key: &str,
) -> Result<CustomerKey, StoredError> {
    Ok(CustomerKey {
        profile: ProfileId::from_bytes(profile.into_array()),
        platform: Platform::new(platform).map_err(|error| StoredError::malformed(what, &error))?,
        user_key: UserKey::new(user_key).map_err(|error| StoredError::malformed(what, &error))?,
    })
}

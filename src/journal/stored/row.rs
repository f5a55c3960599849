//! The stored form of a row of the conversation list.
//!
//! Owns the row with what the fold needs to go on: which messages the staff have not read.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::consultation::{StoredServed, WITH_REASONS, WITH_RECORDS, version};
use super::conversation::{StoredUnread, stored_unread, unread};
use super::details::StoredDetails;
use super::parts::{Id, StoredCustomer, at, member, member_id, seq};
use super::service::{category, stored_category};
use super::{StoredError, read, write};
use crate::domain::consultation::{Assignees, Beginning, Consultation, Stage};
use crate::domain::conversation::{Served, Unread};
use crate::domain::customer::Details;
use crate::domain::identity::CustomerKey;
use crate::domain::listing::{Listing, Past};
use crate::journal::Position;
use switchboard_protocol::vocabulary::{CategoryPath, ConsultationId, MemberId, Seq, Timestamp};

/// A row of the list, and what its next entry builds on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::journal) struct RowState {
    /// With whom; `None` until it has started, and then it is in no list.
    pub(in crate::journal) customer: Option<CustomerKey>,
    /// What is known of them.
    pub(in crate::journal) details: Details,
    /// What its last consultations were about, each path once, the latest last.
    pub(in crate::journal) categories: Vec<CategoryPath>,
    /// Who serves it.
    pub(in crate::journal) served: Served,
    /// What its lists rest on besides.
    pub(in crate::journal) listing: Listing,
    /// Whether it has ended.
    pub(in crate::journal) ended: bool,
    /// The beginning of the last message.
    pub(in crate::journal) last_message: String,
    /// When something that counts last happened.
    pub(in crate::journal) last_at: Timestamp,
    /// What the staff have not read.
    pub(in crate::journal) unread: Unread,
    /// The last sequence for staff.
    pub(in crate::journal) seq: Seq,
    /// The last entry in it.
    pub(in crate::journal) revision: u64,
    /// Where that is in the log.
    pub(in crate::journal) position: Position,
}

/// The stored form of a row.
///
/// # Errors
/// None for what the fold makes.
pub(in crate::journal) fn encode_row(row: &RowState) -> Result<Vec<u8>, StoredError> {
    let is_listed = row.listing != Listing::of(&row.served);
    let old = !is_listed && row.served == before_consultations(row.served.assignee(), row.last_at);
    let stored = StoredRow {
        v: match (old, row.ended) {
            _ if is_listed || row.details != Details::default() || !row.categories.is_empty() => {
                WITH_RECORDS.max(version(&row.served))
            }
            (false, _) => version(&row.served),
            (true, true) => ENDED,
            (true, false) => FIRST,
        },
        customer: row.customer.as_ref().map(StoredCustomer::new),
        details: StoredDetails::new(&row.details),
        categories: row.categories.iter().map(stored_category).collect(),
        assignee: row.served.assignee().filter(|_| old).map(member_id),
        served: (!old).then(|| StoredServed::new(&row.served)),
        listing: is_listed.then(|| StoredListing::new(&row.listing)),
        ended: row.ended,
        last_message: Cow::Borrowed(&row.last_message),
        last_at: row.last_at.as_millis(),
        unread: stored_unread(&row.unread),
        seq: row.seq.get(),
        revision: row.revision,
        position: row.position.0,
    };
    let mut buffer = Vec::with_capacity(TYPICAL_BYTES);
    write(ROW, &stored, &mut buffer)?;
    Ok(buffer)
}

/// Reads the stored form of a row.
///
/// # Errors
/// When it is newer than this program, or is none.
pub(in crate::journal) fn decode_row(bytes: &[u8]) -> Result<RowState, StoredError> {
    let stored: StoredRow<'_> = read(ROW, WITH_REASONS, bytes)?;
    let served = match &stored.served {
        Some(served) => served.served()?,
        None => before_consultations(stored.assignee.map(member), at(stored.last_at)),
    };
    let listing = match &stored.listing {
        Some(listing) => listing.listing()?,
        None => Listing::of(&served),
    };
    Ok(RowState {
        customer: stored.customer.as_ref().map(|customer| customer.customer(ROW)).transpose()?,
        details: stored.details.as_ref().map_or(Ok(Details::default()), StoredDetails::details)?,
        categories: stored.categories.iter().map(|levels| category(levels)).collect::<Result<_, _>>()?,
        served,
        listing,
        ended: stored.ended,
        last_message: stored.last_message.into_owned(),
        last_at: at(stored.last_at),
        unread: unread(&stored.unread)?,
        seq: seq(ROW, stored.seq)?,
        revision: stored.revision,
        position: Position(stored.position),
    })
}

#[derive(Serialize, Deserialize)]
struct StoredRow<'a> {
    v: u64,
    #[serde(rename = "c", borrow, default, skip_serializing_if = "Option::is_none")]
    customer: Option<StoredCustomer<'a>>,
    #[serde(rename = "i", borrow, default, skip_serializing_if = "Option::is_none")]
    details: Option<StoredDetails<'a>>,
    #[serde(rename = "k", borrow, default, skip_serializing_if = "Vec::is_empty")]
    categories: Vec<Vec<Cow<'a, str>>>,
    /// What there was before there were consultations.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    assignee: Option<Id>,
    #[serde(rename = "w", borrow, default, skip_serializing_if = "Option::is_none")]
    served: Option<StoredServed<'a>>,
    /// `None`: as much as is known of who serves it says.
    #[serde(rename = "l", borrow, default, skip_serializing_if = "Option::is_none")]
    listing: Option<StoredListing<'a>>,
    #[serde(rename = "x", default, skip_serializing_if = "std::ops::Not::not")]
    ended: bool,
    #[serde(rename = "m", borrow)]
    last_message: Cow<'a, str>,
    #[serde(rename = "t")]
    last_at: i64,
    #[serde(rename = "u")]
    unread: StoredUnread,
    #[serde(rename = "s")]
    seq: u64,
    #[serde(rename = "r")]
    revision: u64,
    #[serde(rename = "p")]
    position: u64,
}

#[derive(Serialize, Deserialize)]
struct StoredListing<'a> {
    #[serde(rename = "p", borrow, default, skip_serializing_if = "Option::is_none")]
    past: Option<StoredPast<'a>>,
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    answered: Option<Id>,
}

/// Whether it was served, who answered for it last, what it was about.
#[derive(Serialize, Deserialize)]
struct StoredPast<'a>(bool, Option<Id>, #[serde(borrow)] Vec<Cow<'a, str>>);

impl<'a> StoredListing<'a> {
    fn new(listing: &'a Listing) -> Self {
        let past =
            |past: &'a Past| StoredPast(past.served, past.by.map(member_id), stored_category(&past.category));
        Self { past: listing.past.as_ref().map(past), answered: listing.answered.map(member_id) }
    }

    fn listing(&self) -> Result<Listing, StoredError> {
        let past = |StoredPast(served, by, path): &StoredPast<'_>| {
            Ok(Past { served: *served, by: by.map(member), category: category(path)? })
        };
        Ok(Listing { past: self.past.as_ref().map(past).transpose()?, answered: self.answered.map(member) })
    }
}

const ROW: &str = "row";

/// A row bears the first version that can say it: the second has the end, later ones who serves.
const FIRST: u64 = 1;
const ENDED: u64 = 2;

/// Who serves a conversation, as far as rows said it before there were consultations.
fn before_consultations(assignee: Option<MemberId>, since: Timestamp) -> Served {
    let consultation = assignee.map(|member| Consultation {
        id: ConsultationId::from_bytes([0; 16]),
        beginning: Beginning::SteppedIn,
        category: CategoryPath::default(),
        called_at: since,
        waits_since: since,
        stage: Stage::InProgress(member),
        why: None,
        served_at: Some(since),
        answered_at: None,
        transfers: 0,
        requeues: 0,
        assignees: Assignees::default(),
    });
    Served { consultation, ..Served::default() }
}

/// Room for a row with a preview and a few unread messages.
const TYPICAL_BYTES: usize = 384;

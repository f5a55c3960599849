//! The stored form of a conversation's state: a cache that may be thrown away.
//!
//! Owns it whole, with the memory of each client's answers as arrays, because there are many.

use serde::{Deserialize, Serialize};
use switchboard_protocol::vocabulary::{ConversationId, WorkspaceId};

use super::consultation::{
    StoredBotPlace, StoredConsultation, WITH_REASONS, WITH_RECORDS, bot_place, version,
};
use super::details::StoredDetails;
use super::parts::{
    Id, StoredCustomer, StoredParty, StoredPlace, at, instance, instance_id, member, member_id,
};
use super::{StoredError, read, write};
use crate::domain::conversation::{
    Answer, BotPlace, Client, Clients, Conversation, PartyClients, Place, Served, UNREAD_MAX, Unread,
};
use crate::domain::customer::Details;

/// The stored form of a conversation's state.
///
/// # Errors
/// None for what the domain makes.
pub(in crate::journal) fn encode_conversation(state: &Conversation) -> Result<Vec<u8>, StoredError> {
    let stored = StoredConversation {
        v: if state.details != Details::default() {
            WITH_RECORDS.max(version(&state.served))
        } else if serves(state) {
            version(&state.served)
        } else if state.ended {
            ENDED
        } else {
            FIRST
        },
        customer: state.customer.as_ref().map(StoredCustomer::new),
        details: StoredDetails::new(&state.details),
        revision: state.revision,
        last: StoredPlace::new(state.last),
        last_at: state.last_at.as_millis(),
        agents: state.served.agents.iter().map(|agent| member_id(*agent)).collect(),
        assignee: None,
        consultation: state.served.consultation.as_ref().map(StoredConsultation::new),
        former: state.served.former.map(member_id),
        bot: StoredBotPlace::new(&state.served.bot),
        owed: state.owed,
        silent_since: state.silent_since.map(|at| at.as_millis()),
        epoch: state.served.epoch,
        ended: state.ended,
        customer_unread: stored_unread(&state.customer_unread),
        staff_unread: stored_unread(&state.staff_unread),
        clients: state
            .clients
            .parties
            .iter()
            .map(|(party, clients)| {
                let instances = clients.instances.iter().map(stored_client).collect();
                StoredClients(StoredParty(*party), clients.forgotten.map(instance_id), instances)
            })
            .collect(),
    };
    let mut buffer = Vec::new();
    write(CONVERSATION, &stored, &mut buffer)?;
    Ok(buffer)
}

/// Reads the stored form of a conversation's state.
///
/// # Errors
/// When it is newer than this program, or is none.
pub(in crate::journal) fn decode_conversation(
    workspace: WorkspaceId,
    id: ConversationId,
    bytes: &[u8],
) -> Result<Conversation, StoredError> {
    let stored: StoredConversation<'_> = read(CONVERSATION, WITH_REASONS, bytes)?;
    if stored.assignee.is_some() {
        // Made before there were consultations: it is made anew from the entries.
        return Err(StoredError::malformed(CONVERSATION, &"it is served without a consultation"));
    }
    let parties = stored.clients.iter().map(|StoredClients(party, forgotten, instances)| {
        let instances = instances.iter().map(client).collect::<Result<_, _>>()?;
        Ok((party.0, PartyClients { forgotten: forgotten.map(instance), instances }))
    });
    Ok(Conversation {
        id,
        workspace,
        customer: stored.customer.as_ref().map(|customer| customer.customer(CONVERSATION)).transpose()?,
        details: stored.details.as_ref().map_or(Ok(Details::default()), StoredDetails::details)?,
        revision: stored.revision,
        last: stored.last.place(CONVERSATION)?,
        last_at: at(stored.last_at),
        served: Served {
            agents: stored.agents.iter().map(|agent| member(*agent)).collect(),
            consultation: stored.consultation.as_ref().map(StoredConsultation::consultation).transpose()?,
            epoch: stored.epoch,
            former: stored.former.map(member),
            bot: bot_place(stored.bot.as_ref())?,
        },
        owed: stored.owed,
        silent_since: stored.silent_since.map(at),
        ended: stored.ended,
        customer_unread: unread(&stored.customer_unread)?,
        staff_unread: unread(&stored.staff_unread)?,
        clients: Clients { parties: parties.collect::<Result<_, StoredError>>()? },
    })
}

#[derive(Serialize, Deserialize)]
struct StoredConversation<'a> {
    v: u64,
    #[serde(rename = "c", borrow, default, skip_serializing_if = "Option::is_none")]
    customer: Option<StoredCustomer<'a>>,
    #[serde(rename = "i", borrow, default, skip_serializing_if = "Option::is_none")]
    details: Option<StoredDetails<'a>>,
    #[serde(rename = "r")]
    revision: u64,
    #[serde(rename = "l")]
    last: StoredPlace,
    #[serde(rename = "t")]
    last_at: i64,
    #[serde(rename = "g")]
    agents: Vec<Id>,
    /// What there was before there were consultations.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    assignee: Option<Id>,
    #[serde(rename = "w", borrow, default, skip_serializing_if = "Option::is_none")]
    consultation: Option<StoredConsultation<'a>>,
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    former: Option<Id>,
    #[serde(rename = "b", borrow, default, skip_serializing_if = "Option::is_none")]
    bot: Option<StoredBotPlace<'a>>,
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    owed: Option<u64>,
    #[serde(rename = "q", default, skip_serializing_if = "Option::is_none")]
    silent_since: Option<i64>,
    #[serde(rename = "p")]
    epoch: u64,
    #[serde(rename = "x", default, skip_serializing_if = "std::ops::Not::not")]
    ended: bool,
    #[serde(rename = "cu")]
    customer_unread: StoredUnread,
    #[serde(rename = "su")]
    staff_unread: StoredUnread,
    #[serde(rename = "o")]
    clients: Vec<StoredClients>,
}

/// The clients of a party: the party, the last instance that was forgotten, the instances.
#[derive(Serialize, Deserialize)]
struct StoredClients(StoredParty, Option<Id>, Vec<StoredClient>);

/// An instance, its highest dropped counter, its answers.
#[derive(Serialize, Deserialize)]
struct StoredClient(Id, u64, Vec<StoredAnswer>);

/// A counter and its answer: revision, place if it has one, whether the customer counts it, when.
#[derive(Serialize, Deserialize)]
struct StoredAnswer(u64, u64, Option<StoredPlace>, bool, i64);

/// The last place read, and those behind it as the distances of each from the one before: staff,
/// customer, staff, customer, and so on.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredUnread(StoredPlace, Vec<u64>);

pub(super) fn stored_unread(unread: &Unread) -> StoredUnread {
    let mut distances = Vec::with_capacity(unread.waiting.len() * 2);
    let mut before = Place::default();
    for place in &unread.waiting {
        distances.push(place.staff.get().wrapping_sub(before.staff.get()));
        distances.push(place.customer.get().wrapping_sub(before.customer.get()));
        before = *place;
    }
    StoredUnread(StoredPlace::new(unread.read), distances)
}

pub(super) fn unread(stored: &StoredUnread) -> Result<Unread, StoredError> {
    let (distances, odd) = stored.1.as_chunks::<2>();
    if !odd.is_empty() || distances.len() > UNREAD_MAX {
        return Err(StoredError::malformed(CONVERSATION, &"unread places that are not pairs, or too many"));
    }
    let waiting = distances.iter().scan(StoredPlace(0, 0), |before, [staff, customer]| {
        *before = StoredPlace(before.0.wrapping_add(*staff), before.1.wrapping_add(*customer));
        Some(before.place(CONVERSATION))
    });
    Ok(Unread { read: stored.0.place(CONVERSATION)?, waiting: waiting.collect::<Result<_, _>>()? })
}

fn stored_client(client: &Client) -> StoredClient {
    let answers = client.answers.iter().map(|(counter, answer)| {
        let place = answer.place.map(StoredPlace::new);
        StoredAnswer(*counter, answer.revision, place, answer.customer_sees, answer.at.as_millis())
    });
    StoredClient(instance_id(client.instance), client.dropped, answers.collect())
}

fn client(stored: &StoredClient) -> Result<Client, StoredError> {
    let answers = stored.2.iter().map(|StoredAnswer(counter, revision, place, customer_sees, millis)| {
        let place = place.map(|place| place.place(CONVERSATION)).transpose()?;
        let answer = Answer { revision: *revision, place, customer_sees: *customer_sees, at: at(*millis) };
        Ok((*counter, answer))
    });
    Ok(Client {
        instance: instance(stored.0),
        dropped: stored.1,
        answers: answers.collect::<Result<_, StoredError>>()?,
    })
}

const CONVERSATION: &str = "conversation";

/// A state bears the first version that can say it: the second has the end, later ones consultations
/// and what the bot owes.
const FIRST: u64 = 1;
const ENDED: u64 = 2;

fn serves(state: &Conversation) -> bool {
    state.served.consultation.is_some()
        || state.served.former.is_some()
        || state.served.bot != BotPlace::On
        || state.owed.is_some()
        || state.silent_since.is_some()
}

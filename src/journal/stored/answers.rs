//! The stored form of what a workspace's members have been answered.
//!
//! Owns it as arrays, because there are many. Must not know what was asked.

use serde::{Deserialize, Serialize};
use switchboard_protocol::vocabulary::Party;

use super::StoredError;
use super::parts::{Id, at, instance, instance_id, member, member_id};
use crate::domain::clients::{Client, Clients, PartyClients};
use crate::domain::workspace::{Changed, MembersAnswers};

/// The last instance that was forgotten with its member, and the members.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredAnswers(Option<Id>, Vec<StoredMemberClients>);

/// A member, the last of their instances that was forgotten, the instances.
#[derive(Serialize, Deserialize)]
struct StoredMemberClients(Id, Option<Id>, Vec<StoredClient>);

/// An instance, its highest dropped counter, its answers.
#[derive(Serialize, Deserialize)]
struct StoredClient(Id, u64, Vec<StoredAnswer>);

/// A counter, the revision that it became, and when.
#[derive(Serialize, Deserialize)]
struct StoredAnswer(u64, u64, i64);

impl StoredAnswers {
    /// `None` when there is nothing to store.
    ///
    /// # Errors
    /// When somebody else than a member was answered.
    pub(super) fn new(answers: &MembersAnswers) -> Result<Option<Self>, StoredError> {
        let parties = answers.clients.parties.iter().map(|(party, clients)| match party {
            Party::Agent { member } => {
                let instances = clients.instances.iter().map(stored_client).collect();
                Ok(StoredMemberClients(member_id(*member), clients.forgotten.map(instance_id), instances))
            }
            Party::Customer | Party::Bot => {
                Err(StoredError::Unstorable { what: "answer", reason: "only members are answered" })
            }
        });
        let stored = Self(answers.forgotten.map(instance_id), parties.collect::<Result<_, _>>()?);
        Ok((stored.0.is_some() || !stored.1.is_empty()).then_some(stored))
    }

    pub(super) fn answers(&self) -> MembersAnswers {
        let parties = self.1.iter().map(|StoredMemberClients(id, forgotten, instances)| {
            let instances = instances.iter().map(client).collect();
            let clients = PartyClients { forgotten: forgotten.map(instance), instances };
            (Party::Agent { member: member(*id) }, clients)
        });
        MembersAnswers { clients: Clients { parties: parties.collect() }, forgotten: self.0.map(instance) }
    }
}

fn stored_client(client: &Client<Changed>) -> StoredClient {
    let answers = client.answers.iter();
    let answers =
        answers.map(|(counter, answer)| StoredAnswer(*counter, answer.revision, answer.at.as_millis()));
    StoredClient(instance_id(client.instance), client.dropped, answers.collect())
}

fn client(StoredClient(id, dropped, answers): &StoredClient) -> Client<Changed> {
    let answers = answers.iter().map(|StoredAnswer(counter, revision, millis)| {
        (*counter, Changed { revision: *revision, at: at(*millis) })
    });
    Client { instance: instance(*id), answers: answers.collect(), dropped: *dropped }
}

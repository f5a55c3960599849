//! Consultations: their record, and acting on them as they were seen.
//!
//! Owns the client's operations that name an epoch: what was decided by what somebody saw holds only while it is still
//! so. Must not know who may do what: the engine says that.

use switchboard_protocol::vocabulary::{ConversationId, MemberId};
use switchboard_protocol::wire::{Consultation, Op, ReplyBody};

use crate::client::{Accepted, Client, accepted, wrong};
use crate::error::ClientError;

/// A page of the consultations of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsultationsPage {
    /// Newest first; one that goes on is the newest.
    pub consultations: Vec<Consultation>,
    /// Where the next page starts; `None` on the last.
    pub next: Option<String>,
}

impl Client {
    /// Agent: a page of at most `limit` consultations of a conversation, newest first, from where the page before
    /// said that the next one starts.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/example/daemon.rs.inc"));
    /// # #[tokio::main]
    /// # async fn main() -> Anything {
    /// # let example = Example::start().await?;
    /// # use switchboard_client::{Client, wire::BegunBy};
    /// # let customer = Client::connect(example.customer()).await?;
    /// # let agent = Client::connect(example.agent()).await?;
    /// # let conversation = customer.open().await?;
    /// agent.take(conversation).await?;
    /// agent.complete(conversation).await?;
    /// let past = agent.consultations(conversation, None, 10).await?.consultations;
    /// assert!(past[0].begun_by == BegunBy::Agent && past[0].ended_at.is_some());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`Client::open`].
    pub async fn consultations(
        &self,
        conversation: ConversationId,
        cursor: Option<String>,
        limit: u16,
    ) -> Result<ConsultationsPage, ClientError> {
        match self.shared().ask(Op::Consultations { conversation, cursor, limit }).await? {
            ReplyBody::Consultations { consultations, next } => Ok(ConsultationsPage { consultations, next }),
            other => Err(wrong(&other)),
        }
    }

    /// Agent: as [`Client::take`], if who serves the conversation is still what an event or a row said at this
    /// epoch.
    ///
    /// # Errors
    /// As for [`Client::take`]; refused as *moved* when it is not, with who answers for it now.
    pub async fn take_at(&self, conversation: ConversationId, epoch: u64) -> Result<Accepted, ClientError> {
        accepted(self.shared().ask(Op::Take { conversation, epoch: Some(epoch) }).await)
    }

    /// Agent: as [`Client::transfer`], if who serves the conversation is still what it was at this epoch.
    ///
    /// # Errors
    /// As for [`Client::transfer`], and for [`Client::take_at`].
    pub async fn transfer_at(
        &self,
        conversation: ConversationId,
        from: MemberId,
        to: MemberId,
        epoch: u64,
    ) -> Result<Accepted, ClientError> {
        accepted(self.shared().ask(Op::Transfer { conversation, from, to, epoch: Some(epoch) }).await)
    }

    /// Agent: as [`Client::complete`], if who serves the conversation is still what it was at this epoch.
    ///
    /// # Errors
    /// As for [`Client::complete`], and for [`Client::take_at`].
    pub async fn complete_at(
        &self,
        conversation: ConversationId,
        epoch: u64,
    ) -> Result<Accepted, ClientError> {
        accepted(self.shared().ask(Op::Complete { conversation, epoch: Some(epoch) }).await)
    }
}

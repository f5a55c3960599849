//! Customers: what the agents know of them, and the search for their conversations.
//!
//! Owns the client's operations on them. Must not know what a text is found in: the engine says that.

use switchboard_protocol::vocabulary::{ConversationId, Platform, ProfileId, SearchText, UserKey};
use switchboard_protocol::wire::{CustomerDetails, CustomerField, Op, ReplyBody, Row, SearchBy};

use crate::client::{Accepted, Client, accepted, wrong};
use crate::error::ClientError;

/// Who a customer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// The profile talked to.
    pub profile: ProfileId,
    /// Where the customer comes from.
    pub platform: Platform,
    /// What the customer is known by there.
    pub user_key: UserKey,
    /// What the agents have written down.
    pub details: CustomerDetails,
}

/// A page of the conversations that a text was found in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundPage {
    /// Newest activity first.
    pub rows: Vec<Row>,
    /// Where the next page starts; `None` on the last.
    pub next: Option<String>,
    /// Whether so many begin with the text that not all were looked at: a longer text finds the others.
    pub more: bool,
    /// The position in the log at which the page is true.
    pub position: u64,
}

impl Client {
    /// Agent: writes down what is known of the customer of a conversation, and waits until that is on the engine's
    /// disk. What is neither in `details` nor in `clear` stays as it is. The customer's next conversation begins
    /// with what is known at the end of this one.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/example/daemon.rs.inc"));
    /// # #[tokio::main]
    /// # async fn main() -> Anything {
    /// # let example = Example::start().await?;
    /// # use switchboard_client::{Client, vocabulary::{CustomerName, SearchText}, wire::CustomerDetails};
    /// # let customer = Client::connect(example.customer()).await?;
    /// # let conversation = customer.open().await?;
    /// # let agent = Client::connect(example.agent()).await?;
    /// let name = Some(CustomerName::new("Ada Lovelace")?);
    /// agent.describe(conversation, CustomerDetails { name, ..CustomerDetails::default() }, Vec::new()).await?;
    /// let found = agent.search(SearchText::new("lovel")?, None, None, 10).await?;
    /// assert_eq!(found.rows[0].conversation, conversation);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`Client::open`]; refused in a preview and when the conversation has ended.
    pub async fn describe(
        &self,
        conversation: ConversationId,
        details: CustomerDetails,
        clear: Vec<CustomerField>,
    ) -> Result<Accepted, ClientError> {
        accepted(self.shared().ask(Op::Describe { conversation, details, clear }).await)
    }

    /// Agent: who the customer of a conversation is, and what is known of them.
    ///
    /// # Errors
    /// As for [`Client::open`].
    pub async fn customer(&self, conversation: ConversationId) -> Result<Customer, ClientError> {
        match self.shared().ask(Op::Customer { conversation }).await? {
            ReplyBody::Customer { profile, platform, user_key, details } => {
                Ok(Customer { profile, platform, user_key, details })
            }
            other => Err(wrong(&other)),
        }
    }

    /// Agent: a page of at most `limit` conversations of the workspace that a text is found in, in one field or in
    /// all of them, newest activity first, from where the page before said that the next one starts.
    ///
    /// # Errors
    /// As for [`Client::open`]; refused when the text is too short to be searched for.
    pub async fn search(
        &self,
        text: SearchText,
        by: Option<SearchBy>,
        cursor: Option<String>,
        limit: u16,
    ) -> Result<FoundPage, ClientError> {
        match self.shared().ask(Op::Search { text, by, cursor, limit }).await? {
            ReplyBody::Found { rows, next, more, position } => Ok(FoundPage { rows, next, more, position }),
            other => Err(wrong(&other)),
        }
    }
}

//! What a user holds of a subscription.
//!
//! Owns the handles, and that dropping one ends its subscription. Must not know how updates arrive.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::Stream;
use switchboard_protocol::vocabulary::{ConversationId, Seq};
use switchboard_protocol::wire::DeskView;

use crate::error::{ClientError, Ending};
use crate::shared::Shared;
use crate::subscription::{DeskUpdate, Item, Subject, Subscription, Update};

/// A conversation that is being followed; dropping it unsubscribes.
///
/// Every event comes once and in order, across losses of the connection. A follower who does not keep
/// up slows down nobody else. Also a [`Stream`].
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/example/daemon.rs.inc"));
/// # #[tokio::main]
/// # async fn main() -> Anything {
/// # let example = Example::start().await?;
/// # use switchboard_client::{Client, Update, vocabulary::Seq};
/// # let client = Client::connect(example.customer()).await?;
/// # let conversation = client.open().await?;
/// let mut following = client.follow(conversation, Seq::ZERO).await?;
/// while let Some(update) = following.next().await {
///     match update? {
///         Update::Event(event) => println!("{} {:?}", event.seq, event.what),
///         Update::CaughtUp(seq) => {
///             println!("that was everything up to {seq}");
///             break;
///         }
///         Update::Cursors(cursors) => println!("{} not read", cursors.unread),
///         Update::Typing(_) => println!("…"),
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping it unsubscribes"]
pub struct Following {
    held: Held,
    conversation: ConversationId,
    last: Seq,
}

impl Following {
    pub(crate) async fn begin(
        shared: &Arc<Shared>,
        conversation: ConversationId,
        after: Seq,
    ) -> Result<Self, ClientError> {
        let held = Held::begin(shared, Subject::Conversation(conversation), after).await?;
        Ok(Self { held, conversation, last: after })
    }

    /// The next update. `None`: nothing more will come, because this client said goodbye, or because
    /// the error before was the last word.
    pub async fn next(&mut self) -> Option<Result<Update, ClientError>> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    /// Which conversation.
    #[must_use]
    pub const fn conversation(&self) -> ConversationId {
        self.conversation
    }

    /// The sequence of the last event that was taken from here; at first the one to begin after.
    #[must_use]
    pub const fn last(&self) -> Seq {
        self.last
    }

    fn poll(&mut self, cx: &Context<'_>) -> Poll<Option<Result<Update, ClientError>>> {
        self.held.subscription.poll(cx).map(|item| match item? {
            Ok(Item::Conversation(update)) => {
                if let Update::Event(event) = &update {
                    self.last = event.seq;
                }
                Some(Ok(update))
            }
            // A conversation's stream is only ever read as one.
            Ok(Item::Desk(_)) => None,
            Err(error) => Some(Err(error)),
        })
    }
}

impl fmt::Debug for Following {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Following")
            .field("conversation", &self.conversation)
            .field("last", &self.last)
            .finish_non_exhaustive()
    }
}

impl Stream for Following {
    type Item = Result<Update, ClientError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll(cx)
    }
}

/// The desk of a workspace: its conversation list and its agents; dropping it unsubscribes. Also a
/// [`Stream`].
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/example/daemon.rs.inc"));
/// # #[tokio::main]
/// # async fn main() -> Anything {
/// # let example = Example::start().await?;
/// # use switchboard_client::{Client, DeskUpdate};
/// # let agent = Client::connect(example.agent()).await?;
/// # let customer = Client::connect(example.customer()).await?;
/// # let opening = tokio::spawn(async move { customer.open().await });
/// let mut desk = agent.desk().await?;
/// while let Some(update) = desk.next().await {
///     let rows = match update? {
///         DeskUpdate::Snapshot { rows, .. } => rows,
///         DeskUpdate::Row(row) => vec![row],
///         DeskUpdate::Gone(_)
///             | DeskUpdate::Counts(_)
///             | DeskUpdate::ProfileCounts { .. }
///             | DeskUpdate::Agent(_) => continue,
///     };
///     if let Some(row) = rows.iter().find(|row| row.assignee.is_none()) {
///         agent.take(row.conversation).await?;
///         break;
///     }
/// }
/// # opening.await??;
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping it unsubscribes"]
pub struct Desk {
    held: Held,
}

impl Desk {
    pub(crate) async fn begin(shared: &Arc<Shared>, view: DeskView) -> Result<Self, ClientError> {
        Ok(Self { held: Held::begin(shared, Subject::Desk(view), Seq::ZERO).await? })
    }

    /// The next update: a snapshot first, then what changes; after a loss of the connection a snapshot
    /// again. `None` as for [`Following::next`].
    pub async fn next(&mut self) -> Option<Result<DeskUpdate, ClientError>> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &Context<'_>) -> Poll<Option<Result<DeskUpdate, ClientError>>> {
        self.held.subscription.poll(cx).map(|item| match item? {
            Ok(Item::Desk(update)) => Some(Ok(update)),
            // The desk's stream is only ever read as one.
            Ok(Item::Conversation(_)) => None,
            Err(error) => Some(Err(error)),
        })
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

impl Stream for Desk {
    type Item = Result<DeskUpdate, ClientError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll(cx)
    }
}

/// A subscription for as long as this lives.
struct Held {
    shared: Arc<Shared>,
    subscription: Arc<Subscription>,
}

impl Held {
    /// Subscribes and waits until the server has accepted it.
    async fn begin(shared: &Arc<Shared>, subject: Subject, after: Seq) -> Result<Self, ClientError> {
        let (subscription, accepted) = Subscription::new(subject, after);
        let subscription = Arc::new(subscription);
        shared.subscribe(Arc::clone(&subscription))?;
        let held = Self { shared: Arc::clone(shared), subscription };
        // Whoever would tell is only dropped untold when the client has gone.
        accepted.await.unwrap_or(Err(ClientError::Closed(Ending::Done)))?;
        Ok(held)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shared.unsubscribe(&self.subscription);
    }
}

//! The client: what users call.
//!
//! Owns the public operations and what their answers are to users. Must not know connections.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use switchboard_protocol::vocabulary::{CategoryPath, Content, ConversationId, MemberId, Seq, Timestamp};
use switchboard_protocol::wire::{
    Decision, DeskView, EstimateFigures, Event, ListFilter, Op, QuarantinedConversation, ReplyBody, Row,
    ServerLimits, StageLatency, Typing, encode,
};
use tokio::sync::{oneshot, watch};

use crate::ambient::random_u64;
use crate::backoff::Backoff;
use crate::connection::ConnectionState;
use crate::error::{ClientError, Ending, Reconnect};
use crate::following::{Desk, Following};
use crate::options::ConnectOptions;
use crate::session::{Connector, Session, live};
use crate::shared::{Answer, Shared};
use crate::transport::Endpoint;
use crate::trust::check_server_name;

/// A customer's or an agent's client. Clones are handles of the same client.
///
/// It connects again by itself for as long as that makes sense, sends again what has no answer, and
/// the engine carries each request out once. So a call waits while the client is connecting; giving it
/// up, for instance by a timeout, does not take a request back that has been made.
///
/// When the last handle is dropped, requests that have been made are still answered (for 10 s at the
/// most), then the client says goodbye; a program that is about to end awaits [`Client::close`].
#[derive(Clone)]
pub struct Client {
    handle: Arc<Handle>,
}

/// What a change became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// The reader's sequence of the event that it became; `None` when it became none that this reader
    /// sees, or was accepted so long ago that the answer is not kept any more.
    pub seq: Option<Seq>,
    /// When it was accepted; `None` when the answer is not kept any more.
    pub at: Option<Timestamp>,
}

/// Events of a conversation, in sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// The events.
    pub events: Vec<Event>,
    /// Whether there are earlier ones.
    pub more: bool,
}

/// A page of the conversation list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationPage {
    /// Newest activity first.
    pub rows: Vec<Row>,
    /// Where the next page starts; `None` on the last.
    pub next: Option<String>,
    /// The position in the log at which the page is true.
    pub position: u64,
}

/// The answer to a post that has been begun. Dropping it does not take the post back.
#[derive(Debug)]
#[must_use = "only the answer says whether the post was accepted"]
pub struct PendingPost(oneshot::Receiver<Answer>);

impl Client {
    /// Connects from a socket of its own.
    ///
    /// # Errors
    /// [`ClientError::Options`] or [`ClientError::Local`] when it cannot work from here,
    /// [`ClientError::ServedElsewhere`] when the member serves from another place, which
    /// [`ConnectOptions::take_over`] takes over, and [`ClientError::Closed`] with the last reason when no try opened
    /// a session for another one.
    pub async fn connect(options: ConnectOptions) -> Result<Self, ClientError> {
        Self::connect_on(&Endpoint::new()?, options).await
    }

    /// Connects from a socket that other clients may share.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/example/daemon.rs.inc"));
    /// # #[tokio::main]
    /// # async fn main() -> Anything {
    /// # let example = Example::start().await?;
    /// # let (customer, agent) = (example.customer(), example.agent());
    /// use switchboard_client::{Client, Endpoint};
    ///
    /// let endpoint = Endpoint::new()?;
    /// let one = Client::connect_on(&endpoint, customer).await?;
    /// let two = Client::connect_on(&endpoint, agent).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`Client::connect`].
    pub async fn connect_on(endpoint: &Endpoint, options: ConnectOptions) -> Result<Self, ClientError> {
        if options.addresses.is_empty() {
            return Err(ClientError::Options("addresses: at least one is needed".to_owned()));
        }
        check_server_name(&options.server_name)?;
        endpoint.prepare(options.trust)?;
        let purpose = options.purpose;
        let mut connector = Connector { endpoint: endpoint.clone(), options, instance: None, purpose };
        let first = first_session(&mut connector).await.map_err(ClientError::not_connected)?;
        let shared = Arc::new(Shared::new(&first.welcome));
        tokio::spawn(live(Arc::clone(&shared), connector, first));
        Ok(Self { handle: Arc::new(Handle(shared)) })
    }

    /// Which member this client is, as the latest welcome said; `None` for a customer.
    #[must_use]
    pub fn member(&self) -> Option<MemberId> {
        self.shared().member()
    }

    /// The limits of the latest session.
    #[must_use]
    pub fn limits(&self) -> ServerLimits {
        self.shared().limits()
    }

    /// How the client is connected, now and whenever it changes.
    #[must_use]
    pub fn connection(&self) -> watch::Receiver<ConnectionState> {
        self.shared().connection.subscribe()
    }

    /// Customer: the current conversation with the profile; begins one if there is none.
    ///
    /// # Errors
    /// When the engine refuses it, or the client has ended. So for all operations below.
    pub async fn open(&self) -> Result<ConversationId, ClientError> {
        match self.shared().ask(Op::Open).await? {
            ReplyBody::Opened { conversation } => Ok(conversation),
            other => Err(wrong(&other)),
        }
    }

    /// Posts a message and waits until it is on the engine's disk.
    ///
    /// # Errors
    /// As for [`Client::open`].
    pub async fn post(
        &self,
        conversation: ConversationId,
        content: Content,
    ) -> Result<Accepted, ClientError> {
        accepted(self.shared().ask(Op::Post { conversation, content }).await)
    }

    /// Begins to post a message: waits only for room in the window of unanswered requests. The order
    /// of the calls (of their first polls) is the order of the posts.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/example/daemon.rs.inc"));
    /// # #[tokio::main]
    /// # async fn main() -> Anything {
    /// # let example = Example::start().await?;
    /// # use switchboard_client::{Client, vocabulary::{Content, MessageText}};
    /// # let client = Client::connect(example.customer()).await?;
    /// # let conversation = client.open().await?;
    /// let mut pending = Vec::new();
    /// for number in 1..=100 {
    ///     let content = Content::text(MessageText::new(format!("message {number}"))?);
    ///     pending.push(client.begin_post(conversation, content).await?);
    /// }
    /// for post in pending {
    ///     assert!(post.await?.seq.is_some());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the client has ended.
    pub async fn begin_post(
        &self,
        conversation: ConversationId,
        content: Content,
    ) -> Result<PendingPost, ClientError> {
        self.shared().begin(Op::Post { conversation, content }).await.map(PendingPost)
    }

    /// Begins to post a message without waiting.
    ///
    /// # Errors
    /// [`ClientError::WindowFull`] when there is no room or others wait for it, and when the client
    /// has ended.
    pub fn try_begin_post(
        &self,
        conversation: ConversationId,
        content: Content,
    ) -> Result<PendingPost, ClientError> {
        self.shared().try_begin(Op::Post { conversation, content }).map(PendingPost)
    }

    /// Says that everything up to a sequence has been read.
    ///
    /// # Errors
    /// As for [`Client::open`].
    pub async fn read(&self, conversation: ConversationId, up_to: Seq) -> Result<Accepted, ClientError> {
        accepted(self.shared().ask(Op::Read { conversation, up_to }).await)
    }

    /// Says that everything up to a sequence of a conversation that this client follows has reached it. The
    /// other side learns how far its messages have come; whatever is read need not be said to be received.
    ///
    /// # Errors
    /// As for [`Client::open`].
    pub async fn received(&self, conversation: ConversationId, up_to: Seq) -> Result<(), ClientError> {
        accepted(self.shared().ask(Op::Received { conversation, up_to }).await).map(drop)
    }

    /// Agent: enters a conversation, to serve it. Whoever was looking on when it was given to them is out, and
    /// enters again: service begins with that.
    ///
    /// # Errors
    /// As for [`Client::open`].
    pub async fn join(&self, conversation: ConversationId) -> Result<Accepted, ClientError> {
        accepted(self.shared().ask(Op::Join { conversation }).await)
    }

    /// Agent: leaves a conversation. It stays assigned.
    ///
    /// # Errors
    /// As for [`Client::open`].
    pub async fn leave(&self, conversation: ConversationId) -> Result<Accepted, ClientError> {
        accepted(self.shared().ask(Op::Leave { conversation }).await)
    }

    /// Customer: calls an agent, about something if that is known.
    ///
    /// # Errors
    /// As for [`Client::open`]; refused when one has been called already.
    pub async fn call(
        &self,
        conversation: ConversationId,
        category: CategoryPath,
    ) -> Result<Accepted, ClientError> {
        accepted(self.shared().ask(Op::Call { conversation, category }).await)
    }

    /// Customer: takes the call back, as long as no agent has entered.
    ///
    /// # Errors
    /// As for [`Client::open`].
    pub async fn cancel(&self, conversation: ConversationId) -> Result<Accepted, ClientError> {
        accepted(self.shared().ask(Op::Cancel { conversation }).await)
    }

    /// Agent: answers for the consultation that waits, or steps into a conversation with the bot, which is
    /// silent from then on; and enters it.
    ///
    /// # Errors
    /// As for [`Client::open`]; refused when somebody answers for it, who is named.
    pub async fn take(&self, conversation: ConversationId) -> Result<Accepted, ClientError> {
        accepted(self.shared().ask(Op::Take { conversation, epoch: None }).await)
    }

    /// Agent: gives the consultation from the one who answers for it to another agent.
    ///
    /// # Errors
    /// As for [`Client::open`]; refused when somebody else answers for it by now.
    pub async fn transfer(
        &self,
        conversation: ConversationId,
        from: MemberId,
        to: MemberId,
    ) -> Result<Accepted, ClientError> {
        accepted(self.shared().ask(Op::Transfer { conversation, from, to, epoch: None }).await)
    }

    /// Agent: ends the service; all agents leave, and the bot goes on.
    ///
    /// # Errors
    /// As for [`Client::open`].
    pub async fn complete(&self, conversation: ConversationId) -> Result<Accepted, ClientError> {
        accepted(self.shared().ask(Op::Complete { conversation, epoch: None }).await)
    }

    /// Ends a conversation for good, as its customer or as an agent who has entered it: nothing can be
    /// posted into it any more, and the customer's next [`Client::open`] begins a new one.
    ///
    /// # Errors
    /// As for [`Client::open`].
    pub async fn end(&self, conversation: ConversationId) -> Result<Accepted, ClientError> {
        accepted(self.shared().ask(Op::End { conversation }).await)
    }

    /// The last `limit` events before a sequence, or of all when `before` is `None`.
    ///
    /// # Errors
    /// As for [`Client::open`].
    pub async fn history(
        &self,
        conversation: ConversationId,
        before: Option<Seq>,
        limit: u16,
    ) -> Result<History, ClientError> {
        match self.shared().ask(Op::History { conversation, before, limit }).await? {
            ReplyBody::Events { events, more } => Ok(History { events, more }),
            other => Err(wrong(&other)),
        }
    }

    /// Agent: the last decisions of automatic assignment about a conversation, newest first, and whether there may
    /// be earlier ones: what was decided, by which rule, and why others were passed over.
    ///
    /// # Errors
    /// As for [`Client::open`].
    pub async fn explain(&self, conversation: ConversationId) -> Result<(Vec<Decision>, bool), ClientError> {
        match self.shared().ask(Op::Explain { conversation }).await? {
            ReplyBody::Explained { decisions, more } => Ok((decisions, more)),
            other => Err(wrong(&other)),
        }
    }

    /// Agent: a page of at most `limit` of the workspace's conversations that a filter has, newest activity first,
    /// from where the page before of the same filter said that the next one starts.
    ///
    /// # Errors
    /// As for [`Client::open`]; also when the cursor is that of another filter.
    pub async fn list(
        &self,
        filter: ListFilter,
        cursor: Option<String>,
        limit: u16,
    ) -> Result<ConversationPage, ClientError> {
        match self.shared().ask(Op::List { filter, cursor, limit }).await? {
            ReplyBody::Conversations { rows, next, position } => {
                Ok(ConversationPage { rows, next, position })
            }
            other => Err(wrong(&other)),
        }
    }

    /// Agent: the conversations of the workspace that are set aside because they fail or cannot be read,
    /// each with the reason, and whether there are more.
    ///
    /// # Errors
    /// As for [`Client::open`].
    pub async fn quarantined(&self) -> Result<(Vec<QuarantinedConversation>, bool), ClientError> {
        match self.shared().ask(Op::Quarantined).await? {
            ReplyBody::Quarantined { conversations, more } => Ok((conversations, more)),
            other => Err(wrong(&other)),
        }
    }

    /// Agent: has a conversation that is set aside tried again by the next request for it.
    ///
    /// # Errors
    /// As for [`Client::open`]; also when it is not set aside.
    pub async fn release(&self, conversation: ConversationId) -> Result<(), ClientError> {
        match self.shared().ask(Op::Release { conversation }).await? {
            ReplyBody::Released => Ok(()),
            other => Err(wrong(&other)),
        }
    }

    /// Agent: how many wait for whom nobody is found, and how far off the estimates were that customers were told.
    ///
    /// # Errors
    /// As for [`Client::open`].
    pub async fn waiting(&self) -> Result<(u32, EstimateFigures), ClientError> {
        match self.shared().ask(Op::Waiting).await? {
            ReplyBody::Waiting { waiting, estimates } => Ok((waiting, estimates)),
            other => Err(wrong(&other)),
        }
    }

    /// Agent: the latency of every stage that messages pass, since the daemon started.
    ///
    /// # Errors
    /// As for [`Client::open`].
    pub async fn latency(&self) -> Result<Vec<StageLatency>, ClientError> {
        match self.shared().ask(Op::Latency).await? {
            ReplyBody::Latency { stages } => Ok(stages),
            other => Err(wrong(&other)),
        }
    }

    /// Follows a conversation from the event after `after`. Waits until the server has accepted it.
    ///
    /// An agent who follows without having entered *monitors*: sees what is said and done, and is seen by nobody
    /// for it. The customer can tell neither that nor by whom: no event, cursor or typing of theirs is another.
    ///
    /// # Errors
    /// [`ClientError::TooManySubscriptions`], and as for [`Client::open`].
    pub async fn follow(&self, conversation: ConversationId, after: Seq) -> Result<Following, ClientError> {
        Following::begin(self.shared(), conversation, after).await
    }

    /// Agent: follows the newest conversations of the workspace, and which agents are there.
    ///
    /// # Errors
    /// As for [`Client::follow`].
    pub async fn desk(&self) -> Result<Desk, ClientError> {
        self.desk_of(DeskView::default()).await
    }

    /// Agent: follows the newest conversations of a filter, how many there are, and which agents are there.
    ///
    /// # Errors
    /// As for [`Client::follow`].
    pub async fn desk_of(&self, view: DeskView) -> Result<Desk, ClientError> {
        Desk::begin(self.shared(), view).await
    }

    /// Says that this user is typing, having seen everything up to `after_seq`; it holds for
    /// `expires_ms` milliseconds. May get lost, and is dropped while there is no session.
    ///
    /// # Errors
    /// When the client has ended.
    pub fn typing(
        &self,
        conversation: ConversationId,
        after_seq: Seq,
        expires_ms: u32,
    ) -> Result<(), ClientError> {
        let datagram = encode(&Typing { conversation, by: None, after_seq, expires_ms })?;
        self.shared().send_datagram(datagram)
    }

    /// Ends the client, for all its handles: new requests are refused, those that have been made are
    /// waited for (10 s at the most), then the client says goodbye.
    ///
    /// # Errors
    /// [`ClientError::Unanswered`] when requests had no answer by then, or when the client ended for
    /// another reason before they had one.
    pub async fn close(self) -> Result<(), ClientError> {
        let mut connection = self.connection();
        self.shared().begin_closing();
        // Fails only when nobody will change it any more.
        let _ = connection.wait_for(|state| matches!(state, ConnectionState::Closed(_))).await;
        match self.shared().unanswered() {
            0 => Ok(()),
            unanswered => Err(ClientError::Unanswered(unanswered)),
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.handle.0
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client").field(&*self.shared().connection.borrow()).finish()
    }
}

impl Future for PendingPost {
    type Output = Result<Accepted, ClientError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Every waiter is told before it is dropped.
        let untold = |_| Err(ClientError::Closed(Ending::Done));
        Pin::new(&mut self.0).poll(cx).map(|answer| accepted(answer.unwrap_or_else(untold)))
    }
}

/// All handles of a client: when this is dropped, nobody can ask for anything any more.
struct Handle(Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.begin_closing();
    }
}

async fn first_session(connector: &mut Connector) -> Result<Session, Ending> {
    let mut backoff = Backoff::new(connector.options.backoff);
    loop {
        let ending = match connector.open(None).await {
            Ok(session) => return Ok(session),
            Err(ending) => ending,
        };
        let Reconnect::After(at_least) = ending.reconnect() else { return Err(ending) };
        if backoff.attempt() + 1 >= connector.options.first_attempts {
            return Err(ending);
        }
        tokio::time::sleep(backoff.next(at_least, random_u64())).await;
    }
}

pub(crate) fn accepted(answer: Answer) -> Result<Accepted, ClientError> {
    match answer? {
        ReplyBody::Accepted { seq, at } => Ok(Accepted { seq, at: Some(at) }),
        ReplyBody::AlreadyAccepted => Ok(Accepted { seq: None, at: None }),
        other => Err(wrong(&other)),
    }
}

/// The error for an answer of another kind than asked for.
pub(crate) const fn wrong(body: &ReplyBody) -> ClientError {
    ClientError::WrongAnswer(match body {
        ReplyBody::Accepted { .. } => "accepted",
        ReplyBody::AlreadyAccepted => "already_accepted",
        ReplyBody::Opened { .. } => "opened",
        ReplyBody::Explained { .. } => "explained",
        ReplyBody::Customer { .. } => "customer",
        ReplyBody::Found { .. } => "found",
        ReplyBody::Consultations { .. } => "consultations",
        ReplyBody::Subscribed { .. } => "subscribed",
        ReplyBody::Unsubscribed => "unsubscribed",
        ReplyBody::Events { .. } => "events",
        ReplyBody::Conversations { .. } => "conversations",
        ReplyBody::Quarantined { .. } => "quarantined",
        ReplyBody::Released => "released",
        ReplyBody::Settings { .. } => "settings",
        ReplyBody::Changed { .. } => "changed",
        ReplyBody::Audit { .. } => "audit",
        ReplyBody::Waiting { .. } => "waiting",
        ReplyBody::Latency { .. } => "latency",
        ReplyBody::Unknown => "one that this version does not know",
    })
}

//! The pairs: a customer and an agent in a conversation of their own.
//!
//! Owns how they are connected, opened and followed, a few at a time. Must not know what they write.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use switchboard_client::vocabulary::{ConversationId, Seq};
use switchboard_client::{Client, ConnectOptions, Endpoint, Following, Update};

use crate::payload::Side;
use crate::plan::Load;
use crate::target::Target;
use crate::{Failure, clock};

/// A pair that is ready to write.
pub(crate) struct Pair {
    pub(crate) conversation: ConversationId,
    ends: [Client; 2],
}

impl Pair {
    /// One end's client.
    pub(crate) const fn end(&self, side: Side) -> &Client {
        &self.ends[side.index()]
    }
}

/// A pair, and what its ends are told.
pub(crate) struct OpenPair {
    pub(crate) pair: Pair,
    pub(crate) customer: Following,
    pub(crate) agent: Following,
}

/// Opens the pairs of a load.
///
/// # Errors
/// When one cannot be opened.
pub(crate) async fn open(load: &Load, target: &Target) -> Result<Vec<OpenPair>, Failure> {
    let sockets = sockets(load.sockets)?;
    let count = load.agent_connections.unwrap_or(load.pairs).clamp(1, load.pairs);
    let options: Vec<_> = (0..count).map(|number| target.agent(number)).collect::<Result<_, _>>()?;
    let agents = connect_all(&sockets, options).await?;
    let per_agent = load.pairs.div_ceil(agents.len());
    let most = agents.first().map_or(0, |agent| agent.limits().subscriptions_max as usize);
    if per_agent > most {
        let what = format!("{per_agent} conversations for an agent's connection; it can follow {most}");
        return Err(Failure(what));
    }
    let run = clock::run_name();
    let opening = (0..load.pairs).map(|number| {
        let socket = &sockets[number % sockets.len()];
        let agent = agents[number % agents.len()].clone();
        let customer = target.customer(&format!("{run}-{number}"));
        async move { open_pair(socket, customer?, agent).await }
    });
    // In order: a pair is known by its number.
    stream::iter(opening).buffered(AT_ONCE).try_collect().await
}

/// Connects clients with these options, spread over the sockets, in their order.
///
/// # Errors
/// When one cannot connect.
pub(crate) async fn connect_all(
    sockets: &[Endpoint],
    options: Vec<ConnectOptions>,
) -> Result<Vec<Client>, Failure> {
    let connecting = options.into_iter().enumerate().map(|(number, options)| {
        let socket = &sockets[number % sockets.len()];
        async move { Client::connect_on(socket, options).await.map_err(Failure::of("connecting")) }
    });
    stream::iter(connecting).buffered(AT_ONCE).try_collect().await
}

/// So many sockets.
///
/// # Errors
/// When the system has none.
pub(crate) fn sockets(count: usize) -> Result<Vec<Endpoint>, Failure> {
    (0..count.max(1)).map(|_| Endpoint::new().map_err(Failure::of("a socket"))).collect()
}

async fn open_pair(socket: &Endpoint, customer: ConnectOptions, agent: Client) -> Result<OpenPair, Failure> {
    let customer =
        Client::connect_on(socket, customer).await.map_err(Failure::of("connecting a customer"))?;
    let conversation = customer.open().await.map_err(Failure::of("opening a conversation"))?;
    agent.take(conversation).await.map_err(Failure::of("taking a conversation"))?;
    let at_customer = follow(&customer, conversation).await?;
    let at_agent = follow(&agent, conversation).await?;
    let pair = Pair { conversation, ends: [customer, agent] };
    Ok(OpenPair { pair, customer: at_customer, agent: at_agent })
}

/// Follows a conversation, and takes what is there already.
async fn follow(client: &Client, conversation: ConversationId) -> Result<Following, Failure> {
    let mut following =
        client.follow(conversation, Seq::ZERO).await.map_err(Failure::of("following a conversation"))?;
    while let Some(update) = following.next().await {
        match update.map_err(Failure::of("following a conversation"))? {
            Update::CaughtUp(_) => return Ok(following),
            Update::Event(_) | Update::Cursors(_) | Update::Typing(_) => {}
        }
    }
    Err(Failure("a client ended before it had caught up".to_owned()))
}

/// Pairs and connections that are opened at a time: each costs the daemon a handshake.
const AT_ONCE: usize = 32;

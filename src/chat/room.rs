//! The conversation that a chat is about.
//!
//! Owns how it is entered, as a customer or as an agent. Must not know how it is shown.

use std::collections::HashMap;
use std::io::IsTerminal as _;

use switchboard_client::vocabulary::{ConversationId, MemberId, Seq};
use switchboard_client::wire::{AgentStatus, ErrorCode};
use switchboard_client::{Client, ClientError, ConnectOptions, Desk, DeskState, Following, History};

use super::lists::Listed;
use super::profiles::Profiles;
use super::{ChatError, Options, find, presence};

/// A conversation that was entered.
pub(super) struct Room {
    pub(super) client: Client,
    pub(super) side: Side,
    pub(super) conversation: ConversationId,
}

/// Who chats.
pub(super) enum Side {
    Customer,
    Agent(Box<AgentSide>),
}

/// An agent sees who else is there, and the other conversations.
pub(super) struct AgentSide {
    pub(super) desk: Desk,
    pub(super) names: HashMap<MemberId, String>,
    /// What the desk shows.
    pub(super) state: DeskState,
    /// What was listed last.
    pub(super) listed: Listed,
    /// The profiles, and which is looked at.
    pub(super) profiles: Profiles,
    /// Who this is.
    pub(super) me: Option<MemberId>,
}

impl Room {
    /// Connects, and enters the conversation that the flags name.
    pub(super) async fn enter(options: &Options) -> Result<Self, ChatError> {
        let client = connect(find::connect_options(options)?).await?;
        if !options.agent {
            let conversation = client.open().await?;
            return Ok(Self { client, side: Side::Customer, conversation });
        }
        let desk = client.desk().await?;
        let me = client.member();
        let (state, listed) = (DeskState::default(), Listed::default());
        let (names, profiles) = (HashMap::new(), Profiles::default());
        let mut side = AgentSide { desk, names, state, listed, profiles, me };
        let conversation = match &options.conversation {
            Some(id) => {
                side.update().await?;
                find::parsed("--conversation", id)?
            }
            None => side.newest(options.json).await?,
        };
        let room = Self { client, side: Side::Agent(Box::new(side)), conversation };
        room.serve(conversation).await?;
        Ok(room)
    }

    /// Takes a conversation, or joins whoever serves it already. Into a preview one only comes to look on.
    pub(super) async fn serve(&self, conversation: ConversationId) -> Result<(), ClientError> {
        match self.client.take(conversation).await {
            Err(ClientError::Rejected(error))
                if matches!(error.code(), Some(ErrorCode::AlreadyAssigned | ErrorCode::Preview)) =>
            {
                self.client.join(conversation).await.map(drop)
            }
            taken => taken.map(drop),
        }
    }

    /// Follows the conversation from after a sequence.
    pub(super) async fn follow(&self, after: Seq) -> Result<Following, ClientError> {
        self.client.follow(self.conversation, after).await
    }

    /// The events before a sequence, or the last.
    pub(super) async fn history(&self, before: Option<Seq>) -> Result<History, ClientError> {
        self.client.history(self.conversation, before, HISTORY_EVENTS).await
    }
}

/// Connects. An agent who serves from another place is asked, if there is somebody to answer.
async fn connect(options: ConnectOptions) -> Result<Client, ChatError> {
    match Client::connect(options.clone()).await {
        Err(ClientError::ServedElsewhere { since }) if std::io::stdin().is_terminal() => {
            if presence::takes_over(since)? {
                return Ok(Client::connect(options.take_over(true)).await?);
            }
            Err(ClientError::ServedElsewhere { since }.into())
        }
        connected => Ok(connected?),
    }
}

impl AgentSide {
    /// Whether they want to be left alone, as the desk shows it.
    pub(super) fn is_away(&self) -> bool {
        let me = |agent: &&AgentStatus| Some(agent.member) == self.me;
        self.state.agents().iter().find(me).is_some_and(|agent| agent.away)
    }

    /// Waits for what is new on the desk.
    pub(super) async fn update(&mut self) -> Result<(), ClientError> {
        match self.desk.next().await {
            Some(update) => {
                self.state.apply(update?);
                let named = self.state.agents().iter();
                self.names = named.map(|agent| (agent.member, agent.name.to_string())).collect();
            }
            // Ended with the session; the conversation's own stream says why.
            None => std::future::pending().await,
        }
        Ok(())
    }

    /// Who answers for a conversation, and the colleague with a name who is to.
    pub(super) fn transfer(
        &self,
        conversation: ConversationId,
        name: &str,
    ) -> Result<(MemberId, MemberId), String> {
        // Newer than what was listed, as long as it is among the newest.
        let shown = self.state.rows().iter().find(|row| row.conversation == conversation);
        let listed = || self.listed.assignee(conversation);
        let from = shown
            .map_or_else(listed, |row| row.assignee)
            .ok_or("nobody answers for this conversation yet")?;
        let to = self.names.iter().find(|(_, known)| known.as_str() == name).map(|(member, _)| *member);
        to.map(|to| (from, to)).ok_or_else(|| format!("/give: {name:?} is the name of nobody here"))
    }

    /// The conversation with the newest activity that has not ended; waits until there is one.
    async fn newest(&mut self, quiet: bool) -> Result<ConversationId, ClientError> {
        let mut said = quiet;
        loop {
            self.update().await?;
            if let Some(row) = self.state.rows().iter().find(|row| !row.ended) {
                return Ok(row.conversation);
            }
            if !said {
                crate::say(&"Nobody has written yet; waiting for a customer.");
                said = true;
            }
        }
    }
}

/// Events of a page of history.
const HISTORY_EVENTS: u16 = 30;

//! The directory: who owns which workspace, and whom a credential proves.
//!
//! Owns the workspaces' actors and what their failure means. The seam for more than one machine. Must
//! not know what happens in a workspace.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, RpcReplyPort, SpawnErr, SupervisionEvent};
use switchboard_protocol::vocabulary::{Platform, ProfileId, SessionId, UserKey, WorkspaceId};

use super::engine::EngineMsg;
use super::workspace::{WorkspaceActor, WorkspaceMsg, WorkspacePorts, deliver_rows};
use crate::clock;
use crate::domain::identity::Identity;
use crate::domain::workspace::{TokenHash, Workspace};
use crate::journal::{DeskChange, OpenError, ReadError, Workspaces};
use crate::machines::budget::{Allowance, Budget};

/// What proves somebody.
#[derive(Debug, Clone)]
pub enum Proof {
    /// A customer says who they are; provisional until user keys come signed.
    Customer(ProfileId, Platform, UserKey),
    /// A member shows a token, here its hash.
    Token(TokenHash),
}

/// Somebody who was proven, and the way to their workspace.
#[derive(Debug, Clone)]
pub struct Proven {
    /// Who.
    pub identity: Identity,
    /// The workspace's actor.
    pub workspace: ActorRef<WorkspaceMsg>,
    /// Whether its members may serve from several places.
    pub several_places: bool,
}

/// What the directory is told.
#[derive(Debug)]
pub enum DirectoryMsg {
    /// Somebody wants in. `None`: the proof proves nobody. An error: the workspace is not available.
    Prove(Proof, RpcReplyPort<Result<Option<Proven>, String>>),
    /// A workspace is otherwise than it was.
    Changed(Arc<Workspace>),
    /// Somebody is no member any more.
    Removed(Identity),
    /// Nothing says any more that anybody is at the other end of a session.
    Lapsed(SessionId),
    /// Rows of a workspace's list have changed.
    Rows(DeskChange),
    /// The way to a workspace's actor, for tests of failures.
    #[cfg(feature = "planted-bugs")]
    Locate(WorkspaceId, RpcReplyPort<Option<ActorRef<WorkspaceMsg>>>),
}

/// The actor.
pub struct DirectoryActor;

/// Its state.
pub struct DirectoryState {
    engine: ActorRef<EngineMsg>,
    ports: WorkspacePorts,
    workspaces: BTreeMap<WorkspaceId, Home>,
    actors: HashMap<ActorId, WorkspaceId>,
    tokens: HashMap<TokenHash, WorkspaceId>,
    profiles: HashMap<ProfileId, WorkspaceId>,
    /// Workspaces that cannot be read: nobody knows whom their credentials prove.
    damaged: Vec<WorkspaceId>,
}

struct Home {
    workspace: Arc<Workspace>,
    actor: Option<ActorRef<WorkspaceMsg>>,
    budget: Budget,
}

impl Actor for DirectoryActor {
    type Msg = DirectoryMsg;
    type State = DirectoryState;
    type Arguments = (WorkspacePorts, ActorRef<EngineMsg>);

    async fn pre_start(
        &self,
        myself: ActorRef<DirectoryMsg>,
        (ports, engine): Self::Arguments,
    ) -> Result<DirectoryState, ActorProcessingErr> {
        let rows_to = myself.clone();
        ports.journal.on_desk_change(Box::new(move |change| {
            // A directory that is gone has no desks.
            let _ = rows_to.cast(DirectoryMsg::Rows(change));
        }));
        let mut state = DirectoryState {
            engine,
            workspaces: BTreeMap::new(),
            actors: HashMap::new(),
            tokens: HashMap::new(),
            profiles: HashMap::new(),
            damaged: Vec::new(),
            ports,
        };
        let Workspaces { sound, damaged } = state.ports.journal.workspaces().await?;
        state.damaged = damaged;
        for workspace in sound {
            state.know(&workspace);
            let home = Home { workspace: Arc::new(workspace), actor: None, budget: Budget::default() };
            state.workspaces.insert(home.workspace.id, home);
        }
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<DirectoryMsg>,
        message: DirectoryMsg,
        state: &mut DirectoryState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            DirectoryMsg::Prove(proof, reply) => {
                let proven = state.prove(&myself, proof).await;
                // Whoever does not wait any more needs no answer.
                let _ = reply.send(proven);
            }
            DirectoryMsg::Changed(workspace) => state.changed(&workspace),
            DirectoryMsg::Removed(identity) => state.engine.cast(EngineMsg::Removed(identity))?,
            DirectoryMsg::Lapsed(session) => state.engine.cast(EngineMsg::Lapsed(session))?,
            DirectoryMsg::Rows(change) => {
                let home = state.workspaces.get(&change.workspace);
                if let Some(workspace) = home.and_then(|home| home.actor.as_ref()) {
                    deliver_rows(workspace, change);
                }
            }
            #[cfg(feature = "planted-bugs")]
            DirectoryMsg::Locate(workspace, reply) => {
                let home = state.workspaces.get(&workspace);
                let _ = reply.send(home.and_then(|home| home.actor.clone()));
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<DirectoryMsg>,
        event: SupervisionEvent,
        state: &mut DirectoryState,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorTerminated(child, _, _) => drop(state.gone(child.get_id())),
            SupervisionEvent::ActorFailed(child, why) => state.failed(&myself, child.get_id(), &why).await,
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
        }
        Ok(())
    }
}

impl DirectoryState {
    async fn prove(
        &mut self,
        myself: &ActorRef<DirectoryMsg>,
        proof: Proof,
    ) -> Result<Option<Proven>, String> {
        let (id, identity) = match proof {
            Proof::Customer(profile, platform, user_key) => {
                let Some(id) = self.profiles.get(&profile).copied() else { return self.nobody() };
                let home = self.workspaces.get(&id);
                (id, home.and_then(|home| home.workspace.customer(profile, platform, user_key)))
            }
            Proof::Token(hash) => {
                let Some(id) = self.tokens.get(&hash).copied() else { return self.nobody() };
                (id, self.workspaces.get(&id).and_then(|home| home.workspace.member_by_token(&hash)))
            }
        };
        let Some(identity) = identity else { return Ok(None) };
        let workspace = self.workspace(myself, id).await?;
        let service = self.workspaces.get(&id).map(|home| &home.workspace.settings.team.service);
        let several_places = service.is_some_and(|service| service.several_places);
        Ok(Some(Proven { identity, workspace, several_places }))
    }

    /// Whose tokens and profiles those of a workspace are.
    fn know(&mut self, workspace: &Workspace) {
        for member in workspace.members.values() {
            // A token that proves somebody of another workspace goes on doing so.
            self.tokens.entry(member.token_hash).or_insert(workspace.id);
        }
        self.profiles.extend(workspace.profiles.keys().map(|profile| (*profile, workspace.id)));
    }

    fn changed(&mut self, workspace: &Arc<Workspace>) {
        let Some(home) = self.workspaces.get_mut(&workspace.id) else { return };
        let before = std::mem::replace(&mut home.workspace, Arc::clone(workspace));
        for member in before.members.values() {
            if self.tokens.get(&member.token_hash) == Some(&workspace.id) {
                self.tokens.remove(&member.token_hash);
            }
        }
        self.know(workspace);
    }

    /// The answer to a proof of nobody who is known. It may be somebody of a workspace that cannot be read,
    /// who must not be told that their credential is wrong.
    fn nobody(&self) -> Result<Option<Proven>, String> {
        match &self.damaged[..] {
            [] => Ok(None),
            [..] => Err("workspace: one that this may belong to cannot be read".to_owned()),
        }
    }

    /// The actor of a workspace; started when it is wanted, also after a failure.
    async fn workspace(
        &mut self,
        myself: &ActorRef<DirectoryMsg>,
        id: WorkspaceId,
    ) -> Result<ActorRef<WorkspaceMsg>, String> {
        let Some(home) = self.workspaces.get_mut(&id) else {
            return Err("workspace: there is none".to_owned());
        };
        if let Some(actor) = &home.actor {
            return Ok(actor.clone());
        }
        if home.budget.is_spent(clock::now(), WORKSPACE_ALLOWANCE) {
            return Err("workspace: it failed too often; it is tried again later".to_owned());
        }
        let arguments = (id, self.ports.clone(), myself.clone());
        let started = WorkspaceActor::spawn_linked(None, WorkspaceActor, arguments, myself.get_cell()).await;
        let (actor, _) = started.map_err(|error| {
            // Nobody can have one that is damaged read again and again.
            if !is_passing(&error) {
                home.budget.spend(clock::now(), WORKSPACE_ALLOWANCE);
            }
            format!("workspace: it cannot be opened: {error}")
        })?;
        self.actors.insert(actor.get_id(), id);
        home.actor = Some(actor.clone());
        // Sessions of the one before go on with this one.
        let _ = self.engine.cast(EngineMsg::Begun(id, actor.clone()));
        Ok(actor)
    }

    fn gone(&mut self, actor: ActorId) -> Option<WorkspaceId> {
        let id = self.actors.remove(&actor)?;
        self.workspaces.get_mut(&id)?.actor = None;
        Some(id)
    }

    /// A workspace that fails is begun anew at once, whether or not anybody asks for it: its deadlines go on, and
    /// those who are there must not have to come again.
    async fn failed(&mut self, myself: &ActorRef<DirectoryMsg>, actor: ActorId, why: &ActorProcessingErr) {
        let Some(id) = self.gone(actor) else { return };
        tracing::error!(workspace = %id, %why, "a workspace failed");
        if let Some(home) = self.workspaces.get_mut(&id) {
            home.budget.spend(clock::now(), WORKSPACE_ALLOWANCE);
        }
        if let Err(why) = self.workspace(myself, id).await {
            tracing::warn!(workspace = %id, why, "it is begun when somebody asks for it");
        }
    }
}

/// Whether opening a workspace again later may help, by itself.
fn is_passing(error: &SpawnErr) -> bool {
    match error {
        SpawnErr::StartupFailed(why) => {
            why.downcast_ref().is_some_and(OpenError::is_retryable)
                || matches!(why.downcast_ref(), Some(ReadError::Unavailable(_)))
        }
        SpawnErr::ActorAlreadyStarted | SpawnErr::ActorAlreadyRegistered(_) => false,
    }
}

/// How often a workspace may fail before its customers have to wait.
const WORKSPACE_ALLOWANCE: Allowance = Allowance { times: 5, within_ms: 30_000 };

//! The tree of actors on a real journal, with failures planted in it.
//!
//! Owns an engine with one workspace, and clients of it that stand where the transport does. The tests are
//! in files of their own: what a client may ask for, who notices a failure or a record that
//! cannot be read, and who sleeps when.

#![allow(clippy::unwrap_used, clippy::panic)]

mod absent;
mod assigning;
mod bounds;
mod corrupt;
mod desks;
mod ending;
mod failing;
mod hours;
mod places;
mod remembering;
mod settings;
mod sleeping;
mod timers;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ractor::rpc::CallResult;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use switchboard_protocol::vocabulary::{
    Content, ConversationId, DisplayName, InstanceId, MemberId, MessageText, Platform, ProfileId,
    ProfileTitle, Seq, UserKey, WorkspaceId,
};
use tokio::sync::{Semaphore, mpsc};

use super::conversation::ConversationMsg;
use super::directory::{DirectoryMsg, Proof, Proven};
use super::engine::{Engine, EngineOptions};
use super::errand::Way;
use super::session::{
    Answered, Ask, Asked, Closing, Lane, LocateReply, Located, Out, Place, Refusal, Refused, SessionHandle,
    SessionMsg, SessionPorts, SetAside,
};
use super::subscription::{Delivery, Subscription};
use super::workspace::WorkspaceMsg;
use crate::clock;
use crate::domain::conversation::{Action, Answer, Policy, What};
use crate::domain::listing::Wish;
use crate::domain::message::Message;
use crate::domain::workspace::{
    Member, Profile, Role, TokenHash, Workspace, WorkspaceAction, decide_own as decide_workspace,
};
use crate::journal::{Journal, JournalOptions, Resolved, TicketSink};
use crate::limits;
use crate::stats::Latency;

/// An engine with one workspace.
struct House {
    engine: Engine,
    journal: Journal,
    conversation_idle: Duration,
    _dir: tempfile::TempDir,
}

/// A client of the engine: a session, and what it puts into its outbox.
struct Client {
    session: SessionHandle,
    instance: InstanceId,
    out: mpsc::UnboundedReceiver<Out>,
    credits: Arc<Semaphore>,
    asked: u64,
}

/// Tickets of the journal, as a list.
struct Tickets(mpsc::UnboundedSender<Resolved>);

impl TicketSink for Tickets {
    fn resolved(&self, resolved: Resolved) {
        let _ = self.0.send(resolved);
    }
}

/// Waits for the way to a conversation in a session's place.
struct Seeker;

impl Actor for Seeker {
    type Msg = SessionMsg;
    type State = mpsc::UnboundedSender<Located>;
    type Arguments = mpsc::UnboundedSender<Located>;

    async fn pre_start(
        &self,
        _: ActorRef<SessionMsg>,
        found: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(found)
    }

    async fn handle(
        &self,
        _: ActorRef<SessionMsg>,
        message: SessionMsg,
        found: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        if let SessionMsg::Located(_, located) = message {
            let _ = found.send(located);
        }
        Ok(())
    }
}

impl House {
    /// Starts one whose conversations stay awake for so long.
    async fn start(conversation_idle: Duration) -> Self {
        Self::with_lease(conversation_idle, NO_LAPSE).await
    }

    /// The same whose members are believed to be there for so long.
    async fn with_lease(conversation_idle: Duration, lease: Duration) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (journal, _) = Journal::start(&JournalOptions::new(dir.path()), &mut |_| {}).unwrap();
        create_workspace(&journal, WORKSPACE, PROFILE, [OLIVIAS_TOKEN, ADAS_TOKEN]).await;
        let engine = start_engine_with(&journal, conversation_idle, lease, Duration::ZERO).await;
        Self { engine, journal, conversation_idle, _dir: dir }
    }

    /// The engine ends and begins again, on the same journal.
    async fn again(self) -> Self {
        self.again_later(Duration::ZERO).await
    }

    /// The same, and it was down for so long by the clock that the test has set.
    async fn again_later(self, down: Duration) -> Self {
        self.engine.stop().await;
        if !down.is_zero() {
            clock::by_hand::passes(down);
        }
        let engine = start_engine(&self.journal, self.conversation_idle).await;
        Self { engine, ..self }
    }

    async fn stop(self) {
        self.engine.stop().await;
        self.journal.stop().unwrap();
    }

    /// Connects a client that is proven so.
    async fn connect(&self, proof: Proof) -> Client {
        let proven = self.engine.prove(proof).await.unwrap().unwrap();
        self.connect_as(proven, clock::instance_id()).await
    }

    /// Connects a client that was proven, as an instance.
    async fn connect_as(&self, proven: Proven, instance: InstanceId) -> Client {
        let place = proven.identity.member().map_or(Place::None, |_| Place::Beside);
        self.connect_at(proven, instance, place).await.unwrap()
    }

    /// The same at a place.
    async fn connect_at(
        &self,
        proven: Proven,
        instance: InstanceId,
        place: Place,
    ) -> Result<Client, Refused> {
        let (to_out, out) = mpsc::unbounded_channel();
        let ports = SessionPorts {
            id: clock::session_id(),
            instance,
            identity: Arc::new(proven.identity),
            place,
            lease: self.engine.lease(),
            workspace: proven.workspace,
            journal: self.journal.clone(),
            latency: self.engine.latency().clone(),
            out: to_out,
        };
        let session = self.engine.open_session(ports).await.unwrap()?;
        Ok(Client { session, instance, out, credits: Arc::new(Semaphore::new(CREDITS)), asked: 0 })
    }

    /// A customer in their conversation.
    async fn customer(&self, user: &str) -> (Client, ConversationId) {
        let mut client = self.connect(customer(user)).await;
        let conversation = client.open().await.unwrap();
        (client, conversation)
    }

    async fn ada(&self) -> Client {
        self.connect(Proof::Token(ADAS_TOKEN)).await
    }

    /// Connects again as a client does that was told of a fault, until it is served.
    async fn customer_again(&self, user: &str) -> (Client, ConversationId) {
        soon(async {
            loop {
                let mut client = self.connect(customer(user)).await;
                if let Some(conversation) = client.open().await {
                    return (client, conversation);
                }
            }
        })
        .await
    }

    async fn workspace(&self) -> ActorRef<WorkspaceMsg> {
        let directory = self.engine.directory().await.unwrap();
        let located = directory.call(|reply| DirectoryMsg::Locate(WORKSPACE, reply), None).await.unwrap();
        let CallResult::Success(Some(workspace)) = located else { panic!("the workspace is not there") };
        workspace
    }

    /// Waits until a workspace that failed has been begun anew, and its sessions have been told.
    async fn begun_after(&self, failed: &ActorRef<WorkspaceMsg>) {
        failed.wait(Some(SOON)).await.unwrap();
        soon(async {
            loop {
                let directory = self.engine.directory().await.unwrap();
                let located = directory.call(|reply| DirectoryMsg::Locate(WORKSPACE, reply), None).await;
                if let Ok(CallResult::Success(Some(found))) = located
                    && found.get_id() != failed.get_id()
                {
                    break;
                }
            }
        })
        .await;
        // Behind what the listener has been told.
        self.engine.sessions().await.unwrap();
    }

    /// Where a conversation is; `dead` is a way to it that is closed, whose end may not be noticed yet.
    async fn locate(&self, conversation: ConversationId, dead: Option<Way>) -> Located {
        let (to_found, mut found) = mpsc::unbounded_channel();
        let (seeker, _) = Actor::spawn(None, Seeker, to_found).await.unwrap();
        let reply = LocateReply::new(seeker.clone(), conversation);
        self.workspace().await.cast(WorkspaceMsg::Locate(conversation, dead, reply)).unwrap();
        let located = soon(found.recv()).await.unwrap();
        seeker.stop(None);
        located
    }

    async fn way_to(&self, conversation: ConversationId) -> Way {
        match self.locate(conversation, None).await {
            Located::At(way) => way,
            Located::Quarantined(why) => panic!("{why}"),
        }
    }

    /// Makes a conversation fail; returns where it is after that.
    async fn fail(&self, conversation: ConversationId, way: Way) -> Located {
        way.0.cast(ConversationMsg::Fail).unwrap();
        way.0.wait(Some(SOON)).await.unwrap();
        self.locate(conversation, Some(way)).await
    }
}

impl Client {
    fn ask(&mut self, what: Asked) {
        self.asked += 1;
        self.ask_as(self.asked, what);
    }

    fn ask_as(&self, id: u64, what: Asked) {
        let credit = Arc::clone(&self.credits).try_acquire_owned().unwrap();
        let ask = Ask { id, arrived: clock::instant(), what, credit };
        // A session that has ended says so by its outbox.
        self.session.tell(SessionMsg::Ask(ask));
    }

    /// The next answer; `None`: the session has ended, or is being closed.
    async fn answer(&mut self) -> Option<Result<Answered, Refusal>> {
        match soon(self.out.recv()).await? {
            Out::Reply(_, answer, _) => Some(answer),
            Out::Close(closing) => {
                assert_eq!(closing, Closing::Fault);
                None
            }
        }
    }

    /// Opens the customer's conversation, if the session lives for so long.
    async fn open(&mut self) -> Option<ConversationId> {
        self.open_as(1).await
    }

    /// The same as the command of a counter.
    async fn open_as(&mut self, counter: u64) -> Option<ConversationId> {
        self.ask(Asked::Open { counter });
        match self.answer().await? {
            Ok(Answered::Opened(conversation)) => Some(conversation),
            Ok(_) | Err(_) => panic!("not opened"),
        }
    }

    fn send(&mut self, conversation: ConversationId, counter: u64, action: Action) {
        self.ask(Asked::Command { conversation, counter, action });
    }

    fn post(&mut self, conversation: ConversationId, counter: u64) {
        self.send(conversation, counter, Action::Post { content: text(&format!("{counter}")) });
    }

    async fn accepted(&mut self) -> Answer {
        match self.answer().await {
            Some(Ok(Answered::Accepted(Some(answer)))) => answer,
            Some(Err(refusal)) => panic!("{refusal}"),
            Some(Ok(_)) | None => panic!("not accepted"),
        }
    }

    async fn posted(&mut self, conversation: ConversationId, counter: u64) -> Answer {
        self.post(conversation, counter);
        self.accepted().await
    }

    async fn follow(&mut self, subscription: u32, conversation: ConversationId, after: u64) -> Follower {
        let after = Seq::new(after).unwrap();
        self.ask(Asked::Follow { subscription, conversation, after });
        match self.answer().await {
            Some(Ok(Answered::Following(lane, subscription))) => Follower { lane, from: *subscription },
            Some(Ok(_) | Err(_)) | None => panic!("not following"),
        }
    }
}

/// Whoever reads a subscription.
struct Follower {
    lane: Lane,
    from: Subscription,
}

impl Follower {
    /// The messages that come next, so many, each with its place; every event is one after the last.
    async fn messages(&mut self, count: usize) -> Vec<(u64, String)> {
        let mut messages = Vec::new();
        while messages.len() < count {
            match soon(self.from.next()).await {
                Delivery::Entry(entry, _) => {
                    for seen in self.from.take(&entry).unwrap() {
                        if let What::Message(Message { content, .. }) = &seen.event.what {
                            messages.push((seen.seq.get(), content.preview(100)));
                        }
                    }
                }
                Delivery::CaughtUp(_) | Delivery::Cursors(_) | Delivery::Typing(_) => {}
                Delivery::Ended => panic!("it has ended after {messages:?}"),
            }
        }
        messages
    }

    /// Reads on until the end.
    async fn ended(&mut self) {
        while !matches!(soon(self.from.next()).await, Delivery::Ended) {}
    }
}

/// Nothing here takes long: whoever waits longer waits for something that does not come.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, what).await.unwrap()
}

async fn start_engine(journal: &Journal, conversation_idle: Duration) -> Engine {
    // Hardly anybody here waits for what ends by itself.
    start_engine_with(journal, conversation_idle, NO_LAPSE, Duration::ZERO).await
}

async fn start_engine_with(
    journal: &Journal,
    conversation_idle: Duration,
    lease: Duration,
    grace: Duration,
) -> Engine {
    let policy = Policy::default();
    let options = EngineOptions { policy, conversation_idle, grace, sessions_max: 100, lease };
    Engine::start(journal.clone(), Latency::default(), options).await.unwrap()
}

async fn create_workspace(
    journal: &Journal,
    workspace: WorkspaceId,
    profile: ProfileId,
    [olivias, adas]: [TokenHash; 2],
) {
    let (to_tickets, mut tickets) = mpsc::unbounded_channel();
    let opened = journal.open_workspace(workspace, Arc::new(Tickets(to_tickets))).await.unwrap();
    let mut state: Workspace = opened.state;
    let member = |name: &str, role, token| {
        let details = Member { name: DisplayName::new(name).unwrap(), role, token_hash: token };
        (clock::member_id(), details)
    };
    let title = || ProfileTitle::new("Demo").unwrap();
    let (ada, details) = member("Ada", Role::Readonly, adas);
    let actions = [
        WorkspaceAction::Create { name: title(), owner: member("Olivia", Role::Owner, olivias) },
        WorkspaceAction::AddMember { member: MemberId::from_bytes(*ada.as_bytes()), details },
        WorkspaceAction::AddProfile { profile, details: Profile { title: title(), greeting: None } },
    ];
    for action in actions {
        let entry = decide_workspace(&state, action, clock::now()).unwrap();
        state.apply(&entry);
        journal.append_workspace(opened.incarnation, &entry).unwrap();
    }
    while soon(tickets.recv()).await != Some(Resolved::Durable { up_to: state.revision }) {}
}

fn customer(user: &str) -> Proof {
    Proof::Customer(PROFILE, Platform::new("web").unwrap(), UserKey::new(user).unwrap())
}

fn desk_of_all(subscription: u32) -> Asked {
    Asked::FollowDesk { subscription, wish: Wish::ALL, rows: limits::LIST_ROWS_MAX }
}

fn take() -> Action {
    Action::Take { consultation: clock::consultation_id(), epoch: None }
}

fn text(text: &str) -> Content {
    Content::text(MessageText::new(text).unwrap())
}

const WORKSPACE: WorkspaceId = WorkspaceId::from_bytes([1; 16]);
const PROFILE: ProfileId = ProfileId::from_bytes([2; 16]);
const OLIVIAS_TOKEN: TokenHash = TokenHash([1; 32]);
const ADAS_TOKEN: TokenHash = TokenHash([2; 32]);
const CREDITS: usize = 64;
const SOON: Duration = Duration::from_secs(20);

/// Nobody is forgotten because of it.
const NO_LAPSE: Duration = Duration::from_secs(3_600);

/// Longer than any test.
const NO_SLEEP: Duration = Duration::from_secs(3_600);

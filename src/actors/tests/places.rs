//! From where a member serves: take-overs, leases, and what failures leave of who is there.
//!
//! Owns what only the tree can show: that sessions end before others begin, and that nobody is shown or treated as
//! gone who is there. Must not know who makes room for whom.

use super::*;
use crate::actors::agent::AgentMsg;
use crate::actors::desk::DeskItem;
use crate::actors::session::{DeskFollowing, Evidence, Refused};
use crate::actors::workspace::Attending;
use crate::domain::assignment::ProfileAssignment;
use switchboard_protocol::vocabulary::CategoryPath;

const ASKS: Place = Place::Only { takes_over: false };
const TAKES_OVER: Place = Place::Only { takes_over: true };

impl House {
    /// Connects Ada as a new client.
    async fn ada_at(&self, place: Place) -> Result<Client, Refused> {
        let proven = self.engine.prove(Proof::Token(ADAS_TOKEN)).await.unwrap().unwrap();
        self.connect_at(proven, clock::instance_id(), place).await
    }
}

/// What a desk has shown of somebody.
struct Shown(DeskFollowing, Vec<bool>, &'static str);

impl Shown {
    /// Of Ada.
    async fn to(client: &mut Client) -> Self {
        Self::of("Ada", client, 1).await
    }

    async fn of(name: &'static str, client: &mut Client, subscription: u32) -> Self {
        client.ask(desk_of_all(subscription));
        let Some(Ok(Answered::FollowingDesk(_, desk))) = client.answer().await else { panic!("no desk") };
        while !matches!(soon(desk.outlet().next()).await, DeskItem::Snapshot(..)) {}
        Self(desk, Vec::new(), name)
    }

    /// Waits until it shows them so.
    async fn online(&mut self, online: bool) {
        while self.1.last() != Some(&online) {
            match soon(self.0.outlet().next()).await {
                DeskItem::Agent(agent) if agent.value.name.as_str() == self.2 => {
                    self.1.push(agent.value.online);
                }
                DeskItem::Snapshot(snapshot) => {
                    let found =
                        snapshot.value.agents.iter().find(|agent| agent.name.as_str() == self.2).unwrap();
                    self.1.push(found.online);
                }
                DeskItem::Agent(_) | DeskItem::Row(_) | DeskItem::Gone(_) | DeskItem::Counts(..) => {}
                DeskItem::Ended => panic!("the desk has ended"),
            }
        }
    }

    /// Whether they were shown offline before their client goes now.
    async fn was_ever_offline(&mut self, ada: Client) -> bool {
        ada.session.tell(SessionMsg::Closed);
        self.online(false).await;
        let last = self.1.pop();
        let seen = std::mem::take(&mut self.1);
        last != Some(false) || seen.contains(&false)
    }
}

impl Client {
    /// How it is closed; everything else before is dropped.
    async fn closed(&mut self) -> Closing {
        loop {
            match soon(self.out.recv()).await {
                Some(Out::Close(closing)) => return closing,
                Some(Out::Reply(..)) => {}
                None => panic!("it has ended without a word"),
            }
        }
    }
}

#[tokio::test]
async fn another_place_is_refused_until_it_takes_over_and_nobody_sees_the_member_go() {
    let house = House::start(NO_SLEEP).await;
    let mut olivia = house.olivia_looking().await;
    let mut shown = Shown::to(&mut olivia).await;
    let before = clock::now();
    let mut first = house.ada_at(ASKS).await.unwrap();
    shown.online(true).await;
    let waits = Waits::for_member(&house, house.ada_is().await).await;
    let Err(Refused::Elsewhere { since }) = house.ada_at(ASKS).await else { panic!("there are two places") };
    assert!(since >= before && since <= clock::now());

    let mut second = house.ada_at(TAKES_OVER).await.unwrap();

    assert_eq!(first.closed().await, Closing::TakenOver);
    soon(first.session.ended()).await;
    let third = house.ada_at(TAKES_OVER).await.unwrap();
    assert_eq!(second.closed().await, Closing::TakenOver);
    waits.stayed().await;
    assert!(!shown.was_ever_offline(third).await, "a take-over is no going away");
    house.stop().await;
}

#[tokio::test]
async fn of_many_that_take_over_at_once_one_stays_and_the_others_are_told() {
    let house = House::start(NO_SLEEP).await;
    let proven = house.engine.prove(Proof::Token(ADAS_TOKEN)).await.unwrap().unwrap();
    let all = (0..8).map(|_| house.connect_at(proven.clone(), clock::instance_id(), TAKES_OVER));
    let mut stayed = 0;
    for client in futures_join(all).await {
        let Ok(mut client) = client else { continue };
        // One that has been displaced has the word already, or is about to: the last one never has.
        let session = client.session.clone();
        if house.engine.sessions().await.unwrap() == 1 && session_lives(&session).await {
            stayed += 1;
        } else {
            assert_eq!(client.closed().await, Closing::TakenOver);
        }
    }
    assert_eq!(stayed, 1, "never two, and never none");
    house.stop().await;
}

/// Whether a session still answers.
async fn session_lives(session: &SessionHandle) -> bool {
    tokio::time::timeout(Duration::ZERO, session.ended()).await.is_err()
}

/// All of them at the same time.
async fn futures_join<T: Send + 'static>(all: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut pending: Vec<_> = all.into_iter().map(|one| (Box::pin(one), None)).collect();
    std::future::poll_fn(|context| {
        for (one, done) in &mut pending {
            if done.is_none()
                && let std::task::Poll::Ready(value) = one.as_mut().poll(context)
            {
                *done = Some(value);
            }
        }
        let is_over = pending.iter().all(|(_, done)| done.is_some());
        if is_over { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    pending.into_iter().filter_map(|(_, done)| done).collect()
}

#[tokio::test]
async fn what_the_displaced_place_had_in_flight_does_not_come_after_what_the_next_one_says() {
    let house = House::start(NO_SLEEP).await;
    let (mut minji, conversation) = house.customer("minji").await;
    minji.posted(conversation, 2).await;
    let mut first = house.ada_at(ASKS).await.unwrap();
    first.send(conversation, 1, take());
    for counter in 2..30 {
        first.post(conversation, counter);
    }
    let mut second = house.ada_at(TAKES_OVER).await.unwrap();
    second.post(conversation, 1_000);
    let answer = second.accepted().await;
    let mut all = minji.follow(1, conversation, 0).await;
    let posted = all.messages(usize::try_from(answer.place.unwrap().customer.get()).unwrap() - 1).await;
    assert_eq!(posted.last().map(|(_, text)| text.as_str()), Some("1000"), "{posted:?}");
    minji.posted(conversation, 3).await;
    assert_eq!(all.messages(1).await[0].1, "3", "nothing came after");
    house.stop().await;
}

#[tokio::test]
async fn whoever_only_looks_is_not_there_takes_no_place_and_may_neither_take_nor_write() {
    let house = House::start(NO_SLEEP).await;
    let (mut minji, conversation) = house.customer("minji").await;
    minji.posted(conversation, 2).await;
    let mut looker = house.ada_at(Place::None).await.unwrap();
    let mut shown = Shown::to(&mut looker).await;
    for (what, action) in [
        ("take", take()),
        ("join", Action::Join),
        ("post", Action::Post { content: text("hello") }),
        ("read", Action::Read { up_to: Seq::MAX }),
    ] {
        looker.send(conversation, 1, action);
        assert_eq!(looker.answer().await.unwrap().err(), Some(Refusal::OnlyLooks(what)));
    }
    assert_eq!(looker.follow(2, conversation, 0).await.messages(1).await, [(2, "2".to_owned())]);
    let serving = house.ada_at(ASKS).await.unwrap();
    shown.online(true).await;
    assert_eq!(shown.1, [true], "she was not there before");
    serving.session.tell(SessionMsg::Closed);
    shown.online(false).await;
    house.stop().await;
}

#[tokio::test]
async fn what_was_done_before_somebody_only_looks_is_answered_as_it_was() {
    let house = House::start(NO_SLEEP).await;
    let (mut minji, conversation) = house.customer("minji").await;
    minji.posted(conversation, 2).await;
    let mut serving = house.ada_at(ASKS).await.unwrap();
    serving.send(conversation, 1, take());
    let taken = serving.accepted().await;
    // The answer was lost, and they come again by the same client program.
    let proven = house.engine.prove(Proof::Token(ADAS_TOKEN)).await.unwrap().unwrap();
    let mut looker = house.connect_at(proven, serving.instance, Place::None).await.unwrap();
    looker.send(conversation, 1, take());
    assert_eq!(looker.accepted().await, taken);
    looker.send(conversation, 2, take());
    assert_eq!(looker.answer().await.unwrap().err(), Some(Refusal::OnlyLooks("take")));
    house.stop().await;
}

#[tokio::test]
async fn a_lease_that_nothing_renews_runs_out_and_its_session_is_ended() {
    let house = House::with_lease(NO_SLEEP, LEASE).await;
    let mut olivia = house.olivia_looking().await;
    let mut shown = Shown::to(&mut olivia).await;
    let mut ada = house.ada_at(ASKS).await.unwrap();
    shown.online(true).await;

    shown.online(false).await;

    assert_eq!(ada.closed().await, Closing::Fault, "it is told, if it comes to its messages");
    soon(ada.session.ended()).await;
    let _again = house.ada_at(ASKS).await.unwrap();
    shown.online(true).await;
    house.stop().await;
}

#[tokio::test]
async fn a_lease_is_renewed_by_what_is_heard_and_by_nothing_else() {
    let house = House::with_lease(NO_SLEEP, LEASE).await;
    let mut olivia = house.olivia_looking().await;
    let mut shown = Shown::to(&mut olivia).await;
    let ada = house.ada_at(ASKS).await.unwrap();
    shown.online(true).await;
    let mut evidence = Evidence::new(HOUR, clock::instant(), 1);
    let renewed = evidence.look(clock::instant(), 2).unwrap();
    assert_eq!(evidence.look(clock::instant(), 2), None, "nothing more was heard");
    ada.session.tell(SessionMsg::Attends(renewed, None));
    let mut beside = house.olivia_looking().await;
    let mut other = Shown::of("Olivia", &mut beside, 1).await;
    let serving = house.connect(Proof::Token(OLIVIAS_TOKEN)).await;
    other.online(true).await;
    // Hers began later and runs out first.
    other.online(false).await;
    assert!(!shown.was_ever_offline(ada).await);
    drop(serving);
    house.stop().await;
}

#[tokio::test]
async fn a_session_whose_end_was_never_told_is_not_believed_for_longer_than_its_lease() {
    let house = House::start(NO_SLEEP).await;
    let mut olivia = house.connect(Proof::Token(OLIVIAS_TOKEN)).await;
    let mut shown = Shown::to(&mut olivia).await;
    let looker = house.ada_at(Place::None).await.unwrap();
    let (member, workspace) = (house.ada_is().await, house.workspace().await);
    let attends = |until| WorkspaceMsg::AgentSession(member, clock::session_id(), Attending::Until(until));
    workspace.cast(attends(clock::instant() + LEASE)).unwrap();
    shown.online(true).await;
    shown.online(false).await;
    drop(looker);
    house.stop().await;
}

#[tokio::test]
async fn an_agent_who_fails_is_begun_anew_with_the_sessions_that_are_live() {
    let house = House::start(NO_SLEEP).await;
    let mut olivia = house.olivia_looking().await;
    let mut shown = Shown::to(&mut olivia).await;
    let before = house.workspace().await.get_cell().get_children();
    let ada = house.ada_at(ASKS).await.unwrap();
    shown.online(true).await;
    let workspace = house.workspace().await;
    let children = || workspace.get_cell().get_children();
    let agent =
        children().into_iter().find(|child| before.iter().all(|known| known.get_id() != child.get_id()));
    let failing = ActorRef::<AgentMsg>::from(agent.unwrap());
    let waits = Waits::for_member(&house, house.ada_is().await).await;
    let all = children().len();

    failing.cast(AgentMsg::Fail).unwrap();

    failing.wait(Some(SOON)).await.unwrap();
    soon(async {
        while children().len() < all {
            tokio::task::yield_now().await;
        }
    })
    .await;
    waits.stayed().await;
    assert!(!shown.was_ever_offline(ada).await, "nobody goes away because of it");
    assert_eq!(house.workspace().await.get_id(), workspace.get_id());
    house.stop().await;
}

#[tokio::test]
async fn a_workspace_that_fails_is_begun_anew_at_once_and_told_who_is_there() {
    let house = House::start(NO_SLEEP).await;
    let (mut minji, conversation) = house.customer("minji").await;
    minji.posted(conversation, 2).await;
    let mut ada = house.ada_at(ASKS).await.unwrap();
    let failed = house.workspace().await;

    failed.cast(WorkspaceMsg::Fail).unwrap();

    failed.wait(Some(SOON)).await.unwrap();
    house.begun_after(&failed).await;
    // Nobody has connected since, and the sessions that said nothing go on.
    let mut shown = Shown::to(&mut ada).await;
    shown.1.clear();
    ada.send(conversation, 1, take());
    ada.accepted().await;
    let mut looker = house.ada_at(Place::None).await.unwrap();
    looker.ask(desk_of_all(1));
    let Some(Ok(Answered::FollowingDesk(_, desk))) = looker.answer().await else { panic!("no desk") };
    Shown(desk, Vec::new(), "Ada").online(true).await;
    assert_eq!(
        minji.posted(conversation, 3).await.revision,
        4,
        "a customer who said nothing goes on as well"
    );
    house.stop().await;
}

/// Longer than any test.
const HOUR: Duration = Duration::from_secs(3_600);

/// Long enough for a session to begin, and soon over.
const LEASE: Duration = Duration::from_millis(300);

impl House {
    async fn ada_is(&self) -> MemberId {
        let proven = self.engine.prove(Proof::Token(ADAS_TOKEN)).await.unwrap().unwrap();
        proven.identity.member().unwrap()
    }

    /// Olivia, who only looks: no lease of hers runs out.
    async fn olivia_looking(&self) -> Client {
        let proven = self.engine.prove(Proof::Token(OLIVIAS_TOKEN)).await.unwrap().unwrap();
        self.connect_at(proven, clock::instance_id(), Place::None).await.unwrap()
    }
}

#[tokio::test]
async fn a_member_who_is_one_again_has_just_come_whatever_is_left_of_them_from_before() {
    let house = House::start(NO_SLEEP).await;
    let mut olivia = house.olivia_looking().await;
    let member = house.ada_is().await;
    let mut counter = 1;
    let mut change = async |action| {
        counter += 1;
        olivia.ask(Asked::Change { counter, action: Box::new(action) });
        let Some(Ok(Answered::Told(_))) = olivia.answer().await else { panic!("not changed") };
    };
    // A session whose end is told by nobody.
    let until = Attending::Until(clock::instant() + HOUR);
    let left = WorkspaceMsg::AgentSession(member, clock::session_id(), until);
    house.workspace().await.cast(left).unwrap();
    change(WorkspaceAction::RemoveMember { member }).await;
    let name = DisplayName::new("Ada").unwrap();
    let details = Member { name, role: Role::Readonly, token_hash: ADAS_TOKEN };
    change(WorkspaceAction::AddMember { member, details }).await;

    let _ada = house.ada_at(ASKS).await.unwrap();

    Waits::for_member(&house, member).await.stayed().await;
    house.stop().await;
}

/// A call that was assigned to somebody who has not entered: it waits again as soon as they go.
struct Waits {
    customer: Client,
    conversation: ConversationId,
    seen: Follower,
    all: Vec<What>,
    _looker: Client,
}

impl Waits {
    async fn for_member(house: &House, member: MemberId) -> Self {
        let mut looker = house.olivia_looking().await;
        let assignment = Box::new(ProfileAssignment { automatic: true, ..ProfileAssignment::default() });
        let action = WorkspaceAction::SetProfileAssignment { profile: PROFILE, assignment };
        looker.ask(Asked::Change { counter: 1, action: Box::new(action) });
        let Some(Ok(Answered::Told(_))) = looker.answer().await else { panic!("not changed") };
        let (mut customer, conversation) = house.customer("minji").await;
        let (consultation, category) = (clock::consultation_id(), CategoryPath::default());
        customer.send(conversation, 2, Action::Call { consultation, category });
        customer.accepted().await;
        let seen = looker.follow(1, conversation, 0).await;
        let mut waits = Self { customer, conversation, seen, all: Vec::new(), _looker: looker };
        waits.until(|what| matches!(what, What::Assigned { member: to, .. } if *to == member)).await;
        waits
    }

    /// Reads on until something has happened.
    async fn until(&mut self, wanted: impl Fn(&What) -> bool) {
        while !self.all.iter().any(&wanted) {
            match soon(self.seen.from.next()).await {
                Delivery::Entry(entry, _) => {
                    self.seen.from.take(&entry).unwrap().for_each(drop);
                    self.all.extend(entry.events.iter().map(|event| event.what.clone()));
                }
                Delivery::CaughtUp(_) | Delivery::Cursors(_) | Delivery::Typing(_) => {}
                Delivery::Ended => panic!("it has ended"),
            }
        }
    }

    /// It has not waited again, not even for a moment.
    async fn stayed(mut self) {
        self.customer.posted(self.conversation, 3).await;
        self.until(
            |what| matches!(what, What::Message(Message { content, .. }) if content.preview(9) == "3"),
        )
        .await;
        let waits_again = self.all.iter().any(|what| matches!(what, What::Requeued { .. }));
        assert!(!waits_again, "{:?}", self.all);
    }
}

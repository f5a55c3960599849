//! Assignment while the engine runs: calls, agents who come and go, failures in between.
//!
//! Owns what only the tree can show: that announcements, orders and alarms reach whom they are for. Must not know
//! the rules of choosing.

use super::*;
use crate::actors::desk::{AgentStatus, DeskItem};
use crate::actors::session::{DeskFollowing, Told};
use crate::domain::assignment::{
    Explanation, Load, Outcome, ProfileAssignment, Rule, Standing, TeamAssignment, Why,
};
use crate::domain::consultation::{How, Requeued};
use crate::machines::live::SideCursors;
use switchboard_protocol::vocabulary::{CategoryPath, ConsultationId};

impl House {
    /// One whose profile assigns automatically, so many to an agent.
    pub(super) async fn assigning(maximum: u32, conversation_idle: Duration) -> (Self, Client) {
        let house = Self::start(conversation_idle).await;
        let mut olivia = house.connect(Proof::Token(OLIVIAS_TOKEN)).await;
        let load = Load { maximum, ..Load::default() };
        let team = TeamAssignment { load, ..TeamAssignment::default() };
        olivia.sets(1, WorkspaceAction::SetTeamAssignment(team)).await;
        let assignment = Box::new(ProfileAssignment { automatic: true, ..ProfileAssignment::default() });
        olivia.sets(2, WorkspaceAction::SetProfileAssignment { profile: PROFILE, assignment }).await;
        (house, olivia)
    }

    /// A customer who has called.
    pub(super) async fn caller(&self, user: &str) -> (Client, ConversationId) {
        let (mut client, conversation) = self.customer(user).await;
        client.send(conversation, 2, call());
        client.accepted().await;
        (client, conversation)
    }
}

impl House {
    /// Connects a member to the workspace's next actor.
    pub(super) async fn connect_after(&self, failed: &ActorRef<WorkspaceMsg>, token: TokenHash) -> Client {
        soon(async {
            loop {
                if let Ok(Some(proven)) = self.engine.prove(Proof::Token(token)).await
                    && proven.workspace.get_id() != failed.get_id()
                {
                    return self.connect_as(proven, clock::instance_id()).await;
                }
            }
        })
        .await
    }
}

impl Client {
    pub(super) async fn sets(&mut self, counter: u64, action: WorkspaceAction) {
        self.ask(Asked::Change { counter, action: Box::new(action) });
        let Some(Ok(Answered::Told(Told::Changed(_)))) = self.answer().await else { panic!("not changed") };
    }

    /// What happens in a conversation, as staff see it and as it is recorded beside.
    pub(super) async fn watches(&mut self, subscription: u32, conversation: ConversationId) -> Watcher {
        let follower = self.follow(subscription, conversation, 0).await;
        Watcher { follower, seen: Vec::new() }
    }

    pub(super) async fn desk(&mut self, subscription: u32) -> Board {
        self.ask(desk_of_all(subscription));
        let Some(Ok(Answered::FollowingDesk(_, desk))) = self.answer().await else { panic!("no desk") };
        Board(desk)
    }

    /// Asks until so many decisions about a conversation have been made; the newest of them.
    async fn hears_why(&mut self, conversation: ConversationId, count: usize) -> Explanation {
        soon(async {
            loop {
                self.ask(Asked::Explain { conversation });
                match self.answer().await {
                    Some(Ok(Answered::Decisions(mut decisions))) if decisions.found.len() == count => {
                        assert!(!decisions.more, "all have been looked at");
                        return decisions.found.swap_remove(0).1;
                    }
                    Some(Ok(Answered::Decisions(_))) => {}
                    Some(Ok(_) | Err(_)) | None => panic!("not explained"),
                }
            }
        })
        .await
    }

    async fn says_away(&mut self, counter: u64, away: bool) {
        self.ask(Asked::Status { counter, away });
        let Some(Ok(Answered::Told(Told::Changed(_)))) = self.answer().await else { panic!("not changed") };
    }

    pub(super) fn goes(self) {
        self.session.tell(SessionMsg::Closed);
    }
}

/// The agents as a desk shows them.
pub(super) struct Board(DeskFollowing);

impl Board {
    /// Waits until it shows such an agent.
    pub(super) async fn shows(&self, such: impl Fn(&AgentStatus) -> bool) {
        loop {
            let found = match soon(self.0.outlet().next()).await {
                DeskItem::Snapshot(snapshot) => snapshot.value.agents.iter().any(&such),
                DeskItem::Agent(agent) => such(&agent.value),
                DeskItem::Row(_) | DeskItem::Gone(_) | DeskItem::Counts(..) => false,
                DeskItem::Ended => panic!("the desk has ended"),
            };
            if found {
                return;
            }
        }
    }
}

impl Follower {
    /// Waits until it is told that the customer is at this place in the queue.
    async fn stands_at(&mut self, position: Option<u32>) {
        while !matches!(soon(self.from.next()).await, Delivery::Cursors(SideCursors { line, .. })
            if line.map(|line| line.position) == position)
        {}
    }
}

/// Whoever reads everything that is recorded of a conversation.
pub(super) struct Watcher {
    follower: Follower,
    seen: Vec<What>,
}

impl Watcher {
    /// Reads on until something happens, and returns it.
    pub(super) async fn until<T>(&mut self, wanted: impl Fn(&What) -> Option<T>) -> T {
        loop {
            if let Some(found) = self.seen.iter().find_map(&wanted) {
                self.seen.clear();
                return found;
            }
            match soon(self.follower.from.next()).await {
                Delivery::Entry(entry, _) => {
                    self.follower.from.take(&entry).unwrap().for_each(drop);
                    self.seen.extend(entry.events.iter().map(|event| event.what.clone()));
                }
                Delivery::CaughtUp(_) | Delivery::Cursors(_) | Delivery::Typing(_) => {}
                Delivery::Ended => panic!("it has ended"),
            }
        }
    }

    pub(super) async fn assigned(&mut self) -> MemberId {
        self.until(|what| match what {
            What::Assigned { member, how: How::Automatic } => Some(*member),
            _ => None,
        })
        .await
    }

    pub(super) async fn explained(&mut self) -> Explanation {
        self.until(|what| match what {
            What::Explained(explanation) => Some(Explanation::clone(explanation)),
            _ => None,
        })
        .await
    }
}

pub(super) fn call() -> Action {
    Action::Call { consultation: clock::consultation_id(), category: CategoryPath::default() }
}

#[tokio::test]
async fn a_call_goes_to_whoever_is_there_with_everything_that_the_choice_rests_on() {
    let (house, mut olivia) = House::assigning(3, NO_SLEEP).await;
    let (_minji, conversation) = house.caller("minji").await;
    let explanation = olivia.watches(1, conversation).await.explained().await;
    let Outcome::Assigned { rule: Rule::General, .. } = explanation.outcome else {
        panic!("{explanation:?}")
    };
    assert_eq!(explanation.considered.conclude(), explanation.outcome);
    assert_eq!(explanation.considered.candidates.len(), 2, "Ada, who is not there, was considered too");
    house.stop().await;
}

#[tokio::test]
async fn whoever_is_full_gets_the_next_one_when_one_is_completed_in_the_order_of_the_calls() {
    let (house, mut olivia) = House::assigning(1, NO_SLEEP).await;
    let mut calls = Vec::new();
    for (n, user) in (1..).zip(["minji", "jisoo", "hana"]) {
        let (mut client, conversation) = house.customer(user).await;
        // Of calls within the same millisecond the lesser id goes first.
        let consultation = ConsultationId::from_bytes([n; 16]);
        client.send(conversation, 2, Action::Call { consultation, category: CategoryPath::default() });
        client.accepted().await;
        calls.push((client, conversation));
    }
    let mut counter = 10;
    for (at, (_, conversation)) in calls.iter().enumerate() {
        let mut watcher = olivia.watches(at as u32 + 1, *conversation).await;
        let explanation = watcher.explained().await;
        let Outcome::Assigned { member, .. } = explanation.outcome else { panic!("{explanation:?}") };
        let chosen = explanation.considered.candidates.iter().find(|candidate| candidate.member == member);
        assert_eq!(chosen.unwrap().agent.load, 0, "one at a time");
        for action in [Action::Join, Action::Complete { epoch: None }] {
            counter += 1;
            olivia.send(*conversation, counter, action);
            olivia.accepted().await;
        }
    }
    house.stop().await;
}

#[tokio::test]
async fn what_an_agent_who_goes_has_not_begun_waits_for_the_next_who_comes() {
    let (house, olivia) = House::assigning(3, NO_SLEEP).await;
    let (_minji, conversation) = house.caller("minji").await;
    let mut watching = house.ada().await;
    // Whoever is there last has both; which one is chance.
    let mut watcher = watching.watches(1, conversation).await;
    let first = watcher.assigned().await;
    olivia.goes();
    let olivias = watcher
        .until(|what| match what {
            What::Requeued { from, why: Requeued::Absent } => Some(*from),
            _ => None,
        })
        .await;
    assert_eq!(olivias, first);
    assert_ne!(watcher.assigned().await, first, "Ada is there");
    house.stop().await;
}

#[tokio::test]
async fn whoever_is_away_gets_nothing_and_keeps_what_they_have_until_they_say_otherwise() {
    let (house, mut olivia) = House::assigning(3, NO_SLEEP).await;
    let desk = olivia.desk(9).await;
    let (_minji, served) = house.caller("minji").await;
    olivia.watches(1, served).await.assigned().await;
    olivia.says_away(3, true).await;
    let (_jisoo, waits) = house.caller("jisoo").await;
    let decision = olivia.hears_why(waits, 1).await;
    assert_eq!(decision.outcome, Outcome::Waits(Why::NobodyFree));
    let standings = decision.considered.candidates.iter().map(|candidate| candidate.agent.standing);
    assert_eq!(standings.filter(|standing| *standing == Standing::Away).count(), 1, "{decision:?}");
    desk.shows(|agent| (agent.online, agent.away, agent.work.waiting) == (true, true, 1)).await;
    // Another session does not bring her back, and neither does the next actor of the workspace.
    drop(olivia);
    let failed = house.workspace().await;
    failed.cast(WorkspaceMsg::Fail).unwrap();
    let mut again = house.connect_after(&failed, OLIVIAS_TOKEN).await;
    let desk = again.desk(9).await;
    desk.shows(|agent| (agent.online, agent.away, agent.work.waiting) == (true, true, 1)).await;
    again.says_away(4, false).await;
    let mut watcher = again.watches(1, waits).await;
    watcher.assigned().await;
    desk.shows(|agent| (agent.away, agent.work.waiting) == (false, 2)).await;
    let assigned = again.hears_why(waits, 2).await;
    assert!(matches!(assigned.outcome, Outcome::Assigned { rule: Rule::General, .. }), "the newest is first");
    again.send(waits, 5, Action::Join);
    again.accepted().await;
    desk.shows(|agent| (agent.work.waiting, agent.work.in_progress) == (1, 1)).await;
    house.stop().await;
}

#[tokio::test]
async fn whoever_waits_is_told_by_what_else_when_the_profile_is_served_by_hand_from_now_on() {
    let (house, mut olivia) = House::assigning(1, NO_SLEEP).await;
    let _served = house.caller("minji").await;
    let (_jisoo, waits) = house.caller("jisoo").await;
    let full = olivia.hears_why(waits, 1).await;
    assert_eq!(full.outcome, Outcome::Waits(Why::NobodyFree));
    let by_hand = Box::new(ProfileAssignment::default());
    olivia.sets(3, WorkspaceAction::SetProfileAssignment { profile: PROFILE, assignment: by_hand }).await;
    let manual = olivia.hears_why(waits, 2).await;
    assert_eq!(manual.outcome, Outcome::Waits(Why::Manual));
    assert_eq!(manual.considered.conclude(), manual.outcome);
    house.stop().await;
}

#[tokio::test]
async fn customers_who_wait_are_told_their_place_and_that_they_move_up() {
    let (house, olivia) = House::assigning(1, NO_SLEEP).await;
    olivia.goes();
    let (_minji, first) = house.caller("minji").await;
    let (mut jisoo, second) = house.caller("jisoo").await;
    let mut follower = jisoo.follow(1, second, 0).await;
    follower.stands_at(Some(2)).await;
    let mut ada = house.ada().await;
    ada.watches(1, first).await.assigned().await;
    follower.stands_at(Some(1)).await;
    ada.send(first, 1, Action::Join);
    ada.accepted().await;
    ada.send(first, 2, Action::Complete { epoch: None });
    ada.accepted().await;
    follower.stands_at(None).await;
    house.stop().await;
}

#[tokio::test]
async fn a_conversation_that_sleeps_is_woken_for_its_assignment() {
    let (house, olivia) = House::assigning(3, Duration::from_millis(1)).await;
    olivia.goes();
    let (_minji, conversation) = house.caller("minji").await;
    house.way_to(conversation).await.0.wait(Some(SOON)).await.unwrap();
    let mut ada = house.ada().await;
    ada.watches(1, conversation).await.assigned().await;
    house.stop().await;
}

#[tokio::test]
async fn a_conversation_that_fails_while_it_waits_is_assigned_all_the_same_and_once() {
    let (house, olivia) = House::assigning(3, NO_SLEEP).await;
    olivia.goes();
    let (_minji, conversation) = house.caller("minji").await;
    let way = house.way_to(conversation).await;
    house.fail(conversation, way).await;
    let mut ada = house.ada().await;
    let mut watcher = ada.watches(1, conversation).await;
    watcher.assigned().await;
    ada.send(conversation, 1, Action::Join);
    assert_eq!(ada.accepted().await.place.map(|place| place.staff.get()), Some(4), "begun, called, assigned");
    house.stop().await;
}

#[tokio::test]
async fn a_workspace_that_fails_knows_again_who_waits_and_who_has_what() {
    let (house, olivia) = House::assigning(1, NO_SLEEP).await;
    let (_minji, served) = house.caller("minji").await;
    let (_jisoo, waiting) = house.caller("jisoo").await;
    drop(olivia);
    let failed = house.workspace().await;
    failed.cast(WorkspaceMsg::Fail).unwrap();
    let mut again = house.connect_after(&failed, OLIVIAS_TOKEN).await;
    let mut ada = house.connect_after(&failed, ADAS_TOKEN).await;
    // Olivia has one already; the other goes to Ada.
    let first = again.watches(1, served).await.assigned().await;
    let second = ada.watches(1, waiting).await.assigned().await;
    assert_ne!(first, second);
    house.stop().await;
}

//! Who notices a failure, and who does not.
//!
//! Owns the failures of a conversation, a session, a workspace and the directory.

use super::*;
use crate::actors::desk::DeskItem;
use crate::domain::conversation::{Command, Context, Conversation, Decision, Entry, Origin, decide};
use crate::domain::identity::Identity;

#[tokio::test]
async fn a_conversation_that_fails_is_begun_anew_and_its_neighbour_does_not_notice() {
    let house = House::start(NO_SLEEP).await;
    let (mut minji, failing) = house.customer("minji").await;
    let (mut jisoo, neighbour) = house.customer("jisoo").await;
    let mut ada = house.ada().await;
    let mut of_failing = ada.follow(1, failing, 0).await;
    let mut of_neighbour = ada.follow(2, neighbour, 0).await;
    minji.posted(failing, 2).await;
    jisoo.posted(neighbour, 2).await;
    assert_eq!(of_failing.messages(1).await, [(2, "2".to_owned())]);
    assert_eq!(of_neighbour.messages(1).await, [(2, "2".to_owned())]);
    let (way, neighbours_way) = (house.way_to(failing).await, house.way_to(neighbour).await);

    assert!(matches!(house.fail(failing, way.clone()).await, Located::At(anew) if anew != way));

    of_failing.ended().await;
    ada.session.tell(SessionMsg::SubscriptionEnded(of_failing.lane));
    assert_eq!(minji.posted(failing, 3).await.revision, 3, "it goes on from what is stored");
    assert_eq!(ada.follow(1, failing, 2).await.messages(1).await, [(3, "3".to_owned())]);
    jisoo.posted(neighbour, 3).await;
    assert_eq!(of_neighbour.messages(1).await, [(3, "3".to_owned())]);
    assert_eq!(house.way_to(neighbour).await, neighbours_way);
    house.stop().await;
}

#[tokio::test]
async fn what_a_failing_conversation_has_not_answered_is_sent_again_and_happens_once() {
    let house = House::start(NO_SLEEP).await;
    let (mut minji, conversation) = house.customer("minji").await;
    let mut ada = house.ada().await;
    let mut counter = 2;
    // Each time it fails a little later on the way of the commands.
    for turns in 0..5 {
        let way = house.way_to(conversation).await;
        let commands = counter..counter + 12;
        for command in commands.clone() {
            minji.post(conversation, command);
            if command == commands.start + 6 {
                for _ in 0..turns {
                    tokio::task::yield_now().await;
                }
                way.0.cast(ConversationMsg::Fail).unwrap();
            }
        }
        for command in commands.clone() {
            assert_eq!(minji.accepted().await.revision, command, "round {turns}");
        }
        counter = commands.end;
    }
    let mut from_the_start = ada.follow(1, conversation, 0).await;
    let all: Vec<_> = (2..counter).map(|command| (command, command.to_string())).collect();
    assert_eq!(from_the_start.messages(all.len()).await, all);
    house.stop().await;
}

#[tokio::test]
async fn a_conversation_that_fails_too_often_is_set_aside_and_its_workspace_goes_on() {
    let house = House::start(NO_SLEEP).await;
    let (mut minji, failing) = house.customer("minji").await;
    let (mut jisoo, neighbour) = house.customer("jisoo").await;
    let workspace = house.workspace().await;
    let mut located = house.locate(failing, None).await;
    let mut failures = 0;
    let reason = loop {
        match located {
            Located::At(way) => located = house.fail(failing, way).await,
            Located::Quarantined(reason) => break reason,
        }
        failures += 1;
    };
    assert_eq!(failures, 6, "five are forgiven");
    assert!(reason.contains("failed too often"), "{reason}");
    minji.post(failing, 2);
    let Some(Err(Refusal::Quarantined(why))) = minji.answer().await else { panic!("not refused") };
    assert_eq!(why, reason);
    minji.ask(Asked::Follow { subscription: 1, conversation: failing, after: Seq::ZERO });
    assert!(matches!(minji.answer().await, Some(Err(Refusal::Quarantined(_)))));
    jisoo.posted(neighbour, 2).await;
    assert_eq!(house.workspace().await.get_id(), workspace.get_id());
    house.stop().await;
}

#[tokio::test]
async fn a_session_that_fails_ends_alone() {
    let house = House::start(NO_SLEEP).await;
    let (minji, conversation) = house.customer("minji").await;
    let (mut same, same_conversation) = house.customer("minji").await;
    assert_eq!(same_conversation, conversation, "two tabs of one customer");
    let way = house.way_to(conversation).await;
    let mut follower = same.follow(1, conversation, 0).await;
    assert_eq!(house.engine.sessions().await.unwrap(), 2);

    minji.session.tell(SessionMsg::Fail);
    let mut out = minji.out;
    assert!(soon(out.recv()).await.is_none(), "the transport sees that it has ended");

    same.posted(conversation, 2).await;
    assert_eq!(follower.messages(1).await, [(2, "2".to_owned())]);
    assert_eq!(house.way_to(conversation).await, way);
    soon(async { while house.engine.sessions().await.unwrap() != 1 {} }).await;
    house.stop().await;
}

#[tokio::test]
async fn a_workspace_that_fails_is_begun_anew_and_everything_below_it() {
    let house = House::start(NO_SLEEP).await;
    let (mut minji, conversation) = house.customer("minji").await;
    minji.posted(conversation, 2).await;
    let mut follower = minji.follow(1, conversation, 0).await;
    let (workspace, way) = (house.workspace().await, house.way_to(conversation).await);

    workspace.cast(WorkspaceMsg::Fail).unwrap();

    follower.ended().await;
    way.0.wait(Some(SOON)).await.unwrap();
    house.begun_after(&workspace).await;
    assert_eq!(minji.posted(conversation, 3).await.revision, 3, "whoever waited for nothing goes on");
    let (mut again, same) = house.customer("minji").await;
    assert_eq!(same, conversation);
    let all = [(2, "2".to_owned()), (3, "3".to_owned())];
    assert_eq!(again.follow(1, conversation, 0).await.messages(2).await, all);
    house.stop().await;
}

#[tokio::test]
async fn whoever_follows_the_desk_of_a_workspace_that_fails_is_told() {
    let house = House::start(NO_SLEEP).await;
    let mut ada = house.ada().await;
    ada.ask(desk_of_all(1));
    let Some(Ok(Answered::FollowingDesk(lane, desk))) = ada.answer().await else { panic!("not following") };
    let desk = desk.outlet();
    while !matches!(soon(desk.next()).await, DeskItem::Snapshot(..)) {}
    let workspace = house.workspace().await;

    workspace.cast(WorkspaceMsg::Fail).unwrap();

    while !matches!(soon(desk.next()).await, DeskItem::Ended) {}
    house.begun_after(&workspace).await;
    ada.session.tell(SessionMsg::SubscriptionEnded(lane));
    ada.ask(desk_of_all(1));
    let Some(Ok(Answered::FollowingDesk(_, desk))) = ada.answer().await else {
        panic!("not following again")
    };
    while !matches!(soon(desk.outlet().next()).await, DeskItem::Snapshot(..)) {}
    house.stop().await;
}

#[tokio::test]
async fn an_incarnation_of_an_earlier_term_appends_nothing_any_more() {
    let house = House::start(NO_SLEEP).await;
    let (_, conversation) = house.customer("minji").await;
    // No workspace runs until somebody comes.
    let house = house.begun_anew().await;
    let (to_tickets, _) = mpsc::unbounded_channel();
    let earlier = house.journal.open_workspace(WORKSPACE, Arc::new(Tickets(to_tickets))).await.unwrap();
    let (to_tickets, mut tickets) = mpsc::unbounded_channel();
    let (term, sink) = (earlier.term, Arc::new(Tickets(to_tickets)));
    let opened = house.journal.open_conversation(WORKSPACE, term, conversation, sink).await.unwrap();
    // The workspace's actor takes a new one.
    let (mut again, _) = house.customer_again("minji").await;

    let entry = posted_by(&opened.state);
    house.journal.append_conversation(WORKSPACE, opened.incarnation, &entry).unwrap();

    assert!(matches!(soon(tickets.recv()).await, Some(Resolved::Failed(_))));
    assert_eq!(again.posted(conversation, 2).await.revision, opened.state.revision + 1);
    house.stop().await;
}

/// What an incarnation in this state would append next.
fn posted_by(state: &Conversation) -> Entry {
    let identity = Identity::Customer { workspace: WORKSPACE, customer: state.customer.clone().unwrap() };
    let origin = Origin { party: identity.party(), instance: InstanceId::from_bytes([9; 16]), counter: 1 };
    let command = Command { identity, origin, action: Action::Post { content: text("late") } };
    let context = Context::plain(clock::now(), Policy::default());
    match decide(state, &command, &context) {
        Ok(Decision::Record(entry)) => entry,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_directory_that_fails_is_begun_anew_with_everything_below_it() {
    let house = House::start(NO_SLEEP).await;
    let (mut minji, conversation) = house.customer("minji").await;
    minji.posted(conversation, 2).await;
    let (directory, workspace, way) =
        (house.engine.directory().await.unwrap(), house.workspace().await, house.way_to(conversation).await);

    directory.kill();

    for gone in [directory.get_cell(), workspace.get_cell(), way.0.get_cell()] {
        gone.wait(Some(SOON)).await.unwrap();
    }
    minji.post(conversation, 3);
    assert!(minji.answer().await.is_none(), "its sessions are told to connect again");
    let (mut again, same) = house.customer_again("minji").await;
    assert_eq!(same, conversation);
    assert_eq!(again.posted(conversation, 3).await.revision, 3);
    assert_ne!(house.engine.directory().await.unwrap().get_id(), directory.get_id());
    house.stop().await;
}

#[tokio::test]
async fn trouble_of_the_journal_that_passes_is_waited_out_by_whoever_wakes_a_conversation() {
    let house = House::start(NO_SLEEP).await;
    let (mut minji, conversation) = house.customer("minji").await;
    let way = house.way_to(conversation).await;
    house.journal.plant_trouble();
    house.fail(conversation, way).await;
    minji.post(conversation, 2);
    assert_eq!(minji.accepted().await.revision, 2, "it is neither refused nor in doubt");
    house.stop().await;
}

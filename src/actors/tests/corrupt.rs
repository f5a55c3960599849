//! Records that cannot be read: who is set aside for them, and who is not.
//!
//! Owns garbage in the log of a conversation and of a workspace, and what agents can do about it.

use super::*;
use crate::journal::Stream;

#[tokio::test]
async fn a_conversation_whose_record_cannot_be_read_is_set_aside_and_nothing_else_is() {
    let house = House::start(NO_SLEEP).await;
    let (_, damaged) = house.customer("minji").await;
    let (mut jisoo, neighbour) = house.customer("jisoo").await;
    jisoo.posted(neighbour, 2).await;
    let house = house.begun_anew_with(Garbage::Conversation(damaged)).await;

    let mut ada = house.ada().await;
    for _ in 0..2 {
        ada.ask(Asked::Follow { subscription: 1, conversation: damaged, after: Seq::ZERO });
        let Some(Err(Refusal::Quarantined(why))) = ada.answer().await else { panic!("not refused") };
        assert!(why.contains("revision 2"), "{why}");
    }
    assert_eq!(ada.follow(2, neighbour, 1).await.messages(1).await, [(2, "2".to_owned())]);
    ada.ask(Asked::List { wish: Wish::ALL, cursor: None, limit: 10 });
    let Some(Ok(Answered::List(page))) = ada.answer().await else { panic!("no list") };
    assert_eq!(page.rows.len(), 2, "the list has both");
    let (mut minji, same) = house.customer_refused("minji").await;
    assert_eq!(same, damaged);
    minji.post(damaged, 9);
    assert!(matches!(minji.answer().await, Some(Err(Refusal::Quarantined(_)))));
    house.stop().await;
}

#[tokio::test]
async fn what_is_set_aside_is_listed_by_members_and_released_by_those_whose_role_allows_it() {
    let house = House::start(NO_SLEEP).await;
    let (mut minji, failing) = house.customer("minji").await;
    let mut located = house.locate(failing, None).await;
    while let Located::At(way) = located {
        located = house.fail(failing, way).await;
    }
    minji.ask(Asked::Quarantined);
    assert!(matches!(minji.answer().await, Some(Err(Refusal::OnlyAgents(_)))));
    minji.ask(Asked::Release { conversation: failing });
    assert!(matches!(minji.answer().await, Some(Err(Refusal::OnlyAgents(_)))));

    let mut ada = house.ada().await;
    ada.ask(Asked::Quarantined);
    let Some(Ok(Answered::SetAside(SetAside::List(listed, false)))) = ada.answer().await else {
        panic!("not listed")
    };
    let [(conversation, reason)] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!(*conversation, failing);
    assert!(reason.contains("failed too often"), "{reason}");

    ada.ask(Asked::Release { conversation: failing });
    let Some(Err(Refusal::Workspace(forbidden))) = ada.answer().await else { panic!("not refused") };
    let rule = "release: only the owner, admins and editors may do this, not one whose role is readonly";
    assert_eq!(forbidden.to_string(), rule);
    minji.post(failing, 2);
    assert!(matches!(minji.answer().await, Some(Err(Refusal::Quarantined(_)))), "nothing was released");
    let mut olivia = house.connect(Proof::Token(OLIVIAS_TOKEN)).await;
    olivia.ask(Asked::Release { conversation: failing });
    assert!(
        matches!(olivia.answer().await, Some(Ok(Answered::SetAside(SetAside::Released(id)))) if id == failing)
    );
    assert_eq!(minji.posted(failing, 2).await.revision, 2, "it goes on from what is stored");
    olivia.ask(Asked::Release { conversation: failing });
    assert!(matches!(olivia.answer().await, Some(Err(Refusal::NotQuarantined(id))) if id == failing));
    ada.ask(Asked::Quarantined);
    assert!(matches!(
        ada.answer().await,
        Some(Ok(Answered::SetAside(SetAside::List(none, false)))) if none.is_empty()
    ));
    house.stop().await;
}

#[tokio::test]
async fn a_damaged_conversation_that_is_released_is_set_aside_again_when_it_is_wanted() {
    let house = House::start(Duration::from_millis(20)).await;
    let (_, damaged) = house.customer("minji").await;
    let house = house.begun_anew_with(Garbage::Conversation(damaged)).await;
    let mut olivia = house.connect(Proof::Token(OLIVIAS_TOKEN)).await;
    for _ in 0..2 {
        olivia.ask(Asked::History { conversation: damaged, before: None, limit: 1 });
        assert!(matches!(olivia.answer().await, Some(Err(Refusal::Quarantined(_)))));
        // What refuses goes to sleep, and only the next incarnation looks at the record again.
        soon(async {
            loop {
                olivia.ask(Asked::Release { conversation: damaged });
                if let Some(Ok(_)) = olivia.answer().await {
                    break;
                }
            }
        })
        .await;
        if let Located::At(way) = house.locate(damaged, None).await {
            way.0.wait(Some(SOON)).await.unwrap();
        }
    }
    house.stop().await;
}

#[tokio::test]
async fn a_workspace_whose_record_cannot_be_read_shuts_out_its_own_people_only() {
    let house = House::start(NO_SLEEP).await;
    let tokens = [TokenHash([3; 32]), TokenHash([4; 32])];
    create_workspace(&house.journal, ELSEWHERE, ProfileId::from_bytes([5; 16]), tokens).await;
    let house = house.begun_anew().await;
    let (mut minji, conversation) = house.customer("minji").await;
    let mut elsewhere = house.connect(Proof::Token(tokens[0])).await;

    House::plant(&house.journal, Garbage::Workspace(ELSEWHERE)).await;

    elsewhere.ask(Asked::Quarantined);
    assert!(elsewhere.answer().await.is_none(), "its sessions are told to connect again");
    let put_off = soon(async {
        loop {
            // Until its end has been noticed it is still known.
            let Err(refused) = house.engine.prove(Proof::Token(tokens[0])).await else { continue };
            let refused = refused.to_string();
            if refused.contains("it failed too often") {
                break;
            }
            assert!(refused.contains("it cannot be opened"), "{refused}");
        }
    });
    // Reading it over and over would cost the others.
    put_off.await;
    minji.posted(conversation, 2).await;

    let house = house.begun_anew().await;
    let (mut minji, same) = house.customer("minji").await;
    assert_eq!(same, conversation);
    minji.posted(conversation, 3).await;
    let refused = house.engine.prove(Proof::Token(tokens[0])).await.unwrap_err().to_string();
    assert!(refused.contains("cannot be read"), "it is not said that the token is wrong: {refused}");
    house.stop().await;
}

/// What cannot be read.
#[derive(Clone, Copy)]
enum Garbage {
    Conversation(ConversationId),
    Workspace(WorkspaceId),
}

impl House {
    /// Puts a record into the log that is none. A workspace's actor that runs loses its term by that, and the next
    /// one, which is begun at once, may be quicker: then it is tried again.
    async fn plant(journal: &Journal, garbage: Garbage) {
        while !Self::planted(journal, garbage).await {}
    }

    async fn planted(journal: &Journal, garbage: Garbage) -> bool {
        let (to_tickets, mut tickets) = mpsc::unbounded_channel();
        let sink = Arc::new(Tickets(to_tickets));
        let workspace = match garbage {
            Garbage::Conversation(_) => WORKSPACE,
            Garbage::Workspace(workspace) => workspace,
        };
        let opened = journal.open_workspace(workspace, sink.clone()).await.unwrap();
        let (stream, incarnation, revision) = match garbage {
            Garbage::Workspace(_) => {
                (Stream::Workspace(workspace), opened.incarnation, opened.state.revision)
            }
            Garbage::Conversation(id) => {
                let conversation = journal.open_conversation(workspace, opened.term, id, sink).await.unwrap();
                (Stream::Conversation(workspace, id), conversation.incarnation, conversation.state.revision)
            }
        };
        journal.append_garbage(stream, incarnation, revision + 1).unwrap();
        loop {
            match soon(tickets.recv()).await.unwrap() {
                Resolved::Durable { up_to } if up_to > revision => return true,
                Resolved::Durable { .. } => {}
                Resolved::Failed(_) => return false,
            }
        }
    }

    /// Ends every actor, and starts them again on the same journal.
    pub(super) async fn begun_anew(self) -> Self {
        self.begun_anew_after(async |_| {}).await
    }

    /// The same after something was done with the journal.
    async fn begun_anew_after(self, what: impl AsyncFnOnce(&Journal)) -> Self {
        let Self { engine, journal, conversation_idle, _dir } = self;
        engine.stop().await;
        what(&journal).await;
        let engine = start_engine(&journal, conversation_idle).await;
        Self { engine, journal, conversation_idle, _dir }
    }

    async fn begun_anew_with(self, garbage: Garbage) -> Self {
        self.begun_anew_after(async |journal| Self::plant(journal, garbage).await).await
    }

    /// A customer whose conversation is set aside: it is named all the same by what agents see.
    async fn customer_refused(&self, user: &str) -> (Client, ConversationId) {
        let mut client = self.connect(customer(user)).await;
        client.ask(Asked::Open { counter: 1 });
        assert!(matches!(client.answer().await, Some(Err(Refusal::Quarantined(_)))));
        let mut ada = self.ada().await;
        ada.ask(Asked::Quarantined);
        match ada.answer().await {
            Some(Ok(Answered::SetAside(SetAside::List(listed, false)))) => (client, listed[0].0),
            Some(_) | None => panic!("not listed"),
        }
    }
}

const ELSEWHERE: WorkspaceId = WorkspaceId::from_bytes([7; 16]);

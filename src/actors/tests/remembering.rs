//! What outlives a failure of what knew it: whose turn it was, and what became of consultations.
//!
//! Owns what only the tree can show of that. Must not know the rules.

use super::assigning::call;
use super::*;
use crate::domain::assignment::{
    Choosing, Explanation, Outcome, ProfileAssignment, Rule, Strategy, TeamAssignment,
};
use crate::domain::consultation::{Outcome as End, Unserved};
use crate::domain::conversation::Rejection;
use crate::journal::ConsultationPage;

impl House {
    /// One whose profile gives requests to its agents in turn.
    async fn taking_turns() -> (Self, Client) {
        let house = Self::start(NO_SLEEP).await;
        let mut olivia = house.connect(Proof::Token(OLIVIAS_TOKEN)).await;
        let choosing = Choosing { strategy: Strategy::RoundRobin, ..Choosing::default() };
        let team = TeamAssignment { choosing, ..TeamAssignment::default() };
        olivia.sets(1, WorkspaceAction::SetTeamAssignment(team)).await;
        let assignment = Box::new(ProfileAssignment { automatic: true, ..ProfileAssignment::default() });
        olivia.sets(2, WorkspaceAction::SetProfileAssignment { profile: PROFILE, assignment }).await;
        (house, olivia)
    }
}

fn chosen(explanation: &Explanation) -> MemberId {
    match explanation.outcome {
        Outcome::Assigned { member, .. } => member,
        Outcome::Waits(why) => panic!("it waits: {why:?}"),
    }
}

#[tokio::test]
async fn whose_turn_it_is_outlives_the_workspace_that_knew_it() {
    let (house, mut olivia) = House::taking_turns().await;
    let ada = house.ada().await;
    let (_minji, first) = house.caller("minji").await;
    let explanation = olivia.watches(1, first).await.explained().await;
    let members: Vec<_> =
        explanation.considered.candidates.iter().map(|candidate| candidate.member).collect();
    let had_it = chosen(&explanation);
    drop((ada, olivia));
    let failed = house.workspace().await;
    failed.cast(WorkspaceMsg::Fail).unwrap();
    let mut again = house.connect_after(&failed, OLIVIAS_TOKEN).await;
    let mut ada = house.connect_after(&failed, ADAS_TOKEN).await;
    let desks = [again.desk(9).await, ada.desk(9).await];
    for (desk, member) in desks.iter().zip(members) {
        desk.shows(|agent| agent.member == member && agent.online).await;
    }
    let (_jisoo, second) = house.caller("jisoo").await;
    let next = again.watches(1, second).await.explained().await;
    assert_ne!(chosen(&next), had_it, "the other one has not had a turn yet");
    house.stop().await;
}

#[tokio::test]
async fn a_customer_who_begins_anew_goes_to_whoever_served_them_before() {
    let (house, mut olivia) = House::taking_turns().await;
    let choosing = Choosing { sticky: true, ..Choosing::default() };
    let team = TeamAssignment { choosing, ..TeamAssignment::default() };
    olivia.sets(3, WorkspaceAction::SetTeamAssignment(team)).await;
    let (mut minji, first) = house.customer("minji").await;
    let mut ada = house.ada().await;
    for (counter, action) in [(1, take()), (2, Action::Complete { epoch: None })] {
        ada.send(first, counter, action);
        ada.accepted().await;
    }
    minji.send(first, 2, Action::End);
    minji.accepted().await;
    let second = minji.open_as(3).await.unwrap();
    assert_ne!(second, first);
    minji.send(second, 4, call());
    minji.accepted().await;
    let explanation = olivia.watches(1, second).await.explained().await;
    let adas =
        house.engine.prove(Proof::Token(ADAS_TOKEN)).await.unwrap().unwrap().identity.member().unwrap();
    assert_eq!(explanation.outcome, Outcome::Assigned { member: adas, rule: Rule::Sticky });
    house.stop().await;
}

impl Client {
    async fn consultations(&mut self, conversation: ConversationId) -> Result<ConsultationPage, Refusal> {
        self.ask(Asked::Consultations { conversation, cursor: None, limit: 9 });
        match self.answer().await {
            Some(Ok(Answered::Consultations(page))) => Ok(page),
            Some(Err(refusal)) => Err(refusal),
            Some(Ok(_)) | None => panic!("no consultations"),
        }
    }
}

#[tokio::test]
async fn staff_read_what_became_of_consultations_and_nobody_else_does() {
    let house = House::start(NO_SLEEP).await;
    let (mut minji, conversation) = house.customer("minji").await;
    let mut ada = house.ada().await;
    for (counter, action) in [(2, call()), (3, Action::Cancel), (4, call())] {
        minji.send(conversation, counter, action);
        minji.accepted().await;
    }
    let records = ada.consultations(conversation).await.unwrap().records;
    let over: Vec<_> = records.iter().map(|(_, record)| record.over.map(|over| over.outcome)).collect();
    assert_eq!(over, [None, Some(End::Unserved(Unserved::GaveUp))]);
    // The customer's next conversation has them too.
    minji.send(conversation, 5, Action::End);
    minji.accepted().await;
    let (mut minji, next) = house.customer("minji").await;
    assert_ne!(next, conversation);
    minji.send(next, 2, call());
    minji.accepted().await;
    for asked in [conversation, next] {
        let records = ada.consultations(asked).await.unwrap().records;
        let over = records.iter().map(|(of, record)| (*of, record.over.map(|over| over.outcome)));
        let before = [Unserved::Left, Unserved::GaveUp].map(|why| (conversation, Some(End::Unserved(why))));
        assert_eq!(over.collect::<Vec<_>>(), [(next, None), before[0], before[1]]);
    }
    let refused = minji.consultations(conversation).await;
    assert_eq!(refused, Err(Refusal::OnlyAgents("consultations")));
    let nowhere = ada.consultations(ConversationId::from_bytes([9; 16])).await;
    assert_eq!(nowhere, Err(Refusal::Rejected(Rejection::NoSuchConversation)));
    house.stop().await;
}

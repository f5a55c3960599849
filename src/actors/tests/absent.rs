//! Agents who do not come back, while what serves them is begun anew.
//!
//! Owns what only the tree can show: that the timers of a workspace and of an engine are set again when those begin
//! anew. At which moment they come, and in every other place, `machines::restarts` says.

use super::assigning::Watcher;
use super::*;
use crate::domain::consultation::Requeued;
use crate::domain::workspace::{Absence, TeamService};

/// As short as can be set.
const GRACE_SECONDS: u32 = 1;

impl House {
    /// Olivia serves a customer, and is gone.
    async fn deserted() -> (Self, Client, ConversationId) {
        let (house, mut olivia) = Self::assigning(3, NO_SLEEP).await;
        let absence = Absence { grace_seconds: GRACE_SECONDS, ..Absence::default() };
        olivia
            .sets(3, WorkspaceAction::SetTeamService(TeamService { absence, ..TeamService::default() }))
            .await;
        let (minji, conversation) = house.caller("minji").await;
        olivia.watches(1, conversation).await.assigned().await;
        olivia.send(conversation, 4, Action::Join);
        olivia.accepted().await;
        olivia.goes();
        (house, minji, conversation)
    }
}

impl Watcher {
    /// It has waited again once, because she was gone, and was given to another.
    async fn waits_again_once(mut self) {
        let first = self.assigned().await;
        let again = |what: &What| match what {
            What::Requeued { from, why: Requeued::Absent } => Some(*from),
            _ => None,
        };
        assert_eq!(self.until(again).await, first);
        let second = self.assigned().await;
        assert_ne!(second, first);
    }
}

#[tokio::test]
async fn the_grace_of_an_agent_outlives_the_failure_of_the_workspace() {
    let (house, _minji, conversation) = House::deserted().await;
    let failed = house.workspace().await;
    failed.cast(WorkspaceMsg::Fail).unwrap();
    let mut ada = house.connect_after(&failed, ADAS_TOKEN).await;
    ada.watches(1, conversation).await.waits_again_once().await;
    house.stop().await;
}

#[tokio::test]
async fn the_grace_of_an_agent_outlives_the_engine() {
    let (house, _minji, conversation) = House::deserted().await;
    let house = house.again().await;
    let mut ada = house.ada().await;
    let watcher = ada.watches(1, conversation).await;
    watcher.waits_again_once().await;
    // It stays hers, whatever begins anew.
    ada.send(conversation, 1, Action::Join);
    ada.accepted().await;
    let house = house.again().await;
    let mut ada = house.ada().await;
    ada.send(conversation, 1, Action::Post { content: text("Hello") });
    let posted = ada.accepted().await;
    let mut seen = ada.watches(1, conversation).await;
    seen.until(|what| matches!(what, What::Message(_)).then_some(())).await;
    assert_eq!(
        posted.place.map(|place| place.staff.get()),
        Some(8),
        "begun, called, given, joined, and once more"
    );
    house.stop().await;
}

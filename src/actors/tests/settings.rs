//! Settings while the engine runs: who is answered, who is told, who is shown out.
//!
//! Owns what only the tree can show: credentials and sessions that follow the members. Must not know the rules.

use super::*;
use crate::actors::desk::{DeskItem, DeskOutlet};
use crate::actors::session::{SettingsOf, Told};
use crate::domain::conversation::Rejection;
use crate::domain::workspace::{Changed, TeamService, WorkspaceRejection};

impl Client {
    async fn changed(
        &mut self,
        counter: u64,
        action: WorkspaceAction,
    ) -> Result<Changed, WorkspaceRejection> {
        self.ask(Asked::Change { counter, action: Box::new(action) });
        match self.answer().await {
            Some(Ok(Answered::Told(Told::Changed(changed)))) => Ok(changed),
            Some(Err(Refusal::Workspace(rejection))) => Err(rejection),
            Some(Ok(_) | Err(_)) | None => panic!("neither changed nor refused by a rule"),
        }
    }

    async fn settings(&mut self) -> Arc<Workspace> {
        self.ask(Asked::Settings(SettingsOf::Team));
        match self.answer().await {
            Some(Ok(Answered::Told(Told::Settings(workspace, SettingsOf::Team)))) => workspace,
            Some(Ok(_) | Err(_)) | None => panic!("no settings"),
        }
    }

    /// Waits until the session is closed, and says how.
    async fn closing(&mut self) -> Closing {
        loop {
            match soon(self.out.recv()).await.unwrap() {
                Out::Close(closing) => return closing,
                Out::Reply(..) => {}
            }
        }
    }
}

async fn olivia(house: &House) -> Client {
    house.connect(Proof::Token(OLIVIAS_TOKEN)).await
}

fn service(grace_seconds: u32) -> WorkspaceAction {
    let mut service = TeamService::default();
    service.absence.grace_seconds = grace_seconds;
    WorkspaceAction::SetTeamService(service)
}

/// The member of the workspace with this name.
fn named(workspace: &Workspace, name: &str) -> MemberId {
    let found = workspace.members.iter().find(|(_, details)| details.name.as_str() == name);
    *found.unwrap().0
}

#[tokio::test]
async fn what_the_owner_sets_everybody_sees_and_the_audit_tells() {
    let house = House::start(NO_SLEEP).await;
    let (mut olivia, mut ada) = (olivia(&house).await, house.ada().await);
    let changed = olivia.changed(1, service(5)).await.unwrap();
    let seen = ada.settings().await;
    assert_eq!((seen.settings.team.service.absence.grace_seconds, seen.revision), (5, changed.revision));
    let refused = ada.changed(1, service(6)).await.unwrap_err();
    assert!(matches!(refused, WorkspaceRejection::Forbidden { role: Role::Readonly, .. }), "{refused}");
    ada.ask(Asked::Audit { before: None, limit: 1 });
    let Some(Ok(Answered::Audit(entries, true))) = ada.answer().await else { panic!("no audit") };
    let last: Vec<_> = entries.iter().map(|entry| (entry.revision, entry.at, entry.by)).collect();
    assert_eq!(last, [(changed.revision, changed.at, Some(named(&seen, "Olivia")))]);
    house.stop().await;
}

#[tokio::test]
async fn a_change_that_comes_again_is_answered_as_it_was_also_by_the_next_actor() {
    let house = House::start(NO_SLEEP).await;
    let mut olivia = olivia(&house).await;
    let first = olivia.changed(1, service(5)).await.unwrap();
    olivia.changed(2, service(6)).await.unwrap();
    assert_eq!(olivia.changed(1, service(5)).await, Ok(first));
    let workspace = house.workspace().await;
    workspace.cast(WorkspaceMsg::Fail).unwrap();
    workspace.wait(Some(SOON)).await.unwrap();
    // The same instance as before, on a connection of its own: the old one has lost its workspace.
    let proven = house.engine.prove(Proof::Token(OLIVIAS_TOKEN)).await.unwrap().unwrap();
    let mut again = house.connect_as(proven, olivia.instance).await;
    assert_eq!(again.changed(1, service(5)).await, Ok(first));
    assert_eq!(again.settings().await.settings.team.service.absence.grace_seconds, 6);
    house.stop().await;
}

#[tokio::test]
async fn whoever_is_removed_is_shown_out_and_proves_nobody() {
    let house = House::start(NO_SLEEP).await;
    let (mut olivia, mut ada) = (olivia(&house).await, house.ada().await);
    let (mut customer, conversation) = house.customer("minji").await;
    let member = named(&*olivia.settings().await, "Ada");
    olivia.changed(1, WorkspaceAction::RemoveMember { member }).await.unwrap();
    assert_eq!(ada.closing().await, Closing::Removed);
    assert!(house.engine.prove(Proof::Token(ADAS_TOKEN)).await.unwrap().is_none());
    customer.posted(conversation, 2).await;

    let token_hash = TokenHash([9; 32]);
    let details = Member { name: DisplayName::new("Ben").unwrap(), role: Role::Admin, token_hash };
    olivia.changed(2, WorkspaceAction::AddMember { member: clock::member_id(), details }).await.unwrap();
    let mut ben = house.connect(Proof::Token(token_hash)).await;
    let (profile, title) = (clock::profile_id(), ProfileTitle::new("New").unwrap());
    let details = Profile { title, greeting: None };
    ben.changed(1, WorkspaceAction::AddProfile { profile, details }).await.unwrap();
    let key = UserKey::new("minji").unwrap();
    let proof = Proof::Customer(profile, Platform::new("web").unwrap(), key);
    assert!(house.connect(proof).await.open().await.is_some(), "its customers are served at once");
    house.stop().await;
}

#[tokio::test]
async fn the_desks_show_who_belongs_to_the_workspace_now() {
    let house = House::start(NO_SLEEP).await;
    let mut olivia = olivia(&house).await;
    olivia.ask(desk_of_all(1));
    let Some(Ok(Answered::FollowingDesk(_, desk))) = olivia.answer().await else { panic!("not following") };
    let desk = desk.outlet();
    agents_are(desk, &["Ada", "Olivia"]).await;
    let member = named(&*olivia.settings().await, "Ada");
    let name = DisplayName::new("Eva").unwrap();
    olivia.changed(1, WorkspaceAction::RenameMember { member, name }).await.unwrap();
    agents_are(desk, &["Eva", "Olivia"]).await;
    olivia.changed(2, WorkspaceAction::RemoveMember { member }).await.unwrap();
    agents_are(desk, &["Olivia"]).await;
    house.stop().await;
}

/// Waits until the desk is given these agents, by name.
async fn agents_are(desk: &DeskOutlet, names: &[&str]) {
    loop {
        let DeskItem::Snapshot(snapshot) = soon(desk.next()).await else { continue };
        let mut shown: Vec<&str> = snapshot.value.agents.iter().map(|agent| agent.name.as_str()).collect();
        shown.sort_unstable();
        if shown == names {
            return;
        }
    }
}

#[tokio::test]
async fn whoever_was_proven_before_they_were_removed_is_shown_out_as_well() {
    let house = House::start(NO_SLEEP).await;
    let mut olivia = olivia(&house).await;
    let proven = house.engine.prove(Proof::Token(ADAS_TOKEN)).await.unwrap().unwrap();
    let member = named(&*olivia.settings().await, "Ada");
    olivia.changed(1, WorkspaceAction::RemoveMember { member }).await.unwrap();
    for place in [Place::Beside, Place::None] {
        let mut late = house.connect_at(proven.clone(), clock::instance_id(), place).await.unwrap();
        assert_eq!(late.closing().await, Closing::Removed, "{place:?}");
    }
    house.stop().await;
}

#[tokio::test]
async fn nothing_can_be_given_to_whoever_was_removed() {
    let house = House::start(NO_SLEEP).await;
    let (mut olivia, _ada) = (olivia(&house).await, house.ada().await);
    let workspace = olivia.settings().await;
    let (from, to) = (named(&workspace, "Olivia"), named(&workspace, "Ada"));
    olivia.desk(9).await.shows(|agent| agent.member == to && agent.online).await;
    let (_minji, conversation) = house.customer("minji").await;
    olivia.send(conversation, 1, take());
    olivia.accepted().await;
    olivia.changed(1, WorkspaceAction::RemoveMember { member: to }).await.unwrap();
    olivia.send(conversation, 2, Action::Transfer { from, to, epoch: None });
    let refused = olivia.answer().await.unwrap().err();
    assert_eq!(refused, Some(Refusal::Rejected(Rejection::NotPresent { member: to })));
    house.stop().await;
}

#[tokio::test]
async fn customers_neither_see_nor_change_settings() {
    let house = House::start(NO_SLEEP).await;
    let (mut minji, _) = house.customer("minji").await;
    for what in [
        Asked::Settings(SettingsOf::Team),
        Asked::Audit { before: None, limit: 9 },
        Asked::Change { counter: 2, action: Box::new(service(5)) },
    ] {
        minji.ask(what);
        let refused = minji.answer().await;
        assert!(matches!(refused, Some(Err(Refusal::OnlyAgents(_)))), "it was told to a customer");
    }
    house.stop().await;
}

#[tokio::test]
async fn a_profile_that_is_not_there_has_no_settings() {
    let house = House::start(NO_SLEEP).await;
    let mut ada = house.ada().await;
    let profile = clock::profile_id();
    ada.ask(Asked::Settings(SettingsOf::Bot(profile)));
    let refused = WorkspaceRejection::NoSuchProfile(profile);
    assert!(matches!(ada.answer().await, Some(Err(Refusal::Workspace(why))) if why == refused));
    house.stop().await;
}

//! Lists and desks while the engine runs: what is in a view, who may see it, and what is told when that changes.
//!
//! Owns what only the tree can show: that rows, counts and the board reach whoever looks, and that settings narrow
//! what members see at once. Must not know which list a conversation is in; the domain has that.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::actors::desk::{AgentStatus, Counts, DeskItem, Seen};
use crate::actors::session::DeskFollowing;
use crate::domain::assignment::{Load, ProfileAssignment, TeamAssignment};
use crate::domain::listing::{List, Lists};
use crate::domain::workspace::WorkspaceRejection;
use crate::journal::{ListPage, ListRow};

/// A desk as its client sees it.
struct Looking {
    desk: DeskFollowing,
    rows: BTreeMap<ConversationId, ListRow>,
    agents: BTreeMap<MemberId, AgentStatus>,
    counts: Seen,
}

impl Looking {
    /// Waits until what it shows is such.
    async fn until(&mut self, such: impl Fn(&Self) -> bool) {
        while !such(self) {
            match soon(self.desk.outlet().next()).await {
                DeskItem::Snapshot(snapshot) => {
                    let rows = snapshot.value.rows.iter();
                    self.rows = rows.map(|row| (row.value.conversation, row.value.clone())).collect();
                    let agents = snapshot.value.agents.iter();
                    self.agents = agents.map(|agent| (agent.member, agent.clone())).collect();
                }
                DeskItem::Row(row) => {
                    self.rows.insert(row.value.conversation, row.value.clone());
                }
                DeskItem::Gone(gone) => self.rows.retain(|conversation, _| !gone.contains(conversation)),
                DeskItem::Agent(agent) => {
                    self.agents.insert(agent.value.member, agent.value.clone());
                }
                DeskItem::Counts(profile, counts) => {
                    self.counts.insert(profile, counts);
                }
                DeskItem::Ended => panic!("the desk has ended"),
            }
        }
    }

    fn shows(&self, conversations: &[ConversationId]) -> bool {
        self.rows.len() == conversations.len() && conversations.iter().all(|id| self.rows.contains_key(id))
    }

    fn counts(&self, waiting: u32, attention: u32, in_progress: u32) -> bool {
        self.counts_with(None, (waiting, attention, in_progress))
    }

    fn counts_with(
        &self,
        profile: Option<ProfileId>,
        (waiting, attention, in_progress): (u32, u32, u32),
    ) -> bool {
        self.counts.get(&profile) == Some(&Counts { waiting, attention, in_progress })
    }

    fn agent(&self, name: &str) -> Option<&AgentStatus> {
        self.agents.values().find(|agent| agent.name.as_str() == name)
    }
}

impl Client {
    async fn looks(&mut self, lists: Lists, rows: usize) -> Looking {
        self.looks_at(Wish { lists, ..Wish::ALL }, rows).await
    }

    async fn looks_at(&mut self, wish: Wish, rows: usize) -> Looking {
        self.ask(Asked::FollowDesk { subscription: 9, wish, rows });
        let Some(Ok(Answered::FollowingDesk(_, desk))) = self.answer().await else { panic!("no desk") };
        Looking { desk, rows: BTreeMap::new(), agents: BTreeMap::new(), counts: Seen::new() }
    }

    async fn lists(&mut self, wish: Wish) -> ListPage {
        self.ask(Asked::List { wish, cursor: None, limit: 10 });
        match self.answer().await {
            Some(Ok(Answered::List(page))) => page,
            Some(Ok(_) | Err(_)) | None => panic!("no list"),
        }
    }

    async fn takes(&mut self, conversation: ConversationId, counter: u64) {
        self.send(conversation, counter, take());
        self.accepted().await;
    }
}

fn load(maximum: u32, own_list_only: bool) -> WorkspaceAction {
    let load = Load { maximum, own_list_only, ..Load::default() };
    WorkspaceAction::SetTeamAssignment(TeamAssignment { load, ..TeamAssignment::default() })
}

fn conversations(page: &ListPage) -> Vec<ConversationId> {
    page.rows.iter().map(|row| row.conversation).collect()
}

/// Which conversations a page has. Of one millisecond their order is that of their ids.
fn listed(page: &ListPage) -> BTreeSet<ConversationId> {
    page.rows.iter().map(|row| row.conversation).collect()
}

#[tokio::test]
async fn below_the_owner_only_what_is_ones_own_is_listed_shown_and_counted_from_when_the_team_says_so() {
    let house = House::start(NO_SLEEP).await;
    let (mut olivia, mut ada) = (house.connect(Proof::Token(OLIVIAS_TOKEN)).await, house.ada().await);
    let (_minji, hers) = house.caller("minji").await;
    ada.takes(hers, 1).await;
    let (_jisoo, waits) = house.caller("jisoo").await;
    let mut adas = ada.looks(Lists::ALL, 10).await;
    let mut olivias = olivia.looks(Lists::ALL, 10).await;
    for desk in [&mut adas, &mut olivias] {
        desk.until(|desk| desk.shows(&[hers, waits]) && desk.counts(1, 1, 1)).await;
    }
    assert_eq!(listed(&ada.lists(Wish::ALL).await), [waits, hers].into());
    assert_eq!(listed(&ada.lists(Wish { mine: true, ..Wish::ALL }).await), [hers].into());

    olivia.sets(1, load(10, true)).await;
    adas.until(|desk| desk.shows(&[hers]) && desk.counts(0, 0, 1)).await;
    assert_eq!(listed(&ada.lists(Wish::ALL).await), [hers].into());
    assert_eq!(listed(&olivia.lists(Wish::ALL).await), [waits, hers].into());
    let (_sora, later) = house.caller("sora").await;
    olivias.until(|desk| desk.shows(&[hers, waits, later]) && desk.counts(2, 2, 1)).await;
    ada.takes(later, 2).await;
    adas.until(|desk| desk.shows(&[hers, later]) && desk.counts(0, 0, 2)).await;

    olivia.sets(2, load(10, false)).await;
    adas.until(|desk| desk.shows(&[hers, waits, later]) && desk.counts(1, 1, 2)).await;
    house.stop().await;
}

#[tokio::test]
async fn whoever_looks_at_what_the_only_one_has_just_left_is_shown_it() {
    let house = House::start(NO_SLEEP).await;
    let (mut olivia, mut ada) = (house.connect(Proof::Token(OLIVIAS_TOKEN)).await, house.ada().await);
    let (_minji, waits) = house.caller("minji").await;
    let mut desk = ada.looks(Lists::ALL, 10).await;
    desk.until(|desk| desk.shows(&[waits]) && desk.counts(1, 1, 0)).await;
    drop(desk);
    ada.ask(Asked::Unfollow { subscription: 9 });
    let Some(Ok(Answered::Unfollowed)) = ada.answer().await else { panic!("it goes on") };
    let mut desk = olivia.looks(Lists::ALL, 10).await;
    desk.until(|desk| desk.shows(&[waits]) && desk.counts(1, 1, 0)).await;
    house.stop().await;
}

/// A second profile, and somebody who has called there.
async fn another_profile(house: &House, olivia: &mut Client) -> (ProfileId, Client, ConversationId) {
    let profile = ProfileId::from_bytes([3; 16]);
    let details = Profile { title: ProfileTitle::new("Bank").unwrap(), greeting: None };
    olivia.sets(1, WorkspaceAction::AddProfile { profile, details }).await;
    let (platform, key) = (Platform::new("web").unwrap(), UserKey::new("hana").unwrap());
    let mut hana = house.connect(Proof::Customer(profile, platform, key)).await;
    let conversation = hana.open().await.unwrap();
    hana.send(conversation, 2, assigning::call());
    hana.accepted().await;
    (profile, hana, conversation)
}

#[tokio::test]
async fn a_profile_has_lists_a_view_and_counts_of_its_own() {
    let house = House::start(NO_SLEEP).await;
    let (mut olivia, mut ada) = (house.connect(Proof::Token(OLIVIAS_TOKEN)).await, house.ada().await);
    let mut all = olivia.looks(Lists::ALL, 10).await;
    let (_minji, at_demo) = house.caller("minji").await;
    let (bank, _hana, at_bank) = another_profile(&house, &mut olivia).await;
    let of_bank = Wish { profile: Some(bank), ..Wish::ALL };
    let mut desk = ada.looks_at(of_bank, 10).await;
    desk.until(|desk| desk.shows(&[at_bank])).await;
    for looks in [&mut desk, &mut all] {
        looks
            .until(|desk| {
                let one = [PROFILE, bank].iter().all(|profile| desk.counts_with(Some(*profile), (1, 1, 0)));
                one && desk.counts(2, 2, 0)
            })
            .await;
    }
    assert!(all.shows(&[at_demo, at_bank]));
    assert_eq!(listed(&ada.lists(of_bank).await), [at_bank].into());
    assert_eq!(listed(&ada.lists(Wish { profile: Some(PROFILE), ..Wish::ALL }).await), [at_demo].into());
    assert_eq!(listed(&ada.lists(Wish::ALL).await), [at_bank, at_demo].into());
    ada.takes(at_demo, 1).await;
    desk.until(|desk| desk.counts_with(Some(PROFILE), (0, 0, 1)) && desk.counts(1, 1, 1)).await;
    assert!(desk.shows(&[at_bank]));
    assert!(listed(&ada.lists(Wish { mine: true, ..of_bank }).await).is_empty());
    ada.send(at_demo, 2, Action::Complete { epoch: None });
    ada.accepted().await;
    desk.until(|desk| desk.counts_with(Some(PROFILE), (0, 0, 0)) && desk.counts(1, 1, 0)).await;
    house.stop().await;
}

#[tokio::test]
async fn of_a_profile_whose_load_says_so_only_what_is_ones_own_is_shown_and_of_the_others_everything() {
    let house = House::start(NO_SLEEP).await;
    let (mut olivia, mut ada) = (house.connect(Proof::Token(OLIVIAS_TOKEN)).await, house.ada().await);
    let (_minji, at_demo) = house.caller("minji").await;
    let (bank, _hana, at_bank) = another_profile(&house, &mut olivia).await;
    let mut desk = ada.looks(Lists::ALL, 10).await;
    desk.until(|desk| desk.shows(&[at_demo, at_bank]) && desk.counts(2, 2, 0)).await;
    let load = Some(Load { own_list_only: true, ..Load::default() });
    let assignment = Box::new(ProfileAssignment { load, ..ProfileAssignment::default() });
    olivia.sets(2, WorkspaceAction::SetProfileAssignment { profile: bank, assignment }).await;
    desk.until(|desk| desk.shows(&[at_demo]) && desk.counts(1, 1, 0)).await;
    assert_eq!(listed(&ada.lists(Wish::ALL).await), [at_demo].into());
    assert_eq!(listed(&olivia.lists(Wish::ALL).await), [at_bank, at_demo].into());
    ada.takes(at_bank, 1).await;
    desk.until(|desk| desk.shows(&[at_demo, at_bank]) && desk.counts(1, 1, 1)).await;
    assert_eq!(listed(&ada.lists(Wish::ALL).await), [at_bank, at_demo].into());
    house.stop().await;
}

#[tokio::test]
async fn a_profile_that_is_none_is_refused_and_the_number_can_be_used_again() {
    let house = House::start(NO_SLEEP).await;
    let mut ada = house.ada().await;
    let wish = Wish { profile: Some(ProfileId::from_bytes([0xee; 16])), ..Wish::ALL };
    for asked in
        [Asked::List { wish, cursor: None, limit: 10 }, Asked::FollowDesk { subscription: 9, wish, rows: 10 }]
    {
        ada.ask(asked);
        let Some(Err(Refusal::Workspace(why))) = ada.answer().await else { panic!("not refused") };
        assert_eq!(why, WorkspaceRejection::NoSuchProfile(wish.profile.unwrap()));
    }
    let mut desk = ada.looks(Lists::ALL, 10).await;
    desk.until(|desk| desk.counts(0, 0, 0)).await;
    house.stop().await;
}

#[tokio::test]
async fn a_desk_shows_the_first_rows_of_its_view_and_the_next_when_one_leaves() {
    let house = House::start(NO_SLEEP).await;
    let mut ada = house.ada().await;
    let mut customers = Vec::new();
    for user in ["a", "b", "c", "d", "e", "f"] {
        customers.push(house.caller(user).await);
    }
    let waiting = Lists::NONE.with(List::Waiting);
    let mut desk = ada.looks(waiting, 2).await;
    desk.until(|desk| desk.rows.len() == 2 && desk.counts(6, 6, 0)).await;
    // So many leave that the view has to be read again.
    for counter in 1..=3 {
        let first = desk.rows.values().min_by_key(|row| row.place()).unwrap().conversation;
        ada.takes(first, counter).await;
        desk.until(|desk| desk.rows.len() == 2 && !desk.rows.contains_key(&first)).await;
        let page = ada.lists(Wish { lists: waiting, ..Wish::ALL }).await;
        assert!(desk.shows(&conversations(&page)[..2]), "{counter}");
    }
    desk.until(|desk| desk.counts(3, 3, 3)).await;
    house.stop().await;
}

#[tokio::test]
async fn the_board_marks_whoever_has_more_than_assignment_gives_by_taking_and_by_a_lower_maximum() {
    let (house, mut olivia) = House::assigning(1, NO_SLEEP).await;
    olivia.sets(3, load(2, false)).await;
    let mut board = olivia.looks(Lists::ALL, 1).await;
    let mut customers = Vec::new();
    for (user, counter) in ["a", "b", "c"].into_iter().zip(4..) {
        let (customer, id) = house.caller(user).await;
        customers.push((customer, id));
        // The first two are given to her; that the third is hers is her own doing.
        olivia.takes(id, counter).await;
    }
    board.until(|board| board.agent("Olivia").is_some_and(|olivia| olivia.over_limit)).await;
    olivia.send(customers[0].1, 7, Action::Complete { epoch: None });
    olivia.accepted().await;
    board.until(|board| board.agent("Olivia").is_some_and(|olivia| !olivia.over_limit)).await;
    olivia.sets(8, load(1, false)).await;
    board.until(|board| board.agent("Olivia").is_some_and(|olivia| olivia.over_limit)).await;
    assert!(board.agent("Ada").is_some_and(|ada| !ada.over_limit));
    house.stop().await;
}

#[tokio::test]
async fn a_row_that_changes_often_is_shown_as_it_is_at_last() {
    let house = House::start(NO_SLEEP).await;
    let mut ada = house.ada().await;
    let mut desk = ada.looks(Lists::ALL, 1).await;
    let (mut minji, id) = house.customer("minji").await;
    desk.until(|desk| desk.shows(&[id])).await;
    for counter in 2..=300 {
        minji.posted(id, counter).await;
    }
    desk.until(|desk| desk.rows.get(&id).is_some_and(|row| row.seq.get() == 300)).await;
    house.stop().await;
}

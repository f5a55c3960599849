//! Agents at their keyboards who share the work.
//!
//! Owns what they see of it: what is given to whom, and why automatic assignment chose whom it chose. Must not know
//! the rules.

use switchboard_client::vocabulary::{CategoryPath, ProfileTitle, UserKey};
use switchboard_client::wire::{
    Change, Choosing, Credentials, EventKind, Load, ProfileAssignment, Sender, Settings, SettingsOf,
    TeamAssignment,
};

use crate::chat::Chat;
use crate::daemon::Daemon;
use crate::people;

/// Their places in the demo workspace's list of agents.
const ADA: usize = 0;
const BEN: usize = 1;

/// An agent of the demo workspace, who comes into a conversation.
async fn agent(daemon: &Daemon, name: &str, conversation: &str) -> Chat {
    let flags = ["--agent", "--name", name, "--conversation", conversation];
    let mut chat = Chat::at_the_keyboard(daemon, &flags).await;
    chat.until_line("you came in").await;
    chat
}

#[tokio::test]
async fn what_is_given_to_a_colleague_who_is_there_is_theirs_to_complete() {
    let daemon = Daemon::running().await;
    let (carla, dora) = (people::customer(&daemon, "carla").await, people::customer(&daemon, "dora").await);
    let (given, other) = (carla.open().await.unwrap(), dora.open().await.unwrap());
    let mut ben = agent(&daemon, "Ben", &given.to_string()).await;
    ben.until_shown_by("/board", "grey    Ada: 0 waiting").await;
    // The desk, which says from whom it is given, comes a little later than the events.
    ben.until_shown_by("/give Zoe", "/give: \"Zoe\" is the name of nobody here").await;
    let ada = daemon.demo().agents[0].member;
    let refused = format!("refused: to: member {ada} is away, not there, or none of this workspace; only");
    ben.say("/give Ada");
    ben.until_line(&refused).await;

    let mut ada = agent(&daemon, "Ada", &other.to_string()).await;
    ada.say("/away");
    ben.until_shown_by("/board", "yellow  Ada").await;
    ben.say("/give Ada");
    ben.until_line(&refused).await;
    ada.say("/back");
    ben.until_shown_by("/board", "green   Ada").await;
    ben.say("/give Ada");
    ben.until_line("assigned to Ada, from Ben").await;

    ben.say("/take");
    ben.until_line("serves this conversation already (Ada)").await;
    ada.say("/complete");
    ada.until_line("you completed the service").await;
    ada.until_shown_by("/list progress mine", "carla  [served by Ada]").await;
    for (line, shown) in [
        ("/open 1", "assigned to Ada, from Ben"),
        ("It is mine now", "you: It is mine now"),
        ("/complete", "you completed the service"),
    ] {
        ada.say(line);
        ada.until_line(shown).await;
    }
    ben.until_line("Ada completed the service").await;
    let past = ben.until_shown_by("/past", "; Ada (from Ben, ").await;
    assert!(past.iter().any(|line| line.contains("; completed ")), "{past:?}");
    for chat in [ada, ben] {
        assert_eq!(chat.hang_up().await, (Some(0), String::new()));
    }
}

#[tokio::test]
async fn going_on_to_another_conversation_or_closing_the_window_leaves_what_was_entered_by_it() {
    let daemon = Daemon::running().await;
    let (carla, dora) = (people::customer(&daemon, "carla").await, people::customer(&daemon, "dora").await);
    let (first, second) = (carla.open().await.unwrap(), dora.open().await.unwrap());
    let mut ben = agent(&daemon, "Ben", &first.to_string()).await;
    let mut ada = agent(&daemon, "Ada", &first.to_string()).await;
    for (line, shown) in [("/find dora", "f1  "), ("/open f1", "you came in")] {
        ben.say(line);
        ben.until_line(shown).await;
    }
    ada.until_line("Ben left").await;
    ada.say("/take");
    ada.until_line("serves this conversation already (Ben)").await;
    // Whoever only looks on has nothing to leave.
    for (line, shown) in [("/find carla", "f1  "), ("/watch f1", "/help shows the commands")] {
        ben.say(line);
        ben.until_line(shown).await;
    }
    assert_eq!(ben.hang_up().await, (Some(0), String::new()));
    assert_eq!(ada.hang_up().await, (Some(0), String::new()));

    let owner = people::owner(&daemon).await;
    for (conversation, at, times) in [(first, ADA, 1), (first, BEN, 1), (second, BEN, 1)] {
        let by = Sender::Agent { member: Some(daemon.demo().agents[at].member) };
        let staff = people::stored(&owner, conversation).await;
        for what in [EventKind::Entered, EventKind::Left] {
            let found = staff.iter().filter(|event| event.by == by && event.what == what).count();
            assert_eq!(found, times, "{what:?} by {by:?}");
        }
    }
}

#[tokio::test]
async fn what_is_assigned_to_somebody_who_looks_on_is_theirs_to_come_in_to() {
    let daemon = Daemon::running().await;
    let profile = daemon.demo().profile;
    let (carla, dora) = (people::customer(&daemon, "carla").await, people::customer(&daemon, "dora").await);
    let (conversation, other) = (carla.open().await.unwrap(), dora.open().await.unwrap());
    // A client that goes without leaving.
    let ada = people::agent(&daemon, ADA).await;
    ada.join(conversation).await.unwrap();
    ada.close().await.unwrap();
    let olivia = people::owner(&daemon).await;
    olivia.set_away(true).await.unwrap();
    let assignment = ProfileAssignment { automatic: true, ..ProfileAssignment::default() };
    olivia.change(Change::ProfileAssignment { profile, assignment }).await.unwrap();
    let mut ada = agent(&daemon, "Ada", &other.to_string()).await;
    for (line, shown) in [("/find carla", "f1  "), ("/watch f1", "you came in")] {
        ada.say(line);
        ada.until_line(shown).await;
    }
    carla.call(conversation, CategoryPath::default()).await.unwrap();
    ada.until_line("you left").await;
    ada.until_line("assigned to Ada").await;
    ada.until_line("it is yours now; /join comes in").await;
    for (line, shown) in [("Hi", "refused: "), ("/join", "you came in"), ("Hi", "you: Hi")] {
        ada.say(line);
        ada.until_line(shown).await;
    }
    assert_eq!(ada.hang_up().await, (Some(0), String::new()));
}

#[tokio::test]
async fn why_somebody_got_a_call_and_why_another_waits_is_told_with_everybody_who_was_considered() {
    let daemon = Daemon::running().await;
    let profile = daemon.demo().profile;
    let olivia = people::owner(&daemon).await;
    olivia.set_away(true).await.unwrap();
    let load = Load { maximum: 1, in_hours_first: false, own_list_only: false };
    let assignment = TeamAssignment { choosing: Choosing::default(), load };
    olivia.change(Change::TeamAssignment { assignment }).await.unwrap();
    let assignment = ProfileAssignment { automatic: true, ..ProfileAssignment::default() };
    olivia.change(Change::ProfileAssignment { profile, assignment }).await.unwrap();
    let busy = people::customer(&daemon, "busy").await.open().await.unwrap();
    let _ada = people::agent(&daemon, 0).await;
    let mut ben = agent(&daemon, "Ben", &busy.to_string()).await;
    ben.until_shown_by("/board", "green   Ada").await;
    ben.until_shown_by("/board", "yellow  Olivia (owner)").await;
    let decided = [
        (
            "carla",
            "went to Ada, a general agent; at most 1 each",
            [
                "Ada, has 0: chosen",
                "Ben, has 1: passed over: has as many as allowed",
                "Olivia (owner), has 0: passed over: away",
            ],
        ),
        (
            "dora",
            "waits: nobody who may serve it is free; at most 1 each",
            [
                "Ada, has 1: passed over: has as many as allowed",
                "Ben, has 1: passed over: has as many as allowed",
                "Olivia (owner), has 0: passed over: away",
            ],
        ),
    ];
    for (name, outcome, everybody) in decided {
        let customer = people::customer(&daemon, name).await;
        let conversation = customer.open().await.unwrap();
        customer.call(conversation, CategoryPath::default()).await.unwrap();
        ben.until_shown_by(&format!("/find key {name}"), name).await;
        ben.say("/watch f1");
        ben.until_line("customer called an agent").await;
        let lines = ben.until_shown_by("/why", outcome).await;
        let mut considered: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("      ")).collect();
        considered.sort_unstable();
        assert_eq!(considered, everybody);
    }
    assert_eq!(ben.hang_up().await, (Some(0), String::new()));
}

#[tokio::test]
async fn an_agent_sees_which_profile_has_calls_and_lists_the_conversations_with_it() {
    let daemon = Daemon::running().await;
    let carla = people::customer(&daemon, "carla").await;
    let demo = carla.open().await.unwrap();
    let olivia = people::looker(&daemon).await;
    let bank =
        Change::AddProfile { profile: None, title: ProfileTitle::new("Bank cards").unwrap(), greeting: None };
    olivia.change(bank).await.unwrap();
    let of = SettingsOf::Profiles { after: None };
    let Settings::Profiles { profiles, .. } = olivia.settings(of).await.unwrap().settings else {
        panic!("no profiles")
    };
    let profile = profiles.iter().find(|row| row.title.as_str() == "Bank cards").unwrap().profile;
    let as_dora = Credentials::Customer { profile, platform: None, user_key: UserKey::new("dora").unwrap() };
    let dora = people::connect(&daemon, as_dora).await;
    let called = dora.open().await.unwrap();
    dora.call(called, CategoryPath::default()).await.unwrap();

    let mut ben = agent(&daemon, "Ben", &demo.to_string()).await;
    let shown = ben.until_shown_by("/profiles", "[Ba] Bank cards: 1 wait, 1 of them need you").await;
    let marked =
        |title: &str, dot: bool| shown.iter().any(|line| line.contains(title) && line.contains('●') == dot);
    assert!(
        marked("Bank cards", true)
            && marked("1 of them need you", true)
            && marked("0 of them need you", false),
        "{shown:?}"
    );
    ben.until_shown_by("/profile Bank cards", "/list shows the conversations with Bank cards").await;
    let listed = ben.until_shown_by("/list", "dora  [waits since").await;
    assert!(!listed.iter().any(|line| line.contains("carla")), "{listed:?}");
    ben.until_shown_by("/profile 9", "\"9\" is none of those that /profiles shows").await;
    ben.until_shown_by("/profile", "with all profiles").await;
    let listed = ben.until_shown_by("/list", "dora  [waits since").await;
    assert!(listed.iter().any(|line| line.contains("carla")), "{listed:?}");
    assert_eq!(ben.hang_up().await, (Some(0), String::new()));
}

//! Blocks: what each may say, and that a refused one leaves the one before.
//!
//! Owns the sentences of the refusals. Must not know who may set a block.

use super::*;
use crate::domain::assignment::{Load, Pool, ProfileAssignment, TeamAssignment};
use crate::domain::hours::{Choice, Mode, Notice, Override, ProfileHours};
use switchboard_protocol::vocabulary::{CategoryName, CategoryPath, FlowId};

fn sentence(action: WorkspaceAction) -> String {
    when(&company(), action).unwrap_err().to_string()
}

fn bot(bot: Bot) -> WorkspaceAction {
    WorkspaceAction::SetBot { profile: profile_id(1), bot: bot.into() }
}

fn words(call: &str, cancel: &str) -> Bot {
    Bot { call_word: Some(text(call)), cancel_word: Some(text(cancel)), ..Bot::default() }
}

fn category(names: &[&str]) -> CategoryPath {
    CategoryPath::new(names.iter().map(|name| CategoryName::new(*name).unwrap()).collect()).unwrap()
}

#[test]
fn a_maximum_is_at_least_one() {
    let load = Load { maximum: 0, ..Load::default() };
    let team = WorkspaceAction::SetTeamAssignment(TeamAssignment { load, ..TeamAssignment::default() });
    assert_eq!(sentence(team), "load.maximum: 0; it must be 1 to 1000");
}

#[test]
fn times_are_in_range() {
    let auto_close = |silent, unserved| TeamService {
        auto_close: AutoClose { silent_minutes: silent, unserved_minutes: unserved },
        ..TeamService::default()
    };
    let said = |service| sentence(WorkspaceAction::SetTeamService(service));
    assert_eq!(said(auto_close(Some(0), None)), "auto_close.silent_minutes: 0; it must be 1 to 10080");
    let long = "auto_close.unserved_minutes: 10081; it must be 1 to 10080";
    assert_eq!(said(auto_close(Some(1), Some(10_081))), long);
    let absence = Absence { grace_seconds: 3_601, ..Absence::default() };
    let long = TeamService { absence, ..TeamService::default() };
    assert_eq!(said(long), "absence.grace_seconds: 3601; it must be 0 to 3600");
    let all =
        TeamService { absence: Absence { grace_seconds: 0, ..absence }, ..auto_close(Some(1), Some(10_080)) };
    assert!(when(&company(), WorkspaceAction::SetTeamService(all)).is_ok());
}

#[test]
fn agents_are_members() {
    let general = Pool::List([member_id(4), member_id(9)].into());
    let assignment = Box::new(ProfileAssignment { general, ..ProfileAssignment::default() });
    let set = WorkspaceAction::SetProfileAssignment { profile: profile_id(1), assignment };
    assert_eq!(sentence(set), format!("general: {} is no member of the workspace", member_id(9)));
}

#[test]
fn lists_of_agents_have_a_bound_as_a_whole() {
    let all = (0..3_000).map(member_id).collect();
    let assignment = ProfileAssignment { general: Pool::List(all), ..ProfileAssignment::default() };
    let refused = assignment.check(|_| true).unwrap_err();
    assert_eq!(refused.to_string(), "assignment: its lists take 54000 bytes; at most 49152");
}

#[test]
fn words_are_short_and_different_and_more_than_spaces() {
    let long = "x".repeat(31);
    let rule = "a word has 1 to 30, besides spaces around it";
    assert_eq!(
        sentence(bot(words("agent", &long))),
        format!("cancel_word: {long:?} (31 characters); {rule}")
    );
    let cut = format!("cancel_word: {:?} (4000 characters); {rule}", "x".repeat(32));
    assert_eq!(sentence(bot(words("agent", &"x".repeat(4_000)))), cut);
    assert_eq!(sentence(bot(words("  ", "stop"))), format!("call_word: \"  \" (0 characters); {rule}"));
    assert!(
        sentence(bot(words("Stop ", "stop"))).starts_with("cancel_word: \"stop\" is the call_word as well; ")
    );
    assert!(when(&company(), bot(words("상담원", "취소"))).is_ok());
}

/// A bot that knows a call word and a cancel word, and offers these.
fn offering(categories: &[CategoryPath]) -> WorkspaceAction {
    bot(Bot { categories: categories.to_vec(), ..words("Agent", "Stop") })
}

#[test]
fn categories_are_there_once_and_name_something() {
    let bank = category(&["Bank", "Cards"]);
    let twice = "categories[1]: Bank > Cards is there already; ";
    assert!(sentence(offering(&[bank.clone(), bank])).starts_with(twice));
    let nothing = "categories[0]: a category without a level; name at least the top one";
    assert_eq!(sentence(offering(&[category(&[])])), nothing);
    let many: Vec<_> = (0..51).map(|n| category(&[&n.to_string()])).collect();
    assert_eq!(sentence(offering(&many)), "categories: 51 given; at most 50");
    let long =
        |n: u8| category(&[&format!("{n:02}{}", "🙂".repeat(98)), &"🙂".repeat(100), &"🙂".repeat(49)]);
    let large: Vec<_> = (0..50).map(long).collect();
    assert!(sentence(offering(&large)).starts_with("bot: it takes "), "{}", sentence(offering(&large)));
}

#[test]
fn each_category_can_be_chosen_and_means_nothing_else() {
    let one = |names: &[&str]| offering(&[category(names)]);
    let same = "is there already; upper and lower case are the same in what customers say";
    for (first, second) in [(&["Bank"][..], &["bank"][..]), (&["Bank", "Cards"], &["BANK > cards"])] {
        let said = sentence(offering(&[category(first), category(second)]));
        assert_eq!(said, format!("categories[1]: {} {same}", category(second)));
    }
    let either = "as well; whoever says it could mean either";
    assert_eq!(sentence(one(&["AGENT"])), format!("categories[0]: AGENT is the call_word {either}"));
    assert_eq!(sentence(one(&["stop"])), format!("categories[0]: stop is the cancel_word {either}"));
    let spaces = "begins or ends with a space, without which is taken what customers say";
    assert_eq!(sentence(one(&["Bank", "Cards "])), format!("categories[0]: \"Bank > Cards \" {spaces}"));
    let silent = Bot { categories: vec![category(&["Bank"]), category(&["Shop"])], ..Bot::default() };
    assert_eq!(
        sentence(bot(Bot { cancel_word: Some(text("stop")), ..silent })),
        "categories: 2 given without a call_word; whoever says that word is asked to choose from them"
    );
    assert!(when(&company(), offering(&[category(&["Bank"]), category(&["Bank", "Cards"])])).is_ok());
}

#[test]
fn a_category_is_no_longer_than_what_its_button_says() {
    let of = |last: usize| category(&[&"가".repeat(100), &"나".repeat(100), &"다".repeat(last)]);
    assert!(when(&company(), offering(&[of(49)])).is_ok());
    let long = format!("{:?} (256 characters with all its levels)", "가".repeat(32));
    assert_eq!(
        sentence(offering(&[category(&["Bank"]), of(50)])),
        format!("categories[1]: {long}; a button has at most 255")
    );
}

/// What was accepted before there was such a rule holds on: only commands are checked.
#[test]
fn a_bot_from_before_is_applied_as_it_is() {
    let mut state = company();
    let categories = vec![category(&["Bank"]), category(&["bank"])];
    let before = Box::new(Bot { categories: categories.clone(), ..Bot::default() });
    let events = vec![WorkspaceEvent::BotSet { profile: profile_id(1), bot: before }];
    let entry = when(&state, profile(3)).unwrap();
    state.apply(&WorkspaceEntry { events, ..entry });
    assert_eq!(state.settings_of(profile_id(1)).bot.categories, categories);
}

#[test]
fn a_profile_must_be_there() {
    let profile = profile_id(9);
    let unknown = [
        WorkspaceAction::SetProfileAssignment { profile, assignment: Box::default() },
        WorkspaceAction::SetProfileHours { profile, hours: Box::default() },
        WorkspaceAction::SetBot { profile, bot: Box::default() },
        WorkspaceAction::SetGreeting { profile, greeting: None },
        WorkspaceAction::SetCompletion { profile, flow: None },
        WorkspaceAction::OverrideHours { profile, to: None },
    ];
    for action in unknown {
        assert_eq!(when(&company(), action), Err(WorkspaceRejection::NoSuchProfile(profile)));
    }
}

#[test]
fn nobody_is_sent_to_a_flow_that_is_not_there() {
    let flow = FlowId::from_bytes([7; 16]);
    let hours = ProfileHours { notice: Choice::Own(Notice::Flow(flow)), ..ProfileHours::default() };
    let set = WorkspaceAction::SetProfileHours { profile: profile_id(1), hours: hours.into() };
    assert_eq!(sentence(set), format!("notice: the profile has no flow {flow}"));
    let completion = |flow| WorkspaceAction::SetCompletion { profile: profile_id(1), flow };
    assert_eq!(sentence(completion(Some(flow))), format!("completion: the profile has no flow {flow}"));
    let state = then(company(), completion(None));
    assert_eq!(state.settings_of(profile_id(1)).completion, None);
}

#[test]
fn a_greeting_is_what_the_bot_can_say() {
    let profile = profile_id(1);
    let greet = |content| WorkspaceAction::SetGreeting { profile, greeting: Some(Message::plain(content)) };
    let refused = when(&company(), greet(Content::Unknown));
    assert_eq!(refused, Err(WorkspaceRejection::Greeting(MessageError::Unknown)));
    let state = then(company(), greet(Content::text(text("Hi"))));
    assert_eq!(state.profiles[&profile].greeting, Some(Message::plain(Content::text(text("Hi")))));
    let silent = then(state, WorkspaceAction::SetGreeting { profile, greeting: None });
    assert_eq!(silent.profiles[&profile].greeting, None);
}

#[test]
fn what_is_always_open_is_not_overridden_and_nothing_can_be_taken_back_twice() {
    let profile = profile_id(1);
    let close = WorkspaceAction::OverrideHours { profile, to: Some(Override::Closed) };
    assert_eq!(when(&company(), close.clone()), Err(WorkspaceRejection::AlwaysOpen(profile)));
    let hours = Box::new(ProfileHours { mode: Mode::UseHours, ..ProfileHours::default() });
    let state = then(then(company(), WorkspaceAction::SetProfileHours { profile, hours }), close);
    assert!(state.settings_of(profile).manual.is_some());
    let back = WorkspaceAction::OverrideHours { profile, to: None };
    let state = then(then(state, back.clone()), back);
    assert_eq!(state.settings_of(profile).manual, None);
}

#[test]
fn nothing_can_be_set_where_nothing_is() {
    let nothing = Workspace::new(ID);
    for action in [
        WorkspaceAction::SetTeamAssignment(TeamAssignment::default()),
        WorkspaceAction::SetTeamHours(Box::default()),
        WorkspaceAction::SetTeamService(TeamService::default()),
    ] {
        assert_eq!(when(&nothing, action), Err(WorkspaceRejection::Missing));
    }
}

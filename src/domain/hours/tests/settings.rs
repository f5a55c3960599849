//! What becomes of a customer who asks for somebody: settings, overrides, moments.
//!
//! Owns one story for each part that is the team's or the profile's own.

use switchboard_protocol::vocabulary::FlowId;

use super::*;

const OPEN_AT: &str = "2026-11-27T17:00+09";
const CLOSED_AT: &str = "2026-11-27T19:00+09";

fn says(text: &str) -> NoticeText {
    NoticeText::new(text).unwrap()
}

/// A team that says so when it is closed, and is open on weekdays from 09:00 to 18:00.
fn team() -> TeamHours {
    TeamHours { notice: says("The team is closed"), ..TeamHours::default() }
}

/// A profile that uses the team's hours.
fn profile() -> ProfileHours {
    ProfileHours { mode: Mode::UseHours, ..ProfileHours::default() }
}

fn refused(notice: &str) -> Verdict {
    Verdict::Refused { notice: Notice::Message(says(notice)) }
}

fn accepted(notice: &str, bot_replies: bool) -> Verdict {
    Verdict::Accepted { notice: Notice::Message(says(notice)), bot_replies }
}

fn asked(team: &TeamHours, profile: &ProfileHours, moment: &str) -> Verdict {
    verdict(&effective(team, profile), None, at(moment))
}

#[test]
fn a_profile_is_always_open_unless_it_uses_hours() {
    let always = ProfileHours::default();
    assert_eq!(effective(&team(), &always), Effective::AlwaysOpen);
    assert_eq!(asked(&team(), &always, CLOSED_AT), Verdict::Open);
    assert_eq!(asked(&team(), &profile(), CLOSED_AT), refused("The team is closed"));
    assert_eq!(asked(&team(), &profile(), OPEN_AT), Verdict::Open);
}

#[test]
fn whoever_is_refused_is_told_so_also_by_default() {
    let notice = Notice::Message(NoticeText::default());
    assert_eq!(asked(&TeamHours::default(), &profile(), CLOSED_AT), Verdict::Refused { notice });
}

#[test]
fn a_schedule_is_the_teams_or_the_profiles_own() {
    let late = given("Asia/Seoul").on(DAYS, "18:00-20:00").schedule();
    let own = ProfileHours { schedule: Choice::Own(late), ..profile() };
    assert_eq!(asked(&team(), &own, CLOSED_AT), Verdict::Open);
    assert_eq!(asked(&team(), &own, OPEN_AT), refused("The team is closed"));
}

#[test]
fn a_notice_is_the_teams_or_the_profiles_own_which_can_be_a_flow() {
    let with = |notice| ProfileHours { notice: Choice::Own(notice), ..profile() };
    assert_eq!(asked(&team(), &with(Notice::Message(says("Come back"))), CLOSED_AT), refused("Come back"));
    let notice = Notice::Flow(FlowId::from_bytes([7; 16]));
    assert_eq!(asked(&team(), &with(notice.clone()), CLOSED_AT), Verdict::Refused { notice });
}

#[test]
fn acceptance_is_the_teams_or_the_profiles_own() {
    let accepting = TeamHours { acceptance: Acceptance::Accept, ..team() };
    assert_eq!(asked(&accepting, &profile(), CLOSED_AT), accepted("The team is closed", false));
    assert_eq!(asked(&accepting, &profile(), OPEN_AT), Verdict::Open);
    let with = |acceptance| ProfileHours { acceptance: Choice::Own(acceptance), ..profile() };
    let own = with(Acceptance::Refuse);
    assert_eq!(asked(&accepting, &own, CLOSED_AT), refused("The team is closed"));
    let own = with(Acceptance::Accept);
    assert_eq!(asked(&team(), &own, CLOSED_AT), accepted("The team is closed", false));
}

#[test]
fn the_bot_replies_to_those_who_are_accepted_by_whoevers_rule_when_the_profile_says_so() {
    let replying = ProfileHours { bot_replies: true, ..profile() };
    let accepting = TeamHours { acceptance: Acceptance::Accept, ..team() };
    assert_eq!(asked(&accepting, &replying, CLOSED_AT), accepted("The team is closed", true));
    assert_eq!(asked(&team(), &replying, CLOSED_AT), refused("The team is closed"));
    let own = ProfileHours { acceptance: Choice::Own(Acceptance::Accept), ..replying };
    assert_eq!(asked(&team(), &own, CLOSED_AT), accepted("The team is closed", true));
}

#[test]
fn an_override_lasts_until_the_schedule_changes_next() {
    let (team, profile) = (team(), profile());
    let effective = effective(&team, &profile);
    let asked = |manual, moment| verdict(&effective, Some(manual), at(moment));
    for (to, set_at, until) in [
        (Override::Open, CLOSED_AT, "2026-11-30T09:00+09"),
        (Override::Closed, CLOSED_AT, "2026-11-30T09:00+09"),
        (Override::Closed, OPEN_AT, "2026-11-27T18:00+09"),
        (Override::Open, OPEN_AT, "2026-11-27T18:00+09"),
    ] {
        let manual = ManualOverride::set(to, &team.schedule, at(set_at));
        assert_eq!(manual, ManualOverride { to, until: Some(at(until)) });
        let last = later(at(until), -1);
        for moment in [at(set_at), last] {
            let is_open = verdict(&effective, Some(manual), moment) == Verdict::Open;
            assert_eq!(is_open, to == Override::Open, "{set_at}");
        }
        assert_eq!(manual.in_force(at(until)), None);
    }
    let closed = ManualOverride::set(Override::Closed, &team.schedule, at(OPEN_AT));
    assert_eq!(asked(closed, OPEN_AT), refused("The team is closed"));
    assert_eq!(asked(closed, "2026-11-30T09:00+09"), Verdict::Open);
    let open = ManualOverride::set(Override::Open, &team.schedule, at(OPEN_AT));
    assert_eq!(asked(open, "2026-11-27T18:00+09"), refused("The team is closed"));
}

#[test]
fn an_override_of_a_schedule_that_never_changes_lasts_until_it_is_taken_back() {
    let always = given("Asia/Seoul").on(DAYS, "00:00-24:00").schedule();
    let own = ProfileHours { schedule: Choice::Own(always.clone()), ..profile() };
    let manual = ManualOverride::set(Override::Closed, &always, at(OPEN_AT));
    assert_eq!(manual.until, None);
    let team = team();
    let effective = effective(&team, &own);
    let end = Timestamp::from_millis(i64::MAX);
    assert_eq!(verdict(&effective, Some(manual), end), refused("The team is closed"));
    assert_eq!(verdict(&effective, None, end), Verdict::Open);
}

#[test]
fn an_override_does_not_close_what_is_always_open() {
    let manual = ManualOverride { to: Override::Closed, until: None };
    assert_eq!(verdict(&Effective::AlwaysOpen, Some(manual), at(OPEN_AT)), Verdict::Open);
}

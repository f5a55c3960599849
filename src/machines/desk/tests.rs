//! The desk: what is told when conversations fail or sleep, when members go, and after a restart.
//!
//! Owns the cases that have a reason of their own; the simulator in `simulator/` meets them in every order. Must
//! not know who would be chosen.

use switchboard_protocol::vocabulary::{
    CategoryPath, ConsultationId, DisplayName, Party, ProfileTitle, WorkspaceId,
};

use super::*;
use crate::domain::assignment::{Outcome, Request, Strategy, Why};
use crate::domain::consultation::{Requeued, Stage};
use crate::domain::conversation::{Event, What};
use crate::domain::hours::{Choice, ManualOverride, Mode, Override, Schedule, ScheduleDraft, WeekDraft};
use crate::domain::workspace::{Member, Profile, Role, TokenHash};

const AGENT: MemberId = MemberId::from_bytes([1; 16]);
const PROFILE: ProfileId = ProfileId::from_bytes([1; 16]);

/// Nothing is known of what could not be opened.
const UNREAD: Due = Due { settings: u64::MAX, at: None };

const fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

const fn conversation(n: u8) -> ConversationId {
    ConversationId::from_bytes([n; 16])
}

/// A workspace with one agent, who may have one consultation, and one profile.
fn workspace() -> Workspace {
    let mut workspace = Workspace::new(WorkspaceId::from_bytes([9; 16]));
    let name = DisplayName::new("Kim").unwrap();
    let details = Member { name, role: Role::Owner, token_hash: TokenHash([1; 32]) };
    workspace.members.insert(AGENT, details);
    let title = ProfileTitle::new("Shop").unwrap();
    workspace.profiles.insert(PROFILE, Profile { title, greeting: None });
    workspace.settings.profiles.entry(PROFILE).or_default().assignment.automatic = true;
    workspace.settings.team.assignment.load.maximum = 1;
    workspace.settings.team.service.absence.grace_seconds = 10;
    workspace
}

struct Scene {
    desk: Desk,
    workspace: Workspace,
}

impl Scene {
    fn new() -> Self {
        let mut scene = Self { desk: Desk::new(at(0)), workspace: workspace() };
        assert_eq!(scene.at(0, |desk, now| desk.begin([], [], now)), []);
        scene
    }

    fn at(&mut self, millis: i64, what: impl FnOnce(&mut Desk, &mut Now<'_>) -> Vec<Told>) -> Vec<Told> {
        let mut now = Now { at: at(millis), workspace: &self.workspace, seeds: &mut || 0 };
        what(&mut self.desk, &mut now)
    }

    fn comes(&mut self, millis: i64) -> Vec<Told> {
        self.at(millis, |desk, now| desk.stands(AGENT, true, now))
    }

    fn says(&mut self, millis: i64, said: Announcement) -> Vec<Told> {
        self.at(millis, |desk, now| desk.announced(said, now))
    }
}

/// What a conversation with a call says.
fn said(n: u8, revision: u64, stage: Stage) -> Announcement {
    let request = Request {
        consultation: ConsultationId::from_bytes([n; 16]),
        profile: PROFILE,
        category: CategoryPath::default(),
        former: None,
        called_at: at(0),
        in_hours: true,
    };
    let open = Some(Open { request, epoch: revision, stage });
    Announcement { conversation: conversation(n), revision, open, why: None }
}

/// To whom each was told that somebody has it, or else nobody.
fn given(told: &[Told]) -> Vec<(ConversationId, Option<MemberId>)> {
    let given = |(conversation, action): &Told| match action {
        OwnAction::Decided { explanation, .. } => match explanation.outcome {
            Outcome::Assigned { member, .. } => (*conversation, Some(member)),
            Outcome::Waits(_) => (*conversation, None),
        },
        OwnAction::Requeue { .. } | OwnAction::Reply { .. } | OwnAction::Look => panic!("{action:?}"),
    };
    told.iter().map(given).collect()
}

#[test]
fn a_conversation_woken_by_a_decision_does_not_end_it_by_its_first_word() {
    let mut scene = Scene::new();
    assert_eq!(given(&scene.says(1, said(1, 1, Stage::Waiting))), [(conversation(1), None)]);
    assert_eq!(given(&scene.says(1, said(2, 1, Stage::Waiting))), [(conversation(2), None)]);
    assert_eq!(given(&scene.comes(2)), [(conversation(1), Some(AGENT))]);
    assert_eq!(scene.says(3, said(1, 1, Stage::Waiting)), [], "the decision is on its way to it");
    assert_eq!(scene.says(4, said(1, 2, Stage::Assigned(AGENT))), [], "the agent has one, and no room");
}

#[test]
fn whoever_had_their_turn_longest_ago_is_next_also_after_a_restart() {
    const OTHER: MemberId = MemberId::from_bytes([2; 16]);
    const STRANGER: MemberId = MemberId::from_bytes([3; 16]);
    for (turns, next) in [(vec![], AGENT), (vec![OTHER, AGENT], OTHER), (vec![STRANGER, AGENT], OTHER)] {
        let mut scene = Scene { desk: Desk::new(at(0)), workspace: workspace() };
        let details = scene.workspace.members[&AGENT].clone();
        scene.workspace.members.insert(OTHER, Member { role: Role::Admin, ..details });
        scene.workspace.settings.team.assignment.choosing.strategy = Strategy::RoundRobin;
        scene.at(0, |desk, now| desk.begin([], turns.clone(), now));
        for member in [AGENT, OTHER] {
            scene.at(1, |desk, now| desk.stands(member, true, now));
        }
        let told = scene.says(2, said(1, 1, Stage::Waiting));
        assert_eq!(given(&told), [(conversation(1), Some(next))], "after {turns:?}");
        assert!(scene.desk.dispatch().roster().get(STRANGER).is_none(), "no member any more");
    }
}

#[test]
fn a_decision_is_told_again_to_what_has_failed_and_to_what_could_not_be_opened() {
    let mut scene = Scene::new();
    scene.comes(1);
    let first = scene.says(1, said(1, 1, Stage::Waiting));
    assert_eq!(given(&first), [(conversation(1), Some(AGENT))]);
    assert_eq!(scene.at(2, |desk, _| desk.failed(conversation(1)).into_iter().collect()), first);
    assert!(scene.desk.tries_again());
    scene.at(3, |desk, now| {
        desk.sleeps(conversation(1), UNREAD, now);
        Vec::new()
    });
    assert_eq!(scene.at(1_002, Desk::look), []);
    assert_eq!(scene.at(1_003, Desk::look), first);
    assert_eq!(scene.says(1_004, said(1, 2, Stage::Assigned(AGENT))), []);
    assert!(!scene.desk.tries_again());
}

#[test]
fn what_fails_before_it_has_said_that_somebody_called_is_asked() {
    let mut scene = Scene::new();
    let look = [(conversation(1), OwnAction::Look)];
    assert_eq!(scene.at(1, |desk, _| desk.failed(conversation(1)).into_iter().collect()), look);
    scene.at(2, |desk, now| {
        desk.sleeps(conversation(1), UNREAD, now);
        Vec::new()
    });
    assert_eq!(scene.at(1_002, Desk::look), look, "until it can be opened");
}

#[test]
fn what_failed_is_asked_until_it_can_be_opened_whatever_it_had_said_before() {
    let mut scene = Scene::new();
    let look = [(conversation(1), OwnAction::Look)];
    let before = Announcement { conversation: conversation(1), revision: 1, open: None, why: None };
    assert_eq!(scene.at(1, |desk, _| desk.failed(conversation(1)).into_iter().collect()), look);
    assert_eq!(scene.at(2, |desk, now| desk.announced_late(before, now)), []);
    scene.at(3, |desk, now| {
        desk.sleeps(conversation(1), UNREAD, now);
        Vec::new()
    });
    assert_eq!(scene.at(1_003, Desk::look), look, "a call may be stored that was never said");
}

#[test]
fn what_is_theirs_who_do_not_come_back_after_a_restart_waits_again_after_the_grace() {
    let mut scene = Scene::new();
    assert_eq!(scene.says(5, said(1, 2, Stage::Assigned(AGENT))), []);
    assert_eq!(scene.desk.next_look(), Some(at(10_005)));
    let consultation = ConsultationId::from_bytes([1; 16]);
    let requeue = OwnAction::Requeue { consultation, epoch: 2, why: Requeued::Absent };
    assert_eq!(scene.at(10_005, Desk::look), [(conversation(1), requeue.clone())]);
    assert_eq!(scene.at(10_006, |desk, now| desk.refused(conversation(1), 2, now)), []);
    assert_eq!(scene.at(11_006, Desk::look), [(conversation(1), requeue)], "until it is so");
    scene.says(11_007, said(1, 3, Stage::Waiting));
    assert_eq!(scene.at(12_006, Desk::look), []);
    assert_eq!(scene.desk.next_look(), None);
}

#[test]
fn what_is_given_to_somebody_who_has_gone_meanwhile_comes_back_at_once() {
    let mut scene = Scene::new();
    scene.comes(1);
    scene.says(1, said(1, 1, Stage::Waiting));
    assert_eq!(scene.at(2, |desk, now| desk.stands(AGENT, false, now)), []);
    let told = scene.says(3, said(1, 2, Stage::Assigned(AGENT)));
    let consultation = ConsultationId::from_bytes([1; 16]);
    let requeue = OwnAction::Requeue { consultation, epoch: 2, why: Requeued::Absent };
    assert_eq!(told, [(conversation(1), requeue)]);
}

#[test]
fn nothing_is_decided_by_rules_that_are_in_force_no_more() {
    let mut scene = Scene::new();
    scene.comes(1);
    scene.says(1, said(1, 2, Stage::InProgress(AGENT)));
    scene.says(1, said(2, 1, Stage::Waiting));
    let member = MemberId::from_bytes([2; 16]);
    let details = scene.workspace.members[&AGENT].clone();
    scene.workspace.members.insert(member, details);
    scene.workspace.settings.team.assignment.load.maximum = 2;
    let told = scene.at(2, Desk::rules_changed);
    let maximums: Vec<_> = told
        .iter()
        .filter_map(|(_, action)| match action {
            OwnAction::Decided { explanation, .. } => Some(explanation.considered.maximum),
            OwnAction::Requeue { .. } | OwnAction::Reply { .. } | OwnAction::Look => None,
        })
        .collect();
    assert_eq!(maximums, [2]);
}

#[test]
fn what_is_set_aside_gets_nothing_by_what_it_had_said_before() {
    let mut scene = Scene::new();
    scene.comes(1);
    assert_eq!(scene.at(2, |desk, now| desk.set_aside(conversation(1), now)), []);
    assert_eq!(scene.says(3, said(1, 1, Stage::Waiting)), [], "it was said before it failed");
    assert_eq!(given(&scene.says(4, said(2, 1, Stage::Waiting))), [(conversation(2), Some(AGENT))]);
    assert_eq!(scene.desk.released(conversation(1)), (conversation(1), OwnAction::Look));
    assert_eq!(given(&scene.says(5, said(1, 1, Stage::Waiting))), [(conversation(1), None)]);
}

#[test]
fn an_estimate_is_compared_when_somebody_was_found_and_not_when_the_customer_gave_up() {
    let mut scene = Scene::new();
    (1..=7).for_each(|n| drop(scene.says(1, said(n, 1, Stage::Waiting))));
    let lines = |scene: &mut Scene, millis| {
        scene.at(millis, Desk::look);
        drop(scene.desk.take_lines(at(millis), |_| true));
    };
    lines(&mut scene, 2);
    lines(&mut scene, 3_000);
    // Four go, one a minute: from then on there are estimates.
    for n in 1..=4 {
        let millis = i64::from(n) * 60_000;
        scene.says(millis, said(n, 2, Stage::InProgress(AGENT)));
        lines(&mut scene, millis);
    }
    assert_eq!(scene.desk.waiting(|_| true).waiting, 3);
    scene.says(300_000, said(5, 2, Stage::InProgress(AGENT)));
    scene.says(300_000, Announcement { conversation: conversation(6), revision: 2, open: None, why: None });
    lines(&mut scene, 300_000);
    let Waiting { waiting, accuracy } = scene.desk.waiting(|_| true);
    assert_eq!((waiting, accuracy.compared), (1, 1));
    assert_eq!((accuracy.told_mean_s(), accuracy.took_mean_s()), (60, 60));
    // It is over before it is looked again.
    scene.says(360_000, said(7, 2, Stage::InProgress(AGENT)));
    scene.says(361_000, Announcement { conversation: conversation(7), revision: 3, open: None, why: None });
    lines(&mut scene, 362_000);
    assert_eq!(scene.desk.waiting(|_| true).accuracy.compared, 2);
}

/// Why each of those to whom it was told waits.
fn reasons(told: &[Told]) -> Vec<(ConversationId, Why)> {
    let reason = |(conversation, action): &Told| match action {
        OwnAction::Decided { explanation, .. } => match explanation.outcome {
            Outcome::Waits(why) => (*conversation, why),
            Outcome::Assigned { .. } => panic!("{explanation:?}"),
        },
        OwnAction::Requeue { .. } | OwnAction::Reply { .. } | OwnAction::Look => panic!("{action:?}"),
    };
    told.iter().map(reason).collect()
}

#[test]
fn whoever_waits_for_another_reason_is_told_it_a_few_at_a_time_and_nobody_twice() {
    let mut scene = Scene::new();
    let mut told = Vec::new();
    for n in 0..250 {
        told.extend(scene.says(1, said(n, 1, Stage::Waiting)));
    }
    assert!(reasons(&told).iter().all(|(_, why)| *why == Why::NobodyFree) && told.len() == 250);
    scene.workspace.settings.profiles.entry(PROFILE).or_default().assignment.automatic = false;
    let mut told = scene.at(10, |desk, now| desk.rules_changed(now));
    assert_eq!(told.len(), REASONS_AT_ONCE);
    for looks in [1_010, 2_010] {
        assert!(scene.desk.next_look() <= Some(at(looks)));
        told.extend(scene.at(looks, |desk, now| desk.look(now)));
    }
    let mut conversations: Vec<_> = reasons(&told)
        .into_iter()
        .map(|(conversation, why)| {
            assert_eq!(why, Why::Manual);
            conversation
        })
        .collect();
    conversations.dedup();
    assert_eq!(conversations, (0..250).map(conversation).collect::<Vec<_>>(), "each once, in order");
    assert_eq!(scene.at(3_010, |desk, now| desk.rules_changed(now)), [], "nothing is otherwise");
}

#[test]
fn a_reason_that_is_recorded_late_hides_none_that_is_another_meanwhile() {
    let mut scene = Scene::new();
    scene.says(1, said(1, 1, Stage::Waiting));
    let by_hand = |scene: &mut Scene, millis, by_hand: bool| {
        scene.workspace.settings.profiles.entry(PROFILE).or_default().assignment.automatic = !by_hand;
        reasons(&scene.at(millis, Desk::rules_changed))
    };
    let manual = [(conversation(1), Why::Manual)];
    assert_eq!(by_hand(&mut scene, 2, true), manual);
    assert_eq!(by_hand(&mut scene, 3, false), [(conversation(1), Why::NobodyFree)]);
    // A word on why it waits begins no epoch.
    let again = |revision, why| Announcement { revision, why: Some(why), ..said(1, 1, Stage::Waiting) };
    assert_eq!(scene.says(4, again(2, Why::Manual)), []);
    assert_eq!(by_hand(&mut scene, 5, true), [], "that is what is recorded");
    // And so it is not any more.
    assert_eq!(scene.says(6, again(3, Why::NobodyFree)), []);
    assert_eq!(reasons(&scene.at(1_006, Desk::look)), manual);
}

#[test]
fn what_is_recorded_of_why_it_waits_is_not_told_again_after_a_restart() {
    let found = [(1, Some(Why::NobodyFree)), (2, None), (3, Some(Why::Manual))].map(|(n, why)| {
        let consultation = ConsultationId::from_bytes([n; 16]);
        let category = CategoryPath::default();
        let what = What::Called { consultation, category, in_hours: true, bot_replies: false };
        let mut served = Served::default();
        served.apply(at(0), &Event { by: Party::Customer, what });
        served.consultation.as_mut().unwrap().why = why;
        Found { conversation: conversation(n), profile: PROFILE, revision: 1, served }
    });
    let mut scene = Scene { desk: Desk::new(at(0)), workspace: workspace() };
    let told = scene.at(0, |desk, now| desk.begin(found, [], now));
    let nobody_free = |n| (conversation(n), Why::NobodyFree);
    assert_eq!(reasons(&told), [nobody_free(2), nobody_free(3)]);
}

#[test]
fn a_boundary_that_has_passed_holds_for_what_comes_before_its_alarm_is_looked_at() {
    // By the schedule it is always closed; by hand it is open for a second.
    let never = ScheduleDraft { zone: "UTC".to_owned(), week: WeekDraft::default(), holidays: Vec::new() };
    let schedule = Schedule::new(&never).unwrap();
    let scene = || {
        let mut scene = Scene::new();
        let own = scene.workspace.settings.profiles.entry(PROFILE).or_default();
        (own.hours.mode, own.hours.schedule) = (Mode::UseHours, Choice::Own(schedule.clone()));
        own.manual = Some(ManualOverride { to: Override::Open, until: Some(at(1_000)) });
        assert_eq!(scene.at(0, |desk, now| desk.rules_changed(now)), []);
        scene
    };
    let mut called = scene();
    called.comes(10);
    assert_eq!(given(&called.says(999, said(1, 1, Stage::Waiting))), [(conversation(1), Some(AGENT))]);
    let mut late = scene();
    late.comes(10);
    assert_eq!(reasons(&late.says(1_000, said(1, 1, Stage::Waiting))), [(conversation(1), Why::Closed)]);
    let mut came = scene();
    came.says(10, said(1, 1, Stage::Waiting));
    assert_eq!(reasons(&came.comes(1_000)), [(conversation(1), Why::Closed)]);
}

#[test]
fn whoever_has_become_a_member_is_among_those_who_are_considered() {
    let mut scene = Scene::new();
    scene.comes(1);
    scene.says(1, said(1, 2, Stage::InProgress(AGENT)));
    scene.says(1, said(2, 1, Stage::Waiting));
    let details = scene.workspace.members[&AGENT].clone();
    scene.workspace.members.insert(MemberId::from_bytes([2; 16]), details);
    scene.workspace.settings.team.assignment.load.maximum = 2;
    let told = scene.at(2, Desk::rules_changed);
    let [(_, OwnAction::Decided { explanation, .. })] = told.as_slice() else { panic!("{told:?}") };
    let considered = explanation.considered.candidates.iter().map(|candidate| candidate.member);
    assert!(considered.eq(scene.workspace.members.keys().copied()));
}

#[test]
fn whoever_says_that_they_are_away_is_given_nothing_by_a_setting_of_the_same_commit() {
    let mut scene = Scene::new();
    scene.comes(1);
    scene.says(1, said(1, 2, Stage::InProgress(AGENT)));
    assert_eq!(given(&scene.says(1, said(2, 1, Stage::Waiting))), [(conversation(2), None)]);
    scene.workspace.away.insert(AGENT);
    scene.workspace.settings.team.assignment.load.maximum = 2;
    assert_eq!(scene.at(2, Desk::rules_changed), []);
    assert_eq!(scene.at(2, Desk::intents_changed), []);
    scene.workspace.away.remove(&AGENT);
    assert_eq!(given(&scene.at(3, Desk::intents_changed)), [(conversation(2), Some(AGENT))]);
}

#[test]
fn what_stayed_theirs_who_are_gone_waits_again_when_the_setting_is_another() {
    let mut scene = Scene::new();
    let absence = |scene: &mut Scene, millis, in_progress| {
        let before = scene.workspace.clone();
        scene.workspace.settings.team.service.absence.in_progress = in_progress;
        scene.at(millis, |desk, now| desk.settings_changed(&before, now))
    };
    assert_eq!(absence(&mut scene, 1, InProgress::Keep), []);
    scene.comes(1);
    scene.says(1, said(1, 2, Stage::InProgress(AGENT)));
    scene.at(2, |desk, now| desk.stands(AGENT, false, now));
    assert_eq!(scene.at(10_002, Desk::look), [], "it stays theirs");
    assert_eq!(absence(&mut scene, 20_000, InProgress::Requeue), []);
    assert_eq!(scene.at(29_999, Desk::look), [], "they have a time of grace");
    let told = scene.at(30_000, Desk::look);
    assert!(matches!(told[..], [(_, OwnAction::Requeue { why: Requeued::Absent, .. })]), "{told:?}");
}

#[test]
fn nobody_is_waited_for_who_has_gone_with_nothing_to_do() {
    let mut scene = Scene::new();
    scene.comes(1);
    scene.at(2, |desk, now| desk.stands(AGENT, false, now));
    assert_eq!(scene.desk.next_look(), None);
    let before = scene.workspace.clone();
    scene.workspace.settings.team.service.absence.grace_seconds = 20;
    scene.at(3, |desk, now| desk.settings_changed(&before, now));
    assert_eq!(scene.desk.next_look(), None);
    // What they had taken at the last moment is known only now.
    scene.says(4, said(1, 2, Stage::InProgress(AGENT)));
    assert_eq!(scene.desk.next_look(), Some(at(20_004)));
    let told = scene.at(20_004, Desk::look);
    assert!(matches!(told[..], [(_, OwnAction::Requeue { why: Requeued::Absent, .. })]), "{told:?}");
}

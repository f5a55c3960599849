//! Given settings, a roster and a queue: who gets what.
//!
//! Owns a case for each rule of assignment, and the plain model that random histories are held against.

#![allow(clippy::unwrap_used)]

mod model;
mod random;

use std::collections::BTreeSet;

use switchboard_protocol::vocabulary::{
    CategoryName, CategoryPath, ConsultationId, MemberId, ProfileId, Timestamp,
};

use super::*;

fn member(n: u8) -> MemberId {
    MemberId::from_bytes([n; 16])
}

fn members(numbers: &[u8]) -> BTreeSet<MemberId> {
    numbers.iter().map(|n| member(*n)).collect()
}

fn profile(n: u8) -> ProfileId {
    ProfileId::from_bytes([n; 16])
}

fn category(levels: &[&str]) -> CategoryPath {
    CategoryPath::new(levels.iter().map(|name| CategoryName::new(*name).unwrap()).collect()).unwrap()
}

fn request(n: u16) -> Request {
    let mut id = [0; 16];
    id[14..].copy_from_slice(&n.to_be_bytes());
    Request {
        consultation: ConsultationId::from_bytes(id),
        profile: profile(1),
        category: CategoryPath::default(),
        former: None,
        called_at: Timestamp::from_millis(i64::from(n)),
        in_hours: true,
    }
}

fn automatic() -> Rules {
    Rules { automatic: true, open: true, ..Rules::default() }
}

/// A roster of agents, each with a standing and a load.
fn roster(agents: &[(u8, Standing, u32)]) -> Roster {
    let mut roster = Roster::default();
    for (n, standing, load) in agents {
        *roster.member(member(*n)) = Agent { standing: *standing, load: *load, turn: 0 };
    }
    roster
}

fn assigned(n: u8, rule: Rule) -> Outcome {
    Outcome::Assigned { member: member(n), rule }
}

fn outcome(rules: &Rules, roster: &Roster, request: &Request) -> Outcome {
    let explanation = choose(rules, roster, request, 0);
    assert_eq!(explanation.considered.conclude(), explanation.outcome, "the record says the same");
    explanation.outcome
}

use Standing::{Away, Offline, Online};

#[test]
fn nobody_away_offline_or_full_is_given_anything() {
    let rules = Rules { load: Load { maximum: 3, ..Load::default() }, ..automatic() };
    let agents = [(1, Away, 0), (2, Offline, 0), (3, Online, 3), (4, Online, 7)];
    let explanation = choose(&rules, &roster(&agents), &request(1), 9);
    assert_eq!(explanation.outcome, Outcome::Waits(Why::NobodyFree));
    let hindrances = explanation.considered.candidates.iter().map(|candidate| candidate.hindrance(3));
    let expected = [Hindrance::Away, Hindrance::Offline, Hindrance::Full, Hindrance::Full].map(Some);
    assert!(hindrances.eq(expected));
    let mut roster = roster(&agents);
    roster.member(member(4)).load = 2;
    assert_eq!(outcome(&rules, &roster, &request(1)), assigned(4, Rule::General));
}

#[test]
fn a_profile_that_is_manual_or_closed_assigns_nothing() {
    let roster = roster(&[(1, Online, 0)]);
    let manual = Rules { automatic: false, ..automatic() };
    assert_eq!(outcome(&manual, &roster, &request(1)), Outcome::Waits(Why::Manual));
    let closed = Rules { open: false, ..automatic() };
    assert_eq!(outcome(&closed, &roster, &request(1)), Outcome::Waits(Why::Closed));
}

#[test]
fn a_returning_customer_goes_to_the_former_agent_or_waits_or_goes_to_another() {
    let sticky = Choosing { sticky: true, ..Choosing::default() };
    let rules = Rules { choosing: sticky, ..automatic() };
    let back = Request { former: Some(member(2)), ..request(1) };
    let free = roster(&[(1, Online, 0), (2, Online, 5)]);
    assert_eq!(outcome(&rules, &free, &back), assigned(2, Rule::Sticky));
    let away = roster(&[(1, Online, 0), (2, Away, 0)]);
    assert_eq!(outcome(&rules, &away, &back), Outcome::Waits(Why::ForFormer(member(2))));
    let or_another = Rules { choosing: Choosing { or_another: true, ..sticky }, ..automatic() };
    assert_eq!(outcome(&or_another, &away, &back), assigned(1, Rule::General));
    let plain = automatic();
    assert_eq!(outcome(&plain, &roster(&[(1, Online, 0), (2, Away, 0)]), &back), assigned(1, Rule::General));
}

#[test]
fn a_former_agent_who_was_removed_or_may_not_serve_it_is_not_waited_for() {
    let choosing = Choosing { sticky: true, ..Choosing::default() };
    let back = Request { former: Some(member(2)), ..request(1) };
    let rules = Rules { choosing, ..automatic() };
    assert_eq!(outcome(&rules, &roster(&[(1, Online, 0)]), &back), assigned(1, Rule::General));
    let listed = Rules { general: Pool::List(members(&[1])), ..rules };
    let both = roster(&[(1, Online, 0), (2, Online, 0)]);
    assert_eq!(outcome(&listed, &both, &back), assigned(1, Rule::General));
}

#[test]
fn the_deepest_category_with_specialists_wins_and_general_agents_come_after_them() {
    let specialists = [
        (category(&["Bank"]), members(&[1])),
        (category(&["Bank", "Cards"]), members(&[2])),
        (category(&["Shop"]), members(&[3])),
    ];
    let rules = Rules { specialists: specialists.into(), ..automatic() };
    let lost = Request { category: category(&["Bank", "Cards", "Lost"]), ..request(1) };
    let all = roster(&[(1, Online, 0), (2, Online, 0), (3, Online, 0)]);
    assert_eq!(outcome(&rules, &all, &lost), assigned(2, Rule::Specialist));
    let without = roster(&[(1, Online, 0), (2, Away, 0)]);
    assert_eq!(
        outcome(&rules, &without, &lost),
        assigned(1, Rule::General),
        "as anybody else, not as a specialist"
    );
    let other = Request { category: category(&["Bank", "Loans"]), ..request(2) };
    assert_eq!(outcome(&rules, &all, &other), assigned(1, Rule::Specialist));
}

#[test]
fn no_one_else_means_the_specialists_of_the_category_alone_also_for_former_agents() {
    let choosing = Choosing { sticky: true, ..Choosing::default() };
    let specialists = [(category(&["Bank"]), members(&[1]))];
    let rules = Rules { choosing, specialists: specialists.into(), no_one_else: true, ..automatic() };
    let bank = Request { category: category(&["Bank"]), former: Some(member(2)), ..request(1) };
    let roster_of = |first| roster(&[(1, first, 0), (2, Online, 0)]);
    assert_eq!(outcome(&rules, &roster_of(Online), &bank), assigned(1, Rule::Specialist));
    assert_eq!(outcome(&rules, &roster_of(Away), &bank), Outcome::Waits(Why::NobodyFree));
    let unknown = Request { former: None, ..request(2) };
    assert_eq!(
        outcome(&rules, &roster_of(Away), &unknown),
        assigned(2, Rule::General),
        "nobody is configured for it"
    );
}

#[test]
fn the_strategy_chooses_among_those_who_are_free() {
    let with = |strategy| Rules { choosing: Choosing { strategy, ..Choosing::default() }, ..automatic() };
    let mut roster = roster(&[(1, Online, 4), (2, Online, 1), (3, Online, 1), (4, Away, 0)]);
    for (n, turn) in [(1, 1), (2, 5), (3, 3)] {
        roster.member(member(n)).turn = turn;
    }
    assert_eq!(outcome(&with(Strategy::RoundRobin), &roster, &request(1)), assigned(1, Rule::General));
    assert_eq!(outcome(&with(Strategy::LeastLoaded), &roster, &request(1)), assigned(3, Rule::General));
    let mut counts = [0; 5];
    for n in 0..3_000_u64 {
        let seed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let Outcome::Assigned { member, .. } =
            choose(&with(Strategy::Random), &roster, &request(1), seed).outcome
        else {
            panic!("somebody is free")
        };
        counts[usize::from(member.as_bytes()[0])] += 1;
    }
    assert_eq!(counts[4], 0);
    assert!(counts[1..4].iter().all(|count| (900..1_100).contains(count)), "{counts:?}");
}

#[test]
fn requests_are_served_in_order_and_those_from_within_hours_first_where_that_is_set() {
    let in_hours_first = Load { maximum: 1, in_hours_first: true, own_list_only: false };
    for (load, order) in [(Load { maximum: 1, ..Load::default() }, [1, 2, 3]), (in_hours_first, [2, 3, 1])] {
        let book = RuleBook([(profile(1), Rules { load, ..automatic() })].into());
        let mut roster = roster(&[(1, Offline, 0)]);
        let mut queue = Queue::default();
        for n in [3, 1, 2] {
            let request = Request { in_hours: n != 1, ..request(n) };
            assert!(queue.arrive(&book, &mut roster, request, 0).is_some());
        }
        for n in order {
            *roster.member(member(1)) = Agent { standing: Online, load: 0, turn: 0 };
            let given = queue.drain(&book, &mut roster, &mut || 0);
            assert_eq!(
                given.iter().map(|(given, _)| given.consultation).collect::<Vec<_>>(),
                [request(n).consultation]
            );
        }
        assert!(queue.is_empty());
    }
}

#[test]
fn one_that_is_queued_again_is_at_its_old_place() {
    let book = RuleBook(
        [(profile(1), Rules { load: Load { maximum: 1, ..Load::default() }, ..automatic() })].into(),
    );
    let mut roster = roster(&[(1, Online, 0)]);
    let mut queue = Queue::default();
    let first = queue.arrive(&book, &mut roster, request(1), 0).unwrap();
    assert_eq!(first.outcome, assigned(1, Rule::General));
    assert_eq!(
        queue.arrive(&book, &mut roster, request(2), 0).unwrap().outcome,
        Outcome::Waits(Why::NobodyFree)
    );
    *roster.member(member(1)) = Agent { standing: Offline, load: 0, turn: 1 };
    queue.push(&book, &roster, request(1));
    roster.member(member(1)).standing = Online;
    let given = queue.drain(&book, &mut roster, &mut || 0);
    assert_eq!(given[0].0, request(1));
    assert_eq!(queue.requests().collect::<Vec<_>>(), [&request(2)]);
}

#[test]
fn settings_that_cannot_be_meant_are_refused_by_name() {
    let is_member = |id| id == member(1);
    let sentence = |settings: ProfileAssignment| settings.check(is_member).unwrap_err().to_string();
    let none = ProfileAssignment {
        load: Some(Load { maximum: 0, ..Load::default() }),
        ..ProfileAssignment::default()
    };
    assert_eq!(sentence(none), "load.maximum: 0; it must be 1 to 1000");
    let stranger =
        ProfileAssignment { general: Pool::List(members(&[1, 2])), ..ProfileAssignment::default() };
    assert_eq!(sentence(stranger), format!("general: {} is no member of the workspace", member(2)));
    let nobody = ProfileAssignment { general: Pool::List(members(&[])), ..ProfileAssignment::default() };
    assert_eq!(sentence(nobody), "general: it names nobody; name at least one member");
    let specialists = |path: &[&str], numbers: &[u8]| ProfileAssignment {
        specialists: [(category(path), members(numbers))].into(),
        ..ProfileAssignment::default()
    };
    assert!(sentence(specialists(&[], &[1])).contains("a category without a level"));
    let nobody = "specialists of Bank > Cards: it names nobody; name at least one member";
    assert_eq!(sentence(specialists(&["Bank", "Cards"], &[])), nobody);
    let stranger = format!("specialists of Bank: {} is no member of the workspace", member(2));
    assert_eq!(sentence(specialists(&["Bank"], &[2])), stranger);
    assert_eq!(specialists(&["Bank"], &[1]).check(is_member), Ok(()));
}

#[test]
fn a_block_is_the_profiles_own_or_the_teams() {
    let team = TeamAssignment { load: Load { maximum: 4, ..Load::default() }, ..TeamAssignment::default() };
    let own = Choosing { sticky: true, ..Choosing::default() };
    let profile = ProfileAssignment { choosing: Some(own), ..ProfileAssignment::default() };
    let rules = Rules::in_force(&team, &profile, true);
    assert_eq!((rules.load.maximum, rules.choosing, rules.automatic), (4, own, false));
}

#[test]
fn a_member_who_is_removed_leaves_every_pool() {
    let mut settings = ProfileAssignment {
        general: Pool::List(members(&[1, 2])),
        specialists: [(category(&["Bank"]), members(&[2])), (category(&["Shop"]), members(&[1, 2]))].into(),
        ..ProfileAssignment::default()
    };
    settings.forget(member(2));
    assert_eq!(settings.general, Pool::List(members(&[1])));
    assert_eq!(settings.specialists, [(category(&["Shop"]), members(&[1]))].into());
}

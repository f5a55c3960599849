//! When service begins, and what becomes of those who were inside and are not there any more.
//!
//! Owns the rules of coming to what one was given, of making room, and of what a silence and a former agent are
//! once somebody has gone. Must not know when the engine finds that somebody has gone.

use std::collections::BTreeSet;

use super::*;

const fn left(member: MemberId) -> Event {
    Event { by: Party::Agent { member }, what: What::Left { member } }
}

/// A conversation that is served by the first of so many agents that it is full.
fn full() -> (Story, Vec<MemberId>) {
    let member = |n: usize| MemberId::from_bytes([u8::try_from(n).unwrap() + 100; 16]);
    let inside: Vec<_> = (0..AGENTS_MAX).map(member).collect();
    let mut story = given([(customer(), start()), (agent(inside[0]), take())]);
    for member in &inside[1..] {
        let _ = story.when(&agent(*member), Action::Join).recorded();
    }
    (story, inside)
}

#[test]
fn one_who_is_not_there_any_more_makes_room_and_whoever_answers_for_it_last() {
    let (mut story, inside) = full();
    // The first and the third are gone; the last only wants to be left alone.
    let mut online: BTreeSet<_> = inside.iter().copied().chain([ADA, BEN]).collect();
    let away = [inside[AGENTS_MAX - 1]].into();
    for gone in [0, 2, AGENTS_MAX - 1] {
        online.remove(&inside[gone]);
    }
    story.present = Some(Present { online, away });
    for (newcomer, goes) in [(ADA, inside[2]), (BEN, inside[0])] {
        let entry = story.when(&agent(newcomer), Action::Join).recorded();
        let entered = What::Entered { member: newcomer };
        let entered = Event { by: Party::Agent { member: newcomer }, what: entered };
        assert_eq!(entry.events, [left(goes), entered]);
    }
    assert_eq!(story.state.assignee(), Some(inside[0]), "they go on answering for it");
    let full = Rejection::TooManyAgents { agents: AGENTS_MAX, max: AGENTS_MAX };
    story.when(&agent(CID), Action::Join).refused(full);
}

#[test]
fn whoever_answers_for_it_comes_back_to_it_also_where_those_who_are_gone_fill_it() {
    let (mut story, inside) = full();
    let _ = story.when(&agent(inside[0]), Action::Leave).recorded();
    let _ = story.when(&agent(ADA), Action::Join).recorded();
    story.present = Some(Present { online: [inside[0]].into(), ..Present::default() });
    let entry = story.when(&agent(inside[0]), take()).recorded();
    let entered = What::Entered { member: inside[0] };
    let entered = Event { by: Party::Agent { member: inside[0] }, what: entered };
    assert_eq!(entry.events, [left(ADA), entered]);
}

//! Where the conversation goes on after a consultation, and what happens to a message in every state.
//!
//! Owns the places of the bot: parked at its call, at the start, or as it was; and the table of states.

use switchboard_protocol::vocabulary::{CategoryName, CategoryPath, Media, MediaKind};

use super::*;
use crate::domain::consultation::{Beginning, Caller, Requeued, Stage};

fn word(text: &str) -> Option<MessageText> {
    Some(MessageText::new(text).unwrap())
}

fn cards() -> CategoryPath {
    CategoryPath::new(vec![CategoryName::new("Cards").unwrap()]).unwrap()
}

/// What the customer's message becomes beside itself.
fn beside(story: &mut Story, words: &str) -> Vec<(Party, What)> {
    let entry = story.when(&customer(), post(words)).recorded();
    assert_eq!(entry.events[0].what, message(words));
    entry.events.into_iter().skip(1).map(|event| (event.by, event.what)).collect()
}

/// A conversation whose bot knows its words.
fn with_bot() -> Story {
    let mut story = given([(customer(), start())]);
    story.service = Service {
        call_word: word("agent"),
        cancel_word: word("no"),
        reply: word("Yes?"),
        greeting: Some(said("Hello")),
        ..Service::default()
    };
    story
}

/// The same, called about cards by the bot and served by Ada.
fn served_after_the_bot_called() -> Story {
    let mut story = with_bot();
    story.service.categories = vec![cards()];
    let _ = beside(&mut story, "cards");
    let _ = story.when(&agent(ADA), take()).recorded();
    story
}

fn completed(mut story: Story) -> Story {
    let _ = story.when(&agent(ADA), Action::Complete { epoch: None }).recorded();
    story
}

fn called_by(story: &Story) -> Option<Caller> {
    match story.state.served.consultation.as_ref()?.beginning {
        Beginning::Called { by, .. } => Some(by),
        Beginning::SteppedIn => None,
    }
}

fn answer(story: &Story) -> Option<Message> {
    match reply(&story.state, &story.service, Timestamp::from_millis(story.now))? {
        OwnAction::Reply { message, .. } => Some(message),
        other => panic!("no reply: {other:?}"),
    }
}

#[test]
fn calls_know_who_began_them() {
    let mut by_bot = with_bot();
    let events = beside(&mut by_bot, "Agent");
    assert!(matches!(events[..], [(Party::Bot, What::Called { .. })]), "{events:?}");
    assert_eq!(called_by(&by_bot), Some(Caller::Bot));
    let mut by_customer = with_bot();
    let call = Action::Call { consultation: CONSULTATION, category: cards() };
    let _ = by_customer.when(&customer(), call).recorded();
    assert_eq!(called_by(&by_customer), Some(Caller::Customer));
}

#[test]
fn a_bot_that_called_is_parked_there_and_calls_again_about_the_same_when_the_customer_writes_next() {
    let mut story = completed(served_after_the_bot_called());
    assert_eq!(story.state.served.bot, BotPlace::Parked { category: cards() });
    assert!(story.state.served.consultation.is_none(), "not before the customer writes");
    let events = beside(&mut story, "thanks");
    let [(Party::Bot, What::Called { category, .. })] = &events[..] else { panic!("{events:?}") };
    assert_eq!((category, called_by(&story)), (&cards(), Some(Caller::Bot)));
    assert_eq!(story.state.owed, None, "a call is its answer");
    let _ = story.when(&agent(ADA), take()).recorded();
    let mut again = completed(story);
    let link = switchboard_protocol::vocabulary::Link::new("https://example.com/x.png").unwrap();
    let content = Content::Media(Media::new(MediaKind::Image, link).unwrap());
    let entry = again.when(&customer(), Action::Post { content }).recorded();
    assert!(matches!(entry.events[1].what, What::Called { .. }), "whatever it is that they send");
}

#[test]
fn whether_it_depends_on_the_hours_is_said_of_a_message_to_a_parked_bot() {
    let mut story = completed(served_after_the_bot_called());
    story.service = Service::default();
    assert!(asks_for_doors(&story.state, &post("x"), &story.service));
    assert!(!asks_for_doors(&with_bot().state, &post("x"), &story.service));
}

#[test]
fn a_parked_bot_that_may_not_call_outside_the_hours_says_so_and_goes_on_behind_its_call() {
    let mut story = completed(served_after_the_bot_called());
    (story.doors, story.service.notice) = (Doors::Refusing, word("Closed"));
    let events = beside(&mut story, "hello?");
    let refused = What::CallRefused { category: cards() };
    assert_eq!(events, [(Party::Bot, refused), (Party::Bot, message("Closed"))]);
    assert_eq!((beside(&mut story, "hello?"), answer(&story)), (vec![], Some(said("Yes?"))));
}

#[test]
fn the_customers_own_request_leaves_the_bot_where_it_was() {
    let mut story = with_bot();
    let call = Action::Call { consultation: CONSULTATION, category: cards() };
    let _ = story.when(&customer(), call).recorded();
    let _ = story.when(&agent(ADA), take()).recorded();
    let mut story = completed(story);
    assert_eq!((beside(&mut story, "thanks"), answer(&story)), (vec![], Some(said("Yes?"))));
}

#[test]
fn after_a_step_in_the_bot_begins_from_the_start_once() {
    let mut story = with_bot();
    let _ = story.when(&agent(ADA), take()).recorded();
    let mut story = completed(story);
    assert_eq!(
        (beside(&mut story, "hello"), answer(&story)),
        (vec![], Some(said("Hello"))),
        "it greets again"
    );
    let (to, epoch) = (story.state.owed.unwrap(), story.state.served.epoch);
    let _ = story.when_own(&OwnAction::Reply { to, epoch, message: said("Hello") }).unwrap().unwrap();
    assert_eq!((beside(&mut story, "well"), answer(&story)), (vec![], Some(said("Yes?"))));

    let mut calling = with_bot();
    let _ = calling.when(&agent(ADA), take()).recorded();
    let mut calling = completed(calling);
    assert!(
        matches!(beside(&mut calling, "agent")[..], [(Party::Bot, What::Called { .. })]),
        "words mean what they do"
    );
}

#[test]
fn a_call_that_is_taken_back_or_waits_again_when_it_is_over_leaves_the_bot_behind_it() {
    let mut cancelled = with_bot();
    let _ = beside(&mut cancelled, "agent");
    let _ = cancelled.when(&customer(), Action::Cancel).recorded();
    assert_eq!((beside(&mut cancelled, "well"), answer(&cancelled)), (vec![], Some(said("Yes?"))));
    let mut requeued = served_after_the_bot_called();
    let consultation = requeued.state.served.consultation.as_ref().unwrap().id;
    let (epoch, why) = (requeued.state.served.epoch, Requeued::Absent);
    let _ = requeued.when_own(&OwnAction::Requeue { consultation, epoch, why }).unwrap().unwrap();
    let _ = requeued.when(&customer(), Action::Cancel).becomes([What::Completed]);
    assert_eq!(requeued.state.served.bot, BotPlace::On, "nobody was serving it any more");
}

#[test]
fn an_answer_that_was_thought_of_before_the_bot_was_parked_does_not_come_after() {
    let mut story = with_bot();
    let _ = beside(&mut story, "well");
    let (to, epoch) = (story.state.owed.unwrap(), story.state.served.epoch);
    let late = OwnAction::Reply { to, epoch, message: said("Yes?") };
    let _ = story.when(&agent(ADA), take()).recorded();
    let mut story = completed(story);
    assert_eq!(story.when_own(&late), Err(Rejection::Moved { action: "reply", assignee: None }));
}

/// What a message of the customer's becomes, who answers it, and what a message of Ada's becomes, who is inside.
struct Row {
    state: &'static str,
    story: Story,
    /// Whether a call comes with the customer's message; `None`: it is refused.
    calls: Option<bool>,
    /// Who may answer then.
    floor: Floor,
    /// What the bot says, if it has to.
    says: Option<&'static str>,
    /// Whether Ada may speak.
    ada: Result<(), Rejection>,
}

fn rows() -> Vec<Row> {
    let outside = Err(Rejection::NotEntered { action: "post" });
    let unserved = Err(Rejection::NotServed { action: "post" });
    let row = |state, story, calls, floor, says, ada| Row { state, story, calls, floor, says, ada };
    let waiting = |bot_replies| {
        let mut story = with_bot();
        let _ = story.when(&agent(ADA), Action::Join).recorded();
        story.doors = if bot_replies { Doors::Accepting { bot_replies } } else { Doors::Open };
        let call = Action::Call { consultation: CONSULTATION, category: cards() };
        let _ = story.when(&customer(), call).recorded();
        story
    };
    let assigned = |bot_replies| {
        let mut story = waiting(bot_replies);
        let assigned = What::Assigned { member: BEN, how: How::Automatic };
        let entry = story.state.next_entry(
            Timestamp::from_millis(1_000),
            None,
            vec![Event { by: Party::Bot, what: assigned }],
        );
        story.state.apply(&entry);
        story
    };
    let mut stepped_in = with_bot();
    let _ = stepped_in.when(&agent(ADA), take()).recorded();
    let mut left = with_bot();
    let _ = left.when(&agent(ADA), take()).recorded();
    let _ = left.when(&agent(ADA), Action::Leave).recorded();
    let mut joined = with_bot();
    let _ = joined.when(&agent(ADA), Action::Join).recorded();
    let mut ended = served_after_the_bot_called();
    let _ = ended.when(&customer(), Action::End).recorded();
    let mut in_progress = waiting(false);
    let _ = in_progress.when(&agent(ADA), take()).recorded();
    vec![
        row("with the bot", with_bot(), Some(false), Floor::Bot, Some("Yes?"), outside.clone()),
        row(
            "with the bot, an agent looking on",
            joined,
            Some(false),
            Floor::Bot,
            Some("Yes?"),
            unserved.clone(),
        ),
        row("waiting", waiting(false), Some(false), Floor::Nobody, None, unserved.clone()),
        row(
            "waiting, the bot replies",
            waiting(true),
            Some(false),
            Floor::Bot,
            Some("Yes?"),
            unserved.clone(),
        ),
        row("assigned", assigned(false), Some(false), Floor::Nobody, None, unserved.clone()),
        row("assigned, the bot replies", assigned(true), Some(false), Floor::Bot, Some("Yes?"), unserved),
        row("in progress", in_progress, Some(false), Floor::Agents, None, Ok(())),
        row("in progress, nobody inside", left, Some(false), Floor::Agents, None, outside.clone()),
        row(
            "parked",
            completed(served_after_the_bot_called()),
            Some(true),
            Floor::Nobody,
            None,
            outside.clone(),
        ),
        row("at the start", completed(stepped_in), Some(false), Floor::Bot, Some("Hello"), outside),
        row("ended", ended, None, Floor::Nobody, None, Err(Rejection::Ended)),
    ]
}

#[test]
fn a_message_is_never_refused_into_the_void_and_in_every_state_it_is_known_who_answers() {
    for Row { state, mut story, calls, floor, says, ada } in rows() {
        let spoken = story.when(&agent(ADA), post("Hi")).0.map(drop);
        assert_eq!(spoken, ada, "{state}: Ada");
        match (story.when(&customer(), post("hello")).0, calls) {
            (Ok(Decision::Record(entry)), Some(calls)) => {
                let called = entry.events.iter().any(|event| matches!(event.what, What::Called { .. }));
                assert_eq!(called, calls, "{state}: {entry:?}");
            }
            (Err(Rejection::Ended), None) => {}
            (other, _) => panic!("{state}: {other:?}"),
        }
        assert_eq!(story.state.floor(), floor, "{state}");
        assert_eq!(answer(&story), says.map(said), "{state}");
        let waits = story.state.served.consultation.as_ref().map(|consultation| consultation.stage);
        let is_answered = says.is_some() || waits.is_some() || calls.is_none();
        assert!(is_answered, "{state}: nobody answers");
        if floor == Floor::Agents {
            assert!(matches!(waits, Some(Stage::InProgress(_))), "{state}");
        }
    }
}

//! The rules of a conversation that is awake, one by one: a customer, an agent, and whoever listens.
//!
//! Owns a listener that remembers what it heard. Must not know how messages travel.

#![allow(clippy::unwrap_used)]

mod racing;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use switchboard_protocol::vocabulary::{
    ConsultationId, Content, ConversationId, InstanceId, MemberId, MessageText, Platform, ProfileId,
    Timestamp, UserKey, WorkspaceId,
};

use super::*;
use crate::domain::conversation::{Action as Do, Origin, Policy};
use crate::domain::customer::Details;
use crate::domain::identity::CustomerKey;
use crate::domain::mask::MaskAfter;
use crate::domain::message::Message;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Heard {
    Verdict(Verdict),
    Entry(u64),
    Lagging,
    /// How far the customer and the staff have read.
    Cursors(u64, u64),
    /// What has reached them, when that is more.
    Received(u64, u64),
    End,
}

/// What a subscriber hears; it has room for so many entries.
#[derive(Clone, Default)]
struct Listener {
    heard: Rc<RefCell<Vec<Heard>>>,
    room: Rc<Cell<usize>>,
}

impl Listener {
    fn with_room(room: usize) -> Self {
        Self { room: Rc::new(Cell::new(room)), ..Self::default() }
    }

    fn heard(&self) -> Vec<Heard> {
        self.heard.take()
    }

    fn hear(&self, heard: Heard) {
        self.heard.borrow_mut().push(heard);
    }
}

impl Outlet<()> for Listener {
    fn push(&self, entry: &Arc<Entry>, (): &()) -> bool {
        let room = self.room.get();
        if room > 0 {
            self.room.set(room - 1);
            self.hear(Heard::Entry(entry.revision));
        }
        room > 0
    }

    fn verdict(&self, verdict: Verdict) {
        self.hear(Heard::Verdict(verdict));
    }

    fn lagging(&self) {
        self.hear(Heard::Lagging);
    }

    fn cursors(&self, cursors: SideCursors) {
        self.hear(Heard::Cursors(cursors.customer.get(), cursors.staff.get()));
        let received = (cursors.customer_received, cursors.staff_received);
        if received != (cursors.customer, cursors.staff) {
            self.hear(Heard::Received(received.0.get(), received.1.get()));
        }
    }

    fn end(&self) {
        self.hear(Heard::End);
    }
}

struct Plain;

impl Ports for Plain {
    type Token = u32;
    type Stamp = ();
    type Outlet = Listener;
}

const WORKSPACE: WorkspaceId = WorkspaceId::from_bytes([1; 16]);
const AGENT: Identity = Identity::Member { workspace: WORKSPACE, member: MemberId::from_bytes([3; 16]) };
const LIVE: Heard = Heard::Verdict(Verdict::Live);
const READ_ON: Heard = Heard::Verdict(Verdict::ReadOn);

fn key() -> CustomerKey {
    let (platform, user_key) = (Platform::new("web").unwrap(), UserKey::new("ada").unwrap());
    CustomerKey { profile: ProfileId::from_bytes([4; 16]), platform, user_key }
}

fn customer() -> Identity {
    Identity::Customer { workspace: WORKSPACE, customer: key() }
}

fn text(text: &str) -> Do {
    Do::Post { content: Content::text(MessageText::new(text).unwrap()) }
}

fn seq(value: u64) -> Seq {
    Seq::new(value).unwrap()
}

/// A conversation whose commands have rising counters; the token is the counter.
struct Talk {
    live: Live<Plain>,
    counter: u32,
    /// No entry can be taken.
    is_full: bool,
}

impl Talk {
    /// One that has begun, all of it durable.
    fn begun() -> Self {
        let state = Conversation::new(WORKSPACE, ConversationId::from_bytes([2; 16]));
        let mut talk = Self { live: Live::new(state), counter: 0, is_full: false };
        talk.say(
            &customer(),
            Do::Start { customer: key(), greeting: None, known: Details::default(), former: None },
        );
        talk.live.durable(1);
        talk
    }

    fn say(&mut self, identity: &Identity, action: Do) -> Vec<String> {
        self.counter += 1;
        self.say_as(self.counter, self.counter, identity, action)
    }

    fn say_as(&mut self, token: u32, counter: u32, identity: &Identity, action: Do) -> Vec<String> {
        let instance = InstanceId::from_bytes([5; 16]);
        let origin = Origin { party: identity.party(), instance, counter: u64::from(counter) };
        let command = Command { identity: identity.clone(), origin, action };
        let context = Context::plain(Timestamp::from_millis(7), Policy::default());
        let is_full = self.is_full;
        let room = || if is_full { Err("full") } else { Ok(()) };
        match self.live.command(token, (), &command, &context, room) {
            Ok(actions) => told(actions),
            Err((token, why)) => vec![format!("{token}: {why}")],
        }
    }

    fn durable(&mut self, up_to: u64) -> Vec<String> {
        told(self.live.durable(up_to))
    }

    fn follow(&mut self, id: u64, identity: &Identity, after: u64, room: usize) -> Listener {
        let listener = Listener::with_room(room);
        self.live.subscribe(0, SubscriberId(id), identity, seq(after), listener.clone());
        listener
    }
}

/// What the shell has to do, in short.
fn told(actions: impl IntoIterator<Item = Action<Plain>>) -> Vec<String> {
    let in_short = |action| match action {
        Action::Append(entry) => format!("append {}", entry.revision),
        Action::Announce(announcement) => format!("announce {}", announcement.revision),
        Action::Answer(token, Outcome::Accepted(answer)) => format!("{token} accepted {}", answer.revision),
        Action::Answer(token, Outcome::AlreadySo) => format!("{token} already so"),
        Action::Answer(token, Outcome::AcceptedLongAgo) => format!("{token} long ago"),
        Action::Answer(token, Outcome::Subscribed) => format!("{token} subscribed"),
        Action::Answer(token, Outcome::Rejected(_)) => format!("{token} rejected"),
    };
    actions.into_iter().map(in_short).collect()
}

#[test]
fn an_answer_waits_until_its_entry_is_durable() {
    let mut talk = Talk::begun();
    assert_eq!(talk.say(&customer(), text("a")), ["append 2"]);
    assert_eq!(talk.say(&customer(), text("b")), ["append 3"]);
    assert_eq!(talk.durable(2), ["2 accepted 2"]);
    assert_eq!(talk.durable(3), ["3 accepted 3"]);
}

#[test]
fn a_rejection_waits_for_what_it_rests_on() {
    let mut talk = Talk::begun();
    assert_eq!(talk.say(&AGENT, text("not entered")), ["2 rejected"], "all of that is durable");
    talk.say(&AGENT, Do::Join);
    talk.say(&AGENT, Do::Leave);
    assert_eq!(talk.say(&AGENT, text("left")), [] as [&str; 0]);
    assert_eq!(talk.durable(2), ["3 accepted 2"]);
    assert_eq!(talk.durable(3), ["4 accepted 3", "5 rejected"]);
}

#[test]
fn a_command_sent_again_waits_with_the_first_and_gets_its_answer() {
    let mut talk = Talk::begun();
    talk.say(&customer(), text("a"));
    assert_eq!(talk.say_as(90, 2, &customer(), text("a")), [] as [&str; 0]);
    assert_eq!(talk.durable(2), ["2 accepted 2", "90 accepted 2"]);
    assert_eq!(talk.say_as(91, 2, &customer(), text("a")), ["91 accepted 2"]);
}

#[test]
fn a_subscriber_hears_of_an_entry_when_it_is_durable() {
    let mut talk = Talk::begun();
    let listener = talk.follow(1, &customer(), 1, 9);
    assert_eq!(listener.heard(), [LIVE, Heard::Cursors(0, 0)]);
    talk.say(&customer(), text("a"));
    assert_eq!(listener.heard(), []);
    talk.durable(2);
    assert_eq!(listener.heard(), [Heard::Entry(2)]);
}

#[test]
fn a_customer_is_not_told_of_what_only_staff_may_see() {
    let mut talk = Talk::begun();
    let (theirs, ours) = (talk.follow(1, &customer(), 1, 9), talk.follow(2, &AGENT, 1, 9));
    talk.say(&AGENT, Do::Join);
    talk.durable(2);
    assert_eq!(theirs.heard(), [LIVE, Heard::Cursors(0, 0)]);
    assert_eq!(ours.heard(), [LIVE, Heard::Cursors(0, 0), Heard::Entry(2)]);
}

#[test]
fn what_is_at_hand_is_pushed_before_the_verdict() {
    let mut talk = Talk::begun();
    talk.say(&customer(), text("a"));
    talk.durable(2);
    let listener = talk.follow(1, &customer(), 1, 9);
    assert_eq!(listener.heard(), [Heard::Entry(2), LIVE, Heard::Cursors(0, 0)]);
}

#[test]
fn whoever_is_too_far_behind_reads_on_and_asks_again() {
    let mut talk = Talk::begun();
    for revision in 2..=10 {
        talk.say(&customer(), text("a"));
        talk.durable(revision);
    }
    let listener = talk.follow(1, &customer(), 1, 9);
    assert_eq!(listener.heard(), [READ_ON], "the first entries are not at hand any more");
    talk.live.caught_up(SubscriberId(1), seq(9));
    assert_eq!(listener.heard(), [Heard::Entry(10), LIVE, Heard::Cursors(0, 0)]);
}

#[test]
fn one_without_room_for_what_is_at_hand_lags_and_has_no_verdict() {
    let mut talk = Talk::begun();
    for revision in 2..=4 {
        talk.say(&customer(), text("a"));
        talk.durable(revision);
    }
    let listener = talk.follow(1, &customer(), 1, 2);
    assert_eq!(listener.heard(), [Heard::Entry(2), Heard::Entry(3), Heard::Lagging]);
}

#[test]
fn one_that_lags_is_pushed_nothing_until_it_asks_and_then_what_it_missed() {
    let mut talk = Talk::begun();
    let listener = talk.follow(1, &customer(), 1, 1);
    listener.heard();
    for revision in 2..=4 {
        talk.say(&customer(), text("a"));
        talk.durable(revision);
    }
    assert_eq!(listener.heard(), [Heard::Entry(2), Heard::Lagging]);
    listener.room.set(9);
    talk.live.caught_up(SubscriberId(1), seq(3));
    assert_eq!(listener.heard(), [Heard::Entry(4), LIVE, Heard::Cursors(0, 0)]);
}

#[test]
fn cursors_are_told_when_everything_is_durable_and_to_whoever_came_meanwhile() {
    let mut talk = Talk::begun();
    talk.say(&AGENT, Do::Join);
    talk.durable(2);
    talk.say(&customer(), text("a"));
    let listener = talk.follow(1, &AGENT, 2, 9);
    assert_eq!(listener.heard(), [LIVE], "cursors may rest on what is not durable");
    talk.durable(3);
    assert_eq!(listener.heard(), [Heard::Entry(3), Heard::Cursors(0, 0)]);
    talk.say(&AGENT, Do::Read { up_to: seq(3) });
    assert_eq!(listener.heard(), []);
    talk.durable(4);
    assert_eq!(listener.heard(), [Heard::Cursors(0, 3)]);
}

#[test]
fn a_masked_message_is_pushed_to_whoever_is_there_and_read_from_the_journal_by_whoever_comes() {
    let state = Conversation::new(WORKSPACE, ConversationId::from_bytes([2; 16]));
    let mut talk = Talk { live: Live::new(state), counter: 0, is_full: false };
    let mut greeting = Message::plain(Content::text(MessageText::new("code 1234").unwrap()));
    greeting.mask("1234", MaskAfter::AT_ONCE).unwrap();
    talk.say(
        &customer(),
        Do::Start { customer: key(), greeting: Some(greeting), known: Details::default(), former: None },
    );
    let there = talk.follow(1, &customer(), 0, 9);
    talk.durable(1);
    assert_eq!(there.heard(), [LIVE, Heard::Entry(1), Heard::Cursors(0, 0)]);
    let late = talk.follow(2, &customer(), 0, 9);
    assert_eq!(late.heard(), [READ_ON], "it must not come from what is at hand");
    talk.say(&customer(), text("a"));
    talk.durable(2);
    talk.live.caught_up(SubscriberId(2), seq(2));
    assert_eq!(late.heard(), [Heard::Entry(2), LIVE, Heard::Cursors(0, 0)]);
}

#[test]
fn the_customer_gets_the_greeting_of_a_conversation_that_has_just_begun_and_only_once() {
    let state = Conversation::new(WORKSPACE, ConversationId::from_bytes([2; 16]));
    let mut talk = Talk { live: Live::new(state), counter: 0, is_full: false };
    let mut greeting = Message::plain(Content::text(MessageText::new("code 1234").unwrap()));
    greeting.mask("1234", MaskAfter::AT_ONCE).unwrap();
    talk.say(
        &customer(),
        Do::Start { customer: key(), greeting: Some(greeting), known: Details::default(), former: None },
    );
    talk.say(&customer(), text("a"));
    talk.durable(2);
    let agent = talk.follow(1, &AGENT, 0, 9);
    assert_eq!(agent.heard()[..2], [Heard::Entry(1), Heard::Entry(2)], "agents have not spent it");
    let own = talk.follow(2, &customer(), 0, 9);
    assert_eq!(own.heard()[..2], [Heard::Entry(1), Heard::Entry(2)]);
    let again = talk.follow(3, &customer(), 0, 9);
    assert_eq!(again.heard(), [READ_ON], "whoever resumes sees the mask");
}

#[test]
fn what_has_reached_a_side_is_told_once_and_is_never_more_than_what_is_durable() {
    let mut talk = Talk::begun();
    talk.say(&AGENT, Do::Take { consultation: ConsultationId::from_bytes([6; 16]), epoch: None });
    talk.say(&AGENT, text("a"));
    talk.durable(3);
    let (agent, own) = (talk.follow(1, &AGENT, 4, 9), talk.follow(2, &customer(), 2, 9));
    assert_eq!((agent.heard().len(), own.heard().len()), (2, 2));
    talk.live.received(&customer(), seq(9));
    assert_eq!(agent.heard(), [Heard::Cursors(0, 0), Heard::Received(4, 0)]);
    assert_eq!(own.heard(), [Heard::Cursors(0, 0), Heard::Received(2, 0)]);
    talk.say(&AGENT, text("b"));
    talk.live.received(&customer(), seq(9));
    talk.durable(4);
    assert_eq!(agent.heard(), [Heard::Entry(4)], "nobody has what was not durable");
    let stranger = Identity::Member {
        workspace: WorkspaceId::from_bytes([8; 16]),
        member: MemberId::from_bytes([3; 16]),
    };
    talk.live.received(&stranger, seq(4));
    assert_eq!(agent.heard(), []);
}

#[test]
fn a_subscription_is_refused_to_strangers_and_beyond_the_last_durable_event() {
    let mut talk = Talk::begun();
    let stranger = Identity::Member {
        workspace: WorkspaceId::from_bytes([8; 16]),
        member: MemberId::from_bytes([3; 16]),
    };
    for (identity, after) in [(stranger, 0), (customer(), 2)] {
        let listener = Listener::with_room(9);
        let answer = talk.live.subscribe(7, SubscriberId(1), &identity, seq(after), listener.clone());
        assert_eq!(told(answer), ["7 rejected"]);
        assert_eq!(listener.heard(), []);
    }
    assert!(talk.live.subscribers.is_empty());
}

#[test]
fn it_may_sleep_when_nobody_follows_and_nothing_is_on_its_way() {
    let mut talk = Talk::begun();
    assert!(talk.live.may_sleep());
    talk.follow(1, &customer(), 1, 9);
    assert!(!talk.live.may_sleep());
    talk.live.unsubscribe(SubscriberId(1));
    assert!(talk.live.may_sleep());
    talk.say(&customer(), text("a"));
    assert!(!talk.live.may_sleep());
    talk.durable(2);
    assert!(talk.live.may_sleep());
}

#[test]
fn its_end_is_told_to_subscribers_and_names_who_still_waits() {
    let mut talk = Talk::begun();
    let listener = talk.follow(1, &customer(), 1, 9);
    listener.heard();
    talk.say(&customer(), text("a"));
    talk.say(&customer(), text("b"));
    talk.durable(2);
    assert_eq!(talk.live.end(), [3]);
    assert_eq!(listener.heard(), [Heard::Entry(2), Heard::End]);
}

#[test]
fn without_room_nothing_is_done_and_the_same_command_may_come_again() {
    let mut talk = Talk::begun();
    talk.is_full = true;
    let before = talk.live.state().clone();
    assert_eq!(talk.say(&customer(), text("a")), ["2: full"]);
    assert_eq!(*talk.live.state(), before);
    talk.is_full = false;
    assert_eq!(talk.say_as(90, 2, &customer(), text("a")), ["append 2"]);
}

#[test]
fn what_needs_no_entry_needs_no_room() {
    let mut talk = Talk::begun();
    talk.say(&customer(), text("a"));
    talk.durable(2);
    talk.is_full = true;
    assert_eq!(talk.say_as(90, 2, &customer(), text("a")), ["90 accepted 2"], "it was accepted before");
    assert_eq!(talk.say(&customer(), Do::Read { up_to: seq(1) }), ["3 already so"]);
    assert_eq!(talk.say(&AGENT, text("not entered")), ["4 rejected"]);
}

#[test]
fn everybody_else_is_told_of_typing_and_hears_of_nothing_that_is_not_durable() {
    let mut talk = Talk::begun();
    let _agent = talk.follow(1, &AGENT, 0, 9);
    let _tab = talk.follow(2, &customer(), 0, 9);
    let _typist = talk.follow(3, &customer(), 0, 9);
    let after = |talk: &Talk, from, who: &Identity, seen| {
        let typing = talk.live.typing(SubscriberId(from), who, seq(seen));
        typing.map(|(by, told)| (by, told.map(|(_, after)| after.get()).collect::<Vec<_>>()))
    };
    talk.say(&customer(), text("a"));
    assert_eq!(after(&talk, 3, &customer(), 1), Some((Party::Customer, vec![1, 1])));
    assert_eq!(after(&talk, 3, &customer(), 2), Some((Party::Customer, vec![1, 1])), "2 is not durable");
    talk.durable(2);
    assert_eq!(after(&talk, 3, &customer(), 1), Some((Party::Customer, vec![2, 1])));
    assert_eq!(after(&talk, 1, &AGENT, 1), None, "who has not entered");
}

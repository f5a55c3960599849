//! Monitoring is invisible: what a customer is told, byte for byte, with and without somebody who looks on.
//!
//! Owns the proof, from commands to frames. Must not know sockets: what is put into an outbox is encoded as it would
//! be sent.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use switchboard_protocol::vocabulary::{
    CategoryPath, ConsultationId, Content, ConversationId, InstanceId, MemberId, MessageText, Platform,
    ProfileId, Seq, Timestamp, UserKey, WorkspaceId,
};
use switchboard_protocol::wire::{ConversationFrame, Typing, encode, encode_frame};

use super::{caught_up, cursors, error, events, reply, reply_frame, sender};
use crate::actors::session::{Answered, Refusal};
use crate::domain::conversation::{Action as Do, Command, Context, Conversation, Entry, Origin, Policy};
use crate::domain::customer::Details;
use crate::domain::identity::{CustomerKey, Identity, Reader};
use crate::machines::feed::Verdict;
use crate::machines::live::{Action, Live, Outcome, Outlet, Ports, SideCursors, SubscriberId};

/// Everything that a customer's client gets, in order: the bodies of frames and datagrams.
type Told = Rc<RefCell<Vec<Bytes>>>;

/// A subscriber's outbox, and whose it is.
struct Outbox(Reader, Told);

impl Outbox {
    fn frame(&self, frame: &ConversationFrame) {
        self.1.borrow_mut().push(encode_frame(frame).unwrap());
    }
}

impl Outlet<()> for Outbox {
    fn push(&self, entry: &Arc<Entry>, (): &()) -> bool {
        self.1.borrow_mut().push(events(entry.seen_by(self.0), self.0));
        true
    }

    fn verdict(&self, verdict: Verdict) {
        if matches!(verdict, Verdict::Live) {
            self.frame(&caught_up(Seq::ZERO));
        }
    }

    fn lagging(&self) {}

    fn cursors(&self, told: SideCursors) {
        self.frame(&cursors(told));
    }

    fn end(&self) {}
}

struct Wires;

impl Ports for Wires {
    /// Whose command it is.
    type Token = Reader;
    type Stamp = ();
    type Outlet = Outbox;
}

/// What happens in the conversation that is watched.
#[derive(Debug, Clone)]
enum Happens {
    CustomerSays,
    CustomerCalls,
    CustomerCancels,
    CustomerReads,
    CustomerTypes,
    AgentTakes,
    AgentSays,
    AgentReads,
    AgentReceives,
    AgentTypes,
    AgentLeaves,
    AgentCompletes,
}

/// What whoever looks on does meanwhile.
#[derive(Debug, Clone, Copy)]
enum LooksOn {
    Follows,
    FollowsNoMore,
    Receives,
    Types,
    /// Refused, as whoever has not entered is.
    Says,
    Reads,
    Completes,
}

fn happens() -> impl Strategy<Value = Happens> {
    use Happens::*;
    prop::sample::select(vec![
        CustomerSays,
        CustomerSays,
        CustomerCalls,
        CustomerCancels,
        CustomerReads,
        CustomerTypes,
        AgentTakes,
        AgentTakes,
        AgentSays,
        AgentSays,
        AgentReads,
        AgentReceives,
        AgentTypes,
        AgentLeaves,
        AgentCompletes,
    ])
}

fn looks_on() -> impl Strategy<Value = LooksOn> {
    use LooksOn::*;
    prop::sample::select(vec![
        Follows,
        Follows,
        FollowsNoMore,
        Receives,
        Receives,
        Types,
        Types,
        Says,
        Reads,
        Completes,
    ])
}

/// A conversation with its customer, an agent who serves it, and perhaps somebody who looks on.
struct Scene {
    live: Live<Wires>,
    told: Told,
    now: i64,
    counter: u64,
}

impl Scene {
    fn new() -> Self {
        let live = Live::new(Conversation::new(WORKSPACE, CONVERSATION));
        let mut scene = Self { live, told: Told::default(), now: 1_000, counter: 0 };
        scene.does(
            &customer(),
            Do::Start { customer: key(), known: Details::default(), former: None, greeting: None },
        );
        scene.follows(CUSTOMER, &customer(), Rc::clone(&scene.told));
        // The agent's own client is there as well.
        scene.follows(AGENT, &agent(ADA), Told::default());
        scene
    }

    fn follows(&mut self, id: SubscriberId, who: &Identity, told: Told) {
        let outbox = Outbox(who.reader(), told);
        let answer = self.live.subscribe(who.reader(), id, who, Seq::ZERO, outbox);
        self.carry_out(answer);
    }

    fn does(&mut self, who: &Identity, action: Do) {
        self.counter += 1;
        self.now += 10;
        let origin =
            Origin { party: who.party(), instance: InstanceId::from_bytes([7; 16]), counter: self.counter };
        let command = Command { identity: who.clone(), origin, action };
        let context = Context::plain(Timestamp::from_millis(self.now), Policy::default());
        let done = self.live.command(who.reader(), (), &command, &context, || Ok::<(), ()>(()));
        let Ok(actions) = done else { unreachable!("there is room") };
        self.carry_out(actions);
        let actions = self.live.durable(self.live.state().revision);
        self.carry_out(actions);
    }

    /// The customer's answers are told as well: their sequences count.
    fn carry_out(&self, actions: impl IntoIterator<Item = Action<Wires>>) {
        for action in actions {
            let Action::Answer(Reader::Customer, outcome) = action else { continue };
            let answer = match outcome {
                Outcome::Accepted(answer) => Ok(reply(Answered::Accepted(Some(answer)), Reader::Customer)),
                Outcome::Rejected(rejection) => Err(error(&Refusal::Rejected(rejection))),
                Outcome::AlreadySo | Outcome::AcceptedLongAgo | Outcome::Subscribed => continue,
            };
            self.told.borrow_mut().push(encode(&reply_frame(1, answer)).unwrap());
        }
    }

    fn types(&self, from: SubscriberId, who: &Identity) {
        let Some((by, others)) = self.live.typing(from, who, Seq::MAX) else { return };
        for (outbox, after_seq) in others {
            let (by, conversation) = (Some(sender(by, outbox.0)), CONVERSATION);
            let typing = Typing { conversation, by, after_seq, expires_ms: 1_000 };
            outbox.1.borrow_mut().push(encode(&typing).unwrap());
        }
    }

    fn last(&self, reader: Reader) -> Seq {
        self.live.state().last.of(reader)
    }

    fn happens(&mut self, what: &Happens) {
        let text = |text: &str| Do::Post { content: Content::text(MessageText::new(text).unwrap()) };
        let consultation = ConsultationId::from_bytes([4; 16]);
        match what {
            Happens::CustomerSays => self.does(&customer(), text("hello")),
            Happens::CustomerCalls => {
                self.does(&customer(), Do::Call { consultation, category: CategoryPath::default() });
            }
            Happens::CustomerCancels => self.does(&customer(), Do::Cancel),
            Happens::CustomerReads => {
                let up_to = self.last(Reader::Customer);
                self.does(&customer(), Do::Read { up_to });
            }
            Happens::CustomerTypes => self.types(CUSTOMER, &customer()),
            Happens::AgentTakes => self.does(&agent(ADA), Do::Take { consultation, epoch: None }),
            Happens::AgentSays => self.does(&agent(ADA), text("yes?")),
            Happens::AgentReads => {
                let up_to = self.last(Reader::Staff);
                self.does(&agent(ADA), Do::Read { up_to });
            }
            Happens::AgentReceives => self.live.received(&agent(ADA), self.last(Reader::Staff)),
            Happens::AgentTypes => self.types(AGENT, &agent(ADA)),
            Happens::AgentLeaves => self.does(&agent(ADA), Do::Leave),
            Happens::AgentCompletes => self.does(&agent(ADA), Do::Complete { epoch: None }),
        }
    }

    /// Whoever looks on has a client of their own: nothing of it may move the time or the customer's counters.
    fn looks_on(&mut self, what: LooksOn) {
        let (counter, now) = (self.counter, self.now);
        match what {
            LooksOn::Follows => self.follows(MONITOR, &agent(BEN), Told::default()),
            LooksOn::FollowsNoMore => self.live.unsubscribe(MONITOR),
            LooksOn::Receives => self.live.received(&agent(BEN), self.last(Reader::Staff)),
            LooksOn::Types => self.types(MONITOR, &agent(BEN)),
            LooksOn::Says => {
                let content = Content::text(MessageText::new("boo").unwrap());
                self.does(&agent(BEN), Do::Post { content });
            }
            LooksOn::Reads => {
                let up_to = self.last(Reader::Staff);
                self.does(&agent(BEN), Do::Read { up_to });
            }
            LooksOn::Completes => self.does(&agent(BEN), Do::Complete { epoch: None }),
        }
        (self.counter, self.now) = (counter, now);
    }
}

proptest! {
    #[test]
    fn a_customer_is_told_the_same_bytes_whether_or_not_somebody_looks_on(
        story in prop::collection::vec((happens(), prop::collection::vec(looks_on(), 0..4)), 1..40),
    ) {
        let (mut alone, mut watched) = (Scene::new(), Scene::new());
        for (what, meanwhile) in &story {
            alone.happens(what);
            meanwhile.iter().for_each(|does| watched.looks_on(*does));
            watched.happens(what);
            meanwhile.iter().for_each(|does| watched.looks_on(*does));
        }
        prop_assert_eq!(&*alone.told.borrow(), &*watched.told.borrow());
    }
}

#[test]
fn what_the_agent_who_serves_does_the_customer_is_told() {
    let mut scene = Scene::new();
    for what in [Happens::CustomerSays, Happens::AgentTakes, Happens::AgentReads] {
        scene.happens(&what);
    }
    let before = scene.told.borrow().len();
    scene.happens(&Happens::AgentTypes);
    scene.happens(&Happens::CustomerSays);
    scene.happens(&Happens::AgentReceives);
    // Typing, the message with its answer, and that it was received.
    assert_eq!(scene.told.borrow().len(), before + 4);
}

fn key() -> CustomerKey {
    CustomerKey {
        profile: ProfileId::from_bytes([7; 16]),
        platform: Platform::new("web").unwrap(),
        user_key: UserKey::new("minji").unwrap(),
    }
}

fn customer() -> Identity {
    Identity::Customer { workspace: WORKSPACE, customer: key() }
}

const fn agent(member: MemberId) -> Identity {
    Identity::Member { workspace: WORKSPACE, member }
}

const WORKSPACE: WorkspaceId = WorkspaceId::from_bytes([1; 16]);
const CONVERSATION: ConversationId = ConversationId::from_bytes([3; 16]);
const ADA: MemberId = MemberId::from_bytes([0xa; 16]);
const BEN: MemberId = MemberId::from_bytes([0xb; 16]);
const CUSTOMER: SubscriberId = SubscriberId(1);
const AGENT: SubscriberId = SubscriberId(2);
const MONITOR: SubscriberId = SubscriberId(3);

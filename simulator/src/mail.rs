//! Mailboxes, and the messages that lie in them.
//!
//! Owns the order of delivery: what is cast to one actor is handled in the order of casting, as in the
//! engine; and the promise that whoever waits hears something: a reply that is dropped says so by
//! itself. Must not know what the actors do with their messages.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use switchboard::domain::conversation::{Command, Entry, OwnAction};
use switchboard::domain::customer::Known;
use switchboard::domain::identity::{CustomerKey, Identity};
use switchboard::domain::workspace::MemberCommand;
use switchboard::machines::commit::{Claim, Term};
use switchboard::machines::desk::Due;
use switchboard::machines::dispatch::Announcement;
use switchboard::machines::live::{Outcome, SubscriberId};
use switchboard::machines::openings::Named;
use switchboard::machines::room::NoRoom;
use switchboard::machines::route::Tag;
use switchboard_protocol::vocabulary::{ConversationId, MemberId, Seq};
use switchboard_protocol::wire::Request;

use crate::changes::ChangeAnswer;
use crate::disk::Record;
use crate::outbox::Outbox;
use crate::writer::Stream;

/// One incarnation of a conversation's actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Way(pub(crate) u64);

/// One session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SessionId(pub(crate) u64);

/// One incarnation of the workspace's actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Run(pub(crate) u64);

/// What a session asks of a conversation.
#[derive(Clone)]
pub(crate) enum Errand {
    /// And whether it comes by a session that only looks.
    Command(Rc<Command>, bool),
    Subscribe {
        subscriber: SubscriberId,
        after: Seq,
        identity: Rc<Identity>,
        outbox: Rc<Outbox>,
    },
    History {
        identity: Rc<Identity>,
        before: Option<Seq>,
    },
}

/// The answer to an errand.
pub(crate) enum ErrandAnswer {
    Outcome(Outcome),
    History(Vec<Arc<Entry>>),
    Unavailable(String),
    /// Not until there is room on the disk.
    NoRoom(NoRoom),
    /// Nobody is there for it, by a session that only looks.
    OnlyLooks(&'static str),
    /// It may or may not have been done.
    Unknown,
}

pub(crate) enum SessionMsg {
    Ask(Request),
    Typing(ConversationId, Seq),
    /// The workspace names the customer's conversation, for one of the session's openings.
    Opened(u64, Result<Named, String>),
    /// What is known of a customer from the conversation before was read, for one of the session's openings.
    Recalled(u64, ConversationId, Result<Known, String>),
    Listed(u64, Vec<ConversationId>),
    Released(u64, bool),
    /// What became of a change of a setting.
    Changed(Changing, ChangeAnswer),
    Answered {
        conversation: ConversationId,
        tag: Tag,
        answer: ErrandAnswer,
    },
    Lost {
        conversation: ConversationId,
        tag: Tag,
        way: Way,
    },
    Located(ConversationId, Located),
    SubscriptionEnded(u32),
    WorkspaceGone,
    /// That the client is there is believed until then.
    Attends(Duration),
    /// The workspace has begun anew.
    WorkspaceBegun(Run),
    /// It is to end, and what its client is told.
    Close(ForGood),
    Closed,
}

/// What a member's session says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attending {
    /// By it the member is believed to be there until then.
    Until(Duration),
    /// By it they only look.
    Looks,
    /// One by which they were there has ended.
    Gone,
}

/// Whether a client whose session ends comes back by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ForGood(pub(crate) bool);

pub(crate) enum Located {
    At(Way),
    Quarantined,
}

pub(crate) enum ConversationMsg {
    Errand(Errand, ErrandReply),
    CaughtUp(SubscriberId, Seq),
    Unsubscribe(SubscriberId),
    Typing(SubscriberId, Rc<Identity>, Seq),
    Received(Rc<Identity>, Seq),
    /// The engine itself does something.
    Own(OwnAction),
    /// Something may have to end by itself.
    LookDue,
    Resolved(Resolved),
    IdleSince(u64),
    Sleep,
}

/// What became of appends.
#[derive(Debug, Clone)]
pub(crate) enum Resolved {
    Durable(u64),
    Failed(String),
}

pub(crate) enum WorkspaceMsg {
    Locate(ConversationId, Option<Way>, LocateReply),
    /// A customer wants their conversation, and not this one, which has ended.
    Open(CustomerKey, Option<ConversationId>, OpenReply),
    Found(CustomerKey, Result<Option<ConversationId>, String>),
    /// And whether it has begun, and when something has to end in it by itself.
    AsksToSleep(ConversationId, Way, bool, Due),
    /// What is durable of a consultation.
    Announced(Announcement, Way),
    /// What was decided at an epoch was not taken.
    DecisionRefused(ConversationId, Way, u64),
    /// A member wants to change a setting.
    Change(Box<MemberCommand>, ChangeReply),
    Release(ConversationId, ReleaseReply),
    /// A member wants the list.
    List(ListReply),
    /// What a session of a member's is for.
    AgentSession(MemberId, SessionId, Attending),
    Stays(ConversationId, Way),
    Resolved(Resolved),
}

/// A conversation's actor has ended; the workspace hears of it before its other messages.
pub(crate) struct Ended {
    pub(crate) conversation: ConversationId,
    pub(crate) way: Way,
    /// Why, if it failed.
    pub(crate) failed: Option<String>,
}

/// What is asked of the writer.
pub(crate) enum Order {
    OpenWorkspace(Run),
    OpenConversation { term: Term, conversation: ConversationId, way: Way },
    Ready(Claim<Stream>, u64),
    Append(Claim<Stream>, Record),
    Close(Claim<Stream>),
}

#[derive(Default)]
struct Boxes {
    sessions: BTreeMap<SessionId, VecDeque<SessionMsg>>,
    conversations: BTreeMap<Way, VecDeque<ConversationMsg>>,
    workspaces: BTreeMap<Run, VecDeque<WorkspaceMsg>>,
    ended: BTreeMap<Run, VecDeque<Ended>>,
    orders: VecDeque<Order>,
}

/// Every mailbox of one process. They are gone with it.
#[derive(Default)]
pub(crate) struct Mail(Rc<RefCell<Boxes>>);

impl Mail {
    pub(crate) fn open_session(&self, id: SessionId) {
        self.0.borrow_mut().sessions.insert(id, VecDeque::new());
    }

    pub(crate) fn open_conversation(&self, way: Way) {
        self.0.borrow_mut().conversations.insert(way, VecDeque::new());
    }

    pub(crate) fn open_workspace(&self, run: Run) {
        let mut boxes = self.0.borrow_mut();
        boxes.workspaces.insert(run, VecDeque::new());
        boxes.ended.insert(run, VecDeque::new());
    }

    /// Closes a mailbox: what lies in it is dropped, and whoever waits for that hears so.
    pub(crate) fn close_session(&self, id: SessionId) {
        let closed = self.0.borrow_mut().sessions.remove(&id);
        drop(closed);
    }

    pub(crate) fn close_conversation(&self, way: Way) {
        let closed = self.0.borrow_mut().conversations.remove(&way);
        drop(closed);
    }

    pub(crate) fn close_workspace(&self, run: Run) {
        let closed = {
            let mut boxes = self.0.borrow_mut();
            (boxes.workspaces.remove(&run), boxes.ended.remove(&run))
        };
        drop(closed);
    }

    pub(crate) fn to_session(&self, id: SessionId, message: SessionMsg) {
        put(&self.0, id, message);
    }

    /// `false`: it is gone, and the message is dropped.
    pub(crate) fn to_conversation(&self, way: Way, message: ConversationMsg) -> bool {
        let undelivered = match self.0.borrow_mut().conversations.get_mut(&way) {
            Some(mailbox) => {
                mailbox.push_back(message);
                None
            }
            None => Some(message),
        };
        // Dropped only here: a reply in it writes to another mailbox.
        undelivered.is_none()
    }

    /// `false`: it is gone, and the message is dropped.
    pub(crate) fn to_workspace(&self, run: Run, message: WorkspaceMsg) -> bool {
        let undelivered = match self.0.borrow_mut().workspaces.get_mut(&run) {
            Some(mailbox) => {
                mailbox.push_back(message);
                None
            }
            None => Some(message),
        };
        undelivered.is_none()
    }

    pub(crate) fn ended(&self, run: Run, ended: Ended) {
        if let Some(supervision) = self.0.borrow_mut().ended.get_mut(&run) {
            supervision.push_back(ended);
        }
    }

    pub(crate) fn order(&self, order: Order) {
        self.0.borrow_mut().orders.push_back(order);
    }

    pub(crate) fn next_for_session(&self, id: SessionId) -> Option<SessionMsg> {
        self.0.borrow_mut().sessions.get_mut(&id)?.pop_front()
    }

    pub(crate) fn next_for_conversation(&self, way: Way) -> Option<ConversationMsg> {
        self.0.borrow_mut().conversations.get_mut(&way)?.pop_front()
    }

    pub(crate) fn next_for_workspace(&self, run: Run) -> Option<WorkspaceMsg> {
        self.0.borrow_mut().workspaces.get_mut(&run)?.pop_front()
    }

    pub(crate) fn next_ended(&self, run: Run) -> Option<Ended> {
        self.0.borrow_mut().ended.get_mut(&run)?.pop_front()
    }

    pub(crate) fn next_order(&self) -> Option<Order> {
        self.0.borrow_mut().orders.pop_front()
    }

    pub(crate) fn has_for_session(&self, id: SessionId) -> bool {
        self.0.borrow().sessions.get(&id).is_some_and(|mailbox| !mailbox.is_empty())
    }

    pub(crate) fn has_for_conversation(&self, way: Way) -> bool {
        self.0.borrow().conversations.get(&way).is_some_and(|mailbox| !mailbox.is_empty())
    }

    pub(crate) fn has_for_workspace(&self, run: Run) -> bool {
        let boxes = self.0.borrow();
        boxes.workspaces.get(&run).is_some_and(|mailbox| !mailbox.is_empty())
            || boxes.ended.get(&run).is_some_and(|mailbox| !mailbox.is_empty())
    }

    /// Whether nothing is on its way to the workspace, a conversation or the writer.
    pub(crate) fn is_quiet(&self, run: Run) -> bool {
        let boxes = self.0.borrow();
        boxes.orders.is_empty()
            && boxes.conversations.values().all(VecDeque::is_empty)
            && boxes.workspaces.get(&run).is_none_or(VecDeque::is_empty)
            && boxes.ended.get(&run).is_none_or(VecDeque::is_empty)
    }

    pub(crate) fn has_orders(&self) -> bool {
        !self.0.borrow().orders.is_empty()
    }

    /// Somebody who waits for an errand that was sent along a way.
    pub(crate) fn errand_reply(
        &self,
        to: SessionId,
        conversation: ConversationId,
        tag: Tag,
        way: Way,
    ) -> ErrandReply {
        ErrandReply { boxes: Rc::downgrade(&self.0), to: Some(to), conversation, tag, way }
    }

    /// Somebody who waits for something of the workspace.
    pub(crate) fn workspace_reply<T>(&self, to: SessionId, about: T) -> WorkspaceReply<T> {
        WorkspaceReply { boxes: Rc::downgrade(&self.0), to: Some(to), about }
    }

    /// A session asks the workspace for the list.
    pub(crate) fn ask_for_list(&self, run: Run, session: SessionId, ask: u64) {
        let reply = self.workspace_reply(session, ListAsk(ask));
        self.to_workspace(run, WorkspaceMsg::List(reply));
    }
}

/// Whoever waits for the answer to an errand.
pub(crate) struct ErrandReply {
    boxes: Weak<RefCell<Boxes>>,
    to: Option<SessionId>,
    conversation: ConversationId,
    tag: Tag,
    way: Way,
}

impl ErrandReply {
    pub(crate) fn answer(mut self, answer: ErrandAnswer) {
        if let (Some(to), Some(boxes)) = (self.to.take(), self.boxes.upgrade()) {
            put(&boxes, to, SessionMsg::Answered { conversation: self.conversation, tag: self.tag, answer });
        }
    }
}

impl Drop for ErrandReply {
    fn drop(&mut self) {
        if let (Some(to), Some(boxes)) = (self.to.take(), self.boxes.upgrade()) {
            let (conversation, tag, way) = (self.conversation, self.tag, self.way);
            put(&boxes, to, SessionMsg::Lost { conversation, tag, way });
        }
    }
}

/// A session that waits for its workspace, and about what.
pub(crate) struct WorkspaceReply<T> {
    boxes: Weak<RefCell<Boxes>>,
    to: Option<SessionId>,
    about: T,
}

/// A session that waits for the way to a conversation.
pub(crate) type LocateReply = WorkspaceReply<ConversationId>;

/// A session that waits for its customer's conversation, with the number of the opening.
pub(crate) type OpenReply = WorkspaceReply<Opening>;

/// A session that wants a conversation set aside no longer, with the number of the question.
pub(crate) type ReleaseReply = WorkspaceReply<Ask>;

/// A session that wants a setting changed; nobody, if whoever runs the engine does.
pub(crate) type ChangeReply = WorkspaceReply<Changing>;

/// The number of the question, and the client's counter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Changing(pub(crate) u64, pub(crate) u64);

/// A session that wants the list, with the number of the question.
pub(crate) type ListReply = WorkspaceReply<ListAsk>;

#[derive(Clone, Copy)]
pub(crate) struct ListAsk(u64);

#[derive(Clone, Copy)]
pub(crate) struct Opening(pub(crate) u64);

#[derive(Clone, Copy)]
pub(crate) struct Ask(pub(crate) u64);

impl LocateReply {
    pub(crate) fn locate(self, located: Located) {
        let message = SessionMsg::Located(self.about, located);
        self.say(message);
    }
}

impl OpenReply {
    pub(crate) fn opened(self, found: Result<Named, String>) {
        let message = SessionMsg::Opened(self.about.0, found);
        self.say(message);
    }
}

impl ReleaseReply {
    pub(crate) fn released(self, released: bool) {
        let message = SessionMsg::Released(self.about.0, released);
        self.say(message);
    }
}

impl ChangeReply {
    /// Nobody waits for it.
    pub(crate) const fn nobody() -> Self {
        Self { boxes: Weak::new(), to: None, about: Changing(0, 0) }
    }

    pub(crate) fn changed(self, answer: ChangeAnswer) {
        let message = SessionMsg::Changed(self.about, answer);
        self.say(message);
    }
}

impl ListReply {
    pub(crate) fn listed(self, conversations: Vec<ConversationId>) {
        let message = SessionMsg::Listed(self.about.0, conversations);
        self.say(message);
    }
}

impl<T> WorkspaceReply<T> {
    fn say(mut self, message: SessionMsg) {
        if let (Some(to), Some(boxes)) = (self.to.take(), self.boxes.upgrade()) {
            put(&boxes, to, message);
        }
    }
}

impl<T> Drop for WorkspaceReply<T> {
    fn drop(&mut self) {
        if let (Some(to), Some(boxes)) = (self.to.take(), self.boxes.upgrade()) {
            put(&boxes, to, SessionMsg::WorkspaceGone);
        }
    }
}

fn put(boxes: &RefCell<Boxes>, to: SessionId, message: SessionMsg) {
    let undelivered = match boxes.borrow_mut().sessions.get_mut(&to) {
        Some(mailbox) => {
            mailbox.push_back(message);
            None
        }
        None => Some(message),
    };
    drop(undelivered);
}

//! A conversation as a plain list, to hold the rules against.
//!
//! Owns nothing but the list of what was accepted; whatever is asked of it is found by going through all
//! of it again. Slow, without bounds, and written without a look at how the rules are carried out.

use switchboard_protocol::vocabulary::MediaKind;

use super::course::Course;
use super::random::Own;
use super::*;
use crate::domain::consultation::Unserved;
use crate::domain::customer::{DetailsChange, Edit};

/// Everything that was accepted.
#[derive(Debug, Default)]
pub(super) struct Model {
    accepted: Vec<Accepted>,
}

#[derive(Debug)]
struct Accepted {
    /// Whose command it was; `None`: nobody's, the engine itself did it.
    origin: Option<Origin>,
    at: i64,
    events: Vec<(Party, What)>,
}

/// What may become of a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Events(Vec<(Party, What)>),
    AlreadySo,
    Refused(Rejection),
    /// It is one that was accepted before: the entry of this number.
    Again(usize),
    /// It is one that was accepted before, further back than is promised to be remembered.
    NotAgain,
    /// The client does not keep to the window: only a second message would be wrong.
    Unpromised(Box<Expected>),
}

impl Model {
    pub(super) fn expects(&self, command: &Command, text_chars_max: usize) -> Expected {
        let rule = match self.admission(command) {
            Err(rejection) => return Expected::Refused(rejection),
            Ok(()) if self.is_overtaken(command) => {
                Expected::Refused(Rejection::Overtaken { counter: command.origin.counter })
            }
            Ok(()) => self.rule(command, text_chars_max),
        };
        let origin = &command.origin;
        let earlier = self.accepted.iter().position(|accepted| accepted.origin == Some(*origin));
        match earlier {
            Some(entry) if self.is_in_window(origin) && self.is_recent(origin) => Expected::Again(entry),
            Some(_) => Expected::NotAgain,
            None if self.is_in_window(origin) && (self.is_recent(origin) || self.is_newest(origin)) => rule,
            None => Expected::Unpromised(Box::new(rule)),
        }
    }

    pub(super) fn accept(&mut self, origin: Option<Origin>, at: i64, events: Vec<(Party, What)>) {
        self.accepted.push(Accepted { origin, at, events });
    }

    /// The time that an entry made now has.
    pub(super) fn time(&self, now: i64) -> i64 {
        self.accepted.iter().map(|accepted| accepted.at).fold(now, i64::max)
    }

    /// What a reader sees, in order.
    pub(super) fn view(&self, reader: Reader) -> Vec<What> {
        self.events().map(|(_, what)| what).filter(|what| sees(reader, what)).cloned().collect()
    }

    pub(super) fn agents(&self) -> Vec<MemberId> {
        let mut inside = self.course().inside;
        inside.sort();
        inside
    }

    /// What has happened to the consultation that goes on, its beginning first.
    fn consultation(&self) -> Vec<&What> {
        let mut since = Vec::new();
        for (_, what) in self.events() {
            match what {
                What::Called { .. } | What::Assigned { how: How::SteppedIn { .. }, .. } => since = vec![what],
                What::Completed | What::Unserved { .. } | What::Ended => since.clear(),
                _ if since.is_empty() => {}
                _ => since.push(what),
            }
        }
        since
    }

    fn has_consultation(&self) -> bool {
        !self.consultation().is_empty()
    }

    pub(super) fn assignee(&self) -> Option<MemberId> {
        self.course().assignee
    }

    /// Whether an agent has entered since somebody answered for it, or whoever took it was inside already.
    pub(super) fn is_in_progress(&self) -> bool {
        self.course().begun
    }

    /// Who answered last for what was served and is over, or waits again.
    pub(super) fn former(&self) -> Option<MemberId> {
        self.course().former
    }

    fn course(&self) -> Course {
        let mut course = Course::default();
        for (_, what) in self.events() {
            course.goes_on(what);
        }
        course
    }

    /// How often it has changed who serves it or has the floor.
    pub(super) fn epoch(&self) -> u64 {
        let changes = self.events().filter(|(_, what)| {
            matches!(
                what,
                What::Called { .. }
                    | What::Assigned { .. }
                    | What::Requeued { .. }
                    | What::Unserved { .. }
                    | What::Completed
                    | What::Ended
            )
        });
        changes.count() as u64
    }

    pub(super) fn ended(&self) -> bool {
        self.events().any(|(_, what)| *what == What::Ended)
    }

    /// What was last said of each detail.
    pub(super) fn details(&self) -> Details {
        fn last<T: Clone>(edits: impl DoubleEndedIterator<Item = Edit<T>>) -> Option<T> {
            match edits.rev().find(|edit| !matches!(edit, Edit::Leave)) {
                Some(Edit::Set(value)) => Some(value),
                Some(Edit::Clear | Edit::Leave) | None => None,
            }
        }
        let changes: Vec<DetailsChange> = self
            .events()
            .filter_map(|(_, what)| match what {
                What::Described(change) => Some(DetailsChange::clone(change)),
                _ => None,
            })
            .collect();
        Details {
            name: last(changes.iter().map(|change| change.name.clone())),
            phone: last(changes.iter().map(|change| change.phone.clone())),
            email: last(changes.iter().map(|change| change.email.clone())),
            gender: last(changes.iter().map(|change| change.gender.clone())),
        }
    }

    /// Who writes down what: only what differs is recorded.
    fn describe(&self, by: Party, change: &DetailsChange) -> Expected {
        fn differs<T: Clone + PartialEq>(edit: &Edit<T>, now: Option<&T>) -> Edit<T> {
            let then = match edit {
                Edit::Leave => return Edit::Leave,
                Edit::Set(value) => Some(value),
                Edit::Clear => None,
            };
            if then == now { Edit::Leave } else { edit.clone() }
        }
        let Details { name, phone, email, gender } = self.details();
        let differences = DetailsChange {
            name: differs(&change.name, name.as_ref()),
            phone: differs(&change.phone, phone.as_ref()),
            email: differs(&change.email, email.as_ref()),
            gender: differs(&change.gender, gender.as_ref()),
        };
        let nothing = differences == DetailsChange::default();
        let what = if nothing { What::Unchanged } else { What::Described(Box::new(differences)) };
        Expected::Events(vec![(by, what)])
    }

    /// The places of the other side's messages that a side has not read.
    pub(super) fn unread(&self, side: Side) -> Vec<Place> {
        let read = self.cursor(side);
        self.messages_to(side).into_iter().filter(|place| place.staff > read.staff).collect()
    }

    /// How far a side has read.
    pub(super) fn cursor(&self, side: Side) -> Place {
        let reads = self.events().filter_map(|(_, what)| match what {
            What::Read { side: by, up_to } if *by == side => Some(*up_to),
            _ => None,
        });
        reads.last().unwrap_or_default()
    }

    /// The place of the last event of an entry that counts, and whether the customer sees that event.
    pub(super) fn answer(&self, entry: usize) -> (Option<Place>, bool) {
        let before: usize = self.accepted[..entry].iter().map(|accepted| accepted.events.len()).sum();
        let own = &self.accepted[entry].events;
        let counts = |(_, what): &&(Party, What)| sees(Reader::Staff, what);
        match own.iter().rev().find(counts) {
            Some((_, what)) => (Some(self.place_after(before + own.len())), sees(Reader::Customer, what)),
            None => (None, false),
        }
    }

    fn events(&self) -> impl Iterator<Item = &(Party, What)> {
        self.accepted.iter().flat_map(|accepted| &accepted.events)
    }

    /// Whose commands were accepted.
    fn origins(&self) -> impl DoubleEndedIterator<Item = &Origin> {
        self.accepted.iter().filter_map(|accepted| accepted.origin.as_ref())
    }

    /// Where both sequences stand after so many events.
    fn place_after(&self, events: usize) -> Place {
        let count = |reader| self.events().take(events).filter(|(_, what)| sees(reader, what)).count() as u64;
        place(count(Reader::Staff), count(Reader::Customer))
    }

    fn end(&self) -> Place {
        self.place_after(usize::MAX)
    }

    fn messages_to(&self, side: Side) -> Vec<Place> {
        let all = self.events().enumerate();
        let theirs = all.filter(|(_, (by, what))| {
            matches!(what, What::Message(_)) && (*by == Party::Customer) == (side == Side::Staff)
        });
        theirs.map(|(at, _)| self.place_after(at + 1)).collect()
    }

    fn customer(&self) -> Option<&CustomerKey> {
        self.events().find_map(|(_, what)| match what {
            What::Started { customer, .. } => Some(customer),
            _ => None,
        })
    }

    /// Whether something that this client sent later was accepted, so that this would be out of order.
    fn is_overtaken(&self, command: &Command) -> bool {
        let Origin { party, instance, counter } = command.origin;
        let is_later =
            |other: &Origin| (other.party, other.instance) == (party, instance) && other.counter > counter;
        let matters = !matches!(command.action, Action::Start { .. } | Action::Read { .. });
        matters && self.origins().any(is_later)
    }

    fn admission(&self, command: &Command) -> Result<(), Rejection> {
        let starts = matches!(command.action, Action::Start { .. });
        let is_known = match (&command.identity, self.customer()) {
            (Identity::Member { .. }, _) if starts => {
                return Err(Rejection::OnlyCustomer { action: "open" });
            }
            (identity, _) if identity.workspace() != WORKSPACE => false,
            (Identity::Customer { customer, .. }, Some(own)) => customer == own,
            (Identity::Member { .. }, Some(_)) => true,
            (Identity::Customer { customer: own, .. }, None) => {
                matches!(&command.action, Action::Start { customer, .. } if customer == own)
            }
            (Identity::Member { .. }, None) => false,
        };
        if is_known { Ok(()) } else { Err(Rejection::NoSuchConversation) }
    }

    fn end_of(&self, by: Party) -> Expected {
        let why = if by == Party::Customer { Unserved::Left } else { Unserved::Dismissed };
        let whats = match (self.has_consultation(), self.course().was_served) {
            _ if self.ended() => return Expected::AlreadySo,
            _ if self.is_outside(by) => return Expected::Refused(Rejection::NotEntered { action: "end" }),
            (false, _) => vec![What::Ended],
            (true, true) => vec![What::Completed, What::Ended],
            (true, false) => vec![What::Unserved { why }, What::Ended],
        };
        Expected::Events(whats.into_iter().map(|what| (by, what)).collect())
    }

    fn rule(&self, command: &Command, text_chars_max: usize) -> Expected {
        let by = command.identity.party();
        match (&command.action, by) {
            (Action::Start { .. } | Action::Post { .. }, _) if self.ended() => {
                Expected::Refused(Rejection::Ended)
            }
            (
                Action::Join
                | Action::Take { .. }
                | Action::Complete { .. }
                | Action::Transfer { .. }
                | Action::Describe { .. },
                Party::Agent { .. },
            ) if self.ended() => Expected::Refused(Rejection::Ended),
            (
                Action::Take { epoch: Some(epoch), .. }
                | Action::Complete { epoch: Some(epoch) }
                | Action::Transfer { epoch: Some(epoch), .. },
                Party::Agent { .. },
            ) if *epoch != self.epoch() => {
                let action = match &command.action {
                    Action::Take { .. } => "take",
                    Action::Complete { .. } => "complete",
                    _ => "transfer",
                };
                Expected::Refused(Rejection::Moved { action, assignee: self.assignee() })
            }
            (Action::Call { .. } | Action::Cancel, Party::Customer) if self.ended() => {
                Expected::Refused(Rejection::Ended)
            }
            (Action::End, by) => self.end_of(by),
            (Action::Start { .. }, _) if self.customer().is_some() => Expected::AlreadySo,
            (Action::Start { customer, greeting, known, former }, _) => {
                let started = (by, What::Started { customer: customer.clone(), former: *former });
                let by_bot = said_at_first(greeting.as_ref(), known).into_iter();
                let by_bot = by_bot.map(|what| (Party::Bot, what));
                Expected::Events([started].into_iter().chain(by_bot).collect())
            }
            (Action::Describe { change }, Party::Agent { .. }) => self.describe(by, change),
            (Action::Describe { .. }, _) => Expected::Refused(Rejection::OnlyAgents { action: "describe" }),
            (Action::Post { content }, _) => self.post(by, content, text_chars_max),
            (Action::Read { up_to }, _) => self.read(by, *up_to),
            (Action::Join, Party::Agent { member }) => self.serve(member, "join"),
            (Action::Leave, Party::Agent { member }) => self.serve(member, "leave"),
            (Action::Take { .. }, Party::Agent { member }) => self.serve(member, "take"),
            (Action::Call { consultation, category }, Party::Customer) => {
                if self.has_consultation() {
                    return Expected::Refused(Rejection::AlreadyCalled);
                }
                let (consultation, category) = (*consultation, category.clone());
                let called = What::Called { consultation, category, in_hours: true, bot_replies: false };
                Expected::Events(vec![(by, called)])
            }
            (Action::Cancel, Party::Customer) => match (self.has_consultation(), self.is_in_progress()) {
                (false, _) => Expected::Refused(Rejection::NotCalled),
                (true, true) => Expected::Refused(Rejection::AlreadyServed),
                (true, false) if self.course().was_served => Expected::Events(vec![(by, What::Completed)]),
                (true, false) => Expected::Events(vec![(by, What::Unserved { why: Unserved::GaveUp })]),
            },
            (Action::Transfer { from, to, .. }, Party::Agent { .. }) => self.transfer(by, *from, *to),
            (Action::Call { .. }, _) => Expected::Refused(Rejection::OnlyCustomer { action: "call" }),
            (Action::Cancel, _) => Expected::Refused(Rejection::OnlyCustomer { action: "cancel" }),
            (Action::Transfer { .. }, _) => Expected::Refused(Rejection::OnlyAgents { action: "transfer" }),
            (Action::Complete { .. }, Party::Agent { member }) => self.serve(member, "complete"),
            (Action::Join, _) => Expected::Refused(Rejection::OnlyAgents { action: "join" }),
            (Action::Leave, _) => Expected::Refused(Rejection::OnlyAgents { action: "leave" }),
            (Action::Take { .. }, _) => Expected::Refused(Rejection::OnlyAgents { action: "take" }),
            (Action::Complete { .. }, _) => Expected::Refused(Rejection::OnlyAgents { action: "complete" }),
        }
    }

    fn post(&self, by: Party, content: &Content, max: usize) -> Expected {
        if self.is_outside(by) {
            return Expected::Refused(Rejection::NotEntered { action: "post" });
        }
        if by != Party::Customer && !self.is_in_progress() {
            return Expected::Refused(Rejection::NotServed { action: "post" });
        }
        match content {
            Content::Cards { .. } => Expected::Refused(Rejection::OnlyBot { what: "cards" }),
            Content::Text { buttons, .. } if !buttons.as_slice().is_empty() => {
                Expected::Refused(Rejection::OnlyBot { what: "buttons" })
            }
            Content::Media(media) if media.kind() == MediaKind::Unknown => {
                Expected::Refused(Rejection::UnknownContent)
            }
            Content::Unknown => Expected::Refused(Rejection::UnknownContent),
            Content::Text { text, .. } if text.as_str().chars().count() > max => {
                let chars = text.as_str().chars().count();
                Expected::Refused(Rejection::TextTooLong { chars, max })
            }
            Content::Text { .. } | Content::Media(_) | Content::Location(_) => {
                Expected::Events(vec![(by, What::Message(Message::plain(content.clone())))])
            }
        }
    }

    fn read(&self, by: Party, up_to: Seq) -> Expected {
        if self.is_outside(by) && !self.ended() {
            return Expected::Refused(Rejection::NotEntered { action: "read" });
        }
        let (side, reader) = match by {
            Party::Customer => (Side::Customer, Reader::Customer),
            Party::Bot | Party::Agent { .. } => (Side::Staff, Reader::Staff),
        };
        let last = self.end().of(reader);
        if up_to > last {
            return Expected::Refused(Rejection::BeyondEnd { up_to, last });
        }
        let covered = self.unread(side).into_iter().rfind(|place| place.of(reader) <= up_to);
        covered.map_or(Expected::AlreadySo, |up_to| Expected::Events(vec![(by, What::Read { side, up_to })]))
    }

    /// The few agents of these tests never fill a conversation.
    fn serve(&self, member: MemberId, action: &'static str) -> Expected {
        let by = Party::Agent { member };
        let (inside, assignee) = (self.agents().contains(&member), self.assignee());
        let whats = match action {
            "join" if inside => vec![],
            "join" => vec![What::Entered { member }],
            "leave" if inside => vec![What::Left { member }],
            "leave" => vec![],
            "take" => match (assignee, inside) {
                (Some(other), _) if other != member => {
                    return Expected::Refused(Rejection::AlreadyAssigned { by: other });
                }
                (Some(_), true) => vec![],
                (Some(_), false) => vec![What::Entered { member }],
                (None, inside) => {
                    let waits = self.has_consultation();
                    let how = if waits { How::Taken } else { How::SteppedIn { consultation: CONSULTATION } };
                    let entered = (!inside).then_some(What::Entered { member });
                    std::iter::once(What::Assigned { member, how }).chain(entered).collect()
                }
            },
            _ if !self.has_consultation() => {
                return Expected::Refused(Rejection::NotServed { action: "complete" });
            }
            _ if !inside || !self.is_in_progress() => {
                return Expected::Refused(Rejection::NotEntered { action });
            }
            _ => vec![What::Completed],
        };
        let whats = if whats.is_empty() { vec![What::Unchanged] } else { whats };
        Expected::Events(whats.into_iter().map(|what| (by, what)).collect())
    }

    /// What becomes of what the engine itself does; `None`: it is not so any more.
    pub(super) fn own(&self, own: Own) -> Option<Vec<(Party, What)>> {
        let waits = self.has_consultation() && self.assignee().is_none();
        match own {
            Own::Gives(explanation, to) if waits => {
                let is_out = self.agents().contains(&to);
                let out = is_out.then_some((Party::Agent { member: to }, What::Left { member: to }));
                let given = What::Assigned { member: to, how: How::Automatic };
                let explained = (Party::Bot, What::Explained(Box::new(explanation)));
                Some([explained].into_iter().chain(out).chain([(Party::Bot, given)]).collect())
            }
            Own::Gives(..) => None,
            Own::Requeues(why) => {
                let from = self.assignee()?;
                Some(vec![(Party::Bot, What::Requeued { from, why })])
            }
        }
    }

    fn transfer(&self, by: Party, from: MemberId, to: MemberId) -> Expected {
        let action = "transfer";
        match self.assignee() {
            None => Expected::Refused(Rejection::NotServed { action }),
            Some(other) if other != from => {
                Expected::Refused(Rejection::Moved { action, assignee: Some(other) })
            }
            Some(_) if by != (Party::Agent { member: from }) && self.is_outside(by) => {
                Expected::Refused(Rejection::NotEntered { action })
            }
            Some(_) if from == to => Expected::Events(vec![(by, What::Unchanged)]),
            Some(_) => {
                let is_out = !self.is_in_progress() && self.agents().contains(&to);
                let out = is_out.then_some((Party::Agent { member: to }, What::Left { member: to }));
                let how = How::Transferred { from };
                Expected::Events(out.into_iter().chain([(by, What::Assigned { member: to, how })]).collect())
            }
        }
    }

    fn is_outside(&self, by: Party) -> bool {
        matches!(by, Party::Agent { member } if !self.agents().contains(&member))
    }

    /// The client has left no more unanswered than it may, if it sends this now.
    fn is_in_window(&self, origin: &Origin) -> bool {
        let own =
            self.origins().filter(|used| (used.party, used.instance) == (origin.party, origin.instance));
        own.map(|used| used.counter).all(|used| used < origin.counter + ANSWERS_MAX as u64)
    }

    /// The instance is one of the last that the party used here.
    fn is_recent(&self, origin: &Origin) -> bool {
        let mut recent: Vec<InstanceId> = Vec::new();
        for used in self.origins().rev().filter(|used| used.party == origin.party) {
            if !recent.contains(&used.instance) {
                recent.push(used.instance);
            }
        }
        recent.iter().take(INSTANCES_MAX).any(|instance| *instance == origin.instance)
    }

    /// The instance is younger than all that the party used here.
    fn is_newest(&self, origin: &Origin) -> bool {
        let own = self.origins().filter(|used| used.party == origin.party);
        own.map(|used| used.instance).all(|used| used < origin.instance)
    }
}

/// What the bot begins with: what is known of the customer, here a name at the most, and its greeting.
fn said_at_first(greeting: Option<&Message>, known: &Details) -> Vec<What> {
    let name = known.name.clone().map(Edit::Set);
    let known = name.map(|name| DetailsChange { name, ..DetailsChange::default() });
    let known = known.map(|change| What::Described(Box::new(change)));
    known.into_iter().chain(greeting.cloned().map(What::Message)).collect()
}

/// Who sees what, as the product says it.
fn sees(reader: Reader, what: &What) -> bool {
    match what {
        What::Started { .. }
        | What::Message(_)
        | What::Called { .. }
        | What::Unserved { .. }
        | What::Ended => true,
        What::CallRefused { .. }
        | What::Assigned { .. }
        | What::Requeued { .. }
        | What::Entered { .. }
        | What::Left { .. }
        | What::Described(_)
        | What::Completed => reader == Reader::Staff,
        What::Explained(_) | What::Read { .. } | What::Unchanged => false,
    }
}

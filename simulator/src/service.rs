//! Who serves what, as the reference model has it: read from the durable entries alone.
//!
//! Owns what an entry may do to a consultation, written without the engine's rules. Must not know who decided
//! it, nor what is on its way.

use std::collections::{BTreeMap, BTreeSet};

use switchboard::domain::assignment::{Explanation, Outcome, Rule, Standing, Why};
use switchboard::domain::consultation::{How, Unserved};
use switchboard::domain::conversation::{Entry, Event, What};
use switchboard_protocol::vocabulary::{
    CategoryPath, ConsultationId, ConversationId, MemberId, Party, ProfileId, Timestamp,
};

use crate::check::Promise;
use crate::settings::{AUTO_CLOSE_MS, PROFILES, Timetable};
use crate::tally::Count;

/// What is durable of everybody's service.
#[derive(Default)]
pub(crate) struct Service {
    talks: BTreeMap<ConversationId, Talk>,
    timetable: Timetable,
}

/// Of one conversation.
#[derive(Default)]
struct Talk {
    profile: Option<ProfileId>,
    open: Option<Call>,
    /// How often it has changed who serves it.
    changes: u64,
    /// The customer has said something to which the bot may answer.
    awaits_bot: bool,
    ended: bool,
    /// Which agents have entered.
    inside: BTreeSet<MemberId>,
    former: Option<MemberId>,
    /// What the bot calls about again when the customer writes next.
    parked: Option<CategoryPath>,
}

/// A consultation that goes on.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) id: ConsultationId,
    pub(crate) profile: ProfileId,
    pub(crate) category: CategoryPath,
    pub(crate) called_at: Timestamp,
    pub(crate) in_hours: bool,
    pub(crate) former: Option<MemberId>,
    pub(crate) holder: Option<MemberId>,
    /// Why it waits, as that was explained last since nobody answers for it.
    pub(crate) why: Option<Why>,
    pub(crate) has_begun: bool,
    /// At any time, by anybody.
    was_served: bool,
    /// Since when it waits for somebody.
    pub(crate) waits_since: Timestamp,
    /// Which decision gave it to them, if one did.
    given_by: Option<usize>,
    by_bot: bool,
    bot_replies: bool,
    pub(crate) silent_since: Option<Timestamp>,
}

/// What an entry breaks.
type Broken = (Promise, String);

impl Service {
    pub(crate) fn new(timetable: Timetable) -> Self {
        Self { timetable, ..Self::default() }
    }

    /// The consultations that go on.
    pub(crate) fn open(&self) -> impl Iterator<Item = (ConversationId, &Call)> {
        self.talks.iter().filter_map(|(id, talk)| Some((*id, talk.open.as_ref()?)))
    }

    /// How many consultations somebody answers for.
    pub(crate) fn held(&self, member: MemberId) -> usize {
        self.open().filter(|(_, call)| call.holder == Some(member)).count()
    }

    /// Who answers for a conversation.
    pub(crate) fn holder(&self, conversation: ConversationId) -> Option<MemberId> {
        self.talks.get(&conversation)?.open.as_ref()?.holder
    }

    /// At which profile a conversation is.
    pub(crate) fn profile(&self, conversation: ConversationId) -> Option<ProfileId> {
        self.talks.get(&conversation)?.profile
    }

    /// How often it has changed who serves a conversation.
    pub(crate) fn changes(&self, conversation: ConversationId) -> u64 {
        self.talks.get(&conversation).map_or(0, |talk| talk.changes)
    }

    /// Adds an entry, with the number of the decision in it. Those in `aside` do not count for anybody.
    ///
    /// # Errors
    /// What it breaks.
    pub(crate) fn add(
        &mut self,
        entry: &Entry,
        aside: &BTreeSet<ConversationId>,
        given_by: Option<usize>,
    ) -> Result<Vec<Count>, Broken> {
        let mut counts = Vec::new();
        let mut explained = None;
        for event in &entry.events {
            if let What::Explained(explanation) = &event.what {
                explained = Some(&**explanation);
                if explanation.considered.conclude() != explanation.outcome {
                    return Err((Promise::Explained, format!("{explanation:?} does not follow")));
                }
                counts.push(match explanation.outcome {
                    Outcome::Assigned { rule: Rule::Sticky, .. } => Count::ToFormer,
                    Outcome::Assigned { rule: Rule::Specialist, .. } => Count::ToSpecialist,
                    Outcome::Assigned { rule: Rule::General, .. } => Count::ToGeneral,
                    Outcome::Waits(Why::Manual) => Count::WaitsForHand,
                    Outcome::Waits(Why::Closed) => Count::WaitsForOpening,
                    Outcome::Waits(Why::ForFormer(_)) => Count::WaitsForFormer,
                    Outcome::Waits(Why::NobodyFree) => Count::WaitsForAnybody,
                });
            }
            if let What::Assigned { member, how: How::Automatic } = event.what {
                self.may_be_given(member, entry.conversation, explained, (aside, given_by))?;
            }
            let talk = self.talks.entry(entry.conversation).or_default();
            counts.extend(talk.add(entry, event, (&self.timetable, given_by))?);
        }
        let talk = self.talks.entry(entry.conversation).or_default();
        if entry
            .events
            .iter()
            .any(|event| event.by == Party::Customer && matches!(event.what, What::Message(_)))
            && let Some(parked) = talk.parked.take()
        {
            return Err((Promise::Floor, format!("the bot was parked and has not called about {parked}")));
        }
        Ok(counts)
    }

    fn may_be_given(
        &self,
        member: MemberId,
        conversation: ConversationId,
        explained: Option<&Explanation>,
        (aside, given_by): (&BTreeSet<ConversationId>, Option<usize>),
    ) -> Result<(), Broken> {
        let Some(Explanation { considered, outcome }) = explained else {
            return Err((Promise::Capacity, format!("{member} was assigned without a reason")));
        };
        let chosen = considered.candidates.iter().find(|candidate| candidate.member == member);
        let is_so = matches!(outcome, Outcome::Assigned { member: to, .. } if *to == member);
        if !is_so || chosen.is_none_or(|chosen| chosen.agent.standing != Standing::Online) {
            return Err((Promise::Eligible, format!("{member} was assigned: {outcome:?}, {chosen:?}")));
        }
        let others = self.open().filter(|(id, _)| *id != conversation && !aside.contains(id));
        // Those that were decided before it: profiles have maximums of their own.
        let before = |call: &Call| call.given_by.is_some() && call.given_by < given_by;
        let held = others.filter(|(_, call)| call.holder == Some(member) && before(call)).count();
        if held >= considered.maximum as usize {
            let what = format!("{member} was given one more than {held}; {} is the most", considered.maximum);
            return Err((Promise::Capacity, what));
        }
        Ok(())
    }
}

impl Talk {
    fn add(
        &mut self,
        entry: &Entry,
        event: &Event,
        (timetable, given_by): (&Timetable, Option<usize>),
    ) -> Result<Option<Count>, Broken> {
        let one_owner = |what: &str, talk: &Self| {
            Err((Promise::OneOwner, format!("{event:?} {what}; it was {:?}", talk.open)))
        };
        match &event.what {
            What::Called { .. } if self.open.is_some() => return one_owner("while another goes on", self),
            What::Called { consultation, category, in_hours, bot_replies } => {
                let by_bot = event.by == Party::Bot;
                let count = self.calls(by_bot, category)?;
                self.begin(*consultation, category.clone(), entry.at, (*in_hours, *bot_replies));
                self.open.iter_mut().for_each(|call| call.by_bot = by_bot);
                let is_other = count == Count::Called && !in_hours;
                return Ok(Some(if is_other { Count::CalledOutside } else { count }));
            }
            What::Assigned { how: How::SteppedIn { .. }, .. } if self.open.is_some() => {
                return one_owner("while another goes on", self);
            }
            What::Assigned { member, how } => {
                if let How::SteppedIn { consultation } = how {
                    self.parked = None;
                    self.begin(*consultation, CategoryPath::default(), entry.at, (true, false));
                    self.changes -= 1;
                }
                return self.assign(*member, *how, event, given_by);
            }
            What::Requeued { from, .. } => {
                let Some(call) = self.open.as_mut().filter(|call| call.holder == Some(*from)) else {
                    return one_owner("is not theirs", self);
                };
                if call.has_begun {
                    (self.former, call.former) = (Some(*from), Some(*from));
                }
                (call.holder, call.has_begun, call.why) = (None, false, None);
                (call.waits_since, call.silent_since) = (entry.at, None);
                self.inside.remove(from);
                self.changed();
                return Ok(Some(Count::Requeued));
            }
            What::Entered { member } => self.enters(*member),
            What::Left { member } => {
                self.inside.remove(member);
            }
            What::Completed => {
                return self.completed(entry, event, timetable);
            }
            What::Unserved { why } => return self.unserved(entry.at, event, *why, timetable),
            What::Ended => {
                if self.open.is_some() {
                    return one_owner("while it goes on", self);
                }
                self.ended = true;
                self.over();
            }
            What::Message(_) => return self.said(entry, event),
            What::CallRefused { category } => {
                return self.calls(event.by == Party::Bot, category).map(|_| Some(Count::CallRefused));
            }
            What::Started { customer, former } => {
                (self.profile, self.former) = (Some(customer.profile), *former);
            }
            What::Explained(explanation) => {
                if let (Some(call), Outcome::Waits(why)) = (&mut self.open, explanation.outcome) {
                    call.why = Some(why);
                }
            }
            What::Described(_) | What::Read { .. } | What::Unchanged => {}
        }
        Ok(None)
    }

    fn unserved(
        &mut self,
        at: Timestamp,
        event: &Event,
        why: Unserved,
        timetable: &Timetable,
    ) -> Result<Option<Count>, Broken> {
        let Some(call) = self.open.take().filter(|call| !call.was_served) else {
            return Err((Promise::OneOwner, format!("{event:?} nobody waited; it was {:?}", self.open)));
        };
        self.over();
        match why {
            Unserved::TooLong => {
                waited(&call, at, event, timetable)?;
                Ok(Some(Count::UnservedClosed))
            }
            Unserved::Cancelled if at.as_millis() - call.called_at.as_millis() > WINDOW_MS => {
                Err((Promise::Timers, format!("{event:?} at {at:?}: {call:?}")))
            }
            Unserved::Cancelled => Ok(Some(Count::CancelledEarly)),
            Unserved::GaveUp | Unserved::Left | Unserved::Dismissed => Ok(Some(Count::Cancelled)),
        }
    }

    fn enters(&mut self, member: MemberId) {
        self.inside.insert(member);
        if let Some(call) = &mut self.open {
            call.has_begun |= call.holder.is_some();
            call.was_served |= call.has_begun;
            self.awaits_bot &= !call.has_begun;
        }
    }

    fn completed(
        &mut self,
        entry: &Entry,
        event: &Event,
        timetable: &Timetable,
    ) -> Result<Option<Count>, Broken> {
        let Some(call) = self.open.take().filter(|call| call.was_served) else {
            let what = format!("{event:?} without service; it was {:?}", self.open);
            return Err((Promise::OneOwner, what));
        };
        self.former = call.holder.filter(|_| call.has_begun).or(self.former);
        self.over();
        self.parked = Some(call.category.clone()).filter(|_| call.by_bot && call.has_begun);
        if entry.origin.is_none() {
            if !call.has_begun {
                waited(&call, entry.at, event, timetable)?;
                return Ok(Some(Count::WaitedAgainClosed));
            }
            is_due(call.silent_since, entry.at, event)?;
            return Ok(Some(Count::SilentClosed));
        }
        Ok(Some(Count::Completed))
    }

    /// Somebody calls; the bot, if it was parked, about the same as before.
    fn calls(&mut self, by_bot: bool, category: &CategoryPath) -> Result<Count, Broken> {
        match self.parked.take() {
            Some(parked) if by_bot && parked != *category => {
                Err((Promise::Floor, format!("the bot was parked at {parked}, and called about {category}")))
            }
            Some(_) if by_bot => Ok(Count::CalledAgain),
            Some(_) | None => Ok(Count::Called),
        }
    }

    fn begin(
        &mut self,
        id: ConsultationId,
        category: CategoryPath,
        called_at: Timestamp,
        (in_hours, bot_replies): (bool, bool),
    ) {
        self.open = Some(Call {
            id,
            profile: self.profile.unwrap_or(PROFILES[0]),
            category,
            called_at,
            in_hours,
            former: self.former,
            holder: None,
            why: None,
            has_begun: false,
            was_served: false,
            waits_since: called_at,
            given_by: None,
            by_bot: false,
            bot_replies,
            silent_since: None,
        });
        self.changed();
    }

    fn assign(
        &mut self,
        member: MemberId,
        how: How,
        event: &Event,
        given_by: Option<usize>,
    ) -> Result<Option<Count>, Broken> {
        let Some(call) = &mut self.open else {
            return Err((Promise::OneOwner, format!("{event:?} while nothing goes on")));
        };
        let (expected, count) = match how {
            How::Automatic => (None, Count::AssignedAutomatically),
            How::Taken => (None, Count::Taken),
            How::SteppedIn { .. } => (None, Count::SteppedIn),
            How::Transferred { from } => (Some(from), Count::Transferred),
        };
        if call.holder != expected {
            return Err((Promise::OneOwner, format!("{event:?}, and it was {:?}", call.holder)));
        }
        call.given_by = given_by.filter(|_| how == How::Automatic);
        call.holder = Some(member);
        // Who is given it has to come.
        call.has_begun |= match how {
            How::Automatic | How::Transferred { .. } => false,
            How::Taken => self.inside.contains(&member),
            How::SteppedIn { .. } => true,
        };
        call.was_served |= call.has_begun;
        self.changed();
        Ok(Some(count))
    }

    fn said(&mut self, entry: &Entry, event: &Event) -> Result<Option<Count>, Broken> {
        let bot_has_floor =
            !self.ended && self.open.as_ref().is_none_or(|call| !call.has_begun && call.bot_replies);
        match event.by {
            Party::Customer => {
                self.awaits_bot = bot_has_floor;
                if let Some(call) = &mut self.open {
                    call.silent_since = None;
                }
            }
            Party::Agent { member } => match &mut self.open {
                Some(call) if call.has_begun && self.inside.contains(&member) => {
                    call.silent_since = Some(entry.at);
                }
                other => {
                    let what = format!("{member} spoke, who does not serve it; it was {other:?}");
                    return Err((Promise::Floor, what));
                }
            },
            Party::Bot if entry.origin.is_none() => {
                if !bot_has_floor || !self.awaits_bot {
                    return Err((Promise::Floor, format!("the bot answered; it was {:?}", self.open)));
                }
                self.awaits_bot = false;
                return Ok(Some(Count::BotReplied));
            }
            Party::Bot => {}
        }
        Ok(None)
    }

    /// The bot has it again.
    fn over(&mut self) {
        self.inside.clear();
        self.changed();
    }

    /// Somebody else serves it from now on: what was asked of the bot is over.
    const fn changed(&mut self) {
        self.changes += 1;
        self.awaits_bot = false;
    }
}

/// A call may be missed: the doors have been open for long enough.
fn waited(call: &Call, at: Timestamp, event: &Event, timetable: &Timetable) -> Result<(), Broken> {
    let open = timetable.open_for(call.profile, (call.waits_since, at), AUTO_CLOSE_MS);
    if open >= AUTO_CLOSE_MS {
        return Ok(());
    }
    Err((Promise::Timers, format!("{event:?} at {at:?}, after {open} ms of {call:?}")))
}

/// A timer may take effect: not before its time.
fn is_due(since: Option<Timestamp>, at: Timestamp, event: &Event) -> Result<(), Broken> {
    let is_due = since.is_some_and(|since| at.as_millis() - since.as_millis() >= AUTO_CLOSE_MS);
    if is_due { Ok(()) } else { Err((Promise::Timers, format!("{event:?} at {at:?}, since {since:?}"))) }
}

/// A call that is taken back within this time is not missed, if the team wants it so.
const WINDOW_MS: i64 = 10_000;

//! Assignment without races.
//!
//! Owns what a workspace knows of its open consultations, which slots of agents are taken by them or reserved
//! for what has been decided and not confirmed, and what is to be told to whom. A conversation has the last
//! word: it says what is durable of it, and that alone ends a reservation. Must not know actors, clocks or
//! how a decision is made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use switchboard_protocol::vocabulary::{ConsultationId, ConversationId, MemberId, ProfileId};

use crate::domain::assignment::{Explanation, Outcome, Queue, Request, Roster, RuleBook, Standing, Why};
use crate::domain::consultation::{Beginning, Requeued, Stage};
use crate::domain::conversation::{Conversation, Served};
use crate::machines::lines::Queues;
use crate::machines::planted::{Bug, is_planted};
use crate::machines::tally::Tally;

/// What a conversation says of its consultation: true at a revision of it, and durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// Which conversation.
    pub conversation: ConversationId,
    /// At which revision.
    pub revision: u64,
    /// Its consultation, if there is one.
    pub open: Option<Open>,
    /// Why that waits, as it is recorded.
    pub why: Option<Why>,
}

/// A consultation that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// What there is to assign.
    pub request: Request,
    /// At which epoch it is.
    pub epoch: u64,
    /// How far it has come.
    pub stage: Stage,
}

/// What is to be told to a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// It was decided about its consultation.
    Decided {
        /// Which conversation.
        conversation: ConversationId,
        /// At which epoch it holds.
        epoch: u64,
        /// What, and why.
        explanation: Arc<Explanation>,
    },
    /// Whoever answers for its consultation is not there any more.
    Requeue {
        /// Which conversation.
        conversation: ConversationId,
        /// Which consultation.
        consultation: ConsultationId,
        /// At which epoch it holds.
        epoch: u64,
        /// Why.
        why: Requeued,
    },
}

impl Announcement {
    /// What a conversation in this state says.
    #[must_use]
    pub fn of(state: &Conversation) -> Self {
        let profile = state.customer.as_ref().map(|customer| customer.profile);
        Self::about(state.id, state.revision, profile, &state.served)
    }

    /// What a conversation at a profile says that is served so at a revision.
    #[must_use]
    pub fn about(
        conversation: ConversationId,
        revision: u64,
        profile: Option<ProfileId>,
        served: &Served,
    ) -> Self {
        let open = profile.and_then(|profile| Open::of(profile, served));
        let why = served.consultation.as_ref().and_then(|consultation| consultation.why);
        Self { conversation, revision, open, why }
    }
}

impl Open {
    /// The consultation that goes on in a conversation at a profile.
    #[must_use]
    pub fn of(profile: ProfileId, served: &Served) -> Option<Self> {
        let consultation = served.consultation.as_ref()?;
        let request = Request {
            consultation: consultation.id,
            profile,
            category: consultation.category.clone(),
            former: served.former,
            called_at: consultation.called_at,
            in_hours: match consultation.beginning {
                Beginning::Called { in_hours, .. } => in_hours,
                Beginning::SteppedIn => true,
            },
        };
        Some(Self { request, epoch: served.epoch, stage: consultation.stage })
    }
}

/// The open consultations of a workspace, its agents, and what has been decided.
#[derive(Debug, Clone, Default)]
pub struct Dispatch {
    roster: Roster,
    book: RuleBook,
    queue: Queue,
    known: BTreeMap<ConversationId, Known>,
    /// Members who have left, and whether what they serve waits again as well.
    gone: BTreeMap<MemberId, bool>,
    conversations: BTreeMap<ConsultationId, ConversationId>,
    tally: Tally,
}

/// What is known of a conversation.
#[derive(Debug, Clone)]
struct Known {
    revision: u64,
    open: Option<Open>,
    /// Why it waits, as that is recorded or on its way to be.
    why: Option<Why>,
    /// Who has been decided on, and is not confirmed.
    reserved: Option<Reserved>,
    /// It did not take a decision and has not said what is so instead: it is in no queue until it does.
    is_unsettled: bool,
}

/// A slot that is kept for a decision.
#[derive(Debug, Clone)]
struct Reserved {
    member: MemberId,
    explanation: Arc<Explanation>,
}

impl Known {
    /// Whose slot it takes.
    fn holder(&self) -> Option<MemberId> {
        self.open
            .as_ref()
            .and_then(|open| open.stage.assignee().or(self.reserved.as_ref().map(|reserved| reserved.member)))
    }
}

impl Dispatch {
    /// The agents.
    #[must_use]
    pub const fn roster(&self) -> &Roster {
        &self.roster
    }

    /// The rules in force.
    #[must_use]
    pub const fn book(&self) -> &RuleBook {
        &self.book
    }

    /// How many requests wait, those not counted for which somebody is reserved.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Those who wait at each profile, in order, those included for whom somebody is reserved.
    #[must_use]
    pub fn queues(&self) -> Queues {
        let mut queues = Queues::new();
        for (conversation, open) in self.open().filter(|(_, open)| open.stage == Stage::Waiting) {
            let queue = queues.entry(open.request.profile).or_default();
            queue.insert(self.book.place(&open.request), conversation);
        }
        queues
    }

    /// How much goes on, as far as that is durable.
    #[must_use]
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Those who have more or less to do than when this was asked last.
    pub fn take_changed(&mut self) -> BTreeSet<MemberId> {
        self.tally.take_changed()
    }

    /// The consultations that go on.
    pub fn open(&self) -> impl Iterator<Item = (ConversationId, &Open)> {
        self.known.iter().filter_map(|(conversation, known)| Some((*conversation, known.open.as_ref()?)))
    }

    /// The consultation that goes on in a conversation.
    #[must_use]
    pub fn get(&self, conversation: ConversationId) -> Option<&Open> {
        self.known.get(&conversation)?.open.as_ref()
    }

    /// Why the consultation in a conversation waits, as that is recorded or on its way to be.
    #[must_use]
    pub fn why(&self, conversation: ConversationId) -> Option<Why> {
        self.known.get(&conversation)?.why
    }

    /// The requests that wait, those not counted for which somebody is reserved.
    pub fn requests(&self) -> impl Iterator<Item = &Request> {
        self.queue.requests()
    }

    /// Whether a consultation goes on in a conversation.
    #[must_use]
    pub fn is_open(&self, conversation: ConversationId) -> bool {
        self.known.get(&conversation).is_some_and(|known| known.open.is_some())
    }

    /// The settings or the operating hours have changed.
    pub fn set_rules(&mut self, book: RuleBook, seeds: &mut dyn FnMut() -> u64) -> Vec<Order> {
        self.book = book;
        self.queue.arrange(&self.book, &self.roster);
        self.drain(seeds)
    }

    /// Members had their turn before anything that is known here, in this order.
    pub fn had_turns(&mut self, members: impl IntoIterator<Item = MemberId>) {
        self.roster.had_turns(members);
    }

    /// How a member stands; one who is not known becomes known.
    pub fn stands(
        &mut self,
        member: MemberId,
        standing: Standing,
        seeds: &mut dyn FnMut() -> u64,
    ) -> Vec<Order> {
        if self.roster.get(member).is_none() {
            self.joined(member);
            self.queue.arrange(&self.book, &self.roster);
        }
        self.roster.member(member).standing = standing;
        if standing != Standing::Offline {
            self.gone.remove(&member);
        }
        self.drain(seeds)
    }

    /// Somebody is a member, who is not there. The rules are to be set after that.
    pub fn joined(&mut self, member: MemberId) {
        // What was announced before is theirs already.
        let held = self.known.values().filter(|known| known.holder() == Some(member)).count();
        self.roster.member(member).load = u32::try_from(held).unwrap_or(u32::MAX);
    }

    /// How members stand who are known, all at once: nothing is given to one by how another stood before.
    pub fn stand(
        &mut self,
        standings: impl IntoIterator<Item = (MemberId, Standing)>,
        seeds: &mut dyn FnMut() -> u64,
    ) -> Vec<Order> {
        self.note_standings(standings);
        self.drain(seeds)
    }

    /// The same, of which nothing follows yet.
    pub fn note_standings(&mut self, standings: impl IntoIterator<Item = (MemberId, Standing)>) {
        for (member, standing) in standings {
            if self.roster.get(member).is_some() {
                self.roster.member(member).standing = standing;
            }
        }
    }

    /// An agent has left: until they are back, what nobody has begun to serve of theirs waits again, and so does
    /// what is in progress if `in_progress` says so.
    pub fn left(&mut self, member: MemberId, in_progress: bool) -> Vec<Order> {
        if !is_planted(Bug::AbsentForgotten) {
            self.gone.insert(member, in_progress);
        }
        self.requeue(|assignee| assignee == member)
    }

    /// Somebody is no member any more: all of theirs waits again, and they get nothing more.
    pub fn removed(&mut self, member: MemberId) -> Vec<Order> {
        self.gone.remove(&member);
        self.roster.remove(member);
        self.queue.arrange(&self.book, &self.roster);
        self.requeue(|assignee| assignee == member)
    }

    /// What is to wait again of what these members answer for. It is said until it is so.
    fn requeue(&self, of: impl Fn(MemberId) -> bool) -> Vec<Order> {
        let theirs = self.open().filter(|(_, open)| open.stage.assignee().is_some_and(&of));
        theirs.filter_map(|(conversation, open)| self.requeued(conversation, open)).collect()
    }

    /// The order that a consultation waits again, if whoever answers for it is gone for it.
    fn requeued(&self, conversation: ConversationId, open: &Open) -> Option<Order> {
        let (member, begun) = match open.stage {
            Stage::Waiting => return None,
            Stage::Assigned(member) => (member, false),
            Stage::InProgress(member) => (member, true),
        };
        let why = match (self.roster.get(member), self.gone.get(&member)) {
            (None, _) => Requeued::Removed,
            (Some(_), Some(in_progress)) if *in_progress || !begun => Requeued::Absent,
            (Some(_), Some(_) | None) => return None,
        };
        let (consultation, epoch) = (open.request.consultation, open.epoch);
        Some(Order::Requeue { conversation, consultation, epoch, why })
    }

    /// A conversation says what is durable of it. It may say so again.
    pub fn announced(&mut self, announcement: Announcement, seeds: &mut dyn FnMut() -> u64) -> Vec<Order> {
        let Announcement { conversation, revision, open, why } = announcement;
        let before = self.known.get(&conversation);
        if before.is_some_and(|known| known.revision > revision) {
            return Vec::new();
        }
        if let Some(known) = before
            && known.open == open
            && open.as_ref().is_some_and(|open| self.queue.has(open.request.consultation))
        {
            // It waits as it did.
            self.known.entry(conversation).and_modify(|known| (known.revision, known.why) = (revision, why));
            return Vec::new();
        }
        let reserved = before.and_then(|known| {
            let same = known.open.as_ref().map(|open| open.epoch) == open.as_ref().map(|open| open.epoch);
            known.reserved.clone().filter(|_| same && !is_planted(Bug::FirstWordEndsDecision))
        });
        let (held, consultation) = before.map_or((None, None), |known| {
            (known.holder(), known.open.as_ref().map(|open| open.request.consultation))
        });
        let standpoint = |open: &Open| (open.request.profile, open.stage);
        let from = before.and_then(|known| known.open.as_ref().map(standpoint));
        let to = open.as_ref().map(standpoint);
        if let Some(consultation) = consultation {
            self.queue.remove(consultation);
            self.conversations.remove(&consultation);
        }
        let waits = open.as_ref().filter(|open| open.stage == Stage::Waiting && reserved.is_none());
        let request = waits.map(|open| open.request.clone());
        if let Some(open) = &open {
            self.conversations.insert(open.request.consultation, conversation);
        }
        let known = Known { revision, open, why, reserved, is_unsettled: false };
        let holds = known.holder();
        // Whoever answers for it may have left meanwhile.
        let mut orders: Vec<_> =
            known.open.as_ref().and_then(|open| self.requeued(conversation, open)).into_iter().collect();
        self.known.insert(conversation, known);
        self.tally.moves(from, to);
        let freed = self.hold(held, holds);
        if freed {
            // Whoever waits is served in order, this request among them.
            let consultation = request.as_ref().map(|request| request.consultation);
            if let Some(request) = request {
                self.queue.push(&self.book, &self.roster, request);
            }
            orders.extend(self.drain(seeds));
            let waits = consultation.and_then(|id| self.queue.explain(&self.book, &self.roster, id, seeds()));
            orders.extend(waits.and_then(|waits| self.decided(waits.considered.consultation, waits)));
        } else if let Some(request) = request {
            let consultation = request.consultation;
            let explanation = self.queue.arrive(&self.book, &mut self.roster, request, seeds());
            orders.extend(explanation.and_then(|explanation| self.decided(consultation, explanation)));
        }
        orders
    }

    /// A conversation did not take a decision made at an epoch: its slot is free. What is so instead it has
    /// said, or will; nothing more is decided about it until then, or until [`Dispatch::again`].
    pub fn refused(
        &mut self,
        conversation: ConversationId,
        epoch: u64,
        seeds: &mut dyn FnMut() -> u64,
    ) -> Vec<Order> {
        let Some(known) = self.known.get_mut(&conversation) else { return Vec::new() };
        if known.open.as_ref().is_none_or(|open| open.epoch != epoch) {
            return Vec::new();
        }
        let Some(Reserved { member, .. }) = known.reserved.take() else { return Vec::new() };
        known.is_unsettled = true;
        if !is_planted(Bug::SlotLost) {
            self.hold(Some(member), None);
        }
        self.drain(seeds)
    }

    /// The decision for which a slot is kept in a conversation, once more: it may not have arrived. Whether or
    /// not it was taken is the conversation's to know: it takes none twice.
    #[must_use]
    pub fn decision(&self, conversation: ConversationId) -> Option<Order> {
        let known = self.known.get(&conversation)?;
        let epoch = known.open.as_ref()?.epoch;
        let explanation = Arc::clone(&known.reserved.as_ref()?.explanation);
        Some(Order::Decided { conversation, epoch, explanation })
    }

    /// Time has passed: decides again about those who have said nothing since they did not take a decision,
    /// which may be because nothing could be written.
    pub fn again(&mut self, seeds: &mut dyn FnMut() -> u64) -> Vec<Order> {
        for known in self.known.values_mut().filter(|known| known.is_unsettled) {
            known.is_unsettled = false;
            if let Some(open) = known.open.as_ref().filter(|open| open.stage == Stage::Waiting) {
                self.queue.push(&self.book, &self.roster, open.request.clone());
            }
        }
        let mut orders = self.requeue(|_| true);
        orders.extend(self.drain(seeds));
        orders
    }

    /// Explains to some of those who wait, and for another reason than is recorded, why they do: to so many at the
    /// most, in order. Whether there are more. To be called after the rules have changed, which alone changes
    /// reasons.
    pub fn explain(&mut self, most: usize, seeds: &mut dyn FnMut() -> u64) -> (Vec<Order>, bool) {
        let recorded = |consultation| {
            let conversation = self.conversations.get(&consultation)?;
            self.known.get(conversation)?.why
        };
        let reasons = self.queue.reasons(&self.book);
        let other = reasons.filter(|(place, why)| recorded(place.consultation()) != Some(*why));
        let mut other: Vec<_> = other.map(|(place, _)| place).collect();
        other.sort_unstable();
        let more = other.len() > most;
        other.truncate(most);
        let orders = other.into_iter().filter_map(|place| {
            let explanation = self.queue.explain(&self.book, &self.roster, place.consultation(), seeds())?;
            self.decided(place.consultation(), explanation)
        });
        (orders.collect(), more)
    }

    /// Whether something is to be tried again: [`Dispatch::again`] has something to do.
    #[must_use]
    pub fn is_unsettled(&self) -> bool {
        self.known.values().any(|known| known.is_unsettled)
            || self.open().any(|(conversation, open)| self.requeued(conversation, open).is_some())
    }

    /// A conversation is set aside: nobody serves what cannot be opened. It says again what is so when it is.
    pub fn set_aside(&mut self, conversation: ConversationId, seeds: &mut dyn FnMut() -> u64) -> Vec<Order> {
        let Some(revision) = self.known.get(&conversation).map(|known| known.revision) else {
            return Vec::new();
        };
        self.announced(Announcement { conversation, revision, open: None, why: None }, seeds)
    }

    /// A conversation sleeps: if nothing goes on in it, nothing of it need be known.
    pub fn sleeps(&mut self, conversation: ConversationId) {
        if self.known.get(&conversation).is_some_and(|known| known.open.is_none()) {
            self.known.remove(&conversation);
        }
    }

    /// A slot goes from one to another. `true`: somebody has one more.
    fn hold(&mut self, before: Option<MemberId>, after: Option<MemberId>) -> bool {
        if before == after {
            return false;
        }
        // Somebody who was removed has no slots.
        if let Some(member) = before.filter(|member| self.roster.get(*member).is_some()) {
            let agent = self.roster.member(member);
            agent.load = agent.load.saturating_sub(1);
        }
        if let Some(member) = after.filter(|member| self.roster.get(*member).is_some()) {
            self.roster.member(member).load += 1;
        }
        before.is_some()
    }

    fn drain(&mut self, seeds: &mut dyn FnMut() -> u64) -> Vec<Order> {
        let given = self.queue.drain(&self.book, &mut self.roster, seeds);
        given
            .into_iter()
            .filter_map(|(request, explanation)| self.decided(request.consultation, explanation))
            .collect()
    }

    /// Remembers a decision, whose slot is taken already, until the conversation says what became of it.
    fn decided(&mut self, consultation: ConsultationId, explanation: Explanation) -> Option<Order> {
        let conversation = *self.conversations.get(&consultation)?;
        let known = self.known.get_mut(&conversation)?;
        let epoch = known.open.as_ref()?.epoch;
        let explanation = Arc::new(explanation);
        match explanation.outcome {
            Outcome::Assigned { member, .. } => {
                known.reserved = Some(Reserved { member, explanation: Arc::clone(&explanation) });
            }
            Outcome::Waits(why) => known.why = Some(why),
        }
        Some(Order::Decided { conversation, epoch, explanation })
    }
}

#[cfg(test)]
mod tests;

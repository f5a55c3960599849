//! Who serves a conversation: the part of its state that lists and assignment need as well.
//!
//! Owns how events change the consultation, who is inside, where the bot is, and the epoch. Must not know what
//! is said.

use std::collections::BTreeSet;

use switchboard_protocol::vocabulary::{CategoryPath, ConsultationId, MemberId, Party, Timestamp};

use super::{Event, What};
use crate::domain::assignment::{self as decision, Explanation, Why};
use crate::domain::consultation::{
    Assignees, Beginning, Caller, Consultation, How, Outcome, Record, Stage, Unserved,
};

/// Who serves a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Served {
    /// The agents who have entered.
    pub agents: BTreeSet<MemberId>,
    /// The consultation that goes on.
    pub consultation: Option<Consultation>,
    /// Counts the changes of who serves it and who has the floor, so that an old decision can be told from a
    /// new one.
    pub epoch: u64,
    /// Who answered last for a consultation while it was served. Of one that waits again that is known at once: it
    /// may be over before anybody else has come.
    pub former: Option<MemberId>,
    /// Where the bot is.
    pub bot: BotPlace,
}

/// Where the bot is: what follows when the customer writes while it has the floor.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum BotPlace {
    /// It goes on as it did.
    #[default]
    On,
    /// At the call whose consultation was completed: whatever the customer writes calls again.
    Parked {
        /// About the same.
        category: CategoryPath,
    },
    /// At the start: it has said nothing since an agent had stepped in.
    Start,
}

impl Served {
    /// Who answers for its consultation.
    #[must_use]
    pub fn assignee(&self) -> Option<MemberId> {
        self.consultation.as_ref().and_then(Consultation::assignee)
    }

    /// Who answered last while it was served: who does now, else the former agent.
    #[must_use]
    pub fn served_by(&self) -> Option<MemberId> {
        match self.consultation {
            Some(Consultation { stage: Stage::InProgress(member), .. }) => Some(member),
            Some(_) | None => self.former,
        }
    }

    /// What assignment rests on: while it is the same, nobody else need know what happened.
    #[must_use]
    pub fn turn(&self) -> (u64, Option<(Stage, Option<Why>)>) {
        (self.epoch, self.consultation.as_ref().map(|consultation| (consultation.stage, consultation.why)))
    }

    /// Adds what happened. Gives the consultation that is over by it.
    pub fn apply(&mut self, at: Timestamp, event: &Event) -> Option<Record> {
        match &event.what {
            What::Called { consultation, category, in_hours, bot_replies } => {
                let by = if event.by == Party::Bot { Caller::Bot } else { Caller::Customer };
                let beginning = Beginning::Called { by, in_hours: *in_hours, bot_replies: *bot_replies };
                self.begin(at, *consultation, beginning, category.clone());
            }
            What::Assigned { member, how } => {
                if let How::SteppedIn { consultation } = how {
                    self.begin(at, *consultation, Beginning::SteppedIn, CategoryPath::default());
                    // One that is begun and assigned at once has changed once.
                    self.epoch -= 1;
                }
                self.assign(*member, *how, at);
            }
            What::Requeued { from, .. } => {
                self.agents.remove(from);
                self.served_no_more();
                self.wait_again(at);
            }
            What::Entered { member } => {
                self.agents.insert(*member);
                self.begin_service(at);
            }
            What::Left { member } => {
                self.agents.remove(member);
            }
            What::Completed => {
                self.served_no_more();
                return self.end(at, |_| Outcome::Completed);
            }
            What::Unserved { why } => return self.end(at, |_| Outcome::Unserved(*why)),
            What::Ended => return self.end(at, |consultation| consultation.outcome(Unserved::Left)),
            What::Message(_) => self.said(event.by, at),
            What::CallRefused { .. } => self.bot = BotPlace::On,
            What::Started { former, .. } => self.former = *former,
            What::Explained(explanation) => self.explained(explanation),
            What::Described(_) | What::Read { .. } | What::Unchanged => {}
        }
        None
    }

    /// Somebody said something. An agent does while the consultation is served.
    fn said(&mut self, by: Party, at: Timestamp) {
        match by {
            Party::Customer => {}
            Party::Bot if self.bot == BotPlace::Start => self.bot = BotPlace::On,
            Party::Bot => {}
            Party::Agent { .. } => {
                if let Some(consultation) = &mut self.consultation {
                    consultation.answered_at.get_or_insert(at);
                }
            }
        }
    }

    fn begin(&mut self, at: Timestamp, id: ConsultationId, beginning: Beginning, category: CategoryPath) {
        self.consultation = Some(Consultation {
            id,
            beginning,
            category,
            called_at: at,
            waits_since: at,
            stage: Stage::Waiting,
            why: None,
            served_at: None,
            answered_at: None,
            transfers: 0,
            requeues: 0,
            assignees: Assignees::default(),
        });
        self.bot = BotPlace::On;
        self.epoch += 1;
    }

    fn assign(&mut self, member: MemberId, how: How, at: Timestamp) {
        if let Some(consultation) = &mut self.consultation {
            consultation.stage = match consultation.stage {
                Stage::InProgress(_) => Stage::InProgress(member),
                Stage::Waiting | Stage::Assigned(_) => Stage::Assigned(member),
            };
            consultation.why = None;
            consultation.transfers += u32::from(matches!(how, How::Transferred { .. }));
            consultation.assignees.next(member, how, at);
            self.epoch += 1;
        }
        // Somebody who has only joined may be inside already, and whoever steps in serves at once.
        if self.agents.contains(&member) || matches!(how, How::SteppedIn { .. }) {
            self.begin_service(at);
        }
    }

    /// It was decided about the consultation that goes on.
    fn explained(&mut self, explanation: &Explanation) {
        if let Some(consultation) = &mut self.consultation {
            consultation.why = match explanation.outcome {
                decision::Outcome::Waits(why) => Some(why),
                decision::Outcome::Assigned { .. } => None,
            };
        }
    }

    /// Whoever answers for what is served does so no more.
    fn served_no_more(&mut self) {
        self.former = self.served_by();
    }

    fn wait_again(&mut self, at: Timestamp) {
        if let Some(consultation) = &mut self.consultation {
            consultation.waits_since = at;
            consultation.stage = Stage::Waiting;
            consultation.why = None;
            consultation.requeues += 1;
            consultation.assignees.none(at);
            self.epoch += 1;
        }
    }

    /// Somebody is inside and somebody answers for it: service has begun.
    fn begin_service(&mut self, at: Timestamp) {
        if let Some(consultation) = &mut self.consultation
            && let Stage::Assigned(member) = consultation.stage
        {
            consultation.stage = Stage::InProgress(member);
            consultation.served_at.get_or_insert(at);
        }
    }

    fn end(&mut self, at: Timestamp, outcome: impl FnOnce(&Consultation) -> Outcome) -> Option<Record> {
        self.agents.clear();
        self.epoch += 1;
        let consultation = self.consultation.take()?;
        let outcome = outcome(&consultation);
        self.bot = after(&consultation, outcome);
        Some(consultation.ended(at, outcome))
    }
}

/// Where the bot is once a consultation is over.
fn after(consultation: &Consultation, outcome: Outcome) -> BotPlace {
    match (consultation.beginning, consultation.stage, outcome) {
        (Beginning::SteppedIn, ..) => BotPlace::Start,
        (Beginning::Called { by: Caller::Bot, .. }, Stage::InProgress(_), Outcome::Completed) => {
            BotPlace::Parked { category: consultation.category.clone() }
        }
        // Nobody was serving it any more: it was taken back, or waited for too long, and the bot goes on behind
        // its call as if nobody had ever come.
        (Beginning::Called { .. }, ..) => BotPlace::On,
    }
}

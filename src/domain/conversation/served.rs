//! Who serves a conversation: the part of its state that lists and assignment need as well.
//!
//! Owns how events change the consultation, who is inside, and the epoch. Must not know messages.

use std::collections::BTreeSet;

use switchboard_protocol::vocabulary::{CategoryPath, ConsultationId, MemberId, Timestamp};

use super::What;
use crate::domain::consultation::{Beginning, Consultation, How, Stage};

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
    /// Who answered for the last consultation that was served.
    pub former: Option<MemberId>,
}

impl Served {
    /// Who answers for its consultation.
    #[must_use]
    pub fn assignee(&self) -> Option<MemberId> {
        self.consultation.as_ref().and_then(Consultation::assignee)
    }

    /// What assignment rests on: while it is the same, nobody else need know what happened.
    #[must_use]
    pub fn turn(&self) -> (u64, Option<Stage>) {
        (self.epoch, self.consultation.as_ref().map(|consultation| consultation.stage))
    }

    /// Adds what happened.
    pub fn apply(&mut self, at: Timestamp, what: &What) {
        match what {
            What::Called { consultation, category, in_hours, bot_replies } => {
                let beginning = Beginning::Called { in_hours: *in_hours, bot_replies: *bot_replies };
                self.begin(at, *consultation, beginning, category.clone(), Stage::Waiting);
            }
            What::Assigned { member, how: How::SteppedIn { consultation } } => {
                let (beginning, stage) = (Beginning::SteppedIn, Stage::Assigned(*member));
                self.begin(at, *consultation, beginning, CategoryPath::default(), stage);
                self.begin_service(at);
            }
            What::Assigned { member, how } => self.assign(*member, *how, at),
            What::Requeued { from, .. } => {
                self.agents.remove(from);
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
                self.former = self.assignee().or(self.former);
                self.end();
            }
            What::Unserved { .. } | What::Ended => self.end(),
            What::Started { .. }
            | What::Message(_)
            | What::CallRefused { .. }
            | What::Explained(_)
            | What::Described(_)
            | What::Read { .. }
            | What::Unchanged => {}
        }
    }

    fn begin(
        &mut self,
        at: Timestamp,
        id: ConsultationId,
        beginning: Beginning,
        category: CategoryPath,
        stage: Stage,
    ) {
        self.consultation = Some(Consultation {
            id,
            beginning,
            category,
            called_at: at,
            waits_since: at,
            stage,
            served_at: None,
            transfers: 0,
        });
        self.epoch += 1;
    }

    fn assign(&mut self, member: MemberId, how: How, at: Timestamp) {
        if let Some(consultation) = &mut self.consultation {
            consultation.stage = match consultation.stage {
                Stage::InProgress(_) => Stage::InProgress(member),
                Stage::Waiting | Stage::Assigned(_) => Stage::Assigned(member),
            };
            consultation.transfers += u32::from(matches!(how, How::Transferred { .. }));
            self.epoch += 1;
        }
        // Somebody who has only joined may be inside already.
        if self.agents.contains(&member) {
            self.begin_service(at);
        }
    }

    fn wait_again(&mut self, at: Timestamp) {
        if let Some(consultation) = &mut self.consultation {
            consultation.waits_since = at;
            consultation.stage = Stage::Waiting;
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

    fn end(&mut self) {
        self.agents.clear();
        self.consultation = None;
        self.epoch += 1;
    }
}

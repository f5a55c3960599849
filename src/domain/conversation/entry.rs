//! What is recorded of a conversation: entries, each made of events.
//!
//! Owns who may see which event and how the two sequences count them. Must not know how an entry is
//! stored or sent.

use switchboard_protocol::vocabulary::{
    CategoryPath, ConsultationId, ConversationId, MemberId, Party, Seq, Timestamp,
};

use super::{Origin, Side};
use crate::domain::assignment::Explanation;
use crate::domain::consultation::{How, Requeued, Unserved};
use crate::domain::customer::DetailsChange;
use crate::domain::identity::{CustomerKey, Reader};
use crate::domain::mask::{Mask, MaskAfter, hidden};
use crate::domain::message::Message;

/// A place in both sequences at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Place {
    /// The sequence of the staff.
    pub staff: Seq,
    /// The sequence of the customer.
    pub customer: Seq,
}

impl Place {
    /// The sequence that this reader counts.
    #[must_use]
    pub const fn of(self, reader: Reader) -> Seq {
        match reader {
            Reader::Customer => self.customer,
            Reader::Staff => self.staff,
        }
    }

    /// The place after an event for that audience.
    #[must_use]
    pub const fn after(self, audience: Audience) -> Self {
        match audience {
            Audience::Everyone => Self { staff: self.staff.next(), customer: self.customer.next() },
            Audience::Staff => Self { staff: self.staff.next(), customer: self.customer },
            Audience::Uncounted => self,
        }
    }
}

/// Who sees an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// The customer and the staff: it counts in both sequences.
    Everyone,
    /// The staff: it counts in theirs only.
    Staff,
    /// Nobody sees it as an event: it is in neither sequence.
    Uncounted,
}

impl Audience {
    /// Whether this reader sees it in its sequence.
    #[must_use]
    pub const fn includes(self, reader: Reader) -> bool {
        match (self, reader) {
            (Self::Everyone, _) | (Self::Staff, Reader::Staff) => true,
            (Self::Staff, Reader::Customer) | (Self::Uncounted, _) => false,
        }
    }
}

/// What one accepted command became. It is recorded whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which conversation.
    pub conversation: ConversationId,
    /// Its place among the conversation's entries: 1 for the first, without gaps.
    pub revision: u64,
    /// Where both sequences stood before it.
    pub before: Place,
    /// When; never earlier than the entry before it.
    pub at: Timestamp,
    /// Which client's command it was; `None` for the engine's own.
    pub origin: Option<Origin>,
    /// At which epoch it came, if it changes who serves the conversation or has the floor; entries from before
    /// that was written down have none.
    pub epoch: Option<u64>,
    /// What happened; at least one.
    pub events: Vec<Event>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Who did it.
    pub by: Party,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The conversation began.
    Started {
        /// Who answered last for the consultations of their conversation before this one.
        former: Option<MemberId>,
        /// With whom.
        customer: CustomerKey,
    },
    /// A message was posted.
    Message(Message),
    /// An agent was called: a consultation waits.
    Called {
        /// Which.
        consultation: ConsultationId,
        /// What it is about.
        category: CategoryPath,
        /// Whether that was within operating hours.
        in_hours: bool,
        /// Whether the bot answers until an agent enters.
        bot_replies: bool,
    },
    /// An agent was called outside operating hours, when calls are not accepted.
    CallRefused {
        /// What it would have been about.
        category: CategoryPath,
    },
    /// The member answers for the consultation from now on.
    Assigned {
        /// Which member.
        member: MemberId,
        /// How that came.
        how: How,
    },
    /// Nobody answers for the consultation any more: it waits again, at its old place.
    Requeued {
        /// Who did.
        from: MemberId,
        /// Why.
        why: Requeued,
    },
    /// Nobody has served the consultation, and it is over.
    Unserved {
        /// Why.
        why: Unserved,
    },
    /// It was decided about the consultation: who serves it, or that it waits.
    Explained(Box<Explanation>),
    /// The member entered.
    Entered {
        /// Which member.
        member: MemberId,
    },
    /// The member left.
    Left {
        /// Which member.
        member: MemberId,
    },
    /// The consultation is over and was served: all agents left, nobody is assigned, the bot goes on.
    Completed,
    /// The conversation ended: all agents left, nobody is assigned, and nothing is said in it any more.
    Ended,
    /// Details of the customer were written down; by the bot: they were known before the conversation began.
    Described(Box<DetailsChange>),
    /// One side has read the other side's messages up to a place.
    Read {
        /// Which side.
        side: Side,
        /// The last message read.
        up_to: Place,
    },
    /// A command found everything as it wants it. Nobody sees this: it is there so that the command is
    /// remembered as accepted, and does nothing either when it comes again after things have changed.
    Unchanged,
}

impl What {
    /// Who sees it. Agents' coming and going is never shown to the customer, nor is completion; that nobody
    /// comes any more is.
    #[must_use]
    pub const fn audience(&self) -> Audience {
        match self {
            Self::Started { .. }
            | Self::Message(_)
            | Self::Called { .. }
            | Self::Unserved { .. }
            | Self::Ended => Audience::Everyone,
            Self::CallRefused { .. }
            | Self::Assigned { .. }
            | Self::Requeued { .. }
            | Self::Entered { .. }
            | Self::Left { .. }
            | Self::Described(_)
            | Self::Completed => Audience::Staff,
            Self::Explained(_) | Self::Read { .. } | Self::Unchanged => Audience::Uncounted,
        }
    }

    /// Whether it changes who serves the conversation or has the floor, and so begins the next epoch.
    #[must_use]
    pub const fn begins_epoch(&self) -> bool {
        match self {
            Self::Called { .. }
            | Self::Assigned { .. }
            | Self::Requeued { .. }
            | Self::Unserved { .. }
            | Self::Completed
            | Self::Ended => true,
            Self::Started { .. }
            | Self::Message(_)
            | Self::CallRefused { .. }
            | Self::Explained(_)
            | Self::Described(_)
            | Self::Entered { .. }
            | Self::Left { .. }
            | Self::Read { .. }
            | Self::Unchanged => false,
        }
    }
}

/// An event as one reader sees it: with its place in that reader's sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen<'a> {
    /// The reader's sequence.
    pub seq: Seq,
    /// When it happened.
    pub at: Timestamp,
    /// The epoch that it begins, if it begins one and that is known.
    pub epoch: Option<u64>,
    /// The event.
    pub event: &'a Event,
}

impl Entry {
    /// Where both sequences stand after it.
    #[must_use]
    pub fn after(&self) -> Place {
        self.events.iter().fold(self.before, |place, event| place.after(event.what.audience()))
    }

    /// Who was assigned something automatically by it.
    pub fn assigned_automatically(&self) -> impl Iterator<Item = MemberId> {
        self.events.iter().filter_map(|event| {
            let What::Assigned { member, how: How::Automatic } = event.what else { return None };
            Some(member)
        })
    }

    /// Whether some of its messages are masked, now or later.
    #[must_use]
    pub fn has_masks(&self) -> bool {
        self.events
            .iter()
            .any(|event| matches!(&event.what, What::Message(message) if !message.masks.is_empty()))
    }

    /// It with what these masks of its messages hide hidden; `None` if it has none of them.
    #[must_use]
    pub fn hidden(&self, applies: impl Fn(&Mask) -> bool) -> Option<Self> {
        if !self.has_masks() {
            return None;
        }
        let mut changed = None;
        for (at, event) in self.events.iter().enumerate() {
            if let What::Message(message) = &event.what
                && let Some(masked) = hidden(message, &applies)
            {
                changed.get_or_insert_with(|| self.clone()).events[at].what = What::Message(masked);
            }
        }
        changed
    }

    /// As it is stored: what is masked at once is never written.
    #[must_use]
    pub fn at_rest(&self) -> Option<Self> {
        self.hidden(|mask| mask.after == MaskAfter::AT_ONCE)
    }

    /// As it is shown when it is read later: with everything hidden that is due by now.
    #[must_use]
    pub fn shown_at(&self, now: Timestamp) -> Option<Self> {
        self.hidden(|mask| mask.after.is_due(self.at, now))
    }

    /// When the next mask of its messages is due, if it has any.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let masks = self.events.iter().flat_map(|event| match &event.what {
            What::Message(message) => message.masks.as_slice(),
            What::Started { .. }
            | What::Called { .. }
            | What::CallRefused { .. }
            | What::Requeued { .. }
            | What::Unserved { .. }
            | What::Explained(_)
            | What::Assigned { .. }
            | What::Entered { .. }
            | What::Left { .. }
            | What::Completed
            | What::Ended
            | What::Described(_)
            | What::Read { .. }
            | What::Unchanged => &[],
        });
        masks.map(|mask| mask.after.due(self.at)).min()
    }

    /// The events with the place that each has; an uncounted one has the place before it.
    pub fn placed(&self) -> impl Iterator<Item = (Place, &Event)> {
        self.events.iter().scan(self.before, |place, event| {
            *place = place.after(event.what.audience());
            Some((*place, event))
        })
    }

    /// What this reader sees of it, in sequence.
    pub fn seen_by(&self, reader: Reader) -> impl Iterator<Item = Seen<'_>> {
        self.placed()
            .zip(self.epochs())
            .filter(move |((_, event), _)| event.what.audience().includes(reader))
            .map(move |((place, event), epoch)| Seen { seq: place.of(reader), at: self.at, epoch, event })
    }

    /// The epoch that each event begins, if it begins one and that is known.
    fn epochs(&self) -> impl Iterator<Item = Option<u64>> {
        self.events.iter().scan(self.epoch, |epoch, event| {
            Some(
                event
                    .what
                    .begins_epoch()
                    .then(|| {
                        *epoch = epoch.map(|epoch| epoch + 1);
                        *epoch
                    })
                    .flatten(),
            )
        })
    }
}

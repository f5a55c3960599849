//! Which list of the workspace a conversation is in, whose it is there, and what a list may be asked for.
//!
//! Owns the definition of the lists: a conversation is in exactly one, by the consultation that goes on, else by
//! how the last one ended that counted. Must not know how lists are kept or read.

use std::collections::BTreeMap;
use std::sync::Arc;

use switchboard_protocol::vocabulary::{CategoryPath, ConversationId, MemberId, ProfileId, Timestamp};

use super::consultation::Stage;
use super::conversation::{Served, What};

/// A list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum List {
    /// Nobody was ever called, or the call was taken back so soon that it does not count.
    WithBot,
    /// An agent was called and nobody serves it, whether or not somebody is to.
    Waiting,
    /// It is served.
    InProgress,
    /// The last consultation was served.
    Completed,
    /// The last consultation was served by nobody.
    Missed,
}

impl List {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::WithBot, Self::Waiting, Self::InProgress, Self::Completed, Self::Missed];

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::WithBot => 0,
            Self::Waiting => 1,
            Self::InProgress => 2,
            Self::Completed => 3,
            Self::Missed => 4,
        }
    }
}

/// Some of the lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lists(u8);

impl Lists {
    /// All of them.
    pub const ALL: Self = Self(0b1_1111);
    /// None of them.
    pub const NONE: Self = Self(0);

    /// These and one more.
    #[must_use]
    pub const fn with(self, list: List) -> Self {
        Self(self.0 | 1 << list.number())
    }

    /// These without one.
    #[must_use]
    pub const fn without(self, list: List) -> Self {
        Self(self.0 & !(1 << list.number()))
    }

    /// Whether one is among them.
    #[must_use]
    pub const fn has(self, list: List) -> bool {
        self.0 & 1 << list.number() != 0
    }

    /// Each of them.
    pub fn each(self) -> impl Iterator<Item = List> {
        List::ALL.into_iter().filter(move |list| self.has(*list))
    }

    /// They as a number below 32.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }
}

/// What a member wishes to see of the lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wish {
    /// Conversations in these.
    pub lists: Lists,
    /// Only those with this profile.
    pub profile: Option<ProfileId>,
    /// Only what is the member's own.
    pub mine: bool,
}

impl Wish {
    /// Everything.
    pub const ALL: Self = Self { lists: Lists::ALL, profile: None, mine: false };
}

/// What is shown of the lists: what a member wishes to see, as far as they may.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Filter {
    wish: Wish,
    profiles: Arc<BTreeMap<ProfileId, Option<MemberId>>>,
}

impl Filter {
    /// What is shown to somebody who wishes this: of each of these profiles everything, or only what is a member's.
    #[must_use]
    pub fn new(wish: Wish, profiles: impl IntoIterator<Item = (ProfileId, Option<MemberId>)>) -> Self {
        let is_wished = |(profile, _): &(ProfileId, _)| wish.profile.is_none_or(|wished| wished == *profile);
        Self { wish, profiles: Arc::new(profiles.into_iter().filter(is_wished).collect()) }
    }

    /// What was wished for.
    #[must_use]
    pub const fn wish(&self) -> Wish {
        self.wish
    }

    /// The stretches of the lists that it shows: each is a list of a profile, or what is a member's in it.
    pub fn stretches(&self) -> impl Iterator<Item = Stretch> {
        let profiles = self.profiles.iter();
        profiles.flat_map(|(profile, of)| {
            self.wish.lists.each().map(|list| Stretch { profile: *profile, of: *of, list })
        })
    }

    /// Whether a conversation is shown with a profile, that is in a list, and is somebody's there.
    #[must_use]
    pub fn shows(&self, profile: ProfileId, list: List, of: Option<MemberId>) -> bool {
        let is_shown = |only: &Option<MemberId>| only.is_none_or(|member| of == Some(member));
        self.wish.lists.has(list) && self.profiles.get(&profile).is_some_and(is_shown)
    }
}

/// A list of a profile, or what is a member's in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stretch {
    /// With which profile.
    pub profile: ProfileId,
    /// Whose it is to be, if anybody's.
    pub of: Option<MemberId>,
    /// Which list.
    pub list: List,
}

/// A place in a list: newest activity first, then by conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListPlace {
    last_at: std::cmp::Reverse<Timestamp>,
    conversation: ConversationId,
}

impl ListPlace {
    /// No place comes before it.
    pub const FIRST: Self = Self::new(Timestamp::from_millis(i64::MAX), ConversationId::from_bytes([0; 16]));
    /// No place comes after it.
    pub const LAST: Self =
        Self::new(Timestamp::from_millis(i64::MIN), ConversationId::from_bytes([u8::MAX; 16]));

    /// The place of a conversation with this last activity.
    #[must_use]
    pub const fn new(last_at: Timestamp, conversation: ConversationId) -> Self {
        Self { last_at: std::cmp::Reverse(last_at), conversation }
    }

    /// The last activity.
    #[must_use]
    pub const fn last_at(&self) -> Timestamp {
        self.last_at.0
    }

    /// Which conversation it is the place of.
    #[must_use]
    pub const fn conversation(&self) -> ConversationId {
        self.conversation
    }
}

/// How a consultation ended that counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// Whether it was served.
    pub served: bool,
    /// Who answered for it last; of one that was served, while it was.
    pub by: Option<MemberId>,
    /// What it was about.
    pub category: CategoryPath,
}

/// What a conversation's lists rest on besides who serves it now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// The last consultation that is over and counted.
    pub past: Option<Past>,
    /// Who answered last for the one that goes on.
    pub answered: Option<MemberId>,
}

impl Listing {
    /// As much as who serves it says by itself.
    #[must_use]
    pub fn of(served: &Served) -> Self {
        let past = |by| Past { served: true, by: Some(by), category: CategoryPath::default() };
        Self { past: served.former.map(past), answered: served.assignee() }
    }

    /// Adds what happened, before it is added to who serves it.
    pub fn apply(&mut self, served: &Served, what: &What) {
        match what {
            What::Called { .. } => self.answered = None,
            What::Assigned { member, .. } => self.answered = Some(*member),
            What::Completed => self.over(served, true),
            What::Unserved { why } if why.is_missed() => self.over(served, false),
            // As if nobody had called.
            What::Unserved { .. } => self.answered = None,
            // What went on then had no end of its own once.
            What::Ended => {
                let consultation = served.consultation.as_ref();
                self.over(served, consultation.is_some_and(|consultation| consultation.served_at.is_some()));
            }
            What::Started { .. }
            | What::Message(_)
            | What::CallRefused { .. }
            | What::Requeued { .. }
            | What::Explained(_)
            | What::Described(_)
            | What::Entered { .. }
            | What::Left { .. }
            | What::Read { .. }
            | What::Unchanged => {}
        }
    }

    /// Which list it is in.
    #[must_use]
    pub fn list(&self, served: &Served) -> List {
        match (&served.consultation, &self.past) {
            (Some(consultation), _) => match consultation.stage {
                Stage::Waiting | Stage::Assigned(_) => List::Waiting,
                Stage::InProgress(_) => List::InProgress,
            },
            (None, Some(Past { served: true, .. })) => List::Completed,
            (None, Some(Past { served: false, .. })) => List::Missed,
            (None, None) => List::WithBot,
        }
    }

    /// Whose it is there: who answers for it, or did last when it was over.
    #[must_use]
    pub fn member(&self, served: &Served) -> Option<MemberId> {
        match &served.consultation {
            Some(consultation) => consultation.assignee(),
            None => self.past.as_ref().and_then(|past| past.by),
        }
    }

    /// What it is about, or was last.
    #[must_use]
    pub fn category<'a>(&'a self, served: &'a Served) -> Option<&'a CategoryPath> {
        let now = served.consultation.as_ref().map(|consultation| &consultation.category);
        now.or(self.past.as_ref().map(|past| &past.category)).filter(|category| !category.is_empty())
    }

    fn over(&mut self, before: &Served, served: bool) {
        // Of those who answered for it only one who served it has: as assignment has it.
        let answered = self.answered.take();
        let by = if served { before.served_by().or(answered) } else { answered };
        if let Some(consultation) = &before.consultation {
            self.past = Some(Past { served, by, category: consultation.category.clone() });
        }
    }
}

/// Since when it waits, if it is in the list of those that do.
#[must_use]
pub fn waits_since(served: &Served) -> Option<Timestamp> {
    let consultation = served.consultation.as_ref()?;
    match consultation.stage {
        Stage::Waiting | Stage::Assigned(_) => Some(consultation.waits_since),
        Stage::InProgress(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::consultation::{How, Requeued, Unserved};
    use crate::domain::conversation::Event;
    use switchboard_protocol::vocabulary::{CategoryName, ConsultationId, Party};

    fn member(n: u8) -> MemberId {
        MemberId::from_bytes([n; 16])
    }

    fn category(name: &str) -> CategoryPath {
        CategoryPath::new(vec![CategoryName::new(name).unwrap()]).unwrap()
    }

    fn called() -> What {
        let consultation = ConsultationId::from_bytes([1; 16]);
        What::Called { consultation, category: category("Bank"), in_hours: true, bot_replies: false }
    }

    fn assigned(n: u8) -> What {
        What::Assigned { member: member(n), how: How::Automatic }
    }

    fn entered(n: u8) -> What {
        What::Entered { member: member(n) }
    }

    fn stepped_in(n: u8) -> What {
        let consultation = ConsultationId::from_bytes([2; 16]);
        What::Assigned { member: member(n), how: How::SteppedIn { consultation } }
    }

    fn unserved(why: Unserved) -> What {
        What::Unserved { why }
    }

    fn requeued(n: u8) -> What {
        What::Requeued { from: member(n), why: Requeued::Absent }
    }

    /// Where a conversation is after these events, and whose it is there.
    fn after(events: &[What]) -> (List, Option<MemberId>) {
        let (mut served, mut listing) = (Served::default(), Listing::default());
        for (what, at) in events.iter().zip(1..) {
            listing.apply(&served, what);
            served.apply(Timestamp::from_millis(at), &Event { by: Party::Customer, what: what.clone() });
        }
        let waits = waits_since(&served).is_some();
        let list = listing.list(&served);
        if list == List::Completed {
            let ends_as_once = events.last() == Some(&What::Ended) && !events.contains(&What::Completed);
            assert!(ends_as_once || listing.member(&served) == served.former, "{events:?}");
        }
        assert_eq!(waits, list == List::Waiting);
        (list, listing.member(&served))
    }

    #[test]
    fn a_conversation_is_in_one_list_by_what_goes_on_or_else_by_what_was_last() {
        let served = [called(), assigned(1), entered(1)];
        let cases: &[(&[What], List, Option<u8>)] = &[
            (&[], List::WithBot, None),
            (&[What::CallRefused { category: category("Bank") }], List::WithBot, None),
            (&[called()], List::Waiting, None),
            (&[called(), assigned(1)], List::Waiting, Some(1)),
            (&[called(), assigned(1), requeued(1)], List::Waiting, None),
            (&served, List::InProgress, Some(1)),
            (&[called(), assigned(1), entered(1), assigned(2)], List::InProgress, Some(2)),
            (&[called(), assigned(1), entered(1), requeued(1)], List::Waiting, None),
            (&[called(), assigned(1), entered(1), What::Completed], List::Completed, Some(1)),
            (&[stepped_in(3), entered(3), What::Completed, What::Ended], List::Completed, Some(3)),
            (&[called(), unserved(Unserved::GaveUp)], List::Missed, None),
            (&[called(), assigned(1), unserved(Unserved::TooLong)], List::Missed, Some(1)),
            // Who answered for it last, although nobody does when it ends.
            (&[called(), assigned(1), requeued(1), unserved(Unserved::Left)], List::Missed, Some(1)),
            // And not who was found later and has not come.
            (
                &[called(), assigned(1), entered(1), requeued(1), assigned(2), What::Completed],
                List::Completed,
                Some(1),
            ),
            // Taken back at once: as if nobody had called.
            (&[called(), unserved(Unserved::Cancelled)], List::WithBot, None),
            (
                &[called(), unserved(Unserved::GaveUp), called(), assigned(2), unserved(Unserved::Cancelled)],
                List::Missed,
                None,
            ),
            (&[stepped_in(3), entered(3), What::Completed, called()], List::Waiting, None),
            (
                &[stepped_in(3), entered(3), What::Completed, called(), unserved(Unserved::GaveUp)],
                List::Missed,
                None,
            ),
            // As it was recorded before consultations had an end of their own.
            (&[stepped_in(3), entered(3), What::Ended], List::Completed, Some(3)),
        ];
        for (events, list, of) in cases {
            assert_eq!(after(events), (*list, of.map(member)), "{events:?}");
        }
    }

    #[test]
    fn what_it_is_about_stays_known_when_it_is_over() {
        let (mut served, mut listing) = (Served::default(), Listing::default());
        assert_eq!(listing.category(&served), None);
        for what in [called(), assigned(1), entered(1), What::Completed] {
            listing.apply(&served, &what);
            served.apply(Timestamp::from_millis(1), &Event { by: Party::Customer, what: what.clone() });
            assert_eq!(listing.category(&served), Some(&category("Bank")), "{what:?}");
        }
    }

    #[test]
    fn a_filter_shows_its_lists_and_only_whose_they_are() {
        let some = Lists::NONE.with(List::Waiting).with(List::Missed);
        assert_eq!(some.each().collect::<Vec<_>>(), [List::Waiting, List::Missed]);
        assert_eq!(Lists::ALL.without(List::WithBot).each().count(), 4);
        let [shop, bank, other] = [1, 2, 3].map(|n| ProfileId::from_bytes([n; 16]));
        let profiles = [(shop, None), (bank, Some(member(1)))];
        let filter = Filter::new(Wish { lists: some, ..Wish::ALL }, profiles);
        assert!(filter.shows(shop, List::Waiting, None) && filter.shows(shop, List::Missed, Some(member(2))));
        assert!(filter.shows(bank, List::Waiting, Some(member(1))));
        assert!(
            !filter.shows(bank, List::Waiting, None) && !filter.shows(bank, List::Waiting, Some(member(2)))
        );
        assert!(!filter.shows(shop, List::Completed, None) && !filter.shows(other, List::Waiting, None));
        let one = Filter::new(Wish { profile: Some(bank), ..filter.wish() }, profiles);
        assert!(one.shows(bank, List::Missed, Some(member(1))) && !one.shows(shop, List::Missed, None));
    }

    #[test]
    fn the_stretches_of_a_filter_are_what_it_shows() {
        let profiles = [1, 2, 3].map(|n| ProfileId::from_bytes([n; 16]));
        let only = [None, Some(member(1)), None];
        for profile in [None, Some(profiles[0]), Some(profiles[1])] {
            let wish = Wish { profile, lists: Lists::ALL.without(List::Missed), mine: false };
            let filter = Filter::new(wish, profiles.into_iter().zip(only).take(2));
            let stretches: Vec<_> = filter.stretches().collect();
            for list in List::ALL {
                for (profile, of) in
                    profiles.into_iter().flat_map(|id| [None, Some(member(1))].map(|of| (id, of)))
                {
                    let is_in = |stretch: &Stretch| {
                        stretch.profile == profile
                            && stretch.list == list
                            && stretch.of.is_none_or(|own| of == Some(own))
                    };
                    assert_eq!(stretches.iter().any(is_in), filter.shows(profile, list, of));
                }
            }
        }
    }
}

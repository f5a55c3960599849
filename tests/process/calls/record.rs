//! What is stored of many calls, held against what must be so whatever happened meanwhile.
//!
//! Owns the reading of transcripts as consultations and who held them, and the limits of what can be known from
//! them. Must not know how the calls came about.
//!
//! A decision is made before it is stored, and nobody is told when. It cannot be earlier than the consultation
//! began to wait, nor than the process that stored it; nor is it later than its entry. What another conversation
//! has stored is known to whoever decides at the latest when its answer has been given, or the process was started
//! anew. Only within these bounds two conversations cannot be ordered, and there the check is lenient.

use std::collections::BTreeMap;

use switchboard_client::vocabulary::{ConversationId, MemberId, Timestamp};
use switchboard_client::wire::{AuditEntry, Change, Event, EventKind, How, UnservedWhy};

/// What was seen from outside while it ran.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// When the daemon was killed.
    pub(crate) kills: Vec<Timestamp>,
    /// When the answers to the changes of settings came, by their place in the audit.
    pub(crate) changed: BTreeMap<u64, Timestamp>,
    /// When the answers came to what agents did, by the conversation and the time of the entry.
    pub(crate) answered: BTreeMap<(ConversationId, Timestamp), Timestamp>,
    /// Who was seen to be gone, from when, and when they were about to come back.
    pub(crate) absences: Vec<(MemberId, Timestamp, Timestamp)>,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    Completed,
    Cancelled,
    Missed,
}

/// Somebody answers for a consultation.
#[derive(Debug, Clone, Copy)]
struct Hold {
    conversation: ConversationId,
    member: MemberId,
    is_automatic: bool,
    /// Since when the consultation had waited.
    waited: Timestamp,
    start: Timestamp,
    end: Timestamp,
}

/// A conversation, read to its end.
#[derive(Debug, Default)]
pub(crate) struct Read {
    holds: Vec<Hold>,
    /// How each of its consultations ended.
    pub(crate) ends: Vec<End>,
    /// How often what happened.
    pub(crate) counts: BTreeMap<&'static str, usize>,
    /// Whoever answers for it, if that goes on.
    pub(crate) assignee: Option<MemberId>,
    /// Whether a consultation goes on.
    pub(crate) is_open: bool,
}

#[derive(Debug, Clone, Copy)]
enum Now {
    WithBot,
    Waits(Timestamp),
    Held(Hold),
}

/// Reads a conversation, in which one at a time answers for what one customer wants.
pub(crate) fn read(conversation: ConversationId, events: &[Event]) -> Read {
    let (mut read, mut now) = (Read::default(), Now::WithBot);
    for Event { at, what, .. } in events {
        let hold = |member, is_automatic, waited| {
            Now::Held(Hold { conversation, member, is_automatic, waited, start: *at, end: *at })
        };
        let (name, next) = match (what, now) {
            (EventKind::Called { .. }, Now::WithBot) => ("called", Now::Waits(*at)),
            (EventKind::Assigned { member, how: How::Automatic, .. }, Now::Waits(since)) => {
                ("assigned", hold(*member, true, since))
            }
            (EventKind::Assigned { member, how: How::Taken, .. }, Now::Waits(since)) => {
                ("taken", hold(*member, false, since))
            }
            (EventKind::Assigned { member, how: How::SteppedIn, .. }, Now::WithBot) => {
                ("stepped in", hold(*member, false, *at))
            }
            (EventKind::Assigned { member, how: How::Transferred, from }, Now::Held(before)) => {
                assert_eq!(
                    *from,
                    Some(before.member),
                    "{conversation}: given on by whom it was not given to"
                );
                ("transferred", hold(*member, false, before.waited))
            }
            (EventKind::Requeued { member, .. }, Now::Held(before)) => {
                assert_eq!(*member, before.member, "{conversation}: taken from whom it was not given to");
                ("queued again", Now::Waits(*at))
            }
            (EventKind::Completed, Now::Held(_)) => ("completed", Now::WithBot),
            (EventKind::Unserved { why }, Now::Waits(_) | Now::Held(_)) => (name_of(*why), Now::WithBot),
            (EventKind::Entered, now) => ("entered", now),
            (EventKind::Left, now) => ("left", now),
            (EventKind::Started, now) => ("started", now),
            (EventKind::Message { .. }, now) => ("message", now),
            (
                EventKind::Called { .. }
                | EventKind::Assigned { .. }
                | EventKind::Requeued { .. }
                | EventKind::Completed
                | EventKind::Unserved { .. }
                | EventKind::CallRefused { .. }
                | EventKind::Ended
                | EventKind::Described { .. }
                | EventKind::Unknown,
                now,
            ) => panic!("{conversation}: {what:?} at {at:?} while {now:?}: {events:#?}"),
        };
        *read.counts.entry(name).or_default() += 1;
        let is_other = !matches!(what, EventKind::Entered | EventKind::Left | EventKind::Message { .. });
        if let (Now::Held(before), true) = (now, is_other) {
            read.holds.push(Hold { end: *at, ..before });
        }
        read.ends.extend(end_of(what));
        now = next;
    }
    if let Now::Held(hold) = now {
        read.assignee = Some(hold.member);
    }
    read.is_open = !matches!(now, Now::WithBot);
    read
}

fn end_of(what: &EventKind) -> Option<End> {
    match what {
        EventKind::Completed => Some(End::Completed),
        EventKind::Unserved { why: UnservedWhy::Cancelled } => Some(End::Cancelled),
        EventKind::Unserved { .. } => Some(End::Missed),
        EventKind::Started
        | EventKind::Message { .. }
        | EventKind::Called { .. }
        | EventKind::CallRefused { .. }
        | EventKind::Assigned { .. }
        | EventKind::Requeued { .. }
        | EventKind::Entered
        | EventKind::Left
        | EventKind::Ended
        | EventKind::Described { .. }
        | EventKind::Unknown => None,
    }
}

const fn name_of(why: UnservedWhy) -> &'static str {
    match why {
        UnservedWhy::Cancelled => "cancelled",
        UnservedWhy::GaveUp => "given up",
        UnservedWhy::Left => "left alone",
        UnservedWhy::Dismissed => "dismissed",
        UnservedWhy::TooLong => "waited too long",
        UnservedWhy::Unknown => "unserved for an unknown reason",
    }
}

/// A maximum, and when it can have been in force.
struct Maximum {
    value: usize,
    from: Timestamp,
    until: Timestamp,
}

/// The maxima that were set, in order.
fn maxima(audit: &[AuditEntry], changed: &BTreeMap<u64, Timestamp>) -> Vec<Maximum> {
    let mut maxima: Vec<Maximum> = Vec::new();
    for entry in audit {
        for change in &entry.changes {
            let Change::TeamAssignment { assignment } = change else { continue };
            // Without an answer nobody knows when it began to hold.
            let known = changed.get(&entry.revision).copied().unwrap_or(LATEST);
            if let Some(before) = maxima.last_mut() {
                before.until = known;
            }
            let value = assignment.load.maximum as usize;
            maxima.push(Maximum { value, from: entry.at, until: LATEST });
        }
    }
    maxima
}

/// What is held against what: everything stored, and what was seen.
pub(crate) struct Check<'a> {
    seen: &'a Seen,
    maxima: Vec<Maximum>,
    by_member: BTreeMap<MemberId, Vec<Hold>>,
}

impl<'a> Check<'a> {
    /// Of these conversations; the audit is oldest first.
    pub(crate) fn new(seen: &'a Seen, audit: &[AuditEntry], reads: &[Read]) -> Self {
        let mut by_member: BTreeMap<MemberId, Vec<Hold>> = BTreeMap::new();
        for hold in reads.iter().flat_map(|read| &read.holds) {
            by_member.entry(hold.member).or_default().push(*hold);
        }
        by_member.values_mut().for_each(|holds| holds.sort_by_key(|hold| hold.start));
        Self { seen, maxima: maxima(audit, &seen.changed), by_member }
    }

    /// Sees to it that nobody was given more than they could be, and returns the most that anybody had, and how
    /// many decisions could be held against what others had done by hand.
    pub(crate) fn capacity(&self) -> (usize, usize) {
        let (mut most, mut beside_hands) = (0, 0);
        for holds in self.by_member.values() {
            for (at, hold) in holds.iter().enumerate().filter(|(_, hold)| hold.is_automatic) {
                let others = || {
                    let begun = holds.iter().enumerate().take_while(|(_, other)| other.start <= hold.start);
                    begun.filter(move |(other, it)| *other != at && it.end > hold.start).map(|(_, it)| it)
                };
                // Of those that were given by decisions the last decision saw all the others, whichever it was.
                let given: Vec<&Hold> = others().filter(|other| other.is_automatic).collect();
                let highest = given.iter().map(|other| self.maximum(other)).max().unwrap_or(0);
                let highest = highest.max(self.maximum(hold));
                // What began and ended within a millisecond may have done so before any of the others.
                if hold.end > hold.start {
                    assert!(given.len() < highest, "{hold:#?} above {highest} beside {given:#?}");
                    most = most.max(given.len() + 1);
                }
                // What this one itself must have seen, by whatever hand.
                let decided = self.earliest(hold);
                let seen: Vec<&Hold> = others().filter(|other| self.is_known(other, decided)).collect();
                let maximum = self.maximum(hold);
                assert!(seen.len() < maximum, "{hold:#?} above {maximum} although it saw {seen:#?}");
                beside_hands += usize::from(seen.iter().any(|other| !other.is_automatic));
            }
        }
        (most, beside_hands)
    }

    /// Sees to it that nobody was given anything while they were not there, and returns how many were queued
    /// while somebody was not.
    pub(crate) fn presence(&self) -> usize {
        let mut tried = 0;
        for (member, gone, back) in &self.seen.absences {
            let all = self.by_member.values().flatten().filter(|hold| hold.is_automatic);
            let meanwhile = all.filter(|hold| self.earliest(hold) > *gone && hold.start < *back);
            for hold in meanwhile {
                tried += 1;
                assert_ne!(hold.member, *member, "{hold:#?}: gone from {gone:?} to {back:?}");
            }
        }
        tried
    }

    /// When it can have been decided at the earliest.
    fn earliest(&self, hold: &Hold) -> Timestamp {
        let started = self.seen.kills.iter().filter(|kill| **kill < hold.start).max();
        started.map_or(hold.waited, |started| hold.waited.max(*started))
    }

    /// Whether a decision made then cannot but have known of it.
    fn is_known(&self, hold: &Hold, decided: Timestamp) -> bool {
        if hold.is_automatic {
            return hold.start < decided;
        }
        let answered = self.seen.answered.get(&(hold.conversation, hold.start)).copied();
        let started = self.seen.kills.iter().filter(|kill| **kill > hold.start).min().copied();
        [answered, started].into_iter().flatten().any(|known| known < decided)
    }

    /// The highest maximum that can have been in force when it was decided.
    fn maximum(&self, hold: &Hold) -> usize {
        let decided = self.earliest(hold);
        let in_force = self.maxima.iter().filter(|it| it.from <= hold.start && it.until >= decided);
        in_force.map(|it| it.value).max().expect("a maximum was set before the first call")
    }
}

const LATEST: Timestamp = Timestamp::from_millis(i64::MAX);

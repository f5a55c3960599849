//! The variants of the enums on the wire.
//!
//! Owns the list of all of them, which the compiler keeps complete, and the way to those in a value. Must not
//! know where values come from.

use switchboard_protocol::vocabulary::{
    Button, Buttons, Content, ConversationId, Keyboard, MediaKind, Seq, Timestamp,
};
use switchboard_protocol::wire::{
    AssignmentRule, AssignmentStrategy, BegunBy, Change, Choosing, CloseCode, Consultation,
    ConversationFrame, Credentials, CustomerDetails, CustomerField, Decided, Decision, DeskFrame, ErrorBody,
    Event, EventKind, Gender, Hello, How, ListFilter, ListName, Op, Outcome, PassedOver, Purpose, ReplyBody,
    Request, RequeuedWhy, Role, SearchBy, Sender, ServerFrame, Settings, SettingsOf, SubscriptionHead, Topic,
    Typing, UnservedWhy, WaitsWhy,
};

/// Whatever may have variants in it.
pub(crate) trait Variants {
    /// Adds the names of the variants that are in it.
    fn variants(&self, seen: &mut Vec<&'static str>);
}

macro_rules! enums {
    ($($name:ident { $($variant:ident)* })*) => {
        /// Every variant of every enum on the wire. One that is missing here does not compile.
        pub(crate) const ALL: &[&str] =
            &[$($(concat!(stringify!($name), "::", stringify!($variant)),)*)*];

        trait Named {
            fn name(&self) -> &'static str;
        }

        $(impl Named for $name {
            fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => concat!(stringify!($name), "::", stringify!($variant)),)*
                }
            }
        })*
    };
}

enums! {
    Button { Link Postback Goto Unknown }
    CloseCode { Done GoingAway ProtocolError Refused Replaced Fault Overloaded Removed TakenOver }
    Content { Text Media Cards Location Unknown }
    ConversationFrame { Event Cursors CaughtUp Ended Unknown }
    Credentials { Customer Agent Unknown }
    DeskFrame { Snapshot Row Gone Counts ProfileCounts Agent Ended Unknown }
    EventKind {
        Started Message Called CallRefused Assigned Requeued Unserved Entered Left Completed Ended Described
        Unknown
    }
    CustomerField { Name Phone Email Gender Unknown }
    Gender { Female Male Other Unknown }
    SearchBy { Name Phone Email UserKey Category Unknown }
    How { Automatic Taken SteppedIn Transferred Unknown }
    Keyboard { Any Text Number Location Buttons Unknown }
    MediaKind { Image Video Audio Link Unknown }
    Change {
        Created AddMember RenameMember ChangeRole RemoveMember Status AddProfile TeamAssignment TeamHours
        TeamService ProfileAssignment ProfileHours Bot Greeting Completion OverrideHours
        Unknown
    }
    Op {
        Open Subscribe Unsubscribe Post Read Received Call Cancel Join Leave Take Transfer Complete End Describe
        Customer Search History Explain Consultations List Quarantined Release Settings Change Status Audit Waiting
        Latency Unknown
    }
    ReplyBody {
        Accepted AlreadyAccepted Opened Subscribed Unsubscribed Events Explained Customer Found Consultations
        Conversations Quarantined Released Settings Changed Audit Waiting Latency Unknown
    }
    Role { Owner Admin Editor Readonly Unknown }
    Settings { Team Members Profiles ProfileAssignment ProfileHours Bot Greeting Completion Unknown }
    SettingsOf { Team Members Profiles ProfileAssignment ProfileHours Bot Greeting Completion Unknown }
    BegunBy { Customer Bot Agent Unknown }
    Outcome { Completed Missed Cancelled Unknown }
    AssignmentRule { Sticky Specialist General Unknown }
    AssignmentStrategy { Random RoundRobin LeastLoaded Unknown }
    Decided { Assigned Waits Unknown }
    ListName { WithBot Waiting InProgress Completed Missed Unknown }
    Purpose { Serve TakeOver Look Unknown }
    PassedOver { Outside Away Offline Full Unknown }
    RequeuedWhy { Absent Removed Unknown }
    Sender { Customer Bot Agent Unknown }
    ServerFrame { Welcome Reply Error Goodbye Unknown }
    Topic { Conversation Desk Unknown }
    WaitsWhy { Manual Closed ForFormer NobodyFree Unknown }
    UnservedWhy { Cancelled GaveUp Left Dismissed TooLong Unknown }
}

/// What has no enums in it.
macro_rules! plain {
    ($($name:ident)*) => {$(
        impl Variants for $name {
            fn variants(&self, _: &mut Vec<&'static str>) {}
        }
    )*};
}

plain! { ConversationId Seq Timestamp SubscriptionHead ErrorBody }

impl Variants for Hello {
    fn variants(&self, seen: &mut Vec<&'static str>) {
        seen.push(self.credentials.name());
        seen.push(self.purpose.name());
    }
}

impl Variants for Request {
    fn variants(&self, seen: &mut Vec<&'static str>) {
        seen.push(self.op.name());
        if let Op::Subscribe { topic, .. } = &self.op {
            seen.push(topic.name());
            if let Topic::Desk { view } = topic {
                view.filter.variants(seen);
            }
        }
        if let Op::List { filter, .. } = &self.op {
            filter.variants(seen);
        }
        if let Op::Post { content, .. } = &self.op {
            content.variants(seen);
        }
        if let Op::Describe { details, clear, .. } = &self.op {
            details.variants(seen);
            seen.extend(clear.iter().map(Named::name));
        }
        if let Op::Search { by: Some(by), .. } = &self.op {
            seen.push(by.name());
        }
        if let Op::Settings { of } = &self.op {
            seen.push(of.name());
        }
        if let Op::Change { change } = &self.op {
            change.variants(seen);
        }
    }
}

impl Variants for ServerFrame {
    fn variants(&self, seen: &mut Vec<&'static str>) {
        seen.push(self.name());
        if let Self::Goodbye(goodbye) = self {
            seen.push(goodbye.close.name());
        }
        if let Self::Reply(reply) = self {
            seen.push(reply.body.name());
            if let ReplyBody::Events { events, .. } = &reply.body {
                events.iter().for_each(|event| event.variants(seen));
            }
            if let ReplyBody::Customer { details, .. } = &reply.body {
                details.variants(seen);
            }
            if let ReplyBody::Conversations { rows, .. } = &reply.body {
                seen.extend(rows.iter().map(|row| row.list.name()));
            }
            if let ReplyBody::Explained { decisions, .. } = &reply.body {
                decisions.iter().for_each(|decision| decision.variants(seen));
            }
            if let ReplyBody::Consultations { consultations, .. } = &reply.body {
                consultations.iter().for_each(|consultation| consultation.variants(seen));
            }
            if let ReplyBody::Settings { settings, .. } = &reply.body {
                settings.variants(seen);
            }
            if let ReplyBody::Audit { entries, .. } = &reply.body {
                entries.iter().flat_map(|entry| &entry.changes).for_each(|change| change.variants(seen));
            }
        }
    }
}

impl Variants for Decision {
    fn variants(&self, seen: &mut Vec<&'static str>) {
        seen.push(self.outcome.name());
        match &self.outcome {
            Decided::Assigned { rule, .. } => seen.push(rule.name()),
            Decided::Waits { why, .. } => seen.push(why.name()),
            Decided::Unknown => {}
        }
        seen.extend(self.candidates.iter().filter_map(|told| told.passed_over.as_ref()).map(Named::name));
    }
}

impl Variants for Consultation {
    fn variants(&self, seen: &mut Vec<&'static str>) {
        seen.push(self.begun_by.name());
        seen.extend(self.outcome.iter().map(Named::name));
        if let Some(Outcome::Missed { why }) = &self.outcome {
            seen.push(why.name());
        }
        seen.extend(self.assignees.iter().map(|assignee| assignee.how.name()));
    }
}

impl Variants for Change {
    fn variants(&self, seen: &mut Vec<&'static str>) {
        seen.push(self.name());
        match self {
            Self::AddMember { role, .. } | Self::ChangeRole { role, .. } => seen.push(role.name()),
            Self::TeamAssignment { assignment } => assignment.choosing.variants(seen),
            Self::ProfileAssignment { assignment, .. } => {
                assignment.choosing.iter().for_each(|choosing| choosing.variants(seen));
            }
            Self::AddProfile { greeting, .. } | Self::Greeting { greeting, .. } => {
                greeting.iter().for_each(|greeting| greeting.content.variants(seen));
            }
            Self::Created { .. }
            | Self::RenameMember { .. }
            | Self::RemoveMember { .. }
            | Self::Status { .. }
            | Self::TeamHours { .. }
            | Self::TeamService { .. }
            | Self::ProfileHours { .. }
            | Self::Bot { .. }
            | Self::Completion { .. }
            | Self::OverrideHours { .. }
            | Self::Unknown => {}
        }
    }
}

impl Variants for Settings {
    fn variants(&self, seen: &mut Vec<&'static str>) {
        seen.push(self.name());
        match self {
            Self::Members { members, .. } => seen.extend(members.iter().map(|member| member.role.name())),
            Self::Team { assignment, .. } => assignment.choosing.variants(seen),
            Self::ProfileAssignment { assignment } => {
                assignment.choosing.iter().for_each(|choosing| choosing.variants(seen));
            }
            Self::Greeting { greeting } => {
                greeting.iter().for_each(|greeting| greeting.content.variants(seen));
            }
            Self::Profiles { .. }
            | Self::ProfileHours { .. }
            | Self::Bot { .. }
            | Self::Completion { .. }
            | Self::Unknown => {}
        }
    }
}

impl Variants for Choosing {
    fn variants(&self, seen: &mut Vec<&'static str>) {
        seen.push(self.strategy.name());
    }
}

impl Variants for ConversationFrame {
    fn variants(&self, seen: &mut Vec<&'static str>) {
        seen.push(self.name());
        if let Self::Event(event) = self {
            event.variants(seen);
        }
    }
}

impl Variants for Event {
    fn variants(&self, seen: &mut Vec<&'static str>) {
        seen.push(self.by.name());
        seen.push(self.what.name());
        match &self.what {
            EventKind::Message { content, keyboard } => {
                content.variants(seen);
                seen.extend(keyboard.as_ref().map(|keyboard| keyboard.name()));
            }
            EventKind::Assigned { how, .. } => seen.push(how.name()),
            EventKind::Requeued { why, .. } => seen.push(why.name()),
            EventKind::Unserved { why } => seen.push(why.name()),
            EventKind::Described { details, cleared } => {
                details.variants(seen);
                seen.extend(cleared.iter().map(Named::name));
            }
            EventKind::Started
            | EventKind::Called { .. }
            | EventKind::CallRefused { .. }
            | EventKind::Entered
            | EventKind::Left
            | EventKind::Completed
            | EventKind::Ended
            | EventKind::Unknown => {}
        }
    }
}

impl Variants for CustomerDetails {
    fn variants(&self, seen: &mut Vec<&'static str>) {
        seen.extend(self.gender.iter().map(Named::name));
    }
}

impl Variants for Content {
    fn variants(&self, seen: &mut Vec<&'static str>) {
        seen.push(self.name());
        match self {
            Self::Text { buttons, .. } => buttons.variants(seen),
            Self::Media(media) => seen.push(media.kind().name()),
            Self::Cards { cards } => cards.as_slice().iter().for_each(|card| {
                card.buttons.variants(seen);
                seen.extend(card.media.iter().map(|media| media.kind().name()));
            }),
            Self::Location(_) | Self::Unknown => {}
        }
    }
}

impl Variants for Buttons {
    fn variants(&self, seen: &mut Vec<&'static str>) {
        seen.extend(self.as_slice().iter().map(Button::name));
    }
}

impl Variants for DeskFrame {
    fn variants(&self, seen: &mut Vec<&'static str>) {
        seen.push(self.name());
        match self {
            Self::Snapshot { rows, .. } => seen.extend(rows.iter().map(|row| row.list.name())),
            Self::Row(row) => seen.push(row.list.name()),
            Self::Gone { .. }
            | Self::Counts(_)
            | Self::ProfileCounts { .. }
            | Self::Agent(_)
            | Self::Ended { .. }
            | Self::Unknown => {}
        }
    }
}

impl Variants for ListFilter {
    fn variants(&self, seen: &mut Vec<&'static str>) {
        seen.extend(self.lists.iter().map(Named::name));
    }
}

impl Variants for Typing {
    fn variants(&self, seen: &mut Vec<&'static str>) {
        seen.extend(self.by.as_ref().map(Named::name));
    }
}

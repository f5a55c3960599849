//! The reference model: what is stored, who was shown what, and what each client sent and was told.
//!
//! Owns the plain reading of the promises, written without the engine's rules: it looks only at what
//! became durable and at what left the engine. Must not know how the engine came to it.

use std::collections::BTreeMap;

use switchboard::domain::conversation::{Entry, What};
use switchboard::domain::customer::Details;
use switchboard::domain::identity::{CustomerKey, Identity, Reader};
use switchboard::machines::live::SideCursors;
use switchboard_protocol::vocabulary::{ConversationId, InstanceId, MessageText, Party, Seq, Timestamp};

use crate::service::Service;
use crate::settings::Timetable;
use crate::stored::{Shown, Stored};

/// A client's command: its instance and counter.
pub(crate) type Origin = (InstanceId, u64);

/// What should be true.
#[derive(Default)]
pub(crate) struct Model {
    commands: BTreeMap<Origin, Sent>,
    stored: BTreeMap<ConversationId, Stored>,
    /// The conversation of each customer that began last.
    latest: BTreeMap<CustomerKey, ConversationId>,
    /// How far the clients of each side have said to have received, in the side's own sequence.
    claimed: BTreeMap<(ConversationId, Reader), Seq>,
    /// Who serves what.
    pub(crate) service: Service,
}

/// A command that a client has sent.
struct Sent {
    /// Which conversation it is about; `None` if it is for the customer's own, whichever that is.
    conversation: Option<ConversationId>,
    /// Whose client it was, if it was a customer's.
    customer: Option<CustomerKey>,
    /// What it says, if it is a message.
    text: Option<String>,
    /// Only somebody who is there to be reached does that.
    needs_somebody: bool,
    /// A session has asked for it by which its member is there, or its customer.
    came_from_somebody: bool,
    /// What it has become, the last time that it became something.
    became: Option<ConversationId>,
    /// The customer's conversation when it was sent had ended, and this was it.
    knew_ended: Option<ConversationId>,
    /// The engine has once not accepted it.
    was_passed_over: bool,
    /// Its client was told that nothing was done.
    was_refused: bool,
    /// It was answered that everything is as it wants it, without being recorded.
    was_needless: bool,
}

/// What a command became: the answer that is due to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) at: Timestamp,
    /// For the customer and the staff.
    pub(crate) seqs: [Option<Seq>; 2],
}

impl Model {
    pub(crate) fn new(timetable: Timetable) -> Self {
        Self { service: Service::new(timetable), ..Self::default() }
    }

    pub(crate) fn sent(
        &mut self,
        origin: Origin,
        by: &Identity,
        conversation: Option<ConversationId>,
        (text, needs_somebody): (Option<String>, bool),
    ) {
        let customer = customer_of(by).cloned();
        let latest = customer.as_ref().and_then(|customer| self.latest.get(customer));
        let sent = Sent {
            conversation,
            knew_ended: latest.copied().filter(|id| self.has_ended(*id)),
            customer,
            text,
            needs_somebody,
            came_from_somebody: false,
            became: None,
            was_passed_over: false,
            was_refused: false,
            was_needless: false,
        };
        self.commands.insert(origin, sent);
    }

    /// A client says to have received everything up to here. It can have what is durable now, and no more.
    pub(crate) fn claimed(&mut self, conversation: ConversationId, reader: Reader, up_to: Seq) {
        let durable = Seq::new(self.shown(conversation, reader).len() as u64).unwrap_or(Seq::MAX);
        let up_to = up_to.min(durable);
        let claimed = self.claimed.entry((conversation, reader)).or_default();
        *claimed = up_to.max(*claimed);
    }

    /// The engine did not accept a command this time.
    pub(crate) fn passed_over(&mut self, origin: Origin) {
        if let Some(sent) = self.commands.get_mut(&origin) {
            sent.was_passed_over = true;
        }
    }

    /// Whether the engine has once not accepted a command.
    pub(crate) fn was_passed_over(&self, origin: Origin) -> bool {
        self.commands.get(&origin).is_some_and(|sent| sent.was_passed_over)
    }

    /// A session asks for it by which somebody is there.
    pub(crate) fn came_from_somebody(&mut self, origin: Origin) {
        if let Some(sent) = self.commands.get_mut(&origin) {
            sent.came_from_somebody = true;
        }
    }

    /// Whether only somebody who is there to be reached gives a command.
    pub(crate) fn needs_somebody(&self, origin: Origin) -> bool {
        self.commands.get(&origin).is_some_and(|sent| sent.needs_somebody)
    }

    /// Whether it is one of those, and nobody has given it who was there.
    pub(crate) fn came_from_nobody(&self, origin: Origin) -> bool {
        let sent = self.commands.get(&origin);
        sent.is_some_and(|sent| sent.needs_somebody && !sent.came_from_somebody)
    }

    /// Its client was told that nothing was done.
    pub(crate) fn refused(&mut self, origin: Origin) {
        if let Some(sent) = self.commands.get_mut(&origin) {
            sent.was_refused = true;
        }
    }

    /// It was answered that there is nothing to do. That answer may be lost.
    pub(crate) fn needless(&mut self, origin: Origin) {
        if let Some(sent) = self.commands.get_mut(&origin) {
            sent.was_needless = true;
        }
    }

    /// Whether a command is for the customer's conversation, whichever that is.
    pub(crate) fn is_opening(&self, origin: Origin) -> bool {
        self.commands.get(&origin).is_some_and(|sent| sent.conversation.is_none())
    }

    /// What a command has become, if it has. One that opened a conversation which has ended since may
    /// become another one.
    pub(crate) fn accepted(&self, origin: Origin) -> Option<Accepted> {
        let sent = self.commands.get(&origin)?;
        let became = sent.became.filter(|id| sent.conversation.is_some() || !self.has_ended(*id))?;
        self.stored.get(&became)?.accepted.get(&origin).copied()
    }

    /// Whether a conversation may be what a client gets that asked for its customer's.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn opened(&self, origin: Origin, id: ConversationId) -> Result<(), String> {
        let Some(sent) = self.commands.get(&origin) else { return Err("was never sent".to_owned()) };
        let Some(stored) = self.stored.get(&id) else { return Err("has not begun".to_owned()) };
        if stored.customer != sent.customer {
            return Err("is somebody else's".to_owned());
        }
        // Unless it is what this very command began.
        if sent.knew_ended == Some(id) {
            return Err("had ended before it was asked for".to_owned());
        }
        Ok(())
    }

    /// Everything that a reader may see, in order.
    pub(crate) fn shown(&self, conversation: ConversationId, reader: Reader) -> &[Shown] {
        self.stored.get(&conversation).map_or(&[], |stored| stored.shown(reader))
    }

    /// How many entries of each conversation are durable.
    pub(crate) fn conversations(&self) -> impl Iterator<Item = (ConversationId, u64)> {
        self.stored.iter().map(|(id, stored)| (*id, stored.entries))
    }

    /// The conversations of everybody else.
    pub(crate) fn conversations_of_others(
        &self,
        customer: &CustomerKey,
    ) -> impl Iterator<Item = ConversationId> {
        self.stored.iter().filter(|(_, stored)| stored.customer.as_ref() != Some(customer)).map(|(id, _)| *id)
    }

    /// Whether somebody may see anything of a conversation.
    pub(crate) fn may_see(&self, conversation: ConversationId, who: &Identity) -> bool {
        let stored = self.stored.get(&conversation);
        customer_of(who).is_none_or(|own| stored.is_some_and(|stored| stored.customer.as_ref() == Some(own)))
    }

    /// Whether there is anything that a reader may see.
    pub(crate) fn has_begun(&self, conversation: ConversationId, reader: Reader) -> bool {
        !self.shown(conversation, reader).is_empty()
    }

    fn has_ended(&self, conversation: ConversationId) -> bool {
        self.stored.get(&conversation).is_some_and(|stored| stored.has_ended)
    }

    /// How many messages of the other side a reader has behind what its own side has read by these cursors.
    pub(crate) fn unread(
        &self,
        conversation: ConversationId,
        reader: Reader,
        cursors: &SideCursors,
    ) -> usize {
        let own = match reader {
            Reader::Customer => cursors.customer,
            Reader::Staff => cursors.staff,
        };
        self.stored.get(&conversation).map_or(0, |stored| stored.unread(reader, own))
    }

    /// How far each side has read, as a reader counts.
    pub(crate) fn read(&self, conversation: ConversationId, reader: Reader) -> SideCursors {
        self.stored.get(&conversation).map(|stored| stored.read(reader)).unwrap_or_default()
    }

    /// Whether somebody of a side has read so far, or said to have received it; in a reader's sequence.
    pub(crate) fn was_claimed(
        &self,
        conversation: ConversationId,
        side: Reader,
        reader: Reader,
        seq: Seq,
    ) -> bool {
        let Some(stored) = self.stored.get(&conversation) else { return seq == Seq::ZERO };
        let claimed = self.claimed.get(&(conversation, side)).copied().unwrap_or_default();
        let read = stored.read(side);
        let claimed = claimed.max(match side {
            Reader::Customer => read.customer,
            Reader::Staff => read.staff,
        });
        stored.counted_by(side, reader, seq).is_some_and(|own| own <= claimed)
    }

    /// An entry has become durable.
    ///
    /// # Errors
    /// Which promise it breaks.
    pub(crate) fn durable(&mut self, entry: &Entry) -> Result<(), String> {
        let known = self.one_conversation_to_a_customer(entry)?;
        let stored = self.stored.entry(entry.conversation).or_default();
        let seqs = stored.add(entry)?;
        if known.is_some_and(|known| known != stored.details) {
            return Err(
                "begun without what was known of the customer at the end of the one before".to_owned()
            );
        }
        let Some(origin) = &entry.origin else { return Ok(()) };
        let (instance, counter) = (origin.instance, origin.counter);
        let named = format!("counter {counter} of {instance}");
        let Some(sent) = self.commands.get_mut(&(instance, counter)) else {
            return Err(format!("{named} was never sent"));
        };
        let is_about = match sent.conversation {
            Some(id) => id == entry.conversation,
            None => entry.events.iter().any(|event| matches!(event.what, What::Started { .. })),
        };
        if !is_about || sent.text.as_deref() != text_of(entry) {
            return Err(format!("{named} became something else than was sent"));
        }
        if sent.customer.is_some() && sent.customer != stored.customer {
            return Err(format!("{named} was done in a conversation of somebody else"));
        }
        if sent.was_refused {
            return Err(format!("{named} was done after its client was told that nothing was done"));
        }
        if sent.was_needless {
            return Err(format!("{named} was done after the answer that there is nothing to do"));
        }
        sent.became = Some(entry.conversation);
        let accepted = Accepted { at: entry.at, seqs };
        if stored.accepted.insert((instance, counter), accepted).is_some() {
            return Err(format!("{named} was done twice"));
        }
        let last = stored.last_counters.entry(instance).or_default();
        // What was read is read, whenever that is said.
        if counter < *last && !entry.events.iter().all(|event| matches!(event.what, What::Read { .. })) {
            return Err(format!("{named} was done after counter {last}, which was sent later"));
        }
        *last = counter.max(*last);
        Ok(())
    }

    /// A customer begins a conversation only when the one before has ended. Returns what was known of them then,
    /// if this begins one.
    fn one_conversation_to_a_customer(&mut self, entry: &Entry) -> Result<Option<Details>, String> {
        let mut known = None;
        for event in &entry.events {
            let What::Started { customer, .. } = &event.what else { continue };
            let before = self.latest.insert(customer.clone(), entry.conversation);
            if let Some(before) = before.filter(|before| !self.has_ended(*before)) {
                return Err(format!("begun although {before} of the same customer goes on"));
            }
            let details = before.and_then(|before| self.stored.get(&before)).map(|stored| &stored.details);
            known = Some(details.cloned().unwrap_or_default());
        }
        Ok(known)
    }

    /// Whether a conversation is not its customer's first.
    pub(crate) fn is_another(&self, entry: &Entry) -> bool {
        let customer = self.stored.get(&entry.conversation).and_then(|stored| stored.customer.as_ref());
        entry.revision == 1 && self.stored.values().filter(|it| it.customer.as_ref() == customer).count() > 1
    }
}

fn customer_of(identity: &Identity) -> Option<&CustomerKey> {
    match identity {
        Identity::Customer { customer, .. } => Some(customer),
        Identity::Member { .. } => None,
    }
}

fn text_of(entry: &Entry) -> Option<&str> {
    let by_people = entry.events.iter().filter(|event| event.by != Party::Bot);
    by_people
        .filter_map(|event| match &event.what {
            What::Message(message) => message.content.as_text().map(MessageText::as_str),
            What::Started { .. }
            | What::Called { .. }
            | What::CallRefused { .. }
            | What::Assigned { .. }
            | What::Requeued { .. }
            | What::Unserved { .. }
            | What::Explained(_)
            | What::Entered { .. }
            | What::Left { .. }
            | What::Completed
            | What::Described(_)
            | What::Ended
            | What::Read { .. }
            | What::Unchanged => None,
        })
        .next()
}

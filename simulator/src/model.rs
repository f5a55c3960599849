//! The reference model: what is stored, who was shown what, and what each client sent and was told.
//!
//! Owns the plain reading of the promises, written without the engine's rules: it looks only at what
//! became durable and at what left the engine. Must not know how the engine came to it.

use std::collections::BTreeMap;

use switchboard::domain::conversation::{Entry, Event, Side, What};
use switchboard::domain::identity::Reader;
use switchboard::machines::live::SideCursors;
use switchboard_protocol::vocabulary::{ConversationId, InstanceId, MessageText, Seq, Timestamp};

/// A client's command: its instance and counter.
pub(crate) type Origin = (InstanceId, u64);

/// What should be true.
#[derive(Default)]
pub(crate) struct Model {
    commands: BTreeMap<Origin, Sent>,
    stored: BTreeMap<ConversationId, Stored>,
}

/// A command that a client has sent.
struct Sent {
    conversation: ConversationId,
    /// What it says, if it is a message.
    text: Option<String>,
    /// The engine has once not accepted it.
    was_passed_over: bool,
    /// Its client was told that nothing was done.
    was_refused: bool,
    /// It was answered that everything is as it wants it, without being recorded.
    was_needless: bool,
}

/// What is durable of a conversation.
#[derive(Default)]
struct Stored {
    entries: u64,
    last_at: Option<Timestamp>,
    shown: [Vec<Shown>; 2],
    accepted: BTreeMap<Origin, Accepted>,
    last_counters: BTreeMap<InstanceId, u64>,
    read: ReadUpTo,
}

/// An event as a reader must see it.
pub(crate) type Shown = (Seq, Timestamp, Event);

/// How far each side has read, in the sequences of the customer and the staff.
#[derive(Default, Clone, Copy)]
struct ReadUpTo {
    customer: [Seq; 2],
    staff: [Seq; 2],
}

/// What a command became: the answer that is due to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) at: Timestamp,
    /// For the customer and the staff.
    pub(crate) seqs: [Option<Seq>; 2],
}

impl Model {
    pub(crate) fn sent(&mut self, origin: Origin, conversation: ConversationId, text: Option<String>) {
        let sent =
            Sent { conversation, text, was_passed_over: false, was_refused: false, was_needless: false };
        self.commands.insert(origin, sent);
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

    /// What a command has become, if it has.
    pub(crate) fn accepted(&self, origin: Origin) -> Option<Accepted> {
        let sent = self.commands.get(&origin)?;
        self.stored.get(&sent.conversation)?.accepted.get(&origin).copied()
    }

    /// Everything that a reader may see, in order.
    pub(crate) fn shown(&self, conversation: ConversationId, reader: Reader) -> &[Shown] {
        self.stored.get(&conversation).map_or(&[], |stored| &stored.shown[index(reader)])
    }

    /// How many entries of each conversation are durable.
    pub(crate) fn conversations(&self) -> impl Iterator<Item = (ConversationId, u64)> {
        self.stored.iter().map(|(id, stored)| (*id, stored.entries))
    }

    /// Whether there is anything that a reader may see.
    pub(crate) fn has_begun(&self, conversation: ConversationId, reader: Reader) -> bool {
        !self.shown(conversation, reader).is_empty()
    }

    /// How far each side has read, as a reader counts.
    pub(crate) fn read(&self, conversation: ConversationId, reader: Reader) -> SideCursors {
        let read = self.stored.get(&conversation).map(|stored| stored.read).unwrap_or_default();
        let at = index(reader);
        SideCursors { customer: read.customer[at], staff: read.staff[at], ..SideCursors::default() }
    }

    /// An entry has become durable.
    ///
    /// # Errors
    /// Which promise it breaks.
    pub(crate) fn durable(&mut self, entry: &Entry) -> Result<(), String> {
        let stored = self.stored.entry(entry.conversation).or_default();
        stored.follows_on(entry)?;
        let mut seqs = [None; 2];
        for event in &entry.events {
            let before = stored.shown.each_ref().map(Vec::len);
            stored.add(entry.at, event);
            let grown = stored.shown.each_ref().map(Vec::len);
            if grown != before {
                seqs = [0, 1].map(|at| (grown[at] > before[at]).then(|| sequence(grown[at])));
            }
        }
        let Some(origin) = &entry.origin else { return Ok(()) };
        let (instance, counter) = (origin.instance, origin.counter);
        let named = format!("counter {counter} of {instance}");
        let Some(sent) = self.commands.get(&(instance, counter)) else {
            return Err(format!("{named} was never sent"));
        };
        if sent.conversation != entry.conversation || sent.text.as_deref() != text_of(entry) {
            return Err(format!("{named} became something else than was sent"));
        }
        if sent.was_refused {
            return Err(format!("{named} was done after its client was told that nothing was done"));
        }
        if sent.was_needless {
            return Err(format!("{named} was done after the answer that there is nothing to do"));
        }
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
}

impl Stored {
    fn follows_on(&mut self, entry: &Entry) -> Result<(), String> {
        self.entries += 1;
        if entry.revision != self.entries {
            return Err(format!("revision {} came where {} belongs", entry.revision, self.entries));
        }
        let last = self.shown.each_ref().map(|shown| sequence(shown.len()));
        if [entry.before.customer, entry.before.staff] != last {
            return Err(format!("the sequences of revision {} do not follow on", entry.revision));
        }
        if self.last_at.replace(entry.at).is_some_and(|last| last > entry.at) {
            return Err(format!("revision {} is earlier than the one before", entry.revision));
        }
        Ok(())
    }

    fn add(&mut self, at: Timestamp, event: &Event) {
        let seen_by = match &event.what {
            What::Started { .. } | What::Message(_) | What::Ended => [true, true],
            What::Assigned { .. } | What::Entered { .. } | What::Left { .. } | What::Completed => {
                [false, true]
            }
            What::Read { side, up_to } => {
                let read = match side {
                    Side::Customer => &mut self.read.customer,
                    Side::Staff => &mut self.read.staff,
                };
                *read = [up_to.customer, up_to.staff];
                [false, false]
            }
            What::Unchanged => [false, false],
        };
        for (shown, sees) in self.shown.iter_mut().zip(seen_by) {
            if sees {
                shown.push((sequence(shown.len() + 1), at, event.clone()));
            }
        }
    }
}

fn text_of(entry: &Entry) -> Option<&str> {
    entry.events.iter().filter(|event| event.by != switchboard_protocol::vocabulary::Party::Bot).find_map(
        |event| match &event.what {
            What::Message(message) => message.content.as_text().map(MessageText::as_str),
            What::Started { .. }
            | What::Assigned { .. }
            | What::Entered { .. }
            | What::Left { .. }
            | What::Completed
            | What::Ended
            | What::Read { .. }
            | What::Unchanged => None,
        },
    )
}

fn sequence(value: usize) -> Seq {
    Seq::new(value as u64).unwrap_or(Seq::MAX)
}

/// Where a reader's things are in a pair.
pub(crate) const fn index(reader: Reader) -> usize {
    match reader {
        Reader::Customer => 0,
        Reader::Staff => 1,
    }
}

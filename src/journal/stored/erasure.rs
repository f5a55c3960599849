//! What is erased from stored entries for good, once it is due.
//!
//! Owns that an entry stays what it is but for the characters that its masks hide: who, when, in which order
//! and of which kind are as they were. What cannot be read is left as it is. Must not know where entries are
//! stored.

use std::borrow::Cow;

use switchboard_protocol::vocabulary::Timestamp;

use super::{decode_entry, encode_entry};
use crate::domain::conversation::Entry;
use crate::journal::Stream;

/// What becomes of a stored entry by now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::journal) struct Erased {
    /// Its stored form without what is due, if something is.
    pub(in crate::journal) stored: Option<Vec<u8>>,
    /// When the next of it is due.
    pub(in crate::journal) due: Option<Timestamp>,
}

/// Erases what is due by now from the stored form of an entry.
pub(in crate::journal) fn erase(stream: Stream, stored: &[u8], now: Timestamp) -> Erased {
    let Some(entry) = masked_entry(stream, stored) else { return Erased::default() };
    match entry.shown_at(now) {
        Some(shown) => Erased { due: shown.next_due(), stored: encoded(&shown) },
        None => Erased { stored: None, due: entry.next_due() },
    }
}

/// The stored form that an entry has in the end, when everything of it that will be is erased: the same for
/// one that was erased from already as for its original.
pub(in crate::journal) fn in_the_end(stream: Stream, stored: &[u8]) -> Cow<'_, [u8]> {
    let masked = masked_entry(stream, stored).and_then(|entry| encoded(&entry.hidden(|_| true)?));
    masked.map_or(Cow::Borrowed(stored), Cow::Owned)
}

fn masked_entry(stream: Stream, stored: &[u8]) -> Option<Entry> {
    let Stream::Conversation(_, conversation) = stream else { return None };
    decode_entry(conversation, stored).ok().filter(Entry::has_masks)
}

/// What was read has a stored form again.
fn encoded(entry: &Entry) -> Option<Vec<u8>> {
    let mut stored = Vec::new();
    encode_entry(entry, &mut stored).is_ok().then_some(stored)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::conversation::What;
    use crate::journal::stored::messages;
    use crate::journal::stored::samples::{Script, conversation_id, customer, said, workspace_id};
    use proptest::prelude::*;
    use switchboard_protocol::vocabulary::Party;

    fn stream() -> Stream {
        Stream::Conversation(workspace_id(1), conversation_id(2))
    }

    /// An entry of minute 0 with a mask that is due after ten minutes and one after six hours, as it is stored.
    fn two_masks() -> Vec<u8> {
        let mut script = Script::new(workspace_id(1), conversation_id(2));
        script.start(0, customer(1));
        let mut message = said("codes: 1234 and 5678");
        message.mask("1234", "10m".parse().unwrap()).unwrap();
        message.mask("5678", "6h".parse().unwrap()).unwrap();
        encoded(&script.entry(0, Party::Bot, vec![What::Message(message)])).unwrap()
    }

    fn after_minutes(minutes: i64) -> Timestamp {
        Timestamp::from_millis(minutes * 60_000)
    }

    fn text(stored: &[u8]) -> String {
        let entry = decode_entry(conversation_id(2), stored).unwrap();
        let What::Message(message) = &entry.events[0].what else { unreachable!("it is a message") };
        message.content.preview(100)
    }

    #[test]
    fn what_is_due_is_erased_and_what_is_not_says_when() {
        let stored = two_masks();
        let early = erase(stream(), &stored, after_minutes(9));
        assert_eq!(early, Erased { stored: None, due: Some(after_minutes(10)) });
        let Erased { stored: Some(once), due } = erase(stream(), &stored, after_minutes(10)) else {
            unreachable!("something is due")
        };
        assert_eq!((text(&once).as_str(), due), ("codes: **** and 5678", Some(after_minutes(360))));
        let Erased { stored: Some(twice), due } = erase(stream(), &once, after_minutes(360)) else {
            unreachable!("something is due")
        };
        assert_eq!((text(&twice).as_str(), due), ("codes: **** and ****", None));
        assert_eq!(erase(stream(), &twice, after_minutes(999)), Erased::default());
    }

    #[test]
    fn in_the_end_it_is_the_same_whenever_it_was_erased_from() {
        let stored = two_masks();
        let once = erase(stream(), &stored, after_minutes(10)).stored.unwrap();
        let twice = erase(stream(), &once, after_minutes(360)).stored.unwrap();
        for at in [&stored, &once, &twice] {
            assert_eq!(in_the_end(stream(), at), twice);
        }
        let both = erase(stream(), &stored, after_minutes(360)).stored.unwrap();
        assert_eq!(both, twice);
    }

    proptest! {
        /// Whatever is masked, and however: what is left can be read, and hides nothing any more.
        #[test]
        fn any_message_can_be_erased_from(message in messages::message()) {
            let mut script = Script::new(workspace_id(1), conversation_id(2));
            script.start(0, customer(1));
            let entry = script.entry(0, Party::Bot, vec![What::Message(message)]);
            let stored = encoded(&entry).unwrap();
            let erased = erase(stream(), &stored, Timestamp::from_millis(i64::MAX));
            prop_assert_eq!(erased.stored.is_some(), entry.has_masks());
            prop_assert_eq!(erased.due, None);
            let erased = erased.stored.unwrap_or(stored);
            let read = decode_entry(conversation_id(2), &erased).unwrap();
            prop_assert!(!read.has_masks());
            prop_assert_eq!((read.before, read.after()), (entry.before, entry.after()));
            prop_assert_eq!(in_the_end(stream(), &erased), erased.as_slice());
        }
    }

    #[test]
    fn what_cannot_be_read_is_left_as_it_is() {
        assert_eq!(erase(stream(), b"\xc1no entry", after_minutes(999)), Erased::default());
        assert_eq!(in_the_end(stream(), b"\xc1no entry"), &b"\xc1no entry"[..]);
    }
}

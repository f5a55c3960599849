//! Erasing from pages: what is due in them is hidden for good.
//!
//! Owns the index of when which page has something due, and the step that goes by it. The index is a fold like
//! the pages, so that a store made anew has it too. Must not know when a step is made.

use switchboard_protocol::vocabulary::Timestamp;

use super::keys::{self, PageKey};
use crate::journal::Stream;
use crate::journal::store::{Batch, Store, StoreError};
use crate::journal::stored::{Erased, Page, PageBuilder, StoredError, erase};

/// What a step has found.
#[derive(Debug, Default)]
pub(super) struct Erasure {
    /// To be applied to the store.
    pub(super) batch: Batch,
    /// Whether there may be more that is due.
    pub(super) more: bool,
}

/// Erases what is due by now from some pages.
///
/// # Errors
/// When the store fails.
pub(super) fn erase_pages(store: &Store, now: Timestamp) -> Result<Erasure, StoreError> {
    let mut erasure = Erasure::default();
    let mut done: Option<PageKey> = None;
    for (count, pair) in store.scan(keys::DUE, keys::DUE).enumerate() {
        let (key, _) = pair?;
        let Some((due, page)) = keys::due_of(&key).filter(|(due, _)| *due <= now) else { break };
        if count == PAGES_AT_ONCE {
            erasure.more = true;
            break;
        }
        erasure.batch.remove(key.to_vec());
        // Several entries of one page are often due together.
        if done.replace(page) != Some(page) {
            erase_page(store, &page, now.max(due), &mut erasure.batch)?;
        }
    }
    Ok(erasure)
}

fn erase_page(store: &Store, key: &PageKey, now: Timestamp, batch: &mut Batch) -> Result<(), StoreError> {
    let PageKey { workspace, conversation, first } = *key;
    let stream = Stream::Conversation(workspace, conversation);
    let page_key = keys::page(workspace, conversation, first);
    let Some(value) = store.get(&page_key)? else { return Ok(()) };
    // One that cannot be read is found by whoever needs it.
    let Ok(page) = Page::decode(&value) else { return Ok(()) };
    let (mut erased, mut next, mut changed) = (PageBuilder::extend(&page), None, false);
    for (at, entry) in page.entries.iter().enumerate() {
        let Erased { stored, due } = erase(stream, entry, now);
        next = [next, due].into_iter().flatten().min();
        if let Some(stored) = stored {
            erased.replace(at, stored.into());
            changed = true;
        }
    }
    if changed {
        batch.put(page_key, made(erased.encode())?);
    }
    if let Some(next) = next {
        batch.put(keys::due(next, key), Vec::new());
    }
    Ok(())
}

fn made(encoded: Result<Vec<u8>, StoredError>) -> Result<Vec<u8>, StoreError> {
    encoded.map_err(|error| StoreError::Failed(error.to_string()))
}

/// So many places of the index are gone through in one step: nothing else is folded meanwhile.
const PAGES_AT_ONCE: usize = 64;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::conversation::What;
    use crate::domain::message::Message;
    use crate::journal::fold::{fold, understand};
    use crate::journal::stored::samples::{Script, conversation_id, customer, said, workspace_id};
    use crate::journal::stored::{decode_entry, encode_entry};
    use crate::journal::{LogRecord, Position};
    use switchboard_protocol::vocabulary::Party;

    const MINUTE: i64 = 60_000;

    fn after_minutes(minutes: i64) -> Timestamp {
        Timestamp::from_millis(minutes * MINUTE)
    }

    fn masked(words: &str, secrets: &[(&str, &str)]) -> Message {
        let mut message = said(words);
        secrets.iter().for_each(|(secret, after)| message.mask(secret, after.parse().unwrap()).unwrap());
        message
    }

    /// A store with one page: at minute 0 one mask of ten minutes and one of an hour, at minute 5 one of ten.
    fn store(dir: &std::path::Path) -> Store {
        let mut script = Script::new(workspace_id(1), conversation_id(2));
        let twice = masked("first and later", &[("first", "10m"), ("later", "60m")]);
        let entries = [
            script.start(0, customer(1)),
            script.entry(0, Party::Bot, vec![What::Message(twice)]),
            script.entry(5 * MINUTE, Party::Bot, vec![What::Message(masked("second", &[("second", "10m")]))]),
        ];
        let records = entries.iter().map(|entry| {
            let mut payload = Vec::new();
            encode_entry(entry, &mut payload).unwrap();
            understand(LogRecord {
                position: Position(entry.revision),
                epoch: 1,
                stream: Stream::Conversation(workspace_id(1), conversation_id(2)),
                revision: entry.revision,
                payload: payload.into(),
            })
        });
        let store = Store::open(dir, 8 << 20).unwrap();
        let step = fold(&store, &records.collect::<Vec<_>>()).unwrap();
        let batch = step.batch;
        store.apply(batch).unwrap();
        store
    }

    /// What the messages in the page say.
    fn texts(store: &Store) -> Vec<String> {
        let pair = store.scan(keys::PAGES, keys::PAGES).next().unwrap().unwrap();
        let page = Page::decode(&pair.1).unwrap();
        let entries = page.entries.iter().skip(1);
        let entries = entries.map(|entry| decode_entry(conversation_id(2), entry).unwrap());
        let texts = entries.map(|entry| match &entry.events[0].what {
            What::Message(message) => message.content.preview(100),
            other => unreachable!("{other:?}"),
        });
        texts.collect()
    }

    fn index(store: &Store) -> Vec<i64> {
        let due = store.scan(keys::DUE, keys::DUE).map(|pair| keys::due_of(&pair.unwrap().0).unwrap().0);
        due.map(|due| due.as_millis() / MINUTE).collect()
    }

    #[test]
    fn each_mask_is_erased_when_it_is_due_and_the_index_ends_empty() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let erase_at = |minutes| {
            let erasure = erase_pages(&store, after_minutes(minutes)).unwrap();
            let is_nothing = erasure.batch.is_empty();
            store.apply(erasure.batch).unwrap();
            (is_nothing, texts(&store), index(&store))
        };
        let says = |words: &[&str]| words.iter().map(|words| (*words).to_owned()).collect::<Vec<_>>();
        assert_eq!(erase_at(9), (true, says(&["first and later", "second"]), vec![10, 15]));
        assert_eq!(erase_at(10), (false, says(&["***** and later", "second"]), vec![15]));
        assert_eq!(erase_at(20), (false, says(&["***** and later", "******"]), vec![60]));
        assert_eq!(erase_at(60), (false, says(&["***** and *****", "******"]), vec![]));
        assert!(erase_at(999).0);
    }
}

//! Whether what was acknowledged is there: once, in order, unaltered, and nothing that was never sent.
//!
//! Owns the comparison of what was said before a cut with what was found behind it. Must not know how
//! the disk came to be as it is.

use std::collections::BTreeMap;
use std::fmt;

use crate::life::Said;
use crate::story::{self, STREAMS, Story, WORKSPACE};

/// Everything that was said in the lives on one disk.
#[derive(Debug, Clone, Default)]
pub struct Told {
    durable: BTreeMap<(u8, u64), String>,
    sent: BTreeMap<u8, u64>,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// Something that was acknowledged is not there.
    Missing {
        /// The first of them: its stream and revision.
        first: (u8, u64),
        /// How many.
        count: usize,
    },
    /// An entry is not as it was sent, or was never sent.
    Altered {
        /// Its stream and revision.
        at: (u8, u64),
    },
    /// The entries of a stream are not in order.
    Disordered {
        /// Which stream.
        stream: u8,
    },
    /// What the journal says of itself.
    Problem(String),
    /// The check did not come to its end.
    Unfinished,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { first: (stream, revision), count } => {
                write!(
                    f,
                    "{count} acknowledged entries are missing, from revision {revision} of stream {stream}"
                )
            }
            Self::Altered { at: (stream, revision) } => {
                write!(f, "revision {revision} of stream {stream} is not what was sent")
            }
            Self::Disordered { stream } => write!(f, "the revisions of stream {stream} are not in order"),
            Self::Problem(what) => f.write_str(what),
            Self::Unfinished => f.write_str("the check did not come to its end"),
        }
    }
}

impl Told {
    /// Adds what was said in a life.
    pub fn hear(&mut self, said: &Said) {
        self.durable.extend(said.durable.clone());
        for (stream, revision) in &said.sent {
            let last = self.sent.entry(*stream).or_default();
            *last = (*last).max(*revision);
        }
    }

    /// How many entries were acknowledged.
    #[must_use]
    pub fn acknowledged(&self) -> usize {
        self.durable.len()
    }

    /// What is wrong with what was found; nothing, if all is well.
    #[must_use]
    pub fn compare(&self, found: &Said, seed: u64) -> Vec<Wrong> {
        let mut wrong: Vec<Wrong> = found.problems.iter().cloned().map(Wrong::Problem).collect();
        if !found.finished {
            wrong.push(Wrong::Unfinished);
        }
        let mut missing = self.durable.iter().filter(|(at, digest)| {
            let (stream, revision) = **at;
            match found.found.get(at) {
                Some(found) => *found != **digest,
                // Of the workspace only the last state is read.
                None => stream != WORKSPACE || last_of(found, stream) < revision,
            }
        });
        if let Some((first, _)) = missing.next() {
            wrong.push(Wrong::Missing { first: *first, count: 1 + missing.count() });
        }
        for stream in WORKSPACE..STREAMS {
            let last = last_of(found, stream);
            if last > self.sent.get(&stream).copied().unwrap_or(0) {
                wrong.push(Wrong::Altered { at: (stream, last) });
            } else if stream != WORKSPACE {
                wrong.extend(compare_stream(found, Story::new(seed), stream));
            }
        }
        wrong
    }
}

fn compare_stream(found: &Said, story: Story, stream: u8) -> Option<Wrong> {
    let mut state = Story::conversation(stream);
    for ((_, revision), digest) in found.found.range((stream, 0)..=(stream, u64::MAX)) {
        if *revision != state.revision + 1 {
            return Some(Wrong::Disordered { stream });
        }
        let is_told = story.next(stream, &state).is_ok_and(|entry| {
            state.apply(&entry);
            story::digest_of_entry(&entry) == *digest
        });
        if !is_told {
            return Some(Wrong::Altered { at: (stream, *revision) });
        }
    }
    None
}

fn last_of(found: &Said, stream: u8) -> u64 {
    found.found.range((stream, 0)..=(stream, u64::MAX)).next_back().map_or(0, |((_, revision), _)| *revision)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SEED: u64 = 5;

    /// A life in which three entries of stream 1 were sent and two acknowledged, and what is found of it.
    fn told_and_found() -> (Told, Said) {
        let (mut said, mut state) = (Said::default(), Story::conversation(1));
        said.finished = true;
        for revision in 1..=3 {
            let entry = Story::new(SEED).next(1, &state).unwrap();
            state.apply(&entry);
            said.sent.insert(1, revision);
            said.found.insert((1, revision), story::digest_of_entry(&entry));
            if revision < 3 {
                said.durable.insert((1, revision), story::digest_of_entry(&entry));
            }
        }
        let mut told = Told::default();
        told.hear(&said);
        (told, said)
    }

    #[test]
    fn what_was_not_acknowledged_may_be_there_or_not() {
        let (told, mut found) = told_and_found();
        assert_eq!(told.compare(&found, SEED), []);
        found.found.remove(&(1, 3));
        assert_eq!(told.compare(&found, SEED), []);
    }

    #[test]
    fn what_is_missing_altered_made_up_or_out_of_order_is_found() {
        let (told, whole) = told_and_found();
        let mut found = whole.clone();
        found.found.retain(|(_, revision), _| *revision < 2);
        assert_eq!(told.compare(&found, SEED), [Wrong::Missing { first: (1, 2), count: 1 }]);

        let mut found = whole.clone();
        found.found.insert((1, 3), "other".to_owned());
        assert_eq!(told.compare(&found, SEED), [Wrong::Altered { at: (1, 3) }]);

        let mut found = whole.clone();
        found.found.insert((1, 4), "more".to_owned());
        assert_eq!(told.compare(&found, SEED), [Wrong::Altered { at: (1, 4) }]);

        let mut found = whole;
        found.found.remove(&(1, 1));
        let missing = Wrong::Missing { first: (1, 1), count: 1 };
        assert_eq!(told.compare(&found, SEED), [missing, Wrong::Disordered { stream: 1 }]);
    }
}

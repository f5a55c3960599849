//! The writer: the commit queue with its orders, its disk and whoever is told.
//!
//! Owns what the engine's writer thread owns: the gate that says whether entries can be taken, and the
//! sinks. Must not know what an entry says.

use std::collections::BTreeMap;

use switchboard::machines::commit::{Claim, CommitQueue, CommitSize, Incarnation, Kinds, Settled, Term};
use switchboard_protocol::vocabulary::ConversationId;

use crate::disk::Record;
use crate::mail::{ConversationMsg, Order, Resolved, Run, Way, WorkspaceMsg};
use crate::space::{ENTRY_BYTES, SEGMENT_BYTES};
use crate::tally::Count;
use crate::world::World;

/// What can be appended to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stream {
    Workspace,
    Conversation(ConversationId),
}

pub(crate) struct WriterKinds;

impl Kinds for WriterKinds {
    type Stream = Stream;
    type Group = ();
    type Payload = Record;
    type Waiter = Waiting;
}

/// An opening that waits for what was queued before it.
pub(crate) struct Waiting {
    owner: Owner,
    claim: Claim<Stream>,
    term: Term,
}

/// Who opened a stream and is told of it.
#[derive(Debug, Clone, Copy)]
enum Owner {
    Workspace(Run),
    Conversation(Way),
}

/// What an opening is answered.
pub(crate) type Opened = Result<(Claim<Stream>, Term), String>;

/// The writer's own state. It is gone with the process.
#[derive(Default)]
pub(crate) struct Writer {
    queue: CommitQueue<WriterKinds>,
    sinks: BTreeMap<Incarnation, Owner>,
    trouble: Option<Trouble>,
    committing: bool,
}

/// Why nothing can be written.
struct Trouble {
    why: String,
    /// Streams can be opened, for reading: no more is on disk than what is known.
    opens: bool,
}

impl Writer {
    pub(crate) fn is_in_trouble(&mut self, why: String, opens: bool) {
        self.trouble = Some(Trouble { why, opens });
    }

    /// Why nothing can be opened now, if nothing can.
    fn closed(&self) -> Option<String> {
        self.trouble.as_ref().filter(|trouble| !trouble.opens).map(|trouble| trouble.why.clone())
    }

    /// Whether a commit could begin.
    pub(crate) fn has_work(&self) -> bool {
        !self.committing && !self.queue.is_empty()
    }

    /// Whether nothing is queued or written, and everything could be.
    pub(crate) fn is_idle(&self) -> bool {
        !self.committing && self.queue.is_empty() && self.trouble.is_none()
    }

    pub(crate) const fn is_troubled(&self) -> bool {
        self.trouble.is_some()
    }

    /// How much is queued; every entry counts as one.
    pub(crate) const fn queued(&self) -> usize {
        self.queue.bytes()
    }
}

impl World {
    pub(crate) fn take_order(&mut self) {
        match self.mail.next_order() {
            Some(Order::OpenWorkspace(run)) => {
                let term = self.writer.queue.open_group(());
                self.open(Stream::Workspace, term, Owner::Workspace(run));
            }
            Some(Order::OpenConversation { term, conversation, way }) => {
                self.open(Stream::Conversation(conversation), term, Owner::Conversation(way));
            }
            Some(Order::Ready(claim, revision)) => self.writer.queue.ready(claim, revision),
            Some(Order::Append(claim, record)) => {
                // Its sink is told in its turn.
                if let Err(refusal) = self.writer.queue.append(claim, record.revision(), record, 1) {
                    self.note(Count::AppendRefused);
                    self.say(|| format!("  refused: {refusal}"));
                }
            }
            Some(Order::Close(claim)) => {
                self.writer.sinks.remove(&claim.incarnation);
                self.writer.queue.end(claim, "it was closed");
            }
            None => {}
        }
    }

    fn open(&mut self, stream: Stream, term: Term, owner: Owner) {
        let opened = match self.writer.closed() {
            Some(trouble) => Err(trouble),
            None => self.writer.queue.open(stream, (), term).map_err(|refusal| refusal.to_string()),
        };
        match opened {
            Ok(claim) => {
                if self.writer.is_troubled() {
                    self.note(Count::OpenedInTrouble);
                }
                self.writer.sinks.insert(claim.incarnation, owner);
                self.writer.queue.barrier(Waiting { owner, claim, term });
            }
            Err(why) => {
                self.answer_opening(owner, &Err(why));
            }
        }
    }

    /// Begins the next commit; one without anything to write is settled at once.
    pub(crate) fn begin_commit(&mut self) {
        let size = CommitSize { bytes_max: usize::MAX, records_max: self.rates.commit_entries_max };
        let commit: Vec<_> = self.writer.queue.begin(size).map(|queued| queued.payload.clone()).collect();
        if commit.is_empty() {
            let settled = self.writer.queue.committed();
            return self.tell(settled);
        }
        self.writer.committing = true;
        self.disk.begin(commit);
        self.commit_begins();
    }

    /// The commit under way comes to its end: it is durable, or not.
    pub(crate) fn end_commit(&mut self) {
        self.commit_ended();
        let needed = self.disk.writing() as u64 * ENTRY_BYTES;
        if self.happens(self.rates.faults.disk_fails) {
            self.disk.fail();
            self.fail_commit("the disk failed");
        } else if !self.space.take(needed) {
            self.finds_no_room();
            // Something of it may have been written, or nothing.
            if self.rng.bool() {
                self.disk.fail();
            } else {
                self.disk.forget();
            }
            self.fail_commit("the disk is full");
        } else {
            self.complete_commit();
        }
    }

    fn complete_commit(&mut self) {
        self.note(Count::Commit);
        let durable = self.disk.complete();
        self.model_durable(&durable);
        (self.writer.committing, self.writer.trouble) = (false, None);
        let settled = self.writer.queue.committed();
        self.tell(settled);
    }

    fn fail_commit(&mut self, why: &str) {
        self.note(Count::CommitFailed);
        self.writer.committing = false;
        self.writer.is_in_trouble(why.to_owned(), !self.disk.is_in_doubt());
        let settled = self.writer.queue.failed(why);
        self.tell(settled);
    }

    /// Looks whether something can be written again. On a full disk that takes of the reserve only what
    /// settles a doubt.
    pub(crate) fn try_disk_again(&mut self) {
        let is_in_doubt = self.disk.is_in_doubt();
        if let (false, Err(why)) = (is_in_doubt, self.space.may_take()) {
            return self.writer.is_in_trouble(why.to_string(), true);
        }
        if !self.space.take(SEGMENT_BYTES) {
            self.finds_no_room();
            return self.writer.is_in_trouble("no room for a segment".to_owned(), !is_in_doubt);
        }
        self.note(Count::DiskRecovered);
        self.disk.begin_segment();
        self.writer.trouble = None;
    }

    fn tell(&mut self, settled: Vec<Settled<Stream, Waiting>>) {
        for settled in settled {
            match settled {
                Settled::Durable(claim, up_to) => {
                    self.resolved(
                        self.writer.sinks.get(&claim.incarnation).copied(),
                        Resolved::Durable(up_to),
                    );
                }
                Settled::Ended(claim, why) => {
                    let owner = self.writer.sinks.remove(&claim.incarnation);
                    self.resolved(owner, Resolved::Failed(why));
                }
                Settled::Reached(Waiting { owner, claim, term }) => {
                    let answer = self.writer.closed().map_or(Ok((claim, term)), Err);
                    let refused = answer.is_err();
                    if !self.answer_opening(owner, &answer) || refused {
                        self.writer.sinks.remove(&claim.incarnation);
                        self.writer.queue.end(claim, "nobody waited for it");
                    }
                }
            }
        }
    }

    fn resolved(&self, owner: Option<Owner>, resolved: Resolved) {
        match owner {
            Some(Owner::Workspace(run)) => {
                self.mail.to_workspace(run, WorkspaceMsg::Resolved(resolved));
            }
            Some(Owner::Conversation(way)) => {
                self.mail.to_conversation(way, ConversationMsg::Resolved(resolved));
            }
            None => {}
        }
    }

    /// `false`: nobody waits for it any more.
    fn answer_opening(&mut self, owner: Owner, opened: &Opened) -> bool {
        match owner {
            Owner::Workspace(run) => self.workspace_opened(run, opened),
            Owner::Conversation(way) => self.conversation_opened(way, opened),
        }
    }
}

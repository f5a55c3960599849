//! The only door to stored state: the log, which is the truth, and its folds in sled, which are what
//! the engine remembers of it.
//!
//! Must not know actors, sockets or the wire. Owns the stored form of everything.

mod checkpoint;
mod error;
mod fold;
mod log;
mod options;
mod read;
mod record;
mod recover;
mod store;
mod stored;
mod tail;
mod view;

use std::path::Path;
use std::sync::Arc;

use switchboard_protocol::vocabulary::{ConversationId, Seq, WorkspaceId};

use crate::domain::conversation::{Conversation, Entry};
use crate::domain::identity::{CustomerKey, Reader};
use crate::domain::workspace::{Workspace, WorkspaceEntry};

pub use error::{AppendError, OpenError, ReadError, StartError};
pub use options::JournalOptions;
pub use record::{LogRecord, Position, Shard, Stream};
pub use stored::StoredError;
pub use view::{
    DeskChange, Figures, ListPage, ListRow, OpenedConversation, OpenedWorkspace, PREVIEW_CHARS_MAX, Progress,
    RebuildReason, StartReport,
};

/// The journal. A clone is another handle of the same one.
#[derive(Clone)]
pub struct Journal {}

impl Journal {
    /// Opens the data folder: locks it, repairs the tail of the log, opens the store or makes it
    /// anew from the log, and folds what the store does not have. Blocks.
    ///
    /// # Errors
    /// When the folder, the log or the store cannot be used.
    pub fn start(
        options: JournalOptions,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<(Self, StartReport), StartError> {
        unimplemented!()
    }

    /// Opens a workspace for appending. Waits for everything queued before, begins a new
    /// incarnation and a new term; earlier ones are refused from now on.
    ///
    /// # Errors
    /// When the log is not available, or what is stored cannot be read.
    pub async fn open_workspace(
        &self,
        workspace: WorkspaceId,
        sink: Arc<dyn TicketSink>,
    ) -> Result<OpenedWorkspace, OpenError> {
        unimplemented!()
    }

    /// Opens a conversation for appending. Waits for everything queued before and begins a new
    /// incarnation; the earlier one is refused from now on.
    ///
    /// # Errors
    /// When the log is not available, or what is stored cannot be read.
    pub async fn open_conversation(
        &self,
        workspace: WorkspaceId,
        term: Term,
        conversation: ConversationId,
        sink: Arc<dyn TicketSink>,
    ) -> Result<OpenedConversation, OpenError> {
        unimplemented!()
    }

    /// Hands an entry of a conversation to the writer. Does not wait: what became of it is said
    /// through the sink.
    ///
    /// # Errors
    /// When it was not taken.
    pub fn append_conversation(
        &self,
        workspace: WorkspaceId,
        incarnation: Incarnation,
        term: Term,
        entry: &Entry,
    ) -> Result<(), AppendError> {
        unimplemented!()
    }

    /// Hands an entry of a workspace to the writer. Does not wait: what became of it is said
    /// through the sink.
    ///
    /// # Errors
    /// When it was not taken.
    pub fn append_workspace(
        &self,
        incarnation: Incarnation,
        term: Term,
        entry: &WorkspaceEntry,
    ) -> Result<(), AppendError> {
        unimplemented!()
    }

    /// Ends an incarnation of a conversation: its sink is let go and its appends are refused.
    /// `snapshot` is the state, if all of it is durable; it makes the next opening quick.
    pub fn close_conversation(
        &self,
        workspace: WorkspaceId,
        conversation: ConversationId,
        incarnation: Incarnation,
        snapshot: Option<Conversation>,
    ) {
        unimplemented!()
    }

    /// Keeps a state of a conversation that goes on, so that opening it stays quick; worth it every
    /// [`SNAPSHOT_ENTRIES`] entries. All of it must be durable.
    pub fn keep_snapshot(&self, snapshot: Conversation) {
        unimplemented!()
    }

    /// The durable entries with events that this reader sees after a sequence, in order: at least
    /// one if there is any, and as many as fit in `bytes_max` of stored entries.
    ///
    /// # Errors
    /// When the store is not available or damaged.
    pub async fn read_after(
        &self,
        workspace: WorkspaceId,
        conversation: ConversationId,
        reader: Reader,
        after: Seq,
        bytes_max: usize,
    ) -> Result<Vec<Arc<Entry>>, ReadError> {
        unimplemented!()
    }

    /// The durable entries with the last `limit` events that this reader sees before a sequence
    /// (the last of all when `None`), oldest first, and whether there are earlier ones. The first
    /// entry may have events before the wanted ones.
    ///
    /// # Errors
    /// When the store is not available or damaged.
    pub async fn read_before(
        &self,
        workspace: WorkspaceId,
        conversation: ConversationId,
        reader: Reader,
        before: Option<Seq>,
        limit: usize,
    ) -> Result<(Vec<Arc<Entry>>, bool), ReadError> {
        unimplemented!()
    }

    /// The conversation that a customer has now.
    ///
    /// # Errors
    /// When the store is not available or damaged.
    pub async fn find_conversation(
        &self,
        workspace: WorkspaceId,
        customer: &CustomerKey,
    ) -> Result<Option<ConversationId>, ReadError> {
        unimplemented!()
    }

    /// Every workspace that was created.
    ///
    /// # Errors
    /// When the store is not available or damaged.
    pub async fn workspaces(&self) -> Result<Vec<Workspace>, ReadError> {
        unimplemented!()
    }

    /// A page of the conversations of a workspace, newest activity first. Holds everything that
    /// was durable when it was asked for.
    ///
    /// # Errors
    /// When the cursor is none, or the store is not available or damaged.
    pub async fn list(
        &self,
        workspace: WorkspaceId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<ListPage, ReadError> {
        unimplemented!()
    }

    /// Registers who is told of changed rows. Called on the fold thread with what has changed in one
    /// workspace since the last call; it must not block.
    pub fn on_desk_change(&self, callback: Box<dyn Fn(DeskChange) + Send + Sync>) {
        unimplemented!()
    }

    /// How the journal is doing.
    #[must_use]
    pub fn figures(&self) -> Figures {
        unimplemented!()
    }

    /// Stops cleanly: writes what is queued, folds it, syncs, makes a checkpoint, ends the threads.
    /// Blocks. What comes afterwards is refused. A second call does nothing.
    ///
    /// # Errors
    /// When something of that failed; nothing that was acknowledged is lost by it.
    pub fn stop(&self) -> Result<(), StartError> {
        unimplemented!()
    }
}

/// Throws the store away and makes it anew from the log. Blocks.
///
/// # Errors
/// When the folder, the log or the new store cannot be used.
pub fn rebuild(dir: &Path, on_progress: &mut dyn FnMut(Progress)) -> Result<StartReport, StartError> {
    unimplemented!()
}

/// After how many entries a new snapshot of a conversation is worth its writing.
pub const SNAPSHOT_ENTRIES: u64 = 256;

/// One opening of a stream for appending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub u64);

/// One opening of a workspace: binds its conversations as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term(pub u64);

/// Who is told what became of a stream's appends. Called on the writer thread: must not block.
pub trait TicketSink: Send + Sync {
    /// Something became of them.
    fn resolved(&self, resolved: Resolved);
}

/// What became of a stream's appends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    /// Durable, and readable, are all up to this revision.
    Durable {
        /// The last durable revision.
        up_to: u64,
        /// Where in the log it is.
        at: Position,
    },
    /// The incarnation has ended: nothing that is not durable yet will become so.
    Failed(String),
}

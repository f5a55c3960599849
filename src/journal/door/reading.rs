//! The door's reading half.
//!
//! Owns which thread reads, and the errors that readers hear: the store blocks, so that no caller's thread may
//! wait for it. Must not know how the store and the tail are put together.

use std::sync::Arc;

use switchboard_protocol::vocabulary::{ConversationId, MemberId, Seq, WorkspaceId};

use super::{Journal, blocking, catch_up};
use crate::clock;
use crate::domain::conversation::Entry;
use crate::domain::identity::{CustomerKey, Reader};
use crate::domain::listing::{Filter, ListPlace};
use crate::domain::search::Query;
use crate::domain::workspace::WorkspaceEntry;
use crate::journal::read::{self, ConsultationCursor, Cursor};
use crate::journal::{
    ConsultationPage, Customer, Decisions, FoundPage, ListPage, OpenConsultation, ReadError, Stream,
    Workspaces,
};
use crate::limits;

impl Journal {
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
        let of = (workspace, conversation);
        let what = Stream::Conversation(workspace, conversation);
        if let Some(found) = read::read_after_in_tail(&self.inner.folds, of, reader, after, bytes_max) {
            let found = found.map_err(|fault| fault.into_read(&format_args!("{what:?}")))?;
            return Ok(read::shown(found, clock::now()));
        }
        let folds = Arc::clone(&self.inner.folds);
        let entries = blocking(move || read::read_after(&folds, of, reader, after, bytes_max))
            .await
            .map_err(ReadError::Unavailable)?
            .map_err(|fault| fault.into_read(&format_args!("{what:?}")))?;
        Ok(read::shown(entries, clock::now()))
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
        let of = (workspace, conversation);
        let what = Stream::Conversation(workspace, conversation);
        let folds = Arc::clone(&self.inner.folds);
        let (entries, more) = blocking(move || read::read_before(&folds, of, reader, before, limit))
            .await
            .map_err(ReadError::Unavailable)?
            .map_err(|fault| fault.into_read(&format_args!("{what:?}")))?;
        Ok((read::shown(entries, clock::now()), more))
    }

    /// The last decisions about a conversation's consultations, newest first.
    ///
    /// # Errors
    /// When the store is not available or damaged.
    pub async fn decisions(
        &self,
        workspace: WorkspaceId,
        conversation: ConversationId,
    ) -> Result<Decisions, ReadError> {
        let folds = Arc::clone(&self.inner.folds);
        let (limit, entries) = (limits::DECISIONS_MAX, limits::DECISIONS_ENTRIES_MAX);
        blocking(move || read::read_decisions(&folds, (workspace, conversation), limit, entries))
            .await
            .map_err(ReadError::Unavailable)?
            .map_err(|fault| fault.into_read(&"the decisions about a conversation"))
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
        let (folds, customer) = (Arc::clone(&self.inner.folds), customer.clone());
        blocking(move || read::find_conversation(&folds, workspace, &customer))
            .await
            .map_err(ReadError::Unavailable)?
            .map_err(|fault| fault.into_read(&"the conversation of a customer"))
    }

    /// Who the customer of a conversation is, and what is durably known of them; `None` when it has not begun.
    ///
    /// # Errors
    /// When the store is not available or damaged.
    pub async fn customer_of(
        &self,
        workspace: WorkspaceId,
        conversation: ConversationId,
    ) -> Result<Option<Customer>, ReadError> {
        let folds = Arc::clone(&self.inner.folds);
        blocking(move || read::customer_of(&folds, workspace, conversation))
            .await
            .map_err(ReadError::Unavailable)?
            .map_err(|fault| fault.into_read(&"the customer of a conversation"))
    }

    /// Every workspace that was created.
    ///
    /// # Errors
    /// When the store is not available.
    pub async fn workspaces(&self) -> Result<Workspaces, ReadError> {
        let folds = Arc::clone(&self.inner.folds);
        blocking(move || read::workspaces(&folds))
            .await
            .map_err(ReadError::Unavailable)?
            .map_err(|fault| fault.into_read(&"the workspaces"))
    }

    /// The durable entries of a workspace before a revision (the last of all when `None`), newest first: at
    /// least one if there is any, at most `limit`, and as many as fit in `bytes_max` of stored entries; and
    /// whether there are earlier ones.
    ///
    /// # Errors
    /// When the store is not available or damaged.
    pub async fn audit(
        &self,
        workspace: WorkspaceId,
        before: Option<u64>,
        limit: usize,
        bytes_max: usize,
    ) -> Result<(Vec<WorkspaceEntry>, bool), ReadError> {
        let folds = Arc::clone(&self.inner.folds);
        blocking(move || read::audit(&folds, workspace, before, limit, bytes_max))
            .await
            .map_err(ReadError::Unavailable)?
            .map_err(|fault| fault.into_read(&format_args!("{:?}", Stream::Workspace(workspace))))
    }

    /// The consultations of a workspace that go on, everything that was durable when they were asked for.
    ///
    /// # Errors
    /// When the store is not available or damaged.
    pub async fn open_consultations(
        &self,
        workspace: WorkspaceId,
    ) -> Result<Vec<OpenConsultation>, ReadError> {
        let folds = Arc::clone(&self.inner.folds);
        let read = move || {
            catch_up(&folds)?;
            read::open_consultations(&folds, workspace)
                .map_err(|fault| fault.into_read(&"the consultations that go on"))
        };
        blocking(read).await.map_err(ReadError::Unavailable)?
    }

    /// A page of the conversations of a workspace that a text is found in and that a filter shows, newest activity
    /// first. Looks at everything that was durable when it was asked for, unless too much begins with the text.
    ///
    /// # Errors
    /// When the cursor is none, or the store is not available or damaged.
    pub async fn search(
        &self,
        workspace: WorkspaceId,
        query: Query,
        filter: Filter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<FoundPage, ReadError> {
        let cursor = cursor.map(str::parse::<Cursor>).transpose()?;
        let after = cursor.map(Cursor::found_place).transpose()?;
        let folds = Arc::clone(&self.inner.folds);
        let read = move || {
            catch_up(&folds)?;
            read::search(&folds, workspace, &query, &filter, after, (limit, limits::REPLY_BYTES_MAX))
                .map_err(|fault| fault.into_read(&"the terms that conversations are found by"))
        };
        blocking(read).await.map_err(ReadError::Unavailable)?
    }

    /// The members of a workspace who were ever assigned something automatically, whoever was last at the end.
    ///
    /// # Errors
    /// When the store is not available or damaged.
    pub async fn turns(&self, workspace: WorkspaceId) -> Result<Vec<MemberId>, ReadError> {
        let folds = Arc::clone(&self.inner.folds);
        let read = move || {
            catch_up(&folds)?;
            read::turns(&folds, workspace).map_err(|fault| fault.into_read(&"whose turn it was"))
        };
        blocking(read).await.map_err(ReadError::Unavailable)?
    }

    /// A page of the consultations of a conversation's customer, in all their conversations, newest first, with
    /// everything that is durable; `None` if the conversation has not begun.
    ///
    /// # Errors
    /// When the cursor is none, or the store is not available or damaged.
    pub async fn consultations(
        &self,
        workspace: WorkspaceId,
        conversation: ConversationId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Option<ConsultationPage>, ReadError> {
        let cursor = cursor.map(str::parse::<ConsultationCursor>).transpose()?;
        let limit = limit.clamp(1, limits::CONSULTATIONS_MAX);
        let folds = Arc::clone(&self.inner.folds);
        let read = move || {
            catch_up(&folds)?;
            read::consultations(&folds, (workspace, conversation), cursor, limit)
                .map_err(|fault| fault.into_read(&"the consultations of a customer"))?
        };
        blocking(read).await.map_err(ReadError::Unavailable)?
    }

    /// A page of the conversations of a workspace that a filter shows, newest activity first. Holds everything
    /// that was durable when it was asked for.
    ///
    /// # Errors
    /// When the cursor is none, or that of another filter, or the store is not available or damaged.
    pub async fn list(
        &self,
        workspace: WorkspaceId,
        filter: Filter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<ListPage, ReadError> {
        let cursor = cursor.map(str::parse::<Cursor>).transpose()?;
        let after = cursor.map(|cursor| cursor.place(filter.wish())).transpose()?;
        self.rows(workspace, filter, after, (limit, limits::REPLY_BYTES_MAX)).await
    }

    /// The first conversations of a workspace that a filter shows, however long they are.
    ///
    /// # Errors
    /// When the store is not available or damaged.
    pub async fn first_rows(
        &self,
        workspace: WorkspaceId,
        filter: Filter,
        rows: usize,
    ) -> Result<ListPage, ReadError> {
        self.rows(workspace, filter, None, (rows, usize::MAX)).await
    }

    async fn rows(
        &self,
        workspace: WorkspaceId,
        filter: Filter,
        after: Option<ListPlace>,
        most: (usize, usize),
    ) -> Result<ListPage, ReadError> {
        let folds = Arc::clone(&self.inner.folds);
        let read = move || {
            catch_up(&folds)?;
            read::list(&folds, workspace, &filter, after, most)
                .map_err(|fault| fault.into_read(&"the conversation list"))
        };
        blocking(read).await.map_err(ReadError::Unavailable)?
    }
}

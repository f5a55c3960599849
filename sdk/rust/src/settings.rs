//! The settings of a workspace, as members see and change them.
//!
//! Owns the client's operations on them. Must not know who may change what: the engine says that.

use switchboard_protocol::vocabulary::Timestamp;
use switchboard_protocol::wire::{AuditEntry, Change, Op, ReplyBody, Settings, SettingsOf};

use crate::client::{Client, wrong};
use crate::error::ClientError;

/// What a change of a setting became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed {
    /// Its place in the audit; `None` when it was accepted so long ago that the answer is not kept any more.
    pub revision: Option<u64>,
    /// When it was accepted; `None` as above.
    pub at: Option<Timestamp>,
}

/// Settings, and what they are true at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsAt {
    /// How many changes the workspace has had.
    pub revision: u64,
    /// The settings.
    pub settings: Settings,
}

/// What was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// Newest first.
    pub entries: Vec<AuditEntry>,
    /// Whether there are earlier ones.
    pub more: bool,
}

impl Client {
    /// Agent: settings of the workspace.
    ///
    /// # Errors
    /// As for [`Client::open`].
    pub async fn settings(&self, of: SettingsOf) -> Result<SettingsAt, ClientError> {
        match self.shared().ask(Op::Settings { of }).await? {
            ReplyBody::Settings { revision, settings } => Ok(SettingsAt { revision, settings: *settings }),
            other => Err(wrong(&other)),
        }
    }

    /// Agent: changes a setting, and waits until that is on the engine's disk and holds for everybody.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/example/daemon.rs.inc"));
    /// # #[tokio::main]
    /// # async fn main() -> Anything {
    /// # let example = Example::start().await?;
    /// # use switchboard_client::{Client, ClientError, wire::{Change, ErrorCode, TeamService}};
    /// # let client = Client::connect(example.agent()).await?;
    /// let service = TeamService {
    ///     silent_minutes: Some(10),
    ///     unserved_minutes: None,
    ///     grace_seconds: 60,
    ///     keep_in_progress: false,
    ///     early_cancel_is_no_miss: true,
    ///     several_places: false,
    /// };
    /// let refused = client.change(Change::TeamService { service }).await;
    /// // Only the owner may do this.
    /// assert!(matches!(refused, Err(ClientError::Rejected(why)) if why.code() == Some(ErrorCode::Forbidden)));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`Client::open`]; refused when the role does not allow it, or the setting cannot be meant.
    pub async fn change(&self, change: Change) -> Result<Changed, ClientError> {
        self.changed(Op::Change { change: Box::new(change) }).await
    }

    /// Agent: says whether one wants to be left alone. Nothing is assigned automatically to whoever is away, who
    /// keeps what they have. It is on the engine's disk, and holds until one says otherwise.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/example/daemon.rs.inc"));
    /// # #[tokio::main]
    /// # async fn main() -> Anything {
    /// # let example = Example::start().await?;
    /// # use switchboard_client::Client;
    /// # let client = Client::connect(example.agent()).await?;
    /// let lunch = client.set_away(true).await?;
    /// let back = client.set_away(false).await?;
    /// assert!(lunch.revision < back.revision, "both stand in the audit");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`Client::open`].
    pub async fn set_away(&self, away: bool) -> Result<Changed, ClientError> {
        self.changed(Op::Status { away }).await
    }

    async fn changed(&self, op: Op) -> Result<Changed, ClientError> {
        match self.shared().ask(op).await? {
            ReplyBody::Changed { revision, at } => Ok(Changed { revision: Some(revision), at: Some(at) }),
            ReplyBody::AlreadyAccepted => Ok(Changed { revision: None, at: None }),
            other => Err(wrong(&other)),
        }
    }

    /// Agent: what was changed before a revision (up to the newest when `None`), newest first: as much as is asked
    /// for and fits into a reply.
    ///
    /// # Errors
    /// As for [`Client::open`].
    pub async fn audit(&self, before: Option<u64>, limit: u16) -> Result<Audit, ClientError> {
        match self.shared().ask(Op::Audit { before, limit }).await? {
            ReplyBody::Audit { entries, more } => Ok(Audit { entries, more }),
            other => Err(wrong(&other)),
        }
    }
}

//! The demo workspace of an empty store.
//!
//! Owns who is in it. What it makes goes through the same rules and the same journal as everything.
//! Must not know how the credentials are shown.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use switchboard_protocol::vocabulary::{Content, DisplayName, MessageText, ProfileTitle};
use tokio::sync::mpsc;

use crate::clock;
use crate::domain::workspace::{Member, Profile, Role, TokenHash, Workspace, WorkspaceAction, decide};
use crate::journal::{Journal, OpenedWorkspace, Resolved, TicketSink};
use crate::ready::{Demo, DemoMember};

/// Makes the demo workspace. Durable when it returns.
///
/// # Errors
/// A sentence, when the journal cannot take it.
pub async fn create(journal: &Journal) -> Result<Demo, Box<dyn std::error::Error + Send + Sync>> {
    let id = clock::workspace_id();
    let profile = clock::profile_id();
    let (to_resolved, mut resolved) = mpsc::unbounded_channel();
    let OpenedWorkspace { mut state, incarnation, .. } =
        journal.open_workspace(id, Arc::new(Sink(to_resolved))).await?;
    let (owner, owner_details) = member("Olivia (owner)", Role::Owner)?;
    let (first, first_details) = member("Ada", Role::Readonly)?;
    let (second, second_details) = member("Ben", Role::Readonly)?;
    let greeting = Content::text(MessageText::new("Hello! Write to us here; an agent will join you.")?);
    let details = Profile { title: ProfileTitle::new("Demo")?, greeting: Some(greeting) };
    let actions = [
        WorkspaceAction::Create { name: ProfileTitle::new("Demo")?, owner: (owner.member, owner_details) },
        WorkspaceAction::AddMember { member: first.member, details: first_details },
        WorkspaceAction::AddMember { member: second.member, details: second_details },
        WorkspaceAction::AddProfile { profile, details },
    ];
    for action in actions {
        let entry = decide(&state, action, clock::now())?;
        state.apply(&entry);
        journal.append_workspace(incarnation, &entry)?;
    }
    durable(&mut resolved, &state).await?;
    Ok(Demo { workspace: id, profile, owner, agents: vec![first, second] })
}

async fn durable(resolved: &mut mpsc::UnboundedReceiver<Resolved>, state: &Workspace) -> Result<(), String> {
    loop {
        match resolved.recv().await {
            Some(Resolved::Durable { up_to, .. }) if up_to >= state.revision => return Ok(()),
            Some(Resolved::Durable { .. }) => {}
            Some(Resolved::Failed(why)) => return Err(why),
            None => return Err("the journal has ended".to_owned()),
        }
    }
}

struct Sink(mpsc::UnboundedSender<Resolved>);

impl TicketSink for Sink {
    fn resolved(&self, resolved: Resolved) {
        // Nobody waits any more: no ticket is needed.
        let _ = self.0.send(resolved);
    }
}

fn member(
    name: &str,
    role: Role,
) -> Result<(DemoMember, Member), switchboard_protocol::vocabulary::TextError> {
    let token: String = clock::random::<16>().iter().map(|byte| format!("{byte:02x}")).collect();
    let details =
        Member { name: DisplayName::new(name)?, role, token_hash: TokenHash(Sha256::digest(&token).into()) };
    Ok((DemoMember { member: clock::member_id(), name: name.to_owned(), token }, details))
}

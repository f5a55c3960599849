//! The demo workspace of an empty store.
//!
//! Owns who is in it. What it makes goes through the same rules and the same journal as everything.
//! Must not know how the credentials are shown.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use switchboard_protocol::vocabulary::{Content, DisplayName, MessageText, ProfileTitle, TextError};
use tokio::sync::mpsc;

use crate::clock;
use crate::domain::message::Message;
use crate::domain::workspace::{Member, Profile, Role, TokenHash, Workspace, WorkspaceAction, decide_own};
use crate::journal::{Journal, OpenedWorkspace, Resolved, TicketSink};
use crate::ready::{Demo, DemoMember};

/// Draws the ids and credentials of a demo workspace, so that they can be kept before it exists.
#[must_use]
pub fn draw() -> Demo {
    Demo {
        workspace: clock::workspace_id(),
        profile: clock::profile_id(),
        owner: member("Olivia (owner)"),
        agents: vec![member("Ada"), member("Ben")],
    }
}

/// Makes the demo workspace. Durable when it returns.
///
/// # Errors
/// A sentence, when the journal cannot take it.
pub async fn create(journal: &Journal, demo: &Demo) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (to_resolved, mut resolved) = mpsc::unbounded_channel();
    let OpenedWorkspace { mut state, incarnation, .. } =
        journal.open_workspace(demo.workspace, Arc::new(Sink(to_resolved))).await?;
    let greeting = Content::text(MessageText::new("Hello! Write to us here; an agent will join you.")?);
    let greeting = Message::plain(greeting);
    let details = Profile { title: ProfileTitle::new("Demo")?, greeting: Some(greeting) };
    let owner = (demo.owner.member, details_of(&demo.owner, Role::Owner)?);
    let mut actions = vec![WorkspaceAction::Create { name: ProfileTitle::new("Demo")?, owner }];
    for agent in &demo.agents {
        let details = details_of(agent, Role::Readonly)?;
        actions.push(WorkspaceAction::AddMember { member: agent.member, details });
    }
    actions.push(WorkspaceAction::AddProfile { profile: demo.profile, details });
    for action in actions {
        let entry = decide_own(&state, action, clock::now())?;
        state.apply(&entry);
        journal.append_workspace(incarnation, &entry)?;
    }
    durable(&mut resolved, &state).await?;
    Ok(())
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

fn member(name: &str) -> DemoMember {
    DemoMember { member: clock::member_id(), name: name.to_owned(), token: clock::token() }
}

fn details_of(member: &DemoMember, role: Role) -> Result<Member, TextError> {
    let token_hash = TokenHash(Sha256::digest(&member.token).into());
    Ok(Member { name: DisplayName::new(member.name.as_str())?, role, token_hash })
}

//! Who may change what: the one table of roles.
//!
//! Owns what each role may do to a workspace, and about its conversations that are set aside. Must not know whether
//! it makes sense.

use switchboard_protocol::vocabulary::MemberId;

use super::{Role, Workspace, WorkspaceAction, WorkspaceRejection};

/// Whether a member in this role may do this.
///
/// # Errors
/// [`WorkspaceRejection::Forbidden`], with who may, or [`WorkspaceRejection::TheirsToSay`].
pub fn permit(by: MemberId, role: Role, action: &WorkspaceAction) -> Result<(), WorkspaceRejection> {
    let (what, lowest) = match action {
        // It has an owner already, or nobody who could ask.
        WorkspaceAction::Create { .. } => return Err(WorkspaceRejection::Exists),
        WorkspaceAction::AddMember { .. } => ("add_member", Role::Owner),
        WorkspaceAction::RenameMember { .. } => ("rename_member", Role::Owner),
        WorkspaceAction::ChangeRole { .. } => ("change_role", Role::Owner),
        WorkspaceAction::RemoveMember { .. } => ("remove_member", Role::Owner),
        WorkspaceAction::SetTeamAssignment(_) => ("team_assignment", Role::Owner),
        WorkspaceAction::SetTeamHours(_) => ("team_hours", Role::Owner),
        WorkspaceAction::SetTeamService(_) => ("team_service", Role::Owner),
        WorkspaceAction::SetProfileAssignment { .. } => ("profile_assignment", Role::Owner),
        WorkspaceAction::SetProfileHours { .. } => ("profile_hours", Role::Owner),
        WorkspaceAction::OverrideHours { .. } => ("override_hours", Role::Owner),
        WorkspaceAction::SetCompletion { .. } => ("completion", Role::Owner),
        WorkspaceAction::AddProfile { .. } => ("add_profile", Role::Admin),
        WorkspaceAction::SetAway { member, .. } if *member != by => {
            return Err(WorkspaceRejection::TheirsToSay(*member));
        }
        WorkspaceAction::SetAway { .. } => ("status", Role::Readonly),
        WorkspaceAction::SetBot { .. } => ("bot", Role::Editor),
        WorkspaceAction::SetGreeting { .. } => ("greeting", Role::Editor),
    };
    at_least(what, role, lowest)
}

impl Workspace {
    /// Whether somebody may see which conversations are set aside, and why.
    ///
    /// # Errors
    /// [`WorkspaceRejection::NoMemberAnyMore`].
    pub fn may_see_set_aside(&self, by: MemberId) -> Result<(), WorkspaceRejection> {
        self.may(by, "quarantined", Role::Readonly)
    }

    /// Whether somebody may have one of them tried again: whoever may change what customers meet.
    ///
    /// # Errors
    /// [`WorkspaceRejection::NoMemberAnyMore`], or [`WorkspaceRejection::Forbidden`] with who may.
    pub fn may_release(&self, by: MemberId) -> Result<(), WorkspaceRejection> {
        self.may(by, "release", Role::Editor)
    }

    fn may(&self, by: MemberId, what: &'static str, lowest: Role) -> Result<(), WorkspaceRejection> {
        let member = self.members.get(&by).ok_or(WorkspaceRejection::NoMemberAnyMore(by))?;
        at_least(what, member.role, lowest)
    }
}

const fn at_least(action: &'static str, role: Role, lowest: Role) -> Result<(), WorkspaceRejection> {
    if rank(role) >= rank(lowest) {
        Ok(())
    } else {
        Err(WorkspaceRejection::Forbidden { action, role, lowest })
    }
}

/// Each role may do what those below it may.
const fn rank(role: Role) -> u8 {
    match role {
        Role::Readonly => 0,
        Role::Editor => 1,
        Role::Admin => 2,
        Role::Owner => 3,
    }
}

//! The settings of the simulated workspace: what is drawn first, and how somebody changes it.
//!
//! Owns which rules a seed meets. What is set is durable at once; the workspace hears of it later. Must not
//! know what the settings lead to.

use std::collections::BTreeSet;
use std::rc::Rc;

use fastrand::Rng;
use switchboard::domain::assignment::{Choosing, Strategy};
use switchboard::domain::hours::{Acceptance, ManualOverride, Mode, Override};
use switchboard::domain::identity::Identity;
use switchboard::domain::workspace::{InProgress, Member, Profile, Role, TokenHash, Workspace};
use switchboard_protocol::vocabulary::{
    CategoryName, CategoryPath, DisplayName, MemberId, MessageText, ProfileId, ProfileTitle, WorkspaceId,
};

use crate::mail::{ForGood, SessionMsg, WorkspaceMsg};
use crate::tally::Count;
use crate::world::World;

/// How many members serve.
pub(crate) const MEMBERS: u8 = 2;

/// The settings that a seed begins with.
pub(crate) fn draw(workspace: WorkspaceId, rng: &mut Rng) -> Workspace {
    let mut settings = Workspace::new(workspace);
    for number in 1..=MEMBERS {
        add_member(&mut settings, number);
    }
    if let Ok(title) = ProfileTitle::new("profile") {
        settings.profiles.insert(PROFILE, Profile { title, greeting: None });
    }
    let team = &mut settings.settings.team;
    team.assignment.choosing = Choosing {
        sticky: rng.bool(),
        or_another: rng.bool(),
        strategy: [Strategy::Random, Strategy::RoundRobin, Strategy::LeastLoaded][rng.usize(..3)],
    };
    team.assignment.load.maximum = rng.u32(1..=3);
    team.assignment.load.in_hours_first = rng.bool();
    team.service.absence.grace_seconds = rng.u32(0..=10);
    team.service.absence.in_progress = if rng.u8(..4) == 0 { InProgress::Keep } else { InProgress::Requeue };
    team.service.auto_close.silent_minutes = rng.bool().then_some(AUTO_CLOSE_MINUTES);
    team.service.auto_close.unserved_minutes = rng.bool().then_some(AUTO_CLOSE_MINUTES);
    team.service.several_places = rng.bool();
    team.hours.acceptance = if rng.bool() { Acceptance::Accept } else { Acceptance::Refuse };
    let own = settings.settings.profiles.entry(PROFILE).or_default();
    own.assignment.automatic = rng.u8(..8) > 0;
    own.assignment.no_one_else = rng.u8(..4) == 0;
    if rng.bool() {
        let member = member(rng.u8(1..=MEMBERS));
        own.assignment.specialists.insert(category(), BTreeSet::from([member]));
    }
    if rng.bool() {
        own.hours.mode = Mode::UseHours;
        own.hours.bot_replies = rng.bool();
        own.manual = by_hand(Override::Open);
    }
    own.bot.reply = MessageText::new("the bot answers").ok().filter(|_| rng.u8(..3) == 0);
    settings
}

/// What may be called about and has specialists, in some seeds.
pub(crate) fn category() -> CategoryPath {
    let levels = CategoryName::new("bills").map(|name| vec![name]).unwrap_or_default();
    CategoryPath::new(levels).unwrap_or_default()
}

impl World {
    /// Somebody changes a setting.
    pub(crate) fn change_settings(&mut self) {
        let mut changed = Workspace::clone(&self.settings);
        let service = &mut changed.settings.team.service;
        let own = changed.settings.profiles.entry(PROFILE).or_default();
        match self.rng.u8(..9) {
            0..3 => {
                changed.settings.team.assignment.load.maximum = self.rng.u32(1..=3);
                self.note(Count::MaximumChanged);
            }
            3..5 if own.hours.mode == Mode::UseHours => {
                let was_open = own.manual.is_some_and(|manual| manual.to == Override::Open);
                own.manual = by_hand(if was_open { Override::Closed } else { Override::Open });
                self.note(if was_open { Count::ClosedByHand } else { Count::OpenedByHand });
            }
            5 => {
                let minutes = &mut service.auto_close.unserved_minutes;
                *minutes = minutes.xor(Some(AUTO_CLOSE_MINUTES));
            }
            6 => own.assignment.automatic ^= true,
            3..8 => {
                if changed.members.remove(&member(MEMBERS)).is_some() {
                    own.assignment.forget(member(MEMBERS));
                    self.note(Count::MemberRemoved);
                } else {
                    add_member(&mut changed, MEMBERS);
                }
            }
            _ => {
                let minutes = &mut service.auto_close.silent_minutes;
                *minutes = minutes.xor(Some(AUTO_CLOSE_MINUTES));
            }
        }
        self.set(changed);
    }

    /// Everybody who was removed is a member again.
    pub(crate) fn restore_members(&mut self) {
        let mut changed = Workspace::clone(&self.settings);
        add_member(&mut changed, MEMBERS);
        self.set(changed);
    }

    fn set(&mut self, mut changed: Workspace) {
        changed.revision += 1;
        self.settings = Rc::new(changed);
        if let Some(workspace) = &self.workspace {
            self.mail.to_workspace(workspace.run, WorkspaceMsg::SettingsChanged);
        }
    }

    /// The sessions of those who are no members any more are closed.
    pub(crate) fn show_out_strangers(&mut self) {
        let members = &self.settings.members;
        for session in self.sessions.values() {
            match &*session.identity {
                Identity::Member { member, .. } if !members.contains_key(member) => {
                    self.mail.to_session(session.id, SessionMsg::Close(ForGood(false)));
                }
                Identity::Member { .. } | Identity::Customer { .. } => {}
            }
        }
    }
}

fn add_member(settings: &mut Workspace, number: u8) {
    if let Ok(name) = DisplayName::new("agent") {
        let role = if number == 1 { Role::Owner } else { Role::Readonly };
        let details = Member { name, role, token_hash: TokenHash([number; 32]) };
        settings.members.insert(member(number), details);
    }
}

pub(crate) const fn member(number: u8) -> MemberId {
    MemberId::from_bytes([number; 16])
}

/// Until it is taken back.
const fn by_hand(to: Override) -> Option<ManualOverride> {
    Some(ManualOverride { to, until: None })
}

/// The one profile.
pub(crate) const PROFILE: ProfileId = ProfileId::from_bytes([1; 16]);

/// What ends by itself does so after as long, whenever that is set.
const AUTO_CLOSE_MINUTES: u32 = 1;

/// The same in milliseconds.
pub(crate) const AUTO_CLOSE_MS: i64 = AUTO_CLOSE_MINUTES as i64 * 60_000;

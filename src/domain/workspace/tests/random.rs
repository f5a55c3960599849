//! Random commands by random members against a plain model.
//!
//! Owns the model: who is there in which role, who is in which list, which command was answered how. It says
//! who may do what in its own words.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::domain::assignment::{Pool, ProfileAssignment};
use crate::domain::hours::{Mode, Override, ProfileHours};

/// What is tried, by small numbers.
#[derive(Debug, Clone)]
enum Try {
    Create(u16),
    Add(u16, u16, Role),
    Rename(u16),
    Change(u16, Role),
    Remove(u16),
    Profile(u16),
    Team,
    Pool(u16, BTreeSet<u16>),
    Hours(u16, Mode),
    Bot(u16),
    Override(u16, bool),
    Away(u16, bool),
}

/// Who tries it: nobody of the workspace, or a member's instance with a counter.
type Who = Option<(u16, u8, u64)>;

#[derive(Debug, Default)]
struct Model {
    owner: Option<u16>,
    /// With role and token.
    members: BTreeMap<u16, (Role, u16)>,
    profiles: BTreeSet<u16>,
    away: BTreeSet<u16>,
    pools: BTreeMap<u16, BTreeSet<u16>>,
    with_hours: BTreeSet<u16>,
    /// The revision that each command became, by member, instance and counter.
    done: BTreeMap<(u16, u8), BTreeMap<u64, u64>>,
    forgotten: u8,
}

#[derive(Debug, PartialEq, Eq)]
enum Expected {
    Recorded,
    Answered(u64),
    Refused,
}

impl Model {
    fn expects(&self, who: Who, what: &Try) -> Expected {
        if let Some((n, instance, counter)) = who {
            let Some((role, _)) = self.members.get(&n) else { return Expected::Refused };
            match self.done.get(&(n, instance)) {
                Some(done) if done.contains_key(&counter) => return Expected::Answered(done[&counter]),
                Some(done) if done.keys().any(|later| *later > counter) => return Expected::Refused,
                None if instance <= self.forgotten && !self.done.keys().any(|(known, _)| *known == n) => {
                    return Expected::Refused;
                }
                Some(_) | None => {}
            }
            let may = match role {
                Role::Owner => !matches!(what, Try::Create(_)),
                Role::Admin => matches!(what, Try::Profile(_) | Try::Bot(_)),
                Role::Editor => matches!(what, Try::Bot(_)),
                Role::Readonly => false,
            };
            let may = if let Try::Away(whose, _) = what { *whose == n } else { may };
            if !may {
                return Expected::Refused;
            }
        }
        if self.makes_sense(what) { Expected::Recorded } else { Expected::Refused }
    }

    fn makes_sense(&self, what: &Try) -> bool {
        let no_owner = |n: &u16| self.members.contains_key(n) && self.owner != Some(*n);
        match what {
            Try::Create(_) => self.owner.is_none(),
            Try::Add(n, token, role) => {
                let is_new = self.members.iter().all(|(known, (_, used))| known != n && used != token);
                self.owner.is_some() && *role != Role::Owner && is_new
            }
            Try::Rename(n) | Try::Away(n, _) => self.members.contains_key(n),
            Try::Change(n, role) => no_owner(n) && *role != Role::Owner,
            Try::Remove(n) => no_owner(n),
            Try::Profile(n) => self.owner.is_some() && !self.profiles.contains(n),
            Try::Team => self.owner.is_some(),
            Try::Pool(n, pool) => {
                let are_members = pool.iter().all(|member| self.members.contains_key(member));
                self.profiles.contains(n) && !pool.is_empty() && are_members
            }
            Try::Hours(n, _) | Try::Bot(n) => self.profiles.contains(n),
            Try::Override(n, back) => self.profiles.contains(n) && (*back || self.with_hours.contains(n)),
        }
    }

    fn does(&mut self, who: Who, what: &Try, revision: u64) {
        match what {
            Try::Create(n) => {
                self.owner = Some(*n);
                self.members.insert(*n, (Role::Owner, *n));
            }
            Try::Add(n, token, role) => {
                self.members.insert(*n, (*role, *token));
            }
            Try::Change(n, role) => {
                self.members.entry(*n).and_modify(|(old, _)| *old = *role);
            }
            Try::Remove(n) => {
                self.members.remove(n);
                self.away.remove(n);
                self.pools.values_mut().for_each(|pool| _ = pool.remove(n));
                let theirs = self.done.keys().filter(|(known, _)| known == n).map(|(_, instance)| *instance);
                self.forgotten = theirs.max().unwrap_or(0).max(self.forgotten);
                self.done.retain(|(known, _), _| known != n);
            }
            Try::Profile(n) => _ = self.profiles.insert(*n),
            Try::Pool(n, pool) => _ = self.pools.insert(*n, pool.clone()),
            Try::Hours(n, Mode::UseHours) => _ = self.with_hours.insert(*n),
            Try::Hours(n, Mode::AlwaysOpen) => _ = self.with_hours.remove(n),
            Try::Away(n, true) => _ = self.away.insert(*n),
            Try::Away(n, false) => _ = self.away.remove(n),
            Try::Rename(_) | Try::Team | Try::Bot(_) | Try::Override(..) => {}
        }
        if let Some((n, instance, counter)) = who {
            self.done.entry((n, instance)).or_default().insert(counter, revision);
        }
    }
}

fn action(what: &Try) -> WorkspaceAction {
    match what {
        Try::Create(n) => create(*n, Role::Owner),
        Try::Add(n, token, role) => member(*n, *token, *role),
        Try::Rename(n) => {
            WorkspaceAction::RenameMember { member: member_id(*n), name: DisplayName::new("Lee").unwrap() }
        }
        Try::Change(n, role) => WorkspaceAction::ChangeRole { member: member_id(*n), role: *role },
        Try::Remove(n) => WorkspaceAction::RemoveMember { member: member_id(*n) },
        Try::Away(n, away) => WorkspaceAction::SetAway { member: member_id(*n), away: *away },
        Try::Profile(n) => profile(*n),
        Try::Team => WorkspaceAction::SetTeamService(TeamService::default()),
        Try::Pool(n, pool) => {
            let general = Pool::List(pool.iter().copied().map(member_id).collect());
            let assignment = Box::new(ProfileAssignment { general, ..ProfileAssignment::default() });
            WorkspaceAction::SetProfileAssignment { profile: profile_id(*n), assignment }
        }
        Try::Hours(n, mode) => {
            let hours = Box::new(ProfileHours { mode: *mode, ..ProfileHours::default() });
            WorkspaceAction::SetProfileHours { profile: profile_id(*n), hours }
        }
        Try::Bot(n) => WorkspaceAction::SetBot { profile: profile_id(*n), bot: Box::default() },
        Try::Override(n, back) => {
            let to = (!back).then_some(Override::Open);
            WorkspaceAction::OverrideHours { profile: profile_id(*n), to }
        }
    }
}

fn tries() -> impl Strategy<Value = (Who, Try)> {
    let roles = vec![Role::Owner, Role::Admin, Role::Editor, Role::Readonly];
    let role = move || prop::sample::select(roles.clone());
    let mode = prop::sample::select(vec![Mode::AlwaysOpen, Mode::UseHours]);
    let what = prop_oneof![
        1 => (0..3_u16).prop_map(Try::Create),
        6 => (0..6_u16, 0..8_u16, role()).prop_map(|(n, token, role)| Try::Add(n, token, role)),
        1 => (0..6_u16).prop_map(Try::Rename),
        2 => (0..6_u16, role()).prop_map(|(n, role)| Try::Change(n, role)),
        2 => (0..6_u16).prop_map(Try::Remove),
        2 => (0..3_u16).prop_map(Try::Profile),
        2 => (0..6_u16, any::<bool>()).prop_map(|(n, away)| Try::Away(n, away)),
        1 => Just(Try::Team),
        4 => (0..3_u16, prop::collection::btree_set(0..6_u16, 0..3)).prop_map(|(n, pool)| Try::Pool(n, pool)),
        2 => (0..3_u16, mode).prop_map(|(n, mode)| Try::Hours(n, mode)),
        2 => (0..3_u16).prop_map(Try::Bot),
        2 => (0..3_u16, any::<bool>()).prop_map(|(n, back)| Try::Override(n, back)),
    ];
    (prop::option::weighted(0.7, (0..6_u16, 1..4_u8, 1..5_u64)), what)
}

proptest! {
    #[test]
    fn everybody_does_what_they_may_once_and_lists_name_members_only(
        tries in prop::collection::vec((tries(), -50..200_i64), 1..80),
    ) {
        let (mut state, mut model, mut now) = (Workspace::new(ID), Model::default(), 1_000_000);
        let mut entries = Vec::<WorkspaceEntry>::new();
        for ((who, what), passes) in tries {
            now += passes;
            let at = Timestamp::from_millis(now);
            let decided = match who {
                None => decide_own(&state, action(&what), at).map(WorkspaceDecision::Record),
                Some(who) => decide(&state, command(who, action(&what)), at),
            };
            let expected = model.expects(who, &what);
            match decided {
                Ok(WorkspaceDecision::Record(entry)) => {
                    prop_assert_eq!(expected, Expected::Recorded, "{:?} by {:?}", what, who);
                    let latest = entries.last().map_or(at, |last: &WorkspaceEntry| last.at.max(at));
                    prop_assert_eq!((entry.revision, entry.at), (entries.len() as u64 + 1, latest));
                    prop_assert_eq!(entry.by, who.map(|(n, ..)| member_id(n)));
                    state.apply(&entry);
                    model.does(who, &what, entry.revision);
                    entries.push(entry);
                }
                Ok(WorkspaceDecision::Answered(answer)) => {
                    prop_assert_eq!(expected, Expected::Answered(answer.revision), "{:?} by {:?}", what, who);
                }
                Ok(WorkspaceDecision::AcceptedLongAgo) => prop_assert!(false, "nothing is that long ago"),
                Err(why) => prop_assert_eq!(expected, Expected::Refused, "{:?} by {:?}: {}", what, who, why),
            }
            for own in state.settings.profiles.values() {
                let Pool::List(pool) = &own.assignment.general else { continue };
                prop_assert!(pool.iter().all(|member| state.members.contains_key(member)));
            }
        }
        let mut replayed = Workspace::new(ID);
        entries.iter().for_each(|entry| replayed.apply(entry));
        prop_assert_eq!(&replayed, &state);
        let roles: BTreeMap<_, _> = model.members.iter().map(|(n, (role, _))| (member_id(*n), *role)).collect();
        let found: BTreeMap<_, _> = state.members.iter().map(|(id, details)| (*id, details.role)).collect();
        prop_assert_eq!(found, roles);
        prop_assert_eq!(&state.away, &model.away.iter().copied().map(member_id).collect());
        for (n, pool) in &model.pools {
            let pool = Pool::List(pool.iter().copied().map(member_id).collect());
            prop_assert_eq!(&state.settings_of(profile_id(*n)).assignment.general, &pool);
        }
        for (member, details) in &state.members {
            let identity = Identity::Member { workspace: ID, member: *member };
            prop_assert_eq!(state.member_by_token(&details.token_hash), Some(identity));
        }
    }
}

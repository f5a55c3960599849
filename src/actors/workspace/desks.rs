//! The desks of a workspace: who looks at which view, and when they are told what has changed.
//!
//! Owns the turn in which all desks are told, and that each is told what its member may see. What they cost grows
//! with the turns, not with the messages. Must not know which rows are in a view; that is the machine's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ractor::ActorRef;
use switchboard_protocol::vocabulary::{MemberId, Timestamp};

use super::{WorkspaceMsg, WorkspaceState};
use crate::actors::desk::{AgentStatus, Changes, Counts, Seen, Shared, Snapshot, Waiting, WorkspaceEnd};
use crate::actors::session::{
    Answered, DeskFollowing, Lane, Refusal, WantedPage, WantedSearch, WorkspaceReply,
};
use crate::clock;
use crate::domain::listing::Wish;
use crate::domain::workspace::Workspace;
use crate::journal::{ListPage, ListRow};
use crate::limits;
use crate::machines::tally::Tally;
use crate::machines::views::{Delta, Page, ReadOf, View, Views};

/// Somebody who wants to look at the desk.
#[derive(Debug)]
pub struct NewDesk {
    /// As which subscription of their session.
    pub lane: Lane,
    /// Their end of it.
    pub following: DeskFollowing,
    /// Who.
    pub member: MemberId,
    /// What they wish to see.
    pub wish: Wish,
    /// At most so many rows of it.
    pub rows: usize,
}

/// The desks, and what they look at.
#[derive(Default)]
pub(super) struct Desks {
    desks: Vec<Desk>,
    views: Views<Shared<ListRow>>,
    /// Agents who stand otherwise than was told.
    agents: BTreeSet<MemberId>,
    /// Which change of the counts was told last.
    counted: u64,
    /// Whether the next turn is set.
    is_set: bool,
    /// When the last was.
    turned_at: Option<Timestamp>,
}

/// A desk.
struct Desk {
    end: WorkspaceEnd,
    member: MemberId,
    wish: Wish,
    view: View,
    wants_snapshot: bool,
    /// What it was told last of how many there are.
    counts: Seen,
}

impl WorkspaceState {
    /// Reads a page of the lists beside the mailbox, as far as the member may see them.
    pub(super) fn list(&self, wanted: WantedPage, reply: WorkspaceReply) {
        let WantedPage { member, wish, cursor, limit } = wanted;
        let workspace = self.ledger.durable();
        let filter = match workspace.filter(member, wish) {
            Ok(filter) => filter,
            Err(why) => return reply.answer(Err(why.into())),
        };
        let (journal, workspace) = (self.conversation_ports.journal.clone(), workspace.id);
        tokio::spawn(async move {
            let page = journal.list(workspace, filter, cursor.as_deref(), limit).await;
            reply.answer(page.map(Answered::List).map_err(Refusal::from));
        });
    }

    /// Searches beside the mailbox, as far as the member may see what is found.
    pub(super) fn search(&self, wanted: WantedSearch, reply: WorkspaceReply) {
        let WantedSearch { member, query, cursor, limit } = wanted;
        let workspace = self.ledger.durable();
        let (journal, workspace, filter) =
            (self.conversation_ports.journal.clone(), workspace.id, workspace.shown(member, Wish::ALL));
        tokio::spawn(async move {
            let page = journal.search(workspace, query, filter, cursor.as_deref(), limit).await;
            reply.answer(page.map(Answered::Found).map_err(Refusal::from));
        });
    }

    /// How many wait, as far as a member may see it.
    pub(super) fn waiting(&self, member: MemberId) -> Waiting {
        let workspace = self.ledger.durable();
        self.desk.waiting(|profile| !workspace.sees_only_own(member, profile))
    }

    /// Somebody looks at the desk.
    pub(super) fn follow_desk(
        &mut self,
        myself: &ActorRef<WorkspaceMsg>,
        new: NewDesk,
        reply: WorkspaceReply,
    ) {
        let NewDesk { lane, following, member, wish, rows } = new;
        let filter = match self.ledger.durable().filter(member, wish) {
            Ok(filter) => filter,
            Err(why) => return reply.not_following(lane, why.into()),
        };
        let view = View { filter, rows: rows.clamp(1, limits::LIST_ROWS_MAX) };
        self.desks.look(&view);
        let is_shown = self.desks.views.shown(&view).is_some();
        let end = WorkspaceEnd(Arc::clone(following.outlet()));
        let counts = Seen::new();
        self.desks.desks.push(Desk { end, member, wish, view, wants_snapshot: true, counts });
        if is_shown {
            // Together with everybody who comes at about the same time.
            self.desks.set_turn(myself);
        }
        self.read_for_desks(myself);
        reply.answer(Ok(Answered::FollowingDesk(lane, following)));
    }

    /// Rows of the lists have changed.
    pub(super) fn rows(&mut self, myself: &ActorRef<WorkspaceMsg>, rows: Vec<ListRow>) {
        if self.desks.desks.is_empty() {
            return;
        }
        for row in rows {
            self.desks.views.changed(Arc::new(Shared::new(row)));
        }
        self.desks.set_turn(myself);
    }

    /// An agent stands otherwise.
    pub(super) fn show_status(&mut self, myself: &ActorRef<WorkspaceMsg>, member: MemberId) {
        if self.desks.desks.is_empty() {
            return;
        }
        self.desks.agents.insert(member);
        self.desks.set_turn(myself);
    }

    /// More or less may go on.
    pub(super) fn count_for_desks(&mut self, myself: &ActorRef<WorkspaceMsg>) {
        if !self.desks.desks.is_empty() && self.desks.counted != self.desk.dispatch().tally().changes() {
            self.desks.set_turn(myself);
        }
    }

    /// The settings are others: what members may see may be more or less, and so may what is too much.
    pub(super) fn settings_for_desks(&mut self, myself: &ActorRef<WorkspaceMsg>, anew: bool) {
        let workspace = Arc::clone(self.ledger.durable());
        for desk in &mut self.desks.desks {
            let filter = workspace.shown(desk.member, desk.wish);
            if filter != desk.view.filter {
                // What they may not see any more is not sent either.
                desk.end.0.forget();
                desk.wants_snapshot = true;
            }
            desk.wants_snapshot |= anew;
            desk.view.filter = filter;
            self.desks.views.look(&desk.view);
        }
        if !self.desks.desks.is_empty() {
            self.desks.agents.extend(workspace.members.keys());
            self.desks.set_turn(myself);
        }
    }

    /// It is time to tell the desks what has changed.
    pub(super) fn turn_desks(&mut self, myself: &ActorRef<WorkspaceMsg>) {
        self.desks.is_set = false;
        self.desks.turned_at = Some(clock::now());
        self.desks.desks.retain(|desk| desk.end.has_reader());
        let looked: BTreeSet<&View> = self.desks.desks.iter().map(|desk| &desk.view).collect();
        self.desks.views.retain(|view| looked.contains(view));
        let agents = std::mem::take(&mut self.desks.agents);
        let workspace = Arc::clone(self.ledger.durable());
        let load_max = workspace.load_max();
        let agents = agents.into_iter().filter_map(|member| self.status_of(member, load_max));
        let agents: Vec<_> = agents.map(|status| Arc::new(Shared::new(status))).collect();
        self.desks.counted = self.desk.dispatch().tally().changes();
        let deltas = self.desks.views.flush();
        let none = Delta { rows: Vec::new(), gone: Vec::new() };
        for desk in self.desks.desks.iter_mut().filter(|desk| !desk.wants_snapshot) {
            let seen = seen_by(self.desk.dispatch().tally(), &workspace, desk.member);
            let counts = changed(&desk.counts, &seen);
            let Delta { rows, gone } = deltas.get(&desk.view).unwrap_or(&none);
            if rows.is_empty() && gone.is_empty() && agents.is_empty() && counts.is_empty() {
                continue;
            }
            desk.counts = seen;
            desk.wants_snapshot = !desk.end.0.change(&Changes { rows, gone, agents: &agents, counts });
        }
        self.give_snapshots();
        self.read_for_desks(myself);
    }

    /// The first rows of a view were read.
    pub(super) fn desk_page(
        &mut self,
        myself: &ActorRef<WorkspaceMsg>,
        of: ReadOf,
        page: Result<ListPage, String>,
    ) {
        match page {
            Ok(ListPage { rows, next, position }) => {
                let rows = rows.into_iter().map(|row| Arc::new(Shared::new(row))).collect();
                self.desks.views.read(of, Page { rows, is_whole: next.is_none(), position: position.0 });
            }
            Err(why) if self.desks.views.awaits(&of) => {
                tracing::warn!(why, "the lists cannot be read for the desk");
                self.desks.desks.retain(|desk| desk.view != of.view);
                self.desks.views.retain(|view| *view != of.view);
            }
            // It was for somebody who has gone.
            Err(_) => {}
        }
        self.desks.set_turn(myself);
        self.read_for_desks(myself);
    }

    /// Gives a snapshot to those who want one, as far as it is there: the same one to all with the same view.
    fn give_snapshots(&mut self) {
        if self.desks.desks.iter().all(|desk| !desk.wants_snapshot) {
            return;
        }
        let workspace = Arc::clone(self.ledger.durable());
        let load_max = workspace.load_max();
        let agents = workspace.members.keys().filter_map(|member| self.status_of(*member, load_max));
        let agents: Arc<[AgentStatus]> = agents.collect();
        let mut snapshots: BTreeMap<&View, Arc<Shared<Snapshot>>> = BTreeMap::new();
        for desk in self.desks.desks.iter_mut().filter(|desk| desk.wants_snapshot) {
            let snapshot = match snapshots.get(&desk.view) {
                Some(snapshot) => Arc::clone(snapshot),
                None => {
                    let Some(rows) = self.desks.views.shown(&desk.view) else { continue };
                    let snapshot = Arc::new(Shared::new(Snapshot { rows, agents: Arc::clone(&agents) }));
                    Arc::clone(snapshots.entry(&desk.view).or_insert(snapshot))
                }
            };
            desk.wants_snapshot = false;
            desk.counts = seen_by(self.desk.dispatch().tally(), &workspace, desk.member);
            desk.end.0.snapshot(snapshot, desk.counts.clone());
        }
    }

    /// Reads the first rows of views beside the mailbox, once for all who look at them.
    fn read_for_desks(&mut self, myself: &ActorRef<WorkspaceMsg>) {
        for of in self.desks.views.to_read() {
            let (myself, journal, workspace) =
                (myself.clone(), self.conversation_ports.journal.clone(), self.ledger.durable().id);
            tokio::spawn(async move {
                let page = journal.first_rows(workspace, of.view.filter.clone(), of.view.rows_read()).await;
                let _ = myself.cast(WorkspaceMsg::DeskPage(of, page.map_err(|error| error.to_string())));
            });
        }
    }

    fn status_of(&self, member: MemberId, load_max: u32) -> Option<AgentStatus> {
        let name = self.ledger.durable().members.get(&member)?.name.clone();
        let online = self.agents.get(&member).is_some_and(|agent| agent.online);
        let away = self.ledger.durable().away.contains(&member);
        let work = self.desk.dispatch().tally().work(member);
        let over_limit = work.waiting.saturating_add(work.in_progress) > load_max;
        Some(AgentStatus { member, name, online, away, work, over_limit })
    }
}

impl Desks {
    fn look(&mut self, view: &View) {
        self.desks.retain(|desk| desk.end.has_reader());
        self.views.look(view);
    }

    /// The desks are told soon: not more often than they may be.
    fn set_turn(&mut self, myself: &ActorRef<WorkspaceMsg>) {
        if self.is_set || self.desks.is_empty() {
            return;
        }
        self.is_set = true;
        let passed = self.turned_at.map_or(limits::DESK_TURN_MS, |at| {
            u64::try_from(clock::now().as_millis().saturating_sub(at.as_millis())).unwrap_or(0)
        });
        let wait = Duration::from_millis(limits::DESK_TURN_MS.saturating_sub(passed));
        myself.send_after(wait, || WorkspaceMsg::TurnDesks);
    }
}

/// How many conversations a member has to see.
fn seen_by(tally: &Tally, workspace: &Workspace, member: MemberId) -> Seen {
    tally.seen_by(member, |profile| workspace.sees_only_own(member, profile))
}

/// Of which profiles it is otherwise than was told: nothing, where there is nothing any more.
fn changed(told: &Seen, now: &Seen) -> Seen {
    let gone = told.keys().filter(|profile| !now.contains_key(profile));
    let gone = gone.map(|profile| (*profile, Counts::default()));
    let other = now.iter().filter(|(profile, counts)| told.get(profile) != Some(counts));
    gone.chain(other.map(|(profile, counts)| (*profile, *counts))).collect()
}

//! What differs from seed to seed: how much there is of everything, how slow each part is, how often
//! each fault happens.
//!
//! Owns the ranges. Must not know what a fault does.

use fastrand::Rng;
use switchboard::machines::budget::Allowance;

/// What a seed draws. Faults and turns are weights: a scheduler's choice is made in their proportion.
#[derive(Debug, Clone)]
pub(crate) struct Rates {
    pub(crate) steps: u32,
    pub(crate) customers: u8,
    pub(crate) clients_each: usize,
    pub(crate) agents: usize,
    /// Clients by which members only look, who may have a place elsewhere.
    pub(crate) lookers: usize,
    /// Of a hundred things that a customer does.
    pub(crate) calls: u32,
    pub(crate) outbox_entries_max: usize,
    pub(crate) stream_frames_max: usize,
    pub(crate) page_entries_max: usize,
    pub(crate) commit_entries_max: usize,
    pub(crate) window_entries: usize,
    pub(crate) requests_window: u32,
    pub(crate) allowance: Allowance,
    /// How quick each kind of part is.
    pub(crate) turns: [u32; Part::COUNT],
    pub(crate) faults: Faults,
}

/// The kinds of part that have turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Writer,
    Disk,
    Workspace,
    Conversation,
    Session,
    Pump,
    Network,
    Client,
}

impl Part {
    pub(crate) const COUNT: usize = 8;
    pub(crate) const ALL: [Self; Self::COUNT] = [
        Self::Writer,
        Self::Disk,
        Self::Workspace,
        Self::Conversation,
        Self::Session,
        Self::Pump,
        Self::Network,
        Self::Client,
    ];
}

/// How often each fault happens; 0 is never.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    pub(crate) crash: u32,
    pub(crate) cut: u32,
    pub(crate) address_changes: u32,
    pub(crate) conversation_fails: u32,
    pub(crate) session_fails: u32,
    pub(crate) workspace_fails: u32,
    pub(crate) agent_fails: u32,
    pub(crate) session_sticks: u32,
    /// Of a hundred ends of sessions.
    pub(crate) end_untold: u32,
    pub(crate) client_begins_anew: u32,
    pub(crate) follows_again: u32,
    pub(crate) idle: u32,
    pub(crate) stall: u32,
    pub(crate) disk_slows: u32,
    pub(crate) disk_fills: u32,
    pub(crate) disk_frees: u32,
    pub(crate) settings_change: u32,
    pub(crate) time_passes: u32,
    /// Of a hundred datagrams.
    pub(crate) datagram_lost: u32,
    /// Of a hundred commits, and of a hundred questions for a customer's conversation.
    pub(crate) disk_fails: u32,
    /// Of a hundred commands.
    pub(crate) no_room: u32,
    /// Of a hundred tickets.
    pub(crate) fails_half_way: u32,
    /// Of a hundred readings of the clock.
    pub(crate) clock_jumps_back: u32,
}

impl Rates {
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        let mut turns = [0; Part::COUNT];
        // In some seeds much is done between two faults, in others little.
        let between_faults = [1, 3, 10][rng.usize(..3)];
        turns.fill_with(|| between_faults * [60, 150, 300, 600, 1_200][rng.usize(..5)]);
        Self {
            steps: rng.u32(300..1_600),
            customers: rng.u8(1..=7),
            clients_each: rng.usize(1..=2),
            agents: rng.usize(1..=7),
            lookers: [0, 0, 1, 1, 2][rng.usize(..5)],
            calls: [0, 10, 30, 60][rng.usize(..4)],
            outbox_entries_max: rng.usize(1..=6),
            stream_frames_max: rng.usize(1..=6),
            page_entries_max: rng.usize(1..=6),
            commit_entries_max: rng.usize(1..=8),
            window_entries: rng.usize(2..=12),
            requests_window: rng.u32(2..=32),
            allowance: Allowance { times: rng.usize(2..=8), within_ms: rng.i64(100..60_000) },
            turns,
            faults: Faults::draw(rng, between_faults),
        }
    }
}

impl Faults {
    fn draw(rng: &mut Rng, between_faults: u32) -> Self {
        // A third of the seeds does without each.
        let mut rate = |max: u32| if rng.u8(..3) == 0 { 0 } else { rng.u32(1..=max) };
        Self {
            crash: rate(2),
            cut: rate(4),
            address_changes: rate(6),
            conversation_fails: rate(8),
            session_fails: rate(3),
            workspace_fails: rate(4),
            agent_fails: rate(3),
            session_sticks: rate(3),
            end_untold: rate(20),
            client_begins_anew: rate(2),
            follows_again: rate(5),
            idle: between_faults * rate(60),
            stall: rate(15),
            disk_slows: rate(4),
            disk_fills: rate(6),
            disk_frees: 1 + rate(20),
            settings_change: between_faults * rate(20),
            time_passes: rate(10),
            datagram_lost: rate(30),
            disk_fails: rate(20),
            no_room: rate(15),
            fails_half_way: rate(10),
            clock_jumps_back: rate(20),
        }
    }
}

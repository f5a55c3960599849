//! The room on the disk: how much of it is free, and what the engine makes of that.
//!
//! Owns the machine [`Room`] with its reserve, as the engine's journal does, and the rest of the world, which
//! needs the disk too. Must not know who is held for want of room.

use switchboard::machines::room::{Marks, Move, NoRoom, Room};

use crate::check::Promise;
use crate::tally::Count;
use crate::world::World;

/// What is free, and what is thought to be.
pub(crate) struct Space {
    /// So much can be written. It survives a crash, and so does the reserve.
    free_bytes: u64,
    reserve: bool,
    /// The engine's own: begun anew with the process.
    room: Room,
    /// A plain reading of the rule: nothing is taken since the disk was too full, until the reserve is back.
    must_hold: bool,
}

impl Space {
    pub(crate) fn new(free_bytes: u64) -> Self {
        Self { free_bytes, reserve: false, room: Room::new(MARKS, false), must_hold: true }
    }

    /// Whether anything may be taken, as the engine thinks.
    ///
    /// # Errors
    /// Why not.
    pub(crate) const fn may_take(&self) -> Result<(), NoRoom> {
        self.room.may_take()
    }

    /// Whether the rule allows that something is taken.
    pub(crate) const fn must_hold(&self) -> bool {
        self.must_hold
    }

    /// Whether a look would change anything.
    pub(crate) fn is_due(&self) -> bool {
        let mut looked = self.room.clone();
        let moves = looked.look(self.free_bytes).is_some();
        let before = (self.room.may_take().is_ok(), self.room.may_fold());
        moves || before != (looked.may_take().is_ok(), looked.may_fold())
    }

    /// Whether there is less than somebody would leave free.
    pub(crate) const fn is_short(&self) -> bool {
        self.free_bytes < PLENTY_BYTES / 2
    }

    /// Takes room for something that is written. `false`: there is none.
    pub(crate) const fn take(&mut self, bytes: u64) -> bool {
        if self.free_bytes < bytes {
            return false;
        }
        self.free_bytes -= bytes;
        true
    }

    fn look(&mut self) {
        // At most: it is given up, or it is made.
        for _ in 0..LOOKS_MAX {
            let had_reserve = self.reserve;
            let wanted = self.room.look(self.free_bytes);
            if self.free_bytes < MARKS.low_bytes {
                self.must_hold = true;
            } else if had_reserve {
                self.must_hold = false;
            }
            match wanted {
                Some(Move::GiveUp) => self.give_up(),
                Some(Move::Make) => {
                    self.reserve = self.take(MARKS.reserve_bytes);
                    self.room.made(self.reserve);
                }
                None => return,
            }
        }
    }

    /// Something could not be written for want of room.
    fn refused(&mut self) {
        self.must_hold = true;
        if self.room.refused() == Some(Move::GiveUp) {
            self.give_up();
        }
        self.room.found(self.free_bytes);
    }

    fn give_up(&mut self) {
        if std::mem::take(&mut self.reserve) {
            self.free_bytes += MARKS.reserve_bytes;
        }
    }
}

impl World {
    /// The engine looks how much is free.
    pub(crate) fn look_at_disk(&mut self) {
        let could_take = self.space.may_take().is_ok();
        self.space.look();
        match (could_take, self.space.may_take().is_ok()) {
            (true, false) => self.note(Count::DiskFull),
            (false, true) => self.note(Count::DiskHasRoom),
            (true, true) | (false, false) => {}
        }
    }

    /// Somebody else fills the disk, or nearly.
    pub(crate) fn fill_disk(&mut self) {
        let left = [0, MARKS.store_bytes, MARKS.low_bytes, 2 * MARKS.resume_bytes][self.rng.usize(..4)];
        self.space.free_bytes = self.space.free_bytes.min(self.rng.u64(..=left));
    }

    /// Somebody else gives some of it back, enough or not.
    pub(crate) fn free_disk(&mut self) {
        self.space.free_bytes += self.rng.u64(1..2 * (MARKS.resume_bytes + MARKS.reserve_bytes));
    }

    /// The disk has room for everything that is still to come.
    pub(crate) fn empty_disk(&mut self) {
        self.space.free_bytes += 1_000 * PLENTY_BYTES;
    }

    /// A write finds no room.
    pub(crate) fn finds_no_room(&mut self) {
        self.note(Count::WriteFoundNoRoom);
        self.space.refused();
    }

    /// The process begins anew: what it thinks of the disk is gone.
    pub(crate) fn begin_space(&mut self) {
        self.space.room = Room::new(MARKS, self.space.reserve);
        self.space.look();
    }

    /// Whether the store may be written now.
    pub(crate) fn may_fold(&mut self) -> bool {
        self.look_at_disk();
        let may = self.space.room.may_fold();
        if may && self.space.free_bytes < MARKS.store_bytes {
            self.broken(Promise::Room, format!("the store is written with {} free", self.space.free_bytes));
        }
        may
    }
}

/// When what happens, in bytes of a small disk.
const MARKS: Marks = Marks { low_bytes: 100, resume_bytes: 140, reserve_bytes: 60, store_bytes: 30 };

/// What an entry takes of the disk.
pub(crate) const ENTRY_BYTES: u64 = 12;

/// What a new segment takes of it.
pub(crate) const SEGMENT_BYTES: u64 = 20;

/// What a snapshot takes of it.
pub(crate) const SNAPSHOT_BYTES: u64 = 4;

/// More than anybody needs.
pub(crate) const PLENTY_BYTES: u64 = 4_000;

const LOOKS_MAX: usize = 3;

//! Room on the disk: when writers are held, when the store is fed, and when the reserve is given up.
//!
//! Owns the marks and what follows from how much is free. Must not know files, disks or clocks, nor who
//! waits: how much is free comes in, and whoever asks is told.
//!
//! What is free is what the system says that can still be written; the reserve, which is a file, is not in
//! it. Two rules hold whatever the numbers do: entries are taken only while the reserve is held, and what
//! was held goes on only when there is room for the reserve and a margin besides, so that it does not
//! change from one look to the next.

use super::planted::{Bug, is_planted};

/// How much must be free for what, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks {
    /// With less than this, nothing more is taken.
    pub low_bytes: u64,
    /// With this, and the size of the reserve, entries are taken again.
    pub resume_bytes: u64,
    /// The size of the reserve.
    pub reserve_bytes: u64,
    /// With less than this, the store is not written.
    pub store_bytes: u64,
}

/// What is to be done to the reserve. Look again when it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// Give it up, so that what was acknowledged can be folded.
    GiveUp,
    /// Make it again, and say with [`Room::made`] whether it is there.
    Make,
}

/// Whether there is room, as of the last look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    marks: Marks,
    taking: bool,
    reserved: bool,
    free_bytes: u64,
}

/// Why nothing is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the disk is full: {} MiB are free, and {} MiB must be", free_bytes >> 20, needed_bytes.div_ceil(1 << 20))]
pub struct NoRoom {
    /// How much was free at the last look, in bytes.
    pub free_bytes: u64,
    /// How much must be before anything is taken again, in bytes.
    pub needed_bytes: u64,
}

impl Room {
    /// Before the first look; `reserved` says whether the reserve is there. Nothing is taken yet.
    #[must_use]
    pub const fn new(marks: Marks, reserved: bool) -> Self {
        Self { marks, taking: false, reserved, free_bytes: 0 }
    }

    /// So much is free now.
    pub fn look(&mut self, free_bytes: u64) -> Option<Move> {
        self.free_bytes = free_bytes;
        if self.reserved {
            self.taking = free_bytes >= self.marks.low_bytes;
            return if self.taking { None } else { self.give_up() };
        }
        if is_planted(Bug::TakenWithoutReserve) {
            self.taking = free_bytes >= self.marks.low_bytes;
        }
        if free_bytes >= self.needed_bytes() { Some(Move::Make) } else { None }
    }

    /// So much is free now, and nothing follows from it yet: for the reason why entries are held.
    pub const fn found(&mut self, free_bytes: u64) {
        self.free_bytes = free_bytes;
    }

    /// Something could not be written for want of room, whatever the last look said.
    pub fn refused(&mut self) -> Option<Move> {
        if is_planted(Bug::FullDiskForgotten) {
            return None;
        }
        self.taking = false;
        if self.reserved { self.give_up() } else { None }
    }

    /// The reserve is there, or could not be made. Only the next look lets entries be taken.
    pub const fn made(&mut self, reserved: bool) {
        self.reserved = reserved;
    }

    /// Whether entries may be taken.
    ///
    /// # Errors
    /// Why not. Trying again later helps.
    pub const fn may_take(&self) -> Result<(), NoRoom> {
        if self.taking {
            return Ok(());
        }
        let needed_bytes = if self.reserved { self.marks.low_bytes } else { self.needed_bytes() };
        Err(NoRoom { free_bytes: self.free_bytes, needed_bytes })
    }

    /// Whether the store may be written: sled does not get over a full disk.
    #[must_use]
    pub const fn may_fold(&self) -> bool {
        self.free_bytes >= self.marks.store_bytes
    }

    /// Whether the reserve is held.
    #[must_use]
    pub const fn is_reserved(&self) -> bool {
        self.reserved
    }

    const fn give_up(&mut self) -> Option<Move> {
        self.reserved = false;
        Some(Move::GiveUp)
    }

    /// What must be free, the reserve not being held, before anything is taken again.
    const fn needed_bytes(&self) -> u64 {
        self.marks.resume_bytes.saturating_add(self.marks.reserve_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MARKS: Marks = Marks { low_bytes: 100, resume_bytes: 120, reserve_bytes: 50, store_bytes: 30 };

    /// Where a case begins.
    #[derive(Debug, Clone, Copy)]
    enum Given {
        /// Entries are taken.
        Taking,
        /// They are held, and the reserve is given up.
        Held,
        /// A start with the reserve.
        Start,
    }

    fn given(given: Given) -> Room {
        match given {
            Given::Taking => Room { marks: MARKS, taking: true, reserved: true, free_bytes: 500 },
            Given::Held => Room { marks: MARKS, taking: false, reserved: false, free_bytes: 60 },
            Given::Start => Room::new(MARKS, true),
        }
    }

    #[test]
    fn each_look_says_what_may_go_on_and_what_to_do() {
        // Begins, what is free, what to do, whether entries are taken, whether the store is written.
        let cases = [
            (Given::Taking, 100, None, true, true),
            (Given::Taking, 99, Some(Move::GiveUp), false, true),
            (Given::Taking, 0, Some(Move::GiveUp), false, false),
            (Given::Held, 29, None, false, false),
            (Given::Held, 30, None, false, true),
            (Given::Held, 169, None, false, true),
            (Given::Held, 170, Some(Move::Make), false, true),
            (Given::Start, 100, None, true, true),
            (Given::Start, 99, Some(Move::GiveUp), false, true),
        ];
        for (begin, free, wanted, takes, folds) in cases {
            let mut room = given(begin);
            assert_eq!(room.look(free), wanted, "{begin:?} at {free}");
            assert_eq!((room.may_take().is_ok(), room.may_fold()), (takes, folds), "{begin:?} at {free}");
        }
    }

    #[test]
    fn entries_are_taken_again_once_the_reserve_is_there_and_not_before() {
        let mut room = given(Given::Held);
        assert_eq!(room.look(200), Some(Move::Make));
        room.made(false);
        assert_eq!((room.look(200), room.may_take().is_ok()), (Some(Move::Make), false));
        room.made(true);
        assert!(room.may_take().is_err(), "nobody has looked since");
        assert_eq!((room.look(149), room.may_take()), (None, Ok(())));
    }

    #[test]
    fn a_refusal_holds_entries_and_gives_the_reserve_up_once() {
        let mut room = given(Given::Taking);
        assert_eq!(room.refused(), Some(Move::GiveUp));
        assert_eq!(room.refused(), None);
        assert!(room.may_take().is_err() && !room.is_reserved());
    }

    #[test]
    fn the_reason_says_how_much_is_free_and_how_much_must_be() {
        let marks =
            Marks { low_bytes: 2 << 20, resume_bytes: 3 << 20, reserve_bytes: 5 << 20, store_bytes: 0 };
        let mut room = Room::new(marks, true);
        room.look((1 << 20) + 1);
        let reason = room.may_take().unwrap_err().to_string();
        assert_eq!(reason, "the disk is full: 1 MiB are free, and 8 MiB must be");
    }

    /// What happens to a room.
    #[derive(Debug, Clone, Copy)]
    enum Event {
        /// Somebody else needs the disk, or gives it back: so much is left.
        Look(u64),
        /// A write fails.
        Refused,
    }

    proptest! {
        #[test]
        fn entries_are_taken_only_with_the_reserve_and_it_does_not_flutter(
            events in proptest::collection::vec(
                prop_oneof![8 => (0_u64..300).prop_map(Event::Look), 1 => Just(Event::Refused)],
                1..200,
            ),
            can_make in proptest::collection::vec(any::<bool>(), 200),
            reserved in any::<bool>(),
        ) {
            let mut room = Room::new(MARKS, reserved);
            let mut can_make = can_make.into_iter().cycle();
            // Whether there really is a reserve.
            let mut file = reserved;
            for event in events {
                let was_taking = room.may_take().is_ok();
                let had_reserve = file;
                let (free, todo) = match event {
                    Event::Look(free) => (Some(free), room.look(free)),
                    Event::Refused => (None, room.refused()),
                };
                match todo {
                    Some(Move::GiveUp) => {
                        prop_assert!(file, "what is not there was given up");
                        file = false;
                    }
                    Some(Move::Make) => {
                        prop_assert!(!file, "it was made twice");
                        let free = free.unwrap_or_default();
                        prop_assert!(free >= MARKS.resume_bytes + MARKS.reserve_bytes, "made with {free} free");
                        file = can_make.next().unwrap_or(false);
                        room.made(file);
                    }
                    None => {}
                }
                prop_assert_eq!(room.is_reserved(), file);
                let takes = room.may_take().is_ok();
                prop_assert!(!takes || file, "entries are taken without a reserve");
                if let Some(free) = free {
                    prop_assert!(!takes || free >= MARKS.low_bytes, "entries are taken with {free} free");
                    prop_assert_eq!(room.may_fold(), free >= MARKS.store_bytes);
                    prop_assert!(!had_reserve || free < MARKS.low_bytes || takes, "held with {free} free");
                } else {
                    prop_assert!(!takes, "entries are taken after a refusal");
                }
                // Between holding and taking again the reserve was made.
                prop_assert!(was_taking || !takes || had_reserve);
            }
        }
    }
}

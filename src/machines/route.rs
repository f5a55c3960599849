//! A session's way to one conversation.
//!
//! Owns what has been sent and not answered, in order. When the conversation dies, everything
//! unanswered is sent again, in the same order and before anything newer, to its next incarnation;
//! exactly-once makes that safe. Must not know what a command is: `C`; or the way to it: `H`.

use std::collections::VecDeque;

use super::planted::{Bug, is_planted};

/// Names a command within a session.
pub type Tag = u64;

/// What the shell has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<H, C> {
    /// Ask where the conversation is, saying which way to it was found closed, if one was; answer
    /// with [`Route::resolved`] or [`Route::unresolved`].
    Resolve(Option<H>),
    /// Send a command there. When that is impossible, say [`Route::lost`].
    Send(H, Tag, C),
    /// Stop trying: nobody knows whether it was done.
    GiveUp(Tag),
}

/// A session's way to one conversation.
#[derive(Debug)]
pub struct Route<H, C> {
    way: Way<H>,
    unanswered: VecDeque<Unanswered<C>>,
}

/// What is known of the way. It is asked for once at a time: two answers would send everything twice.
#[derive(Debug)]
enum Way<H> {
    Unknown,
    Asked,
    Known(H),
}

#[derive(Debug)]
struct Unanswered<C> {
    tag: Tag,
    command: C,
    losses: u8,
}

impl<H, C> Default for Route<H, C> {
    fn default() -> Self {
        Self { way: Way::Unknown, unanswered: VecDeque::new() }
    }
}

impl<H: Clone + PartialEq, C: Clone> Route<H, C> {
    /// Sends a command.
    pub fn send(&mut self, tag: Tag, command: C) -> Option<Step<H, C>> {
        self.unanswered.push_back(Unanswered { tag, command: command.clone(), losses: 0 });
        match &self.way {
            Way::Known(way) => Some(Step::Send(way.clone(), tag, command)),
            Way::Asked if self.unanswered.len() == 1 && is_planted(Bug::WayAskedTwice) => {
                Some(Step::Resolve(None))
            }
            Way::Asked => None,
            Way::Unknown => {
                self.way = Way::Asked;
                Some(Step::Resolve(None))
            }
        }
    }

    /// Here is the conversation: everything unanswered goes there.
    pub fn resolved(&mut self, way: &H) -> Vec<Step<H, C>> {
        self.way = Way::Known(way.clone());
        let send = |waiting: &Unanswered<C>| Step::Send(way.clone(), waiting.tag, waiting.command.clone());
        if is_planted(Bug::ResendOutOfOrder) {
            return self.unanswered.iter().rev().map(send).collect();
        }
        self.unanswered.iter().map(send).collect()
    }

    /// It cannot be had now; nothing was done. Returns what has to be refused.
    pub fn unresolved(&mut self) -> Vec<Tag> {
        self.way = Way::Unknown;
        self.unanswered.drain(..).map(|waiting| waiting.tag).collect()
    }

    /// A command was answered. `false`: it had been answered before.
    pub fn answered(&mut self, tag: Tag) -> bool {
        let at = self.unanswered.iter().position(|waiting| waiting.tag == tag);
        at.and_then(|at| self.unanswered.remove(at)).is_some()
    }

    /// A command that was sent to this incarnation died with it, and so did everything else there.
    pub fn lost(&mut self, tag: Tag, way: &H) -> Vec<Step<H, C>> {
        let mut steps = Vec::new();
        let Some(at) = self.unanswered.iter().position(|waiting| waiting.tag == tag) else { return steps };
        self.unanswered[at].losses += 1;
        if self.unanswered[at].losses > LOSSES_MAX {
            self.unanswered.remove(at);
            steps.push(Step::GiveUp(tag));
        }
        if matches!(&self.way, Way::Known(known) if known == way) {
            self.way = Way::Unknown;
            if !self.unanswered.is_empty() {
                self.way = Way::Asked;
                steps.push(Step::Resolve(Some(way.clone())));
            }
        }
        steps
    }

    /// Whether nothing is unanswered, so that the route may be forgotten.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.unanswered.is_empty()
    }
}

/// A command that died this often with its conversation is not sent again: it may be what kills it.
const LOSSES_MAX: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_wait_for_the_way_and_go_in_order() {
        let mut route = Route::default();
        assert_eq!(route.send(1, 'a'), Some(Step::Resolve(None)));
        assert_eq!(route.send(2, 'b'), None);
        assert_eq!(route.resolved(&"x"), [Step::Send("x", 1, 'a'), Step::Send("x", 2, 'b')]);
        assert_eq!(route.send(3, 'c'), Some(Step::Send("x", 3, 'c')));
        assert!(route.answered(1));
        assert!(!route.answered(1));
    }

    #[test]
    fn what_died_is_resent_in_order_and_before_anything_newer() {
        let mut route = Route::default();
        route.send(1, 'a');
        route.resolved(&"x");
        route.send(2, 'b');
        assert_eq!(route.lost(2, &"x"), [Step::Resolve(Some("x"))]);
        assert_eq!(route.lost(1, &"x"), [], "its way has been asked for already");
        assert_eq!(route.send(3, 'c'), None);
        let resent = [Step::Send("y", 1, 'a'), Step::Send("y", 2, 'b'), Step::Send("y", 3, 'c')];
        assert_eq!(route.resolved(&"y"), resent);
        assert_eq!(route.lost(1, &"x"), [], "an old incarnation's loss does not close the new way");
    }

    #[test]
    fn a_command_that_dies_again_and_again_is_given_up() {
        let mut route = Route::default();
        route.send(1, 'a');
        for way in ["x", "y"] {
            route.resolved(&way);
            assert_eq!(route.lost(1, &way), [Step::Resolve(Some(way))]);
        }
        route.resolved(&"z");
        assert_eq!(route.lost(1, &"z"), [Step::GiveUp(1)]);
        assert!(route.is_idle());
    }

    #[test]
    fn the_way_is_asked_for_once_also_when_everything_was_given_up_meanwhile() {
        let mut route = Route::default();
        route.send(1, 'a');
        route.send(2, 'b');
        for way in ["x", "y"] {
            route.resolved(&way);
            route.lost(1, &way);
            route.lost(2, &way);
        }
        route.resolved(&"z");
        assert_eq!(route.lost(1, &"z"), [Step::GiveUp(1), Step::Resolve(Some("z"))]);
        assert_eq!(route.lost(2, &"z"), [Step::GiveUp(2)]);
        assert_eq!(route.send(3, 'c'), None, "the way has been asked for already");
        assert_eq!(route.resolved(&"w"), [Step::Send("w", 3, 'c')]);
    }
}

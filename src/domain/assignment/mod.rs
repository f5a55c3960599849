//! Automatic assignment: who serves whom.
//!
//! Owns the one rule of eligibility, the order of the queue and the choice, as pure functions of a
//! roster, a queue and the settings in force; each choice says what it rests on. Must not know how an
//! assignment is carried out, nor what becomes of it.

mod choose;
mod queue;
mod roster;
mod settings;
#[cfg(test)]
mod tests;
mod waiting;

pub use choose::{
    CANDIDATES_MAX, Candidate, Considered, Explanation, Group, Hindrance, Outcome, Rule, Why, choose,
};
pub use queue::{Place, Queue, Request};
pub use roster::{Agent, Roster, Standing};
pub use settings::{
    ASSIGNMENT_BYTES_MAX, AssignmentError, Choosing, Load, MAXIMUM_MAX, Pool, ProfileAssignment, RuleBook,
    Rules, SPECIALISTS_MAX, Strategy, TeamAssignment,
};
pub use waiting::{Accuracy, Line, Pace};

//! Known mistakes, planted on purpose.
//!
//! Owns a switch for each, so that the simulator can prove that it would find such a mistake. Without
//! the feature `planted-bugs`, which no release build has, every switch is the constant `false`.

/// A mistake that can be switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bug {
    /// Answers are given before the entry is durable.
    AnswerBeforeDurable,
    /// Entries are pushed before they are durable.
    PushBeforeDurable,
    /// The memory of counters is not consulted.
    ForgetAnswers,
    /// A lagging subscriber is moved to live without what it missed.
    HandOverWithGap,
    /// A subscriber that was caught up gets again what it has read.
    HandOverWithRepeat,
    /// A fenced incarnation may still append.
    FenceIgnored,
    /// A conversation goes to sleep with work left.
    SleepWithWork,
    /// Lost commands are resent in the wrong order.
    ResendOutOfOrder,
    /// A commit that failed is taken for durable.
    FailedCommitKept,
    /// A subscriber that has missed something goes on without reading it.
    LagForgotten,
    /// The way to a conversation is asked for again while the answer is on its way.
    WayAskedTwice,
    /// A command that is refused for want of room counts as done.
    RefusalTakesCounter,
    /// A message is posted into a conversation that has ended.
    EndOverlooked,
    /// What a client says has reached it last is taken for the furthest.
    ReceivedGoesBack,
    /// What a client says has reached it is believed, whether or not it is durable.
    ReceivedBeforeDurable,
    /// Whoever is told of typing hears of events that are not durable.
    TypingBeforeDurable,
    /// A reader who resumes begins one event late.
    ResumeOneLate,
    /// The name of a customer's next conversation is not remembered.
    NameForgotten,
    /// The same is forgotten when the conversation falls asleep without having begun.
    NameForgottenAsleep,
    /// What was known of a customer is not said to whoever asks for the same next conversation later.
    FormerForgotten,
    /// A client that connects again does not wait for the end of its session before.
    SessionForgotten,
    /// An agent with two devices is offline when the first of them goes.
    OfflineTooSoon,
    /// A member serves from a second place without asking.
    TwoPlaces,
    /// A lease is renewed although nothing was heard.
    LeaseWithoutEvidence,
    /// A write that found no room does not hold what comes next.
    FullDiskForgotten,
    /// Entries are taken again at the mark at which they are held, before the reserve is back.
    TakenWithoutReserve,
    /// A reader hears how a hand-over goes on before it has what was pushed before that.
    VerdictOvertakes,
    /// A decision that is not taken keeps its slot.
    SlotLost,
    /// Conversations of a former term may still append.
    FormerTermAppends,
    /// What ends by itself ends before its time.
    DeadlineTooEarly,
    /// The bot answers although somebody else has the floor.
    FloorForgotten,
    /// What waits for an agent who does not come back after a restart waits for ever.
    AbsentForgotten,
    /// A conversation that fails before it has said that somebody called is not asked.
    UnsaidForgotten,
    /// A decision that was on its way to a conversation that failed is not told again.
    ToldOnce,
    /// The first word of a conversation ends the decision that has woken it.
    FirstWordEndsDecision,
    /// What a timer has done it does again, to whoever has it since.
    TimerTwice,
    /// A setting is in force before it is durable.
    SettingBeforeDurable,
    /// Nothing is handed out when the doors open by themselves.
    OpeningOverlooked,
    /// Whoever says that they are away is given work as before.
    AwayOverlooked,
    /// A consultation is given to a colleague who is not there.
    AbsentGiven,
    /// Whoever only looks counts as there.
    LookerCounts,
    /// Why somebody waits is not explained anew when the rules change.
    ReasonsForgotten,
}

impl Bug {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::AnswerBeforeDurable,
        Self::PushBeforeDurable,
        Self::ForgetAnswers,
        Self::HandOverWithGap,
        Self::HandOverWithRepeat,
        Self::FenceIgnored,
        Self::SleepWithWork,
        Self::ResendOutOfOrder,
        Self::FailedCommitKept,
        Self::LagForgotten,
        Self::WayAskedTwice,
        Self::RefusalTakesCounter,
        Self::EndOverlooked,
        Self::ReceivedGoesBack,
        Self::ReceivedBeforeDurable,
        Self::TypingBeforeDurable,
        Self::ResumeOneLate,
        Self::NameForgotten,
        Self::NameForgottenAsleep,
        Self::FormerForgotten,
        Self::SessionForgotten,
        Self::OfflineTooSoon,
        Self::TwoPlaces,
        Self::LeaseWithoutEvidence,
        Self::FullDiskForgotten,
        Self::TakenWithoutReserve,
        Self::VerdictOvertakes,
        Self::SlotLost,
        Self::FormerTermAppends,
        Self::DeadlineTooEarly,
        Self::FloorForgotten,
        Self::AbsentForgotten,
        Self::UnsaidForgotten,
        Self::ToldOnce,
        Self::FirstWordEndsDecision,
        Self::TimerTwice,
        Self::SettingBeforeDurable,
        Self::OpeningOverlooked,
        Self::AwayOverlooked,
        Self::AbsentGiven,
        Self::LookerCounts,
        Self::ReasonsForgotten,
    ];
}

#[cfg(feature = "planted-bugs")]
mod switch {
    use super::Bug;
    use std::cell::Cell;

    thread_local! {
        static ACTIVE: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Switches one mistake on for this thread, or all off.
    pub fn plant(bug: Option<Bug>) {
        ACTIVE.set(bug);
    }

    pub(crate) fn is_planted(bug: Bug) -> bool {
        ACTIVE.get() == Some(bug)
    }
}

#[cfg(feature = "planted-bugs")]
pub(crate) use switch::is_planted;
#[cfg(feature = "planted-bugs")]
pub use switch::plant;

/// Whether a mistake is switched on: never, in this build.
#[cfg(not(feature = "planted-bugs"))]
pub(crate) const fn is_planted(_: Bug) -> bool {
    false
}

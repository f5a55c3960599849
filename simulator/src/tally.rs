//! Counts of what happened: every fault and every transition that the simulation is there to meet.
//!
//! Owns the list. Must not know where things happen.

macro_rules! counts {
    ($($name:ident $text:literal;)*) => {
        /// Something that happens in a simulation and is counted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Count { $(#[doc = $text] $name,)* }

        impl Count {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// What it is, for people.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

counts! {
    CommandSent "commands sent";
    Connected "connections";
    Commit "commits";
    CommitFailed "failed writes or syncs";
    JournalSlow "times that the journal became slow";
    CommitSlow "commits that took long, and their tickets with them";
    CalledWhileSlow "calls taken while a commit took long";
    DecidedWhileSlow "decisions made while a commit took long";
    TimerWhileSlow "timers that came while a commit took long";
    CrashWhileSlow "crashes while a commit took long";
    DiskRecovered "the disk can be written again";
    DiskFull "times that nothing was taken because the disk was full";
    DiskHasRoom "times that everything was taken again";
    WriteFoundNoRoom "writes that found no room";
    HeldForRoom "commands refused because the disk is full";
    FoldHeld "snapshots that waited for room";
    OpenedInTrouble "streams opened while nothing could be written";
    ReadWhileFull "pages and histories read while the disk was full";
    CrashWhileFull "crashes while the disk was full";
    AppendRefused "appends refused: fenced, stale term, out of order";
    IncarnationEnded "incarnations ended by the writer";
    OpenRefused "openings refused";
    NoRoom "commands refused for want of room";
    Rejected "commands rejected by a rule";
    RefusedAfterEnd "commands refused because their conversation has ended";
    AskedForForeign "questions about somebody else's conversation";
    Ended "conversations ended for good";
    OpenedAnother "openings that found their conversation ended";
    SecondConversation "customers' next conversations begun";
    WaitedForName "openings that waited for a name under way";
    LookUpFailed "openings for which the journal could not be read";
    RecallFailed "openings for which what was known of the customer could not be read";
    Remembered "next conversations that began with what was known of their customer";
    Described "details of customers written down";
    Listed "lists read";
    Released "conversations tried again that were set aside";
    ResendRecognised "resent commands recognised";
    Overtaken "resent commands that later ones had overtaken";
    CommandLost "errands lost with their conversation";
    GivenUp "errands given up";
    LateRequest "requests that arrived after their connection was lost";
    WindowFull "requests held back by the window";
    Crash "crashes of the process";
    CrashKept "crashes with an unacknowledged commit kept whole";
    CrashTorn "crashes with an unacknowledged commit torn";
    Cut "connections cut";
    AddressChanged "changes of a client's address";
    LaneHeld "lanes held up by a change of address";
    DatagramLost "datagrams lost";
    DatagramOvertook "datagrams that overtook others";
    Typed "typings sent";
    TypingShown "typings shown";
    TypingOvertaken "typings overtaken by what was written";
    HungUp "connections closed by the engine";
    InstanceBegun "client programs begun anew";
    ConversationFailed "conversations that failed";
    FailedHalfWay "conversations that failed half-way through a ticket";
    SessionFailed "sessions that failed";
    CameOnline "agents come online";
    WentOffline "agents gone offline";
    SessionReplaced "sessions replaced by the same client's next";
    ServedElsewhere "clients refused because their member serves from another place";
    TakenOver "places taken over";
    OnlyLooks "sessions of members who only look";
    LooksWhileServing "sessions that only look of members who serve from another place";
    SatDown "clients that only looked and want to serve";
    StoodBack "clients that served and want to look only";
    AnsweredAsBefore "commands of those who only look that were done when they were there";
    RefusedToLook "commands of those who only look that nobody would be there for";
    LookedOn "lists and histories that those who only look asked for, and conversations that they follow";
    AdministeredByLooker "commands of those who only look that were done";
    UncountedByLooker "typings and receipts of those who only look, which count for nobody";
    NewcomerGone "clients that did not wait for the end of the session before";
    LeaseRenewed "leases renewed";
    NothingHeard "looks at a connection of which nothing was heard";
    Lapsed "leases that ran out";
    LapsedSessionClosed "sessions closed because their lease ran out";
    SessionStuck "sessions that got stuck";
    StuckSessionEnded "sessions ended by force";
    EndUntold "ends of sessions that were not told";
    AgentFailed "agents that failed";
    WentOnWithNext "workspaces begun for sessions of the one before";
    WorkspaceFailed "workspaces that failed";
    OrphanWorked "turns of a conversation whose workspace had ended";
    Quarantined "conversations set aside";
    Wake "conversations woken";
    Sleep "conversations fallen asleep";
    SleepRefused "conversations that had work when told to sleep";
    WaitedForEnd "sessions that waited for a conversation's end";
    BecameLive "subscriptions that became live";
    Lagged "subscriptions that lagged";
    Resumed "subscriptions resumed behind what was seen";
    CursorsMoved "cursors that moved on a subscription";
    CatchUpRead "pages read by subscriptions";
    SlowReader "subscriptions held up by a slow reader";
    SubscriptionEnded "subscriptions ended with their conversation";
    Unsubscribed "subscriptions ended by the client";
    HistoryRead "histories read";
    SnapshotKept "snapshots kept";
    Called "calls";
    CalledOutside "calls taken outside operating hours";
    CalledAgain "calls of a bot that was parked at its call";
    CallRefused "calls refused outside operating hours";
    Cancelled "calls taken back, or left";
    CancelledEarly "calls taken back at once";
    ToFormer "requests given to the former agent";
    ToSpecialist "requests given to a specialist";
    ToGeneral "requests given to a general agent";
    WaitsForHand "requests that wait to be taken by hand";
    WaitsForOpening "requests that wait for the doors to open";
    WaitsForFormer "requests that wait for the former agent";
    WaitsForAnybody "requests that wait because nobody is free";
    GivenAtOpening "requests given out because the doors opened";
    AssignedAutomatically "consultations assigned automatically";
    Taken "consultations taken";
    SteppedIn "conversations stepped into";
    Transferred "consultations transferred";
    TransferRefused "transfers refused because nobody would be there, or they are away";
    Requeued "consultations that wait again";
    Completed "consultations completed";
    SilentClosed "consultations ended because the customer was silent";
    UnservedClosed "calls that waited for too long";
    WaitedAgainClosed "consultations that waited again for too long";
    BotReplied "answers of the bot";
    ReplyTooLate "answers of the bot that came too late";
    DecisionRefused "decisions that were not taken";
    DecisionToldAgain "decisions told again after a failure";
    AnnouncedLate "announcements of conversations that had failed";
    RefusalTooLate "refusals of conversations that had failed";
    OwnRejected "things decided elsewhere that rested on what was not so any more";
    OwnNoRoom "things decided elsewhere for which there was no room";
    OwnNotOpen "things decided elsewhere for what could not be opened";
    BegunWithCalls "workspaces begun with open consultations";
    DeskLooked "alarms of a workspace";
    DeskQuiet "times that nothing was on its way and the queue was looked at";
    ChangeSent "changes of settings sent";
    ChangeRejected "changes of settings rejected by a rule";
    ChangeRecognised "resent changes of settings recognised";
    ChangeDecidedAgain "changes of settings decided again, which were lost before they were durable";
    MaximumChanged "maximums set";
    MaximumBelowLoad "maximums set below what somebody has";
    RulesChanged "rules of a profile set";
    ServiceChanged "times of grace and of ending set";
    OpenedByHand "openings by hand";
    ClosedByHand "closings by hand";
    GivenBackToSchedule "openings and closings by hand taken back";
    HandIsOver "openings and closings by hand that were over";
    DoorsOpened "doors opened by a schedule";
    DoorsClosed "doors closed by a schedule";
    SaidAway "agents who said that they are away";
    SaidBack "agents who said that they are back";
    MemberRemoved "members removed";
    RemovedWhileServing "members removed while they served";
    MemberAdded "members added";
    TimePassed "times that nothing happened for a while";
    Stall "parts stalled for a while";
    ClockJumpedBack "readings of a clock that jumped back";
}

/// How often each thing happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally(Vec<u64>);

impl Default for Tally {
    fn default() -> Self {
        Self(vec![0; Count::ALL.len()])
    }
}

impl Tally {
    pub(crate) fn add(&mut self, count: Count) {
        self.0[count as usize] += 1;
    }

    /// Adds another tally.
    pub fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(sum, more)| *sum += more);
    }

    /// Every count.
    pub fn iter(&self) -> impl Iterator<Item = (Count, u64)> {
        Count::ALL.iter().copied().zip(self.0.iter().copied())
    }

    /// What never happened.
    #[must_use]
    pub fn missing(&self) -> Vec<Count> {
        self.iter().filter(|(_, times)| *times == 0).map(|(count, _)| count).collect()
    }
}

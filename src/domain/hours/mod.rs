//! Operating hours: when a team serves, and what a customer is told who asks for somebody outside of them.
//!
//! Owns time zones, the week, holidays, the manual override, and what the settings of the team and of a
//! profile come to together. Must not know conversations, timers or how settings are stored; the time comes
//! in as an argument, and the data of time zones is compiled in.

mod counted;
mod error;
mod holidays;
mod interval;
mod manual;
mod notice;
mod open;
mod schedule;
mod settings;
#[cfg(test)]
mod tests;
mod week;
mod zone;

pub use counted::CountedHours;
pub use error::{HoursError, HoursRule};
pub use holidays::{HOLIDAYS_MAX, HolidayDraft};
pub use interval::{INTERVALS_MAX, IntervalDraft};
pub use manual::{ManualOverride, Override};
pub use notice::{NOTICE_CHARS_MAX, Notice, NoticeText};
pub use open::CHANGES_MAX;
pub use schedule::{Schedule, ScheduleDraft};
pub use settings::{
    Acceptance, Choice, Effective, Mode, OutsideHours, ProfileHours, TeamHours, Verdict, effective, verdict,
};
pub use week::WeekDraft;
pub use zone::Zone;

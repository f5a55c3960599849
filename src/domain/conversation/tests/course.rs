//! How far the service of a conversation has come, event by event.
//!
//! Owns who has come to what, as the product says it; written without a look at how the rules are carried out. Must
//! not know whether an event may happen.

use super::*;

/// How far the service has come.
#[derive(Debug, Default)]
pub(super) struct Course {
    pub(super) inside: Vec<MemberId>,
    pub(super) assignee: Option<MemberId>,
    pub(super) begun: bool,
    /// It was begun once, whether or not it waits again.
    pub(super) was_served: bool,
    pub(super) former: Option<MemberId>,
}

impl Course {
    pub(super) fn goes_on(&mut self, what: &What) {
        match what {
            What::Started { former, .. } => self.former = *former,
            What::Entered { member } => {
                self.inside.push(*member);
                self.begun |= self.assignee.is_some();
            }
            What::Left { member } => self.inside.retain(|agent| agent != member),
            What::Assigned { member, how } => {
                self.assignee = Some(*member);
                self.begun |= match how {
                    How::Automatic | How::Transferred { .. } => false,
                    How::Taken => self.inside.contains(member),
                    How::SteppedIn { .. } => true,
                };
            }
            What::Requeued { from, .. } => {
                self.inside.retain(|agent| agent != from);
                self.served_no_more();
            }
            What::Completed | What::Unserved { .. } | What::Ended => {
                self.inside.clear();
                self.served_no_more();
                self.was_served = false;
            }
            _ => {}
        }
        self.was_served |= self.begun;
    }

    fn served_no_more(&mut self) {
        if self.begun {
            self.former = self.assignee;
        }
        (self.assignee, self.begun) = (None, false);
    }
}

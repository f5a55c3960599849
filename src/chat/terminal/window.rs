//! Whether the window at the keyboard has come into its conversation: closing a window leaves what was entered by it.
//!
//! Owns what the events say of that. Must not know who else is inside, or whoever answers for it: that stays so.

use switchboard_client::vocabulary::MemberId;
use switchboard_client::wire::{Event, EventKind, How, Sender};

use super::{Chat, Printer};

/// Whether it has come in. What was entered elsewhere is left there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Window {
    /// It looks on, or is a customer's.
    Outside,
    /// An agent has come in.
    Inside,
}

impl Window {
    /// What it is once this has happened, to an agent who is this one.
    pub(super) fn after(self, event: &Event, me: Option<MemberId>) -> Self {
        let by_me = me.is_some() && event.by == Sender::Agent { member: me };
        match &event.what {
            EventKind::Entered if by_me => Self::Inside,
            EventKind::Left if by_me => Self::Outside,
            EventKind::Requeued { member, .. } if Some(*member) == me => Self::Outside,
            EventKind::Completed | EventKind::Unserved { .. } | EventKind::Ended => Self::Outside,
            EventKind::Entered
            | EventKind::Left
            | EventKind::Requeued { .. }
            | EventKind::Started
            | EventKind::Message { .. }
            | EventKind::Called { .. }
            | EventKind::CallRefused { .. }
            | EventKind::Assigned { .. }
            | EventKind::Described { .. }
            | EventKind::Unknown => self,
        }
    }

    /// What somebody is to be told who is given what they are not in.
    pub(super) fn hint(self, event: &Event, me: Option<MemberId>) -> Option<&'static str> {
        let EventKind::Assigned { member, how: How::Automatic | How::Transferred, .. } = event.what else {
            return None;
        };
        (self == Self::Outside && Some(member) == me).then_some("— it is yours now; /join comes in")
    }
}

impl<P: Printer> Chat<P> {
    /// The window is closed. Nobody waits for it: whoever finds out that it was not done finds a window that is gone.
    pub(super) async fn leave_behind(&mut self) {
        if std::mem::replace(&mut self.window, Window::Outside) == Window::Inside {
            let (client, conversation) = (self.room.client.clone(), self.room.conversation);
            self.ask(async move { client.leave(conversation).await }).await;
        }
    }
}

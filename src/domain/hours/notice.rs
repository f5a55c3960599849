//! Notices: what a customer is told who asks for somebody outside of the hours.
//!
//! Owns their bound. Must not know flows beyond their ids, nor who is told.

use switchboard_protocol::vocabulary::{FlowId, MessageText, beginning};

use super::{HoursError, HoursRule};

/// What a profile does to tell its customers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// It says this.
    Message(NoticeText),
    /// It goes to this flow.
    Flow(FlowId),
}

/// A message outside of the hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeText(MessageText);

impl NoticeText {
    /// Checks a notice.
    ///
    /// # Errors
    /// When it is empty or too long.
    pub fn new(text: impl Into<String>) -> Result<Self, HoursError> {
        let text = text.into();
        let chars = text.chars().count();
        let looks = format!("{:?} ({chars} characters)", beginning(&text));
        let message = MessageText::new(text).ok().filter(|_| chars <= NOTICE_CHARS_MAX);
        message.map(Self).ok_or_else(|| HoursError::new("notice", &looks, HoursRule::NoticeChars))
    }

    /// As a message says it.
    #[must_use]
    pub const fn as_message(&self) -> &MessageText {
        &self.0
    }
}

impl Default for NoticeText {
    /// Nobody is refused without a word, whoever has set none.
    #[expect(clippy::expect_used, reason = "a test makes it")]
    fn default() -> Self {
        // It is a constant.
        Self::new(NOTICE_DEFAULT).expect("it is short")
    }
}

/// The most characters of a notice.
pub const NOTICE_CHARS_MAX: usize = 1_000;

/// In both languages of the product.
const NOTICE_DEFAULT: &str = "지금은 상담 운영시간이 아닙니다.\nWe are outside our operating hours.";

const _: () = assert!(NOTICE_CHARS_MAX <= MessageText::CHARS_MAX, "a notice is a message");

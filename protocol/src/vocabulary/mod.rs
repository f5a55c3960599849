//! The words of the product: ids, bounded texts, sequences, times and message content.
//!
//! Owns their checked constructors and their one MessagePack encoding. Must not know the wire's
//! frames, nor any rule about what may follow what.

mod calendar;
mod category;
mod content;
mod id;
mod keyboard;
mod list;
mod number;
mod part;
mod person;
mod text;

pub use calendar::{CalendarDay, CalendarError, ClockSpan};
pub use category::{CATEGORY_LEVELS_MAX, CategoryPath, TooDeep};
pub use content::{Content, Party};
pub use id::{
    ConsultationId, ConversationId, FlowId, IdError, InstanceId, MemberId, ProfileId, SessionId, WorkspaceId,
};
pub use keyboard::{
    KEYBOARD_BUTTONS_MAX, Keyboard, KeyboardButton, KeyboardButtons, NumberRange, PARAMS_MAX, Params,
};
pub use list::{Few, Listed};
pub use number::{Decimal, Latitude, Longitude, Seq, Timestamp};
pub use part::{
    BUTTONS_MAX, Button, Buttons, CARDS_MAX, Card, Cards, ContentError, Link, Location, Media, MediaKind,
};
pub use text::{
    CardDescription, CardTitle, CategoryName, CustomerName, DisplayName, EmailAddress, Label, MessageText,
    ParamName, ParamValue, Payload, Phone, PlaceName, Platform, ProfileTitle, SearchText, TextError,
    TextRule, Token, UserKey, beginning,
};

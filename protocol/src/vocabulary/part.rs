//! What messages are made of besides texts: links, media, buttons, cards and places.
//!
//! Owns their bounds and how many bytes each takes. Must not know who may send which.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    CardDescription, CardTitle, Few, FlowId, Label, Latitude, Listed, Longitude, Payload, PlaceName,
    beginning,
};

/// Why a part of a message was refused. Prints the field, the value and the rule.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ContentError {
    /// Too few or too many.
    #[error("{field}: {count} given; allowed are {min} to {max}")]
    Count {
        /// The field, as the wire names it.
        field: &'static str,
        /// How many were given.
        count: usize,
        /// The fewest that are allowed.
        min: usize,
        /// The most that are allowed.
        max: usize,
    },
    /// No link.
    #[error("uri: {value:?} is no link; it must begin with {LINKS} and have no blanks")]
    NotLink {
        /// The beginning of what was given: at most 32 characters.
        value: String,
    },
    /// A link that is too long.
    #[error("uri: {value:?} has {chars} characters; at most {max}", max = Link::CHARS_MAX)]
    LinkTooLong {
        /// The beginning of what was given: at most 32 characters.
        value: String,
        /// Its length in characters.
        chars: usize,
    },
    /// A medium that cannot be fetched.
    #[error("uri: {value:?} is no address of a medium; it must begin with http:// or https://")]
    NotFetchable {
        /// The beginning of what was given: at most 32 characters.
        value: String,
    },
    /// A number that is none, or out of range.
    #[error("{field}: {value} is out of range; allowed is {min} to {max}")]
    Range {
        /// The field, as the wire names it.
        field: &'static str,
        /// What was given.
        value: f64,
        /// The least that is allowed.
        min: f64,
        /// The most that is allowed.
        max: f64,
    },
}

/// An address that a client may open: of a page, a telephone or a mailbox.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Link(Box<str>);

impl Link {
    /// The most characters it may have.
    pub const CHARS_MAX: usize = 2_000;

    /// Checks a link.
    ///
    /// # Errors
    /// Names the value and the rule that it breaks.
    pub fn new(uri: impl Into<String>) -> Result<Self, ContentError> {
        let uri = uri.into();
        let value = || beginning(&uri);
        let chars = uri.chars().count();
        if chars > Self::CHARS_MAX {
            return Err(ContentError::LinkTooLong { value: value(), chars });
        }
        let is_blank = |c: char| c.is_whitespace() || c.is_control();
        let begins = FETCHABLE.iter().chain(&CALLABLE).any(|begin| begins_with(&uri, begin));
        if !begins || uri.contains(is_blank) {
            return Err(ContentError::NotLink { value: value() });
        }
        Ok(Self(uri.into()))
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn is_fetchable(&self) -> bool {
        FETCHABLE.iter().any(|begin| begins_with(&self.0, begin))
    }
}

impl TryFrom<String> for Link {
    type Error = ContentError;

    fn try_from(uri: String) -> Result<Self, ContentError> {
        Self::new(uri)
    }
}

impl From<Link> for String {
    fn from(link: Link) -> Self {
        link.0.into()
    }
}

/// A link may lead to what is nobody else's business: only its length is printed.
impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({} characters)", self.0.chars().count())
    }
}

/// Something to look at or to listen to, or a page to open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "AnyMedia")]
pub struct Media {
    #[serde(rename = "type")]
    kind: MediaKind,
    uri: Link,
}

impl Media {
    /// A medium at an address. Whatever is fetched to be shown must be at a web address.
    ///
    /// # Errors
    /// Names the value and the rule that it breaks.
    pub fn new(kind: MediaKind, uri: Link) -> Result<Self, ContentError> {
        match kind {
            MediaKind::Image | MediaKind::Video | MediaKind::Audio if !uri.is_fetchable() => {
                Err(ContentError::NotFetchable { value: beginning(uri.as_str()) })
            }
            MediaKind::Image | MediaKind::Video | MediaKind::Audio | MediaKind::Link | MediaKind::Unknown => {
                Ok(Self { kind, uri })
            }
        }
    }

    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> MediaKind {
        self.kind
    }

    /// Where it is.
    #[must_use]
    pub const fn uri(&self) -> &Link {
        &self.uri
    }

    /// At most so many bytes it takes as it travels.
    #[must_use]
    pub fn bytes(&self) -> usize {
        MEDIA_BYTES + self.uri.as_str().len()
    }
}

/// A medium before it is checked.
#[derive(Deserialize)]
struct AnyMedia {
    #[serde(rename = "type")]
    kind: MediaKind,
    uri: Link,
}

impl TryFrom<AnyMedia> for Media {
    type Error = ContentError;

    fn try_from(any: AnyMedia) -> Result<Self, ContentError> {
        Self::new(any.kind, any.uri)
    }
}

/// What a medium is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A film.
    Video,
    /// A sound.
    Audio,
    /// Anything else: a page, a document.
    Link,
    /// A kind that this version does not know; the engine never stores it.
    #[serde(other)]
    Unknown,
}

/// Something to press on a text or a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Button {
    /// Opens an address.
    Link {
        /// What is written on it.
        label: Label,
        /// The address.
        uri: Link,
    },
    /// Tells the bot something.
    Postback {
        /// What is written on it.
        label: Label,
        /// What the bot is told.
        payload: Payload,
    },
    /// Goes to a flow of the bot.
    Goto {
        /// What is written on it.
        label: Label,
        /// Which flow.
        flow: FlowId,
    },
    /// A kind that this version does not know; the engine never stores it.
    #[serde(other)]
    Unknown,
}

impl Button {
    /// What is written on it; `None` on one of a kind that is not known.
    #[must_use]
    pub const fn label(&self) -> Option<&Label> {
        match self {
            Self::Link { label, .. } | Self::Postback { label, .. } | Self::Goto { label, .. } => Some(label),
            Self::Unknown => None,
        }
    }

    fn bytes(&self) -> usize {
        let carried = match self {
            Self::Link { uri, .. } => uri.as_str().len(),
            Self::Postback { payload, .. } => payload.as_str().len(),
            Self::Goto { .. } | Self::Unknown => 0,
        };
        BUTTON_BYTES + self.label().map_or(0, |label| label.as_str().len()) + carried
    }
}

impl Listed for Button {
    const FIELD: &'static str = "buttons";
}

/// The buttons of a text or a card.
pub type Buttons = Few<Button, 0, BUTTONS_MAX>;

impl Buttons {
    /// At most so many bytes they take as they travel.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.as_slice().iter().map(Button::bytes).sum()
    }

    /// Whether this version knows what each is.
    #[must_use]
    pub fn are_known(&self) -> bool {
        self.as_slice().iter().all(|button| button.label().is_some())
    }
}

/// One of the cards of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Its title.
    pub title: CardTitle,
    /// What it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<CardDescription>,
    /// What it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<Media>,
    /// What it opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// What can be pressed on it.
    #[serde(default, skip_serializing_if = "Buttons::is_empty")]
    pub buttons: Buttons,
}

impl Card {
    fn bytes(&self) -> usize {
        let Self { title, description, media, link, buttons } = self;
        let texts = title.as_str().len() + description.as_ref().map_or(0, |text| text.as_str().len());
        let addresses =
            media.as_ref().map_or(0, Media::bytes) + link.as_ref().map_or(0, |link| link.as_str().len());
        CARD_BYTES + texts + addresses + buttons.bytes()
    }

    fn is_known(&self) -> bool {
        self.buttons.are_known() && self.media.as_ref().is_none_or(|media| media.kind != MediaKind::Unknown)
    }
}

impl Listed for Card {
    const FIELD: &'static str = "cards";
}

/// The cards of a message.
pub type Cards = Few<Card, 1, CARDS_MAX>;

impl Cards {
    /// At most so many bytes they take as they travel.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.as_slice().iter().map(Card::bytes).sum()
    }

    /// Whether this version knows all that is on them.
    #[must_use]
    pub fn are_known(&self) -> bool {
        self.as_slice().iter().all(Card::is_known)
    }
}

/// A place on earth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<PlaceName>,
    /// Degrees north of the equator.
    pub latitude: Latitude,
    /// Degrees east of Greenwich.
    pub longitude: Longitude,
}

impl Location {
    /// At most so many bytes it takes as it travels.
    #[must_use]
    pub fn bytes(&self) -> usize {
        LOCATION_BYTES + self.title.as_ref().map_or(0, |title| title.as_str().len())
    }
}

fn begins_with(uri: &str, begin: &str) -> bool {
    // Something must follow. The name of a scheme may be written in capitals.
    uri.len() > begin.len() && uri.get(..begin.len()).is_some_and(|head| head.eq_ignore_ascii_case(begin))
}

/// What a link may begin with.
const FETCHABLE: [&str; 2] = ["http://", "https://"];
const CALLABLE: [&str; 2] = ["tel:", "mailto:"];
const LINKS: &str = "http://, https://, tel: or mailto:";

/// The most buttons of a text or a card.
pub const BUTTONS_MAX: usize = 9;

/// The most cards of a message.
pub const CARDS_MAX: usize = 9;

/// What each takes besides its texts, at the most: ids, numbers, lengths and the names of the fields.
const MEDIA_BYTES: usize = 48;
const BUTTON_BYTES: usize = 48;
const CARD_BYTES: usize = 96;
const LOCATION_BYTES: usize = 96;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_of_the_web_of_telephones_and_of_mailboxes() {
        let good = [
            "https://example.com/가?x=1#y",
            "HTTP://a",
            "tel:+82-2-123-4567",
            "mailto:a@example.com?subject=Hi",
        ];
        for uri in good {
            assert_eq!(Link::new(uri).unwrap().as_str(), uri);
        }
        for uri in
            ["", "https://", "tel:", "example.com", "javascript:alert(1)", "https://a b", "https://a\n"]
        {
            let error = Link::new(uri).unwrap_err();
            assert!(error.to_string().starts_with(&format!("uri: {uri:?} is no link")), "{error}");
        }
        let longest = format!("https://{}", "가".repeat(Link::CHARS_MAX - 8));
        assert!(Link::new(longest.as_str()).is_ok());
        let error = Link::new(longest + "!").unwrap_err().to_string();
        assert!(error.ends_with("has 2001 characters; at most 2000"), "{error}");
    }

    #[test]
    fn what_is_fetched_is_at_a_web_address() {
        let call = || Link::new("tel:112").unwrap();
        for kind in [MediaKind::Image, MediaKind::Video, MediaKind::Audio] {
            let error = Media::new(kind, call()).unwrap_err();
            assert_eq!(error, ContentError::NotFetchable { value: "tel:112".to_owned() });
        }
        assert!(Media::new(MediaKind::Link, call()).is_ok());
        let bytes = rmp_serde::to_vec_named(&Media { kind: MediaKind::Image, uri: call() }).unwrap();
        let error = rmp_serde::from_slice::<Media>(&bytes).unwrap_err();
        assert!(error.to_string().contains("must begin with http:// or https://"), "{error}");
    }

    #[test]
    fn where_somebody_is_and_what_they_open_does_not_print_itself() {
        let link = Link::new("https://example.com/secret").unwrap();
        let place = (Latitude::new(37.5).unwrap(), Longitude::new(127.0).unwrap());
        let printed = format!("{link:?} {place:?}");
        assert!(!printed.contains("secret") && !printed.contains("37"), "{printed}");
    }
}

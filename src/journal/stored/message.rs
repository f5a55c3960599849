//! The stored form of what a message says and suggests.
//!
//! Owns content of every kind, keyboards and masks, and from which version of their event on each can be read: a
//! plain text is stored as it always was. Must not know who said it, when, or in which event.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use switchboard_protocol::vocabulary::{
    Button, Buttons, Card, CardDescription, CardTitle, Content, ContentError, Decimal, Few, FlowId, Keyboard,
    KeyboardButton, Label, Latitude, Link, Listed, Location, Longitude, Media, MediaKind, MessageText,
    NumberRange, ParamName, ParamValue, Params, Payload, PlaceName, TextError,
};

use super::StoredError;
use super::parts::Id;
use crate::domain::mask::{Mask, MaskAfter};
use crate::domain::message::Message;

/// The first version of an event in which a message can be stored.
pub(super) fn version_of(message: &Message) -> u64 {
    match message {
        Message { content: Content::Text { buttons, .. }, keyboard: None, masks }
            if buttons.is_empty() && masks.is_empty() =>
        {
            PLAIN
        }
        Message { .. } => ALL_KINDS,
    }
}

/// The first version has plain texts.
pub(super) const PLAIN: u64 = 1;

/// The second has every kind of content, keyboards and masks.
pub(super) const ALL_KINDS: u64 = 2;

/// A mask: the first of the characters, the first behind them, and after how many milliseconds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct StoredMask(u32, u32, u64);

impl StoredMask {
    pub(super) const fn new(mask: &Mask) -> Self {
        Self(mask.from, mask.to, mask.after.as_millis())
    }

    pub(super) fn mask(&self) -> Result<Mask, StoredError> {
        let Self(from, to, after) = *self;
        let after = MaskAfter::from_millis(after).ok_or_else(|| lacks("a mask that is due too late"))?;
        Ok(Mask { from, to, after })
    }
}

/// The content of a message. What a kind does not need is absent.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct StoredContent<'a> {
    #[serde(rename = "k", borrow)]
    kind: Cow<'a, str>,
    #[serde(rename = "t", borrow, default, skip_serializing_if = "Option::is_none")]
    text: Option<Cow<'a, str>>,
    #[serde(rename = "b", borrow, default, skip_serializing_if = "Vec::is_empty")]
    buttons: Vec<StoredButton<'a>>,
    #[serde(rename = "m", borrow, default, skip_serializing_if = "Option::is_none")]
    media: Option<StoredMedia<'a>>,
    #[serde(rename = "c", borrow, default, skip_serializing_if = "Vec::is_empty")]
    cards: Vec<StoredCard<'a>>,
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    place: Option<StoredDegrees>,
}

/// A place on earth: latitude, longitude.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct StoredDegrees(f64, f64);

/// A medium: what it is, and where.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredMedia<'a>(#[serde(borrow)] Cow<'a, str>, #[serde(borrow)] Cow<'a, str>);

/// A button: its label, and where it leads.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredButton<'a> {
    #[serde(rename = "n", borrow)]
    label: Cow<'a, str>,
    #[serde(rename = "u", borrow, default, skip_serializing_if = "Option::is_none")]
    uri: Option<Cow<'a, str>>,
    #[serde(rename = "p", borrow, default, skip_serializing_if = "Option::is_none")]
    payload: Option<Cow<'a, str>>,
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    flow: Option<Id>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredCard<'a> {
    #[serde(rename = "t", borrow)]
    title: Cow<'a, str>,
    #[serde(rename = "d", borrow, default, skip_serializing_if = "Option::is_none")]
    description: Option<Cow<'a, str>>,
    #[serde(rename = "m", borrow, default, skip_serializing_if = "Option::is_none")]
    media: Option<StoredMedia<'a>>,
    #[serde(rename = "u", borrow, default, skip_serializing_if = "Option::is_none")]
    link: Option<Cow<'a, str>>,
    #[serde(rename = "b", borrow, default, skip_serializing_if = "Vec::is_empty")]
    buttons: Vec<StoredButton<'a>>,
}

/// A keyboard. What a kind does not need is absent.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct StoredKeyboard<'a> {
    #[serde(rename = "k", borrow)]
    kind: Cow<'a, str>,
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    min: Option<f64>,
    #[serde(rename = "z", default, skip_serializing_if = "Option::is_none")]
    max: Option<f64>,
    #[serde(rename = "i", default, skip_serializing_if = "std::ops::Not::not")]
    integer: bool,
    #[serde(rename = "b", borrow, default, skip_serializing_if = "Vec::is_empty")]
    buttons: Vec<StoredKeyboardButton<'a>>,
}

/// A keyboard's button: its label, and the params that it gives.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredKeyboardButton<'a>(
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Vec<(Cow<'a, str>, Cow<'a, str>)>,
);

impl<'a> StoredContent<'a> {
    pub(super) fn new(content: &'a Content) -> Result<Self, StoredError> {
        let of = |kind: &'static str| Self { kind: Cow::Borrowed(kind), ..Self::default() };
        Ok(match content {
            Content::Text { text, buttons } => {
                Self { text: borrowed(text.as_str()), buttons: stored_buttons(buttons)?, ..of(TEXT) }
            }
            Content::Media(media) => Self { media: Some(stored_media(media)?), ..of(MEDIA) },
            Content::Cards { cards } => {
                let cards = cards.as_slice().iter().map(stored_card).collect::<Result<_, _>>()?;
                Self { cards, ..of(CARDS) }
            }
            Content::Location(Location { title, latitude, longitude }) => Self {
                text: title.as_ref().and_then(|title| borrowed(title.as_str())),
                place: Some(StoredDegrees(latitude.get(), longitude.get())),
                ..of(LOCATION)
            },
            Content::Unknown => return Err(unstorable()),
        })
    }

    pub(super) fn content(&self) -> Result<Content, StoredError> {
        match self.kind.as_ref() {
            TEXT => {
                let text = self.text.as_deref().ok_or_else(|| lacks("a text without its text"))?;
                let text = MessageText::new(text).map_err(broken)?;
                Ok(Content::Text { text, buttons: buttons(&self.buttons)? })
            }
            MEDIA => {
                let stored = self.media.as_ref().ok_or_else(|| lacks("a medium without its address"))?;
                Ok(Content::Media(media(stored)?))
            }
            CARDS => Ok(Content::Cards { cards: few(&self.cards, card)? }),
            LOCATION => {
                let StoredDegrees(latitude, longitude) =
                    self.place.ok_or_else(|| lacks("a place that is nowhere"))?;
                Ok(Content::Location(Location {
                    title: self.text.as_deref().map(PlaceName::new).transpose().map_err(broken)?,
                    latitude: Latitude::new(latitude).map_err(out_of_bounds)?,
                    longitude: Longitude::new(longitude).map_err(out_of_bounds)?,
                }))
            }
            _ => Err(lacks("of an unknown kind")),
        }
    }
}

impl<'a> StoredKeyboard<'a> {
    pub(super) fn new(keyboard: &'a Keyboard) -> Result<Self, StoredError> {
        let of = |kind: &'static str| Self { kind: Cow::Borrowed(kind), ..Self::default() };
        Ok(match keyboard {
            Keyboard::Any => of(ANY),
            Keyboard::Text => of(TEXT),
            Keyboard::Number(range) => Self {
                min: range.min().map(Decimal::get),
                max: range.max().map(Decimal::get),
                integer: range.integer(),
                ..of(NUMBER)
            },
            Keyboard::Location => of(LOCATION),
            Keyboard::Buttons { buttons } => {
                let buttons = buttons.as_slice().iter().map(|KeyboardButton { label, params }| {
                    let pair = |(name, value): (&'a ParamName, &'a ParamValue)| {
                        (Cow::Borrowed(name.as_str()), Cow::Borrowed(value.as_str()))
                    };
                    StoredKeyboardButton(Cow::Borrowed(label.as_str()), params.iter().map(pair).collect())
                });
                Self { buttons: buttons.collect(), ..of(BUTTONS) }
            }
            Keyboard::Unknown => return Err(unstorable()),
        })
    }

    pub(super) fn keyboard(&self) -> Result<Keyboard, StoredError> {
        match self.kind.as_ref() {
            ANY => Ok(Keyboard::Any),
            TEXT => Ok(Keyboard::Text),
            NUMBER => {
                let number = |number: Option<f64>| number.map(Decimal::new).transpose();
                let (min, max) = (number(self.min), number(self.max));
                let (min, max) = (min.map_err(out_of_bounds)?, max.map_err(out_of_bounds)?);
                NumberRange::new(min, max, self.integer).map(Keyboard::Number).map_err(out_of_bounds)
            }
            LOCATION => Ok(Keyboard::Location),
            BUTTONS => Ok(Keyboard::Buttons { buttons: few(&self.buttons, keyboard_button)? }),
            _ => Err(lacks("a keyboard of an unknown kind")),
        }
    }
}

fn stored_media(media: &Media) -> Result<StoredMedia<'_>, StoredError> {
    let kind = match media.kind() {
        MediaKind::Image => IMAGE,
        MediaKind::Video => VIDEO,
        MediaKind::Audio => AUDIO,
        MediaKind::Link => LINK,
        MediaKind::Unknown => return Err(unstorable()),
    };
    Ok(StoredMedia(Cow::Borrowed(kind), Cow::Borrowed(media.uri().as_str())))
}

fn media(StoredMedia(kind, uri): &StoredMedia<'_>) -> Result<Media, StoredError> {
    let kind = match kind.as_ref() {
        IMAGE => MediaKind::Image,
        VIDEO => MediaKind::Video,
        AUDIO => MediaKind::Audio,
        LINK => MediaKind::Link,
        _ => return Err(lacks("a medium of an unknown kind")),
    };
    link(uri).and_then(|uri| Media::new(kind, uri).map_err(out_of_bounds))
}

fn stored_buttons(buttons: &Buttons) -> Result<Vec<StoredButton<'_>>, StoredError> {
    let stored = buttons.as_slice().iter().map(|button| {
        let label = Cow::Borrowed(button.label().ok_or_else(unstorable)?.as_str());
        let labelled = StoredButton { label, uri: None, payload: None, flow: None };
        Ok(match button {
            Button::Link { uri, .. } => StoredButton { uri: borrowed(uri.as_str()), ..labelled },
            Button::Postback { payload, .. } => {
                StoredButton { payload: borrowed(payload.as_str()), ..labelled }
            }
            Button::Goto { flow, .. } => StoredButton { flow: Some(Id::new(*flow.as_bytes())), ..labelled },
            Button::Unknown => return Err(unstorable()),
        })
    });
    stored.collect()
}

fn buttons(stored: &[StoredButton<'_>]) -> Result<Buttons, StoredError> {
    few(stored, |StoredButton { label, uri, payload, flow }| {
        let label = Label::new(label.as_ref()).map_err(broken)?;
        match (uri, payload, flow) {
            (Some(uri), None, None) => Ok(Button::Link { label, uri: link(uri)? }),
            (None, Some(payload), None) => {
                Ok(Button::Postback { label, payload: Payload::new(payload.as_ref()).map_err(broken)? })
            }
            (None, None, Some(flow)) => {
                Ok(Button::Goto { label, flow: FlowId::from_bytes(flow.into_array()) })
            }
            (_, _, _) => Err(lacks("a button that does not lead to one thing")),
        }
    })
}

fn stored_card(card: &Card) -> Result<StoredCard<'_>, StoredError> {
    Ok(StoredCard {
        title: Cow::Borrowed(card.title.as_str()),
        description: card.description.as_ref().and_then(|text| borrowed(text.as_str())),
        media: card.media.as_ref().map(stored_media).transpose()?,
        link: card.link.as_ref().and_then(|link| borrowed(link.as_str())),
        buttons: stored_buttons(&card.buttons)?,
    })
}

fn card(stored: &StoredCard<'_>) -> Result<Card, StoredError> {
    Ok(Card {
        title: CardTitle::new(stored.title.as_ref()).map_err(broken)?,
        description: stored.description.as_deref().map(CardDescription::new).transpose().map_err(broken)?,
        media: stored.media.as_ref().map(media).transpose()?,
        link: stored.link.as_deref().map(link).transpose()?,
        buttons: buttons(&stored.buttons)?,
    })
}

fn keyboard_button(
    StoredKeyboardButton(label, params): &StoredKeyboardButton<'_>,
) -> Result<KeyboardButton, StoredError> {
    let pairs = params.iter().map(|(name, value)| {
        let name = ParamName::new(name.as_ref()).map_err(broken)?;
        Ok((name, ParamValue::new(value.as_ref()).map_err(broken)?))
    });
    Ok(KeyboardButton {
        label: Label::new(label.as_ref()).map_err(broken)?,
        params: Params::new(pairs.collect::<Result<_, StoredError>>()?).map_err(out_of_bounds)?,
    })
}

fn few<S, T: Listed, const MIN: usize, const MAX: usize>(
    stored: &[S],
    one: impl FnMut(&S) -> Result<T, StoredError>,
) -> Result<Few<T, MIN, MAX>, StoredError> {
    Few::new(stored.iter().map(one).collect::<Result<_, _>>()?).map_err(out_of_bounds)
}

fn link(uri: &str) -> Result<Link, StoredError> {
    Link::new(uri).map_err(out_of_bounds)
}

const fn borrowed(text: &str) -> Option<Cow<'_, str>> {
    Some(Cow::Borrowed(text))
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
fn broken(error: TextError) -> StoredError {
    StoredError::malformed(CONTENT, &error)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
fn out_of_bounds(error: ContentError) -> StoredError {
    StoredError::malformed(CONTENT, &error)
}

fn lacks(what: &'static str) -> StoredError {
    StoredError::malformed(CONTENT, &what)
}

const fn unstorable() -> StoredError {
    StoredError::Unstorable { what: CONTENT, reason: "it is of an unknown kind" }
}

const TEXT: &str = "text";
const MEDIA: &str = "media";
const CARDS: &str = "cards";
const LOCATION: &str = "place";

const IMAGE: &str = "image";
const VIDEO: &str = "video";
const AUDIO: &str = "audio";
const LINK: &str = "link";

const ANY: &str = "any";
const NUMBER: &str = "number";
const BUTTONS: &str = "buttons";

const CONTENT: &str = "content";

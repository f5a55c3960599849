//! Masks: parts of a bot's message that are hidden in storage, at once or after a time.
//!
//! Owns which characters of a message are hidden, from when on, and what is shown in their place. A mask is
//! a stretch of characters of all texts of a message, one after another; what is hidden becomes as many
//! stars, so that other masks and every bound of a text stay true. Must not know clocks or storage.

use std::fmt;
use std::str::FromStr;

use switchboard_protocol::vocabulary::{
    Button, Buttons, Card, Content, Keyboard, KeyboardButton, Link, Location, Media, Params, Timestamp,
};

use super::message::Message;

/// Some characters of a message that are hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mask {
    /// The first, counted over all texts of the message.
    pub from: u32,
    /// The first behind them.
    pub to: u32,
    /// From when on.
    pub after: MaskAfter,
}

/// How long after a message was sent a mask hides something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MaskAfter(u64);

impl MaskAfter {
    /// At once: the original is never stored, and only the customer's clients that are there see it.
    pub const AT_ONCE: Self = Self(0);

    /// So many milliseconds after; at most [`MASK_AFTER_MS_MAX`].
    #[must_use]
    pub const fn from_millis(ms: u64) -> Option<Self> {
        if ms <= MASK_AFTER_MS_MAX { Some(Self(ms)) } else { None }
    }

    /// In milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// From when on it hides something of a message of this time.
    #[must_use]
    pub const fn due(self, at: Timestamp) -> Timestamp {
        Timestamp::from_millis(at.as_millis().saturating_add_unsigned(self.0))
    }

    /// Whether it hides something of a message of this time by now.
    #[must_use]
    pub const fn is_due(self, at: Timestamp, now: Timestamp) -> bool {
        now.as_millis() >= self.due(at).as_millis()
    }
}

/// Why a text names no time of a mask.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("mask: {value:?} is no time; it must be like 10m, 6h or 7d, and at most 366d")]
pub struct MaskAfterError {
    /// The beginning of what was given: at most 16 characters.
    pub value: String,
}

impl FromStr for MaskAfter {
    type Err = MaskAfterError;

    /// Reads minutes, hours or days: `10m`, `6h`, `7d`.
    fn from_str(text: &str) -> Result<Self, MaskAfterError> {
        let units = [("m", 60_000), ("h", 3_600_000), ("d", 24 * 3_600_000)];
        let read = units.iter().find_map(|(unit, ms)| {
            let count = text.strip_suffix(unit)?;
            let is_plain = count.bytes().all(|digit| digit.is_ascii_digit());
            is_plain
                .then(|| count.parse::<u64>().ok()?.checked_mul(*ms))
                .flatten()
                .and_then(Self::from_millis)
        });
        read.ok_or_else(|| MaskAfterError { value: text.chars().take(16).collect() })
    }
}

impl fmt::Display for MaskAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

/// Wherever the message has a text, it masks these words.
///
/// Returns the masks, in order; one that would hide nothing is none.
#[must_use]
pub fn masks_of(message: &Message, words: &str, after: MaskAfter) -> Vec<Mask> {
    let mut masks = Vec::new();
    if words.is_empty() {
        return masks;
    }
    let length = chars(words);
    let mut find = |text: &str, begin: u32| {
        for (at, _) in text.match_indices(words) {
            let from = begin + chars(&text[..at]);
            masks.push(Mask { from, to: from + length, after });
        }
        None
    };
    rewrite(message, &mut Walk { at: 0, each: &mut find });
    masks
}

/// The message with what these masks hide hidden, and without them; `None` if it has none of them.
#[must_use]
pub fn hidden(message: &Message, applies: impl Fn(&Mask) -> bool) -> Option<Message> {
    let (applied, left): (Vec<Mask>, Vec<Mask>) = message.masks.iter().partition(|mask| applies(mask));
    if applied.is_empty() {
        return None;
    }
    let mut hide = |text: &str, begin: u32| {
        let covers = |at: u32| applied.iter().any(|mask| (mask.from..mask.to).contains(&at));
        Some((begin..).zip(text.chars()).map(|(at, c)| if covers(at) { '*' } else { c }).collect())
    };
    let mut masked = rewrite(message, &mut Walk { at: 0, each: &mut hide });
    masked.masks = left;
    Some(masked)
}

/// A walk over the texts of a message: what is done with each, and how many characters came before.
struct Walk<'a> {
    at: u32,
    each: &'a mut dyn FnMut(&str, u32) -> Option<String>,
}

impl Walk<'_> {
    /// A text, or what it becomes.
    #[expect(clippy::expect_used, reason = "it has as many characters as before, and of new ones only stars")]
    fn text<T: TryFrom<String> + Clone>(&mut self, text: &T, words: &str) -> T {
        let begin = self.at;
        self.at += chars(words);
        match (self.each)(words, begin) {
            // Never empty, never longer: every bound of a text holds on.
            Some(other) => T::try_from(other).ok().expect("it keeps the bounds of the text that it was"),
            None => text.clone(),
        }
    }

    /// An address; where it begins is no secret, and without that it would be none.
    fn link(&mut self, link: &Link) -> Link {
        let uri = link.as_str();
        let begin = uri.find(':').map_or(0, |at| at + 1);
        let slashes = if uri[begin..].starts_with("//") { 2 } else { 0 };
        let (scheme, rest) = uri.split_at(begin + slashes);
        self.at += chars(scheme);
        let each = &mut *self.each;
        let mut whole = |rest: &str, at: u32| each(rest, at).map(|other| format!("{scheme}{other}"));
        let mut walk = Walk { at: self.at, each: &mut whole };
        let link = walk.text(link, rest);
        self.at = walk.at;
        link
    }
}

fn rewrite(message: &Message, walk: &mut Walk<'_>) -> Message {
    let content = match &message.content {
        Content::Text { text, buttons } => {
            Content::Text { text: walk.text(text, text.as_str()), buttons: rewrite_buttons(buttons, walk) }
        }
        Content::Media(media) => Content::Media(rewrite_media(media, walk)),
        Content::Cards { cards } => Content::Cards { cards: cards.map(|card| rewrite_card(card, walk)) },
        Content::Location(Location { title, latitude, longitude }) => Content::Location(Location {
            title: title.as_ref().map(|title| walk.text(title, title.as_str())),
            latitude: *latitude,
            longitude: *longitude,
        }),
        Content::Unknown => Content::Unknown,
    };
    let keyboard = message.keyboard.as_deref().map(|keyboard| match keyboard {
        Keyboard::Buttons { buttons } => {
            Keyboard::Buttons { buttons: buttons.map(|button| rewrite_key(button, walk)) }
        }
        Keyboard::Any | Keyboard::Text | Keyboard::Number(_) | Keyboard::Location | Keyboard::Unknown => {
            keyboard.clone()
        }
    });
    Message { content, keyboard: keyboard.map(Box::new), masks: message.masks.clone() }
}

fn rewrite_buttons(buttons: &Buttons, walk: &mut Walk<'_>) -> Buttons {
    buttons.map(|button| match button {
        Button::Link { label, uri } => {
            Button::Link { label: walk.text(label, label.as_str()), uri: walk.link(uri) }
        }
        Button::Postback { label, payload } => Button::Postback {
            label: walk.text(label, label.as_str()),
            payload: walk.text(payload, payload.as_str()),
        },
        Button::Goto { label, flow } => Button::Goto { label: walk.text(label, label.as_str()), flow: *flow },
        Button::Unknown => Button::Unknown,
    })
}

fn rewrite_card(card: &Card, walk: &mut Walk<'_>) -> Card {
    let Card { title, description, media, link, buttons } = card;
    Card {
        title: walk.text(title, title.as_str()),
        description: description.as_ref().map(|text| walk.text(text, text.as_str())),
        media: media.as_ref().map(|media| rewrite_media(media, walk)),
        link: link.as_ref().map(|link| walk.link(link)),
        buttons: rewrite_buttons(buttons, walk),
    }
}

#[expect(clippy::expect_used, reason = "an address keeps its beginning, and that alone is checked")]
fn rewrite_media(media: &Media, walk: &mut Walk<'_>) -> Media {
    // What it begins with is not hidden.
    Media::new(media.kind(), walk.link(media.uri())).expect("it is fetched as it was")
}

#[expect(clippy::expect_used, reason = "there are as many params as there were")]
fn rewrite_key(button: &KeyboardButton, walk: &mut Walk<'_>) -> KeyboardButton {
    let KeyboardButton { label, params } = button;
    let label = walk.text(label, label.as_str());
    let params = params.iter().map(|(name, value)| (name.clone(), walk.text(value, value.as_str())));
    // Names are not hidden, so that none falls together with another.
    KeyboardButton { label, params: Params::new(params.collect()).expect("as many as there were") }
}

/// A message has fewer characters than bytes, and of these less than a frame has.
fn chars(text: &str) -> u32 {
    text.chars().count() as u32
}

/// The most masks of a message.
pub const MASKS_MAX: usize = 64;

/// The longest time after which a mask hides something, in milliseconds: 366 days.
pub const MASK_AFTER_MS_MAX: u64 = 366 * 24 * 3_600_000;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use switchboard_protocol::vocabulary::{
        CardDescription, CardTitle, Few, Label, MediaKind, MessageText, ParamName, ParamValue, Payload,
    };

    fn text(words: &str) -> Message {
        Message::plain(Content::text(MessageText::new(words).unwrap()))
    }

    fn words(message: &Message) -> &str {
        message.content.as_text().unwrap().as_str()
    }

    fn after(text: &str) -> MaskAfter {
        text.parse().unwrap()
    }

    #[test]
    fn times_are_minutes_hours_and_days() {
        let times = [("10m", 600_000), ("6h", 21_600_000), ("7d", 604_800_000), ("0m", 0)];
        for (text, ms) in times {
            assert_eq!(after(text).as_millis(), ms);
        }
        for text in ["", "m", "10", "10s", "-1m", "+1m", "1 m", "367d", "99999999999999999999d"] {
            let error = text.parse::<MaskAfter>().unwrap_err().to_string();
            assert!(error.starts_with("mask: ") && error.ends_with("at most 366d"), "{error}");
        }
    }

    #[test]
    fn a_mask_is_due_when_its_time_has_passed_and_not_before() {
        let at = Timestamp::from_millis(1_000);
        for (now, is_due) in [(0, false), (600_999, false), (601_000, true), (i64::MAX, true)] {
            assert_eq!(after("10m").is_due(at, Timestamp::from_millis(now)), is_due, "{now}");
        }
        assert!(MaskAfter::AT_ONCE.is_due(at, at));
    }

    #[test]
    fn words_are_hidden_wherever_they_stand_by_as_many_stars() {
        let mut message = text("비밀 1234, again 1234");
        message.mask("1234", MaskAfter::AT_ONCE).unwrap();
        let shown = hidden(&message, |_| true).unwrap();
        assert_eq!((words(&shown), shown.masks.len()), ("비밀 ****, again ****", 0));
        assert_eq!(hidden(&message, |_| false), None);
        message.mask("", MaskAfter::AT_ONCE).unwrap();
        message.mask("absent", MaskAfter::AT_ONCE).unwrap();
        assert_eq!(message.masks.len(), 2);
    }

    #[test]
    fn masks_that_overlap_hide_their_own_also_one_after_the_other() {
        let mut message = text("12345");
        message.mask("123", MaskAfter::AT_ONCE).unwrap();
        message.mask("345", after("6h")).unwrap();
        let stored = hidden(&message, |mask| mask.after == MaskAfter::AT_ONCE).unwrap();
        assert_eq!(words(&stored), "***45");
        assert_eq!(words(&hidden(&stored, |_| true).unwrap()), "*****");
    }

    #[test]
    fn every_text_of_a_message_can_be_masked_and_addresses_stay_addresses() {
        let link = |uri: &str| Link::new(uri).unwrap();
        let label = || Label::new("key s3cret").unwrap();
        let buttons = vec![
            Button::Link { label: label(), uri: link("mailto:s3cret?body=ftp://a") },
            Button::Postback { label: label(), payload: Payload::new("s3cret").unwrap() },
        ];
        let card = Card {
            title: CardTitle::new("s3cret").unwrap(),
            description: Some(CardDescription::new("the s3cret").unwrap()),
            media: Some(Media::new(MediaKind::Image, link("https://s3cret/a")).unwrap()),
            link: Some(link("https://a/s3cret")),
            buttons: Few::new(buttons).unwrap(),
        };
        let named = |value| (ParamName::new("code").unwrap(), ParamValue::new(value).unwrap());
        let params = Params::new(BTreeMap::from([named("s3cret")])).unwrap();
        let key = KeyboardButton { label: label(), params };
        let keyboard = Keyboard::Buttons { buttons: Few::new(vec![key]).unwrap() };
        let content = Content::Cards { cards: Few::new(vec![card.clone(), card]).unwrap() };
        let mut message = Message { keyboard: Some(Box::new(keyboard)), ..Message::plain(content) };
        message.mask("s3cret", after("7d")).unwrap();
        assert_eq!(message.masks.len(), 2 * 8 + 2);
        message.mask("https", after("7d")).unwrap();
        assert_eq!(message.masks.len(), 2 * 8 + 2, "where an address begins is no secret");
        let masked = hidden(&message, |_| true).unwrap();
        assert_eq!(masks_of(&masked, "s3cret", MaskAfter::AT_ONCE), []);
        assert_eq!(masks_of(&masked, "******", MaskAfter::AT_ONCE).len(), 2 * 8 + 2);
        assert_eq!(masked.check(), Ok(()));
    }
}

//! Messages of every kind to test stored forms with.
//!
//! Owns fixed ones, which the golden files hold, and random ones within the bounds of the vocabulary.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use proptest::option::of;
use proptest::prelude::*;
use switchboard_protocol::vocabulary::{
    Button, Buttons, Card, CardDescription, CardTitle, Cards, Content, Decimal, Few, FlowId, Keyboard,
    KeyboardButton, Label, Latitude, Link, Location, Longitude, Media, MediaKind, MessageText, NumberRange,
    ParamName, ParamValue, Params, Payload, PlaceName,
};

use super::samples::said;
use crate::domain::mask::{MASK_AFTER_MS_MAX, Mask, MaskAfter};
use crate::domain::message::Message;

/// A message of each kind of content and of keyboard, with something in every field.
pub(super) fn every_kind() -> Vec<(&'static str, Message)> {
    let media = |kind| Content::Media(Media::new(kind, link("https://example.com/a")).unwrap());
    let text = MessageText::new("Choose:").unwrap();
    let place = Location {
        title: Some(PlaceName::new("City Hall").unwrap()),
        latitude: Latitude::new(37.5665).unwrap(),
        longitude: Longitude::new(-126.978).unwrap(),
    };
    let nameless = Location { title: None, latitude: place.latitude, longitude: place.longitude };
    let number = |value| Some(Decimal::new(value).unwrap());
    let range = NumberRange::new(number(1.5), number(9.0), true).unwrap();
    let params = BTreeMap::from([(ParamName::new("size").unwrap(), ParamValue::new("XL").unwrap())]);
    let buttons = vec![
        KeyboardButton { label: label("Large"), params: Params::new(params).unwrap() },
        KeyboardButton { label: label("Small"), params: Params::default() },
    ];
    let buttons = Few::new(buttons).unwrap();
    let asking = |keyboard| Message { keyboard: Some(Box::new(keyboard)), ..said("Which?") };
    vec![
        ("buttons", Message::plain(Content::Text { text, buttons: fixed_buttons() })),
        ("image", Message::plain(media(MediaKind::Image))),
        ("video", Message::plain(media(MediaKind::Video))),
        ("audio", Message::plain(media(MediaKind::Audio))),
        ("link", Message::plain(media(MediaKind::Link))),
        ("cards", Message::plain(Content::Cards { cards: fixed_cards() })),
        ("location", Message::plain(Content::Location(place))),
        ("location_without_title", Message::plain(Content::Location(nameless))),
        ("keyboard_any", asking(Keyboard::Any)),
        ("keyboard_text", asking(Keyboard::Text)),
        ("keyboard_number", asking(Keyboard::Number(range))),
        ("keyboard_location", asking(Keyboard::Location)),
        ("keyboard_buttons", asking(Keyboard::Buttons { buttons })),
    ]
}

/// A message of which something is hidden later.
pub(super) fn masked() -> Message {
    let mut message = said("Your code is 1234, until tomorrow.");
    message.mask("1234", "10m".parse().unwrap()).unwrap();
    message.mask("tomorrow", "7d".parse().unwrap()).unwrap();
    message
}

fn label(text: &str) -> Label {
    Label::new(text).unwrap()
}

fn link(uri: &str) -> Link {
    Link::new(uri).unwrap()
}

fn fixed_buttons() -> Buttons {
    let buttons = vec![
        Button::Link { label: label("Open"), uri: link("mailto:a@example.com") },
        Button::Postback { label: label("Yes"), payload: Payload::new("yes").unwrap() },
        Button::Goto { label: label("Back"), flow: FlowId::from_bytes([0xf1; 16]) },
    ];
    Few::new(buttons).unwrap()
}

fn fixed_cards() -> Cards {
    let full = Card {
        title: CardTitle::new("Tea").unwrap(),
        description: Some(CardDescription::new("green").unwrap()),
        media: Some(Media::new(MediaKind::Image, link("https://example.com/tea.png")).unwrap()),
        link: Some(link("https://example.com/tea")),
        buttons: fixed_buttons(),
    };
    let title = CardTitle::new("Water").unwrap();
    let bare = Card { title, description: None, media: None, link: None, buttons: Few::default() };
    Few::new(vec![full, bare]).unwrap()
}

/// Any message, whether or not anybody may send it.
pub(super) fn message() -> impl Strategy<Value = Message> {
    let after = (0..=MASK_AFTER_MS_MAX).prop_map(|ms| MaskAfter::from_millis(ms).unwrap());
    let mask = (any::<u32>(), any::<u32>(), after).prop_map(|(from, to, after)| Mask { from, to, after });
    (content(), of(keyboard().prop_map(Box::new)), prop::collection::vec(mask, 0..3))
        .prop_map(|(content, keyboard, masks)| Message { content, keyboard, masks })
}

fn random_link() -> impl Strategy<Value = Link> {
    "(https://|tel:|MAILTO:)[a-z0-9가-힣@/?=]{1,60}".prop_map(|uri| link(&uri))
}

fn random_media() -> impl Strategy<Value = Media> {
    let kind =
        prop::sample::select(vec![MediaKind::Image, MediaKind::Video, MediaKind::Audio, MediaKind::Link]);
    (kind, "https?://[a-z0-9/]{1,40}").prop_map(|(kind, uri)| Media::new(kind, link(&uri)).unwrap())
}

fn random_buttons() -> impl Strategy<Value = Buttons> {
    let random_label = || "\\PC{1,40}".prop_map(|text| label(&text));
    let payload = "(?s).{1,60}".prop_map(|text| Payload::new(text).unwrap());
    let button = prop_oneof![
        (random_label(), random_link()).prop_map(|(label, uri)| Button::Link { label, uri }),
        (random_label(), payload).prop_map(|(label, payload)| Button::Postback { label, payload }),
        (random_label(), any::<[u8; 16]>())
            .prop_map(|(label, flow)| Button::Goto { label, flow: FlowId::from_bytes(flow) }),
    ];
    prop::collection::vec(button, 0..4).prop_map(|buttons| Few::new(buttons).unwrap())
}

fn random_cards() -> impl Strategy<Value = Cards> {
    let description = of("(?s).{1,80}".prop_map(|text| CardDescription::new(text).unwrap()));
    let title = "\\PC{1,50}".prop_map(|text| CardTitle::new(text).unwrap());
    let card = (title, description, of(random_media()), of(random_link()), random_buttons());
    let card = card.prop_map(|(title, description, media, link, buttons)| Card {
        title,
        description,
        media,
        link,
        buttons,
    });
    prop::collection::vec(card, 1..3).prop_map(|cards| Few::new(cards).unwrap())
}

fn content() -> impl Strategy<Value = Content> {
    let text = prop_oneof!["(?s).{1,80}", "[가-힣🙂\n]{1,300}", Just("x".repeat(MessageText::CHARS_MAX))];
    let text = text.prop_map(|text| MessageText::new(text).unwrap());
    let title = of("\\PC{1,100}".prop_map(|title| PlaceName::new(title).unwrap()));
    let place = (title, -90.0..=90.0_f64, -180.0..=180.0_f64);
    prop_oneof![
        3 => text.clone().prop_map(Content::text),
        1 => (text, random_buttons()).prop_map(|(text, buttons)| Content::Text { text, buttons }),
        1 => random_media().prop_map(Content::Media),
        1 => random_cards().prop_map(|cards| Content::Cards { cards }),
        1 => place.prop_map(|(title, latitude, longitude)| Content::Location(Location {
            title,
            latitude: Latitude::new(latitude).unwrap(),
            longitude: Longitude::new(longitude).unwrap(),
        })),
    ]
}

fn keyboard() -> impl Strategy<Value = Keyboard> {
    let number = || of(any::<f64>().prop_filter_map("none", |number| Decimal::new(number).ok()));
    let range = (number(), number(), any::<bool>());
    let range = range.prop_filter_map("upside down", |(min, max, integer)| {
        NumberRange::new(min, max, integer).ok().map(Keyboard::Number)
    });
    let param = ("\\PC{1,20}", "(?s).{1,40}")
        .prop_map(|(name, value)| (ParamName::new(name).unwrap(), ParamValue::new(value).unwrap()));
    let params = prop::collection::vec(param, 0..5);
    let params = params.prop_map(|params| Params::new(params.into_iter().collect()).unwrap());
    let button =
        ("\\PC{1,40}", params).prop_map(|(text, params)| KeyboardButton { label: label(&text), params });
    let buttons = prop::collection::vec(button, 1..4).prop_map(|buttons| Few::new(buttons).unwrap());
    prop_oneof![
        prop::sample::select(vec![Keyboard::Any, Keyboard::Text, Keyboard::Location]),
        range,
        buttons.prop_map(|buttons| Keyboard::Buttons { buttons }),
    ]
}

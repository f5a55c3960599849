//! Every kind of message as it travels.
//!
//! Owns random messages of all kinds, that each arrives as it was sent and is no longer than it says, and
//! that a kind of a later version is passed over and not refused.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use proptest::option::of;
use proptest::prelude::*;
use serde::Serialize;

use super::*;
use crate::vocabulary::{
    BUTTONS_MAX, Button, Buttons, CARDS_MAX, Card, CardDescription, CardTitle, Cards, Content,
    ConversationId, Decimal, Few, FlowId, Keyboard, KeyboardButton, Label, Latitude, Link, Location,
    Longitude, Media, MediaKind, MemberId, MessageText, NumberRange, PARAMS_MAX, ParamName, ParamValue,
    Params, Payload, PlaceName, Seq, Timestamp,
};

fn label() -> impl Strategy<Value = Label> {
    prop_oneof!["\\PC{1,20}", Just("🙂".repeat(Label::CHARS_MAX))].prop_map(|text| Label::new(text).unwrap())
}

fn link() -> impl Strategy<Value = Link> {
    let longest = format!("https://{}", "가".repeat(Link::CHARS_MAX - 8));
    prop_oneof!["(https://|tel:|mailto:)[a-z0-9가-힣@/?=]{1,60}", Just(longest)]
        .prop_map(|uri| Link::new(uri).unwrap())
}

fn media() -> impl Strategy<Value = Media> {
    let fetched = prop::sample::select(vec![MediaKind::Image, MediaKind::Video, MediaKind::Audio]);
    prop_oneof![
        (fetched, "https://[a-z0-9/]{1,40}").prop_map(|(kind, uri)| (kind, Link::new(uri).unwrap())),
        link().prop_map(|uri| (MediaKind::Link, uri)),
    ]
    .prop_map(|(kind, uri)| Media::new(kind, uri).unwrap())
}

fn buttons() -> impl Strategy<Value = Buttons> {
    let payload = prop_oneof!["(?s).{1,60}", Just("🙂".repeat(Payload::CHARS_MAX))];
    let payload = payload.prop_map(|text| Payload::new(text).unwrap());
    let button = prop_oneof![
        (label(), link()).prop_map(|(label, uri)| Button::Link { label, uri }),
        (label(), payload).prop_map(|(label, payload)| Button::Postback { label, payload }),
        (label(), any::<[u8; 16]>())
            .prop_map(|(label, flow)| Button::Goto { label, flow: FlowId::from_bytes(flow) }),
    ];
    prop::collection::vec(button, 0..=BUTTONS_MAX).prop_map(|buttons| Few::new(buttons).unwrap())
}

fn cards() -> impl Strategy<Value = Cards> {
    let description = "(?s).{1,80}".prop_map(|text| CardDescription::new(text).unwrap());
    let title = "\\PC{1,50}".prop_map(|text| CardTitle::new(text).unwrap());
    let card = (title, of(description), of(media()), of(link()), buttons());
    let card = card.prop_map(|(title, description, media, link, buttons)| Card {
        title,
        description,
        media,
        link,
        buttons,
    });
    prop::collection::vec(card, 1..=CARDS_MAX).prop_map(|cards| Few::new(cards).unwrap())
}

fn content() -> impl Strategy<Value = Content> {
    let text = prop_oneof!["(?s).{1,80}", Just("x".repeat(MessageText::CHARS_MAX))];
    let text = text.prop_map(|text| MessageText::new(text).unwrap());
    let title = of("\\PC{1,100}".prop_map(|title| PlaceName::new(title).unwrap()));
    let place = (title, -90.0..=90.0_f64, -180.0..=180.0_f64);
    prop_oneof![
        text.clone().prop_map(Content::text),
        (text, buttons()).prop_map(|(text, buttons)| Content::Text { text, buttons }),
        media().prop_map(Content::Media),
        cards().prop_map(|cards| Content::Cards { cards }),
        place.prop_map(|(title, latitude, longitude)| Content::Location(Location {
            title,
            latitude: Latitude::new(latitude).unwrap(),
            longitude: Longitude::new(longitude).unwrap(),
        })),
    ]
}

fn keyboard() -> impl Strategy<Value = Keyboard> {
    let number = || of((-1e9..1e9_f64).prop_map(|number| Decimal::new(number).unwrap()));
    let range = (number(), number(), any::<bool>());
    let range = range.prop_filter_map("upside down", |(min, max, integer)| {
        NumberRange::new(min, max, integer).ok().map(Keyboard::Number)
    });
    let param = ("\\PC{1,20}", "(?s).{1,40}")
        .prop_map(|(name, value)| (ParamName::new(name).unwrap(), ParamValue::new(value).unwrap()));
    let params = prop::collection::vec(param, 0..PARAMS_MAX);
    let params = params.prop_map(|params| Params::new(BTreeMap::from_iter(params)).unwrap());
    let button = (label(), params).prop_map(|(label, params)| KeyboardButton { label, params });
    let buttons = prop::collection::vec(button, 1..=50).prop_map(|buttons| Few::new(buttons).unwrap());
    prop_oneof![
        prop::sample::select(vec![Keyboard::Any, Keyboard::Text, Keyboard::Location]),
        range,
        buttons.prop_map(|buttons| Keyboard::Buttons { buttons }),
    ]
}

/// Without the bound of a frame: what the kinds allow together need not fit into one.
fn encoded(value: &impl Serialize) -> Vec<u8> {
    rmp_serde::to_vec_named(value).unwrap()
}

proptest! {
    #[test]
    fn every_message_arrives_as_it_was_sent_and_takes_no_more_than_it_says(
        content in content(),
        keyboard in of(keyboard().prop_map(Box::new)),
    ) {
        let said = content.bytes() + keyboard.as_ref().map_or(0, |keyboard| keyboard.bytes());
        prop_assert!(content.is_known() && keyboard.as_ref().is_none_or(|keyboard| keyboard.is_known()));
        let post = Op::Post { conversation: ConversationId::from_bytes([1; 16]), content: content.clone() };
        let bytes = encoded(&post);
        prop_assert_eq!(rmp_serde::from_slice::<Op>(&bytes).unwrap(), post);
        prop_assert!(check_structure(&bytes, DEPTH_MAX).is_ok());
        let by = Sender::Agent { member: Some(MemberId::from_bytes([0xff; 16])) };
        let what = EventKind::Message { content, keyboard };
        let event = Event { seq: Seq::MAX, at: Timestamp::from_millis(i64::MAX), by, what, epoch: None };
        let frame = ConversationFrame::Event(event);
        let bytes = encoded(&frame);
        prop_assert_eq!(rmp_serde::from_slice::<ConversationFrame>(&bytes).unwrap(), frame);
        prop_assert!(bytes.len() <= MESSAGE_FRAME_BYTES + said, "{} bytes, {} said", bytes.len(), said);
    }
}

/// What a message's frame takes besides its content and its keyboard.
const MESSAGE_FRAME_BYTES: usize = 160;

#[test]
fn a_kind_of_a_later_version_is_told_from_all_that_are_known() {
    #[derive(Serialize)]
    struct Kind {
        kind: &'static str,
        reaches: u8,
    }
    let later = encoded(&Kind { kind: "hologram", reaches: 3 });
    assert_eq!(rmp_serde::from_slice::<Content>(&later).unwrap(), Content::Unknown);
    assert_eq!(rmp_serde::from_slice::<Button>(&later).unwrap(), Button::Unknown);
    assert_eq!(rmp_serde::from_slice::<Keyboard>(&later).unwrap(), Keyboard::Unknown);
    assert_eq!(rmp_serde::from_slice::<MediaKind>(&encoded(&"hologram")).unwrap(), MediaKind::Unknown);
    let link = Link::new("https://a").unwrap();
    let unknown = [
        Content::Unknown,
        Content::Media(Media::new(MediaKind::Unknown, link).unwrap()),
        Content::Text {
            text: MessageText::new("x").unwrap(),
            buttons: Few::new(vec![Button::Unknown]).unwrap(),
        },
        Content::Cards {
            cards: Few::new(vec![Card {
                title: CardTitle::new("x").unwrap(),
                description: None,
                media: None,
                link: None,
                buttons: Few::new(vec![Button::Unknown]).unwrap(),
            }])
            .unwrap(),
        },
    ];
    assert!(unknown.iter().all(|content| !content.is_known()));
}

#[test]
fn what_breaks_a_bound_is_refused_with_field_value_and_rule() {
    #[derive(Serialize)]
    struct Text {
        kind: &'static str,
        text: &'static str,
        buttons: Vec<Button>,
    }
    let button = Button::Goto { label: Label::new("x").unwrap(), flow: FlowId::from_bytes([1; 16]) };
    let message = Text { kind: "text", text: "x", buttons: vec![button; BUTTONS_MAX + 1] };
    let error = decode::<Content>(&encoded(&message)).unwrap_err();
    assert!(error.to_string().contains("buttons: 10 given; allowed are 0 to 9"), "{error}");
}

//! Who begins a conversation, who posts into it, and what may be posted.
//!
//! Owns the rules of starting, posting and being shown as typing.

use switchboard_protocol::vocabulary::{
    Button, Card, CardTitle, Few, Keyboard, Label, Latitude, Link, Location, Longitude, Media, MediaKind,
    Payload,
};

use super::*;

#[test]
fn a_customer_starts_their_conversation() {
    let entry = given([])
        .when(&customer(), start())
        .becomes([What::Started { customer: key("minji"), former: None }]);
    assert_eq!((entry.conversation, entry.revision, entry.before), (CONVERSATION, 1, place(0, 0)));
    assert_eq!((entry.after(), entry.at), (place(1, 1), Timestamp::from_millis(1_000)));
}

#[test]
fn the_bot_greets_in_the_same_entry_and_the_customer_has_not_read_it() {
    let mut story = given([]);
    let greeting = Some(said("Hello"));
    let entry = story
        .when(
            &customer(),
            Action::Start { customer: key("minji"), greeting, known: Details::default(), former: None },
        )
        .recorded();
    let started = Event { by: Party::Customer, what: What::Started { customer: key("minji"), former: None } };
    assert_eq!(entry.events, [started, Event { by: Party::Bot, what: message("Hello") }]);
    assert_eq!((story.state.customer_unread.count(), story.state.staff_unread.count()), (1, 0));
}

#[test]
fn starting_twice_changes_nothing_and_greets_nobody_again() {
    let mut story = given([(customer(), start())]);
    let again = Action::Start {
        customer: key("minji"),
        greeting: Some(said("Hello")),
        known: Details::default(),
        former: None,
    };
    story.when(&customer(), again).already_so();
}

#[test]
fn only_the_customer_starts_it() {
    for mut story in [given([]), given([(customer(), start())])] {
        story.when(&agent(ADA), start()).refused(Rejection::OnlyCustomer { action: "open" });
        story.when(&stranger(), start()).refused(Rejection::NoSuchConversation);
        story.when(&customer_elsewhere(), start()).refused(Rejection::NoSuchConversation);
    }
}

#[test]
fn nobody_is_made_another_customers_partner() {
    let theirs =
        Action::Start { customer: key("stranger"), greeting: None, known: Details::default(), former: None };
    given([]).when(&customer(), theirs.clone()).refused(Rejection::NoSuchConversation);
    let mut story = given([(customer(), start())]);
    story.when(&stranger(), theirs.clone()).refused(Rejection::NoSuchConversation);
    story.when(&customer(), theirs).already_so();
}

#[test]
fn the_customer_and_an_agent_who_serves_post() {
    let mut story = given([(customer(), start()), (agent(ADA), take())]);
    let asked = story.when(&customer(), post("Hi?")).becomes([message("Hi?")]);
    assert_eq!((asked.before, asked.after()), (place(3, 1), place(4, 2)));
    let said = story.when(&agent(ADA), post("Hi.")).becomes([message("Hi.")]);
    assert_eq!((said.before, said.after(), said.revision), (place(4, 2), place(5, 3), 4));
}

#[test]
fn an_agent_posts_only_while_inside() {
    let mut story = given([(customer(), start()), (agent(BEN), take())]);
    let outside = Rejection::NotEntered { action: "post" };
    story.when(&agent(ADA), post("Hi")).refused(outside.clone());
    let _ = story.when(&agent(ADA), Action::Join).recorded();
    let _ = story.when(&agent(ADA), Action::Leave).recorded();
    story.when(&agent(ADA), post("Hi")).refused(outside.clone());
    let _ = story.when(&agent(BEN), Action::Complete { epoch: None }).recorded();
    story.when(&agent(BEN), post("Hi")).refused(outside);
}

#[test]
fn to_everybody_else_the_conversation_does_not_exist() {
    let actions = [
        post("Hi"),
        read(0),
        Action::Join,
        Action::Leave,
        take(),
        Action::Complete { epoch: None },
        Action::End,
    ];
    for action in actions {
        let mut story = given([(customer(), start()), (agent(ADA), take())]);
        for who in [stranger(), outsider(), customer_elsewhere()] {
            story.when(&who, action.clone()).refused(Rejection::NoSuchConversation);
            assert_eq!(admit(&story.state, &who), Err(Rejection::NoSuchConversation));
        }
        let mut unbegun = given([]);
        for who in [customer(), agent(ADA)] {
            unbegun.when(&who, action.clone()).refused(Rejection::NoSuchConversation);
            assert_eq!(admit(&unbegun.state, &who), Err(Rejection::NoSuchConversation));
        }
    }
}

#[test]
fn a_customer_is_told_apart_by_profile_platform_and_key() {
    let story = given([(customer(), start())]);
    assert_eq!(admit(&story.state, &customer()), Ok(Party::Customer));
    assert_eq!(admit(&story.state, &agent(BEN)), Ok(Party::Agent { member: BEN }));
    let profile = CustomerKey { profile: ProfileId::from_bytes([8; 16]), ..key("minji") };
    let platform = CustomerKey { platform: Platform::new("kakao").unwrap(), ..key("minji") };
    for customer in [profile, platform] {
        let other = Identity::Customer { workspace: WORKSPACE, customer };
        assert_eq!(admit(&story.state, &other), Err(Rejection::NoSuchConversation));
    }
}

#[test]
fn a_text_has_at_most_so_many_characters_however_many_bytes_these_have() {
    for letter in ["a", "가", "🙂"] {
        let mut story = given([(customer(), start()), (agent(ADA), take())]);
        for who in [customer(), agent(ADA)] {
            let longest = letter.repeat(TEXT_CHARS_MAX);
            let _ = story.when(&who, post(&longest)).becomes([message(&longest)]);
            let too_long = Rejection::TextTooLong { chars: TEXT_CHARS_MAX + 1, max: TEXT_CHARS_MAX };
            story.when(&who, post(&format!("{longest}!"))).refused(too_long);
        }
    }
}

#[test]
fn content_of_an_unknown_kind_is_refused() {
    let mut story = given([(customer(), start())]);
    story.when(&customer(), Action::Post { content: Content::Unknown }).refused(Rejection::UnknownContent);
}

#[test]
fn people_send_texts_media_and_places() {
    let link = Link::new("https://example.com/a.png").unwrap();
    let picture = Content::Media(Media::new(MediaKind::Image, link).unwrap());
    let (latitude, longitude) = (Latitude::new(37.5).unwrap(), Longitude::new(127.0).unwrap());
    let place = Content::Location(Location { title: None, latitude, longitude });
    let mut story = given([(customer(), start()), (agent(ADA), take())]);
    for content in [picture, place] {
        for who in [customer(), agent(ADA)] {
            let message = What::Message(Message::plain(content.clone()));
            let _ = story.when(&who, Action::Post { content: content.clone() }).becomes([message]);
        }
    }
}

#[test]
fn only_the_bot_offers_what_to_press() {
    let title = CardTitle::new("Tea").unwrap();
    let card = Card { title, description: None, media: None, link: None, buttons: Few::default() };
    let cards = Content::Cards { cards: Few::new(vec![card]).unwrap() };
    let button = Button::Postback { label: Label::new("Y").unwrap(), payload: Payload::new("y").unwrap() };
    let buttons = Few::new(vec![button]).unwrap();
    let asking = Content::Text { text: MessageText::new("Well?").unwrap(), buttons };
    let mut story = given([(customer(), start()), (agent(ADA), take())]);
    for (content, what) in [(cards, "cards"), (asking, "buttons")] {
        for who in [customer(), agent(ADA)] {
            let content = content.clone();
            story.when(&who, Action::Post { content }).refused(Rejection::OnlyBot { what });
        }
        let greeting = Message { keyboard: Some(Box::new(Keyboard::Text)), ..Message::plain(content) };
        let entry = given([])
            .when(
                &customer(),
                Action::Start {
                    customer: key("minji"),
                    greeting: Some(greeting.clone()),
                    known: Details::default(),
                    former: None,
                },
            )
            .recorded();
        assert_eq!(entry.events[1], Event { by: Party::Bot, what: What::Message(greeting) });
    }
}

#[test]
fn a_message_after_completion_goes_to_the_bot_and_never_nowhere() {
    let mut story =
        given([(customer(), start()), (agent(ADA), take()), (agent(ADA), Action::Complete { epoch: None })]);
    let _ = story.when(&customer(), post("Again")).becomes([message("Again")]);
    assert_eq!(story.state.floor(), Floor::Bot);
    assert_eq!(story.state.staff_unread.count(), 1);
}

#[test]
fn time_does_not_run_backwards_with_the_clock() {
    let mut story = given([(customer(), start())]);
    let times = [(900, 1_000), (1_000, 1_000), (i64::MIN, 1_000), (1_001, 1_001), (1_000, 1_001)];
    for (now, at) in times {
        story.now = now;
        let entry = story.when(&customer(), post("Hi")).recorded();
        assert_eq!(entry.at, Timestamp::from_millis(at));
    }
}

#[test]
fn only_those_who_may_post_are_shown_typing() {
    let mut story = given([(customer(), start()), (agent(ADA), Action::Join)]);
    assert_eq!(story.state.typist(&customer()), Some(Party::Customer));
    assert_eq!(story.state.typist(&agent(ADA)), Some(Party::Agent { member: ADA }));
    for who in [agent(BEN), stranger(), outsider()] {
        assert_eq!(story.state.typist(&who), None, "{who:?}");
    }
    let _ = story.when(&agent(ADA), Action::Leave).recorded();
    assert_eq!(story.state.typist(&agent(ADA)), None);
    assert_eq!(given([]).state.typist(&customer()), None);
}

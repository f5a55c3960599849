//! A message in words: every kind of content as a readable line, and what the bot suggests below it.
//!
//! Owns how each kind reads, and how it is written at the keyboard. Must not know who says it, or where
//! the lines go.

use switchboard_client::vocabulary::{
    Button, Card, CategoryName, CategoryPath, Content, Keyboard, Latitude, Link, Location, Longitude, Media,
    MediaKind, MessageText, NumberRange, PlaceName,
};

/// A message as a line for people; cards and a keyboard take lines of their own.
pub(super) fn message(content: &Content, keyboard: Option<&Keyboard>) -> String {
    let mut words = match content {
        Content::Text { text, buttons } => {
            let labels = buttons.as_slice().iter().map(button);
            std::iter::once(text.as_str().to_owned()).chain(labels).collect::<Vec<_>>().join("  ")
        }
        Content::Media(medium) => media(medium),
        Content::Cards { cards } => cards.as_slice().iter().map(card).collect::<Vec<_>>().join("\n"),
        Content::Location(place) => location(place),
        Content::Unknown => "(something that this version cannot show)".to_owned(),
    };
    if let Some(suggested) = keyboard.and_then(suggestion) {
        words.push_str("\n      answer with ");
        words.push_str(&suggested);
    }
    words
}

/// What a command of the keyboard says, if it is one that says something.
pub(super) fn spoken(command: &str, words: &str) -> Option<Result<Content, String>> {
    let kind = match command {
        "/image" => MediaKind::Image,
        "/video" => MediaKind::Video,
        "/audio" => MediaKind::Audio,
        "/link" => MediaKind::Link,
        "/place" => return Some(place(words).map(Content::Location)),
        _ => return None,
    };
    let media = Link::new(words).and_then(|uri| Media::new(kind, uri));
    Some(media.map(Content::Media).map_err(|why| why.to_string()))
}

/// A category as it is written at the keyboard: its levels, the general one first, with `>` between them.
pub(super) fn category(words: &str) -> Result<CategoryPath, String> {
    let levels = words.split('>').map(str::trim).filter(|level| !level.is_empty()).map(CategoryName::new);
    let levels = levels.collect::<Result<_, _>>().map_err(|why| why.to_string())?;
    CategoryPath::new(levels).map_err(|why| why.to_string())
}

/// A line as a text message.
pub(super) fn text(line: &str) -> Result<Content, String> {
    MessageText::new(line).map(Content::text).map_err(|why| why.to_string())
}

fn media(media: &Media) -> String {
    let kind = match media.kind() {
        MediaKind::Image => "image",
        MediaKind::Video => "video",
        MediaKind::Audio => "audio",
        MediaKind::Link => "link",
        MediaKind::Unknown => "medium of a kind that this version does not know",
    };
    format!("({kind}) {}", media.uri().as_str())
}

fn button(button: &Button) -> String {
    match button {
        Button::Link { label, uri } => format!("[{}: {}]", label.as_str(), uri.as_str()),
        Button::Postback { label, .. } | Button::Goto { label, .. } => format!("[{}]", label.as_str()),
        Button::Unknown => "[a button of a kind that this version does not know]".to_owned(),
    }
}

fn card(card: &Card) -> String {
    let description = card.description.as_ref().map(|text| format!("— {}", text.as_str()));
    let link = card.link.as_ref().map(|link| link.as_str().to_owned());
    let parts = [description, card.media.as_ref().map(media), link].into_iter().flatten();
    let buttons = card.buttons.as_slice().iter().map(button);
    let title = format!("(card) {}", card.title.as_str());
    std::iter::once(title).chain(parts).chain(buttons).collect::<Vec<_>>().join("  ")
}

fn location(place: &Location) -> String {
    let title = place.title.as_ref().map_or_else(String::new, |title| format!("{} ", title.as_str()));
    format!("(place) {title}{}, {}", place.latitude.get(), place.longitude.get())
}

fn suggestion(keyboard: &Keyboard) -> Option<String> {
    Some(match keyboard {
        Keyboard::Any => return None,
        Keyboard::Text => "a text".to_owned(),
        Keyboard::Number(range) => number(range),
        Keyboard::Location => "a place".to_owned(),
        Keyboard::Buttons { buttons } => {
            let labels = buttons.as_slice().iter().map(|button| format!("[{}]", button.label.as_str()));
            labels.collect::<Vec<_>>().join(" ")
        }
        Keyboard::Unknown => "something that this version does not know".to_owned(),
    })
}

fn number(range: &NumberRange) -> String {
    let kind = if range.integer() { "a whole number" } else { "a number" };
    let least = range.min().map_or_else(String::new, |min| format!(" from {}", min.get()));
    let most = range.max().map_or_else(String::new, |max| format!(" up to {}", max.get()));
    format!("{kind}{least}{most}")
}

/// A latitude, a longitude, and what the place is called.
fn place(words: &str) -> Result<Location, String> {
    let mut parts = words.splitn(3, ' ');
    let mut degrees = |field: &str| {
        let part = parts.next().unwrap_or_default();
        part.parse::<f64>().map_err(|_| format!("{field}: {part:?} is not a number of degrees"))
    };
    let (latitude, longitude) = (degrees("latitude")?, degrees("longitude")?);
    let title = parts.next().map(PlaceName::new).transpose().map_err(|why| why.to_string())?;
    let latitude = Latitude::new(latitude).map_err(|why| why.to_string())?;
    let longitude = Longitude::new(longitude).map_err(|why| why.to_string())?;
    Ok(Location { title, latitude, longitude })
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchboard_client::vocabulary::{
        CardDescription, CardTitle, Decimal, Few, FlowId, KeyboardButton, Label, Params, Payload,
    };

    fn label(text: &str) -> Label {
        Label::new(text).unwrap()
    }

    fn said(line: &str) -> String {
        let (command, words) = line.split_once(' ').unwrap();
        spoken(command, words).unwrap().map_or_else(|why| why, |content| message(&content, None))
    }

    #[test]
    fn what_is_written_at_the_keyboard_reads_as_it_was_meant() {
        let lines = [
            ("/image https://a.example/x.png", "(image) https://a.example/x.png"),
            ("/link tel:112", "(link) tel:112"),
            ("/place 37.5665 126.978 City Hall", "(place) City Hall 37.5665, 126.978"),
            ("/place -1 2", "(place) -1, 2"),
            ("/place here", "latitude: \"here\" is not a number of degrees"),
            ("/place 91 0", "latitude: 91 is out of range; allowed is -90 to 90"),
            (
                "/video tel:112",
                "uri: \"tel:112\" is no address of a medium; it must begin with http:// or https://",
            ),
        ];
        for (line, expected) in lines {
            assert_eq!(said(line), expected);
        }
        assert!(spoken("/quit", "").is_none());
    }

    #[test]
    fn buttons_and_cards_are_read_out() {
        let link = || Link::new("https://a.example").unwrap();
        let buttons = vec![
            Button::Link { label: label("Track"), uri: link() },
            Button::Postback { label: label("Yes"), payload: Payload::new("secret").unwrap() },
            Button::Goto { label: label("Back"), flow: FlowId::from_bytes([1; 16]) },
        ];
        let buttons = Few::new(buttons).unwrap();
        let asked = Content::Text { text: MessageText::new("Well?").unwrap(), buttons };
        assert_eq!(message(&asked, None), "Well?  [Track: https://a.example]  [Yes]  [Back]");
        let card = Card {
            title: CardTitle::new("Tea").unwrap(),
            description: Some(CardDescription::new("green").unwrap()),
            media: Some(Media::new(MediaKind::Image, link()).unwrap()),
            link: None,
            buttons: Few::default(),
        };
        let cards = Content::Cards { cards: Few::new(vec![card.clone(), card]).unwrap() };
        let line = "(card) Tea  — green  (image) https://a.example";
        assert_eq!(message(&cards, None), format!("{line}\n{line}"));
    }

    #[test]
    fn what_the_bot_suggests_is_said_below() {
        let text = Content::text(MessageText::new("How many?").unwrap());
        let number = |value| Some(Decimal::new(value).unwrap());
        let button = |text| KeyboardButton { label: label(text), params: Params::default() };
        let buttons = Few::new(vec![button("One"), button("Two")]).unwrap();
        let keyboards = [
            (Keyboard::Number(NumberRange::new(number(1.0), None, true).unwrap()), "a whole number from 1"),
            (Keyboard::Buttons { buttons }, "[One] [Two]"),
            (Keyboard::Location, "a place"),
        ];
        for (keyboard, suggested) in keyboards {
            let words = message(&text, Some(&keyboard));
            assert_eq!(words, format!("How many?\n      answer with {suggested}"));
        }
        assert_eq!(message(&text, Some(&Keyboard::Any)), "How many?");
    }
}

//! How a chat is shown: as lines for people, or as JSON objects for scripts.
//!
//! Owns the form of both. Must not know where the lines go.

use std::collections::HashMap;
use std::io::Write as _;

use serde_json::{Value, json};
use switchboard_client::Update;
use switchboard_client::vocabulary::{CategoryPath, MemberId, MessageText, Seq, Timestamp};
use switchboard_client::wire::{Event, EventKind, Line, Sender};

use super::room::{Room, Side};
use super::{ChatError, customers, words};

/// A place in the queue.
pub(super) fn place_line(line: Line) -> String {
    let wait = match line.wait_s {
        Some(seconds) => format!(", for about {} min", seconds.div_ceil(60)),
        None => String::new(),
    };
    format!("— you wait: number {}{wait}", line.position)
}

/// Prints one JSON object on a line of its own, at once.
pub(super) fn line(value: &Value) {
    let mut out = std::io::stdout().lock();
    // Nobody may be reading.
    let _ = writeln!(out, "{value}").and_then(|()| out.flush());
}

/// The conversation was entered.
pub(super) fn ready(room: &Room) -> Value {
    let side = match room.side {
        Side::Customer => "customer",
        Side::Agent(_) => "agent",
    };
    json!({
        "type": "ready",
        "side": side,
        "conversation": room.conversation.to_string(),
        "member": room.client.member().map(|member| member.to_string()),
    })
}

/// A line of the input was accepted.
pub(super) fn accepted(number: usize, seq: Option<Seq>) -> Value {
    json!({ "type": "accepted", "line": number, "seq": seq.map(Seq::get) })
}

/// A line of the input was refused.
pub(super) fn refused(number: usize, why: &ChatError) -> Value {
    json!({ "type": "refused", "line": number, "error": why.to_string() })
}

/// What has happened, if a script has a use for it.
pub(super) fn update(update: &Update) -> Option<Value> {
    match update {
        Update::Event(event) => Some(event_json(event)),
        Update::Cursors(cursors) => Some(json!({
            "type": "cursors",
            "customer_read": cursors.customer_read.get(),
            "staff_read": cursors.staff_read.get(),
            "customer_received": cursors.customer_received.get(),
            "staff_received": cursors.staff_received.get(),
            "unread": cursors.unread,
            "position": cursors.line.map(|line| line.position),
            "wait_s": cursors.line.and_then(|line| line.wait_s),
        })),
        Update::CaughtUp(seq) => Some(json!({ "type": "caught_up", "seq": seq.get() })),
        Update::Typing(typing) => {
            let by = typing.by.as_ref().map(|by| who(by).0);
            Some(json!({ "type": "typing", "by": by }))
        }
    }
}

fn event_json(event: &Event) -> Value {
    let (by, member) = who(&event.by);
    let mut value = json!({
        "type": "event",
        "seq": event.seq.get(),
        "at": event.at.as_millis(),
        "by": by,
        "kind": kind(&event.what),
    });
    if let Some(member) = member {
        value["member"] = member.to_string().into();
    }
    if let EventKind::Described { details, cleared } = &event.what {
        value["details"] = json!(details);
        value["cleared"] = json!(cleared);
    }
    if let EventKind::Message { content, keyboard } = &event.what {
        value["text"] = words::message(content, keyboard.as_deref()).into();
        // Whatever is more than its words is there as it is.
        if content.as_text().map(MessageText::as_str) != value["text"].as_str() {
            value["content"] = json!({ "content": content, "keyboard": keyboard });
        }
    }
    value
}

fn who(sender: &Sender) -> (&'static str, Option<MemberId>) {
    match sender {
        Sender::Customer => ("customer", None),
        Sender::Bot => ("bot", None),
        Sender::Agent { member } => ("agent", *member),
        Sender::Unknown => ("unknown", None),
    }
}

const fn kind(what: &EventKind) -> &'static str {
    match what {
        EventKind::Started => "started",
        EventKind::Message { .. } => "message",
        EventKind::Called { .. } => "called",
        EventKind::CallRefused { .. } => "call_refused",
        EventKind::Assigned { .. } => "assigned",
        EventKind::Requeued { .. } => "requeued",
        EventKind::Unserved { .. } => "unserved",
        EventKind::Entered => "entered",
        EventKind::Left => "left",
        EventKind::Completed => "completed",
        EventKind::Ended => "ended",
        EventKind::Described { .. } => "described",
        EventKind::Unknown => "unknown",
    }
}

/// An event as a line for people.
pub(super) fn event_line(event: &Event, names: &HashMap<MemberId, String>, me: &Sender) -> String {
    let name = name(&event.by, names, Some(me));
    let clock = clock(event.at);
    match &event.what {
        EventKind::Message { content, keyboard } => {
            format!("{clock} {name}: {}", printable(&words::message(content, keyboard.as_deref())))
        }
        EventKind::Started => format!("{clock} — the conversation began"),
        EventKind::Called { category, .. } => {
            format!("{clock} — {name} called an agent{}", about(category))
        }
        EventKind::CallRefused { category } => {
            format!("{clock} — {name} called an agent outside operating hours{}", about(category))
        }
        EventKind::Assigned { member, from, .. } => {
            let to = name_of(*member, names);
            let from = from.map(|from| format!(", from {}", name_of(from, names))).unwrap_or_default();
            format!("{clock} — assigned to {to}{from}")
        }
        EventKind::Requeued { member, .. } => {
            format!("{clock} — {} is not there; it waits again", name_of(*member, names))
        }
        EventKind::Unserved { .. } => format!("{clock} — nobody has come, and the call is over"),
        EventKind::Entered => format!("{clock} — {name} came in"),
        EventKind::Left => format!("{clock} — {name} left"),
        EventKind::Completed => format!("{clock} — {name} completed the service"),
        EventKind::Ended => format!("{clock} — {name} ended the conversation"),
        EventKind::Described { details, cleared } => {
            let words = printable(&customers::described_words(details, cleared));
            match event.by {
                Sender::Bot => format!("{clock} — known from before: {words}"),
                Sender::Customer | Sender::Agent { .. } | Sender::Unknown => {
                    format!("{clock} — {name} wrote down: {words}")
                }
            }
        }
        EventKind::Unknown => format!("{clock} — something that this version cannot show"),
    }
}

pub(super) fn about(category: &CategoryPath) -> String {
    if category.levels().is_empty() {
        String::new()
    } else {
        format!(" about {}", printable(&category.to_string()))
    }
}

/// Who is typing, as a line for people.
pub(super) fn typing_line(by: Option<&Sender>, names: &HashMap<MemberId, String>) -> String {
    let name = by.map_or_else(|| "somebody".to_owned(), |by| name(by, names, None));
    format!("      … {name} is typing")
}

fn name(sender: &Sender, names: &HashMap<MemberId, String>, me: Option<&Sender>) -> String {
    match sender {
        sender if Some(sender) == me => "you".to_owned(),
        Sender::Customer => "customer".to_owned(),
        Sender::Bot => "bot".to_owned(),
        Sender::Agent { member: Some(member) } => name_of(*member, names),
        Sender::Agent { member: None } => "agent".to_owned(),
        Sender::Unknown => "somebody".to_owned(),
    }
}

pub(super) fn name_of(member: MemberId, names: &HashMap<MemberId, String>) -> String {
    names.get(&member).cloned().unwrap_or_else(|| member.to_string())
}

/// The time of day, UTC.
pub(super) fn clock(at: Timestamp) -> String {
    let seconds = at.as_millis().div_euclid(1_000).rem_euclid(86_400);
    format!("{:02}:{:02}", seconds / 3_600, seconds / 60 % 60)
}

/// Without what would steer the terminal: a message must not be able to.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchboard_client::vocabulary::Content;

    fn event(what: EventKind) -> Event {
        let by = Sender::Agent { member: Some(MemberId::from_bytes([7; 16])) };
        Event { seq: Seq::ZERO.next(), at: Timestamp::from_millis(3_723_000), by, what, epoch: None }
    }

    #[test]
    fn a_message_cannot_steer_the_terminal() {
        let text = MessageText::new("a\u{1b}[2Jb").map(Content::text);
        // If the vocabulary refuses it, it cannot come this far.
        if let Ok(content) = text {
            let line = event_line(&event(EventKind::message(content)), &HashMap::new(), &Sender::Customer);
            assert!(!line.contains('\u{1b}'), "{line:?}");
        }
    }

    #[test]
    fn an_event_names_who_and_when() {
        let member = MemberId::from_bytes([7; 16]);
        let names = HashMap::from([(member, "Ada".to_owned())]);
        let me = Sender::Agent { member: Some(member) };
        assert_eq!(event_line(&event(EventKind::Entered), &names, &Sender::Customer), "01:02 — Ada came in");
        assert_eq!(event_line(&event(EventKind::Left), &names, &me), "01:02 — you left");
        let begun = Event { by: Sender::Customer, ..event(EventKind::Unknown) };
        assert_eq!(name(&begun.by, &names, Some(&Sender::Customer)), "you");
        let value = event_json(&event(EventKind::Completed));
        assert_eq!(
            (&value["kind"], &value["by"], &value["seq"]),
            (&"completed".into(), &"agent".into(), &1.into())
        );
    }
}

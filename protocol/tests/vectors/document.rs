//! The protocol's page, `docs/PROTOCOL.md`, against the code.
//!
//! Owns the reading of its tables and examples. Must not know more of the page than that: what its sentences
//! say is proven by the client that was written from them.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use switchboard_protocol::vocabulary::{DisplayName, MessageText, Platform, Token, UserKey};
use switchboard_protocol::wire::{
    ALPN, CloseCode, DATAGRAM_BYTES_MAX, DEPTH_MAX, ErrorCode, FRAME_BYTES_MAX, PROTOCOL_VERSION,
    ServerLimits, UNANSWERED_REQUESTS_MAX,
};

use crate::files::{self, Vector, of};
use crate::kinds::KINDS;

#[test]
fn the_table_of_errors_is_that_of_the_code() {
    let said: Vec<_> = table("## Errors").into_iter().map(|row| row[..3].to_vec()).collect();
    let of_the_code = ErrorCode::ALL.iter().map(|code| {
        vec![code.number().to_string(), format!("`{}`", code.name()), yes_or_no(code.retryable())]
    });
    assert_eq!(said, of_the_code.collect::<Vec<_>>());
}

#[test]
fn the_table_of_close_codes_is_that_of_the_code() {
    let said: Vec<_> = table("## Ends").into_iter().map(|row| row[..2].to_vec()).collect();
    let of_the_code = (0..=u32::from(u16::MAX)).filter_map(CloseCode::from_number);
    let of_the_code = of_the_code.map(|code| vec![code.number().to_string(), yes_or_no(code.reconnect())]);
    assert_eq!(said, of_the_code.collect::<Vec<_>>());
}

#[test]
fn the_table_of_limits_is_that_of_the_code() {
    let said = table("## Limits").into_iter().map(|row| (row[0].clone(), row[1].clone()));
    let of_the_code = [
        ("bytes of a frame's body", FRAME_BYTES_MAX),
        ("bytes of a datagram", DATAGRAM_BYTES_MAX),
        ("depth of maps and arrays", DEPTH_MAX),
        ("requests without an answer", UNANSWERED_REQUESTS_MAX),
        ("subscriptions of a session", ServerLimits::default().subscriptions_max as usize),
        ("characters of a message text", MessageText::CHARS_MAX),
        ("characters of a `user_key`", UserKey::CHARS_MAX),
        ("characters of a `platform`", Platform::CHARS_MAX),
        ("characters of a `name`", DisplayName::CHARS_MAX),
        ("characters of a `token`", Token::CHARS_MAX),
    ];
    let of_the_code = of_the_code.map(|(what, most)| (what.to_owned(), most.to_string()));
    assert_eq!(said.collect::<Vec<_>>(), of_the_code);
}

#[test]
fn the_name_of_the_protocol_and_its_version_are_those_of_the_code() {
    let alpn = ALPN.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
    let name = std::str::from_utf8(ALPN).unwrap();
    assert!(page().contains(&format!("**ALPN** is `{name}`, the bytes `{alpn}`")));
    assert!(page().contains(&format!("This is version {PROTOCOL_VERSION}.")));
}

#[test]
fn the_examples_are_vectors() {
    let examples = examples();
    for file in ["hello", "session", "request", "head", "conversation", "typing"] {
        assert!(examples.iter().any(|example| example.file == file), "no example is from {file}");
    }
    for Example { file, name, is_frame, bytes } in examples {
        let vectors = of::<Vector>(&file).into_iter().find(|vector| vector.name == name);
        let body = files::bytes(&vectors.unwrap_or_else(|| panic!("{file} has no {name:?}")).hex);
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        let wanted = if is_frame { [&length, &body[..]].concat() } else { body };
        assert_eq!(files::hex(&bytes), files::hex(&wanted), "{file}: {name}");
    }
}

#[test]
fn every_field_and_every_variant_is_on_the_page() {
    let mut words = BTreeSet::new();
    for kind in KINDS {
        of::<Vector>(kind.name).iter().for_each(|vector| collect_words(&vector.value, &mut words));
    }
    let page = page();
    let missing: Vec<_> = words.iter().filter(|word| !page.contains(&format!("`{word}`"))).collect();
    assert!(missing.is_empty(), "the page does not name {missing:?}");
}

/// The names of fields, and the variants that tags say.
fn collect_words(value: &Value, words: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                words.insert(name.clone());
                words.extend(value.as_str().filter(|_| TAGS.contains(&name.as_str())).map(str::to_owned));
                // Its names are whatever somebody called something.
                if name != "params" {
                    collect_words(value, words);
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect_words(value, words)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A vector as the page shows it.
struct Example {
    file: String,
    name: String,
    /// With its length before it; else it is a datagram.
    is_frame: bool,
    bytes: Vec<u8>,
}

/// Every block of code that begins with `# frame, FILE.jsonl: NAME` or `# datagram, …`. Its lines are bytes,
/// and behind two blanks what they mean.
fn examples() -> Vec<Example> {
    let page = page();
    let blocks = page.split("```").skip(1).step_by(2).filter_map(|block| block.split_once('\n'));
    let examples = blocks.filter_map(|(_, block)| {
        let (head, lines) = block.strip_prefix("# ")?.split_once('\n')?;
        let (form, source) = head.split_once(", ")?;
        let (file, name) = source.split_once(".jsonl: ")?;
        let digits = lines.lines().flat_map(|line| line.trim().split("  ").take(1));
        let digits: String = digits.flat_map(str::split_whitespace).collect();
        Some(Example {
            file: file.to_owned(),
            name: name.to_owned(),
            is_frame: form == "frame",
            bytes: files::bytes(&digits),
        })
    });
    examples.collect()
}

/// The cells of the last table below a heading, without its head.
fn table(heading: &str) -> Vec<Vec<String>> {
    let page = page();
    let section = page.split(&format!("\n{heading}\n")).nth(1).expect("the heading is there");
    let section = section.split("\n## ").next().unwrap();
    // The last table of a section is its own; those before it explain the frames that lead to it.
    let rows = section.rsplit("\n\n").find(|part| part.trim_start().starts_with('|')).expect("a table");
    let cells = |row: &str| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    rows.trim().lines().skip(2).map(cells).collect()
}

fn yes_or_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}

fn page() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/PROTOCOL.md")).unwrap()
}

/// The fields that say which variant a map is.
const TAGS: &[&str] =
    &["as", "change", "do", "is", "kind", "of", "op", "role", "strategy", "t", "topic", "type", "who"];

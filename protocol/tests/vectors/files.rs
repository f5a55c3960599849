//! The files of vectors: one JSON object a line.
//!
//! Owns their folder and their form. Must not know what the values are.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A value and its bytes, each of which follows from the other.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) value: Value,
    pub(crate) hex: String,
}

/// Bytes that nobody writes, and what they are read as.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tolerated {
    pub(crate) name: String,
    #[serde(rename = "as")]
    pub(crate) kind: String,
    pub(crate) value: Value,
    pub(crate) hex: String,
}

/// Bytes that are refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Malformed {
    pub(crate) name: String,
    #[serde(rename = "as")]
    pub(crate) kind: String,
    pub(crate) hex: String,
    /// The error's number.
    pub(crate) error: u16,
    /// The request that the error answers; without one the session ends.
    #[serde(default)]
    pub(crate) id: Option<u64>,
}

/// The lines of a file.
pub(crate) fn of<T: DeserializeOwned>(file: &str) -> Vec<T> {
    let lines = text(file);
    let read = |(at, line): (usize, &str)| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{file}, line {}: {error}", at + 1))
    };
    lines.lines().enumerate().map(read).collect()
}

/// The names and values of a file whose bytes may be missing or wrong.
pub(crate) fn drafts(file: &str) -> Vec<(String, Value)> {
    let name_of = |line: &Value| line["name"].as_str().expect("a line has a name").to_owned();
    of::<Value>(file).into_iter().map(|mut line| (name_of(&line), line["value"].take())).collect()
}

/// One line of a file; `value` is JSON.
pub(crate) fn line(name: &str, value: &str, bytes: &[u8]) -> String {
    format!("{{\"name\":{},\"value\":{value},\"hex\":\"{}\"}}\n", Value::from(name), hex(bytes))
}

/// A file as it is.
pub(crate) fn text(file: &str) -> String {
    let path = path(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Replaces a file.
pub(crate) fn write(file: &str, lines: &str) {
    fs::write(path(file), lines).unwrap();
}

/// The names of all files.
pub(crate) fn all() -> BTreeSet<String> {
    let files = fs::read_dir(folder()).unwrap().map(|file| file.unwrap().path());
    let vectors = files.filter(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
    vectors.map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

/// Bytes as lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// The bytes that lower-case hexadecimal stands for.
pub(crate) fn bytes(hex: &str) -> Vec<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16).filter(|_| !digit.is_ascii_uppercase());
    let pairs = hex.as_bytes().chunks(2).map(|pair| match *pair {
        [high, low] => digit(high).zip(digit(low)).map(|(high, low)| (high << 4 | low) as u8),
        _ => None,
    });
    pairs.collect::<Option<_>>().unwrap_or_else(|| panic!("{hex:?} is not lower-case hexadecimal"))
}

fn path(file: &str) -> PathBuf {
    folder().join(format!("{file}.jsonl"))
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

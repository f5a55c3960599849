//! What code does not do: give up, leave things unfinished, sleep in tests, print, keep secrets.
//!
//! Owns the words that give such things away. Must not know where code lives, but for the programs that
//! are there to print.

use crate::source::{Source, Tree, Violation};

/// Outside tests, whoever gives up says why: on the line, on the one before, or by `reason = …`.
pub(crate) fn reasons(file: &Source, _: &Tree) -> Vec<Violation> {
    let lines: Vec<&str> = file.text.lines().collect();
    let has_reason = |line: usize| {
        let before = line.checked_sub(2).map_or("", |before| lines[before]);
        let is_comment = before.trim_start().starts_with("//") && !before.trim_start().starts_with("///");
        lines[line - 1].contains("// ") || is_comment || before.contains("reason = ")
    };
    let unwraps = file.find(&[".", "unwrap", "(", ")"]).chain(file.find(&[".", "expect", "("]));
    unwraps
        .filter(|token| !file.is_test(token.line) && !has_reason(token.line))
        .map(|token| file.violation(token.line, "`unwrap` or `expect` without a reason beside it"))
        .collect()
}

/// Nothing is merged unfinished.
pub(crate) fn unfinished(file: &Source, _: &Tree) -> Vec<Violation> {
    let found = ["todo", "unimplemented"].map(|word| [word, "!"]);
    let found = found.iter().flat_map(|words| file.find(words));
    found.map(|token| file.violation(token.line, format!("`{}!`", token.text))).collect()
}

/// A test waits for the event or moves the clock.
pub(crate) fn sleeping_tests(file: &Source, _: &Tree) -> Vec<Violation> {
    let names = file.names.iter().filter(|name| SLEEPS.iter().any(|path| name.is_under(path)));
    let found = names.filter(|name| file.is_test(name.line));
    found.map(|name| file.violation(name.line, format!("`{}` in a test", name.path))).collect()
}

/// What was printed to understand something is gone again.
pub(crate) fn debris(file: &Source, _: &Tree) -> Vec<Violation> {
    file.find(&["dbg", "!"]).map(|token| file.violation(token.line, "`dbg!`")).collect()
}

/// Only programs that talk with people print; the rest traces.
pub(crate) fn printing(file: &Source, _: &Tree) -> Vec<Violation> {
    let found = PRINTS.iter().flat_map(|words| file.find(words));
    found
        .filter(|token| !file.is_in(PRINTERS) && !file.is_test(token.line))
        .map(|token| {
            file.violation(token.line, format!("`{}!`: trace it, or return it to a program", token.text))
        })
        .collect()
}

/// No key is in the tree, not even one for tests: they are made when they are needed.
pub(crate) fn secrets(file: &Source, _: &Tree) -> Vec<Violation> {
    let keys = file.lines().filter(|(_, line)| line.contains("-----BEGIN") && line.contains(KEY));
    keys.map(|(at, _)| file.violation(at, "a private key")).collect()
}

const SLEEPS: &[&str] = &["std::thread::sleep", "tokio::time::sleep", "tokio::time::sleep_until"];

const PRINTS: &[&[&str]] = &[&["print", "!"], &["println", "!"], &["eprint", "!"], &["eprintln", "!"]];

const PRINTERS: &[&str] = &["src/main.rs", "src/chat", "loadtest/", "simulator/", "powercut/src/main.rs"];

/// In two, so that this file holds none.
const KEY: &str = concat!("PRIVATE", " KEY");

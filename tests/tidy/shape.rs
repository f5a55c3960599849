//! The shape of a file: its opening, its length, its functions, its lines.
//!
//! Owns the limits, a little above what style asks for, so that they stop the unusual and not the
//! unlucky. Must not know what the code does.

use crate::source::{Source, Tree, Violation, functions};

/// A file says in its first lines what it owns and what it must not know.
pub(crate) fn opening(file: &Source, _: &Tree) -> Vec<Violation> {
    if !file.is_rust() {
        return Vec::new();
    }
    let opening: Vec<&str> = file
        .text
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let said = opening.join(" ");
    let what = if opening.is_empty() {
        "the file does not open with `//!`"
    } else if opening.len() < 2 {
        "the opening is too short to say what the file owns and what it must not know"
    } else if !file.is_test(1) && !OPENING_WORDS.iter().any(|words| said.contains(words)) {
        "the opening says neither what the file owns nor what it must not know"
    } else {
        return Vec::new();
    };
    vec![file.violation(1, what)]
}

/// A file holds so many lines of code, not counting tests, comments and blanks.
pub(crate) fn file_length(file: &Source, _: &Tree) -> Vec<Violation> {
    let mut lines = file.code_lines.iter().filter(|&&line| !file.is_test(line));
    match lines.nth(FILE_LINES_MAX) {
        Some(&line) => {
            let count = FILE_LINES_MAX + 1 + lines.count();
            let what = format!(
                "{count} lines of code; {FILE_LINES_MAX} are allowed: a concept is missing, find its name"
            );
            vec![file.violation(line, what)]
        }
        None => Vec::new(),
    }
}

/// A function spans so many lines, also in tests.
pub(crate) fn function_length(file: &Source, _: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for (first, (name, last)) in functions(file) {
        let lines = last - first + 1;
        if lines > FUNCTION_LINES_MAX {
            let what =
                format!("`{name}` has {lines} lines; {FUNCTION_LINES_MAX} are allowed: a concept is missing");
            found.push(file.violation(first, what));
        }
    }
    found
}

/// Lines are of a readable width, without tabs and without blanks at their end.
pub(crate) fn lines(file: &Source, _: &Tree) -> Vec<Violation> {
    if !file.is_rust() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (at, line) in file.lines() {
        let columns = line.chars().count();
        if columns > COLUMNS_MAX {
            found.push(file.violation(at, format!("{columns} columns; {COLUMNS_MAX} are allowed")));
        }
        if line.contains('\t') {
            found.push(file.violation(at, "a tab"));
        }
        if line.ends_with(char::is_whitespace) {
            found.push(file.violation(at, "blanks at the end"));
        }
    }
    found
}

const FILE_LINES_MAX: usize = 450;
const FUNCTION_LINES_MAX: usize = 80;
const COLUMNS_MAX: usize = 120;

/// One of these is in every opening.
const OPENING_WORDS: &[&str] = &["Owns", "owns", "ust not know", "ust know", "may use only", "The only"];

//! A file of the tree, as the rules see it.
//!
//! Owns what a rule need not think about: comments and texts are blanked out, test code is marked, and
//! every path that the code names is spelled out in full. Must not know any rule.
//!
//! It reads Rust by its tokens, not by its grammar: enough for well-formed code that the compiler has
//! accepted, which is all it is given.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use crate::names::{self, Name};

/// What a rule holds against a place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Violation {
    pub(crate) path: String,
    /// From 1.
    pub(crate) line: usize,
    pub(crate) what: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// One file with its place in the tree.
pub(crate) struct Source {
    /// From the root of the workspace, with slashes.
    pub(crate) path: String,
    pub(crate) text: String,
    /// The tokens, without comments and with empty texts. Empty for what is not Rust.
    pub(crate) tokens: Vec<Token>,
    /// The lines that hold code, not only blanks or comments.
    pub(crate) code_lines: BTreeSet<usize>,
    /// Every path that the code names, in full.
    pub(crate) names: Vec<Name>,
    test_lines: Vec<RangeInclusive<usize>>,
}

/// A word, a `::` or any other single sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let code = if path.ends_with(".rs") { blanked(text) } else { String::new() };
        let tokens = tokens(&code);
        let code_lines =
            (1..).zip(code.lines()).filter(|(_, line)| !line.trim().is_empty()).map(|(at, _)| at);
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code_lines: code_lines.collect(),
            names: names::of(path, &tokens),
            test_lines: test_lines(path, &tokens),
            tokens,
        }
    }

    /// Marks the whole file as test code.
    pub(crate) fn mark_as_test(&mut self) {
        self.test_lines = vec![1..=usize::MAX];
    }

    /// Whether the line is compiled for tests alone.
    pub(crate) fn is_test(&self, line: usize) -> bool {
        self.test_lines.iter().any(|lines| lines.contains(&line))
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    pub(crate) fn is_manifest(&self) -> bool {
        self.path == "Cargo.toml" || self.path.ends_with("/Cargo.toml")
    }

    pub(crate) fn is_prose(&self) -> bool {
        self.path.ends_with(".md")
    }

    pub(crate) fn is_in(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.path.starts_with(place))
    }

    /// The lines with their numbers.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(at, line)| (at + 1, line))
    }

    /// The places where these words and signs follow on one another.
    pub(crate) fn find<'a>(&'a self, words: &'a [&'a str]) -> impl Iterator<Item = &'a Token> {
        let found = self.tokens.windows(words.len());
        found.filter(move |found| found.iter().map(|token| &token.text).eq(words)).map(|found| &found[0])
    }

    pub(crate) fn violation(&self, line: usize, what: impl Into<String>) -> Violation {
        Violation { path: self.path.clone(), line, what: what.into() }
    }
}

/// What a rule may know beyond the file it looks at.
#[derive(Default)]
pub(crate) struct Tree {
    pub(crate) paths: BTreeSet<String>,
    /// The names that code uses for the libraries of the root manifest.
    pub(crate) libraries: BTreeSet<String>,
}

impl Tree {
    pub(crate) fn new<'a>(paths: impl IntoIterator<Item = &'a str>, root_manifest: &str) -> Self {
        let section = root_manifest.split("[workspace.dependencies]").nth(1).unwrap_or_default();
        let lines = section.lines().skip(1).take_while(|line| !line.starts_with('['));
        let libraries =
            lines.filter_map(|line| line.split_once('=')).map(|(name, _)| name.trim().replace('-', "_"));
        Self { paths: paths.into_iter().map(str::to_owned).collect(), libraries: libraries.collect() }
    }

    /// Whether there is such a file, or a folder with files in it.
    pub(crate) fn has(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        path.is_empty()
            || self.paths.contains(path)
            || self.paths.range(folder.clone()..).next().is_some_and(|next| next.starts_with(&folder))
    }
}

/// Marks the files whose `mod` line is for tests alone, and everything below them.
pub(crate) fn mark_test_files(sources: &mut [Source]) {
    let mut below = BTreeSet::new();
    for source in sources.iter() {
        for (at, token) in source.tokens.iter().enumerate() {
            let [word, name, end] =
                [0, 1, 2].map(|step| source.tokens.get(at + step).map(|token| token.text.as_str()));
            if let (Some("mod"), Some(name), Some(";")) = (word, name, end)
                && source.is_test(token.line)
            {
                let stem = source.path.trim_end_matches(".rs");
                let folder =
                    ["/mod", "/lib", "/main"].iter().find_map(|end| stem.strip_suffix(end)).unwrap_or(stem);
                below.extend([format!("{folder}/{name}.rs"), format!("{folder}/{name}/")]);
            }
        }
    }
    for source in sources {
        if below.iter().any(|place| source.path.starts_with(place)) {
            source.mark_as_test();
        }
    }
}

/// The text with every comment gone and every literal text or character empty; lines stay where they are.
fn blanked(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        let in_word = at > 0 && is_word(chars[at - 1]);
        let len = match rest {
            ['/', '/', ..] => rest.iter().position(|&c| c == '\n').unwrap_or(rest.len()),
            ['/', '*', ..] => comment_len(rest),
            ['"', ..] => text_len(rest),
            ['r' | 'b' | 'c', ..] if !in_word => prefixed_text_len(rest),
            ['\'', '\\', ..] => {
                rest.iter().skip(3).position(|&c| c == '\'').map_or(rest.len(), |end| end + 4)
            }
            ['\'', _, '\'', ..] => 3,
            _ => 0,
        };
        if len == 0 {
            code.push(chars[at]);
            at += 1;
        } else {
            let end = (at + len).min(chars.len());
            // What stands for a text is a text, so that a line with one is a line of code.
            code.push_str(if rest[0] == '/' { " " } else { "\"\"" });
            code.extend(chars[at..end].iter().filter(|&&c| c == '\n'));
            at = end;
        }
    }
    code
}

fn comment_len(chars: &[char]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < chars.len() {
        match &chars[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn text_len(chars: &[char]) -> usize {
    let mut at = 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// `r"…"`, `r#"…"#`, `b"…"`, `br#"…"#`, `b'…'`; zero when it is none of these.
fn prefixed_text_len(chars: &[char]) -> usize {
    let letters = chars.iter().take_while(|c| matches!(c, 'r' | 'b' | 'c')).count();
    let hashes = chars[letters..].iter().take_while(|&&c| c == '#').count();
    let opening = letters + hashes;
    if letters > 2 || chars.get(opening) != Some(&'"') {
        return 0;
    }
    if !chars[..letters].contains(&'r') {
        return if hashes == 0 { letters + text_len(&chars[letters..]) } else { 0 };
    }
    let closing: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let found = chars[opening + 1..].windows(closing.len()).position(|end| end == closing);
    found.map_or(chars.len(), |found| opening + 1 + found + closing.len())
}

fn tokens(code: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (at, line) in code.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let len = if is_word(first) {
                rest.find(|c| !is_word(c)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            tokens.push(Token { text: rest[..len].to_owned(), line: at + 1 });
            rest = rest[len..].trim_start();
        }
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Where `#[cfg(test)]` holds.
fn test_lines(path: &str, tokens: &[Token]) -> Vec<RangeInclusive<usize>> {
    let words: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
    if ["tests/", "benches/", "fuzz/"]
        .iter()
        .any(|folder| path.starts_with(folder) || path.contains(&format!("/{folder}")))
    {
        return vec![1..=usize::MAX];
    }
    let mut found = Vec::new();
    for at in 0..words.len() {
        match &words[at..] {
            ["#", "!", "[", "cfg", "(", "test", ")", ..] => return vec![1..=usize::MAX],
            ["#", "[", "cfg", "(", "test", ")", ..] | ["#", "[", "cfg", "(", "all", "(", "test", ",", ..] => {
                found.push(tokens[at].line..=tokens[item_end(&words, at)].line);
            }
            _ => {}
        }
    }
    found
}

/// The last token of the item whose attribute begins here.
fn item_end(words: &[&str], from: usize) -> usize {
    let mut depth = 0_i32;
    let mut in_attribute = false;
    for (at, word) in words.iter().enumerate().skip(from) {
        match *word {
            "#" if depth == 0 => in_attribute = true,
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        let is_end = match *word {
            ";" => depth == 0,
            "}" => depth <= 0 && !in_attribute,
            _ => depth < 0,
        };
        if is_end {
            return at;
        }
        in_attribute &= depth > 0 || *word == "#";
    }
    words.len() - 1
}

/// The functions with their first and last line.
pub(crate) fn functions(source: &Source) -> BTreeMap<usize, (String, usize)> {
    let words: Vec<&str> = source.tokens.iter().map(|token| token.text.as_str()).collect();
    let mut found = BTreeMap::new();
    for at in 0..words.len().saturating_sub(2) {
        // `fn(` is a type.
        if words[at] == "fn" && words[at + 1] != "(" {
            let end = &source.tokens[item_end(&words, at)];
            found.insert(source.tokens[at].line, (words[at + 1].to_owned(), end.line));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_texts_are_not_code() {
        let text =
            "a /* /* x */ \" */ b // c\n\"d\\\" // e\" f r#\"g \" h\"# 'i' '\\'' &'j k br\"l\" b'm' r#type";
        let found: Vec<String> =
            Source::new("src/a.rs", text).tokens.into_iter().map(|token| token.text).collect();
        let words: Vec<&str> =
            found.iter().map(String::as_str).filter(|word| is_word(word.chars().next().unwrap())).collect();
        assert_eq!(words, ["a", "b", "f", "j", "k", "b", "r", "type"]);
    }

    #[test]
    fn a_text_of_many_lines_moves_no_line() {
        let source = Source::new("src/a.rs", "const A: &str = \"\n// x\n\";\nfn b() {}\n");
        assert_eq!(source.find(&["fn", "b"]).next().map(|token| token.line), Some(4));
    }

    #[test]
    fn test_code_is_told_from_other_code() {
        let text = "use a::B;\n#[cfg(test)]\n#[allow(dead_code)]\nmod tests {\n    fn c() {}\n}\nfn d() {}\n\
                    #[cfg(test)]\nmod e;\nfn f() {}\n#[cfg(any(test, unix))]\nfn g() {}\n";
        let source = Source::new("src/a.rs", text);
        let test: Vec<usize> = (1..=12).filter(|&line| source.is_test(line)).collect();
        assert_eq!(test, [2, 3, 4, 5, 6, 8, 9]);
    }

    #[test]
    fn a_file_that_is_only_compiled_for_tests_is_test_code() {
        let parent = Source::new("src/a/mod.rs", "#[cfg(test)]\nmod samples;\nmod view;");
        let mut all =
            [parent, Source::new("src/a/samples.rs", "fn a() {}"), Source::new("src/a/view.rs", "fn b() {}")];
        mark_test_files(&mut all);
        assert_eq!(all.map(|source| source.is_test(1)), [true, true, false]);
    }
}

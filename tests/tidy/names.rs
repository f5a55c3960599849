//! The paths that code names, spelled out in full.
//!
//! Owns the resolving of `use` (with its groups and aliases), `crate`, `self` and `super`: a path here
//! begins with a crate, whatever the file calls it. Must not know which paths are allowed.

use std::collections::BTreeMap;

use crate::source::Token;

/// A path that code names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    /// `switchboard::journal::Journal`: what `crate::journal::Journal` is outside of it.
    pub(crate) path: String,
    pub(crate) line: usize,
}

impl Name {
    /// Whether it is this path or something below it.
    pub(crate) fn is_under(&self, path: &str) -> bool {
        self.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    }

    /// The crate it begins with.
    pub(crate) fn root(&self) -> &str {
        self.path.split("::").next().unwrap_or_default()
    }
}

/// Every path that these tokens name.
pub(crate) fn of(path: &str, tokens: &[Token]) -> Vec<Name> {
    let mut reader = Reader { tokens, home: home(path), aliases: BTreeMap::new(), found: Vec::new() };
    // Twice: a path may stand above the `use` that explains it.
    reader.read();
    reader.found.clear();
    reader.read();
    reader.found
}

/// The crate and module that a file is.
fn home(path: &str) -> Vec<String> {
    let (package, inner) = PACKAGES
        .iter()
        .find_map(|(folder, package)| path.strip_prefix(folder).map(|inner| (*package, inner)))
        .unwrap_or(("", path));
    let is_program = package == "switchboard" && PROGRAM.iter().any(|file| inner.starts_with(file));
    let stem = inner.trim_end_matches(".rs");
    let inside = stem.split('/').filter(|part| !matches!(*part, "mod" | "lib" | "main"));
    let package = if is_program { PROGRAM_CRATE } else { package };
    std::iter::once(package).chain(inside).map(str::to_owned).collect()
}

struct Reader<'a> {
    tokens: &'a [Token],
    home: Vec<String>,
    aliases: BTreeMap<String, Vec<String>>,
    found: Vec<Name>,
}

impl<'a> Reader<'a> {
    fn read(&mut self) {
        let mut depth = 0;
        // The modules inside the file that are open here, with the depth of their braces.
        let mut open: Vec<(String, i32)> = Vec::new();
        let mut at = 0;
        while let Some(word) = self.word(at) {
            match word {
                "{" => depth += 1,
                "}" => {
                    depth -= 1;
                    open.retain(|(_, begun)| *begun <= depth);
                }
                "mod" if self.word(at + 2) == Some("{") => {
                    open.push((self.word(at + 1).unwrap_or_default().to_owned(), depth + 1));
                }
                // A module may be called like a library.
                "mod" if self.word(at + 2) == Some(";") => {
                    let name = self.word(at + 1).unwrap_or_default().to_owned();
                    let path = self.home.iter().chain(open.iter().map(|(outer, _)| outer)).chain([&name]);
                    let path = path.cloned().collect();
                    self.aliases.insert(name, path);
                }
                _ => {}
            }
            let modules: Vec<String> = open.iter().map(|(name, _)| name.clone()).collect();
            at = if word == "use" && self.begins_statement(at) {
                let from = if self.word(at + 1) == Some("::") { at + 2 } else { at + 1 };
                self.read_use(from, &[], &modules)
            } else if self.begins_path(at) {
                self.read_path(at, &modules)
            } else {
                at + 1
            };
        }
    }

    /// Reads one tree of a `use`; returns where it ends.
    fn read_use(&mut self, mut at: usize, prefix: &[String], modules: &[String]) -> usize {
        let mut path = prefix.to_vec();
        let line = self.tokens.get(at).map_or(0, |token| token.line);
        while let Some(word) = self.word(at) {
            match word {
                "{" => {
                    at += 1;
                    while !matches!(self.word(at), Some("}" | ";") | None) {
                        at = self.read_use(at, &path, modules);
                        at += usize::from(self.word(at) == Some(","));
                    }
                    return at + 1;
                }
                "::" => {}
                "as" => {
                    let alias = self.word(at + 1).unwrap_or_default().to_owned();
                    self.bind(&path, Some(alias), line, modules);
                    return at + 2;
                }
                "," | "}" | ";" => break,
                "self" if !path.is_empty() => {}
                part => path.push(part.to_owned()),
            }
            at += 1;
        }
        self.bind(&path, None, line, modules);
        // A broken `use` must not stop the reading.
        if self.word(at) == Some(";") || self.word(at).is_none() { at.max(1) } else { at }
    }

    fn bind(&mut self, path: &[String], alias: Option<String>, line: usize, modules: &[String]) {
        let Some(last) = path.last().cloned() else { return };
        let full = self.full(path, modules);
        let alias = alias.unwrap_or(last);
        // `use sled;` explains nothing.
        if alias != "_" && alias != "*" && full != [alias.clone()] {
            self.aliases.insert(alias, full.clone());
        }
        self.found.push(Name { path: full.join("::"), line });
    }

    fn read_path(&mut self, mut at: usize, modules: &[String]) -> usize {
        let line = self.tokens[at].line;
        let mut path = vec![self.tokens[at].text.clone()];
        while let (Some("::"), Some(next)) = (self.word(at + 1), self.word(at + 2))
            && is_name(next)
        {
            path.push(next.to_owned());
            at += 2;
        }
        let path = self.full(&path, modules).join("::");
        self.found.push(Name { path, line });
        at + 1
    }

    fn full(&self, path: &[String], modules: &[String]) -> Vec<String> {
        let here: Vec<String> = self.home.iter().chain(modules).cloned().collect();
        let ups = path.iter().take_while(|part| *part == "super").count();
        let (base, rest) = match path[0].as_str() {
            "crate" => (self.home[..1].to_vec(), &path[1..]),
            "self" => {
                let ups = path[1..].iter().take_while(|part| *part == "super").count();
                (here[..here.len().saturating_sub(ups)].to_vec(), &path[1 + ups..])
            }
            "super" => (here[..here.len().saturating_sub(ups)].to_vec(), &path[ups..]),
            first => match self.aliases.get(first) {
                Some(meant) if meant[0] != first => (meant.clone(), &path[1..]),
                Some(_) | None => (Vec::new(), path),
            },
        };
        base.into_iter().chain(rest.iter().cloned()).collect()
    }

    fn begins_statement(&self, at: usize) -> bool {
        // `impl Trait + use<'a>` is no import.
        self.word(at + 1) != Some("<")
    }

    fn begins_path(&self, at: usize) -> bool {
        let Some(word) = self.word(at).filter(|word| is_name(word)) else { return false };
        let before = at.checked_sub(1).and_then(|before| self.word(before));
        let before_that = at.checked_sub(2).and_then(|before| self.word(before));
        let goes_on = before == Some("::") && before_that.is_some_and(|word| is_name(word) || word == ">");
        let is_other = matches!(before, Some("." | "'" | "fn")) || goes_on;
        let is_crate = (before_that, before) == (Some("extern"), Some("crate"));
        let is_imported_call = self.word(at + 1) == Some("(") && self.aliases.contains_key(word);
        !is_other && (is_crate || is_imported_call || self.word(at + 1) == Some("::"))
    }

    fn word(&self, at: usize) -> Option<&'a str> {
        self.tokens.get(at).map(|token| token.text.as_str())
    }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

const PACKAGES: &[(&str, &str)] = &[
    ("src/", "switchboard"),
    ("protocol/src/", "switchboard_protocol"),
    ("sdk/rust/src/", "switchboard_client"),
    ("loadtest/src/", "switchboard_loadtest"),
    ("simulator/src/", "switchboard_simulator"),
    ("fuzz/src/", "switchboard_fuzz"),
];

/// What `crate` is in the command line, which is a crate beside the library.
pub(crate) const PROGRAM_CRATE: &str = "(the program)";

/// The files of the command line.
const PROGRAM: &[&str] = &["main.rs", "admin/", "chat", "quarantine.rs"];

#[cfg(test)]
mod tests {
    use crate::source::Source;

    fn names(path: &str, text: &str) -> Vec<String> {
        Source::new(path, text).names.into_iter().map(|name| name.path).collect()
    }

    #[test]
    fn groups_and_aliases_are_spelled_out() {
        let text = "use std::{fs::{self, File}, time as t};\nuse sled as db;\n\
                    fn a() { t::Instant::now(); db::open(); fs::read(); }";
        let all = [
            "std::fs",
            "std::fs::File",
            "std::time",
            "sled",
            "std::time::Instant::now",
            "sled::open",
            "std::fs::read",
        ];
        assert_eq!(names("src/a.rs", text), all);
    }

    #[test]
    fn a_path_above_its_use_is_understood_too() {
        let text = "fn a() { Clock::now(); }\nuse std::time::Instant as Clock;";
        assert_eq!(names("src/a.rs", text), ["std::time::Instant::now", "std::time::Instant"]);
    }

    #[test]
    fn relative_paths_start_from_the_module_they_are_in() {
        let text = "use super::store::Store;\nuse crate::clock;\n\
                    mod tests {\n    use super::*;\n    use super::super::tail;\n}\n\
                    fn a() -> self::View { clock::now() }";
        let all = [
            "switchboard::journal::store::Store",
            "switchboard::clock",
            "switchboard::journal::read::*",
            "switchboard::journal::tail",
            "switchboard::journal::read::View",
            "switchboard::clock::now",
        ];
        assert_eq!(names("src/journal/read/mod.rs", text), all);
    }

    #[test]
    fn a_module_that_is_called_like_a_library_is_not_the_library() {
        assert_eq!(
            names("src/daemon.rs", "use crate::config;\nfn a() { config::load() }")[1],
            "switchboard::config::load"
        );
        assert_eq!(names("src/config.rs", "fn a() { config::File::from(x) }"), ["config::File::from"]);
    }

    #[test]
    fn texts_comments_and_generics_confuse_nothing() {
        let text =
            "/// [`sled::Db`]\nfn a(x: Vec<::quinn::Connection>) { \"ractor::x\"; x.map(Vec::<u8>::len) }";
        assert_eq!(names("src/a.rs", text), ["quinn::Connection", "Vec"]);
    }
}

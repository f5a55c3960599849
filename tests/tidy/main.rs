//! The house rules, checked over every tracked file of the workspace.
//!
//! Owns the list of rules and the proof that each of them can say no: every rule has bad fixtures in
//! `fixtures/<rule>/` that it must reject at exactly the lines they name. Must not know how the engine
//! works. What a rule looks for is in [`imports`], [`shape`], [`habits`] and [`papers`].
//!
//! A fixture ends with directives that the rules do not see:
//!
//! ```text
//! //~ path: src/domain/x.rs        the place in the tree that it pretends to have
//! //~ bad: 3 7                     the lines that must be rejected, none for a good fixture
//! //~ also: docs/decisions/0001-a.md   other files of the pretended tree
//! ```

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how a test fails")]

mod habits;
mod imports;
mod names;
mod papers;
mod shape;
mod source;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use source::{Source, Tree, Violation};

type Check = fn(&Source, &Tree) -> Vec<Violation>;

/// Every rule, by the name of its folder of fixtures.
const RULES: &[(&str, Check)] = &[
    ("import_table", imports::import_table),
    ("one_way_in", imports::one_way_in),
    ("opening", shape::opening),
    ("file_length", shape::file_length),
    ("function_length", shape::function_length),
    ("lines", shape::lines),
    ("reasons", habits::reasons),
    ("unfinished", habits::unfinished),
    ("sleeping_tests", habits::sleeping_tests),
    ("debris", habits::debris),
    ("printing", habits::printing),
    ("secrets", habits::secrets),
    ("dependencies", papers::dependencies),
    ("no_abort", papers::no_abort),
    ("decisions", papers::decisions),
    ("links", papers::links),
];

#[test]
fn the_tree_is_tidy() {
    let root = root();
    let texts = tracked(&root);
    let (_, manifest) =
        texts.iter().find(|(path, _)| path == "Cargo.toml").expect("the root manifest is tracked");
    let tree = Tree::new(texts.iter().map(|(path, _)| path.as_str()), manifest);
    let mut sources: Vec<Source> = texts.iter().map(|(path, text)| Source::new(path, text)).collect();
    source::mark_test_files(&mut sources);
    assert!(sources.iter().filter(|source| source.is_rust()).count() > 50, "the rules do not see the tree");
    let mut found = BTreeSet::new();
    for (name, check) in RULES {
        found.extend(
            sources
                .iter()
                .flat_map(|file| check(file, &tree))
                .map(|violation| format!("{violation} [{name}]")),
        );
    }
    let list: Vec<String> = found.into_iter().collect();
    assert!(list.is_empty(), "{} places are not tidy:\n{}", list.len(), list.join("\n"));
}

#[test]
fn every_rule_rejects_its_bad_fixtures() {
    for (rule, check) in RULES {
        let fixtures = fixtures(rule);
        assert!(fixtures.iter().any(|fixture| !fixture.bad.is_empty()), "{rule} has no bad fixture");
        for fixture in fixtures {
            let source = Source::new(&fixture.path, &fixture.text);
            let said = check(&source, &fixture.tree);
            let lines: BTreeSet<usize> = said.iter().map(|violation| violation.line).collect();
            assert_eq!(lines, fixture.bad, "{rule}, {}: {said:#?}", fixture.file.display());
            for violation in said {
                let place = format!("{}:{}: ", fixture.path, violation.line);
                assert!(violation.to_string().starts_with(&place), "{violation} does not name its place");
            }
        }
    }
}

#[test]
fn every_fixture_belongs_to_a_rule() {
    let rules: BTreeSet<&str> = RULES.iter().map(|(name, _)| *name).collect();
    for folder in files_in(&root().join(FIXTURES)) {
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        assert!(rules.contains(name), "{} belongs to no rule", folder.display());
    }
}

/// A text that pretends to be a file of the tree.
struct Fixture {
    file: PathBuf,
    path: String,
    text: String,
    bad: BTreeSet<usize>,
    tree: Tree,
}

fn fixtures(rule: &str) -> Vec<Fixture> {
    files_in(&root().join(FIXTURES).join(rule)).into_iter().map(fixture).collect()
}

fn fixture(file: PathBuf) -> Fixture {
    let whole = fs::read_to_string(&file).unwrap();
    let (text, directives) = whole.split_at(whole.find(DIRECTIVE).expect("a fixture has directives"));
    let of = |name: &str| {
        let start = format!("{DIRECTIVE} {name}:");
        directives.lines().find_map(|line| line.strip_prefix(&start)).map_or("", str::trim)
    };
    let path = of("path").to_owned();
    assert!(!path.is_empty(), "{} does not say which file it pretends to be", file.display());
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let tree = Tree::new(of("also").split_whitespace().chain([path.as_str()]), &manifest);
    let bad = of("bad").split_whitespace().map(|line| line.parse().expect("a line number")).collect();
    Fixture { text: text.to_owned(), path, bad, tree, file }
}

/// Every tracked file that holds text, with its path from the root.
fn tracked(root: &Path) -> Vec<(String, String)> {
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(root).output();
    let listed = listed.ok().filter(|listed| listed.status.success()).map(|listed| listed.stdout);
    let paths = match listed.filter(|listed| !listed.is_empty()) {
        Some(listed) => {
            String::from_utf8(listed).unwrap().split_terminator('\0').map(str::to_owned).collect()
        }
        // An unpacked archive has no git.
        None => walked(root, ""),
    };
    let paths = paths.into_iter().filter(|path| !path.starts_with(FIXTURES));
    // A file may be gone that git still knows of, and not every file is text.
    paths.filter_map(|path| fs::read_to_string(root.join(&path)).ok().map(|text| (path, text))).collect()
}

fn walked(root: &Path, folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    for file in files_in(&root.join(folder)) {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        if !file.is_dir() {
            found.push(path);
        } else if !["target", ".git", "data"].contains(&path.as_str()) {
            found.extend(walked(root, &path));
        }
    }
    found
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

const FIXTURES: &str = "tests/tidy/fixtures";
const DIRECTIVE: &str = "//~";

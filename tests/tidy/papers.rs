//! Manifests and prose.
//!
//! Owns what can be checked of them without Rust: where versions are written, that a panic never ends
//! the process, that decisions are numbered and that links lead somewhere.

use crate::source::{Source, Tree, Violation};

/// Every dependency of every member takes its version and features from the root manifest.
pub(crate) fn dependencies(file: &Source, _: &Tree) -> Vec<Violation> {
    if !file.is_manifest() {
        return Vec::new();
    }
    let mut section = String::new();
    // A table of its own, `[dependencies.x]`, with the line it begins at, until its `workspace = true`.
    let mut table: Option<(usize, String)> = None;
    let mut found = Vec::new();
    let own_version = |at, name: &str| file.violation(at, format!("{name} is not `workspace = true`"));
    for (at, line) in file.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(head) = line.strip_prefix('[') {
            found.extend(table.take().map(|(at, name)| own_version(at, &name)));
            section = head.trim_end_matches(']').to_owned();
            let inner = section.rsplit_once('.').filter(|(outer, _)| is_dependencies(outer));
            table = inner.map(|(_, name)| (at, name.to_owned()));
        } else if let Some((key, value)) = line.split_once('=') {
            let (key, value) = (key.trim(), value.trim());
            if table.is_some() && key == "workspace" && value == "true" {
                table = None;
            }
            let is_shared =
                value.contains("workspace = true") || (key.ends_with(".workspace") && value == "true");
            if is_dependencies(&section) && !is_shared {
                found.push(own_version(at, key.split('.').next().unwrap_or_default()));
            }
        }
    }
    found.extend(table.map(|(at, name)| own_version(at, &name)));
    found
}

/// A panic ends an actor, which its supervisor restarts; it never ends the process.
pub(crate) fn no_abort(file: &Source, _: &Tree) -> Vec<Violation> {
    if !file.path.ends_with(".toml") || file.path == "clippy.toml" {
        return Vec::new();
    }
    let without_blanks = |line: &str| line.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    let code = |line: &str| without_blanks(line.split('#').next().unwrap_or_default());
    let lines = file.lines().filter(|(_, line)| {
        ["panic=\"abort\"", "panic=abort", "panic='abort'"].iter().any(|word| code(line).contains(word))
    });
    lines.map(|(at, _)| file.violation(at, "a panic would end the process")).collect()
}

/// Decision records are numbered from 1 without gaps, each number once.
pub(crate) fn decisions(file: &Source, tree: &Tree) -> Vec<Violation> {
    let Some(name) = file.path.strip_prefix(DECISIONS).filter(|name| *name != "README.md") else {
        return Vec::new();
    };
    let numbers = || tree.paths.iter().filter_map(|path| path.strip_prefix(DECISIONS)).filter_map(number);
    let what = match number(name) {
        None => "a decision record is called 0001-what-was-decided.md".to_owned(),
        Some(number) if numbers().filter(|&other| other == number).count() > 1 => {
            format!("number {number} is used twice")
        }
        Some(number) if number > 1 && !numbers().any(|other| other == number - 1) => {
            format!("number {} is missing", number - 1)
        }
        Some(_) => return Vec::new(),
    };
    vec![file.violation(1, what)]
}

/// A link to a file of the tree leads to one.
pub(crate) fn links(file: &Source, tree: &Tree) -> Vec<Violation> {
    if !file.is_prose() {
        return Vec::new();
    }
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut found = Vec::new();
    let mut in_example = false;
    for (at, line) in file.lines() {
        if line.trim_start().starts_with("```") {
            in_example = !in_example;
        } else if !in_example {
            for target in targets(line) {
                let path = target.split(['#', '?']).next().unwrap_or_default();
                let is_elsewhere = target.contains("://") || target.starts_with("mailto:") || path.is_empty();
                if !is_elsewhere && !resolved(folder, path).is_some_and(|path| tree.has(&path)) {
                    found.push(file.violation(at, format!("the link to {target} leads nowhere")));
                }
            }
        }
    }
    found
}

fn is_dependencies(section: &str) -> bool {
    let kind = section.rsplit('.').next().unwrap_or_default();
    matches!(kind, "dependencies" | "dev-dependencies" | "build-dependencies")
        && section != "workspace.dependencies"
}

/// The number of `0012-name.md`.
fn number(name: &str) -> Option<u32> {
    let (number, rest) = name.split_once('-')?;
    let is_record = number.len() == 4 && rest.ends_with(".md") && !rest.contains('/');
    number.parse().ok().filter(|&number| is_record && number > 0)
}

/// Where the links of a line lead: `[text](target)` and `[name]: target`.
fn targets(line: &str) -> Vec<&str> {
    // Every second piece is code.
    let pieces = line.split('`').step_by(2);
    let inline = pieces
        .flat_map(|piece| piece.split("](").skip(1))
        .map(|rest| rest.split(')').next().unwrap_or_default());
    let named = line.strip_prefix('[').and_then(|line| line.split_once("]: ")).map(|(_, target)| target);
    inline.chain(named).filter_map(|target| target.split_whitespace().next()).collect()
}

/// The path from the root of the tree, unless it leads out of it.
fn resolved(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

const DECISIONS: &str = "docs/decisions/";

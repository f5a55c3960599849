//! The forms that were ever stored, and that each is still read as what it was.
//!
//! A file of `tests/golden/stored` never changes and never goes: data folders hold such bytes. Whatever an
//! older program can read is stored as that program stored it; what it cannot bears a higher version, and
//! has its files in that version's folder. `GOLDEN=write` writes files that are missing.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use proptest::prelude::*;

use super::forms::{
    empty_row, latest_entries, listed_rows, newer_entries, newer_workspace, newer_workspace_entries, row,
    row_of, service_entries, waiting,
};
use super::samples::{
    Script, conversation, conversation_id, entries, place, steps, workspace, workspace_entries, workspace_id,
};
use super::*;
use crate::domain::conversation::{Conversation, Side, What};
use crate::domain::hours::Override;
use crate::domain::workspace::{Role, Workspace, WorkspaceEvent};
use crate::journal::Position;

/// Something stored: what it means, how it is stored today, and whether bytes mean it.
struct Case {
    name: String,
    /// The first version that could say it.
    version: u64,
    meaning: String,
    bytes: Vec<u8>,
    means_it: Box<Meaning>,
}

/// Whether bytes mean something.
type Meaning = dyn Fn(&[u8]) -> Result<bool, StoredError>;

#[test]
fn what_was_ever_stored_is_read_as_what_it_was_and_stored_so_today() {
    for case in cases() {
        let stored = golden(&case);
        assert_eq!((case.means_it)(&stored), Ok(true), "{} is read as something else", case.name);
        assert_eq!(case.bytes, stored, "{} is stored differently today: raise its version", case.name);
    }
}

#[test]
fn no_golden_file_is_forgotten() {
    let names: Vec<_> = cases().into_iter().map(|case| format!("{}.hex", case.name)).collect();
    let versions: Vec<_> = (1..).take_while(|version| folder(*version).is_dir()).collect();
    assert_eq!(versions.last(), cases().iter().map(|case| case.version).max().as_ref());
    for version in versions {
        for file in std::fs::read_dir(folder(version)).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            assert!(
                names.contains(&name) || BEFORE_CONSULTATIONS.contains(&(version, &*name)),
                "{name} is read by no test"
            );
        }
    }
}

/// A new kind does not compile here: it needs a number, and then a file.
#[test]
fn every_kind_of_event_has_a_golden_file() {
    let kind = |what: &What| match what {
        What::Started { .. } => 0,
        What::Message(_) => 1,
        What::Assigned { .. } => 2,
        What::Entered { .. } => 3,
        What::Left { .. } => 4,
        What::Completed => 5,
        What::Read { side: Side::Customer, .. } => 6,
        What::Read { side: Side::Staff, .. } => 7,
        What::Unchanged => 8,
        What::Ended => 9,
        What::Called { .. } => 10,
        What::CallRefused { .. } => 11,
        What::Requeued { .. } => 12,
        What::Unserved { .. } => 13,
        What::Explained(_) => 14,
        What::Described(_) => 15,
    };
    let entries = entries().into_iter().map(|(_, entry)| entry);
    let entries = entries.chain(newer_entries().into_iter().map(|(_, entry)| entry));
    let entries = entries.chain(service_entries().into_iter().map(|(_, entry)| entry));
    let entries = entries.chain(latest_entries().map(|(_, entry)| entry));
    let kinds: BTreeSet<_> = entries.flat_map(|entry| entry.events).map(|event| kind(&event.what)).collect();
    assert_eq!(kinds, (0..16).collect());

    let kind = |event: &WorkspaceEvent| match event {
        WorkspaceEvent::Created { .. } => 0,
        WorkspaceEvent::ProfileAdded { .. } => 1,
        WorkspaceEvent::MemberAdded { details, .. } => match details.role {
            Role::Owner => 2,
            Role::Admin => 3,
            Role::Editor => 4,
            Role::Readonly => 5,
        },
        WorkspaceEvent::MemberRenamed { .. } => 6,
        WorkspaceEvent::RoleChanged { .. } => 7,
        WorkspaceEvent::MemberRemoved { .. } => 8,
        WorkspaceEvent::TeamAssignmentSet(_) => 9,
        WorkspaceEvent::TeamHoursSet(_) => 10,
        WorkspaceEvent::TeamServiceSet(_) => 11,
        WorkspaceEvent::ProfileAssignmentSet { .. } => 12,
        WorkspaceEvent::ProfileHoursSet { .. } => 13,
        WorkspaceEvent::BotSet { .. } => 14,
        WorkspaceEvent::GreetingSet { greeting: None, .. } => 15,
        WorkspaceEvent::GreetingSet { greeting: Some(_), .. } => 16,
        WorkspaceEvent::HoursOverridden { manual: None, .. } => 17,
        WorkspaceEvent::HoursOverridden { manual: Some(manual), .. } => match manual.to {
            Override::Open => 18,
            Override::Closed => 19,
        },
        WorkspaceEvent::AwaySet { away: false, .. } => 20,
        WorkspaceEvent::AwaySet { away: true, .. } => 21,
        WorkspaceEvent::CompletionSet { flow: None, .. } => 22,
        WorkspaceEvent::CompletionSet { flow: Some(_), .. } => 23,
    };
    let entries: Vec<_> = workspace_entries().into_iter().chain(changes::entries()).collect();
    let entries: Vec<_> = entries.into_iter().chain(records::workspace_entries()).collect();
    let kinds: BTreeSet<_> = entries.iter().flat_map(|(_, entry)| &entry.events).map(kind).collect();
    assert_eq!(kinds, (0..24).collect());
}

#[test]
fn a_newer_version_of_anything_is_refused_by_name() {
    for case in cases() {
        // The first key of everything is its version.
        let mut bytes = case.bytes.clone();
        let version = bytes.windows(2).position(|window| window == [0xa1, b'v']).unwrap() + 2;
        bytes[version] = 9;
        let error = (case.means_it)(&bytes).unwrap_err();
        assert!(matches!(error, StoredError::Newer { found: 9, .. }), "{}: {error}", case.name);
    }
}

#[test]
fn a_newer_version_of_one_event_is_refused_even_if_its_fields_are_others() {
    let (_, entry) = entries().remove(1);
    let mut bytes = Vec::new();
    encode_entry(&entry, &mut bytes).unwrap();
    let versions = bytes.windows(3).enumerate().filter(|(_, window)| *window == [0xa1, b'v', 1]);
    let event = versions.map(|(at, _)| at).nth(1).unwrap() + 2;
    bytes[event] = 9;
    let newer = StoredError::Newer { what: "event", found: 9, known: NEWEST_EVENT };
    assert_eq!(decode_entry(entry.conversation, &bytes), Err(newer.clone()));
    // The kind becomes a number of the same length: "msg" with its marker is 0xa3 and three bytes.
    let kind = bytes.windows(4).position(|window| window == [0xa3, b'm', b's', b'g']).unwrap();
    bytes[kind..kind + 4].copy_from_slice(&[0x93, 1, 2, 3]);
    assert_eq!(decode_entry(entry.conversation, &bytes), Err(newer));
}

/// A snapshot is a cache: one that cannot say which consultation goes on is made anew from the entries.
#[test]
fn a_snapshot_of_a_served_conversation_from_before_consultations_is_not_used() {
    for (version, name) in BEFORE_CONSULTATIONS {
        let bytes = read_hex(&folder(*version).join(name));
        let error = decode_conversation(workspace_id(1), conversation_id(2), &bytes).unwrap_err();
        assert!(error.to_string().contains("served without a consultation"), "{error}");
    }
}

/// What people are called can be erased from an entry without a trace in its order.
#[test]
fn a_description_whose_content_was_erased_describes_nothing() {
    let (_, entry) = described::entries().remove(1);
    let mut bytes = Vec::new();
    encode_entry(&entry, &mut bytes).unwrap();
    // The content is the last part: an array of one, which becomes empty.
    let content = bytes.windows(3).rposition(|window| window == [0xa1, b'c', 0xc6]).unwrap();
    bytes.truncate(content + 3);
    bytes.extend_from_slice(&[0, 0, 0, 1, 0x90]);
    let erased = decode_entry(entry.conversation, &bytes).unwrap();
    assert_eq!(erased.events[0].what, What::Described(Box::default()));
    assert_eq!((erased.before, erased.after()), (entry.before, entry.after()));
}

#[test]
fn what_is_cut_off_or_goes_on_is_refused() {
    for case in cases() {
        for end in 0..case.bytes.len() {
            assert!((case.means_it)(&case.bytes[..end]).is_err(), "{} cut to {end} bytes", case.name);
        }
        let mut longer = case.bytes.clone();
        longer.push(0xc0);
        assert!((case.means_it)(&longer).is_err(), "{} with a byte more", case.name);
    }
}

proptest! {
    #[test]
    fn every_entry_and_state_is_read_as_it_was_stored(steps in steps(80)) {
        let mut script = Script::new(workspace_id(1), conversation_id(2));
        for (at, step) in steps.iter().enumerate() {
            let entry = script.step(at as i64, step);
            let mut bytes = Vec::new();
            encode_entry(&entry, &mut bytes).unwrap();
            prop_assert_eq!(decode_entry(entry.conversation, &bytes).unwrap(), entry);
        }
        let state = script.state;
        let bytes = encode_conversation(&state).unwrap();
        prop_assert_eq!(decode_conversation(state.workspace, state.id, &bytes).unwrap(), state);
    }

    #[test]
    fn no_byte_makes_it_panic(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        which in any::<prop::sample::Index>(),
    ) {
        let cases = cases();
        let case = &cases[which.index(cases.len())];
        let mut bytes = case.bytes.clone();
        bytes[at.index(case.bytes.len())] = byte;
        let _ = (case.means_it)(&bytes);
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |version: u64, name: &str, meaning: String, bytes: Vec<u8>, means_it| {
        cases.push(Case { name: name.to_owned(), version, meaning, bytes, means_it });
    };
    let old = entries().into_iter().map(|(name, entry)| (1, name.to_owned(), entry));
    let newer = newer_entries().into_iter().map(|(name, entry)| (2, name, entry));
    let served = service_entries().into_iter().map(|(name, entry)| (3, name.to_owned(), entry));
    let latest = latest_entries().map(|(name, entry)| (4, name.to_owned(), entry));
    for (version, name, entry) in old.chain(newer).chain(served).chain(latest) {
        let mut bytes = Vec::new();
        encode_entry(&entry, &mut bytes).unwrap();
        let meaning = format!("{entry:?}");
        add(
            version,
            &format!("entry_{name}"),
            meaning,
            bytes,
            Box::new(move |bytes| Ok(decode_entry(entry.conversation, bytes)? == entry)),
        );
    }
    let old = workspace_entries().into_iter().map(|(name, entry)| (1, name.to_owned(), entry));
    let newer = newer_workspace_entries().into_iter().map(|(name, entry)| (2, name, entry));
    let changes = changes::entries().into_iter().map(|(name, entry)| (3, name.to_owned(), entry));
    let latest = records::workspace_entries().into_iter().map(|(name, entry)| (4, name.to_owned(), entry));
    for (version, name, entry) in old.chain(newer).chain(changes).chain(latest) {
        let mut bytes = Vec::new();
        encode_workspace_entry(&entry, &mut bytes).unwrap();
        let meaning = format!("{entry:?}");
        add(
            version,
            &format!("workspace_entry_{name}"),
            meaning,
            bytes,
            Box::new(move |bytes| Ok(decode_workspace_entry(entry.workspace, bytes)? == entry)),
        );
    }
    cases.extend(state_cases());
    cases.extend(row_cases());
    cases.extend(small_cases());
    cases
}

fn state_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |version: u64, name: &str, meaning: String, bytes: Vec<u8>, means_it| {
        cases.push(Case { name: name.to_owned(), version, meaning, bytes, means_it });
    };
    let mut simple = Conversation { silent_since: None, ..conversation() };
    simple.served.consultation = None;
    let ended = Conversation { ended: true, ..simple };
    let unbegun = Conversation::new(workspace_id(1), conversation_id(2));
    let served = Conversation { served: records::without(conversation().served), ..conversation() };
    let states =
        [(1, "empty", unbegun), (2, "over", ended), (3, "served", served), (3, "waiting", waiting())];
    let latest = records::conversations().into_iter().chain([described::conversation(waiting())]);
    let latest = latest.map(|(name, state)| (4, name, state));
    let latest = latest.chain(records::explained().map(|(name, state)| (5, name, state)));
    for (version, name, state) in states.into_iter().chain(latest) {
        add(
            version,
            &format!("conversation_{name}"),
            format!("{state:?}"),
            encode_conversation(&state).unwrap(),
            Box::new(move |bytes| Ok(decode_conversation(state.workspace, state.id, bytes)? == state)),
        );
    }
    for (version, name, state) in [
        (1, "workspace", workspace()),
        (1, "workspace_empty", Workspace::new(workspace_id(1))),
        (2, "workspace_with_keyboard", newer_workspace()),
        (3, "workspace_with_settings", changes::with_settings()),
        (4, "workspace_with_completion", records::with_completion()),
    ] {
        add(
            version,
            name,
            format!("{state:?}"),
            encode_workspace(&state).unwrap(),
            Box::new(move |bytes| Ok(decode_workspace(state.id, bytes)? == state)),
        );
    }
    cases
}

fn row_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |version: u64, name: &str, meaning: String, bytes: Vec<u8>, means_it| {
        cases.push(Case { name: name.to_owned(), version, meaning, bytes, means_it });
    };
    let ended = RowState { ended: true, ..row() };
    let served = row_of(records::without(conversation().served));
    let rows = [
        (1, "row", row()),
        (1, "row_empty", empty_row()),
        (2, "row_ended", ended),
        (3, "row_served", served),
    ];
    let latest = records::conversations().into_iter();
    let latest = latest.map(|(name, state)| (format!("row_{name}"), row_of(state.served)));
    let latest = latest.chain(described::rows(&row())).chain(listed_rows()).map(|(name, row)| (4, name, row));
    let explained = records::explained();
    let explained = explained.map(|(name, state)| (5, format!("row_{name}"), row_of(state.served)));
    let rows = rows.into_iter().map(|(version, name, row)| (version, name.to_owned(), row));
    for (version, name, row) in rows.chain(latest).chain(explained) {
        let name = name.as_str();
        add(
            version,
            name,
            format!("{row:?}"),
            encode_row(&row).unwrap(),
            Box::new(move |bytes| Ok(decode_row(bytes)? == row)),
        );
    }
    for (name, record) in records::records() {
        add(
            4,
            &format!("consultation_{name}"),
            format!("{record:?}"),
            encode_record(&record).unwrap(),
            Box::new(move |bytes| Ok(decode_record(bytes)? == record)),
        );
    }
    cases
}

fn small_cases() -> [Case; 4] {
    let current = CurrentConversation { conversation: conversation_id(2), position: Position(70_000) };
    let damaged = Damaged { revision: 7, reason: "it is missing".to_owned() };
    let mark = FoldMark { position: Position(70_001), digest: [0xd1; 16] };
    [
        Case {
            name: "current_conversation".to_owned(),
            version: 1,
            meaning: format!("{current:?}"),
            bytes: current.encode().unwrap(),
            means_it: Box::new(move |bytes| Ok(CurrentConversation::decode(bytes)? == current)),
        },
        Case {
            name: "damage".to_owned(),
            version: 1,
            meaning: format!("{damaged:?}"),
            bytes: damaged.encode().unwrap(),
            means_it: Box::new(move |bytes| Ok(Damaged::decode(bytes)? == damaged)),
        },
        Case {
            name: "fold_mark".to_owned(),
            version: 1,
            meaning: format!("{mark:?}"),
            bytes: mark.encode().unwrap(),
            means_it: Box::new(move |bytes| Ok(FoldMark::decode(bytes)? == mark)),
        },
        Case {
            name: "page".to_owned(),
            version: 1,
            meaning: "entries 1 to 4 as in the files of their own".to_owned(),
            bytes: page(),
            means_it: Box::new(means_page),
        },
    ]
}

fn page() -> Vec<u8> {
    let mut builder = PageBuilder::new(1, place(0, 0));
    for (_, entry) in entries().into_iter().take(4) {
        let mut bytes = Vec::new();
        encode_entry(&entry, &mut bytes).unwrap();
        builder.push(Bytes::from(bytes), entry.after());
    }
    builder.encode().unwrap()
}

fn means_page(bytes: &[u8]) -> Result<bool, StoredError> {
    let page = Page::decode(bytes)?;
    let expected: Vec<_> = entries().into_iter().take(4).map(|(_, entry)| entry).collect();
    let found = page.entries.iter().map(|bytes| decode_entry(conversation_id(2), bytes));
    let found = found.collect::<Result<Vec<_>, _>>()?;
    let head = (page.first, page.last, page.before, page.after);
    Ok(found == expected && head == (1, 4, place(0, 0), expected[3].after()))
}

/// The bytes in the case's file.
fn golden(case: &Case) -> Vec<u8> {
    let path = folder(case.version).join(format!("{}.hex", case.name));
    if !path.exists() && std::env::var_os("GOLDEN").is_some_and(|what| what == "write") {
        let mut file = String::new();
        for line in case.meaning.lines() {
            writeln!(file, "# {line}").unwrap();
        }
        for line in case.bytes.chunks(32) {
            let hex: String = line.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
            writeln!(file, "{hex}").unwrap();
        }
        std::fs::create_dir_all(folder(case.version)).unwrap();
        std::fs::write(&path, file).unwrap();
    }
    read_hex(&path)
}

fn read_hex(path: &Path) -> Vec<u8> {
    let file = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let hex: String = file.lines().filter(|line| !line.starts_with('#')).collect();
    let digits = hex.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn folder(version: u64) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/stored/v{version}"))
}

/// The newest version that an event is stored in.
const NEWEST_EVENT: u64 = 4;

/// States as they were stored before there were consultations, with somebody who served them.
const BEFORE_CONSULTATIONS: &[(u64, &str)] = &[(1, "conversation_full.hex"), (2, "conversation_ended.hex")];

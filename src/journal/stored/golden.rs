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

use super::messages::{every_kind, masked};
use super::samples::{
    Script, conversation, conversation_id, customer, entries, member_id, place, steps, workspace,
    workspace_entries, workspace_id,
};
use super::*;
use crate::domain::assignment::{
    Agent, Candidate, Choosing, Considered, Explanation, Group, Outcome, Rule, Standing,
    Strategy as AssignmentStrategy, Why,
};
use crate::domain::consultation::{Assignees, Beginning, Consultation, How, Requeued, Stage, Unserved};
use crate::domain::conversation::{Conversation, Entry, Served, Side, Unread, What};
use crate::domain::customer::Details;
use crate::domain::hours::Override;
use crate::domain::listing::{Listing, Past};
use crate::domain::workspace::{Profile, Role, Workspace, WorkspaceEntry, WorkspaceEvent};
use crate::journal::Position;
use switchboard_protocol::vocabulary::{
    CategoryName, CategoryPath, ConsultationId, Party, ProfileId, ProfileTitle, Seq, Timestamp,
};

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
    for version in 1..=NEWEST {
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
    let newer = StoredError::Newer { what: "event", found: 9, known: NEWEST };
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

fn row() -> RowState {
    RowState {
        customer: Some(customer(1)),
        details: Details::default(),
        categories: Vec::new(),
        served: row_served(),
        listing: Listing::of(&row_served()),
        ended: false,
        last_message: "How can I help?".to_owned(),
        last_at: Timestamp::from_millis(1_700_000_003_000),
        unread: Unread { read: place(2, 2), waiting: [place(3, 3), place(9, 7)].into() },
        seq: Seq::new(9).unwrap(),
        revision: 8,
        position: Position(70_000),
    }
}

/// A row that says no more than who serves it.
fn row_of(served: Served) -> RowState {
    RowState { listing: Listing::of(&served), served, ..row() }
}

/// Who served, as rows said it before there were consultations.
fn row_served() -> Served {
    let at = Timestamp::from_millis(1_700_000_003_000);
    let consultation = Consultation {
        id: ConsultationId::from_bytes([0; 16]),
        beginning: Beginning::SteppedIn,
        category: CategoryPath::default(),
        called_at: at,
        waits_since: at,
        stage: Stage::InProgress(member_id(3)),
        why: None,
        served_at: Some(at),
        answered_at: None,
        transfers: 0,
        requeues: 0,
        assignees: Assignees::default(),
    };
    Served { consultation: Some(consultation), ..Served::default() }
}

/// The row of a conversation whose last call was missed by somebody.
fn missed_row() -> RowState {
    let category = described::bank();
    let past = Some(Past { served: false, by: Some(member_id(3)), category });
    let served = Served { epoch: 3, ..Served::default() };
    RowState { served, listing: Listing { past, answered: None }, ..row() }
}

/// Rows that say how the last consultation ended, where that cannot be seen.
fn listed_rows() -> [(String, RowState); 2] {
    [("row_missed".to_owned(), missed_row()), ("row_requeued".to_owned(), requeued_row())]
}

/// The row of one that waits again, whose last one nobody answered for.
fn requeued_row() -> RowState {
    let past = Some(Past { served: false, by: None, category: CategoryPath::default() });
    let listing = Listing { past, answered: Some(member_id(4)) };
    RowState { served: records::without(conversation().served), listing, ..row() }
}

/// The row of a conversation that has not started.
fn empty_row() -> RowState {
    RowState {
        customer: None,
        details: Details::default(),
        categories: Vec::new(),
        served: Served::default(),
        listing: Listing::default(),
        ended: false,
        last_message: String::new(),
        last_at: Timestamp::from_millis(0),
        unread: Unread::default(),
        seq: Seq::ZERO,
        revision: 0,
        position: Position(0),
    }
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

/// Entries that the first version could not say.
fn newer_entries() -> Vec<(String, Entry)> {
    let mut script = Script::new(workspace_id(1), conversation_id(2));
    script.start(1_700_000_000_000, customer(1));
    let kinds = every_kind().into_iter();
    let kinds = kinds.map(|(name, message)| (format!("message_{name}"), What::Message(message)));
    let said = kinds.map(|(name, what)| (name, script.entry(1_700_000_001_000, Party::Bot, vec![what])));
    let mut entries: Vec<_> = said.collect();
    entries.push(("ended".to_owned(), script.entry(1_700_000_002_000, Party::Customer, vec![What::Ended])));
    let mut script = Script::new(workspace_id(1), conversation_id(2));
    script.start(1_700_000_000_000, customer(1));
    let masked = script.entry(1_700_000_001_000, Party::Bot, vec![What::Message(masked())]);
    entries.push(("message_masked".to_owned(), masked));
    entries
}

/// Entries that the second version could not say.
fn service_entries() -> Vec<(&'static str, Entry)> {
    let mut script = Script::new(workspace_id(1), conversation_id(2));
    script.start(1_700_000_000_000, customer(1));
    let (member, other) = (member_id(3), member_id(4));
    let agent = Party::Agent { member };
    let waits = explanation(Outcome::Waits(Why::ForFormer(other)));
    let chosen = explanation(Outcome::Assigned { member, rule: Rule::Specialist });
    let unserved = |why| What::Unserved { why };
    let mut all = Vec::new();
    let mut add = |name, by, whats: Vec<What>| {
        let at = 1_700_000_001_000 + script.state.revision as i64;
        all.push((name, script.entry(at, by, whats)));
    };
    add("called", Party::Customer, vec![called(true, false)]);
    add("explained_waits", Party::Bot, vec![What::Explained(Box::new(waits))]);
    let automatic = What::Assigned { member, how: How::Automatic };
    add("assigned_automatically", Party::Bot, vec![What::Explained(Box::new(chosen)), automatic]);
    add("requeued_absent", Party::Bot, vec![What::Requeued { from: member, why: Requeued::Absent }]);
    add("taken", agent, vec![What::Assigned { member, how: How::Taken }, What::Entered { member }]);
    let transferred = What::Assigned { member: other, how: How::Transferred { from: member } };
    add("transferred", agent, vec![transferred]);
    add("requeued_removed", Party::Bot, vec![What::Requeued { from: other, why: Requeued::Removed }]);
    add("unserved_too_long", Party::Bot, vec![unserved(Unserved::TooLong)]);
    let category = CategoryPath::default();
    add("call_refused", Party::Customer, vec![What::CallRefused { category }]);
    for (name, why) in [
        ("unserved_cancelled", Unserved::Cancelled),
        ("unserved_gave_up", Unserved::GaveUp),
        ("unserved_left", Unserved::Left),
    ] {
        add("called_outside_hours", Party::Customer, vec![called(false, true)]);
        add(name, Party::Customer, vec![unserved(why)]);
    }
    let consultation = ConsultationId::from_bytes([0xc0; 16]);
    let stepped_in = What::Assigned { member, how: How::SteppedIn { consultation } };
    add("stepped_in", agent, vec![stepped_in, What::Entered { member }]);
    let mut seen = BTreeSet::new();
    all.retain(|(name, _)| seen.insert(*name));
    all
}

/// Entries that the third version could not say.
fn latest_entries() -> impl Iterator<Item = (&'static str, Entry)> {
    records::entries().into_iter().chain(described::entries())
}

fn called(in_hours: bool, bot_replies: bool) -> What {
    let category = described::bank();
    What::Called { consultation: ConsultationId::from_bytes([0xc1; 16]), category, in_hours, bot_replies }
}

/// A decision with an agent of every group and standing.
fn explanation(outcome: Outcome) -> Explanation {
    let candidate = |n, group, standing| Candidate {
        member: member_id(n),
        group,
        agent: Agent { standing, load: u32::from(n), turn: u64::from(n) << 40 },
    };
    let considered = Considered {
        consultation: ConsultationId::from_bytes([0xc1; 16]),
        automatic: true,
        open: true,
        choosing: Choosing { sticky: true, or_another: false, strategy: AssignmentStrategy::RoundRobin },
        maximum: 10,
        matched: Some(CategoryPath::new(vec![CategoryName::new("Bank").unwrap()]).unwrap()),
        former: Some(member_id(4)),
        seed: u64::MAX,
        candidates: vec![
            candidate(3, Group::Specialist, Standing::Online),
            candidate(4, Group::General, Standing::Away),
            candidate(5, Group::Outside, Standing::Offline),
        ],
    };
    Explanation { considered, outcome }
}

/// A conversation whose customer waits for an agent.
fn waiting() -> Conversation {
    let mut script = Script::new(workspace_id(1), conversation_id(2));
    script.start(1_700_000_000_000, customer(1));
    script.entry(1_700_000_001_000, Party::Customer, vec![called(false, true)]);
    script.say(1_700_000_002_000, Party::Customer, "Hello?");
    script.state.served.former = Some(member_id(4));
    script.state
}

/// A workspace whose bot greets with something to press, and the entry that it comes from.
fn newer_workspace() -> Workspace {
    let mut state = Workspace::new(workspace_id(1));
    newer_workspace_entries().iter().for_each(|(_, entry)| state.apply(entry));
    state
}

fn newer_workspace_entries() -> Vec<(String, WorkspaceEntry)> {
    let (_, greeting) = every_kind().pop().unwrap();
    let details = Profile { title: ProfileTitle::new("Support").unwrap(), greeting: Some(greeting) };
    let profile = ProfileId::from_bytes([0x70; 16]);
    let events = vec![WorkspaceEvent::ProfileAdded { profile, details }];
    let at = Timestamp::from_millis(1_700_000_000_000);
    let entry =
        WorkspaceEntry { workspace: workspace_id(1), revision: 1, at, by: None, origin: None, events };
    vec![("profile_with_keyboard".to_owned(), entry)]
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

/// The newest version that anything is stored in.
const NEWEST: u64 = 4;

/// States as they were stored before there were consultations, with somebody who served them.
const BEFORE_CONSULTATIONS: &[(u64, &str)] = &[(1, "conversation_full.hex"), (2, "conversation_ended.hex")];

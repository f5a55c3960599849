//! Random values of everything that is stored, whether or not the rules would ever make them.
//!
//! Owns how they are made. Must not know what must hold of them.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use proptest::prelude::*;
use switchboard_protocol::vocabulary::{
    CATEGORY_LEVELS_MAX, CategoryName, CategoryPath, ConsultationId, CustomerName, DisplayName, EmailAddress,
    InstanceId, MemberId, Party, Phone, Platform, ProfileId, ProfileTitle, Seq, Timestamp, UserKey,
};

use super::messages::message;
use super::samples::{conversation_id, workspace_id};
use super::*;
use crate::domain::assignment::{
    Agent, Candidate, Choosing, Considered, Explanation, Group, Outcome, Rule, Standing, Strategy as Choice,
    Why,
};
use crate::domain::consultation::{
    ASSIGNEES_MAX, Assignee, Assignees, Beginning, Caller, Consultation, How, Outcome as Ended, Over, Record,
    Requeued, Stage, Unserved,
};
use crate::domain::conversation::{
    AGENTS_MAX, Answer, BotPlace, Client, Clients, Conversation, Entry, Event, Origin, PartyClients, Place,
    Served, Side, Unread, What,
};
use crate::domain::customer::{Details, DetailsChange, Edit, Gender};
use crate::domain::identity::CustomerKey;
use crate::domain::listing::{Listing, Past};
use crate::domain::workspace::{
    Member, MembersAnswers, Profile, Role, Settings, TokenHash, Workspace, WorkspaceEntry, WorkspaceEvent,
};
use crate::journal::Position;

/// A number of any size, often at an edge of how it is encoded.
pub(super) fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        prop::sample::select(vec![
            0,
            1,
            127,
            128,
            255,
            256,
            65_535,
            65_536,
            u64::from(u32::MAX),
            1 << 32,
            u64::MAX
        ]),
    ]
}

fn seq() -> impl Strategy<Value = Seq> {
    number().prop_map(|value| Seq::new(value % (Seq::MAX.get() + 1)).unwrap())
}

pub(super) fn place() -> impl Strategy<Value = Place> {
    (seq(), seq()).prop_map(|(staff, customer)| Place { staff, customer })
}

fn at() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp::from_millis)
}

fn member_id() -> impl Strategy<Value = MemberId> {
    any::<[u8; 16]>().prop_map(MemberId::from_bytes)
}

fn instance_id() -> impl Strategy<Value = InstanceId> {
    any::<[u8; 16]>().prop_map(InstanceId::from_bytes)
}

fn party() -> impl Strategy<Value = Party> {
    prop_oneof![
        Just(Party::Customer),
        Just(Party::Bot),
        member_id().prop_map(|member| Party::Agent { member })
    ]
}

fn customer() -> impl Strategy<Value = CustomerKey> {
    let key = (any::<[u8; 16]>(), "\\PC{1,100}", "\\PC{1,90}");
    key.prop_map(|(profile, platform, user_key)| CustomerKey {
        profile: ProfileId::from_bytes(profile),
        platform: Platform::new(platform).unwrap(),
        user_key: UserKey::new(user_key).unwrap(),
    })
}

fn category() -> impl Strategy<Value = CategoryPath> {
    let name = "\\PC{1,100}".prop_map(|name| CategoryName::new(name).unwrap());
    prop::collection::vec(name, 0..=CATEGORY_LEVELS_MAX).prop_map(|names| CategoryPath::new(names).unwrap())
}

fn details() -> impl Strategy<Value = Details> {
    let name = prop::option::of("\\PC{0,30}x\\PC{0,29}".prop_map(|name| CustomerName::new(name).unwrap()));
    let phone = prop::option::of("[0-9]{3,20}".prop_map(|phone| Phone::new(phone).unwrap()));
    let email = prop::option::of("[a-z가]{1,60}@[a-z]{1,60}".prop_map(|it| EmailAddress::new(it).unwrap()));
    let genders = vec![Gender::Female, Gender::Male, Gender::Other];
    let gender = prop::option::of(prop::sample::select(genders));
    (name, phone, email, gender).prop_map(|(name, phone, email, gender)| Details {
        name,
        phone,
        email,
        gender,
    })
}

fn details_change() -> impl Strategy<Value = DetailsChange> {
    fn edit<T>(value: Option<T>, clear: bool) -> Edit<T> {
        match value {
            Some(_) if clear => Edit::Clear,
            Some(value) => Edit::Set(value),
            None => Edit::Leave,
        }
    }
    (details(), any::<[bool; 4]>()).prop_map(|(details, clear)| DetailsChange {
        name: edit(details.name, clear[0]),
        phone: edit(details.phone, clear[1]),
        email: edit(details.email, clear[2]),
        gender: edit(details.gender, clear[3]),
    })
}

fn why() -> impl Strategy<Value = Why> {
    prop_oneof![
        Just(Why::Manual),
        Just(Why::Closed),
        member_id().prop_map(Why::ForFormer),
        Just(Why::NobodyFree),
    ]
}

fn consultation_id() -> impl Strategy<Value = ConsultationId> {
    any::<[u8; 16]>().prop_map(ConsultationId::from_bytes)
}

fn explanation() -> impl Strategy<Value = Explanation> {
    let group = prop::sample::select(vec![Group::Specialist, Group::General, Group::Outside]);
    let standing = prop::sample::select(vec![Standing::Online, Standing::Away, Standing::Offline]);
    let candidate = (member_id(), group, standing, any::<u32>(), any::<u64>()).prop_map(
        |(member, group, standing, load, turn)| Candidate {
            member,
            group,
            agent: Agent { standing, load, turn },
        },
    );
    let strategies = vec![Choice::Random, Choice::RoundRobin, Choice::LeastLoaded];
    let choosing = (any::<bool>(), any::<bool>(), prop::sample::select(strategies));
    let choosing =
        choosing.prop_map(|(sticky, or_another, strategy)| Choosing { sticky, or_another, strategy });
    let rule = prop::sample::select(vec![Rule::Sticky, Rule::Specialist, Rule::General]);
    let outcome = prop_oneof![
        (member_id(), rule).prop_map(|(member, rule)| Outcome::Assigned { member, rule }),
        why().prop_map(Outcome::Waits),
    ];
    let who = (prop::option::of(category()), prop::option::of(member_id()), any::<u64>());
    let rest = (consultation_id(), any::<(bool, bool)>(), choosing, any::<u32>(), who);
    (rest, prop::collection::vec(candidate, 0..5), outcome).prop_map(
        |(
            (consultation, (automatic, open), choosing, maximum, (matched, former, seed)),
            candidates,
            outcome,
        )| {
            let considered = Considered {
                consultation,
                automatic,
                open,
                choosing,
                maximum,
                matched,
                former,
                seed,
                candidates,
            };
            Explanation { considered, outcome }
        },
    )
}

fn how() -> impl Strategy<Value = How> {
    prop_oneof![
        Just(How::Automatic),
        Just(How::Taken),
        consultation_id().prop_map(|consultation| How::SteppedIn { consultation }),
        member_id().prop_map(|from| How::Transferred { from }),
    ]
}

fn service() -> impl Strategy<Value = What> {
    let requeued = prop::sample::select(vec![Requeued::Absent, Requeued::Removed]);
    prop_oneof![
        (consultation_id(), category(), any::<(bool, bool)>()).prop_map(
            |(consultation, category, (in_hours, bot_replies))| What::Called {
                consultation,
                category,
                in_hours,
                bot_replies,
            }
        ),
        category().prop_map(|category| What::CallRefused { category }),
        (member_id(), how()).prop_map(|(member, how)| What::Assigned { member, how }),
        (member_id(), requeued).prop_map(|(from, why)| What::Requeued { from, why }),
        prop::sample::select(UNSERVED.to_vec()).prop_map(|why| What::Unserved { why }),
        explanation().prop_map(|explanation| What::Explained(Box::new(explanation))),
    ]
}

fn consultation() -> impl Strategy<Value = Consultation> {
    let caller = prop::sample::select(vec![Caller::Customer, Caller::Bot]);
    let beginning = prop_oneof![
        (caller, any::<(bool, bool)>()).prop_map(|(by, (in_hours, bot_replies))| Beginning::Called {
            by,
            in_hours,
            bot_replies
        }),
        Just(Beginning::SteppedIn),
    ];
    let stage = prop_oneof![
        Just(Stage::Waiting),
        member_id().prop_map(Stage::Assigned),
        member_id().prop_map(Stage::InProgress),
    ];
    let times = (at(), at(), prop::option::of(at()), prop::option::of(at()));
    let counts = (any::<u32>(), any::<u32>(), assignees(), prop::option::of(why()));
    let rest = (consultation_id(), beginning, category(), times, stage, counts);
    rest.prop_map(|(id, beginning, category, times, stage, (transfers, requeues, assignees, why))| {
        let mut consultation = Consultation {
            id,
            beginning,
            category,
            called_at: times.0,
            waits_since: times.1,
            stage,
            why,
            served_at: times.2,
            answered_at: times.3,
            transfers,
            requeues,
            assignees,
        };
        // Whoever stepped in stepped into this one.
        for assignee in &mut consultation.assignees.last {
            if let How::SteppedIn { consultation } = &mut assignee.how {
                *consultation = id;
            }
        }
        consultation
    })
}

fn assignees() -> impl Strategy<Value = Assignees> {
    let assignee = (member_id(), how(), at(), prop::option::of(at()))
        .prop_map(|(member, how, since, until)| Assignee { member, how, since, until });
    (prop::collection::vec_deque(assignee, 0..=ASSIGNEES_MAX), any::<u32>())
        .prop_map(|(last, earlier)| Assignees { last, earlier })
}

pub(super) fn record() -> impl Strategy<Value = Record> {
    let outcome = prop_oneof![
        Just(Ended::Completed),
        prop::sample::select(UNSERVED.to_vec()).prop_map(Ended::Unserved),
    ];
    (consultation(), at(), outcome)
        .prop_map(|(consultation, at, outcome)| Record { consultation, over: Some(Over { at, outcome }) })
}

fn event() -> impl Strategy<Value = Event> {
    let side = prop::sample::select(vec![Side::Customer, Side::Staff]);
    let what = prop_oneof![
        (customer(), prop::option::of(member_id()))
            .prop_map(|(customer, former)| What::Started { customer, former }),
        message().prop_map(What::Message),
        service(),
        member_id().prop_map(|member| What::Entered { member }),
        member_id().prop_map(|member| What::Left { member }),
        Just(What::Completed),
        Just(What::Ended),
        details_change().prop_map(|change| What::Described(Box::new(change))),
        (side, place()).prop_map(|(side, up_to)| What::Read { side, up_to }),
        Just(What::Unchanged),
    ];
    (party(), what).prop_map(|(by, what)| Event { by, what })
}

pub(super) fn entry() -> impl Strategy<Value = Entry> {
    let origin = (party(), instance_id(), number());
    let origin = origin.prop_map(|(party, instance, counter)| Origin { party, instance, counter });
    let events = prop::collection::vec(event(), 1..6);
    let rest = (prop::option::of(origin), prop::option::of(number()), events);
    (number(), place(), at(), rest).prop_map(|(revision, before, at, (origin, epoch, events))| Entry {
        conversation: conversation_id(2),
        revision,
        before,
        at,
        origin,
        epoch,
        events,
    })
}

fn unread() -> impl Strategy<Value = Unread> {
    let waiting = prop::collection::vec_deque(place(), 0..40);
    (place(), waiting).prop_map(|(read, waiting)| Unread { read, waiting })
}

fn clients() -> impl Strategy<Value = Clients> {
    let answer = (number(), prop::option::of(place()), any::<bool>(), at())
        .prop_map(|(revision, place, customer_sees, at)| Answer { revision, place, customer_sees, at });
    let answers = prop::collection::vec_deque((number(), answer), 0..6);
    let client = (instance_id(), answers, number()).prop_map(|(instance, answers, dropped)| Client {
        instance,
        answers,
        dropped,
    });
    let instances = prop::collection::vec_deque(client, 0..4);
    let of_party = (prop::option::of(instance_id()), instances)
        .prop_map(|(forgotten, instances)| PartyClients { forgotten, instances });
    prop::collection::btree_map(party(), of_party, 0..4).prop_map(|parties| Clients { parties })
}

fn served() -> impl Strategy<Value = Served> {
    let agents = prop::collection::btree_set(member_id(), 0..AGENTS_MAX);
    let bot = prop_oneof![
        Just(BotPlace::On),
        category().prop_map(|category| BotPlace::Parked { category }),
        Just(BotPlace::Start),
    ];
    let rest = (prop::option::of(consultation()), number(), prop::option::of(member_id()), bot);
    (agents, rest).prop_map(|(agents, (consultation, epoch, former, bot))| Served {
        agents: BTreeSet::from_iter(agents),
        consultation,
        epoch,
        former,
        bot,
    })
}

pub(super) fn conversation() -> impl Strategy<Value = Conversation> {
    let service = (served(), prop::option::of(number()), prop::option::of(at()), any::<bool>());
    let counts = (unread(), unread(), clients());
    let who = (prop::option::of(customer()), details());
    (who, number(), place(), at(), service, counts).prop_map(
        |((customer, details), revision, last, last_at, (served, owed, silent_since, ended), counts)| {
            let (customer_unread, staff_unread, clients) = counts;
            Conversation {
                customer,
                details,
                revision,
                last,
                last_at,
                served,
                owed,
                silent_since,
                ended,
                customer_unread,
                staff_unread,
                clients,
                ..Conversation::new(workspace_id(1), conversation_id(2))
            }
        },
    )
}

fn title() -> impl Strategy<Value = ProfileTitle> {
    "\\PC{1,30}".prop_map(|title| ProfileTitle::new(title).unwrap())
}

fn member() -> impl Strategy<Value = Member> {
    let role = prop::sample::select(vec![Role::Owner, Role::Admin, Role::Editor, Role::Readonly]);
    ("\\PC{1,30}", role, any::<[u8; 32]>()).prop_map(|(name, role, token)| Member {
        name: DisplayName::new(name).unwrap(),
        role,
        token_hash: TokenHash(token),
    })
}

fn profile() -> impl Strategy<Value = Profile> {
    (title(), prop::option::of(message())).prop_map(|(title, greeting)| Profile { title, greeting })
}

fn profile_id() -> impl Strategy<Value = ProfileId> {
    any::<[u8; 16]>().prop_map(ProfileId::from_bytes)
}

pub(super) fn workspace() -> impl Strategy<Value = Workspace> {
    let members = prop::collection::btree_map(member_id(), member(), 0..6);
    let profiles = prop::collection::btree_map(profile_id(), profile(), 0..4);
    let away = prop::collection::btree_set(member_id(), 0..3);
    let settings = prop_oneof![Just(Settings::default()), changes::settings()];
    let answers = prop_oneof![Just(MembersAnswers::default()), changes::answers()];
    (prop::option::of(title()), number(), at(), members, profiles, away, settings, answers).prop_map(
        |(name, revision, last_at, members, profiles, away, settings, answers)| Workspace {
            id: workspace_id(1),
            name,
            revision,
            last_at,
            members: BTreeMap::from_iter(members),
            profiles,
            away,
            settings,
            answers,
        },
    )
}

pub(super) fn workspace_entry() -> impl Strategy<Value = WorkspaceEntry> {
    let event = prop_oneof![
        title().prop_map(|name| WorkspaceEvent::Created { name }),
        (member_id(), member()).prop_map(|(member, details)| WorkspaceEvent::MemberAdded { member, details }),
        (profile_id(), profile())
            .prop_map(|(profile, details)| WorkspaceEvent::ProfileAdded { profile, details }),
        changes::event(),
    ];
    let origin = prop::option::of((instance_id(), number()));
    let by = prop::option::of((member_id(), origin));
    (number(), at(), by, prop::collection::vec(event, 1..4)).prop_map(|(revision, at, by, events)| {
        let origin = by.and_then(|(member, origin)| {
            let party = Party::Agent { member };
            origin.map(|(instance, counter)| Origin { party, instance, counter })
        });
        let by = by.map(|(member, _)| member);
        WorkspaceEntry { workspace: workspace_id(1), revision, at, by, origin, events }
    })
}

pub(super) fn row() -> impl Strategy<Value = RowState> {
    let latest = ("(?s).{0,80}", at(), unread(), seq(), any::<bool>());
    let who = (prop::option::of(customer()), details(), prop::collection::vec(category(), 0..3));
    (who, served(), listing(), latest, number(), number()).prop_map(
        |(who, served, listing, (last_message, last_at, unread, seq, ended), revision, position)| {
            let (customer, details, categories) = who;
            RowState {
                customer,
                details,
                categories,
                listing: listing.unwrap_or_else(|| Listing::of(&served)),
                served,
                ended,
                last_message,
                last_at,
                unread,
                seq,
                revision,
                position: Position(position),
            }
        },
    )
}

/// What is known of the last consultation, unless that is what is seen of who serves it.
fn listing() -> impl Strategy<Value = Option<Listing>> {
    let past = (any::<bool>(), prop::option::of(member_id()), category())
        .prop_map(|(served, by, category)| Past { served, by, category });
    let listing = (prop::option::of(past), prop::option::of(member_id()))
        .prop_map(|(past, answered)| Listing { past, answered });
    prop::option::of(listing)
}

/// A page: its first revision, the place before it, and its entries with the place after each.
pub(super) fn page() -> impl Strategy<Value = (u64, Place, Vec<(Vec<u8>, Place)>)> {
    let entries = prop::collection::vec((prop::collection::vec(any::<u8>(), 0..50), place()), 1..6);
    (number().prop_map(|first| first.min(u64::MAX - 6)), place(), entries)
}

pub(super) fn encoded_page((first, before, entries): &(u64, Place, Vec<(Vec<u8>, Place)>)) -> Vec<u8> {
    let mut builder = PageBuilder::new(*first, *before);
    for (bytes, after) in entries {
        builder.push(Bytes::copy_from_slice(bytes), *after);
    }
    builder.encode().unwrap()
}

/// Why nobody serves something.
const UNSERVED: [Unserved; 5] =
    [Unserved::Cancelled, Unserved::GaveUp, Unserved::Left, Unserved::Dismissed, Unserved::TooLong];

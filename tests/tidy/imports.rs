//! Who may name whom, and the one way in to each library.
//!
//! Owns the table of rooms and the table of libraries. A new folder needs a line here, and a new
//! exception needs its reason. Must not know how paths are found in code.

use crate::source::{Source, Tree, Violation};

/// A file or folder and what its code may name of this workspace; the longest match counts.
struct Room {
    place: &'static str,
    may: &'static [&'static str],
    /// The only libraries it may name, or any of them, as far as [`one_way_in`] allows it.
    libraries: Libraries,
}

enum Libraries {
    /// Rules: these, and of the standard library nothing that does input or output or reads a clock.
    Only(&'static [&'static str]),
    Any,
}

/// A room names only what the table lets it.
pub(crate) fn import_table(file: &Source, tree: &Tree) -> Vec<Violation> {
    let Some(room) =
        ROOMS.iter().filter(|room| file.path.starts_with(room.place)).max_by_key(|room| room.place.len())
    else {
        return Vec::new();
    };
    let names = file
        .names
        .iter()
        .filter(|name| !EXCEPTIONS.iter().any(|(place, path)| file.path == *place && name.is_under(path)));
    let mut found = Vec::new();
    for name in names {
        let root = name.root();
        let is_ours = root.starts_with("switchboard") || root == crate::names::PROGRAM_CRATE;
        let is_library = tree.libraries.contains(root) && !is_ours;
        let allowed = if is_ours {
            room.may.iter().any(|path| name.is_under(path))
        } else if let Libraries::Only(libraries) = &room.libraries {
            let is_pure = !AMBIENT.iter().any(|path| name.is_under(path));
            file.is_test(name.line) || (is_pure && (!is_library || libraries.contains(&root)))
        } else {
            true
        };
        if !allowed {
            let what = format!(
                "`{}` must not be named in {}; tests/tidy/imports.rs has the table",
                name.path, room.place
            );
            found.push(file.violation(name.line, what));
        }
    }
    found
}

/// A library with an opinion is named in one place only, so that it can be replaced. Tests may name it.
pub(crate) fn one_way_in(file: &Source, _: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for name in file.names.iter().filter(|name| !file.is_test(name.line)) {
        for (library, places) in ONE_WAY_IN {
            if name.is_under(library) && !file.is_in(places) {
                let what = format!("`{}` may be named only in {}", name.path, places.join(", "));
                found.push(file.violation(name.line, what));
            }
        }
    }
    found
}

const ROOMS: &[Room] = &[
    // The library, from the rules outwards.
    Room {
        place: "src/domain/",
        may: &["switchboard::domain", "switchboard_protocol::vocabulary"],
        libraries: Libraries::Only(&["thiserror"]),
    },
    // Civil time and time zones, of a library that is built without clock and files.
    Room {
        place: "src/domain/hours/",
        may: &["switchboard::domain", "switchboard_protocol::vocabulary"],
        libraries: Libraries::Only(&["jiff", "thiserror"]),
    },
    // Tables of characters, and nothing else.
    Room {
        place: "src/domain/search.rs",
        may: &["switchboard::domain", "switchboard_protocol::vocabulary"],
        libraries: Libraries::Only(&["thiserror", "unicode_normalization"]),
    },
    Room {
        place: "src/machines/",
        may: &["switchboard::machines", "switchboard::domain", "switchboard_protocol::vocabulary"],
        libraries: Libraries::Only(&["thiserror"]),
    },
    Room {
        place: "src/limits.rs",
        may: &[
            "switchboard::domain",
            "switchboard::machines",
            "switchboard::journal",
            "switchboard::limits",
            "switchboard_protocol",
        ],
        libraries: Libraries::Only(&[]),
    },
    Room {
        place: "src/clock.rs",
        may: &["switchboard::clock", "switchboard_protocol::vocabulary"],
        libraries: Libraries::Any,
    },
    Room {
        place: "src/stats/",
        may: &["switchboard::stats", "switchboard::limits"],
        libraries: Libraries::Any,
    },
    Room {
        place: "src/journal/",
        may: &[
            "switchboard::journal",
            "switchboard::domain",
            "switchboard::machines",
            "switchboard::clock",
            "switchboard::limits",
            "switchboard::stats",
            "switchboard_protocol::vocabulary",
        ],
        libraries: Libraries::Any,
    },
    Room {
        place: "src/actors/",
        may: &[
            "switchboard::actors",
            "switchboard::domain",
            "switchboard::machines",
            "switchboard::journal",
            "switchboard::stats",
            "switchboard::clock",
            "switchboard::limits",
            "switchboard_protocol::vocabulary",
        ],
        libraries: Libraries::Any,
    },
    Room { place: "src/transport/", may: OUTSIDE, libraries: Libraries::Any },
    // The one folder where wire and domain meet for settings, as in `src/transport/wire.rs` for the rest.
    Room {
        place: "src/transport/settings/",
        may: &[
            "switchboard::transport",
            "switchboard::actors::session",
            "switchboard::clock",
            "switchboard::domain",
            "switchboard::limits",
            "switchboard_protocol",
        ],
        libraries: Libraries::Any,
    },
    Room { place: "src/http/", may: OUTSIDE, libraries: Libraries::Any },
    // The daemon and what belongs to it.
    Room { place: "src/lib.rs", may: &["switchboard"], libraries: Libraries::Any },
    // Its test talks to it as a client.
    Room { place: "src/daemon.rs", may: &["switchboard", "switchboard_client"], libraries: Libraries::Any },
    Room {
        place: "src/config.rs",
        may: &["switchboard::config", "switchboard::limits"],
        libraries: Libraries::Any,
    },
    Room {
        place: "src/ready.rs",
        may: &["switchboard::ready", "switchboard_protocol::vocabulary"],
        libraries: Libraries::Any,
    },
    Room { place: "src/health.rs", may: &["switchboard::health"], libraries: Libraries::Any },
    Room {
        place: "src/demo.rs",
        may: &[
            "switchboard::clock",
            "switchboard::domain",
            "switchboard::journal",
            "switchboard::ready",
            "switchboard_protocol::vocabulary",
        ],
        libraries: Libraries::Any,
    },
    // The command line: the daemon's doors, and the SDK for the chat.
    Room {
        place: "src/main.rs",
        may: &[
            crate::names::PROGRAM_CRATE,
            "switchboard::config",
            "switchboard::daemon",
            "switchboard::health",
            "switchboard::journal",
            "switchboard::ready",
        ],
        libraries: Libraries::Any,
    },
    Room {
        place: "src/chat",
        may: &[
            crate::names::PROGRAM_CRATE,
            "switchboard::ready",
            "switchboard_client",
            "switchboard_protocol::vocabulary",
        ],
        libraries: Libraries::Any,
    },
    // Whoever adds a member draws the secret that proves them.
    Room {
        place: "src/admin/",
        may: &[crate::names::PROGRAM_CRATE, "switchboard::clock", "switchboard_client"],
        libraries: Libraries::Any,
    },
    Room {
        place: "src/quarantine.rs",
        may: &[crate::names::PROGRAM_CRATE, "switchboard_client"],
        libraries: Libraries::Any,
    },
    // The other crates.
    Room {
        place: "protocol/src/vocabulary/",
        may: &["switchboard_protocol::vocabulary"],
        libraries: Libraries::Only(&["serde", "serde_bytes", "thiserror", "uuid"]),
    },
    Room {
        place: "protocol/src/",
        may: &["switchboard_protocol"],
        libraries: Libraries::Only(&["bytes", "rmp_serde", "serde", "serde_bytes", "thiserror"]),
    },
    Room { place: "sdk/rust/src/backoff.rs", may: SDK_MACHINES, libraries: Libraries::Only(&[]) },
    Room {
        place: "sdk/rust/src/outstanding.rs",
        may: SDK_MACHINES,
        libraries: Libraries::Only(&["thiserror"]),
    },
    Room { place: "sdk/rust/src/progress.rs", may: SDK_MACHINES, libraries: Libraries::Only(&["thiserror"]) },
    Room {
        place: "sdk/rust/src/",
        may: &["switchboard_client", "switchboard_protocol"],
        libraries: Libraries::Any,
    },
    Room {
        place: "loadtest/src/",
        may: &["switchboard_loadtest", "switchboard_client", "switchboard_protocol::vocabulary"],
        libraries: Libraries::Any,
    },
    Room {
        place: "simulator/src/",
        may: &[
            "switchboard_simulator",
            "switchboard::domain",
            "switchboard::machines",
            "switchboard::journal",
            "switchboard::limits",
            "switchboard_client",
            "switchboard_protocol",
        ],
        libraries: Libraries::Any,
    },
    // The power cuts go through the journal's door, with entries as the rules make them.
    Room {
        place: "powercut/src/",
        may: &[
            "switchboard_powercut",
            "switchboard::domain",
            "switchboard::journal",
            "switchboard_protocol::vocabulary",
        ],
        libraries: Libraries::Any,
    },
    Room { place: "powercut/src/disk/", may: &["switchboard_powercut::disk"], libraries: Libraries::Any },
    // Under the daemon as it is, with the SDK's clients.
    Room {
        place: "powercut/src/whole/",
        may: &[
            "switchboard_powercut",
            "switchboard::config",
            "switchboard::daemon",
            "switchboard::ready",
            "switchboard_client",
        ],
        libraries: Libraries::Any,
    },
    // The rules, and the doors that are there for it.
    Room {
        place: "fuzz/src/",
        may: &[
            "switchboard_fuzz",
            "switchboard::actors::engine",
            "switchboard::demo",
            "switchboard::domain",
            "switchboard::journal",
            "switchboard::ready",
            "switchboard::stats",
            "switchboard::transport::fuzzing",
            "switchboard_protocol",
        ],
        libraries: Libraries::Any,
    },
];

/// The rooms that speak with clients: actors do the work, the protocol says it.
const OUTSIDE: &[&str] = &[
    "switchboard::transport",
    "switchboard::http",
    "switchboard::actors",
    "switchboard::stats",
    "switchboard::clock",
    "switchboard::limits",
    "switchboard_protocol",
];

/// The plain state machines of the SDK know each other and what is said, so that simulators can run them.
const SDK_MACHINES: &[&str] = &[
    "switchboard_client::backoff",
    "switchboard_client::outstanding",
    "switchboard_client::progress",
    "switchboard_protocol",
];

/// What of the standard library the rules must not name: input and output, threads, ambient time.
const AMBIENT: &[&str] = &[
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
];

/// One file, one path, and why.
const EXCEPTIONS: &[(&str, &str)] = &[
    // A stored value is checked by the same pass over MessagePack as a frame; it is about neither.
    ("src/journal/stored/mod.rs", "switchboard_protocol::wire::check_structure"),
    // The one place where wire and domain meet, with what is below it, and the values of the engine that a client
    // is shown.
    ("src/transport/wire.rs", "switchboard::domain"),
    ("src/transport/wire/explained.rs", "switchboard::domain"),
    ("src/transport/wire/explained.rs", "switchboard::journal::Decisions"),
    ("src/transport/wire/consultations.rs", "switchboard::domain"),
    ("src/transport/wire/consultations.rs", "switchboard::journal::ConsultationPage"),
    ("src/transport/wire/customer.rs", "switchboard::domain"),
    ("src/transport/wire/customer.rs", "switchboard::journal::Customer"),
    ("src/transport/wire/desk.rs", "switchboard::domain"),
    ("src/transport/wire/opening.rs", "switchboard::domain"),
    ("src/transport/wire/desk.rs", "switchboard::journal::ListRow"),
    ("src/transport/wire/desk.rs", "switchboard::journal::Position"),
    // Its tests go from commands to frames.
    ("src/transport/wire/monitoring.rs", "switchboard::domain"),
    ("src/transport/wire/monitoring.rs", "switchboard::machines"),
    ("src/transport/wire.rs", "switchboard::machines::feed::Gap"),
    ("src/transport/wire.rs", "switchboard::machines::live::SideCursors"),
    // What a client sends without waiting for an answer is bounded before anything is made of it.
    ("src/transport/connection.rs", "switchboard::machines::budget"),
];

const CLOCKS: &[&str] = &["src/clock.rs", "loadtest/src/clock.rs"];

const ONE_WAY_IN: &[(&str, &[&str])] = &[
    (
        "clap",
        &[
            "src/main.rs",
            "src/admin/",
            "src/chat",
            "src/quarantine.rs",
            "loadtest/",
            "simulator/",
            "powercut/",
        ],
    ),
    ("config", &["src/config.rs"]),
    ("fuser", &["powercut/src/disk/mount.rs"]),
    ("getrandom", &["src/clock.rs", "sdk/rust/src/ambient.rs", "loadtest/src/clock.rs"]),
    ("hdrhistogram", &["src/stats/", "loadtest/"]),
    ("jiff", &["src/domain/hours/"]),
    ("quinn", &["src/transport/", "sdk/rust/src/transport"]),
    ("ractor", &["src/actors/"]),
    ("rcgen", &["src/transport/tls.rs"]),
    ("ring", &["src/transport/tls.rs"]),
    ("rmp_serde", &["protocol/src/wire/codec.rs", "src/journal/stored/"]),
    ("rustls", &["src/transport/tls.rs", "sdk/rust/src/trust.rs", "sdk/rust/src/transport"]),
    ("rustls_native_certs", &["sdk/rust/src/trust.rs"]),
    ("rustyline", &["src/chat"]),
    ("sled", &["src/journal/store.rs"]),
    ("socket2", &["src/transport/endpoint.rs", "sdk/rust/src/transport"]),
    ("std::time::Instant::now", CLOCKS),
    // A file system is handed times, and does not read them.
    ("std::time::SystemTime", &["src/clock.rs", "loadtest/src/clock.rs", "powercut/src/disk/mount.rs"]),
    // The run-time's clock, which a test can move; the engine has one of its own.
    ("tokio::time::Instant::now", &["src/clock.rs", "src/chat", "sdk/rust/src/"]),
    ("tracing_subscriber", &["src/main.rs", "src/chat", "loadtest/"]),
    ("unicode_normalization", &["src/domain/search.rs"]),
    ("uuid", &["protocol/src/vocabulary/id.rs"]),
    ("zstd", &["src/journal/log/chunks.rs"]),
];

//! The vectors in `protocol/vectors` and the document against the codec.
//!
//! Owns the proof that the files, `docs/PROTOCOL.md` and the code say the same, and that no variant of the
//! wire is without a vector. Must not know the engine: what it answers to malformed frames is for the tests
//! that run one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how a test fails")]

mod document;
mod files;
mod kinds;
mod variants;

use std::collections::BTreeSet;

use serde::Deserialize;
use switchboard_protocol::wire::{ErrorCode, FrameError, FrameReader, Hello, Request, decode};

use files::{Malformed, Tolerated, Vector, of};
use kinds::KINDS;

#[test]
fn every_vector_decodes_to_its_value_and_its_value_encodes_to_it() {
    for kind in KINDS {
        for Vector { name, value, hex } in of::<Vector>(kind.name) {
            let what = format!("{}: {name}", kind.name);
            let decoded =
                (kind.decode)(&files::bytes(&hex)).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(decoded.json(), value, "{what}");
            let parsed = (kind.parse)(&value).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(files::hex(&parsed.bytes), hex, "{what}");
        }
    }
}

#[test]
fn what_is_tolerated_is_read_as_what_was_meant() {
    for Tolerated { name, kind, value, hex } in of::<Tolerated>("tolerant") {
        let decoded = (kinds::of(&kind).decode)(&files::bytes(&hex));
        assert_eq!(decoded.unwrap_or_else(|error| panic!("{name}: {error}")).json(), value, "{name}");
    }
}

#[test]
fn what_is_malformed_is_refused_with_its_number() {
    for Malformed { name, kind, hex, error, id } in of::<Malformed>("malformed") {
        let bytes = files::bytes(&hex);
        let refused = match kind.as_str() {
            "stream" => {
                Err(cut(&bytes).map_or(ErrorCode::MalformedFrame, |()| panic!("{name}: these are frames")))
            }
            "hello" => decode::<Hello>(&bytes).map(drop).map_err(|error| error.code()),
            "request" => decode::<Request>(&bytes).map(drop).map_err(|error| error.code()),
            other => panic!("{name}: {other:?} is never refused with a number"),
        };
        let named = decode::<OnlyId>(&bytes).ok().filter(|_| kind == "request").map(|only| only.id);
        assert_eq!(named, id, "{name}");
        match refused {
            Err(code) => assert_eq!(code.number(), error, "{name}"),
            // Well-formed, so it is for the engine to refuse.
            Ok(()) => {
                let malformed = [ErrorCode::MalformedFrame, ErrorCode::MalformedRequest];
                let code = ErrorCode::from_number(error);
                assert!(code.is_some_and(|code| !malformed.contains(&code)), "{name}: it was read");
            }
        }
    }
}

#[test]
fn every_variant_of_the_wire_has_a_vector() {
    let mut seen = BTreeSet::new();
    for kind in KINDS {
        let vectors = of::<Vector>(kind.name).into_iter().map(|vector| vector.hex);
        vectors.for_each(|hex| seen.extend((kind.decode)(&files::bytes(&hex)).unwrap().variants));
    }
    for Tolerated { kind, hex, .. } in of::<Tolerated>("tolerant") {
        seen.extend((kinds::of(&kind).decode)(&files::bytes(&hex)).unwrap().variants);
    }
    let missing: Vec<_> = variants::ALL.iter().filter(|name| !seen.contains(*name)).collect();
    assert!(missing.is_empty(), "no vector has {missing:?}");
}

#[test]
fn every_error_has_a_vector_and_is_in_it_what_it_is_in_the_code() {
    let mut seen = BTreeSet::new();
    for Vector { name, value, .. } in of::<Vector>("error") {
        let number = value["number"].as_u64().and_then(|number| u16::try_from(number).ok());
        let Some(code) = ErrorCode::from_number(number.expect("errors have numbers")) else { continue };
        assert_eq!(value["name"], code.name(), "{name}");
        assert_eq!(value["retryable"], code.retryable(), "{name}");
        seen.insert(code.number());
    }
    let all: BTreeSet<u16> = ErrorCode::ALL.iter().map(|code| code.number()).collect();
    assert_eq!(seen, all);
}

#[test]
fn names_are_used_once_in_a_file_and_every_file_is_read() {
    let mut read = BTreeSet::from(["tolerant", "malformed"].map(str::to_owned));
    let names_of_vectors = |kind: &str| of::<Vector>(kind).into_iter().map(|vector| vector.name).collect();
    let mut files: Vec<(&str, Vec<String>)> =
        KINDS.iter().map(|kind| (kind.name, names_of_vectors(kind.name))).collect();
    files.push(("tolerant", of::<Tolerated>("tolerant").into_iter().map(|vector| vector.name).collect()));
    files.push(("malformed", of::<Malformed>("malformed").into_iter().map(|vector| vector.name).collect()));
    for (file, names) in files {
        assert!(!names.is_empty(), "{file} is empty");
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{file}: {names:?}");
        read.insert(file.to_owned());
    }
    assert_eq!(files::all(), read);
}

/// With `WRITE_VECTORS` in the environment they are written so: a line then needs only its name and its value.
#[test]
fn the_files_are_as_the_codec_writes_them() {
    for kind in KINDS {
        let encoded = files::drafts(kind.name).into_iter().map(|(name, value)| {
            let parsed =
                (kind.parse)(&value).unwrap_or_else(|error| panic!("{}: {name}: {error}", kind.name));
            files::line(&name, &parsed.text, &parsed.bytes)
        });
        let lines = encoded.collect::<String>();
        if std::env::var_os("WRITE_VECTORS").is_some() {
            files::write(kind.name, &lines);
        } else {
            assert_eq!(files::text(kind.name), lines, "{}", kind.name);
        }
    }
}

/// What is left of a request that cannot be read: whom to answer.
#[derive(Deserialize)]
struct OnlyId {
    id: u64,
}

/// Cuts a stream into frames until something is wrong with it.
fn cut(stream: &[u8]) -> Result<(), FrameError> {
    let mut reader = FrameReader::default();
    reader.push(stream);
    while reader.next_frame()?.is_some() {}
    reader.finish()
}

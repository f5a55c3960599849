//! The targets without a fuzzer: every input of the corpora, and others close to it.
//!
//! Owns the choice of what is tried, by a seed that a failure names. Must not know what a target does.

#![allow(clippy::unwrap_used, clippy::panic, reason = "this is how a test fails")]

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use switchboard_fuzz::TARGETS;

#[test]
fn every_target_takes_its_corpus_and_what_is_close_to_it() {
    for (name, target) in TARGETS {
        let inputs = corpus(name);
        assert!(inputs.len() >= 8, "{name} has a corpus of {}", inputs.len());
        for (at, (path, input)) in inputs.iter().enumerate() {
            for seed in 0..=MUTATIONS {
                let tried = if seed == 0 { input.clone() } else { mutated(&inputs, at, seed) };
                if catch_unwind(|| target(&tried)).is_err() {
                    panic!("{name} fails on {} with mutation {seed}: {tried:?}", path.display());
                }
            }
        }
    }
}

fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| (file.clone(), fs::read(file).unwrap())).collect()
}

/// An input with some bytes changed, cut off, doubled, or taken from another.
fn mutated(inputs: &[(PathBuf, Vec<u8>)], at: usize, seed: u64) -> Vec<u8> {
    let mut chance = fastrand::Rng::with_seed(seed << 32 | at as u64);
    let mut input = inputs[at].1.clone();
    for _ in 0..chance.usize(1..4) {
        let place = chance.usize(0..=input.len());
        match chance.u8(0..5) {
            0 => input.truncate(place),
            1 => input.insert(place, chance.u8(..)),
            2 => {
                let (_, other) = &inputs[chance.usize(..inputs.len())];
                input.truncate(place);
                input.extend(&other[chance.usize(0..=other.len())..]);
            }
            3 if place < input.len() => input[place] ^= 1 << chance.u8(0..8),
            _ if place < input.len() => input[place] = chance.u8(..),
            _ => {}
        }
    }
    input
}

/// So many others for each input.
const MUTATIONS: u64 = 12;

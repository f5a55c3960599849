//! The target `records` as a program of libFuzzer.
//!
//! Owns nothing: what it does is in the library.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| switchboard_fuzz::records(data));

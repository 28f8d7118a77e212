#![no_main]
//! See the README of this package.

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: circuits_fuzz::seeds::put("recording"), |bytes: &[u8]| {
    circuits_fuzz::invariants::recording(bytes);
});

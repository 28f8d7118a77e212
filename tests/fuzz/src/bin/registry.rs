#![no_main]
//! See the README of this package.

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: circuits_fuzz::seeds::put("registry"), |bytes: &[u8]| {
    circuits_fuzz::invariants::registry(bytes);
});

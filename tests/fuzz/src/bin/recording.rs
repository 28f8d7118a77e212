#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: circuits_fuzz::seed("recording"), |bytes: &[u8]| {
    circuits_fuzz::recording(bytes);
});

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: circuits_fuzz::seed("framing"), |bytes: &[u8]| {
    circuits_fuzz::framing(bytes);
});

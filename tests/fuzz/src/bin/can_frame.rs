#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: circuits_fuzz::seed("can_frame"), |bytes: &[u8]| {
    circuits_fuzz::can_frame(bytes);
});

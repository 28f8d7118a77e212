#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: circuits_fuzz::seed("uevent"), |bytes: &[u8]| {
    circuits_fuzz::uevent(bytes);
});

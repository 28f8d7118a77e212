#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: circuits_fuzz::seed("board_file"), |bytes: &[u8]| {
    circuits_fuzz::board_file(bytes);
});

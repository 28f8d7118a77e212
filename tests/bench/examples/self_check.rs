//! A program that does not come to a good end, for `cargo pi-test --self-check`.

use std::time::Duration;

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("fails") => {
            println!("it fails, as it should");
            std::process::exit(101);
        }
        Some("hangs") => {
            println!("what it printed last");
            std::thread::sleep(Duration::from_secs(3600));
        }
        // Immediately, as if the power went.
        Some("stops") => std::fs::write("/proc/sysrq-trigger", "o").unwrap(),
        _ => panic!("it is told how to end by its argument"),
    }
    std::thread::sleep(Duration::from_secs(10));
}

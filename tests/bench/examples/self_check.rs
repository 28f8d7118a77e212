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
        // At once, which ends QEMU.
        Some("stops") => {
            println!("what it printed before");
            std::thread::sleep(Duration::from_secs(1));
            std::fs::write("/proc/sysrq-trigger", "b").unwrap();
        }
        _ => panic!("it is told how to end by its argument"),
    }
    std::thread::sleep(Duration::from_secs(10));
}

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use circuits_bench::Excused;
use circuits_can::{Interface, InterfaceConfig};

use super::Interfaces;

/// What two SJA1000 of QEMU cannot show (hw/net/can/can_sja1000.c).
pub(super) const EXCUSED: &[Excused] = &[
    ("remote_frames_go_over_the_bus", REMOTE),
    ("lengths_of_embedded_can_are_those_of_the_data", REMOTE),
    ("a_write_times_out_and_counts", NO_WIRE),
    ("without_acknowledge_it_does_not_come_back", NO_WIRE),
    ("the_smaller_identifier_goes_first", NO_WIRE),
    ("bus_off_is_told_and_ends_by_a_restart", NO_WIRE),
    ("bus_off_ends_by_itself_if_asked_for", NO_WIRE),
];

const REMOTE: &str = "QEMU's controller stores more of a remote frame than it takes away, and is confused from then on";
const NO_WIRE: &str =
    "QEMU's controller sends at once, whoever else sends or is there, and counts no errors";

/// There is one pair.
pub(super) fn lock() -> MutexGuard<'static, ()> {
    static PAIR: Mutex<()> = Mutex::new(());
    PAIR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Two controllers on one bus.
pub(super) struct Pair {
    names: [String; 2],
    /// The driver, and its device, which it was taken from.
    unbound: Mutex<Option<(PathBuf, String)>>,
}

impl Pair {
    pub(super) fn new() -> Pair {
        let names = env::var("CIRCUITS_TEST_CAN").unwrap_or_else(|_| "can0,can1".into());
        let (one, other) = names.split_once(',').expect("two names and a comma");
        let names = [one.to_string(), other.to_string()];
        // Both are down before one is up, so that neither hears what the other one still had to send.
        for name in &names {
            Interface::open(name).unwrap().down().unwrap();
        }
        for name in &names {
            let interface = Interface::open(name).unwrap();
            let config = InterfaceConfig::new()
                .bitrate(500_000)
                .restart_after(Duration::ZERO);
            interface.configure(&config).unwrap();
            interface.up().unwrap();
        }
        Pair {
            names,
            unbound: Mutex::new(None),
        }
    }
}

impl Interfaces for Pair {
    fn interface(&self) -> &str {
        &self.names[0]
    }

    fn other(&self) -> &str {
        &self.names[1]
    }

    /// Takes the device from its driver.
    fn remove(&self) {
        let device = Path::new("/sys/class/net")
            .join(&self.names[0])
            .join("device");
        let driver = fs::canonicalize(device.join("driver")).unwrap();
        let device = fs::canonicalize(device).unwrap();
        let device = device.file_name().unwrap().to_str().unwrap().to_string();
        fs::write(driver.join("unbind"), &device).unwrap();
        *self.unbound.lock().unwrap() = Some((driver, device));
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        let unbound = self
            .unbound
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        let Some((driver, device)) = unbound.take() else {
            return;
        };
        let _ = fs::write(driver.join("bind"), device);
        let start = Instant::now();
        while Interface::open(&self.names[0]).is_err() && start.elapsed() < Duration::from_secs(5) {
            thread::sleep(Duration::from_millis(10));
        }
    }
}

use std::process;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use circuits_bench::{CanLink, Excused};

use super::Interfaces;

const NO_CONTROLLER: &str = "vcan has no controller, and takes no time";

/// What vcan cannot show (drivers/net/can/vcan.c).
pub(super) const EXCUSED: &[Excused] = &[
    ("a_write_times_out_and_counts", NO_CONTROLLER),
    ("without_acknowledge_it_does_not_come_back", NO_CONTROLLER),
    ("the_smaller_identifier_goes_first", NO_CONTROLLER),
    ("bus_off_is_told_and_ends_by_a_restart", NO_CONTROLLER),
    ("bus_off_ends_by_itself_if_asked_for", NO_CONTROLLER),
];

/// An interface of its own, on which several sockets are.
pub(super) struct Vcan {
    name: String,
    link: Mutex<Option<CanLink>>,
}

impl Vcan {
    pub(super) fn new() -> Vcan {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("vc{}x{number}", process::id() % 10_000);
        let link = Mutex::new(Some(CanLink::new(&name)));
        Vcan { name, link }
    }
}

impl Interfaces for Vcan {
    fn interface(&self) -> &str {
        &self.name
    }

    fn other(&self) -> &str {
        &self.name
    }

    fn remove(&self) {
        *self.link.lock().unwrap_or_else(|e| e.into_inner()) = None;
    }
}

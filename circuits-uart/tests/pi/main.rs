//! Ports of the emulated Raspberry Pi: its own, a PL011, and USB serial adapters, FT232s for Linux, the
//! other ends of which the bench holds (`tests/pi/README.md`).
//!
//! Time is not modelled: 96 characters at 9600 baud have left in some milliseconds. Nor are noise and
//! parity, and breaks are by the PL011 alone.
#![cfg(target_os = "linux")]

mod adapter;
mod own;

use std::pin::pin;
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use std::{fs, thread};

use circuits_bench::{Adapter, Outside};
use circuits_uart::{Config, Error, Port};

/// There is one of each, and the tests run at the same time.
static OWN: Mutex<()> = Mutex::new(());
static ADAPTER: Mutex<()> = Mutex::new(());

const MOMENT: Duration = Duration::from_millis(30);
const LONG: Duration = Duration::from_secs(10);

fn lock(mutex: &'static Mutex<()>) -> MutexGuard<'static, ()> {
    // A test that failed leaves the port closed.
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

/// Plugs an adapter in, which is `ttyUSB0`.
fn plug() -> Adapter {
    let adapter = Outside::here().plug("GPS", 2);
    until(|| fs::exists("/dev/ttyUSB0").unwrap());
    adapter
}

/// Pulls it out, and waits until the kernel has seen it.
fn unplug(adapter: Adapter) {
    adapter.unplug();
    until(|| !fs::exists("/dev/ttyUSB0").unwrap());
}

#[track_caller]
fn until(so: impl Fn() -> bool) {
    for _ in 0..1000 {
        if so() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("it did not come about in ten seconds");
}

/// Polls a future once, and drops it.
fn once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// What of these settings a port refuses.
#[track_caller]
fn refused(port: &Port, config: &Config) -> &'static str {
    match port.configure(config).unwrap_err() {
        Error::Unsupported { what, .. } => what,
        error => panic!("{error}"),
    }
}

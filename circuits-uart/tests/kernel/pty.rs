use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use circuits_bench::{Excused, Executor, Thread, run_threads, signal_this_thread};
use circuits_uart::contract::Bench;
use circuits_uart::{Backend, ErrorKind, Handle, Linux};
use circuits_wait::Clock;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

const NO_WIRE: &str =
    "a pseudo-terminal has no wire: no breaks, no damage, no modem lines, no counts";
const NO_PARITY: &str = "the kernel gives pseudo-terminals 8 bits and no parity (pty_set_termios)";
const NO_NAME: &str = "it is no serial port that could be listed";
const GONE: &str = "what a pseudo-terminal's user has not read when the controlling side closes is thrown \
    away by the kernel (tty_ldisc_hangup)";
const NO_OPENING: &str = "it is not opened by a name";
const KEPT: &str = "the kernel keeps what is written for who opens the other side next";
const ITS_OWN: &str =
    "the settings are the other side's, and so are what they do to bytes that come";

/// What the user's side cannot show.
pub(super) const EXCUSED: &[Excused] = &[
    ("breaks_are_reported_in_place", NO_WIRE),
    ("damaged_bytes_are_reported_in_place", NO_WIRE),
    ("what_is_counted_counts_from_the_opening", NO_WIRE),
    ("modem_lines_are_set_and_read", NO_WIRE),
    ("changes_of_modem_lines_are_told", NO_WIRE),
    ("changes_of_modem_lines_are_awaited", NO_WIRE),
    ("hardware_flow_control_stops_who_sends", NO_WIRE),
    ("parity_of_all_kinds_goes_over_the_wire", NO_PARITY),
    ("ports_are_listed", NO_NAME),
    ("what_came_before_the_end_is_read", GONE),
    ("what_came_before_the_end_is_read_by_futures", GONE),
];

/// What the controlling side cannot show.
pub(super) const EXCUSED_CONTROLLING: &[Excused] = &[
    ("breaks_are_reported_in_place", NO_WIRE),
    ("damaged_bytes_are_reported_in_place", NO_WIRE),
    ("what_is_counted_counts_from_the_opening", NO_WIRE),
    ("modem_lines_are_set_and_read", NO_WIRE),
    ("changes_of_modem_lines_are_told", NO_WIRE),
    ("changes_of_modem_lines_are_awaited", NO_WIRE),
    ("hardware_flow_control_stops_who_sends", NO_WIRE),
    ("parity_of_all_kinds_goes_over_the_wire", NO_PARITY),
    ("a_port_is_exclusive", NO_OPENING),
    ("shared_ports_are_shared", NO_OPENING),
    ("a_port_is_opened_by_its_path", NO_OPENING),
    ("what_is_not_there_is_not_found", NO_OPENING),
    ("ports_are_listed", NO_OPENING),
    ("every_byte_survives_the_report_of_errors", ITS_OWN),
    ("software_flow_control_stops_who_sends", ITS_OWN),
    ("all_calls_tell_of_the_end", KEPT),
];

/// Which end of a pseudo-terminal is the port.
#[derive(Clone, Copy)]
pub(super) enum Side {
    Slave,
    Master,
}

pub(super) struct PtyBench {
    backend: Box<dyn Backend>,
    name: String,
    path: String,
    other: Mutex<Option<Arc<File>>>,
    executor: Executor,
}

impl PtyBench {
    pub(super) fn new(side: Side, executor: Executor) -> PtyBench {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let name = path.strip_prefix("/dev/").unwrap().to_owned();
        let linux = super::linux();
        let (backend, other): (Box<dyn Backend>, OwnedFd) = match side {
            Side::Slave => (Box::new(linux), master),
            Side::Master => {
                let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
                let slave = open(&*path, flags, Mode::empty()).unwrap();
                (Box::new(Controlling { linux, master }), slave)
            }
        };
        PtyBench {
            backend,
            name,
            path,
            other: Mutex::new(Some(Arc::new(other.into()))),
            executor,
        }
    }

    fn other(&self) -> Arc<File> {
        self.other.lock().unwrap().clone().unwrap()
    }
}

/// Whatever is opened is the controlling side.
#[derive(Debug)]
struct Controlling {
    linux: Linux,
    master: OwnedFd,
}

impl Backend for Controlling {
    fn open(&self, _: &str, _: bool) -> io::Result<Box<dyn Handle>> {
        self.linux.adopt(self.master.try_clone()?)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.linux.clock()
    }
}

impl Bench for PtyBench {
    fn backend(&self) -> &dyn Backend {
        &*self.backend
    }

    fn port(&self) -> &str {
        &self.name
    }

    fn path(&self) -> String {
        self.path.clone()
    }

    fn send(&self, bytes: &[u8]) {
        (&*self.other()).write_all(bytes).unwrap();
    }

    fn receive(&self, count: usize) -> Vec<u8> {
        let (mut bytes, mut received) = (vec![0; count], 0);
        let other = self.other();
        while received < count {
            let limit = Timespec {
                tv_sec: 10,
                tv_nsec: 0,
            };
            let mut fds = [PollFd::new(&*other, PollFlags::IN)];
            assert_eq!(poll(&mut fds, Some(&limit)), Ok(1), "{received} of {count}");
            received += (&*other).read(&mut bytes[received..]).unwrap();
        }
        bytes
    }

    fn end(&self) -> ErrorKind {
        self.other.lock().unwrap().take();
        ErrorKind::HungUp
    }

    fn run(&self, threads: Vec<Thread>) {
        run_threads(threads);
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.executor.run(future);
    }

    fn signals(&self) -> Box<dyn Fn() + Send> {
        signal_this_thread()
    }
}

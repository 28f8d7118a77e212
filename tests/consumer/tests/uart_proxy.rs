//! The contract of serial ports, kept by the proxy: before the virtual board, in virtual and in real
//! time, on two ports that a cable joins, and before the kernel, on pseudo-terminals.

use std::io::Write;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use circuits::stub::Stub;
use circuits::uart::{Backend, Config, ErrorKind, FlowControl, Parity, Port};
use circuits_bench::{Executor, Suite, Thread, VirtualBoard, signal_this_thread};
use circuits_uart::contract::{Bench, FACTS};
use thermostat::proxy::Proxy;

struct Virtual {
    board: VirtualBoard,
    proxy: Proxy<Stub>,
    /// It is open before the fact begins: what came before that would be lost.
    other: Port,
}

impl Virtual {
    fn new(stub: Stub, executor: Executor) -> Arc<Virtual> {
        let stub = stub.serial_cable("ttyAMA0", "ttyUSB0").unwrap();
        Arc::new(Virtual {
            proxy: Proxy::new(stub.clone()),
            other: Port::open_on(&stub, "ttyUSB0", &Config::new()).unwrap(),
            board: VirtualBoard::new(stub, executor),
        })
    }
}

impl Bench for Virtual {
    fn backend(&self) -> &dyn Backend {
        &self.proxy
    }

    fn port(&self) -> &str {
        "ttyAMA0"
    }

    fn set_other(&self, config: &Config) {
        // It hears all that is sent, and is not stopped by its own settings.
        let config = config.clone().timeout(None).report_errors(false);
        let config = config.flow_control(FlowControl::None);
        self.other.configure(&config).unwrap();
    }

    fn send(&self, bytes: &[u8]) {
        (&self.other).write_all(bytes).unwrap();
    }

    fn receive(&self, count: usize) -> Vec<u8> {
        let (mut bytes, mut received) = (vec![0; count], 0);
        while received < count {
            let minute = Duration::from_secs(60);
            let room = &mut bytes[received..];
            received += self.other.read_within(room, minute).unwrap();
        }
        bytes
    }

    fn many(&self) -> usize {
        20_000
    }

    fn send_break(&self) {
        self.other.send_break(Duration::from_millis(2)).unwrap();
    }

    fn send_damaged(&self, byte: u8) {
        let mut other = &self.other;
        other.drain(None).unwrap();
        let config = other.config();
        let odd = config.clone().parity(Parity::Odd);
        other.configure(&odd).unwrap();
        other.write_all(&[byte]).unwrap();
        other.drain(None).unwrap();
        other.configure(&config).unwrap();
    }

    fn set_lines(&self, rts: bool, dtr: bool) {
        self.other.set_rts(rts).unwrap();
        self.other.set_dtr(dtr).unwrap();
    }

    fn lines(&self) -> (bool, bool) {
        let lines = self.other.modem_lines().unwrap();
        (lines.cts, lines.dsr)
    }

    fn end(&self) -> ErrorKind {
        self.board.stub.remove_serial_port("ttyAMA0").unwrap();
        ErrorKind::Removed
    }

    fn run(&self, threads: Vec<Thread>) {
        self.board.run(threads);
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.board.block_on(future);
    }

    fn signals(&self) -> Box<dyn Fn() + Send> {
        signal_this_thread()
    }
}

#[cfg(target_os = "linux")]
mod kernel {
    use std::fs::File;
    use std::io::Read;

    use circuits::uart::Linux;
    use circuits::wait::{Interrupt, Monotonic};
    use circuits_bench::{Excused, run_threads};
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    use super::*;

    pub(crate) const EXCUSED: &[Excused] = &[
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

    const NO_WIRE: &str =
        "a pseudo-terminal has no breaks, no damage, no modem lines, and no counts";
    const NO_PARITY: &str = "a pseudo-terminal has 8 bits and no parity";
    const NO_NAME: &str = "a pseudo-terminal is not listed";
    const GONE: &str =
        "what was not read when the controlling side closes is thrown away by the kernel";

    /// The user's side of a pseudo-terminal is the port.
    pub(crate) struct Terminal {
        proxy: Proxy<Linux>,
        path: String,
        controlling: Mutex<Option<Arc<File>>>,
        executor: Executor,
    }

    impl Terminal {
        pub(crate) fn new(executor: Executor) -> Arc<Terminal> {
            let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
            let controlling = openpt(flags).unwrap();
            grantpt(&controlling).unwrap();
            unlockpt(&controlling).unwrap();
            let path = ptsname(&controlling, Vec::new()).unwrap();
            let clock = Monotonic::interrupted_by(Interrupt::new().unwrap());
            Arc::new(Terminal {
                proxy: Proxy::new(Linux::with_clock(clock)),
                path: path.into_string().unwrap(),
                controlling: Mutex::new(Some(Arc::new(controlling.into()))),
                executor,
            })
        }

        fn controlling(&self) -> Arc<File> {
            let controlling = self.controlling.lock();
            let controlling = controlling.unwrap_or_else(PoisonError::into_inner);
            controlling.clone().expect("it was closed")
        }
    }

    impl Bench for Terminal {
        fn backend(&self) -> &dyn Backend {
            &self.proxy
        }

        fn port(&self) -> &str {
            self.path.trim_start_matches("/dev/")
        }

        fn path(&self) -> String {
            self.path.clone()
        }

        fn send(&self, bytes: &[u8]) {
            (&*self.controlling()).write_all(bytes).unwrap();
        }

        fn receive(&self, count: usize) -> Vec<u8> {
            let (mut bytes, mut received) = (vec![0; count], 0);
            let controlling = self.controlling();
            let limit = Timespec {
                tv_sec: 10,
                tv_nsec: 0,
            };
            while received < count {
                let mut fds = [PollFd::new(&*controlling, PollFlags::IN)];
                assert_eq!(poll(&mut fds, Some(&limit)), Ok(1), "{received} of {count}");
                received += (&*controlling).read(&mut bytes[received..]).unwrap();
            }
            bytes
        }

        fn end(&self) -> ErrorKind {
            self.controlling.lock().unwrap().take();
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
}

fn main() {
    let suite = Suite::new()
        .on("virtual time", FACTS, |fact, executor| {
            fact(Virtual::new(Stub::virtual_time(), executor));
        })
        .on("real time", FACTS, |fact, executor| {
            fact(Virtual::new(Stub::real_time(), executor));
        });
    #[cfg(target_os = "linux")]
    let suite = suite.on_limited("pty", kernel::EXCUSED, FACTS, |fact, executor| {
        fact(kernel::Terminal::new(executor));
    });
    suite.main()
}

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

/// The bench that the emulated Pi stands on: what somebody would do at a real one with wires and
/// hands. Each call returns when it is done; what it leads to in the kernel may take a moment more.
///
/// Several tests may use it at the same time, each other things on it.
///
/// # Panics
/// Everything panics where the bench cannot do it.
#[derive(Clone, Copy, Debug)]
pub struct Outside(());

impl Outside {
    /// Returns the bench, if this runs in the emulated Pi.
    pub fn find() -> Option<Outside> {
        std::env::var_os("CIRCUITS_TEST_OUTSIDE").map(|_| Outside(()))
    }

    /// Returns the bench.
    ///
    /// # Panics
    /// Outside of the emulated Pi.
    pub fn here() -> Outside {
        Outside::find().expect("this runs in the emulated Pi: cargo pi-test")
    }

    /// Makes a line of the board (`GPIO22` is 22) electrically high or low while it is an input (an
    /// output would be set to it). It is no edge: the model of the chip raises no interrupts.
    pub fn drive(self, line: u32, high: bool) {
        ask(&format!("drive {line} {}", u8::from(high)));
    }

    /// Returns whether a line of the board is electrically high.
    pub fn level(self, line: u32) -> bool {
        ask(&format!("level {line}")) == "1"
    }

    /// Sets what a TMP105 measures, in thousandths of a degree Celsius. There is one at address
    /// 0x48, for drivers in user space, and one at 0x49, which the kernel's has.
    pub fn set_temperature(self, address: u8, milli: i32) {
        ask(&format!("temperature tmp105-{address:x} {milli}"));
    }

    /// Plugs a USB serial adapter (0403:6001) into a socket of the board (2 to 5, as a Pi 3
    /// numbers them), with its name as its serial number. It is pulled out when the value is
    /// dropped.
    ///
    /// # Panics
    /// The name is not made of letters, digits, `-` and `_`.
    pub fn plug(self, name: &str, socket: u32) -> Adapter {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        assert!(
            !name.is_empty() && name.chars().all(plain),
            "a name is plain: {name:?}"
        );
        ask(&format!("plug {name} {socket}"));
        Adapter { name: name.into() }
    }

    /// Returns the other end of the board's own UART, `/dev/ttyAMA0`.
    pub fn uart(self) -> Port<'static> {
        Port { name: "ttyAMA0" }
    }
}

/// A USB serial adapter, which can be pulled out while it is open.
#[derive(Debug)]
pub struct Adapter {
    name: String,
}

impl Adapter {
    /// Returns the other end of its serial line.
    pub fn port(&self) -> Port<'_> {
        Port { name: &self.name }
    }

    /// Pulls it out.
    pub fn unplug(self) {}
}

impl Drop for Adapter {
    fn drop(&mut self) {
        // Not `ask`: it may be dropped by a panic.
        let _ = try_ask(&format!("unplug {}", self.name));
    }
}

/// The other end of a serial line.
#[derive(Clone, Copy, Debug)]
pub struct Port<'a> {
    name: &'a str,
}

impl Port<'_> {
    /// Sends bytes to the board.
    pub fn send(self, bytes: &[u8]) {
        for part in bytes.chunks(LONGEST) {
            let digits: String = part.iter().map(|byte| format!("{byte:02x}")).collect();
            ask(&format!("send {} {digits}", self.name));
        }
    }

    /// Holds the line low for longer than a character, as far as a driver can tell.
    pub fn send_break(self) {
        ask(&format!("break {}", self.name));
    }

    /// Waits until so many bytes have come from the board, for at most ten seconds, and takes them.
    pub fn receive(self, count: usize) -> Vec<u8> {
        let start = Instant::now();
        loop {
            let received: usize = ask(&format!("received {}", self.name)).parse().unwrap();
            if received >= count {
                break;
            }
            assert!(
                start.elapsed() < Duration::from_secs(10),
                "{received} of {count} bytes have come"
            );
            thread::sleep(Duration::from_millis(10));
        }
        let mut bytes = Vec::new();
        while bytes.len() < count {
            let part = (count - bytes.len()).min(LONGEST);
            let digits = ask(&format!("take {} {part}", self.name));
            let pairs = (0..digits.len()).step_by(2);
            bytes.extend(pairs.map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()));
        }
        bytes
    }
}

fn ask(what: &str) -> String {
    try_ask(what).unwrap_or_else(|error| panic!("{what}: {error}"))
}

/// How many bytes go into a line: those of the console are 4095 characters at most.
const LONGEST: usize = 1024;

/// Asks the host, in a line that begins with a byte which nothing else prints, and returns its
/// answer.
fn try_ask(what: &str) -> Result<String, String> {
    // One at a time: who opens it anew waits for who has it locked.
    let lock = File::create("/tmp/.outside").unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let mut console = File::options()
        .read(true)
        .write(true)
        .open("/dev/console")
        .unwrap();
    // In one call, or what others print might get into it.
    console
        .write_all(format!("\x01{what}\n").as_bytes())
        .unwrap();
    let mut answer = String::new();
    BufReader::new(console).read_line(&mut answer).unwrap();
    match answer.trim_end().split_once(' ') {
        Some(("ok", value)) => Ok(value.into()),
        Some(("error", error)) => Err(error.into()),
        _ if answer.trim_end() == "ok" => Ok(String::new()),
        _ => Err(format!("the bench said {answer:?}")),
    }
}

//! Several threads that set the same lines.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use circuits_gpio::{
    Backend, ChipInfo, Config, ErrorKind, Event, Handle, LineInfo, Lines, Output, Request,
};
use circuits_stub::Stub;
use circuits_wait::{Clock, Ready};

/// A board whose lines are set at the word of a test: the first call says that it has come, and
/// waits for leave.
#[derive(Debug)]
struct Slow {
    stub: Stub,
    gate: Arc<Gate>,
}

#[derive(Debug)]
struct Gate {
    comes: Sender<()>,
    /// What becomes of it.
    leave: Mutex<Option<Receiver<io::Result<()>>>>,
}

fn slow(lines: &[&str]) -> (Slow, Receiver<()>, Sender<io::Result<()>>) {
    let ((comes, has_come), (let_go, leave)) = (channel(), channel());
    let gate = Gate {
        comes,
        leave: Mutex::new(Some(leave)),
    };
    let stub = Stub::real_time().lines(lines.iter().copied());
    let gate = Arc::new(gate);
    (Slow { stub, gate }, has_come, let_go)
}

impl Backend for Slow {
    fn clock(&self) -> Arc<dyn Clock> {
        Backend::clock(&self.stub)
    }

    fn chips(&self) -> io::Result<Vec<String>> {
        self.stub.chips()
    }

    fn chip_info(&self, name: &str) -> io::Result<ChipInfo> {
        self.stub.chip_info(name)
    }

    fn line_infos(&self, chip: &str) -> io::Result<Vec<LineInfo>> {
        self.stub.line_infos(chip)
    }

    fn line_info(&self, chip: &str, offset: u32) -> io::Result<LineInfo> {
        self.stub.line_info(chip, offset)
    }

    fn open(&self, request: &Request) -> io::Result<Box<dyn Handle>> {
        Ok(Box::new(Held {
            lines: self.stub.open(request)?,
            gate: self.gate.clone(),
        }))
    }
}

#[derive(Debug)]
struct Held {
    lines: Box<dyn Handle>,
    gate: Arc<Gate>,
}

impl Handle for Held {
    fn get(&self, lines: u64) -> io::Result<u64> {
        self.lines.get(lines)
    }

    fn set(&self, lines: u64, levels: u64) -> io::Result<()> {
        let leave = self.gate.leave.lock().unwrap().take();
        if let Some(leave) = leave {
            self.gate.comes.send(()).unwrap();
            leave.recv().unwrap()?;
        }
        self.lines.set(lines, levels)
    }

    fn configure(&self, configs: &[Config]) -> io::Result<()> {
        self.lines.configure(configs)
    }

    fn line_infos(&self) -> io::Result<Vec<LineInfo>> {
        self.lines.line_infos()
    }

    fn read(&self, events: &mut [Event]) -> io::Result<usize> {
        self.lines.read(events)
    }

    fn ready(&self) -> &dyn Ready {
        self.lines.ready()
    }
}

#[test]
fn a_line_is_what_was_set_last() {
    let (board, has_come, let_go) = slow(&["A"]);
    let output = Output::open_on(&board, "A", &Config::new()).unwrap();
    thread::scope(|scope| {
        let early = scope.spawn(|| output.set(true));
        has_come.recv().unwrap();
        output.set(false).unwrap();
        // It comes to the line after the other, and was said before it.
        let_go.send(Ok(())).unwrap();
        early.join().unwrap().unwrap();
    });
    assert_eq!((output.is_set(), output.get().unwrap()), (false, false));
}

#[test]
fn lines_of_one_do_not_move_those_of_the_other() {
    let (board, has_come, let_go) = slow(&["A", "B", "C"]);
    let lines = ["A", "B", "C"].map(|line| (line, Config::output()));
    let lines = Lines::open_on(&board, lines).unwrap();
    thread::scope(|scope| {
        let early = scope.spawn(|| lines.set_some(0b011, 0b011));
        has_come.recv().unwrap();
        lines.set_some(0b110, 0b100).unwrap();
        let_go.send(Ok(())).unwrap();
        early.join().unwrap().unwrap();
    });
    assert_eq!((lines.levels(), lines.get().unwrap()), (0b101, 0b101));
}

#[test]
fn what_could_not_be_set_is_still_what_was_said_last() {
    let (board, has_come, let_go) = slow(&["A", "B"]);
    let lines = ["A", "B"].map(|line| (line, Config::output()));
    let mut lines = Lines::open_on(&board, lines).unwrap();
    thread::scope(|scope| {
        let fails = scope.spawn(|| lines.set_some(0b01, 0b01));
        has_come.recv().unwrap();
        lines.set_some(0b10, 0b10).unwrap();
        let_go.send(Err(io::Error::from_raw_os_error(5))).unwrap();
        let error = fails.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
    });
    assert_eq!((lines.levels(), lines.get().unwrap()), (0b11, 0b10));
    lines.configure(1, &Config::output()).unwrap();
    assert_eq!((lines.levels(), lines.get().unwrap()), (0b11, 0b11));
}

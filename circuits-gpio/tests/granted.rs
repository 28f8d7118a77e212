//! What a backend did not grant is an error, and not a silence.

use std::io;
use std::sync::Arc;

use circuits_gpio::{
    Backend, ChipInfo, Config, Drive, ErrorKind, Event, Handle, LineInfo, Output, Release, Request,
};
use circuits_stub::Stub;
use circuits_wait::{Clock, Ready};

/// A board whose chips know no drive but one, and say nothing.
#[derive(Debug)]
struct PushPull(Stub);

fn plain(config: &Config) -> Config {
    config.clone().drive(Drive::PushPull)
}

impl Backend for PushPull {
    fn clock(&self) -> Arc<dyn Clock> {
        Backend::clock(&self.0)
    }

    fn chips(&self) -> io::Result<Vec<String>> {
        self.0.chips()
    }

    fn chip_info(&self, name: &str) -> io::Result<ChipInfo> {
        self.0.chip_info(name)
    }

    fn line_infos(&self, chip: &str) -> io::Result<Vec<LineInfo>> {
        self.0.line_infos(chip)
    }

    fn line_info(&self, chip: &str, offset: u32) -> io::Result<LineInfo> {
        self.0.line_info(chip, offset)
    }

    fn open(&self, request: &Request) -> io::Result<Box<dyn Handle>> {
        let mut request = request.clone();
        for (_, config) in &mut request.lines {
            *config = plain(config);
        }
        Ok(Box::new(Held(self.0.open(&request)?)))
    }
}

#[derive(Debug)]
struct Held(Box<dyn Handle>);

impl Handle for Held {
    fn get(&self, lines: u64) -> io::Result<u64> {
        self.0.get(lines)
    }

    fn set(&self, lines: u64, levels: u64) -> io::Result<()> {
        self.0.set(lines, levels)
    }

    fn configure(&self, configs: &[Config]) -> io::Result<()> {
        let configs: Vec<_> = configs.iter().map(plain).collect();
        self.0.configure(&configs)
    }

    fn line_infos(&self) -> io::Result<Vec<LineInfo>> {
        self.0.line_infos()
    }

    fn read(&self, events: &mut [Event]) -> io::Result<usize> {
        self.0.read(events)
    }

    fn ready(&self) -> &dyn Ready {
        self.0.ready()
    }
}

#[test]
fn an_opening_that_is_not_granted_leaves_nothing_behind() {
    let board = PushPull(Stub::virtual_time().lines(["DATA"]));
    let recording = board.0.record();
    for release in [Release::Keep, Release::Level(true)] {
        let drain = Config::new().drive(Drive::OpenDrain).on_release(release);
        let error = Output::open_on(&board, "DATA", &drain).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
    let told = recording.to_string();
    assert!(!told.contains("high"), "{told}");
    Output::open_on(&board, "DATA", &Config::new()).unwrap();
}

#[test]
fn what_was_not_granted_is_an_error() {
    let board = PushPull(Stub::virtual_time().lines(["DATA"]));
    let drain = Config::new().drive(Drive::OpenDrain);
    let error = Output::open_on(&board, "DATA", &drain).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(
        error.to_string(),
        r#"line "DATA" does not support this drive"#
    );

    // It was let go, and may be had otherwise; but not become what it cannot be.
    let mut output = Output::open_on(&board, "DATA", &Config::new()).unwrap();
    let error = output.configure(&drain).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    output.set(true).unwrap();
    assert!(board.0.level("DATA").unwrap());
    // Of what cannot be had as a whole nothing is left.
    let error = output.configure(&drain.active_low(true)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let info = LineInfo::of_on(&board, "DATA").unwrap();
    assert!(!info.config().is_active_low());
    assert!(board.0.level("DATA").unwrap() && output.is_set());
}

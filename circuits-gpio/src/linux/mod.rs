//! Lines of the kernel's GPIO character device, version 2 of its ABI (Linux 5.10,
//! include/uapi/linux/gpio.h), through gpiocdev.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use circuits_wait::{Clock, Fd, Monotonic, Ready, Time};
use gpiocdev::line::{EdgeKind, Offset, Value};
use gpiocdev::{Chip, Request};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::{
    Backend, Bias, Config, Direction, Edge, EdgeDetection, Error, Event, Handle, LineSpec, Result,
};

/// The lines of this machine, from `/dev/gpiochip*`.
#[derive(Clone, Debug, Default)]
pub struct Linux {
    clock: Monotonic,
}

impl Linux {
    /// Makes the backend. Nothing is opened yet.
    pub fn new() -> Linux {
        Linux::default()
    }

    /// Makes the backend with a clock of the caller's, whose interrupt ends blocking waits.
    pub fn with_clock(clock: Monotonic) -> Linux {
        Linux { clock }
    }

    pub(crate) fn for_line(_: &LineSpec) -> Result<Linux> {
        Ok(Linux::new())
    }
}

impl Backend for Linux {
    fn open(&self, line: &LineSpec, config: &Config) -> Result<Box<dyn Handle>> {
        let name: Arc<str> = line.to_string().into();
        let (chip, offset) = match line {
            LineSpec::Name(wanted) => find(wanted, &name)?,
            LineSpec::Offset { chip, offset } => (open_chip(chip, &name)?, *offset),
        };
        let fail = |error| Error::from_io(&name, "this configuration", to_io(error));
        if offset >= chip.info().map_err(fail)?.num_lines {
            return Err(Error::NotFound { line: name });
        }
        let request = match request(&chip, offset, config) {
            Ok(request) => request,
            Err(error) => {
                let mut error = fail(error);
                if let Error::InUse { holder, .. } = &mut error {
                    *holder = chip
                        .line_info(offset)
                        .ok()
                        .filter(|info| info.used)
                        .map(|info| info.consumer.into());
                }
                return Err(error);
            }
        };
        // gpiocdev opens it blocking, but a handle never waits.
        fcntl_getfl(&request)
            .and_then(|flags| fcntl_setfl(&request, flags | OFlags::NONBLOCK))
            .map_err(|errno| Error::from_io(&name, "being read without waiting", errno.into()))?;
        let request = Fd::new(request, &self.clock);
        Ok(Box::new(Held {
            request,
            offset,
            direction: config.direction(),
        }))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.clock.clone())
    }
}

fn open_chip(chip: &str, line: &Arc<str>) -> Result<Chip> {
    let path = PathBuf::from("/dev").join(chip);
    if !path.exists() {
        return Err(Error::NoChip {
            line: line.clone(),
            chip: path.to_string_lossy().into(),
        });
    }
    Chip::from_path(&path)
        .map_err(|error| Error::from_io(line, "a chip at this path", to_io(error)))
}

// include/uapi/asm-generic/errno-base.h
const ENOENT: i32 = 2;
const ENXIO: i32 = 6;
const ENODEV: i32 = 19;

/// Looks at the lines of all chips: a name is not unique by any rule of the kernel's.
fn find(wanted: &str, line: &Arc<str>) -> Result<(Chip, Offset)> {
    let paths = gpiocdev::chip::chips().unwrap_or_default();
    if paths.is_empty() {
        return Err(Error::NoChip {
            line: line.clone(),
            chip: "/dev/gpiochip*".into(),
        });
    }
    let (mut found, mut failed) = (Vec::new(), None);
    for path in paths {
        let chip = match Chip::from_path(&path) {
            Ok(chip) => Arc::new(chip),
            Err(error) => {
                let error = to_io(error);
                // Unplugged since the list was made, it is no place to look.
                if !matches!(error.raw_os_error(), Some(ENOENT | ENXIO | ENODEV)) && path.exists() {
                    failed.get_or_insert(error);
                }
                continue;
            }
        };
        let Ok(infos) = chip.line_info_iter() else {
            continue;
        };
        let matching = infos
            .flatten()
            .filter(|info| info.name == wanted && !wanted.is_empty());
        found.extend(matching.map(|info| (chip.clone(), info.offset)));
    }
    match (found.len(), failed) {
        (1, _) => {}
        (0, Some(error)) => return Err(Error::from_io(line, "being looked for", error)),
        (0, None) => return Err(Error::NotFound { line: line.clone() }),
        (count, _) => {
            let places: Vec<String> = found
                .iter()
                .map(|(chip, offset)| format!("{}:{offset}", chip.name()))
                .collect();
            return Err(Error::Ambiguous {
                line: line.clone(),
                count,
                places: places.join(", ").into(),
            });
        }
    }
    let (chip, offset) = found.swap_remove(0);
    match Arc::try_unwrap(chip) {
        Ok(chip) => Ok((chip, offset)),
        Err(shared) => open_chip(&shared.name(), line).map(|chip| (chip, offset)),
    }
}

fn request(chip: &Chip, offset: Offset, config: &Config) -> gpiocdev::Result<Request> {
    let mut builder = Request::builder();
    builder
        .on_chip(chip.path())
        .with_consumer(consumer(config))
        .with_line(offset);
    match config.direction() {
        Direction::Input => builder
            .as_input()
            .with_edge_detection(detection(config.detected_edges())),
        Direction::Output => builder.as_output(Value::from(config.initial_level())),
    };
    if config.is_active_low() {
        builder.as_active_low();
    }
    if let Some(bias) = config.line_bias() {
        builder.with_bias(match bias {
            Bias::Disabled => gpiocdev::line::Bias::Disabled,
            Bias::PullUp => gpiocdev::line::Bias::PullUp,
            Bias::PullDown => gpiocdev::line::Bias::PullDown,
        });
    }
    builder.request()
}

/// The kernel has 32 bytes for the name, the last of which is zero.
fn consumer(config: &Config) -> String {
    let mut name = config.consumer_name();
    while name.len() > 31 {
        name.pop();
    }
    name
}

fn detection(edges: EdgeDetection) -> Option<gpiocdev::line::EdgeDetection> {
    match edges {
        EdgeDetection::Off => None,
        EdgeDetection::Rising => Some(gpiocdev::line::EdgeDetection::RisingEdge),
        EdgeDetection::Falling => Some(gpiocdev::line::EdgeDetection::FallingEdge),
        EdgeDetection::Both => Some(gpiocdev::line::EdgeDetection::BothEdges),
    }
}

#[derive(Debug)]
struct Held {
    request: Fd<Request>,
    offset: Offset,
    direction: Direction,
}

impl Held {
    /// `struct gpio_v2_line_event` is 48 bytes long.
    const EVENT_WORDS: usize = 6;
    /// As many as the kernel's queue holds for one line.
    const EVENTS: usize = 16;
}

impl Handle for Held {
    fn set(&self, level: bool) -> io::Result<()> {
        self.request
            .get_ref()
            .set_value(self.offset, Value::from(level))
            .map_err(to_io)
    }

    fn get(&self) -> io::Result<bool> {
        self.request
            .get_ref()
            .value(self.offset)
            .map(bool::from)
            .map_err(to_io)
    }

    fn detect(&self, edges: EdgeDetection) -> io::Result<()> {
        if self.direction == Direction::Output {
            // gpiocdev would make it an input.
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let request = self.request.get_ref();
        let mut config = request.config();
        config
            .with_line(self.offset)
            .with_edge_detection(detection(edges));
        request.reconfigure(&config).map_err(to_io)
    }

    /// Not gpiocdev's `read_edge_event`: it reads several events and returns the first.
    fn read(&self, events: &mut [Event]) -> io::Result<usize> {
        let request = self.request.get_ref();
        let mut words = [0; Held::EVENT_WORDS * Held::EVENTS];
        let size = request.edge_event_u64_size();
        let room = (events.len() * size).min(words.len() / size * size);
        let read = request
            .read_edge_events_into_slice(&mut words[..room])
            .map_err(to_io)?;
        let mut count = 0;
        for (event, words) in events.iter_mut().zip(words[..read].chunks_exact(size)) {
            let read = request.edge_event_from_slice(words).map_err(to_io)?;
            let edge = match read.kind {
                EdgeKind::Rising => Edge::Rising,
                EdgeKind::Falling => Edge::Falling,
            };
            *event = Event::new(edge, Time::from_nanos(read.timestamp_ns), read.line_seqno);
            count += 1;
        }
        Ok(count)
    }

    fn ready(&self) -> &dyn Ready {
        &self.request
    }
}

/// Takes the errno out of gpiocdev's error, which hides it.
fn to_io(error: gpiocdev::Error) -> io::Error {
    match error {
        gpiocdev::Error::Os(errno) | gpiocdev::Error::Uapi(_, gpiocdev_uapi::Error::Os(errno)) => {
            io::Error::from_raw_os_error(errno.0)
        }
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_consumer_is_cut_between_characters() {
        let name = "é".repeat(20);
        assert_eq!(consumer(&Config::new().consumer(name)), "é".repeat(15));
    }

    #[test]
    fn a_chip_that_is_not_there_is_named() {
        let error = Linux::new()
            .open(&LineSpec::offset("gpiochip999", 0), &Config::new())
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"no GPIO chip /dev/gpiochip999 to open line "gpiochip999:0" on (gpiodetect lists them)"#
        );
    }

    #[test]
    fn a_file_that_is_no_chip_is_refused() {
        let error = Linux::new()
            .open(&LineSpec::offset("null", 0), &Config::new())
            .unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Io);
    }
}

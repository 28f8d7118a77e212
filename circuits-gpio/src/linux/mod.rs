//! Lines of the kernel's GPIO character device, version 2 of its ABI (Linux 5.10,
//! <https://docs.kernel.org/userspace-api/gpio/chardev.html>), through gpiocdev-uapi.

mod uapi;
mod watch;

use std::fmt::Display;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use circuits_wait::{Clock, Fd, Monotonic, Ready, Time};
use gpiocdev_uapi::v2;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::backend::Request;
use crate::{Backend, ChipInfo, Config, Edge, Event, Handle, LineInfo, Result, Watcher};

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

    /// The machine that this runs on, which is one.
    pub(crate) fn here(_: &dyn Display) -> Result<Linux> {
        Ok(Linux::new())
    }
}

impl Backend for Linux {
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.clock.clone())
    }

    fn chips(&self) -> io::Result<Vec<String>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir("/dev")? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix("gpiochip"));
            numbers.extend(number.and_then(|number| number.parse::<u32>().ok()));
        }
        numbers.sort_unstable();
        let name = |number| format!("gpiochip{number}");
        Ok(numbers.into_iter().map(name).collect())
    }

    fn chip_info(&self, name: &str) -> io::Result<ChipInfo> {
        let info = v2::get_chip_info(&chip(name)?).map_err(uapi::to_io)?;
        let (name, label) = (uapi::text(&info.name), uapi::text(&info.label));
        Ok(ChipInfo::new(name, label, info.num_lines))
    }

    fn line_infos(&self, name: &str) -> io::Result<Vec<LineInfo>> {
        let chip = chip(name)?;
        let info = v2::get_chip_info(&chip).map_err(uapi::to_io)?;
        (0..info.num_lines)
            .map(|offset| line(&chip, offset))
            .collect()
    }

    fn line_info(&self, name: &str, offset: u32) -> io::Result<LineInfo> {
        line(&chip(name)?, offset)
    }

    fn open(&self, request: &Request) -> io::Result<Box<dyn Handle>> {
        let chip = chip(&request.chip)?;
        let configs: Vec<Config> = request
            .lines
            .iter()
            .map(|(_, config)| config.clone())
            .collect();
        uapi::check(&configs)?;
        let file = v2::get_line(&chip, uapi::request(request)).map_err(uapi::to_io)?;
        // The kernel opens it blocking, but a handle never waits.
        fcntl_setfl(&file, fcntl_getfl(&file)? | OFlags::NONBLOCK)?;
        let words = request.event_buffer as usize * v2::LineEdgeEvent::u64_size();
        Ok(Box::new(Held {
            file: Fd::new(file, &self.clock),
            chip,
            offsets: request.lines.iter().map(|(offset, _)| *offset).collect(),
            configs: Mutex::new(configs),
            words: Mutex::new(vec![0; words].into()),
        }))
    }

    fn watch(&self, name: &str, offsets: &[u32]) -> io::Result<Box<dyn Watcher>> {
        let chip = chip(name)?;
        fcntl_setfl(&chip, fcntl_getfl(&chip)? | OFlags::NONBLOCK)?;
        Ok(Box::new(watch::Watched::new(
            Fd::new(chip, &self.clock),
            offsets,
        )?))
    }
}

fn chip(name: &str) -> io::Result<File> {
    // Its name, and no path.
    if name.is_empty() || name.contains('/') {
        return Err(io::ErrorKind::NotFound.into());
    }
    File::open(Path::new("/dev").join(name))
}

fn line(chip: &File, offset: u32) -> io::Result<LineInfo> {
    v2::get_line_info(chip, offset)
        .map(|info| uapi::info(&info))
        .map_err(uapi::to_io)
}

/// Lines that are held: `gpio_v2_line_request`'s descriptor.
#[derive(Debug)]
struct Held {
    file: Fd<File>,
    chip: File,
    offsets: Box<[u32]>,
    configs: Mutex<Vec<Config>>,
    /// What events are read into: as many as the queue holds, by one call.
    words: Mutex<Box<[u64]>>,
}

impl Handle for Held {
    fn get(&self, lines: u64) -> io::Result<u64> {
        let mut values = v2::LineValues {
            bits: 0,
            mask: lines,
        };
        v2::get_line_values(self.file.get_ref(), &mut values).map_err(uapi::to_io)?;
        Ok(values.bits & lines)
    }

    fn set(&self, lines: u64, levels: u64) -> io::Result<()> {
        let values = v2::LineValues {
            bits: levels,
            mask: lines,
        };
        v2::set_line_values(self.file.get_ref(), &values).map_err(uapi::to_io)
    }

    fn configure(&self, configs: &[Config]) -> io::Result<()> {
        if configs.len() != self.offsets.len() {
            return Err(uapi::invalid());
        }
        uapi::check(configs)?;
        let mut before = self.configs.lock().unwrap_or_else(|e| e.into_inner());
        let set = |configs: &[Config]| {
            v2::set_line_config(self.file.get_ref(), uapi::config(configs)).map_err(uapi::to_io)
        };
        if let Some(first) = uapi::before_edges(&before, configs) {
            set(&first)?;
        }
        set(configs)?;
        *before = configs.to_vec();
        Ok(())
    }

    fn line_infos(&self) -> io::Result<Vec<LineInfo>> {
        let offsets = self.offsets.iter();
        offsets.map(|offset| line(&self.chip, *offset)).collect()
    }

    fn read(&self, events: &mut [Event]) -> io::Result<usize> {
        let size = v2::LineEdgeEvent::u64_size();
        let mut words = self.words.lock().unwrap_or_else(|e| e.into_inner());
        let room = words.len().min(events.len() * size);
        let file = self.file.get_ref();
        let read = gpiocdev_uapi::read_event(file, &mut words[..room]).map_err(uapi::to_io)?;
        let mut count = 0;
        for (event, words) in events.iter_mut().zip(words[..read].chunks_exact(size)) {
            let read = v2::LineEdgeEvent::from_slice(words).map_err(uapi::to_io)?;
            let line = self
                .offsets
                .iter()
                .position(|offset| *offset == read.offset);
            let edge = match read.kind {
                // GPIO_V2_LINE_EVENT_RISING_EDGE
                1 => Edge::Rising,
                _ => Edge::Falling,
            };
            let time = Time::from_nanos(read.timestamp_ns);
            let line = line.unwrap_or_default() as u32;
            *event = Event::new(line, edge, time, read.seqno, read.line_seqno);
            count += 1;
        }
        Ok(count)
    }

    fn ready(&self) -> &dyn Ready {
        &self.file
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorKind, Input};

    #[test]
    fn a_chip_that_is_not_there_is_named() {
        let error = Input::open("gpiochip999:0").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let text = error.to_string();
        assert!(text.starts_with("no GPIO chip /dev/gpiochip"), "{text}");
    }

    #[test]
    fn a_file_that_is_no_chip_is_refused() {
        let error = Input::open("null:0").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
    }

    #[test]
    fn a_path_is_no_name() {
        let error = chip("../dev/null").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}

use std::fs::File;
use std::hint::black_box;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use anyhow::{Error, Result, anyhow};
use circuits_gpio::{Config, Input, Lines, Output};
use embedded_hal::digital::{InputPin, OutputPin, PinState};
use gpio_cdev::{Chip, LineHandle, LineRequestFlags, MultiLineHandle};
use gpiocdev::Request;
use gpiocdev::line::{Value, Values};
use gpiocdev::request::Builder;
use gpiocdev_uapi::Name;
use gpiocdev_uapi::v2::{self, LineConfig, LineFlags, LineRequest, LineValues, Offsets};
use gpiosim::{Bank, Sim};
use linux_embedded_hal::CdevPin;

use crate::rounds::{Batch, Competitor, Measured, Rounds, batch};

/// The lines of each chip, which are held together. Single lines are the first.
const LINES: [u32; 8] = [0, 1, 2, 3, 4, 5, 6, 7];
const ALL: u64 = 0b1111_1111;

/// What they are set to by turns.
const PATTERNS: [u64; 2] = [0b0101_0101, 0b1010_1010];

/// Measures lines of the kernel's gpio-sim. Needs root.
pub(crate) fn measure(rounds: &mut Rounds) -> Result<Vec<Measured>> {
    let chips = Chips::new()?;
    Ok(vec![
        set(rounds, &chips)?,
        get(rounds, &chips)?,
        set_group(rounds, &chips)?,
        get_group(rounds, &chips)?,
    ])
}

/// A chip for each competitor: everybody has lines at the same offsets.
struct Chips {
    sim: Sim,
}

impl Chips {
    fn new() -> Result<Chips> {
        let mut sim = gpiosim::builder();
        for label in ["bare", "circuits", "gpiocdev", "gpio-cdev", "hal"] {
            sim.with_bank(&Bank::new(LINES.len() as u32, label));
        }
        let sim = sim.live().map_err(|why| {
            anyhow!("no simulated lines, which need root and the module gpio-sim: {why}")
        })?;
        Ok(Chips { sim })
    }

    fn bare(&self, lines: &[u32], flags: LineFlags) -> Result<Bare> {
        Bare::open(&self.path(0), lines, flags)
    }

    fn circuits(&self, line: u32) -> String {
        format!("{}:{line}", self.sim.chips()[1].chip_name)
    }

    fn gpiocdev(&self) -> Builder {
        let mut builder = Request::builder();
        builder.on_chip(self.path(2));
        builder
    }

    fn gpio_cdev(&self, flags: LineRequestFlags) -> Result<LineHandle> {
        let line = Chip::new(self.path(3))?.get_line(0)?;
        Ok(line.request(flags, 0, "peers")?)
    }

    fn gpio_cdev_group(&self, flags: LineRequestFlags) -> Result<MultiLineHandle> {
        let lines = Chip::new(self.path(3))?.get_lines(&LINES)?;
        Ok(lines.request(flags, &[0; LINES.len()], "peers")?)
    }

    fn hal(&self, flags: LineRequestFlags) -> Result<CdevPin> {
        let line = Chip::new(self.path(4))?.get_line(0)?;
        Ok(CdevPin::new(line.request(flags, 0, "peers")?)?)
    }

    fn path(&self, chip: usize) -> PathBuf {
        self.sim.chips()[chip].dev_path().clone()
    }
}

/// Those that know version 1 of the kernel's ABI alone do without lines where it is turned off.
fn peers(gpiocdev: Batch, gpio_cdev: Result<Batch>, hal: Option<Result<Batch>>) -> Vec<Competitor> {
    let hal_name = "linux-embedded-hal";
    vec![
        Competitor::new("gpiocdev", Ok(gpiocdev)),
        Competitor::new("gpio-cdev", gpio_cdev),
        match hal {
            Some(hal) => Competitor::new(hal_name, hal),
            None => Competitor::without(hal_name),
        },
    ]
}

/// Makes a batch of a call that is told high and low by turns: nobody can skip what is set already.
fn toggle<E: Into<Error>>(mut set: impl FnMut(bool) -> Result<(), E> + 'static) -> Batch {
    let mut high = false;
    batch(move || {
        high = !high;
        set(high)
    })
}

/// Makes a batch of a call that reads.
fn read<T, E: Into<Error>>(mut get: impl FnMut() -> Result<T, E> + 'static) -> Batch {
    batch(move || get().map(|levels| drop(black_box(levels))))
}

fn set(rounds: &mut Rounds, chips: &Chips) -> Result<Measured> {
    let bare = chips.bare(&LINES[..1], LineFlags::OUTPUT)?;
    let bare = toggle(move |high| bare.set(1, high.into()));
    let circuits = Output::open(chips.circuits(0))?;
    let circuits = toggle(move |high| circuits.set(high));
    let mut gpiocdev = chips.gpiocdev();
    let gpiocdev = gpiocdev.with_line(0).as_output(Value::Inactive).request()?;
    let gpiocdev = toggle(move |high| gpiocdev.set_lone_value(high.into()));
    let gpio_cdev = chips.gpio_cdev(LineRequestFlags::OUTPUT);
    let gpio_cdev = gpio_cdev.map(|line| toggle(move |high| line.set_value(high.into())));
    let hal = chips.hal(LineRequestFlags::OUTPUT);
    let hal = hal.map(|mut pin| toggle(move |high| pin.set_state(PinState::from(high))));
    rounds.measure("set", bare, circuits, peers(gpiocdev, gpio_cdev, Some(hal)))
}

fn get(rounds: &mut Rounds, chips: &Chips) -> Result<Measured> {
    let bare = chips.bare(&LINES[..1], LineFlags::INPUT)?;
    let bare = read(move || bare.get(1));
    let circuits = Input::open(chips.circuits(0))?;
    let circuits = read(move || circuits.get());
    let gpiocdev = chips.gpiocdev().with_line(0).as_input().request()?;
    let gpiocdev = read(move || gpiocdev.lone_value());
    let gpio_cdev = chips.gpio_cdev(LineRequestFlags::INPUT);
    let gpio_cdev = gpio_cdev.map(|line| read(move || line.get_value()));
    let hal = chips.hal(LineRequestFlags::INPUT);
    let hal = hal.map(|mut pin| read(move || pin.is_high()));
    rounds.measure("get", bare, circuits, peers(gpiocdev, gpio_cdev, Some(hal)))
}

/// Who wants levels in a form of his own has them so beforehand.
fn set_group(rounds: &mut Rounds, chips: &Chips) -> Result<Measured> {
    let bare = chips.bare(&LINES, LineFlags::OUTPUT)?;
    let bare = toggle(move |odd| bare.set(ALL, PATTERNS[usize::from(odd)]));
    let circuits = Lines::open(LINES.map(|line| (chips.circuits(line), Config::output())))?;
    let circuits = toggle(move |odd| circuits.set(PATTERNS[usize::from(odd)]));
    let bytes = PATTERNS.map(|pattern| LINES.map(|line| (pattern >> line & 1) as u8));
    let values = bytes.map(|bytes| {
        let mut values = Values::default();
        for (line, byte) in LINES.into_iter().zip(bytes) {
            values.set(line, byte.into());
        }
        values
    });
    let gpiocdev = chips.gpiocdev().with_output_lines(&values[0]).request()?;
    let gpiocdev = toggle(move |odd| gpiocdev.set_values(&values[usize::from(odd)]));
    let gpio_cdev = chips.gpio_cdev_group(LineRequestFlags::OUTPUT);
    let gpio_cdev =
        gpio_cdev.map(|lines| toggle(move |odd| lines.set_values(&bytes[usize::from(odd)])));
    rounds.measure(
        "group set",
        bare,
        circuits,
        peers(gpiocdev, gpio_cdev, None),
    )
}

fn get_group(rounds: &mut Rounds, chips: &Chips) -> Result<Measured> {
    let bare = chips.bare(&LINES, LineFlags::INPUT)?;
    let bare = read(move || bare.get(ALL));
    let circuits = Lines::open(LINES.map(|line| (chips.circuits(line), Config::input())))?;
    let circuits = read(move || circuits.get());
    let gpiocdev = chips.gpiocdev().with_lines(&LINES).as_input().request()?;
    let mut values = Values::from_offsets(&LINES);
    let gpiocdev = batch(move || gpiocdev.values(black_box(&mut values)));
    let gpio_cdev = chips.gpio_cdev_group(LineRequestFlags::INPUT);
    let gpio_cdev = gpio_cdev.map(|lines| read(move || lines.get_values()));
    rounds.measure(
        "group get",
        bare,
        circuits,
        peers(gpiocdev, gpio_cdev, None),
    )
}

/// `GPIO_V2_LINE_GET_VALUES_IOCTL` and `GPIO_V2_LINE_SET_VALUES_IOCTL` of include/uapi/linux/gpio.h.
const GET_VALUES: u32 = 0xc010_b40e;
const SET_VALUES: u32 = 0xc010_b40f;

/// Lines as the kernel has them.
struct Bare {
    file: File,
}

impl Bare {
    fn open(chip: &Path, lines: &[u32], flags: LineFlags) -> Result<Bare> {
        let request = LineRequest {
            offsets: Offsets::from_slice(lines),
            num_lines: lines.len() as u32,
            config: LineConfig {
                flags,
                ..LineConfig::default()
            },
            consumer: Name::from_bytes(b"peers"),
            ..LineRequest::default()
        };
        let file = v2::get_line(&File::open(chip)?, request)?;
        Ok(Bare { file })
    }

    fn set(&self, mask: u64, bits: u64) -> io::Result<()> {
        self.call(SET_VALUES, &mut LineValues { bits, mask })
    }

    fn get(&self, mask: u64) -> io::Result<u64> {
        let mut values = LineValues { bits: 0, mask };
        self.call(GET_VALUES, &mut values)?;
        Ok(values.bits)
    }

    #[inline]
    fn call(&self, number: u32, values: &mut LineValues) -> io::Result<()> {
        // SAFETY: both calls take a `gpio_v2_line_values`, of which this is the same, and keep
        // nothing of it.
        #[allow(unsafe_code)]
        let done = unsafe { libc::ioctl(self.file.as_raw_fd(), number as _, values) };
        match done {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

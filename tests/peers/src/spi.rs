use std::fmt::Debug;
use std::fs::File;
use std::hint::black_box;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::Duration;

use anyhow::{Error, Result, bail, ensure};
use circuits_bench::{Tracer, Unbound};
use circuits_spi::{Config, Device};
use embedded_hal::spi::Operation::{Read, Write};
use embedded_hal::spi::SpiDevice;
use linux_embedded_hal::SpidevDevice;
use rustix::time::{ClockId, clock_gettime};
use spidev::{SpiModeFlags, Spidev, SpidevOptions, SpidevTransfer};

use crate::rounds::{Batch, Competitor, Measured, Rounds};

/// How many transactions a round has, if nothing else is said: each takes tens of milliseconds in the
/// emulated Pi, in nearly all of which nobody works.
pub(crate) const CALLS: u32 = 2;

const HZ: u32 = 10_000_000;

/// Measures transactions with a device of spidev, CIRCUITS_TEST_SPI (default: spidev0.1, where nobody is
/// in the emulated Pi): how long the processor is busy with them in the name of who calls. Then the same
/// on handles whose device is gone, which the kernel refuses at once: what is left is what everybody adds.
/// Needs root, for the tracer and to take the device away.
pub(crate) fn measure(rounds: &mut Rounds, refused: &mut Rounds) -> Result<Vec<Measured>> {
    let node = std::env::var("CIRCUITS_TEST_SPI").unwrap_or("spidev0.1".into());
    let names = ["1 and 3", "eight", "64 at once"];
    let mut measured = Vec::new();
    for operation in operations(&node, names, Outcome::Done)? {
        measured.push(operation.measure(rounds)?);
    }
    let gone = operations(
        &node,
        ["1,3 gone", "eight gone", "64 gone"],
        Outcome::Refused,
    )?;
    let _unbound = Unbound::new("spi/drivers/spidev", &node.replace("spidev", "spi"));
    for operation in gone {
        measured.push(operation.measure(refused)?);
    }
    println!("one system call a transaction, of everybody; its processor time:\n");
    Ok(measured)
}

/// What each call comes to.
#[derive(Clone, Copy, PartialEq)]
enum Outcome {
    Done,
    Refused,
}

fn operations(node: &str, names: [&'static str; 3], outcome: Outcome) -> Result<[Operation; 3]> {
    let path = Path::new("/dev").join(node);
    let bare = |parts: &[Part]| Ok::<_, Error>(Bare::open(&path, parts)?.batch(outcome));
    let circuits = || {
        let config = Config::new().speed_hz(HZ);
        Device::open_on(&circuits_spi::Linux::new(), node, &config)
    };
    let hal = || spidev(&path).map(SpidevDevice);
    Ok([
        Operation {
            name: names[0],
            bare: bare(&[Part::Write(1), Part::Read(3)])?,
            circuits: id(circuits()?, outcome),
            spidev: spidev_id(spidev(&path)?, outcome),
            hal: id(hal()?, outcome),
        },
        Operation {
            name: names[1],
            bare: bare(&[Part::Write(1), Part::Read(1)].repeat(4))?,
            circuits: eight(circuits()?, outcome),
            spidev: spidev_eight(spidev(&path)?, outcome),
            hal: eight(hal()?, outcome),
        },
        Operation {
            name: names[2],
            bare: bare(&[Part::Both(64)])?,
            circuits: both_ways(circuits()?, outcome),
            spidev: spidev_both_ways(spidev(&path)?, outcome),
            hal: both_ways(hal()?, outcome),
        },
    ])
}

/// A transaction, as everybody makes it.
struct Operation {
    name: &'static str,
    bare: Batch,
    circuits: Batch,
    spidev: Batch,
    hal: Batch,
}

impl Operation {
    fn measure(mut self, rounds: &mut Rounds) -> Result<Measured> {
        let all = [
            &mut self.bare,
            &mut self.circuits,
            &mut self.spidev,
            &mut self.hal,
        ];
        for batch in all {
            // What is taken once, is taken now.
            batch(1)?;
            let mut done = Ok(Duration::ZERO);
            let calls = Tracer::new().trace(|| done = batch(CALLS));
            done?;
            let ioctls = calls.iter().filter(|call| **call == libc::SYS_ioctl);
            // The others are looks at the clock.
            ensure!(
                ioctls.count() == CALLS as usize && calls.len() == CALLS as usize + LOOKS,
                "{}: not one system call each: {calls:?}",
                self.name
            );
        }
        let peers = vec![
            Competitor::new("spidev", Ok(self.spidev)),
            Competitor::new("linux-embedded-hal", Ok(self.hal)),
        ];
        rounds.measure(self.name, self.bare, self.circuits, peers)
    }
}

/// How often a batch looks at the clock.
const LOOKS: usize = 2;

/// Makes a batch of a call: what the processor does for this thread, in the kernel as well. The rest of
/// the time is the wire's, and chip select's.
fn batch<E: Debug>(outcome: Outcome, mut call: impl FnMut() -> Result<(), E> + 'static) -> Batch {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    };
    Box::new(move |calls| {
        let start = now();
        for _ in 0..calls {
            match (black_box(call()), outcome) {
                (Ok(()), Outcome::Done) | (Err(_), Outcome::Refused) => {}
                (other, _) => bail!("{other:?}"),
            }
        }
        Ok(now() - start)
    })
}

fn id<D: SpiDevice + 'static>(mut device: D, outcome: Outcome) -> Batch {
    batch(outcome, move || {
        let mut id = [0; 3];
        let mut operations = [Write(&[0x9f]), Read(&mut id)];
        device.transaction(&mut operations)?;
        black_box(id);
        Ok::<(), D::Error>(())
    })
}

fn eight<D: SpiDevice + 'static>(mut device: D, outcome: Outcome) -> Batch {
    batch(outcome, move || {
        let ([mut a, mut b], [mut c, mut d]) = ([[0]; 2], [[0]; 2]);
        let mut operations = [
            Write(&[1]),
            Read(&mut a),
            Write(&[2]),
            Read(&mut b),
            Write(&[3]),
            Read(&mut c),
            Write(&[4]),
            Read(&mut d),
        ];
        device.transaction(&mut operations)?;
        black_box((a, b, c, d));
        Ok::<(), D::Error>(())
    })
}

fn both_ways<D: SpiDevice + 'static>(mut device: D, outcome: Outcome) -> Batch {
    batch(outcome, move || {
        let mut read = [0; 64];
        device.transfer(&mut read, &[1; 64])?;
        black_box(read);
        Ok::<(), D::Error>(())
    })
}

fn spidev(path: &Path) -> Result<Spidev> {
    let mut device = Spidev::open(path)?;
    let mut options = SpidevOptions::new();
    options.bits_per_word(8).max_speed_hz(HZ);
    device.configure(&options.mode(SpiModeFlags::SPI_MODE_0).build())?;
    Ok(device)
}

fn spidev_id(device: Spidev, outcome: Outcome) -> Batch {
    batch(outcome, move || {
        let mut id = [0; 3];
        let mut transfers = [
            SpidevTransfer::write(&[0x9f]),
            SpidevTransfer::read(&mut id),
        ];
        device.transfer_multiple(&mut transfers)?;
        black_box(id);
        Ok::<(), io::Error>(())
    })
}

fn spidev_eight(device: Spidev, outcome: Outcome) -> Batch {
    batch(outcome, move || {
        let ([mut a, mut b], [mut c, mut d]) = ([[0]; 2], [[0]; 2]);
        let mut transfers = [
            SpidevTransfer::write(&[1]),
            SpidevTransfer::read(&mut a),
            SpidevTransfer::write(&[2]),
            SpidevTransfer::read(&mut b),
            SpidevTransfer::write(&[3]),
            SpidevTransfer::read(&mut c),
            SpidevTransfer::write(&[4]),
            SpidevTransfer::read(&mut d),
        ];
        device.transfer_multiple(&mut transfers)?;
        black_box((a, b, c, d));
        Ok::<(), io::Error>(())
    })
}

fn spidev_both_ways(device: Spidev, outcome: Outcome) -> Batch {
    batch(outcome, move || {
        let mut read = [0; 64];
        device.transfer(&mut SpidevTransfer::read_write(&[1; 64], &mut read))?;
        black_box(read);
        Ok::<(), io::Error>(())
    })
}

/// What is sent and read, and how much.
#[derive(Clone, Copy)]
enum Part {
    Write(usize),
    Read(usize),
    Both(usize),
}

/// `struct spi_ioc_transfer` of include/uapi/linux/spi/spidev.h; what is optional is zero.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Message {
    tx_buf: u64,
    rx_buf: u64,
    len: u32,
    optional: [u32; 3],
}

/// A message as the kernel has it, all of it made beforehand.
struct Bare {
    device: Spidev,
    messages: Vec<Message>,
    /// What the addresses point to.
    _buffers: Vec<Box<[u8]>>,
}

impl Bare {
    fn open(path: &Path, parts: &[Part]) -> Result<Bare> {
        let mut buffers = Vec::new();
        let mut buffer = |len: usize| {
            let mut buffer = vec![1; len].into_boxed_slice();
            let address = buffer.as_mut_ptr().expose_provenance() as u64;
            buffers.push(buffer);
            address
        };
        let mut message = |part: &Part| {
            let (written, read, len) = match *part {
                Part::Write(len) => (true, false, len),
                Part::Read(len) => (false, true, len),
                Part::Both(len) => (true, true, len),
            };
            Message {
                tx_buf: if written { buffer(len) } else { 0 },
                rx_buf: if read { buffer(len) } else { 0 },
                len: len as u32,
                optional: [0; 3],
            }
        };
        let messages = parts.iter().map(&mut message).collect();
        Ok(Bare {
            device: spidev(path)?,
            messages,
            _buffers: buffers,
        })
    }

    fn batch(mut self, outcome: Outcome) -> Batch {
        // With all of it: the buffers must live as long.
        batch(outcome, move || self.call())
    }

    #[inline]
    fn call(&mut self) -> io::Result<()> {
        // `SPI_IOC_MESSAGE(N)`.
        let size = size_of::<Message>() * self.messages.len();
        let number = 0x4000_6b00 | (size as u32) << 16;
        let file: &File = self.device.inner();
        // SAFETY: the call takes so many `spi_ioc_transfer`, of which these are the same; the buffers
        // that they point to are as long as they say, live as long as this, and are nobody else's.
        #[allow(unsafe_code)]
        let done =
            unsafe { libc::ioctl(file.as_raw_fd(), number as _, self.messages.as_mut_ptr()) };
        match done {
            0.. => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

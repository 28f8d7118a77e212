use std::fs::File;
use std::hint::black_box;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::Duration;

use anyhow::{Error, Result, anyhow, ensure};
use circuits_bench::Tracer;
use circuits_spi::{Config, Device};
use embedded_hal::spi::Operation::{Read, Write};
use embedded_hal::spi::SpiDevice;
use linux_embedded_hal::SpidevDevice;
use rustix::time::{ClockId, clock_gettime};
use spidev::{SpiModeFlags, Spidev, SpidevOptions, SpidevTransfer};

use crate::rounds::{Batch, Competitor, Measured, Rounds};

/// How many calls a round has, if nothing else is said: each takes tens of milliseconds in the emulated
/// Pi, in nearly all of which nobody works.
pub(crate) const CALLS: u32 = 4;

const HZ: u32 = 10_000_000;

/// Measures transactions with a device of spidev, CIRCUITS_TEST_SPI (default: spidev0.1, where nobody is
/// in the emulated Pi): how long the processor is busy with them in the name of who calls. Needs root,
/// for the tracer.
pub(crate) fn measure(rounds: &mut Rounds) -> Result<Vec<Measured>> {
    let node = std::env::var("CIRCUITS_TEST_SPI").unwrap_or("spidev0.1".into());
    let path = Path::new("/dev").join(&node);
    let bare = |parts: &[Part]| Bare::open(&path, parts);
    let circuits = || -> Result<Device> {
        let config = Config::new().speed_hz(HZ);
        Ok(Device::open_on(
            &circuits_spi::Linux::new(),
            &node,
            &config,
        )?)
    };
    let hal = || spidev(&path).map(SpidevDevice);
    let id = Operation {
        name: "1 and 3",
        bare: bare(&[Part::Write(1), Part::Read(3)])?.batch(),
        circuits: self::id(circuits()?),
        spidev: spidev_id(spidev(&path)?),
        hal: self::id(hal()?),
    };
    let id = id.measure(rounds)?;
    let eight = Operation {
        name: "eight",
        bare: bare(&[Part::Write(1), Part::Read(1)].repeat(4))?.batch(),
        circuits: self::eight(circuits()?),
        spidev: spidev_eight(spidev(&path)?),
        hal: self::eight(hal()?),
    };
    let eight = eight.measure(rounds)?;
    let both = Operation {
        name: "64 at once",
        bare: bare(&[Part::Both(64)])?.batch(),
        circuits: both_ways(circuits()?),
        spidev: spidev_both_ways(spidev(&path)?),
        hal: both_ways(hal()?),
    };
    let measured = vec![id, eight, both.measure(rounds)?];
    println!("one system call a transaction, of everybody; its processor time:\n");
    Ok(measured)
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
fn batch(mut call: impl FnMut() -> Result<()> + 'static) -> Batch {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    };
    Box::new(move |calls| {
        let start = now();
        for _ in 0..calls {
            call()?;
        }
        Ok(now() - start)
    })
}

fn failed(error: impl std::fmt::Debug) -> Error {
    anyhow!("{error:?}")
}

fn id(mut device: impl SpiDevice + 'static) -> Batch {
    batch(move || {
        let mut id = [0; 3];
        let mut operations = [Write(&[0x9f]), Read(&mut id)];
        device.transaction(&mut operations).map_err(failed)?;
        black_box(id);
        Ok(())
    })
}

fn eight(mut device: impl SpiDevice + 'static) -> Batch {
    batch(move || {
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
        device.transaction(&mut operations).map_err(failed)?;
        black_box((a, b, c, d));
        Ok(())
    })
}

fn both_ways(mut device: impl SpiDevice + 'static) -> Batch {
    batch(move || {
        let mut read = [0; 64];
        device.transfer(&mut read, &[1; 64]).map_err(failed)?;
        black_box(read);
        Ok(())
    })
}

fn spidev(path: &Path) -> Result<Spidev> {
    let mut device = Spidev::open(path)?;
    let mut options = SpidevOptions::new();
    options.bits_per_word(8).max_speed_hz(HZ);
    device.configure(&options.mode(SpiModeFlags::SPI_MODE_0).build())?;
    Ok(device)
}

fn spidev_id(device: Spidev) -> Batch {
    batch(move || {
        let mut id = [0; 3];
        let mut transfers = [
            SpidevTransfer::write(&[0x9f]),
            SpidevTransfer::read(&mut id),
        ];
        device.transfer_multiple(&mut transfers)?;
        black_box(id);
        Ok(())
    })
}

fn spidev_eight(device: Spidev) -> Batch {
    batch(move || {
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
        Ok(())
    })
}

fn spidev_both_ways(device: Spidev) -> Batch {
    batch(move || {
        let mut read = [0; 64];
        device.transfer(&mut SpidevTransfer::read_write(&[1; 64], &mut read))?;
        black_box(read);
        Ok(())
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

    fn batch(mut self) -> Batch {
        // `SPI_IOC_MESSAGE(N)`.
        let size = size_of::<Message>() * self.messages.len();
        let number = 0x4000_6b00 | (size as u32) << 16;
        batch(move || {
            let file: &File = self.device.inner();
            // SAFETY: the call takes so many `spi_ioc_transfer`, of which these are the same; the buffers
            // that they point to are as long as they say, and are nobody else's.
            #[allow(unsafe_code)]
            let done =
                unsafe { libc::ioctl(file.as_raw_fd(), number as _, self.messages.as_mut_ptr()) };
            match done {
                0.. => Ok(()),
                _ => Err(io::Error::last_os_error().into()),
            }
        })
    }
}

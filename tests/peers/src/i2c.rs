use std::fs::File;
use std::hint::black_box;
use std::io;
use std::os::fd::AsRawFd;

use anyhow::{Context, Result};
use circuits_i2c::Bus;
use embedded_hal::i2c::I2c;
use i2cdev::core::{I2CMessage, I2CTransfer};
use i2cdev::linux::{LinuxI2CBus, LinuxI2CDevice, LinuxI2CMessage};
use linux_embedded_hal::I2cdev;

use crate::rounds::{Competitor, Measured, Rounds, batch};

const BUS: &str = "/dev/i2c-1";

/// A sensor of the LM75 family, and an EEPROM: both take a byte, and have two to read.
const SENSOR: u16 = 0x48;
const MEMORY: u16 = 0x50;

/// Measures transactions of a write and a read, with one device and with two by turns. Needs both
/// devices, and the right to open the bus.
pub(crate) fn measure(rounds: &mut Rounds) -> Result<Vec<Measured>> {
    Ok(vec![
        write_read(rounds, "write_read", [SENSOR, SENSOR])?,
        write_read(rounds, "two devices", [SENSOR, MEMORY])?,
    ])
}

/// Everybody speaks to the addresses by turns.
fn write_read(
    rounds: &mut Rounds,
    operation: &'static str,
    addresses: [u16; 2],
) -> Result<Measured> {
    let turns = || {
        let mut second = false;
        move || {
            second = !second;
            usize::from(second)
        }
    };
    let bare = Bare::open()?;
    let mut turn = turns();
    let bare = batch(move || bare.write_read(addresses[turn()], 0, &mut [0; 2]));

    let mut circuits = Bus::open("i2c-1")?;
    let (mut turn, bytes) = (turns(), addresses.map(|address| address as u8));
    let circuits = batch(move || circuits.write_read(bytes[turn()], &[0], black_box(&mut [0; 2])));

    let mut bus = LinuxI2CBus::new(BUS)?;
    let mut turn = turns();
    let i2cdev_bus = batch(move || {
        let (address, mut buffer) = (addresses[turn()], [0; 2]);
        let mut messages = [
            LinuxI2CMessage::write(&[0]).with_address(address),
            LinuxI2CMessage::read(&mut buffer).with_address(address),
        ];
        bus.transfer(&mut messages).map(drop)
    });

    // One a device, as it is meant.
    let devices = addresses.map(|address| LinuxI2CDevice::new(BUS, address));
    let [first, second] = devices;
    let (mut devices, mut turn) = ([first?, second?], turns());
    let i2cdev_device = batch(move || {
        let mut buffer = [0; 2];
        let mut messages = [
            LinuxI2CMessage::write(&[0]),
            LinuxI2CMessage::read(&mut buffer),
        ];
        devices[turn()].transfer(&mut messages).map(drop)
    });

    let hal = I2cdev::new(BUS);
    let mut turn = turns();
    let hal = hal
        .map(|mut hal| batch(move || hal.write_read(bytes[turn()], &[0], black_box(&mut [0; 2]))));

    let peers = vec![
        Competitor::new("i2cdev's bus", Ok(i2cdev_bus)),
        Competitor::new("i2cdev's devices", Ok(i2cdev_device)),
        Competitor::new("linux-embedded-hal", hal.map_err(Into::into)),
    ];
    rounds.measure(operation, bare, circuits, peers)
}

/// `I2C_RDWR` of include/uapi/linux/i2c-dev.h.
const RDWR: u32 = 0x0707;
/// `I2C_M_RD` of include/uapi/linux/i2c.h.
const READ: u16 = 1;

/// A bus as the kernel has it.
struct Bare {
    file: File,
}

/// `struct i2c_msg`.
#[repr(C)]
struct Message {
    address: u16,
    flags: u16,
    len: u16,
    buffer: *mut u8,
}

/// `struct i2c_rdwr_ioctl_data`.
#[repr(C)]
struct Messages {
    messages: *mut Message,
    count: u32,
}

impl Bare {
    fn open() -> Result<Bare> {
        let file = File::options().read(true).write(true).open(BUS);
        let file = file.context("no bus i2c-1")?;
        Ok(Bare { file })
    }

    #[inline]
    fn write_read(&self, address: u16, mut byte: u8, buffer: &mut [u8; 2]) -> io::Result<()> {
        let mut messages = [
            Message {
                address,
                flags: 0,
                len: 1,
                buffer: &mut byte,
            },
            Message {
                address,
                flags: READ,
                len: buffer.len() as u16,
                buffer: buffer.as_mut_ptr(),
            },
        ];
        let mut all = Messages {
            messages: messages.as_mut_ptr(),
            count: messages.len() as u32,
        };
        // SAFETY: the call takes an `i2c_rdwr_ioctl_data`, of which this is the same, with as many
        // messages as it says, each with as much memory; it keeps nothing of it.
        #[allow(unsafe_code)]
        let done = unsafe { libc::ioctl(self.file.as_raw_fd(), RDWR as _, &mut all) };
        match done {
            0.. => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

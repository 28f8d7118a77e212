//! The facts that every backend must show, each a function that panics where it is not so.
//!
//! A test of a backend builds a [`Bench`] and runs [`FACTS`] on it; the tests of this crate do so
//! on the virtual board and on the kernel. A fact that a target cannot show is left out by its
//! name, with the reason.

mod blocking;
mod futures;
mod limits;
mod settings;

use std::pin::Pin;
use std::sync::Arc;

use embedded_hal::spi::{Operation, SpiDevice};

use crate::{Backend, Config, Device};

/// A backend on a bench, with a flash memory of Winbond's on one node, whose contents below
/// [`ROOM`] the facts erase and write, and nothing on another. Each fact has the bench for itself.
pub trait Bench: Send + Sync {
    /// Returns the backend.
    fn backend(&self) -> &dyn Backend;

    /// Returns the name of the node with the flash memory; its path is `/dev/` and that.
    fn flash(&self) -> &str;

    /// Returns the name of a node of the same controller to which nothing is connected.
    fn nobody(&self) -> &str;

    /// Takes the node to which nothing is connected away, and returns a function that puts it back;
    /// `None` if it cannot be done here.
    fn remove(&self) -> Option<Box<dyn FnOnce()>>;

    /// Runs all at the same time, each in a thread of its own that takes part in the backend's
    /// time, until all are done.
    fn run(&self, threads: Vec<Thread>);

    /// Runs a future in one of these threads, by an executor of the bench's.
    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>);

    /// Returns a function that sends a signal, for which there is a handler, to the thread that is
    /// calling now, and does nothing once that thread has ended.
    fn signals(&self) -> Box<dyn Fn() + Send>;
}

/// A name, and what to run.
pub type Thread = (&'static str, Box<dyn FnOnce() + Send>);

/// How many bytes of the memory the facts may write to.
pub const ROOM: u32 = 0x4000;

/// Panics where a backend is not as it should be.
pub type Fact = fn(Arc<dyn Bench>);

macro_rules! facts {
    ($($module:ident { $($fact:ident,)+ })+) => {
        /// All facts, by name.
        pub const FACTS: &[(&str, Fact)] = &[$($((stringify!($fact), $module::$fact),)+)+];
    };
}

facts! {
    blocking {
        the_flash_says_who_it_is,
        neighbours_are_one_transfer,
        sides_of_unequal_length,
        in_place,
        chip_select_ends_a_command,
        nothing_is_a_message_too,
        what_is_programmed_is_read_back,
        delays_are_never_shorter,
        chip_select_is_held_while_it_waits,
        a_device_is_opened_twice_and_by_its_path,
        what_is_not_there_is_not_found,
        devices_are_listed,
        clones_do_not_get_between,
        handles_do_not_get_between,
        a_signal_does_not_end_a_transaction,
        what_is_removed_says_so,
    }
    limits {
        too_much_is_refused_before_anything_moves,
        small_neighbours_fit,
        more_than_a_message_is_split_if_it_may,
        a_bus_has_no_longest_message,
        the_longest_message_goes,
    }
    settings {
        settings_are_read_back,
        settings_are_the_devices,
        what_makes_no_sense_is_invalid,
        what_is_not_granted_is_named,
        the_least_significant_bit_goes_first,
        words_are_whole,
    }
    futures {
        async_does_the_same,
        futures_of_clones_all_end,
        a_dropped_write_is_not_overtaken,
        a_dropped_read_leaves_its_buffer_alone,
    }
}

// Commands of the memory (W25Q16JV, section 8).
const JEDEC_ID: u8 = 0x9f;
const READ: u8 = 0x03;
const READ_STATUS: u8 = 0x05;
const WRITE_ENABLE: u8 = 0x06;
const PAGE_PROGRAM: u8 = 0x02;
const SECTOR_ERASE: u8 = 0x20;

/// Fast enough not to be waited for.
fn config() -> Config {
    Config::new().speed_hz(10_000_000)
}

fn flash(bench: &dyn Bench) -> Device {
    Device::open_on(bench.backend(), bench.flash(), &config()).unwrap()
}

fn nobody(bench: &dyn Bench) -> Device {
    Device::open_on(bench.backend(), bench.nobody(), &config()).unwrap()
}

/// Winbond, and the family of these memories.
fn assert_is_flash(id: [u8; 3]) {
    assert_eq!(id[..2], [0xef, 0x40], "{id:02x?}");
}

fn id(device: &mut Device) -> [u8; 3] {
    let mut id = [0; 3];
    let mut operations = [Operation::Write(&[JEDEC_ID]), Operation::Read(&mut id)];
    device.transaction(&mut operations).unwrap();
    id
}

/// A command with an address.
fn at(command: u8, address: u32) -> [u8; 4] {
    let [_, a, b, c] = address.to_be_bytes();
    [command, a, b, c]
}

fn read(device: &mut Device, address: u32, buffer: &mut [u8]) {
    let command = at(READ, address);
    let mut operations = [Operation::Write(&command), Operation::Read(buffer)];
    device.transaction(&mut operations).unwrap();
}

fn wait_until_written(device: &mut Device) {
    for _ in 0..1000 {
        let mut status = [0];
        let mut operations = [
            Operation::Write(&[READ_STATUS]),
            Operation::Read(&mut status),
            Operation::DelayNs(100_000),
        ];
        device.transaction(&mut operations).unwrap();
        if status[0] & 1 == 0 {
            return;
        }
    }
    panic!("it writes for ever");
}

fn erase(device: &mut Device, address: u32) {
    device.write(&[WRITE_ENABLE]).unwrap();
    device.write(&at(SECTOR_ERASE, address)).unwrap();
    wait_until_written(device);
}

fn program(device: &mut Device, address: u32, bytes: &[u8]) {
    device.write(&[WRITE_ENABLE]).unwrap();
    let command = at(PAGE_PROGRAM, address);
    let mut operations = [Operation::Write(&command), Operation::Write(bytes)];
    device.transaction(&mut operations).unwrap();
    wait_until_written(device);
}

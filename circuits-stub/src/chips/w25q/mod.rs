#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use circuits_spi::Mode;
use circuits_wait::Time;

use crate::spi::Device;

/// Winbond's W25Q flash memories with 3 V (datasheets W25Q16JV, W25Q32JV revision F, W25Q64JV and
/// W25Q128JV, parts "IQ", whose pins /WP and /HOLD have no function), over one data line.
///
/// Programming clears bits and wraps within its page of 256 bytes; sectors of 4 KiB, blocks of 32 and
/// 64 KiB and the whole chip are erased. Each takes its typical time from the end of the command on,
/// and meanwhile nothing but the status registers is answered. The three status registers and what they
/// protect (SEC, TB, BP, CMP, SRL), power-down, reset, and the identifiers are there. What is written
/// is there at once, so a reset in the middle finds it whole.
///
/// Commands with two and four data lines, SFDP, security registers, suspending, and locks of single
/// blocks (WPS) are not there: what it does not know it ignores. Where it says nothing, the line stays
/// high (0xff).
///
/// Clones are the same chip.
///
/// ```
/// use circuits_spi::{Config, Device};
/// use circuits_stub::{Stub, chips::W25q};
/// use embedded_hal::spi::{Operation, SpiDevice};
///
/// let chip = W25q::w25q32jv();
/// let board = Stub::virtual_time().spi_device("spidev0.0", chip.clone())?;
/// let mut flash = Device::open_on(&board, "spidev0.0", &Config::new())?;
/// flash.write(&[0x06])?;
/// flash.write(&[0x02, 0x00, 0x10, 0x00, 0x0f])?;
/// let mut status = [0];
/// flash.transaction(&mut [Operation::Write(&[0x05]), Operation::Read(&mut status)])?;
/// assert_eq!(status, [0b11], "it is busy writing");
/// assert_eq!(chip.contents(0x1000..0x1002), [0x0f, 0xff]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct W25q(Arc<Mutex<State>>);

struct State {
    memory: Vec<u8>,
    unique_id: [u8; 8],
    /// Third byte of the JEDEC identifier: the binary logarithm of the size.
    capacity: u8,
    /// What a page and the whole chip take.
    program_time: Duration,
    chip_erase_time: Duration,
    /// Status registers 1 to 3, but for BUSY and WEL, and what they are after a reset.
    status: [u8; 3],
    stored: [u8; 3],
    write_enabled: bool,
    /// The next write to a status register is not stored (50h).
    volatile_enabled: bool,
    reset_enabled: bool,
    /// A program or erase cycle ends then.
    busy_until: Option<Time>,
    is_down: bool,
    /// Going to sleep, waking up, and resetting take a while without an answer.
    deaf_until: Time,
    is_deaf: bool,
    /// What is being sent since the chip was selected.
    command: Option<u8>,
    /// How many bytes came, the command among them.
    count: usize,
    address: usize,
    /// What came for a page, and for status registers.
    page: [u8; PAGE],
}

const PAGE: usize = 256;
const SECTOR: usize = 4 << 10;
const BLOCK: usize = 64 << 10;

/// Winbond, and the family "IQ" and "JQ".
const MANUFACTURER: u8 = 0xef;
const FAMILY: u8 = 0x40;

/// Status register 1.
const BUSY: u8 = 1 << 0;
const WEL: u8 = 1 << 1;
const TB: u8 = 1 << 5;
const SEC: u8 = 1 << 6;
/// Status register 2.
const SRL: u8 = 1 << 0;
const QE: u8 = 1 << 1;
const LOCKS: u8 = 0b111 << 3;
const CMP: u8 = 1 << 6;

/// What can be written. QE cannot be taken back with these parts, and locks of security registers only
/// be set.
const WRITABLE: [u8; 3] = [0b1111_1100, CMP | LOCKS | SRL, 0b0110_0000];

/// As they come from the factory: quad enabled, the weakest driver.
const FACTORY: [u8; 3] = [0, QE, 0b0110_0000];

/// Typical (section 9.6).
const WRITE_STATUS: Duration = Duration::from_millis(10);
const SECTOR_ERASE: Duration = Duration::from_millis(45);
const BLOCK_32_ERASE: Duration = Duration::from_millis(120);
const BLOCK_64_ERASE: Duration = Duration::from_millis(150);
/// What they are at most: there are no typical ones (section 9.6).
const POWER_DOWN: Duration = Duration::from_micros(3);
const RELEASE: Duration = Duration::from_micros(3);
const RESET: Duration = Duration::from_micros(30);

impl W25q {
    /// Makes a chip of 2 MiB, erased.
    pub fn w25q16jv() -> W25q {
        W25q::new(21, Duration::from_micros(400), Duration::from_secs(5))
    }

    /// Makes a chip of 4 MiB, erased.
    pub fn w25q32jv() -> W25q {
        W25q::new(22, Duration::from_micros(400), Duration::from_secs(10))
    }

    /// Makes a chip of 8 MiB, erased.
    pub fn w25q64jv() -> W25q {
        W25q::new(23, Duration::from_micros(400), Duration::from_secs(20))
    }

    /// Makes a chip of 16 MiB, erased.
    pub fn w25q128jv() -> W25q {
        W25q::new(24, Duration::from_micros(700), Duration::from_secs(40))
    }

    fn new(capacity: u8, program_time: Duration, chip_erase_time: Duration) -> W25q {
        W25q(Arc::new(Mutex::new(State {
            memory: vec![0xff; 1 << capacity],
            unique_id: [0xd1, 0x64, 0x68, 0x35, 0x1b, 0x57, 0x2f, 0x26],
            capacity,
            program_time,
            chip_erase_time,
            status: FACTORY,
            stored: FACTORY,
            write_enabled: false,
            volatile_enabled: false,
            reset_enabled: false,
            busy_until: None,
            is_down: false,
            deaf_until: Time::ZERO,
            is_deaf: false,
            command: None,
            count: 0,
            address: 0,
            page: [0; PAGE],
        })))
    }

    /// Returns the size in bytes.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.lock().memory.len()
    }

    /// Returns what is stored at these addresses.
    ///
    /// # Panics
    /// As the index of a slice does, if the chip has not got all of them.
    pub fn contents(&self, addresses: Range<usize>) -> Vec<u8> {
        self.lock().memory[addresses].to_vec()
    }

    /// Stores bytes from an address on, as a programmer on the bench would: whatever was there, or is
    /// protected.
    ///
    /// # Panics
    /// As the index of a slice does, if the chip has not got so many bytes there.
    pub fn set_contents(&self, address: usize, bytes: &[u8]) {
        self.lock().memory[address..][..bytes.len()].copy_from_slice(bytes);
    }

    /// Returns the identifier that no other chip has. On the virtual board all have the same, until it
    /// is set.
    pub fn unique_id(&self) -> [u8; 8] {
        self.lock().unique_id
    }

    /// Sets the identifier that no other chip has.
    pub fn set_unique_id(&self, id: [u8; 8]) {
        self.lock().unique_id = id;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl State {
    /// Brings the chip to the time of an edge of its chip select.
    fn catch_up(&mut self, now: Time) {
        if self.busy_until.take_if(|end| *end <= now).is_some() {
            self.write_enabled = false;
        }
    }

    /// Whether a command is understood: asleep, only the one that wakes it up; busy, only what asks
    /// for that, and a reset.
    fn understands(&self, command: u8) -> bool {
        match command {
            _ if self.is_deaf => false,
            0xab => self.busy_until.is_none(),
            _ if self.is_down => false,
            0x05 | 0x15 | 0x35 | 0x66 | 0x99 => true,
            _ => self.busy_until.is_none(),
        }
    }

    /// Answers a byte that comes after a command.
    fn answer(&mut self, command: u8, byte: u8) -> u8 {
        let number = self.count - 2;
        let after = |dummies: usize| number.checked_sub(dummies);
        match command {
            0x05 => self.status[0] | self.flags(),
            0x35 => self.status[1],
            0x15 => self.status[2],
            0x9f => [MANUFACTURER, FAMILY, self.capacity][number % 3],
            0xab => after(3).map_or(0xff, |_| self.device_id()),
            0x4b => after(4).map_or(0xff, |at| self.unique_id[at % 8]),
            0x01 | 0x11 | 0x31 => {
                self.page[number % PAGE] = byte;
                0xff
            }
            0x02 | 0x03 | 0x0b | 0x20 | 0x52 | 0x90 | 0xd8 if number < 3 => {
                self.address = self.address << 8 | usize::from(byte);
                0xff
            }
            0x02 => {
                self.page[(self.address + number - 3) % PAGE] = byte;
                0xff
            }
            0x03 => self.read(number - 3),
            0x0b => after(4).map_or(0xff, |at| self.read(at)),
            0x90 => match (self.address + number - 3) % 2 {
                0 => MANUFACTURER,
                _ => self.device_id(),
            },
            _ => 0xff,
        }
    }

    fn flags(&self) -> u8 {
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        flag(self.busy_until.is_some(), BUSY) | flag(self.write_enabled, WEL)
    }

    /// One less than the third byte of the JEDEC identifier, as the datasheets have it.
    fn device_id(&self) -> u8 {
        self.capacity - 1
    }

    /// Reading goes on from the beginning behind the end.
    fn read(&self, at: usize) -> u8 {
        self.memory[(self.address + at) % self.memory.len()]
    }

    /// Does what was sent, at the end of it: if it is complete, and nothing more.
    fn execute(&mut self, command: u8, now: Time) {
        let may_reset = std::mem::take(&mut self.reset_enabled);
        match (command, self.count) {
            (0x06, 1) => self.write_enabled = true,
            (0x04, 1) => self.write_enabled = false,
            (0x50, 1) => self.volatile_enabled = true,
            (0x01, 2..=3) => self.write_status(0, now),
            (0x31, 2) => self.write_status(1, now),
            (0x11, 2) => self.write_status(2, now),
            (0x02, 5..) => self.program(now),
            (0x20, 4) => self.erase(SECTOR, SECTOR_ERASE, now),
            (0x52, 4) => self.erase(BLOCK / 2, BLOCK_32_ERASE, now),
            (0xd8, 4) => self.erase(BLOCK, BLOCK_64_ERASE, now),
            (0xc7 | 0x60, 1) => self.erase(self.memory.len(), self.chip_erase_time, now),
            (0xb9, 1) => {
                self.is_down = true;
                self.deaf_until = now + POWER_DOWN;
            }
            (0xab, _) if std::mem::take(&mut self.is_down) => self.deaf_until = now + RELEASE,
            (0x66, 1) => self.reset_enabled = true,
            (0x99, 1) if may_reset => {
                self.status = self.stored;
                (self.write_enabled, self.volatile_enabled) = (false, false);
                self.busy_until = None;
                self.deaf_until = now + RESET;
            }
            _ => {}
        }
    }

    /// Writes what came to the status registers from one on.
    fn write_status(&mut self, first: usize, now: Time) {
        let is_volatile = std::mem::take(&mut self.volatile_enabled);
        if self.status[1] & SRL != 0 || !(self.write_enabled || is_volatile) {
            return;
        }
        for (index, byte) in (first..).zip(&self.page[..self.count - 1]) {
            let mut new = self.status[index] & !WRITABLE[index] | byte & WRITABLE[index];
            if index == 1 {
                new |= self.status[1] & LOCKS;
            }
            self.status[index] = new;
            if self.write_enabled {
                self.stored[index] = new;
            }
        }
        if self.write_enabled {
            self.busy_until = Some(now + WRITE_STATUS);
        }
    }

    fn program(&mut self, now: Time) {
        let start = self.address % self.memory.len() / PAGE * PAGE;
        if !self.may_change(&(start..start + PAGE)) {
            return;
        }
        let first = self.address % PAGE;
        // More than a page: the last of it are what counts.
        for index in (first..PAGE).chain(0..first).take(self.count - 4) {
            self.memory[start + index] &= self.page[index];
        }
        self.busy_until = Some(now + self.program_time);
    }

    fn erase(&mut self, size: usize, time: Duration, now: Time) {
        let start = self.address % self.memory.len() / size * size;
        let range = start..start + size;
        if self.may_change(&range) {
            self.memory[range].fill(0xff);
            self.busy_until = Some(now + time);
        }
    }

    /// Whether all of this may be programmed or erased.
    fn may_change(&self, range: &Range<usize>) -> bool {
        let chosen = self.chosen();
        let is_open = match self.status[1] & CMP {
            0 => range.end <= chosen.start || chosen.end <= range.start,
            _ => chosen.start <= range.start && range.end <= chosen.end,
        };
        self.write_enabled && is_open
    }

    /// What the bits choose: it alone is protected, or with CMP all but it (section 7.1).
    fn chosen(&self) -> Range<usize> {
        let size = self.memory.len();
        let chosen = match (self.status[0] >> 2 & 0b111, self.status[0] & SEC) {
            (0, _) => 0,
            (7, _) => size,
            (n, 0) => ((size / 64).max(BLOCK) << (n - 1)).min(size),
            (n, _) => (SECTOR << (n - 1)).min(BLOCK / 2),
        };
        match self.status[0] & TB {
            0 => size - chosen..size,
            _ => 0..chosen,
        }
    }
}

impl Device for W25q {
    fn select(&mut self, time: Time) {
        let mut state = self.lock();
        state.catch_up(time);
        state.is_deaf = time < state.deaf_until;
        (state.command, state.count, state.address) = (None, 0, 0);
    }

    fn clock(&mut self, time: Time) {
        self.lock().catch_up(time);
    }

    fn transfer(&mut self, byte: u8) -> u8 {
        let mut state = self.lock();
        state.count += 1;
        match state.command {
            Some(command) => state.answer(command, byte),
            None => {
                let is_command = state.count == 1 && state.understands(byte);
                state.command = is_command.then_some(byte);
                0xff
            }
        }
    }

    fn deselect(&mut self, time: Time) {
        let mut state = self.lock();
        state.catch_up(time);
        if let Some(command) = state.command.take() {
            state.execute(command, time);
        }
    }

    fn understands(&self, mode: Mode) -> bool {
        matches!(mode, Mode::Mode0 | Mode::Mode3)
    }
}

impl fmt::Debug for W25q {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("W25q")
            .field("len", &state.memory.len())
            .field("status", &format_args!("{:02x?}", state.status))
            .field("busy_until", &state.busy_until)
            .finish_non_exhaustive()
    }
}

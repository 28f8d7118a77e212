//! Chips of one's own: a map of registers, to be put on a bus of a board.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use circuits_wait::Time;

use crate::i2c::{self, Acknowledge, Transfer};
use crate::spi;

/// A chip that is 256 registers of a byte each, on I2C or SPI.
///
/// The first byte of a write is a register, and those that follow go to it and to the next ones. A
/// read goes on from there, after a repeated start or in a transaction of its own. All registers
/// are zero at first, can be read and written, and the register after 0xff is 0.
///
/// ```
/// use circuits_i2c::{Bus, Config};
/// use circuits_stub::{Stub, registers::RegisterMap};
/// use embedded_hal::i2c::I2c;
///
/// // A light sensor: a command starts a measurement, whose result is in two bytes.
/// let lux = 300_u16;
/// let chip = RegisterMap::new()
///     .initial(0x0f, &[0x42])
///     .read_only(0x0e..=0x0f)
///     .on_write(0x01, move |registers, command| {
///         if command == 0xa0 {
///             registers[0x02..0x04].copy_from_slice(&lux.to_be_bytes());
///         }
///     });
/// let board = Stub::virtual_time().i2c_device("i2c-1", 0x29, chip.clone())?;
/// let mut bus = Bus::open_on(&board, "i2c-1", &Config::new())?;
///
/// let mut id = [0];
/// bus.write_read(0x29, &[0x0f], &mut id)?;
/// assert_eq!(id, [0x42]);
/// bus.write(0x29, &[0x01, 0xa0])?;
/// let mut light = [0; 2];
/// bus.write_read(0x29, &[0x02], &mut light)?;
/// assert_eq!(u16::from_be_bytes(light), 300);
/// assert_eq!(chip.get(0x01), 0xa0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// On SPI bit 7 of the first byte says that it is a read, and the others are the register. Chips
/// whose map is not enough implement [`i2c::Device`] and [`spi::Device`] themselves.
///
/// Clones are the same chip.
#[derive(Clone)]
pub struct RegisterMap(Arc<Mutex<Map>>);

/// What a write does besides: with all registers, of which the one that was written has its value
/// already, and with what was sent.
type Hook = Box<dyn FnMut(&mut [u8; 256], u8) + Send>;

/// What happens by itself until a time.
type Surroundings = Box<dyn FnMut(&mut [u8; 256], Time) + Send>;

struct Map {
    values: [u8; 256],
    /// What they are after power-on.
    initial: [u8; 256],
    read_only: [bool; 256],
    cleared_by_read: [bool; 256],
    hooks: BTreeMap<u8, Hook>,
    surroundings: Option<Surroundings>,
    i2c: Increment,
    spi: Increment,
    /// Which bit of the first byte on SPI says which way data goes, and what it is for a read.
    direction: (u8, bool),
    write_time: Duration,

    register: u8,
    increments: bool,
    /// The next byte says which register.
    is_first: bool,
    is_read: bool,
    was_written: bool,
    busy_until: Time,
}

/// Whether a transfer goes on with the next register.
#[derive(Clone, Copy)]
enum Increment {
    Always,
    Never,
    /// If these bits of the first byte are set; they are no part of the register.
    Bits(u8),
}

impl RegisterMap {
    /// Makes a chip whose registers are all zero.
    #[allow(clippy::new_without_default)]
    pub fn new() -> RegisterMap {
        RegisterMap(Arc::new(Mutex::new(Map {
            values: [0; 256],
            initial: [0; 256],
            read_only: [false; 256],
            cleared_by_read: [false; 256],
            hooks: BTreeMap::new(),
            surroundings: None,
            i2c: Increment::Always,
            spi: Increment::Always,
            direction: (0x80, true),
            write_time: Duration::ZERO,
            register: 0,
            increments: true,
            is_first: true,
            is_read: false,
            was_written: false,
            busy_until: Time::ZERO,
        })))
    }

    /// Has registers hold values, from this one on; after 0xff comes 0. They hold them again when the chip has lost
    /// its [power](crate::Stub::power_i2c), and the others are zero.
    pub fn initial(self, register: u8, values: &[u8]) -> RegisterMap {
        for (register, value) in from(register).zip(values) {
            self.lock().initial[usize::from(register)] = *value;
            self.set(register, *value);
        }
        self
    }

    /// Has registers take no value from the bus. They are acknowledged, and what was to be done
    /// [`on_write`](RegisterMap::on_write) is.
    pub fn read_only(self, registers: RangeInclusive<u8>) -> RegisterMap {
        let mut map = self.lock();
        registers.for_each(|register| map.read_only[usize::from(register)] = true);
        drop(map);
        self
    }

    /// Has registers be zero once they were read on the bus: flags, for one.
    pub fn cleared_by_read(self, registers: RangeInclusive<u8>) -> RegisterMap {
        let mut map = self.lock();
        registers.for_each(|register| map.cleared_by_read[usize::from(register)] = true);
        drop(map);
        self
    }

    /// Has `f` called when a register is written on the bus, with all registers and what was sent.
    /// The register holds that by then, unless it is read-only. `f` must not use this chip's
    /// handles or the board, but may drive a [`Pin`](crate::Pin), though not one by which this very chip is
    /// selected. It knows no time: what it drives moves when the program makes the call.
    pub fn on_write(
        self,
        register: u8,
        f: impl FnMut(&mut [u8; 256], u8) + Send + 'static,
    ) -> RegisterMap {
        self.lock().hooks.insert(register, Box::new(f));
        self
    }

    /// Has `f` called with all registers whenever the chip is addressed, and with the board's time:
    /// what is measured is brought up to date there. `f` must not use this chip's handles or the
    /// board, but may drive a [`Pin`](crate::Pin).
    ///
    /// ```
    /// # use circuits_i2c::{Bus, Config};
    /// # use circuits_stub::{Stub, registers::RegisterMap};
    /// # use embedded_hal::i2c::I2c;
    /// # use std::time::Duration;
    /// // A clock that counts seconds.
    /// let chip = RegisterMap::new()
    ///     .following(|registers, time| registers[0] = (time.as_nanos() / 1_000_000_000) as u8);
    /// let board = Stub::virtual_time().i2c_device("i2c-1", 0x68, chip)?;
    /// let mut bus = Bus::open_on(&board, "i2c-1", &Config::new())?;
    /// board.delay().sleep(Duration::from_secs(42))?;
    /// let mut seconds = [0];
    /// bus.write_read(0x68, &[0], &mut seconds)?;
    /// assert_eq!(seconds, [42]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn following(self, f: impl FnMut(&mut [u8; 256], Time) + Send + 'static) -> RegisterMap {
        self.lock().surroundings = Some(Box::new(f));
        self
    }

    /// Has a transfer stay at its register, on I2C and on SPI.
    pub fn without_increment(self) -> RegisterMap {
        let mut map = self.lock();
        (map.i2c, map.spi) = (Increment::Never, Increment::Never);
        drop(map);
        self
    }

    /// Has a transfer on I2C go on to the next register only if this bit of the first byte is set,
    /// as 0x80 with many chips of ST's. It is no part of the register.
    pub fn increment_bit(self, mask: u8) -> RegisterMap {
        self.lock().i2c = Increment::Bits(mask);
        self
    }

    /// The same on SPI, where it is often 0x40.
    pub fn spi_increment_bit(self, mask: u8) -> RegisterMap {
        self.lock().spi = Increment::Bits(mask);
        self
    }

    /// Has a transfer on SPI be a write if this bit of the first byte is set, and a read if it is
    /// not. Without this a set bit 7 makes it a read.
    pub fn spi_write_bit(self, mask: u8) -> RegisterMap {
        self.lock().direction = (mask, false);
        self
    }

    /// Has the chip not acknowledge its address for this time after each write of registers on I2C,
    /// as a memory that stores them. SPI has no acknowledge: nothing is different there.
    pub fn busy_after_write(self, time: Duration) -> RegisterMap {
        self.lock().write_time = time;
        self
    }

    /// Returns what a register holds. Nothing is cleared by this.
    pub fn get(&self, register: u8) -> u8 {
        self.lock().values[usize::from(register)]
    }

    /// Sets what a register holds, read-only or not. Nothing else is done.
    pub fn set(&self, register: u8, value: u8) {
        self.lock().values[usize::from(register)] = value;
    }

    fn lock(&self) -> MutexGuard<'_, Map> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// A register and those after it.
fn from(register: u8) -> impl Iterator<Item = u8> {
    (0..=u8::MAX).map(move |n| register.wrapping_add(n))
}

impl Map {
    /// The chip is addressed.
    fn start(&mut self, time: Time) {
        self.is_first = true;
        if let Some(surroundings) = &mut self.surroundings {
            surroundings(&mut self.values, time);
        }
    }

    /// Takes the first byte, without what else it says.
    fn point(&mut self, byte: u8, increment: Increment) {
        (self.register, self.increments) = match increment {
            Increment::Always => (byte, true),
            Increment::Never => (byte, false),
            Increment::Bits(mask) => (byte & !mask, byte & mask != 0),
        };
        self.is_first = false;
    }

    fn write(&mut self, value: u8) {
        let register = usize::from(self.register);
        if !self.read_only[register] {
            self.values[register] = value;
        }
        if let Some(hook) = self.hooks.get_mut(&self.register) {
            hook(&mut self.values, value);
        }
        self.was_written = true;
        self.advance();
    }

    fn read(&mut self) -> u8 {
        let register = usize::from(self.register);
        let value = self.values[register];
        if self.cleared_by_read[register] {
            self.values[register] = 0;
        }
        self.advance();
        value
    }

    fn advance(&mut self) {
        self.register = self.register.wrapping_add(self.increments.into());
    }
}

impl i2c::Device for RegisterMap {
    fn start(&mut self, _: Transfer, time: Time) -> Acknowledge {
        let mut map = self.lock();
        if time < map.busy_until {
            return Acknowledge::No;
        }
        map.start(time);
        Acknowledge::Yes
    }

    fn write(&mut self, byte: u8) -> Acknowledge {
        let mut map = self.lock();
        match map.is_first {
            true => {
                let increment = map.i2c;
                map.point(byte, increment);
            }
            false => map.write(byte),
        }
        Acknowledge::Yes
    }

    fn read(&mut self) -> u8 {
        self.lock().read()
    }

    fn stop(&mut self, time: Time) {
        let mut map = self.lock();
        if std::mem::take(&mut map.was_written) {
            map.busy_until = time + map.write_time;
        }
    }

    fn power(&mut self, _: bool, time: Time) {
        let mut map = self.lock();
        map.values = map.initial;
        (map.register, map.increments) = (0, true);
        (map.was_written, map.busy_until) = (false, time);
    }
}

impl spi::Device for RegisterMap {
    fn select(&mut self, time: Time) {
        self.lock().start(time);
    }

    fn transfer(&mut self, byte: u8) -> u8 {
        let mut map = self.lock();
        let (mask, read) = map.direction;
        if map.is_first {
            let increment = map.spi;
            map.is_read = (byte & mask != 0) == read;
            map.point(byte & !mask, increment);
            return 0xff;
        }
        match map.is_read {
            true => map.read(),
            false => {
                map.write(byte);
                0xff
            }
        }
    }
}

impl fmt::Debug for RegisterMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let map = self.lock();
        f.debug_struct("RegisterMap")
            .field("register", &format_args!("{:#04x}", map.register))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A transaction on I2C: what is written, then how many bytes are read after a repeated start.
    fn i2c(chip: &mut RegisterMap, time: Time, bytes: &[u8], count: usize) -> Option<Vec<u8>> {
        use i2c::Device;
        if chip.start(Transfer::Write, time) == Acknowledge::No {
            return None;
        }
        for byte in bytes {
            assert_eq!(chip.write(*byte), Acknowledge::Yes);
        }
        let mut read = Vec::new();
        if count > 0 {
            chip.start(Transfer::Read, time);
            read = (0..count).map(|_| chip.read()).collect();
        }
        chip.stop(time);
        Some(read)
    }

    fn spi(chip: &mut RegisterMap, bytes: &[u8]) -> Vec<u8> {
        use spi::Device;
        chip.select(Time::ZERO);
        let read = bytes.iter().map(|byte| chip.transfer(*byte)).collect();
        chip.deselect(Time::ZERO);
        read
    }

    fn at_once(chip: &mut RegisterMap, bytes: &[u8], count: usize) -> Vec<u8> {
        i2c(chip, Time::ZERO, bytes, count).expect("an acknowledge")
    }

    #[test]
    fn bytes_go_to_one_register_after_another() {
        let mut chip = RegisterMap::new().initial(0xfe, &[1, 2, 3]);
        assert_eq!(at_once(&mut chip, &[0xfe], 4), [1, 2, 3, 0], "round 0xff");
        at_once(&mut chip, &[0x10, 7, 8], 0);
        assert_eq!((chip.get(0x10), chip.get(0x11)), (7, 8));
    }

    #[test]
    fn a_read_goes_on_where_the_last_transfer_ended() {
        use i2c::Device;
        let mut chip = RegisterMap::new().initial(0x20, &[1, 2, 3]);
        at_once(&mut chip, &[0x20], 1);
        chip.start(Transfer::Read, Time::ZERO);
        assert_eq!([chip.read(), chip.read()], [2, 3]);
    }

    #[test]
    fn a_bit_of_the_register_makes_it_go_on() {
        let mut chip = RegisterMap::new()
            .initial(0x28, &[1, 2, 3])
            .increment_bit(0x80);
        assert_eq!(at_once(&mut chip, &[0x28], 3), [1, 1, 1]);
        assert_eq!(at_once(&mut chip, &[0xa8], 3), [1, 2, 3]);
        let mut chip = RegisterMap::new()
            .initial(0x28, &[1, 2, 3])
            .without_increment();
        assert_eq!(at_once(&mut chip, &[0x28], 2), [1, 1]);
        assert_eq!(spi(&mut chip, &[0xa8, 0, 0])[1..], [1, 1]);
    }

    #[test]
    fn registers_may_be_read_only_or_cleared_by_a_read() {
        let mut chip = RegisterMap::new()
            .initial(0x0f, &[0x33, 0x55])
            .read_only(0x0f..=0x0f)
            .cleared_by_read(0x10..=0x10);
        at_once(&mut chip, &[0x0f, 1], 0);
        assert_eq!(chip.get(0x10), 0x55, "a look from outside clears nothing");
        assert_eq!(at_once(&mut chip, &[0x0f], 2), [0x33, 0x55]);
        assert_eq!(at_once(&mut chip, &[0x0f], 2), [0x33, 0]);
    }

    #[test]
    fn a_write_has_more_done() {
        let mut chip = RegisterMap::new()
            .read_only(0xe0..=0xe0)
            .on_write(0xe0, |registers, value| registers[1] = value + 1);
        at_once(&mut chip, &[0xe0, 6], 0);
        assert_eq!((chip.get(0xe0), chip.get(1)), (0, 7));
    }

    #[test]
    fn what_it_follows_is_of_the_time_it_is_addressed_at() {
        let mut chip =
            RegisterMap::new().following(|registers, time| registers[3] = time.as_nanos() as u8);
        assert_eq!(i2c(&mut chip, Time::from_nanos(7), &[3], 1), Some(vec![7]));
        assert_eq!(spi(&mut chip, &[0x83, 0])[1], 0);
    }

    #[test]
    fn it_is_busy_after_a_write_and_not_after_a_read() {
        let mut chip = RegisterMap::new().busy_after_write(Duration::from_millis(5));
        let at = |millis| Time::ZERO + Duration::from_millis(millis);
        assert_eq!(i2c(&mut chip, at(0), &[0, 9], 0), Some(vec![]));
        assert_eq!(i2c(&mut chip, at(4), &[0], 1), None);
        assert_eq!(i2c(&mut chip, at(5), &[0], 1), Some(vec![9]));
        assert_eq!(i2c(&mut chip, at(5), &[0], 1), Some(vec![9]));
    }

    #[test]
    fn spi_says_the_direction_in_the_first_byte() {
        let mut chip = RegisterMap::new().spi_increment_bit(0x40);
        spi(&mut chip, &[0x60, 1, 2]);
        assert_eq!((chip.get(0x20), chip.get(0x21)), (1, 2));
        assert_eq!(spi(&mut chip, &[0xe0, 0, 0]), [0xff, 1, 2]);
        assert_eq!(spi(&mut chip, &[0xa0, 0, 0]), [0xff, 1, 1]);
        let mut chip = RegisterMap::new().spi_write_bit(0x80);
        spi(&mut chip, &[0xa0, 5]);
        assert_eq!(spi(&mut chip, &[0x20, 0]), [0xff, 5]);
    }
}

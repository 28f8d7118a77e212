use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use circuits_wait::Time;

use crate::i2c::{Acknowledge, Device, Transfer};
use crate::{Error, Result};

/// Microchip's AT24C serial EEPROMs, 24C01 to 24C512 (datasheets AT24C01C/02C, AT24C04C/08C,
/// AT24C16C, AT24C32D, AT24C64D, AT24C128C/256C and AT24C512C), at 0x50 and what its pins A2 to A0
/// add.
///
/// What is written after the address goes into one page, whose end wraps to its beginning, and is
/// in the memory from the stop on. Then the chip is busy for 5 ms of the board's time, and
/// acknowledges nothing. Reading goes on from the last byte of the memory with the first. While it
/// is write-protected it acknowledges what it is sent, and forgets it.
///
/// A chip of 4, 8 or 16 Kbit has several addresses, whose lowest bits are the highest of the
/// memory's. Handles go to all of them:
///
/// ```
/// use circuits_i2c::{Bus, Config};
/// use circuits_stub::{Stub, chips::{At24c, At24cSize}};
/// use embedded_hal::i2c::I2c;
///
/// let chip = At24c::new(At24cSize::C08);
/// let stub = Stub::virtual_time();
/// for block in 0..chip.blocks() {
///     stub.plug_i2c("i2c-1", 0x50 + block, chip.block(block))?;
/// }
/// let mut bus = Bus::open_on(&stub, "i2c-1", &Config::new())?;
/// bus.write(0x52, &[0x10, 7])?;
/// assert_eq!(chip.contents()[0x210], 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A read goes on where the last access ended, whatever block its address names. The software
/// reset, and the reserved addresses that tell who made a chip, are not there; nor does it wear out, nor lose anything
/// when it loses its [power](crate::Stub::power_i2c) in the midst of writing.
///
/// Clones are the same chip.
#[derive(Clone)]
pub struct At24c {
    memory: Arc<Mutex<Memory>>,
    block: u8,
}

/// How much an AT24C holds, in Kbit as in its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At24cSize {
    /// 128 bytes in pages of 8.
    C01,
    /// 256 bytes in pages of 8.
    C02,
    /// 512 bytes in pages of 16, at two addresses.
    C04,
    /// 1024 bytes in pages of 16, at four addresses.
    C08,
    /// 2048 bytes in pages of 16, at eight addresses.
    C16,
    /// 4096 bytes in pages of 32. From here on the memory's addresses have two bytes.
    C32,
    /// 8192 bytes in pages of 32.
    C64,
    /// 16,384 bytes in pages of 64.
    C128,
    /// 32,768 bytes in pages of 64.
    C256,
    /// 65,536 bytes in pages of 128.
    C512,
}

impl At24cSize {
    fn bytes(self) -> usize {
        128 << self as usize
    }

    fn page(self) -> usize {
        match self {
            At24cSize::C01 | At24cSize::C02 => 8,
            At24cSize::C04 | At24cSize::C08 | At24cSize::C16 => 16,
            At24cSize::C32 | At24cSize::C64 => 32,
            At24cSize::C128 | At24cSize::C256 => 64,
            At24cSize::C512 => 128,
        }
    }

    fn address_bytes(self) -> usize {
        if self.bytes() > 2048 { 2 } else { 1 }
    }
}

struct Memory {
    size: At24cSize,
    cells: Vec<u8>,
    is_protected: bool,
    busy_until: Time,
    /// Where the next byte is read, or written.
    counter: usize,
    /// How many bytes came since the start.
    received: usize,
    /// What is to be written at the stop: where, and what.
    latched: Vec<(usize, u8)>,
}

/// At most (t_WR, AC characteristics); all sizes have the same.
const WRITE_CYCLE: Duration = Duration::from_millis(5);

impl At24c {
    /// Makes a chip that is erased: all bytes are 0xff.
    pub fn new(size: At24cSize) -> At24c {
        let memory = Memory {
            size,
            cells: vec![0xff; size.bytes()],
            is_protected: false,
            busy_until: Time::ZERO,
            counter: 0,
            received: 0,
            latched: Vec::new(),
        };
        At24c {
            memory: Arc::new(Mutex::new(memory)),
            block: 0,
        }
    }

    /// Returns how many addresses the chip has on the bus: one for every 256 bytes, where the
    /// memory's addresses have one byte.
    pub fn blocks(&self) -> u8 {
        match self.lock().size {
            At24cSize::C04 => 2,
            At24cSize::C08 => 4,
            At24cSize::C16 => 8,
            _ => 1,
        }
    }

    /// Returns the same chip as it is at another of its addresses, counted from its first. Bits that
    /// the chip has no use for count for nothing.
    pub fn block(&self, block: u8) -> At24c {
        At24c {
            memory: self.memory.clone(),
            block: block & (self.blocks() - 1),
        }
    }

    /// Returns all that is in the memory; not what is still on its way there.
    pub fn contents(&self) -> Vec<u8> {
        self.lock().cells.clone()
    }

    /// Sets what is in the memory, from its first byte on. What is not given stays.
    ///
    /// # Errors
    /// [`Error::TooLong`]: the memory is smaller. It stays as it is.
    pub fn set_contents(&self, bytes: &[u8]) -> Result<()> {
        let mut memory = self.lock();
        let size = memory.cells.len();
        let cells = memory.cells.get_mut(..bytes.len());
        let too_long = Error::TooLong {
            bytes: bytes.len(),
            size,
        };
        cells.ok_or(too_long)?.copy_from_slice(bytes);
        Ok(())
    }

    /// Sets the level of the pin WP: high protects the whole memory. Default: low.
    pub fn set_write_protected(&self, is_protected: bool) {
        self.lock().is_protected = is_protected;
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Memory {
    /// Within the page: its end wraps to its beginning.
    fn latch(&mut self, byte: u8) {
        self.latched.push((self.counter, byte));
        let within = self.size.page() - 1;
        self.counter = self.counter & !within | (self.counter + 1) & within;
        // A page is all that the chip can latch: later bytes take the place of earlier ones.
        if self.latched.len() > self.size.page() {
            self.latched.remove(0);
        }
    }
}

impl Device for At24c {
    fn start(&mut self, _: Transfer, time: Time) -> Acknowledge {
        let mut memory = self.lock();
        if time < memory.busy_until {
            return Acknowledge::No;
        }
        memory.received = 0;
        // What no stop has followed is not written.
        memory.latched.clear();
        Acknowledge::Yes
    }

    fn write(&mut self, byte: u8) -> Acknowledge {
        let mut memory = self.lock();
        let (byte, last) = (usize::from(byte), memory.cells.len() - 1);
        match (memory.received, memory.size.address_bytes()) {
            (0, 1) => memory.counter = (usize::from(self.block) << 8 | byte) & last,
            (0, _) => memory.counter = byte << 8 & last,
            (1, 2) => memory.counter = memory.counter & !0xff | byte,
            _ => memory.latch(byte as u8),
        }
        memory.received = memory.received.saturating_add(1);
        Acknowledge::Yes
    }

    fn read(&mut self) -> u8 {
        let mut memory = self.lock();
        let byte = memory.cells[memory.counter];
        memory.counter = (memory.counter + 1) % memory.cells.len();
        byte
    }

    fn stop(&mut self, time: Time) {
        let mut memory = self.lock();
        let latched = std::mem::take(&mut memory.latched);
        // The pin is looked at now.
        if latched.is_empty() || memory.is_protected {
            return;
        }
        for (address, byte) in latched {
            memory.cells[address] = byte;
        }
        memory.busy_until = time + WRITE_CYCLE;
    }

    /// What was written stays; where it is goes.
    fn power(&mut self, _: bool, time: Time) {
        let mut memory = self.lock();
        memory.latched.clear();
        (memory.counter, memory.busy_until) = (0, time);
    }
}

impl fmt::Debug for At24c {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memory = self.lock();
        f.debug_struct("At24c")
            .field("size", &memory.size)
            .field("block", &self.block)
            .field("counter", &format_args!("{:#06x}", memory.counter))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> Time {
        Time::ZERO + Duration::from_micros(micros)
    }

    fn write(chip: &mut At24c, time: Time, bytes: &[u8]) -> Acknowledge {
        if chip.start(Transfer::Write, time) == Acknowledge::No {
            return Acknowledge::No;
        }
        for byte in bytes {
            assert_eq!(chip.write(*byte), Acknowledge::Yes);
        }
        chip.stop(time);
        Acknowledge::Yes
    }

    fn read<const N: usize>(chip: &mut At24c, time: Time) -> [u8; N] {
        assert_eq!(chip.start(Transfer::Read, time), Acknowledge::Yes);
        let bytes = [(); N].map(|()| chip.read());
        chip.stop(time);
        bytes
    }

    /// "Device organization" of each datasheet.
    #[test]
    fn sizes_are_those_of_the_datasheets() {
        use At24cSize::*;
        for (size, bytes, page, blocks) in [
            (C01, 128, 8, 1),
            (C02, 256, 8, 1),
            (C04, 512, 16, 2),
            (C08, 1024, 16, 4),
            (C16, 2048, 16, 8),
            (C32, 4096, 32, 1),
            (C64, 8192, 32, 1),
            (C128, 16384, 64, 1),
            (C256, 32768, 64, 1),
            (C512, 65536, 128, 1),
        ] {
            let chip = At24c::new(size);
            let this = (chip.contents().len(), size.page(), chip.blocks());
            assert_eq!(this, (bytes, page, blocks), "{size:?}");
            assert_eq!(size.address_bytes(), if page < 32 { 1 } else { 2 });
        }
    }

    #[test]
    fn a_page_wraps_and_reading_does_not() {
        let mut chip = At24c::new(At24cSize::C02);
        write(&mut chip, at(0), &[0x0e, 1, 2, 3]);
        assert_eq!(
            chip.contents()[8..17],
            [3, 255, 255, 255, 255, 255, 1, 2, 255]
        );
        let ten: Vec<u8> = (0..10).collect();
        write(&mut chip, at(5000), &[&[0x10], &ten[..]].concat());
        assert_eq!(chip.contents()[0x10..0x18], [8, 9, 2, 3, 4, 5, 6, 7]);
        write(&mut chip, at(10_000), &[0xfe]);
        chip.set_contents(&[0xaa, 0xbb]).unwrap();
        assert_eq!(read(&mut chip, at(10_000)), [0xff, 0xff, 0xaa, 0xbb]);
        assert_eq!(read(&mut chip, at(10_000)), [0xff], "goes on");
    }

    #[test]
    fn writing_takes_its_time_from_the_stop_on() {
        let mut chip = At24c::new(At24cSize::C256);
        assert_eq!(write(&mut chip, at(0), &[0x12, 0x34, 7]), Acknowledge::Yes);
        assert_eq!(write(&mut chip, at(4999), &[0, 0]), Acknowledge::No);
        assert_eq!(write(&mut chip, at(5000), &[0x12, 0x34]), Acknowledge::Yes);
        assert_eq!(
            read(&mut chip, at(5000)),
            [7],
            "an address alone is at once"
        );
        assert_eq!(chip.contents()[0x1234], 7);
    }

    #[test]
    fn nothing_is_written_without_a_stop() {
        let mut chip = At24c::new(At24cSize::C32);
        chip.start(Transfer::Write, at(0));
        for byte in [0, 0, 7] {
            chip.write(byte);
        }
        assert_eq!(read(&mut chip, at(0)), [0xff]);
        assert_eq!(write(&mut chip, at(1), &[0, 0]), Acknowledge::Yes);
        assert_eq!(chip.contents()[0], 0xff);
    }

    #[test]
    fn a_protected_one_acknowledges_and_forgets() {
        let mut chip = At24c::new(At24cSize::C64);
        chip.set_write_protected(true);
        write(&mut chip, at(0), &[0, 0, 7]);
        assert_eq!(write(&mut chip, at(1), &[0, 0]), Acknowledge::Yes);
        assert_eq!(chip.contents()[0], 0xff);
        chip.set_write_protected(false);
        write(&mut chip, at(1), &[0, 0, 7]);
        assert_eq!(chip.contents()[0], 7);
    }

    #[test]
    fn addresses_beyond_the_memory_wrap() {
        let mut chip = At24c::new(At24cSize::C01);
        write(&mut chip, at(0), &[0x81, 1]);
        assert_eq!(chip.contents()[1], 1);
        let mut chip = At24c::new(At24cSize::C32);
        write(&mut chip, at(0), &[0xf0, 0x02, 2]);
        assert_eq!(chip.contents()[2], 2);
        let mut chip = At24c::new(At24cSize::C16);
        write(&mut chip.block(7), at(0), &[0xff, 3]);
        assert_eq!(chip.contents()[2047], 3);
        let whole = chip.set_contents(&[0; 2049]).unwrap_err();
        assert_eq!(
            whole.to_string(),
            "2049 bytes do not go into a memory of 2048"
        );
        chip.set_contents(&[4]).unwrap();
        assert_eq!(
            write(&mut chip.block(7), at(5000), &[0xff]),
            Acknowledge::Yes
        );
        assert_eq!(read(&mut chip, at(5000)), [3, 4]);
    }
}

mod commands;
mod registers;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use circuits_spi::Mode;
use circuits_wait::Time;

use crate::Pin;
use crate::spi::Device;
use registers::{crc7, crc16};

/// An SD memory card in SPI mode (SD Specifications, Part 1, Physical Layer Simplified Specification,
/// version 9.10, chapter 7).
///
/// It is in the mode of the SD bus until CMD0 comes, and initialises itself for 20 ms from the first
/// ACMD41 on, which a card of high capacity does only after CMD8. A block that was written keeps it busy
/// for 1 ms from the end of the transfer on. The identifier, status and configuration can be read, blocks
/// be read, written and erased, one or many at a time, and CRCs are checked where they are to be. A card
/// keeps its state when it is deselected in the middle of a command or a block, so that drivers may send
/// single bytes.
///
/// Locking, write protection, switching of functions and programming of registers are not there, and
/// the commands for them illegal. Time does not pass within a transfer: who waits in the middle of one
/// does not see the card get ready.
///
/// What nobody wrote is zero and takes no memory. Clones are the same card.
#[derive(Clone)]
pub struct SdCard(Arc<Mutex<State>>);

struct State {
    is_high_capacity: bool,
    blocks: BTreeMap<u32, Box<[u8; BLOCK]>>,
    is_inserted: bool,
    switch: Option<Pin>,
    phase: Phase,
    /// CMD8 came.
    knows_interface: bool,
    ready_at: Option<Time>,
    checks_crc: bool,
    /// The next command is one of an application's.
    is_application: bool,
    /// What is read at once, from a card of standard capacity.
    block_len: usize,
    /// Well written since the last command to write.
    written: u32,
    /// First and last address.
    erase: [Option<u64>; 2],
    expects: Expects,
    /// What came of it.
    received: Vec<u8>,
    output: VecDeque<u8>,
    /// Where to read on, until it is told to stop.
    reading: Option<u64>,
    /// The time at which it was selected.
    now: Time,
    busy_until: Time,
    /// Is busy, from the end of the transfer on.
    is_starting: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// On the SD bus.
    SdBus,
    Idle,
    Ready,
}

#[derive(Clone, Copy)]
enum Expects {
    Command,
    /// A block, or no more of them.
    Token(Write),
    Block(Write),
}

#[derive(Clone, Copy)]
struct Write {
    address: u64,
    is_multiple: bool,
}

const BLOCK: usize = 512;

/// 4 GiB and 1 GiB.
const HIGH_CAPACITY: u32 = 1 << 23;
const STANDARD_CAPACITY: u32 = 1 << 21;

/// Not more than 250 ms (section 4.6.2.2).
const WRITE: Duration = Duration::from_millis(1);

/// Tokens (section 7.3.3).
const START: u8 = 0xfe;
const START_MULTIPLE: u8 = 0xfc;
const STOP: u8 = 0xfd;
const OUT_OF_RANGE: u8 = 1 << 3;
const ACCEPTED: u8 = 0xe5;
const CRC_REJECTED: u8 = 0xeb;
const WRITE_REJECTED: u8 = 0xed;

impl SdCard {
    /// Makes a card of high capacity (SDHC), 4 GiB. Addresses are numbers of blocks.
    pub fn sdhc() -> SdCard {
        SdCard::of(true)
    }

    /// Makes a card of standard capacity (SDSC, version 2), 1 GiB. Addresses are numbers of bytes.
    pub fn sdsc() -> SdCard {
        SdCard::of(false)
    }

    fn of(is_high_capacity: bool) -> SdCard {
        SdCard(Arc::new(Mutex::new(State {
            is_high_capacity,
            blocks: BTreeMap::new(),
            is_inserted: true,
            switch: None,
            phase: Phase::SdBus,
            knows_interface: false,
            ready_at: None,
            checks_crc: false,
            is_application: false,
            block_len: BLOCK,
            written: 0,
            erase: [None; 2],
            expects: Expects::Command,
            received: Vec::new(),
            output: VecDeque::new(),
            reading: None,
            now: Time::ZERO,
            busy_until: Time::ZERO,
            is_starting: false,
        })))
    }

    /// Returns how many blocks of 512 bytes it has.
    pub fn blocks(&self) -> u32 {
        self.lock().count()
    }

    /// Returns what is in these blocks of 512 bytes.
    ///
    /// # Panics
    /// The card has not got all of them.
    pub fn contents(&self, blocks: Range<u32>) -> Vec<u8> {
        let state = self.lock();
        assert!(blocks.end <= state.count(), "no blocks {blocks:?}");
        let block = |number| {
            state
                .blocks
                .get(&number)
                .map_or([0; BLOCK], |block| **block)
        };
        blocks.flat_map(block).collect()
    }

    /// Stores bytes from the beginning of a block on: an image, for one. The rest of the last block
    /// stays as it is.
    ///
    /// # Panics
    /// The card has not got so many blocks there.
    pub fn set_contents(&self, first: u32, bytes: &[u8]) {
        let mut state = self.lock();
        let fits = bytes.len().div_ceil(BLOCK) as u64 + u64::from(first) <= state.count().into();
        assert!(fits, "no {} bytes from block {first} on", bytes.len());
        for (number, bytes) in (first..).zip(bytes.chunks(BLOCK)) {
            state.block(number)[..bytes.len()].copy_from_slice(bytes);
        }
    }

    /// Connects the switch of its socket: it closes to ground while the card is in.
    pub fn detected_by(self, pin: Pin) -> SdCard {
        self.lock().switch = Some(pin);
        self.move_switch();
        self
    }

    /// Takes the card out of its socket: nothing answers any more.
    pub fn remove(&self) {
        self.lock().is_inserted = false;
        self.move_switch();
    }

    /// Puts the card into its socket again. It knows nothing but what is stored.
    pub fn insert(&self) {
        let mut state = self.lock();
        state.is_inserted = true;
        state.reset(Phase::SdBus);
        drop(state);
        self.move_switch();
    }

    /// Without the lock, for who sees the line move may be the card.
    fn move_switch(&self) {
        let state = self.lock();
        let (switch, is_inserted) = (state.switch.clone(), state.is_inserted);
        drop(state);
        match (switch, is_inserted) {
            (Some(switch), true) => switch.drive(false),
            (Some(switch), false) => switch.let_go(),
            (None, _) => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl State {
    fn count(&self) -> u32 {
        match self.is_high_capacity {
            true => HIGH_CAPACITY,
            false => STANDARD_CAPACITY,
        }
    }

    fn block(&mut self, number: u32) -> &mut [u8; BLOCK] {
        let block = self.blocks.entry(number);
        block.or_insert_with(|| Box::new([0; BLOCK]))
    }

    fn reset(&mut self, phase: Phase) {
        self.phase = phase;
        (self.knows_interface, self.ready_at) = (false, None);
        (self.checks_crc, self.is_application) = (false, false);
        (self.block_len, self.erase, self.reading) = (BLOCK, [None; 2], None);
        (self.busy_until, self.is_starting) = (Time::ZERO, false);
        self.expects = Expects::Command;
        self.received.clear();
        self.output.clear();
    }

    /// Begins to write what came before this time.
    fn start(&mut self, time: Time) {
        if std::mem::take(&mut self.is_starting) {
            self.busy_until = time + WRITE;
        }
    }

    fn is_busy(&self) -> bool {
        self.is_starting || self.now < self.busy_until
    }

    fn give(&mut self) -> u8 {
        if let (true, Some(address)) = (self.output.is_empty(), self.reading) {
            self.send_block(address);
            self.reading = Some(address + self.block_len as u64);
        }
        let idle = if self.is_busy() { 0 } else { 0xff };
        self.output.pop_front().unwrap_or(idle)
    }

    fn take(&mut self, byte: u8) {
        match self.expects {
            Expects::Token(write) => match (byte, write.is_multiple) {
                // The direction of a command from the host, behind a start bit: the last one is over.
                _ if byte >> 6 == 0b01 => {
                    self.expects = Expects::Command;
                    self.received.push(byte);
                }
                _ if self.is_busy() => {}
                (START, false) | (START_MULTIPLE, true) => self.expects = Expects::Block(write),
                (STOP, true) => {
                    self.expects = Expects::Command;
                    self.is_starting = true;
                }
                _ => {}
            },
            Expects::Command if self.received.is_empty() && byte >> 6 != 0b01 => {}
            Expects::Command => {
                self.received.push(byte);
                if let [index, a, b, c, d, crc] = self.received[..] {
                    let is_sound = crc7(&self.received[..5]) << 1 | 1 == crc | 1;
                    self.received.clear();
                    self.obey(index & 0x3f, u32::from_be_bytes([a, b, c, d]), is_sound);
                }
            }
            Expects::Block(write) => {
                self.received.push(byte);
                if self.received.len() == BLOCK + 2 {
                    self.store(write);
                    self.received.clear();
                }
            }
        }
    }

    fn send(&mut self, data: &[u8]) {
        self.output.extend([0xff, START]);
        self.output.extend(data);
        self.output.extend(crc16(data).to_be_bytes());
    }

    fn send_block(&mut self, address: u64) {
        let (number, first) = ((address / BLOCK as u64) as u32, address as usize % BLOCK);
        if number >= self.count() || first + self.block_len > BLOCK {
            return self.output.extend([0xff, OUT_OF_RANGE]);
        }
        let block = self.blocks.get(&number).map_or([0; BLOCK], |block| **block);
        self.send(&block[first..][..self.block_len]);
    }

    /// Takes a block and its CRC.
    fn store(&mut self, write: Write) {
        let (data, crc) = self.received.split_at(BLOCK);
        let is_sound = crc == crc16(data).to_be_bytes();
        let number = (write.address / BLOCK as u64) as u32;
        self.expects = match write.is_multiple {
            true => Expects::Token(Write {
                address: write.address + BLOCK as u64,
                ..write
            }),
            false => Expects::Command,
        };
        if self.checks_crc && !is_sound {
            return self.output.push_back(CRC_REJECTED);
        }
        if number >= self.count() {
            return self.output.push_back(WRITE_REJECTED);
        }
        let data = data.to_vec();
        self.block(number).copy_from_slice(&data);
        self.written += 1;
        self.output.push_back(ACCEPTED);
        self.is_starting = true;
    }
}

impl Device for SdCard {
    fn select(&mut self, time: Time) {
        self.clock(time);
    }

    fn clock(&mut self, time: Time) {
        let mut state = self.lock();
        state.now = time;
        state.start(time);
    }

    fn transfer(&mut self, byte: u8) -> u8 {
        let mut state = self.lock();
        if !state.is_inserted {
            return 0xff;
        }
        let answer = state.give();
        state.take(byte);
        answer
    }

    fn deselect(&mut self, time: Time) {
        self.lock().start(time);
    }

    fn understands(&self, mode: Mode) -> bool {
        matches!(mode, Mode::Mode0 | Mode::Mode3)
    }
}

impl fmt::Debug for SdCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("SdCard")
            .field("blocks", &state.count())
            .field("is_inserted", &state.is_inserted)
            .field("phase", &state.phase)
            .finish_non_exhaustive()
    }
}

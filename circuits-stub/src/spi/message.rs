//! A message on its way: words into bytes, bytes to whoever listens, and what comes back.

use std::io;
use std::time::Duration;

use circuits_spi::{BitOrder, Config, Operation};
use circuits_wait::Time;

use super::chip::Selected;
use super::fault::{Kind, len, patience, read};
use super::wire::{EIO, ETIMEDOUT, State, errno};

/// A message on its way.
pub(super) struct Message<'a> {
    pub(super) select: u32,
    pub(super) config: &'a Config,
    /// When it goes on.
    pub(super) time: Time,
    pub(super) hz: u32,
    /// What comes from devices is all ones, or all zeros.
    pub(super) stuck: Option<bool>,
}

impl Message<'_> {
    pub(super) fn run(&mut self, state: &mut State, operations: &mut [Operation<'_, u8>]) {
        if let Some(chip) = state.of_node(self.select, self.config) {
            chip.select(self.time);
        }
        let size = match self.config.word_bits() {
            ..=8 => 1,
            9..=16 => 2,
            _ => 4,
        };
        for operation in operations {
            match operation {
                Operation::Read(buffer) => {
                    let words = buffer.chunks_mut(size);
                    self.exchange(state, words.map(|word| (0, Some(word))));
                }
                Operation::Write(bytes) => {
                    let words = bytes.chunks(size);
                    self.exchange(state, words.map(|word| (from_memory(word), None)));
                }
                Operation::TransferInPlace(buffer) => {
                    let words = buffer.chunks_mut(size);
                    self.exchange(state, words.map(|word| (from_memory(word), Some(word))));
                }
                Operation::Transfer(read, write) => {
                    let words = read.chunks_mut(size).zip(write.chunks(size));
                    self.exchange(state, words.map(|(to, from)| (from_memory(from), Some(to))));
                }
                Operation::DelayNs(ns) => {
                    self.time = self.time + Duration::from_nanos((*ns).into())
                }
            }
        }
        if let Some(chip) = state.of_node(self.select, self.config) {
            chip.device.deselect(self.time);
        }
    }

    /// Has it end in its first transfer, by a fault; `None`: it has none. A program has nothing of what was read
    /// (`spidev_message`, drivers/spi/spidev.c).
    pub(super) fn fail(
        &mut self,
        fault: Kind,
        state: &mut State,
        operations: &mut [Operation<'_, u8>],
    ) -> Option<io::Error> {
        let first = operations.iter().position(|operation| len(operation) > 0)?;
        if fault == Kind::TimedOut {
            self.run(state, &mut operations[..first]);
            self.time = self.time + patience(len(&operations[first]), self.hz);
            return Some(errno(ETIMEDOUT));
        }
        let kept = read(&mut operations[first]).to_vec();
        self.run(state, &mut operations[..=first]);
        read(&mut operations[first]).copy_from_slice(&kept);
        Some(errno(EIO))
    }

    /// Turns over a bit of what was read.
    pub(super) fn flip(&self, operations: &mut [Operation<'_, u8>]) {
        let last = operations
            .iter_mut()
            .rev()
            .find_map(|operation| read(operation).last_mut());
        if let Some(last) = last {
            *last ^= 1;
        }
    }

    /// Sends words, and puts what came where there is a place for it.
    fn exchange<'w>(
        &mut self,
        state: &mut State,
        all: impl Iterator<Item = (u32, Option<&'w mut [u8]>)>,
    ) {
        let config = self.config;
        let bits = u32::from(config.word_bits());
        let mut selected = state.selected(self.select, config);
        for chip in selected.chips() {
            chip.device.clock(self.time);
        }
        // A word may have fewer bits than its place in memory.
        let mask = u32::MAX >> (32 - bits);
        let mut words = 0;
        for (mut sent, place) in all {
            words += 1;
            sent &= mask;
            if config.order() == BitOrder::LsbFirst {
                sent = sent.reverse_bits() >> (32 - bits);
            }
            let mut came = 0;
            for number in (0..bits.div_ceil(8)).rev() {
                let byte = (sent >> (number * 8)) as u8;
                came = came << 8 | u32::from(self.byte(&mut selected, byte));
            }
            came &= mask;
            if config.is_loopback() {
                came = sent;
            }
            if config.order() == BitOrder::LsbFirst {
                came = came.reverse_bits() >> (32 - bits);
            }
            if let Some(word) = place {
                to_memory(came, word);
            }
        }
        let nanos = u64::from(bits) * words * 1_000_000_000 / u64::from(self.hz);
        self.time = self.time + Duration::from_nanos(nanos);
    }

    /// Where nobody drives the wire it is pulled up; where several do, low wins.
    fn byte(&self, selected: &mut Selected<'_>, byte: u8) -> u8 {
        let mode = self.config.clock_mode();
        let came = selected.chips().map(|chip| chip.exchange(byte, mode));
        let came = came.fold(0xff, |all, one| all & one);
        match self.stuck {
            Some(true) => 0xff,
            Some(false) => 0x00,
            None => came,
        }
    }
}

fn from_memory(word: &[u8]) -> u32 {
    match word {
        [byte] => (*byte).into(),
        [a, b] => u16::from_ne_bytes([*a, *b]).into(),
        [a, b, c, d] => u32::from_ne_bytes([*a, *b, *c, *d]),
        _ => 0,
    }
}

fn to_memory(value: u32, word: &mut [u8]) {
    match word {
        [byte] => *byte = value as u8,
        [_, _] => word.copy_from_slice(&(value as u16).to_ne_bytes()),
        [_, _, _, _] => word.copy_from_slice(&value.to_ne_bytes()),
        _ => {}
    }
}

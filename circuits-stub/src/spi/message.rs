//! A message on its way: words into bytes, bytes to whoever listens, and what comes back.

use std::time::Duration;

use circuits_spi::{BitOrder, Config, Operation};
use circuits_wait::Time;

use super::chip::Selected;
use super::wire::State;

/// A message on its way.
pub(super) struct Message<'a> {
    pub(super) select: u32,
    pub(super) config: &'a Config,
    /// When it goes on.
    pub(super) time: Time,
    pub(super) hz: u32,
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
        came.fold(0xff, |all, one| all & one)
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

//! A message on its way: words into bytes, bytes to whoever listens, and what comes back.

use std::time::Duration;

use circuits_spi::{BitOrder, Config, Operation};
use circuits_wait::Time;

use super::Device;
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
        if let Some(device) = state.of_node(self.select, self.config) {
            device.select(self.time);
        }
        for operation in operations {
            match operation {
                Operation::Read(buffer) => {
                    buffer.fill(0);
                    self.exchange(state, buffer);
                }
                Operation::Write(bytes) => self.exchange(state, &mut bytes.to_vec()),
                Operation::TransferInPlace(buffer) => self.exchange(state, buffer),
                Operation::Transfer(read, write) => {
                    let len = read.len().min(write.len());
                    read[..len].copy_from_slice(&write[..len]);
                    self.exchange(state, &mut read[..len]);
                }
                Operation::DelayNs(ns) => {
                    self.time = self.time + Duration::from_nanos((*ns).into())
                }
            }
        }
        if let Some(device) = state.of_node(self.select, self.config) {
            device.deselect(self.time);
        }
    }

    /// Sends bytes, and puts into their place what came.
    fn exchange(&mut self, state: &mut State, data: &mut [u8]) {
        let config = self.config;
        let bits = u32::from(config.word_bits());
        let size = match bits {
            ..=8 => 1,
            9..=16 => 2,
            _ => 4,
        };
        let mut devices = state.selected(self.select, config);
        for device in &mut devices {
            device.clock(self.time);
        }
        let mut skew = Skew::default();
        let mut words = 0;
        for word in data.chunks_mut(size) {
            words += 1;
            let mut sent = from_memory(word);
            if config.order() == BitOrder::LsbFirst {
                sent = sent.reverse_bits() >> (32 - bits);
            }
            let mut came = 0;
            for number in (0..bits.div_ceil(8)).rev() {
                let byte = (sent >> (number * 8)) as u8;
                came = came << 8 | u32::from(self.byte(&mut devices, byte, &mut skew));
            }
            if config.is_loopback() {
                came = sent;
            }
            if config.order() == BitOrder::LsbFirst {
                came = came.reverse_bits() >> (32 - bits);
            }
            to_memory(came, word);
        }
        let nanos = u64::from(bits) * words * 1_000_000_000 / u64::from(self.hz);
        self.time = self.time + Duration::from_nanos(nanos);
    }

    /// Where nobody drives the wire it is pulled up; where several do, low wins.
    fn byte(&self, devices: &mut [&mut Box<dyn Device>], byte: u8, skew: &mut Skew) -> u8 {
        let mut came = 0xff;
        for device in devices {
            came &= match device.understands(self.config.clock_mode()) {
                true => device.transfer(byte),
                // The last bit of the byte before comes first.
                false => {
                    let sent = skew.sent << 7 | byte >> 1;
                    let answer = device.transfer(sent);
                    let shifted = skew.came << 7 | answer >> 1;
                    *skew = Skew {
                        sent: byte,
                        came: answer,
                    };
                    shifted
                }
            };
        }
        came
    }
}

/// The bytes before, of a device that takes data at the wrong edge.
#[derive(Default)]
struct Skew {
    sent: u8,
    came: u8,
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

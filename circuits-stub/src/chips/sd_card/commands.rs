//! What a card does with commands.

use std::time::Duration;

use super::registers;
use super::{BLOCK, Expects, Phase, State, Write};

/// Not more than a second (section 4.2.3).
pub(super) const INITIALISATION: Duration = Duration::from_millis(20);
/// Response R1 (section 7.3.2.1).
pub(super) const IDLE: u8 = 1 << 0;
pub(super) const ILLEGAL_COMMAND: u8 = 1 << 2;
pub(super) const CRC_ERROR: u8 = 1 << 3;
pub(super) const ERASE_SEQUENCE_ERROR: u8 = 1 << 4;
pub(super) const ADDRESS_ERROR: u8 = 1 << 5;
pub(super) const PARAMETER_ERROR: u8 = 1 << 6;

/// Arguments of CMD8 and ACMD41.
pub(super) const VOLTAGE_33: u8 = 1;
pub(super) const HOST_CAPACITY: u32 = 1 << 30;

impl State {
    pub(super) fn obey(&mut self, index: u8, argument: u32, is_sound: bool) {
        if self.is_busy() && index != 0 {
            return;
        }
        // Out of the other mode there is one way, by which it checks CRCs.
        if self.phase == Phase::SdBus && (index != 0 || !is_sound) {
            return;
        }
        let is_application = std::mem::take(&mut self.is_application);
        self.output.clear();
        if !is_sound && (self.checks_crc || index == 8) {
            return self.respond(CRC_ERROR);
        }
        if self.reading.is_some() && !matches!(index, 0 | 12) {
            return self.respond(ILLEGAL_COMMAND);
        }
        match (index, is_application) {
            (0, _) => {
                self.reset(Phase::Idle);
                self.respond(0);
            }
            (8, _) => {
                self.knows_interface = true;
                self.respond(0);
                let [.., voltage, pattern] = argument.to_be_bytes();
                let voltage = if voltage & 0x0f == VOLTAGE_33 { 1 } else { 0 };
                self.output.extend([0, 0, voltage, pattern]);
            }
            (1, _) | (41, true) => {
                self.initialise(argument & HOST_CAPACITY != 0);
                self.respond(0);
            }
            (55, _) => {
                self.is_application = true;
                self.respond(0);
            }
            (58, _) => {
                self.respond(0);
                let is_ready = self.phase == Phase::Ready;
                self.output
                    .extend(registers::ocr(is_ready, self.is_high_capacity));
            }
            (59, _) => {
                self.checks_crc = argument & 1 != 0;
                self.respond(0);
            }
            _ if self.phase == Phase::Idle => self.respond(ILLEGAL_COMMAND),
            _ => self.obey_ready(index, argument, is_application),
        }
    }

    /// What it does once it is initialised.
    fn obey_ready(&mut self, index: u8, argument: u32, is_application: bool) {
        let place = self.place(argument);
        match (index, is_application, place) {
            (9, ..) => self.respond_with(&registers::csd(self.is_high_capacity)),
            (10, ..) => self.respond_with(&registers::cid(self.is_high_capacity)),
            (12, ..) if self.reading.take().is_some() => {
                // A byte of anything comes first.
                self.output.push_back(0x7f);
                self.respond(0);
            }
            (13, true, _) => {
                self.respond(0);
                self.output.push_back(0);
                self.send(&[0; 64]);
            }
            (13, ..) => {
                self.respond(0);
                self.output.push_back(0);
            }
            (16, ..) => match argument {
                1..=512 => {
                    if !self.is_high_capacity {
                        self.block_len = argument as usize;
                    }
                    self.respond(0);
                }
                _ => self.respond(PARAMETER_ERROR),
            },
            (22, true, _) => self.respond_with(&self.written.to_be_bytes()),
            (23, true, _) => self.respond(0),
            (51, true, _) => self.respond_with(&registers::scr(self.is_high_capacity)),
            (17 | 18 | 24 | 25 | 32 | 33, _, Err(flags)) => self.respond(flags),
            (24 | 25, ..) if self.block_len != BLOCK => self.respond(PARAMETER_ERROR),
            (17, _, Ok(address)) => {
                self.respond(0);
                self.send_block(address);
            }
            (18, _, Ok(address)) => {
                self.respond(0);
                self.reading = Some(address);
            }
            (24 | 25, _, Ok(address)) => {
                self.respond(0);
                self.written = 0;
                let is_multiple = index == 25;
                self.expects = Expects::Token(Write {
                    address,
                    is_multiple,
                });
            }
            (32 | 33, _, Ok(address)) => {
                self.erase[usize::from(index - 32)] = Some(address);
                self.respond(0);
            }
            (38, ..) => self.erase(),
            _ => self.respond(ILLEGAL_COMMAND),
        }
    }

    /// R1, a byte after the command.
    fn respond(&mut self, flags: u8) {
        let idle = if self.phase == Phase::Idle { IDLE } else { 0 };
        self.output.extend([0xff, idle | flags]);
    }

    fn respond_with(&mut self, data: &[u8]) {
        self.respond(0);
        self.send(data);
    }

    /// A card of high capacity waits for a host that knows of it (section 7.2.1).
    fn initialise(&mut self, host_capacity: bool) {
        if self.is_high_capacity && !(host_capacity && self.knows_interface) {
            return;
        }
        let ready_at = *self.ready_at.get_or_insert(self.now + INITIALISATION);
        if self.now >= ready_at {
            self.phase = Phase::Ready;
        }
    }

    /// Where an argument points to, in bytes; or what is wrong with it.
    fn place(&self, argument: u32) -> Result<u64, u8> {
        let address = match self.is_high_capacity {
            true => u64::from(argument) * BLOCK as u64,
            false => u64::from(argument),
        };
        if address >= u64::from(self.count()) * BLOCK as u64 {
            return Err(PARAMETER_ERROR);
        }
        match address as usize % BLOCK + self.block_len {
            ..=BLOCK => Ok(address),
            _ => Err(ADDRESS_ERROR),
        }
    }

    fn erase(&mut self) {
        let [Some(first), Some(last)] = std::mem::take(&mut self.erase) else {
            return self.respond(ERASE_SEQUENCE_ERROR);
        };
        let range = first / BLOCK as u64..=last / BLOCK as u64;
        self.blocks
            .retain(|number, _| !range.contains(&u64::from(*number)));
        self.respond(0);
        self.is_starting = true;
    }
}

//! Instructions on SPI (section 12): what each byte is.

use super::registers::{RXB, Registers, TXB};

const RESET: u8 = 0b1100_0000;
const READ: u8 = 0b0000_0011;
const WRITE: u8 = 0b0000_0010;
const READ_STATUS: u8 = 0b1010_0000;
const RX_STATUS: u8 = 0b1011_0000;
const BIT_MODIFY: u8 = 0b0000_0101;

/// What the line has where the chip says nothing.
const NOTHING: u8 = 0xff;

/// What was sent since the chip was selected.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Instruction {
    /// How many bytes.
    count: usize,
    kind: Kind,
    address: u8,
    mask: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Nothing,
    Read,
    Write,
    BitModify,
    ReadStatus,
    RxStatus,
    /// The address is known, and what was read is free then.
    ReadRxBuffer(usize),
    /// The address is known.
    LoadTxBuffer,
}

impl Instruction {
    /// Takes a byte, and answers what comes while it goes.
    pub(super) fn transfer(&mut self, byte: u8, registers: &mut Registers) -> u8 {
        self.count += 1;
        match (self.kind, self.count) {
            (_, 1) => self.begin(byte, registers),
            (Kind::Read | Kind::Write | Kind::BitModify, 2) => self.address = byte,
            (Kind::Read, _) | (Kind::ReadRxBuffer(_), _) => {
                let value = registers.read(self.address);
                self.advance();
                return value;
            }
            (Kind::Write, _) | (Kind::LoadTxBuffer, _) => {
                registers.write(self.address, byte);
                self.advance();
            }
            (Kind::BitModify, 3) => self.mask = byte,
            (Kind::BitModify, 4) => registers.modify(self.address, self.mask, byte),
            (Kind::ReadStatus, _) => return registers.status(),
            (Kind::RxStatus, _) => return registers.rx_status(),
            (Kind::Nothing | Kind::BitModify, _) => {}
        }
        NOTHING
    }

    fn begin(&mut self, byte: u8, registers: &mut Registers) {
        let buffer = usize::from(byte >> 1 & 0b11);
        self.kind = match byte {
            RESET => {
                registers.reset();
                Kind::Nothing
            }
            READ => Kind::Read,
            WRITE => Kind::Write,
            READ_STATUS => Kind::ReadStatus,
            RX_STATUS => Kind::RxStatus,
            BIT_MODIFY => Kind::BitModify,
            // Bit 1 has the data instead of all.
            0b1001_0000 | 0b1001_0010 | 0b1001_0100 | 0b1001_0110 => {
                let buffer = buffer >> 1;
                self.address = RXB[buffer] + if byte & 0b10 == 0 { 1 } else { 6 };
                Kind::ReadRxBuffer(buffer)
            }
            // And so has bit 0.
            0b0100_0000..=0b0100_0101 => {
                self.address = TXB[buffer] + if byte & 1 == 0 { 1 } else { 6 };
                Kind::LoadTxBuffer
            }
            0b1000_0000..=0b1000_0111 => {
                registers.request_to_send(byte & 0b111);
                Kind::Nothing
            }
            _ => Kind::Nothing,
        };
    }

    fn advance(&mut self) {
        self.address = (self.address + 1) & 0x7f;
    }

    /// The chip select ends.
    pub(super) fn end(&self, registers: &mut Registers) {
        if let Kind::ReadRxBuffer(buffer) = self.kind {
            registers.buffer_was_read(buffer);
        }
    }
}

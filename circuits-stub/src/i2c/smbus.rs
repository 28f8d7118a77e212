//! Calls of SMBus as messages, as the kernel makes them for controllers that know no SMBus
//! (`i2c_smbus_xfer_emulated`, drivers/i2c/i2c-core-smbus.c). Those that do send the same.

use std::io;

use circuits_i2c::Address;
use circuits_i2c::smbus::{Block, Call, Direction, MAX_BLOCK_LEN, Reply};

use super::wire::Message;

/// A packet error code is wrong.
const EBADMSG: i32 = 74;
const EPROTO: i32 = 71;

/// The messages of a call: a write and a read, or one of them.
pub(super) struct Messages {
    address: Address,
    pec: bool,
    /// The command, the length of a block, the longest block, the packet error code.
    written: [u8; MAX_BLOCK_LEN + 3],
    write: Option<usize>,
    /// The length, the longest block, the packet error code.
    read: [u8; MAX_BLOCK_LEN + 2],
    reads: Reads,
}

#[derive(Clone, Copy, PartialEq)]
enum Reads {
    Nothing,
    Bytes(usize),
    /// As many as the device says; how many came.
    Block(usize),
}

impl Messages {
    pub(super) fn new(address: Address, pec: bool, call: &Call) -> Messages {
        let mut messages = Messages {
            address,
            pec: pec && call.may_have_pec(),
            written: [0; MAX_BLOCK_LEN + 3],
            write: None,
            read: [0; MAX_BLOCK_LEN + 2],
            reads: Reads::Nothing,
        };
        match *call {
            Call::Quick(Direction::Write) => messages.write(&[]),
            Call::Quick(Direction::Read) => messages.reads = Reads::Bytes(0),
            Call::ReadByte => messages.reads = Reads::Bytes(1),
            Call::WriteByte(byte) => messages.write(&[byte]),
            Call::ReadByteData { command } => messages.ask(&[command], Reads::Bytes(1)),
            Call::WriteByteData { command, byte } => messages.write(&[command, byte]),
            Call::ReadWordData { command } => messages.ask(&[command], Reads::Bytes(2)),
            Call::WriteWordData { command, word } => {
                let [low, high] = word.to_le_bytes();
                messages.write(&[command, low, high]);
            }
            Call::ProcessCall { command, word } => {
                let [low, high] = word.to_le_bytes();
                messages.ask(&[command, low, high], Reads::Bytes(2));
            }
            Call::ReadBlockData { command } => messages.ask(&[command], Reads::Block(0)),
            Call::WriteBlockData { command, block } => {
                messages.write_block(&[command, block.len() as u8], &block);
            }
            Call::BlockProcessCall { command, block } => {
                messages.write_block(&[command, block.len() as u8], &block);
                messages.reads = Reads::Block(0);
            }
            Call::ReadI2cBlockData { command, len } => {
                messages.ask(&[command], Reads::Bytes(len.into()));
            }
            Call::WriteI2cBlockData { command, block } => messages.write_block(&[command], &block),
        }
        if messages.pec {
            messages.add_pec();
        }
        messages
    }

    fn ask(&mut self, bytes: &[u8], reads: Reads) {
        self.write(bytes);
        self.reads = reads;
    }

    fn write(&mut self, bytes: &[u8]) {
        self.write_block(bytes, &[]);
    }

    fn write_block(&mut self, before: &[u8], block: &[u8]) {
        let all = before.iter().chain(block);
        let filled = self
            .written
            .iter_mut()
            .zip(all)
            .map(|(to, from)| *to = *from);
        self.write = Some(filled.count());
    }

    fn add_pec(&mut self) {
        match (&mut self.write, &mut self.reads) {
            (Some(len), Reads::Nothing) => {
                let pec = crc(
                    crc(0, &[header(self.address, false)]),
                    &self.written[..*len],
                );
                self.written[*len] = pec;
                *len += 1;
            }
            (_, Reads::Bytes(len)) => *len += 1,
            _ => {}
        }
    }

    /// The messages as they go over the wire.
    pub(super) fn messages(&mut self) -> impl Iterator<Item = Message<'_>> {
        let write = self.write.map(|len| Message::Write(&self.written[..len]));
        let read = match &mut self.reads {
            Reads::Nothing => None,
            Reads::Bytes(len) => Some(Message::Read(self.read.get_mut(..*len).unwrap_or_default())),
            Reads::Block(len) => Some(Message::ReadBlock {
                // Only then is there room for it.
                buffer: &mut self.read[..MAX_BLOCK_LEN + 1 + usize::from(self.pec)],
                extra: self.pec.into(),
                len,
            }),
        };
        write.into_iter().chain(read)
    }

    /// What was written and read, for the trace; put together only if it is asked for.
    pub(super) fn shown(&self) -> impl Iterator<Item = crate::trace::Message> {
        use crate::trace::Message;

        let write = self.write.into_iter();
        let write = write.map(|len| Message::Write(self.written[..len].to_vec()));
        let reads = (self.reads != Reads::Nothing).then_some(());
        let read = reads
            .into_iter()
            .map(|()| Message::Read(self.got().to_vec()));
        write.chain(read)
    }

    /// What was read, with its packet error code.
    fn got(&self) -> &[u8] {
        match self.reads {
            Reads::Nothing => &[],
            Reads::Bytes(len) | Reads::Block(len) => self.read.get(..len).unwrap_or_default(),
        }
    }

    /// What came back, if its packet error code is right.
    pub(super) fn reply(&self, call: &Call) -> io::Result<Reply> {
        let mut got = self.got();
        if self.pec && self.reads != Reads::Nothing {
            let mut pec = 0;
            if let Some(len) = self.write {
                pec = crc(
                    crc(pec, &[header(self.address, false)]),
                    &self.written[..len],
                );
            }
            let (code, data) = got.split_last().unwrap_or((&0, &[]));
            if crc(crc(pec, &[header(self.address, true)]), data) != *code {
                return Err(io::Error::from_raw_os_error(EBADMSG));
            }
            got = data;
        }
        let block = |bytes: &[u8]| Block::new(bytes).map(Reply::Block);
        let reply = match (call, got) {
            (Call::ReadByte | Call::ReadByteData { .. }, [byte]) => Some(Reply::Byte(*byte)),
            (Call::ReadWordData { .. } | Call::ProcessCall { .. }, [low, high]) => {
                Some(Reply::Word(u16::from_le_bytes([*low, *high])))
            }
            (Call::ReadBlockData { .. } | Call::BlockProcessCall { .. }, [_, bytes @ ..]) => {
                block(bytes)
            }
            (Call::ReadI2cBlockData { .. }, bytes) => block(bytes),
            _ => Some(Reply::Nothing),
        };
        reply.ok_or_else(|| io::Error::from_raw_os_error(EPROTO))
    }
}

/// The address as its byte on the wire; of ten bits the kernel counts the lowest seven
/// (`i2c_8bit_addr_from_msg`, include/linux/i2c.h).
fn header(address: Address, read: bool) -> u8 {
    (address.number() << 1) as u8 | u8::from(read)
}

/// CRC-8 with x^8 + x^2 + x + 1 (SMBus 3.2, 6.4.1.3).
fn crc(crc: u8, bytes: &[u8]) -> u8 {
    bytes.iter().fold(crc, |crc, byte| {
        (0..8).fold(crc ^ byte, |crc, _| match crc & 0x80 {
            0 => crc << 1,
            _ => crc << 1 ^ 0x07,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of CRC-8/SMBUS, and the example of the MLX90614's datasheet (8.4.3.2): reading
    /// RAM address 07h of 5Ah gives D2h, 3Ah and the code 30h.
    #[test]
    fn the_code_is_that_of_the_specification() {
        assert_eq!(crc(0, b"123456789"), 0xf4);
        assert_eq!(crc(0, &[0xb4, 0x07, 0xb5, 0xd2, 0x3a]), 0x30);
    }
}

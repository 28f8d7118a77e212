//! The datagrams of a TMC2209 (section 4.1), and when their bytes belong together.

use std::time::Duration;

use circuits_wait::Time;

/// What a master wants of the chip with an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Read { register: u8 },
    Write { register: u8, value: u32 },
}

/// What came of a datagram so far, and when.
///
/// The chip measures the bit time in the first byte. Here it is a tenth of the shortest time between two
/// bytes of the datagram, which is the same if they came without a pause.
#[derive(Debug)]
pub(super) struct Receiver {
    bytes: Vec<u8>,
    /// When the last byte was over.
    last: Time,
    /// The shortest time between two bytes of this datagram.
    shortest: Option<Duration>,
    /// The same of the last datagram, or of this one.
    character: Duration,
    /// Something was wrong: the line is to be idle before the next datagram.
    is_lost: bool,
}

const SYNC: u8 = 0x05;
const SYNC_NIBBLE: u8 = 0x0f;
const MASTER: u8 = 0xff;
const WRITE: u8 = 1 << 7;

/// At 9600 baud, the slowest that people use.
const SLOWEST: Duration = Duration::from_nanos(1_041_667);
/// After a pause that is longer a datagram begins, whatever came before it.
const PAUSE_BITS: u32 = 63;
/// For how long the line must be idle after an error.
const IDLE_BITS: u32 = 12;
const CHARACTER_BITS: u32 = 10;

impl Receiver {
    pub(super) fn new() -> Receiver {
        Receiver {
            bytes: Vec::new(),
            last: Time::ZERO,
            shortest: None,
            character: SLOWEST,
            is_lost: false,
        }
    }

    /// Takes a byte that is over at a time. At the end of a datagram that is in order it returns for whom
    /// it is, what it says, and its bit time.
    pub(super) fn take(&mut self, byte: u8, time: Time) -> Option<(u8, Request, Duration)> {
        self.pass(time);
        if self.is_lost {
            return None;
        }
        self.bytes.push(byte);
        match self.bytes[..] {
            [sync] if sync & SYNC_NIBBLE == SYNC => None,
            [_] => {
                self.lose();
                None
            }
            [_, address, register, _] if register & WRITE == 0 => {
                self.end(address, Request::Read { register })
            }
            [_, address, register, a, b, c, d, _] => {
                let (register, value) = (register & !WRITE, u32::from_be_bytes([a, b, c, d]));
                self.end(address, Request::Write { register, value })
            }
            _ => None,
        }
    }

    /// Takes a byte that could not be read.
    pub(super) fn take_damaged(&mut self, time: Time) {
        self.pass(time);
        self.lose();
    }

    /// Looks at how long nothing came: from the end of a byte to the end of the next one it is as long as
    /// from start bit to start bit.
    fn pass(&mut self, time: Time) {
        let gap = time.since(self.last);
        self.last = time;
        if self.is_lost {
            self.is_lost = gap < self.bits(CHARACTER_BITS + IDLE_BITS);
        }
        if self.bytes.is_empty() {
            return;
        }
        let character = self.shortest.unwrap_or(SLOWEST);
        if gap > character * PAUSE_BITS / CHARACTER_BITS {
            self.begin();
            return;
        }
        let shortest = self.shortest.map_or(gap, |shortest| shortest.min(gap));
        self.shortest = Some(shortest);
        self.character = shortest;
    }

    fn end(&mut self, address: u8, request: Request) -> Option<(u8, Request, Duration)> {
        let (last, rest) = self.bytes.split_last()?;
        if crc(rest) != *last {
            self.lose();
            return None;
        }
        self.begin();
        Some((address, request, self.bits(1)))
    }

    fn lose(&mut self) {
        self.is_lost = true;
        self.begin();
    }

    fn begin(&mut self) {
        self.bytes.clear();
        self.shortest = None;
    }

    fn bits(&self, bits: u32) -> Duration {
        self.character * bits / CHARACTER_BITS
    }
}

/// The answer to a read access.
pub(super) fn reply(register: u8, value: u32) -> [u8; 8] {
    let [a, b, c, d] = value.to_be_bytes();
    let mut bytes = [SYNC, MASTER, register, a, b, c, d, 0];
    bytes[7] = crc(&bytes[..7]);
    bytes
}

/// CRC8-ATM, the lowest bit of each byte first (section 4.2).
pub(super) fn crc(bytes: &[u8]) -> u8 {
    let bits = bytes
        .iter()
        .flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1));
    bits.fold(0, |crc, bit| {
        let polynomial = if crc >> 7 == bit { 0 } else { 0x07 };
        crc << 1 ^ polynomial
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ_IOIN: [u8; 4] = [0x05, 0x00, 0x06, 0x6f];
    const WRITE_CHOPCONF: [u8; 8] = [0x05, 0x00, 0xec, 0x10, 0x00, 0x00, 0x53, 0x9c];

    /// At 115200 baud without a pause, from a time on.
    fn send(receiver: &mut Receiver, from: u64, bytes: &[u8]) -> Option<(u8, Request, Duration)> {
        let mut taken = None;
        for (number, byte) in (1..).zip(bytes) {
            taken = receiver.take(*byte, Time::from_nanos(from + number * 86_805));
        }
        taken
    }

    fn is_read(taken: Option<(u8, Request, Duration)>) -> bool {
        matches!(taken, Some((0, Request::Read { register: 6 }, _)))
    }

    /// As they were seen on wires.
    #[test]
    fn checks_are_those_of_the_chip() {
        assert_eq!(crc(&[0x55, 0x00, 0x06]), 0xe8);
        assert_eq!(crc(&WRITE_CHOPCONF[..7]), 0x9c);
        let ioin = [0x05, 0xff, 0x06, 0x21, 0x00, 0x02, 0x41, 0x9d];
        assert_eq!(reply(6, 0x2100_0241), ioin);
    }

    #[test]
    fn datagrams_are_read_and_write_accesses() {
        let mut receiver = Receiver::new();
        let (address, request, bit) = send(&mut receiver, 0, &WRITE_CHOPCONF).unwrap();
        let value = 0x1000_0053;
        let register = 0x6c;
        assert_eq!((address, request), (0, Request::Write { register, value }));
        assert_eq!(bit.as_nanos(), 8680);
        assert!(is_read(send(&mut receiver, 1_000_000, &READ_IOIN)));
        let reserved = [0x55, 0x00, 0x06, 0xe8];
        assert!(is_read(send(&mut receiver, 2_000_000, &reserved)));
    }

    #[test]
    fn a_pause_begins_a_datagram() {
        let mut receiver = Receiver::new();
        // 63 bit times are 546 µs, from one start bit to the next.
        for (pause, is_over) in [(450_000, false), (470_000, true)] {
            let mut sent = Receiver::new();
            send(&mut sent, 0, &READ_IOIN[..2]);
            let end = 2 * 86_805 + pause;
            let rest = send(&mut sent, end, &READ_IOIN[2..]);
            assert_eq!(is_read(rest), !is_over, "{pause} ns");
        }
        // After a single byte nothing is measured.
        send(&mut receiver, 0, &[0x05]);
        assert!(is_read(send(&mut receiver, 6_600_000, &READ_IOIN)));
    }

    #[test]
    fn after_an_error_the_line_is_to_be_idle() {
        let mut receiver = Receiver::new();
        let mut wrong = READ_IOIN;
        wrong[3] ^= 1;
        assert_eq!(send(&mut receiver, 0, &wrong), None);
        // 12 bit times are 104 µs.
        let end = 4 * 86_805;
        assert_eq!(send(&mut receiver, end + 100_000, &READ_IOIN), None);
        let end = end + 100_000 + end;
        assert!(is_read(send(&mut receiver, end + 110_000, &READ_IOIN)));

        assert_eq!(send(&mut receiver, 10_000_000, &[0x06]), None);
        assert_eq!(send(&mut receiver, 10_086_805, &READ_IOIN), None);
        receiver.take_damaged(Time::from_nanos(20_000_000));
        assert_eq!(send(&mut receiver, 20_000_000, &READ_IOIN), None);
        assert!(is_read(send(&mut receiver, 30_000_000, &READ_IOIN)));
    }

    #[test]
    fn any_baud_rate_will_do() {
        let mut receiver = Receiver::new();
        for (number, character) in [1_041_667, 20_000, 86_805, 1_041_667]
            .into_iter()
            .enumerate()
        {
            let mut time = Time::from_nanos(100_000_000 * number as u64);
            let mut taken = None;
            for byte in READ_IOIN {
                time = time + Duration::from_nanos(character);
                taken = receiver.take(byte, time);
            }
            assert!(is_read(taken), "{character}");
        }
    }
}

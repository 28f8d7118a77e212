use circuits_gpio::{Bias, Config, Input};

use super::commands::*;
use super::*;
use crate::Stub;

/// A card in its socket, and a time that stands still unless the test moves it.
struct Bench(SdCard, Time);

impl Bench {
    fn sdhc() -> Bench {
        Bench(SdCard::sdhc(), Time::ZERO)
    }

    /// Initialised.
    fn ready(card: SdCard) -> Bench {
        let mut bench = Bench(card, Time::ZERO);
        assert_eq!(bench.command(0, 0), [1]);
        assert_eq!(bench.command(8, 0x1aa), [1, 0, 0, 1, 0xaa]);
        assert_eq!(bench.application(41, HOST_CAPACITY), [1]);
        bench.pass(20_000);
        assert_eq!(bench.application(41, HOST_CAPACITY), [0]);
        bench
    }

    fn pass(&mut self, micros: u64) {
        self.1 = self.1 + Duration::from_micros(micros);
    }

    fn exchange(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.0.select(self.1);
        let answer = bytes.iter().map(|byte| self.0.transfer(*byte)).collect();
        self.0.deselect(self.1);
        answer
    }

    /// Sends a command with these arguments and checksum, and returns the response.
    fn raw<const N: usize>(&mut self, bytes: [u8; 6]) -> [u8; N] {
        let answer = self.exchange(&[&bytes[..], &[0xff; 1], &[0xff; N]].concat());
        answer[7..].try_into().unwrap()
    }

    fn command<const N: usize>(&mut self, index: u8, argument: u32) -> [u8; N] {
        let mut bytes = [0x40 | index, 0, 0, 0, 0, 0];
        bytes[1..5].copy_from_slice(&argument.to_be_bytes());
        bytes[5] = crc7(&bytes[..5]) << 1 | 1;
        self.raw(bytes)
    }

    fn application<const N: usize>(&mut self, index: u8, argument: u32) -> [u8; N] {
        let [r1] = self.command(55, 0);
        assert_eq!(r1 & !IDLE, 0);
        self.command(index, argument)
    }

    /// Reads until data come, and then those.
    fn data<const N: usize>(&mut self) -> [u8; N] {
        let token = (0..8)
            .map(|_| self.exchange(&[0xff])[0])
            .find(|byte| *byte != 0xff);
        assert_eq!(token, Some(START));
        let data: [u8; N] = self.exchange(&[0xff; N]).try_into().unwrap();
        assert_eq!(self.exchange(&[0xff; 2]), crc16(&data).to_be_bytes());
        data
    }

    /// Sends a block, and returns the response to it.
    fn send(&mut self, token: u8, data: &[u8; BLOCK], crc: u16) -> u8 {
        let answer =
            self.exchange(&[&[0xff, token], &data[..], &crc.to_be_bytes(), &[0xff]].concat());
        answer[BLOCK + 4]
    }

    /// Whether it is busy, now and for so many microseconds.
    fn is_busy_for(&mut self, micros: u64) -> bool {
        let first = self.exchange(&[0xff]);
        self.pass(micros - 1);
        let last = self.exchange(&[0xff, 0xff]);
        self.pass(1);
        let then = self.exchange(&[0xff]);
        (first, last, then) == (vec![0], vec![0, 0], vec![0xff])
    }
}

#[test]
fn comes_from_the_sd_bus_by_one_command() {
    let mut bench = Bench::sdhc();
    assert_eq!(bench.command(8, 0x1aa), [0xff; 5]);
    assert_eq!(
        bench.raw([0x40, 0, 0, 0, 0, 0x94 ^ 2]),
        [0xff],
        "a wrong checksum"
    );
    assert_eq!(bench.raw([0x40, 0, 0, 0, 0, 0x95]), [1]);
    assert_eq!(bench.raw([0x48, 0, 0, 1, 0xaa, 0x87]), [1, 0, 0, 1, 0xaa]);
    assert_eq!(bench.raw([0x48, 0, 0, 1, 0xaa, 0x89]), [1 | CRC_ERROR]);
    assert_eq!(
        bench.command(8, 0x2aa),
        [1, 0, 0, 0, 0xaa],
        "no such voltage"
    );
    // Others need no checksum now.
    assert_eq!(bench.raw([0x40 | 58, 0, 0, 0, 0, 0]), [1, 0, 0xff, 0x80, 0]);
    assert_eq!(bench.command(17, 0), [IDLE | ILLEGAL_COMMAND]);
    assert_eq!(
        bench.command(41, 0),
        [IDLE | ILLEGAL_COMMAND],
        "without CMD55"
    );
}

#[test]
fn initialises_when_the_host_knows_it() {
    let mut bench = Bench::sdhc();
    assert_eq!(bench.command(0, 0), [1]);
    for (host, knows) in [(HOST_CAPACITY, false), (0, true)] {
        if knows {
            assert_eq!(bench.command(8, 0x1aa), [1]);
        }
        assert_eq!(bench.application(41, host), [1]);
        bench.pass(1_000_000);
        assert_eq!(
            bench.application(41, host),
            [1],
            "it waits for a host that knows"
        );
    }
    assert_eq!(bench.application(41, HOST_CAPACITY), [1]);
    bench.pass(19_999);
    assert_eq!(bench.application(41, HOST_CAPACITY), [1]);
    bench.pass(1);
    assert_eq!(bench.application(41, HOST_CAPACITY), [0]);
    assert_eq!(bench.command(58, 0), [0, 0xc0, 0xff, 0x80, 0]);
    // One of standard capacity asks for nothing, and knows CMD1.
    let mut bench = Bench(SdCard::sdsc(), Time::ZERO);
    assert_eq!(bench.command(0, 0), [1]);
    assert_eq!(bench.command(1, 0), [1]);
    bench.pass(20_000);
    assert_eq!(bench.command(1, 0), [0]);
    assert_eq!(bench.command(58, 0), [0, 0x80, 0xff, 0x80, 0]);
    assert_eq!(bench.command(0, 0), [1], "idle again");
}

#[test]
fn registers_come_as_data() {
    for (card, name) in [(SdCard::sdhc(), b"VSDHC"), (SdCard::sdsc(), b"VSDSC")] {
        let is_high_capacity = card.lock().is_high_capacity;
        let mut bench = Bench::ready(card);
        assert_eq!(bench.command(9, 0), [0]);
        assert_eq!(bench.data(), registers::csd(is_high_capacity));
        assert_eq!(bench.command(10, 0), [0]);
        assert_eq!(bench.data::<16>()[3..8], *name);
        assert_eq!(bench.application(51, 0), [0]);
        assert_eq!(bench.data::<8>()[0], 2);
        assert_eq!(bench.command(13, 0), [0, 0]);
        assert_eq!(bench.application(13, 0), [0, 0]);
        assert_eq!(bench.data(), [0; 64]);
    }
}

#[test]
fn blocks_are_read_one_or_many() {
    let mut bench = Bench::ready(SdCard::sdhc());
    bench.0.set_contents(7, &[[1; BLOCK], [2; BLOCK]].concat());
    assert_eq!(bench.command(17, 8), [0]);
    assert_eq!(bench.data(), [2; BLOCK]);
    assert_eq!(bench.exchange(&[0xff; 3]), [0xff; 3], "and no more");
    assert_eq!(bench.command(18, 7), [0]);
    assert_eq!(bench.data(), [1; BLOCK]);
    assert_eq!(bench.data(), [2; BLOCK]);
    bench.exchange(&[0xff; 100]);
    // A byte that means nothing, and then the response.
    let answer = bench.exchange(&[0x4c, 0, 0, 0, 0, 0x61, 0xff, 0xff, 0xff, 0xff]);
    assert_eq!(answer[6..], [0x7f, 0xff, 0, 0xff]);
    assert_eq!(
        bench.command(12, 0),
        [ILLEGAL_COMMAND],
        "there is nothing to stop"
    );
}

#[test]
fn addresses_are_blocks_or_bytes() {
    let mut bench = Bench::ready(SdCard::sdsc());
    bench.0.set_contents(3, &[9; BLOCK]);
    assert_eq!(bench.command(17, 3 * 512), [0]);
    assert_eq!(bench.data(), [9; BLOCK]);
    assert_eq!(bench.command(17, 3), [ADDRESS_ERROR]);
    assert_eq!(bench.command(24, 1 << 30), [PARAMETER_ERROR]);
    assert_eq!(bench.command(16, 4), [0]);
    assert_eq!(bench.command(17, 3 * 512 - 4), [0]);
    assert_eq!(bench.data(), [0; 4]);
    assert_eq!(bench.command(17, 3 * 512 - 2), [ADDRESS_ERROR]);
    assert_eq!(
        bench.command(24, 3 * 512),
        [PARAMETER_ERROR],
        "no part of a block"
    );
    assert_eq!(bench.command(16, 513), [PARAMETER_ERROR]);
    let mut bench = Bench::ready(SdCard::sdhc());
    assert_eq!(bench.command(16, 4), [0], "which changes nothing");
    assert_eq!(bench.command(17, (1 << 23) - 1), [0]);
    assert_eq!(bench.data(), [0; BLOCK]);
    assert_eq!(bench.command(17, 1 << 23), [PARAMETER_ERROR]);
    assert_eq!(bench.command(18, (1 << 23) - 1), [0]);
    assert_eq!(bench.data(), [0; BLOCK]);
    assert_eq!(bench.exchange(&[0xff; 2]), [0xff, OUT_OF_RANGE]);
}

#[test]
fn a_block_is_written_and_keeps_it_busy() {
    let mut bench = Bench::ready(SdCard::sdhc());
    assert_eq!(bench.command(24, 5), [0]);
    assert_eq!(bench.send(START, &[7; BLOCK], 0), ACCEPTED);
    assert!(bench.is_busy_for(1000));
    assert_eq!(bench.0.contents(4..6), [[0; BLOCK], [7; BLOCK]].concat());
    assert_eq!(bench.command(24, 5), [0]);
    assert_eq!(bench.send(START, &[8; BLOCK], 0), ACCEPTED);
    assert_eq!(
        bench.command(17, 5),
        [0],
        "the line is low, and that is no response"
    );
    assert!(bench.is_busy_for(1000));
    assert_eq!(bench.command(13, 0), [0, 0]);
}

#[test]
fn many_are_written_until_it_is_told_to_stop() {
    let mut bench = Bench::ready(SdCard::sdhc());
    assert_eq!(bench.application(23, 2), [0]);
    assert_eq!(bench.command(25, 100), [0]);
    for byte in [1, 2] {
        assert_eq!(bench.send(START_MULTIPLE, &[byte; BLOCK], 0), ACCEPTED);
        assert!(bench.is_busy_for(1000));
    }
    bench.exchange(&[STOP]);
    assert!(bench.is_busy_for(1000));
    assert_eq!(
        bench.0.contents(100..103),
        [[1; BLOCK], [2; BLOCK], [0; BLOCK]].concat()
    );
    assert_eq!(bench.application(22, 0), [0]);
    assert_eq!(bench.data(), [0, 0, 0, 2]);
    // Behind the end there is nothing.
    assert_eq!(bench.command(25, (1 << 23) - 1), [0]);
    assert_eq!(bench.send(START_MULTIPLE, &[3; BLOCK], 0), ACCEPTED);
    bench.pass(1000);
    assert_eq!(bench.send(START_MULTIPLE, &[3; BLOCK], 0), WRITE_REJECTED);
}

#[test]
fn checksums_are_looked_at_when_it_is_told_to() {
    let mut bench = Bench::ready(SdCard::sdhc());
    assert_eq!(bench.command(59, 1), [0]);
    assert_eq!(bench.raw([0x40 | 13, 0, 0, 0, 0, 0]), [CRC_ERROR]);
    assert_eq!(bench.command(24, 5), [0]);
    assert_eq!(bench.send(START, &[7; BLOCK], 0), CRC_REJECTED);
    assert_eq!(bench.0.contents(5..6), [0; BLOCK]);
    assert_eq!(bench.command(24, 5), [0]);
    assert_eq!(bench.send(START, &[0xff; BLOCK], 0x7fa1), ACCEPTED);
    bench.pass(1000);
    assert_eq!(bench.0.contents(5..6), [0xff; BLOCK]);
    assert_eq!(bench.command(59, 0), [0]);
    assert_eq!(bench.raw([0x40 | 13, 0, 0, 0, 0, 0]), [0]);
}

#[test]
fn erases_from_one_block_to_another() {
    let mut bench = Bench::ready(SdCard::sdhc());
    bench.0.set_contents(10, &[1; 4 * BLOCK]);
    assert_eq!(bench.command(32, 11), [0]);
    assert_eq!(bench.command(38, 0), [ERASE_SEQUENCE_ERROR]);
    assert_eq!(bench.command(32, 11), [0]);
    assert_eq!(bench.command(33, 12), [0]);
    assert_eq!(bench.command(38, 0), [0]);
    assert!(bench.is_busy_for(1000));
    let first = [10, 11, 12, 13].map(|block| bench.0.contents(block..block + 1)[0]);
    assert_eq!(first, [1, 0, 0, 1]);
}

#[test]
fn a_card_that_comes_back_remembers_its_blocks() {
    let mut bench = Bench::ready(SdCard::sdhc());
    bench.0.set_contents(1, b"kept");
    bench.0.remove();
    assert_eq!(bench.command(13, 0), [0xff; 2]);
    bench.0.insert();
    assert_eq!(bench.command(13, 0), [0xff; 2], "on the SD bus");
    let bench = Bench::ready(bench.0);
    assert_eq!(bench.0.contents(1..2)[..5], *b"kept\0");
}

#[test]
fn a_switch_in_the_socket_tells_of_the_card() {
    let stub = Stub::virtual_time().lines(["CARD"]);
    let config = Config::new().bias(Bias::PullUp);
    let line = Input::open_on(&stub, "CARD", &config).unwrap();
    assert!(line.get().unwrap());
    let card = SdCard::sdhc().detected_by(stub.pin("CARD").unwrap());
    assert!(!line.get().unwrap());
    card.remove();
    assert!(line.get().unwrap());
    card.insert();
    assert!(!line.get().unwrap());
}

/// Bytes that are no command lead nowhere.
#[test]
fn takes_whatever_comes() {
    let mut bench = Bench::ready(SdCard::sdsc());
    let mut byte = 1u32;
    for _ in 0..200_000 {
        byte = byte.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bench.exchange(&[(byte >> 24) as u8]);
        bench.pass(10);
    }
}

/// As when a line selects it, and the bus has pauses.
#[test]
fn gets_ready_while_it_is_selected() {
    let mut bench = Bench::ready(SdCard::sdhc());
    assert_eq!(bench.command(24, 5), [0]);
    let card = &mut bench.0;
    card.select(bench.1);
    card.clock(bench.1);
    let block = [&[START][..], &[7; BLOCK], &[0; 2]].concat();
    block.iter().for_each(|byte| _ = card.transfer(*byte));
    assert_eq!([0xff; 3].map(|byte| card.transfer(byte)), [ACCEPTED, 0, 0]);
    for (micros, answer) in [(0, 0), (999, 0), (1, 0xff)] {
        bench.1 = bench.1 + Duration::from_micros(micros);
        card.clock(bench.1);
        assert_eq!(card.transfer(0xff), answer);
    }
    card.deselect(bench.1);
    assert_eq!(bench.exchange(&[0xff]), [0xff], "and stays so");
}

use circuits_spi as spi;
use embedded_hal::spi::{Operation, SpiDevice};

use super::*;
use crate::Stub;

/// A chip, and a time that stands still unless the test moves it.
struct Bench(W25q, Time);

impl Bench {
    fn new() -> Bench {
        Bench(W25q::w25q32jv(), Time::ZERO)
    }

    fn pass(&mut self, micros: u64) {
        self.1 = self.1 + Duration::from_micros(micros);
    }

    /// Sends bytes, and reads some.
    fn send<const N: usize>(&mut self, bytes: &[u8]) -> [u8; N] {
        self.0.select(self.1);
        bytes.iter().for_each(|byte| _ = self.0.transfer(*byte));
        let answer = [0; N].map(|byte| self.0.transfer(byte));
        self.0.deselect(self.1);
        answer
    }

    fn status(&mut self) -> u8 {
        let [status] = self.send(&[0x05]);
        status
    }

    /// Enables writing, sends bytes, and waits for as long as it takes.
    fn write(&mut self, bytes: &[u8]) {
        let [] = self.send(&[0x06]);
        let [] = self.send(bytes);
        while self.status() & BUSY != 0 {
            self.pass(50);
        }
    }
}

/// Section 8.1.1 of W25Q32JV, and those of its relatives.
#[test]
fn identifiers_are_those_of_the_datasheets() {
    for (chip, jedec, device) in [
        (W25q::w25q16jv(), [0xef, 0x40, 0x15], 0x14),
        (W25q::w25q32jv(), [0xef, 0x40, 0x16], 0x15),
        (W25q::w25q64jv(), [0xef, 0x40, 0x17], 0x16),
        (W25q::w25q128jv(), [0xef, 0x40, 0x18], 0x17),
    ] {
        chip.set_unique_id([1, 2, 3, 4, 5, 6, 7, 8]);
        let mut bench = Bench(chip, Time::ZERO);
        assert_eq!(bench.send(&[0x9f]), jedec);
        assert_eq!(bench.send(&[0x90, 0, 0, 0]), [0xef, device, 0xef]);
        assert_eq!(bench.send(&[0x90, 0, 0, 1]), [device, 0xef, device]);
        assert_eq!(bench.send(&[0xab, 0, 0, 0]), [device, device]);
        assert_eq!(bench.send(&[0x4b, 0, 0, 0, 0]), [1, 2, 3, 4, 5, 6, 7, 8]);
        let statuses = [0x05, 0x35, 0x15].map(|command| bench.send::<1>(&[command])[0]);
        assert_eq!(statuses, [0, 0x02, 0x60]);
    }
}

#[test]
fn programming_clears_bits_and_wraps_in_its_page() {
    let mut bench = Bench::new();
    bench.write(&[0x02, 0x00, 0x12, 0xfe, 0x0f, 0x33, 0x55, 0xaa]);
    assert_eq!(bench.0.contents(0x12fe..0x1300), [0x0f, 0x33]);
    assert_eq!(bench.0.contents(0x1200..0x1203), [0x55, 0xaa, 0xff]);
    bench.write(&[0x02, 0x00, 0x12, 0xfe, 0xf5]);
    assert_eq!(bench.send(&[0x03, 0x00, 0x12, 0xfe]), [0x05, 0x33, 0xff]);
    assert_eq!(bench.send(&[0x0b, 0x00, 0x12, 0xfe, 0]), [0x05, 0x33]);
    // Of more than a page, the last counts.
    let long: Vec<u8> = (0..=256).map(|n| if n == 0 { 0 } else { 0x70 }).collect();
    bench.write(&[&[0x02, 0x00, 0x20, 0x10][..], &long].concat());
    assert_eq!(bench.0.contents(0x2000..0x2100), [0x70; 256]);
}

#[test]
fn reading_goes_on_at_the_beginning() {
    let mut bench = Bench::new();
    bench.0.set_contents(0, &[1, 2]);
    bench.0.set_contents(0x3f_ffff, &[9]);
    assert_eq!(bench.send(&[0x03, 0x3f, 0xff, 0xff]), [9, 1, 2]);
    assert_eq!(
        bench.send(&[0x03, 0xff, 0xff, 0xff]),
        [9, 1, 2],
        "no such address bits"
    );
}

#[test]
fn erasing_takes_what_is_around_the_address() {
    for (command, range) in [
        (0x20, 0x1_9000..0x1_a000),
        (0x52, 0x1_8000..0x2_0000),
        (0xd8, 0x1_0000..0x2_0000),
    ] {
        let mut bench = Bench::new();
        bench.0.set_contents(0, &[0; 0x3_0000]);
        bench.write(&[command, 0x01, 0x98, 0x76]);
        let contents = bench.0.contents(0..0x3_0000);
        let erased = |(address, byte): (usize, &u8)| range.contains(&address) == (*byte == 0xff);
        assert!(contents.iter().enumerate().all(erased), "{command:#04x}");
    }
    for command in [0xc7, 0x60] {
        let mut bench = Bench::new();
        bench.0.set_contents(0x3f_ff00, &[0; 256]);
        bench.write(&[command]);
        assert_eq!(bench.0.contents(0x3f_ff00..0x40_0000), [0xff; 256]);
    }
}

/// Section 9.6.
#[test]
fn cycles_take_their_typical_times_and_answer_nothing_else() {
    for (bytes, micros) in [
        (&[0x02, 0, 0, 0, 0x12][..], 400),
        (&[0x20, 0, 0, 0], 45_000),
        (&[0x52, 0, 0, 0], 120_000),
        (&[0xd8, 0, 0, 0], 150_000),
        (&[0xc7], 10_000_000),
        (&[0x01, 0], 10_000),
    ] {
        let mut bench = Bench::new();
        bench.0.set_contents(0x100, &[0x42]);
        let [] = bench.send(&[0x06]);
        let [] = bench.send(bytes);
        bench.pass(micros - 1);
        assert_eq!(bench.status(), BUSY | WEL, "{bytes:02x?}");
        assert_eq!(bench.send(&[0x03, 0, 1, 0]), [0xff]);
        assert_eq!(bench.send(&[0x9f]), [0xff; 3]);
        let [] = bench.send(&[0x04]);
        bench.pass(1);
        assert_eq!(bench.status(), 0, "{bytes:02x?}");
        assert_eq!(bench.send(&[0x9f]), [0xef, 0x40, 0x16]);
    }
}

#[test]
fn what_is_not_enabled_or_not_complete_is_not_done() {
    let mut bench = Bench::new();
    bench.0.set_contents(0, &[0; 16]);
    let ignored = [
        &[0x20, 0, 0][..],
        &[0x20, 0, 0, 0, 0],
        &[0x02, 0, 1, 0],
        &[0x01],
        &[0x31, 0x40, 0],
        &[0xc7, 0],
        &[0x99],
        &[0xee],
    ];
    let [] = bench.send(&[0x06]);
    for bytes in ignored {
        let [] = bench.send(bytes);
        assert_eq!(bench.status(), WEL, "{bytes:02x?}");
    }
    let [] = bench.send(&[0x04]);
    for bytes in [&[0x20, 0, 0, 0][..], &[0x02, 0, 1, 0, 0], &[0x01, 0x80]] {
        let [] = bench.send(bytes);
        assert_eq!(bench.status(), 0, "{bytes:02x?}");
    }
    assert_eq!(bench.0.contents(0..16), [0; 16]);
}

/// Tables of section 7.1.
#[test]
fn protects_what_the_bits_say() {
    // SEC, TB and BP, and what is protected then, without CMP.
    for (bits, from, to) in [
        (0b0_0001, 0x3f_0000, 0x40_0000),
        (0b0_0010, 0x3e_0000, 0x40_0000),
        (0b0_0110, 0x20_0000, 0x40_0000),
        (0b0_1001, 0, 0x1_0000),
        (0b0_1101, 0, 0x10_0000),
        (0b0_0111, 0, 0x40_0000),
        (0b1_0001, 0x3f_f000, 0x40_0000),
        (0b1_0011, 0x3f_c000, 0x40_0000),
        (0b1_0100, 0x3f_8000, 0x40_0000),
        (0b1_0101, 0x3f_8000, 0x40_0000),
        (0b1_1010, 0, 0x2000),
        (0b1_1111, 0, 0x40_0000),
    ] {
        for complement in [0, CMP] {
            let mut bench = Bench::new();
            bench.write(&[0x01, bits << 2, complement]);
            for address in [0usize, from, from.wrapping_sub(256), to - 256, to] {
                if address >= 0x40_0000 {
                    continue;
                }
                let [_, a, b, c] = (address as u32).to_be_bytes();
                bench.write(&[0x02, a, b, c, 0]);
                let is_protected = (from..to).contains(&address) == (complement == 0);
                let byte = bench.0.contents(address..address + 1)[0];
                assert_eq!(
                    byte == 0xff,
                    is_protected,
                    "{bits:#b} {complement} {address:#x}"
                );
            }
            // The chip is not erased while some of it is protected.
            let is_all_open = (from, to, complement) == (0, 0x40_0000, CMP);
            bench.write(&[0xc7]);
            assert_eq!(bench.status() & WEL == 0, is_all_open);
        }
    }
}

#[test]
fn status_registers_are_stored_or_not() {
    let mut bench = Bench::new();
    let read = |bench: &mut Bench| [0x05, 0x35, 0x15].map(|c| bench.send::<1>(&[c])[0]);
    let reset = |bench: &mut Bench| {
        let [] = bench.send(&[0x66]);
        let [] = bench.send(&[0x99]);
        assert_eq!(bench.send(&[0x9f]), [0xff; 3], "resetting");
        bench.pass(30);
    };
    bench.write(&[0x11, 0xff]);
    bench.write(&[0x01, 0xff]);
    assert_eq!(read(&mut bench), [0xfc, 0x02, 0x60]);
    let [] = bench.send(&[0x50]);
    let [] = bench.send(&[0x31, CMP]);
    assert_eq!(read(&mut bench), [0xfc, 0x42, 0x60]);
    let [] = bench.send(&[0x31, 0]);
    assert_eq!(
        read(&mut bench),
        [0xfc, 0x42, 0x60],
        "enabled for one write"
    );
    reset(&mut bench);
    assert_eq!(read(&mut bench), [0xfc, 0x02, 0x60]);
    bench.write(&[0x31, 0x08]);
    bench.write(&[0x31, SRL]);
    assert_eq!(read(&mut bench), [0xfc, 0x0b, 0x60], "locks stay");
    let [] = bench.send(&[0x06]);
    let [] = bench.send(&[0x01, 0, 0]);
    assert_eq!(read(&mut bench), [0xfc | WEL, 0x0b, 0x60], "locked");
    let [] = bench.send(&[0x66]);
    let [] = bench.send(&[0x9f]);
    let [] = bench.send(&[0x99]);
    assert_eq!(bench.status(), 0xfc | WEL, "something came in between");
    reset(&mut bench);
    assert_eq!(bench.status(), 0xfc);
}

#[test]
fn sleeps_until_it_is_woken() {
    let mut bench = Bench::new();
    let [] = bench.send(&[0xb9]);
    bench.pass(3);
    assert_eq!(bench.send(&[0x05]), [0xff]);
    assert_eq!(bench.send(&[0x9f]), [0xff; 3]);
    assert_eq!(bench.send(&[0xab, 0, 0, 0]), [0x15]);
    assert_eq!(bench.send(&[0x9f]), [0xff; 3], "waking up");
    bench.pass(3);
    assert_eq!(bench.send(&[0x9f]), [0xef, 0x40, 0x16]);
}

/// On the wires: modes 0 and 3, and a transaction in which time passes.
#[test]
fn is_seen_to_get_ready_in_the_middle_of_a_transaction() {
    let stub = Stub::virtual_time().spi_device("spidev0.0", W25q::w25q32jv());
    let stub = stub.unwrap();
    let mut device = spi::Device::open_on(&stub, "spidev0.0", &spi::Config::new()).unwrap();
    device.write(&[0x06]).unwrap();
    device.write(&[0x20, 0, 0, 0]).unwrap();
    let (mut before, mut after) = ([0; 2], [0; 2]);
    let mut operations = [
        Operation::Write(&[0x05]),
        Operation::Read(&mut before),
        Operation::DelayNs(45_000_000),
        Operation::Read(&mut after),
    ];
    device.transaction(&mut operations).unwrap();
    assert_eq!((before, after), ([BUSY | WEL; 2], [0; 2]));
    for mode in [Mode::Mode0, Mode::Mode1, Mode::Mode2, Mode::Mode3] {
        let config = spi::Config::new().mode(mode);
        device.configure(&config).unwrap();
        let mut bytes = [0x9f, 0, 0, 0];
        device.transfer_in_place(&mut bytes).unwrap();
        let is_right = matches!(mode, Mode::Mode0 | Mode::Mode3);
        assert_eq!(bytes[1..] == [0xef, 0x40, 0x16], is_right, "{mode:?}");
    }
}

/// Bytes that are no command lead nowhere, and those that are one do no harm.
#[test]
fn takes_whatever_comes() {
    let mut bench = Bench(W25q::w25q16jv(), Time::ZERO);
    let mut state = 1u32;
    let mut draw = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as usize % below
    };
    for _ in 0..20_000 {
        let bytes: Vec<u8> = (0..draw(9)).map(|_| draw(256) as u8).collect();
        let [] = bench.send(&bytes);
        let [] = bench.send(&[0x06]);
        bench.pass(draw(100_000) as u64);
    }
}

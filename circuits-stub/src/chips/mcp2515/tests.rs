use circuits_can::Id;

use super::registers::{CANCTRL, CANINTE, CANINTF, CNF3, EFLG, RXB, TXB};
use super::*;
use crate::spi::Device;

const READ: u8 = 0x03;
const WRITE: u8 = 0x02;
const BIT_MODIFY: u8 = 0x05;
const CANSTAT: u8 = 0x0e;

/// A chip, as the other side of its SPI has it.
fn send<const N: usize>(chip: &Mcp2515, bytes: &[u8]) -> [u8; N] {
    let mut chip = chip.clone();
    chip.select(Time::ZERO);
    bytes.iter().for_each(|byte| _ = chip.transfer(*byte));
    let answer = [0; N].map(|byte| chip.transfer(byte));
    chip.deselect(Time::ZERO);
    answer
}

fn write(chip: &Mcp2515, address: u8, values: &[u8]) {
    let [] = send(chip, &[&[WRITE, address], values].concat());
}

fn read(chip: &Mcp2515, address: u8) -> u8 {
    let [value] = send(chip, &[READ, address]);
    value
}

fn mode(chip: &Mcp2515, mode: Mode) {
    let [] = send(chip, &[BIT_MODIFY, CANCTRL, 0xe0, (mode as u8) << 5]);
    assert_eq!(read(chip, CANSTAT) >> 5, mode as u8);
}

/// A chip in a mode, at 500 kbit/s.
fn chip_in(to: Mode) -> Mcp2515 {
    let chip = Mcp2515::new(16_000_000);
    write(&chip, CNF3, &[0x86, 0xf0, 0x00]);
    mode(&chip, to);
    chip
}

fn hear(chip: &Mcp2515, frame: &str) {
    let frame = frame.parse().unwrap();
    chip.clone()
        .receive(&frame, &mut Controller::at(Time::ZERO));
}

/// Table 11-2, and what the descriptions of the registers say.
#[test]
fn resets_as_the_datasheet_says() {
    let chip = chip_in(Mode::Normal);
    write(&chip, CANINTE, &[0xff]);
    write(&chip, TXB[0] + 6, &[0x5a]);
    let [] = send(&chip, &[0xc0]);
    let rows: [u8; 128] = send(&chip, &[READ, 0]);
    for (address, value) in rows.into_iter().enumerate() {
        let expected = match address {
            0x0d => 0x38,
            0x36 => 0x5a,
            _ if address & 0x0f == 0x0e => 0x80,
            _ if address & 0x0f == 0x0f => 0x87,
            _ => 0,
        };
        assert_eq!(value, expected, "{address:#04x}");
    }
}

/// Section 10.1.
#[test]
fn what_configures_can_be_written_in_configuration_mode_only() {
    let chip = Mcp2515::new(16_000_000);
    let configures = [0x00, 0x02, 0x13, 0x20, 0x27, 0x28, 0x29, 0x2a];
    for address in configures {
        write(&chip, address, &[0x43]);
        assert_eq!(read(&chip, address), 0x43, "{address:#04x}");
    }
    write(&chip, 0x01, &[0xff]);
    write(&chip, 0x21, &[0xff]);
    write(&chip, 0x0d, &[0xff]);
    assert_eq!(
        [0x01, 0x21, 0x0d].map(|address| read(&chip, address)),
        [0xeb, 0xe3, 0x07]
    );
    for to in [Mode::Normal, Mode::ListenOnly, Mode::Loopback] {
        mode(&chip, to);
        for address in configures {
            write(&chip, address, &[0x81]);
        }
        write(&chip, 0x0d, &[0]);
        assert_eq!(read(&chip, 0x00), 0, "filters are not seen");
        assert_eq!(read(&chip, 0x2a), 0x43);
        mode(&chip, Mode::Configuration);
        for address in configures {
            assert_eq!(read(&chip, address), 0x43, "{address:#04x}");
        }
        assert_eq!(read(&chip, 0x0d), 0x07);
    }
}

#[test]
fn what_is_read_only_cannot_be_written() {
    let chip = Mcp2515::new(16_000_000);
    for address in [0x0e, 0x1c, 0x1d, 0x61, 0x66, 0x7d] {
        let before = read(&chip, address);
        write(&chip, address, &[0xff]);
        assert_eq!(read(&chip, address), before, "{address:#04x}");
    }
    write(&chip, EFLG, &[0xff]);
    write(&chip, RXB[0], &[0xff]);
    write(&chip, RXB[1], &[0xff]);
    write(&chip, 0x0c, &[0xff]);
    let kept = [EFLG, RXB[0], RXB[1], 0x0c].map(|address| read(&chip, address));
    assert_eq!(kept, [0xc0, 0x66, 0x60, 0x3f], "BUKT1 is a copy");
}

/// Section 12.10: elsewhere the mask is all ones.
#[test]
fn bits_are_modified_where_they_can_be() {
    let chip = Mcp2515::new(16_000_000);
    write(&chip, CANINTE, &[0x51]);
    let [] = send(&chip, &[BIT_MODIFY, CANINTE, 0x35, 0x24]);
    assert_eq!(read(&chip, CANINTE), 0x64);
    write(&chip, 0x36, &[0x51]);
    let [] = send(&chip, &[BIT_MODIFY, 0x36, 0x35, 0x24]);
    assert_eq!(read(&chip, 0x36), 0x24);
    // CANCTRL is at the end of each row.
    let [] = send(&chip, &[BIT_MODIFY, 0x7f, 0x03, 0x00]);
    assert_eq!(read(&chip, CANCTRL), 0x84);
}

#[test]
fn the_address_goes_on_and_around() {
    let chip = Mcp2515::new(16_000_000);
    write(&chip, 0x28, &[1, 2, 3, 4]);
    assert_eq!(send(&chip, &[READ, 0x28]), [1, 2, 3, 4]);
    assert_eq!(send(&chip, &[READ, 0x7e]), [0x80, 0x87, 0]);
}

/// Section 5, by the bit rates that a driver has for it.
#[test]
fn the_bit_rate_is_what_the_quanta_make_it() {
    for (oscillator, cnf, rate) in [
        (16_000_000, [0x82, 0xd0, 0x00], 1_000_000),
        (16_000_000, [0x86, 0xf0, 0x00], 500_000),
        (16_000_000, [0x07, 0xbe, 0x03], 83_333),
        (16_000_000, [0x87, 0xff, 0x3f], 5_000),
        (8_000_000, [0x82, 0x90, 0x00], 500_000),
        (20_000_000, [0x87, 0xfa, 0x03], 125_000),
        // PS2 is as long as PS1, and two quanta at least.
        (16_000_000, [0x07, 0x09, 0x00], 16_000_000 / 2 / 7),
        (16_000_000, [0x07, 0x00, 0x00], 16_000_000 / 2 / 5),
    ] {
        let chip = Mcp2515::new(oscillator);
        write(&chip, CNF3, &cnf);
        assert_eq!(chip.bitrate(), None, "it is not on the bus yet");
        mode(&chip, Mode::Normal);
        assert_eq!(chip.bitrate(), Some(rate), "{cnf:x?}");
    }
}

#[test]
fn modes_are_on_the_bus_or_not() {
    let chip = Mcp2515::new(16_000_000);
    for (to, takes_part, is_there) in [
        (Mode::Normal, true, true),
        (Mode::ListenOnly, false, true),
        (Mode::Loopback, false, false),
        (Mode::Configuration, false, false),
        (Mode::Sleep, false, false),
    ] {
        mode(&chip, to);
        assert_eq!(chip.takes_part(), takes_part, "{to:?}");
        assert_eq!(chip.bitrate().is_some(), is_there, "{to:?}");
        assert!(!chip.has_fd());
    }
    // It sleeps, and hears no requests.
    write(&chip, CANCTRL, &[0x00]);
    assert_eq!(read(&chip, CANSTAT) >> 5, Mode::Sleep as u8);
}

/// Sections 7.5 and 10.2.
#[test]
fn the_bus_wakes_it_up_if_it_may() {
    let chip = chip_in(Mode::Sleep);
    hear(&chip, "123#00");
    assert_eq!(read(&chip, CANSTAT) >> 5, Mode::Sleep as u8);
    assert_eq!(read(&chip, CANINTF), 0);
    write(&chip, CANINTE, &[0x40]);
    hear(&chip, "123#00");
    assert_eq!(read(&chip, CANINTF), 0x40, "the frame is lost");
    assert_eq!(read(&chip, CANSTAT), (Mode::ListenOnly as u8) << 5 | 2 << 1);
    // And so does the other side.
    mode(&chip, Mode::Sleep);
    write(&chip, CANINTE, &[0x00, 0x40]);
    assert_eq!(read(&chip, CANSTAT) >> 5, Mode::Sleep as u8);
    write(&chip, CANINTE, &[0x40, 0x40]);
    assert_eq!(read(&chip, CANSTAT) >> 5, Mode::ListenOnly as u8);
}

/// Section 4.2, figure 4-3.
#[test]
fn buffers_fill_up_and_roll_over() {
    let chip = chip_in(Mode::Normal);
    // Masks of zeros let all through: of standard ones.
    hear(&chip, "123#01");
    hear(&chip, "124#02");
    assert_eq!(
        read(&chip, CANINTF),
        0x21,
        "the second is lost, whatever RXB1 would take"
    );
    assert_eq!(read(&chip, EFLG), 0x40);
    assert_eq!(send(&chip, &[0x92]), [0x01]);
    assert_eq!(read(&chip, CANINTF), 0x20, "it is free again");
    let [] = send(&chip, &[BIT_MODIFY, EFLG, 0xc0, 0]);

    let [] = send(&chip, &[BIT_MODIFY, RXB[0], 0x04, 0x04]);
    for frame in ["123#01", "124#02", "125#03"] {
        hear(&chip, frame);
    }
    assert_eq!(read(&chip, CANINTF), 0x23);
    assert_eq!(read(&chip, EFLG), 0x80);
    assert_eq!(send(&chip, &[0x90]), [0x24, 0x60, 0, 0, 1, 0x01]);
    // RX0IF is clear, and RXB1 has what rolled over from filter 0.
    assert_eq!(send(&chip, &[0xb0]), [0x86]);
    assert_eq!(send(&chip, &[0x94]), [0x24, 0x80, 0, 0, 1, 0x02]);
    assert_eq!(send(&chip, &[0xb0]), [0]);
}

#[test]
fn filters_say_for_which_buffer_and_why() {
    let chip = Mcp2515::new(16_000_000);
    // RXM0 and RXM1 compare all bits of the identifier.
    write(&chip, 0x20, &[0xff, 0xe0, 0, 0, 0xff, 0xe0, 0xff, 0xff]);
    for (filter, id) in [
        (0x00, 0x100u16),
        (0x04, 0x200),
        (0x08, 0x300),
        (0x10, 0x400),
    ] {
        write(&chip, filter, &[(id >> 3) as u8, (id << 5) as u8]);
    }
    write(&chip, 0x14, &[0x91, 0xa8, 0x56, 0x78]);
    write(&chip, 0x18, &[0x20, 0x00, 0xab, 0xcd]);
    mode(&chip, Mode::Normal);
    for (frame, buffer, status) in [
        ("100#", 0, 0b000),
        ("200#", 0, 0b001),
        ("300#", 1, 0b010),
        ("400#R", 1, 0b01_011),
        ("12345678#", 1, 0b10_100),
        ("100#ABCD", 0, 0b000),
        ("12345678#R", 1, 0b11_100),
    ] {
        hear(&chip, frame);
        assert_eq!(read(&chip, CANINTF), 1 << buffer, "{frame}");
        let [answer] = send(&chip, &[0xb0]);
        assert_eq!(answer, 1 << (6 + buffer) | status, "{frame}");
        let [control] = send(&chip, &[READ, RXB[buffer]]);
        let filter = if buffer == 0 { 0b001 } else { 0b111 };
        assert_eq!(control & filter, status & filter, "{frame}");
        assert_eq!(control >> 3 & 1 != 0, frame.ends_with('R'), "{frame}");
        write(&chip, CANINTF, &[0]);
    }
    for frame in ["101#", "300#01", "12345679#", "00000100#"] {
        hear(&chip, frame);
    }
    assert_eq!(read(&chip, CANINTF), 0);
    // Filters off.
    write(&chip, RXB[1], &[0x60]);
    hear(&chip, "12345679#");
    assert_eq!(read(&chip, CANINTF), 0x02);
}

#[test]
fn what_is_received_stays_until_it_is_read() {
    let chip = chip_in(Mode::ListenOnly);
    hear(&chip, "7FF#0102030405060708");
    hear(&chip, "001#FF");
    assert_eq!(
        send(&chip, &[READ, 0x61]),
        [0xff, 0xe0, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]
    );
    assert_eq!(read(&chip, CANINTF) & 1, 1, "READ leaves it");
    assert_eq!(send(&chip, &[0x92]), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(read(&chip, CANINTF) & 1, 0);
}

#[test]
fn nothing_is_received_off_the_bus() {
    for to in [Mode::Configuration, Mode::Loopback] {
        let chip = chip_in(to);
        hear(&chip, "123#01");
        assert_eq!(read(&chip, CANINTF), 0, "{to:?}");
    }
}

/// Section 10.4, and 3.2: the last of three that are equal comes first.
#[test]
fn loopback_hears_itself_by_priority() {
    let chip = chip_in(Mode::Configuration);
    write(&chip, RXB[0], &[0x64]);
    write(&chip, RXB[1], &[0x60]);
    for buffer in [0, 1, 2] {
        let [] = send(&chip, &[0x40 | buffer << 1, 0, 0x20, 0, 0, 1, buffer]);
    }
    write(&chip, TXB[0], &[0x03]);
    let [] = send(&chip, &[0x87]);
    assert_eq!(
        send(&chip, &[0xa0]),
        [0b0101_0100],
        "requested, and not sent"
    );
    mode(&chip, Mode::Loopback);
    assert_eq!(send(&chip, &[0xa0]), [0b1010_1011]);
    assert_eq!(send(&chip, &[0x92]), [0]);
    assert_eq!(send(&chip, &[0x96]), [2]);
    assert_eq!(read(&chip, EFLG), 0x80, "there was no room for the third");
}

/// Section 3.1.
#[test]
fn what_is_to_be_sent_cannot_be_written() {
    let chip = chip_in(Mode::ListenOnly);
    let [] = send(&chip, &[0x42, 1, 0x20, 3, 4, 2, 6, 7]);
    let [] = send(&chip, &[0x82]);
    let [] = send(&chip, &[0x43, 9, 9]);
    write(&chip, TXB[1] + 1, &[9]);
    assert_eq!(send(&chip, &[READ, TXB[1]]), [0x08, 1, 0x20, 3, 4, 2, 6, 7]);
    let [] = send(&chip, &[BIT_MODIFY, TXB[1], 0x08, 0]);
    let [] = send(&chip, &[0x43, 9, 9]);
    assert_eq!(send(&chip, &[READ, TXB[1]]), [0x00, 1, 0x20, 3, 4, 2, 9, 9]);
}

/// Section 3.6.
#[test]
fn all_is_aborted_at_once() {
    let chip = chip_in(Mode::ListenOnly);
    let [] = send(&chip, &[0x85]);
    let [] = send(&chip, &[BIT_MODIFY, CANCTRL, 0x10, 0x10]);
    assert_eq!(TXB.map(|control| read(&chip, control)), [0x40, 0, 0x40]);
    let [] = send(&chip, &[0x82]);
    assert_eq!(read(&chip, TXB[1]), 0x40, "as long as ABAT is set");
    let [] = send(&chip, &[BIT_MODIFY, CANCTRL, 0x10, 0]);
    let [] = send(&chip, &[0x81]);
    assert_eq!(read(&chip, TXB[0]), 0x08, "the flags are clear again");
}

/// Table 7-1.
#[test]
fn interrupt_codes_go_by_their_order() {
    let chip = Mcp2515::new(16_000_000);
    write(&chip, CANINTE, &[0x7f, 0xff]);
    for (flag, code) in [
        (0x20, 1),
        (0x40, 2),
        (0x04, 3),
        (0x08, 4),
        (0x10, 5),
        (1, 6),
        (2, 7),
    ] {
        assert_eq!(read(&chip, CANSTAT) & 0x0f, code << 1);
        let [] = send(&chip, &[BIT_MODIFY, CANINTF, flag, 0]);
    }
    assert_eq!(read(&chip, CANSTAT) & 0x0f, 0, "MERRF has none");
    write(&chip, CANINTE, &[0, 0xff]);
    assert_eq!(read(&chip, CANSTAT) & 0x0f, 0, "those that are enabled");
}

#[test]
fn the_pin_tells_of_interrupts() {
    let stub = crate::Stub::virtual_time().lines(["INT"]);
    let chip = Mcp2515::new(16_000_000).interrupt_pin(stub.pin("INT").unwrap());
    let level = || stub.level("INT").unwrap();
    assert!(level());
    mode(&chip, Mode::Normal);
    hear(&chip, "123#00");
    assert!(level(), "not enabled");
    write(&chip, CANINTE, &[0x01]);
    assert!(!level());
    let [_] = send(&chip, &[0x92]);
    assert!(level());
    hear(&chip, "123#00");
    assert!(!level());
    chip.reset();
    assert!(level());
}

/// The offer of what is to be sent, without a bus.
#[test]
fn the_bus_is_offered_one_frame_after_another() {
    let chip = chip_in(Mode::Normal);
    let frame = |data: u8| Frame::new(Id::standard(1).unwrap(), &[data]).unwrap();
    for buffer in [0, 1, 2] {
        let [] = send(&chip, &[0x40 | buffer << 1, 0, 0x20, 0, 0, 1, buffer]);
    }
    let [] = send(&chip, &[0x83]);
    let mut bus = Controller::at(Time::ZERO);
    chip.clone().act(&mut bus);
    assert_eq!(bus.take_sent(), [frame(1)]);
    // Another one with the same priority waits, one with a higher one goes first.
    write(&chip, TXB[0], &[0x09]);
    chip.clone().act(&mut bus);
    assert_eq!(bus.take_sent(), [frame(0)]);
    chip.clone().sent(&frame(0), &mut bus);
    assert_eq!(bus.take_sent(), [frame(1)]);
    assert_eq!(read(&chip, TXB[0]), 0x01);
    assert_eq!(read(&chip, CANINTF), 0x04);
    chip.clone()
        .failed(&frame(1), Failure::LostArbitration, &mut bus);
    assert_eq!(read(&chip, TXB[1]), 0x28, "it is tried again");
    assert_eq!(bus.take_sent(), [frame(1)]);
    chip.clone()
        .failed(&frame(1), Failure::NoAcknowledge, &mut bus);
    assert_eq!(read(&chip, TXB[1]), 0x38);
    assert_eq!(read(&chip, CANINTF), 0x84);
    assert_eq!(bus.take_sent(), [frame(1)]);
    // In one-shot mode it is not.
    let [] = send(&chip, &[BIT_MODIFY, CANCTRL, 0x08, 0x08]);
    chip.clone().failed(&frame(1), Failure::Error, &mut bus);
    assert_eq!(read(&chip, TXB[1]), 0x70);
    assert_eq!(bus.take_sent(), []);
}

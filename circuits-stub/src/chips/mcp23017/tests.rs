use super::*;
use crate::{Net, Stub};

fn write(chip: &mut Mcp23017, bytes: &[u8]) {
    chip.start(Transfer::Write, Time::ZERO);
    for byte in bytes {
        assert_eq!(chip.write(*byte), Acknowledge::Yes);
    }
    chip.stop(Time::ZERO);
}

fn read(chip: &mut Mcp23017, register: u8, count: usize) -> Vec<u8> {
    write(chip, &[register]);
    chip.start(Transfer::Read, Time::ZERO);
    (0..count).map(|_| chip.read()).collect()
}

/// A board with lines for INTA and INTB, and a chip on it.
fn wired() -> (Stub, Mcp23017) {
    let stub = Stub::virtual_time().lines(["A", "B"]);
    let chip = Mcp23017::new()
        .inta(stub.pin("A").unwrap())
        .intb(stub.pin("B").unwrap());
    (stub, chip)
}

fn interrupts(stub: &Stub) -> [bool; 2] {
    ["A", "B"].map(|line| stub.level(line).unwrap())
}

/// The registers at reset, and that 0 comes after 0x15.
#[test]
fn resets_as_the_datasheet_says() {
    let mut chip = Mcp23017::new();
    let mut registers = vec![0; 23];
    (registers[0], registers[1], registers[22]) = (0xff, 0xff, 0xff);
    assert_eq!(read(&mut chip, 0, 23), registers);
}

/// The register addresses of both.
#[test]
fn banks_are_two_arrangements_of_the_same() {
    let mut chip = Mcp23017::new();
    write(&mut chip, &[0, 0x0f, 0xf0, 1, 2]);
    write(&mut chip, &[0x0b, BANK]);
    assert_eq!(read(&mut chip, 0x00, 2), [0x0f, 1]);
    assert_eq!(read(&mut chip, 0x10, 2), [0xf0, 2]);
    assert_eq!(read(&mut chip, 0x05, 1), [BANK]);
    assert_eq!(read(&mut chip, 0x1a, 2), [0, 0x0f]);
    write(&mut chip, &[0x15, SEQOP]);
    assert_eq!(read(&mut chip, 0x0a, 1), [SEQOP]);
}

#[test]
fn without_a_sequence_the_pointer_stays() {
    let mut chip = Mcp23017::new();
    write(&mut chip, &[0x0a, SEQOP]);
    write(&mut chip, &[0x14, 1, 2, 3]);
    assert_eq!(read(&mut chip, 0x14, 3), [3, 2, 3], "within the pair");
    write(&mut chip, &[0x0a, SEQOP | BANK]);
    write(&mut chip, &[0x0a, 7, 8]);
    assert_eq!(read(&mut chip, 0x0a, 2), [8, 8]);
}

#[test]
fn pins_are_what_drives_them() {
    let mut chip = Mcp23017::new();
    chip.set_input(0, true);
    chip.set_input(3, false);
    chip.set_input(16, true);
    write(&mut chip, &[0x0c, 0x0a]);
    assert_eq!(read(&mut chip, 0x12, 1), [0x03], "driven, and pulled up");
    assert_eq!(
        [1, 3, 0, 16].map(|pin| chip.pull_up(pin)),
        [true, true, false, false]
    );
    write(&mut chip, &[0x02, 0x01]);
    assert_eq!(read(&mut chip, 0x12, 1), [0x02], "inverted");
    chip.let_go(0);
    assert_eq!(read(&mut chip, 0x12, 1), [0x03]);
}

#[test]
fn outputs_follow_their_latch() {
    let mut chip = Mcp23017::new();
    write(&mut chip, &[0x13, 0xaa]);
    assert_eq!(chip.output(9), None);
    write(&mut chip, &[0x01, 0x0f]);
    assert_eq!(
        [9, 12, 13, 16].map(|pin| chip.output(pin)),
        [None, Some(false), Some(true), None]
    );
    chip.set_input(13, false);
    assert_eq!(read(&mut chip, 0x13, 1), [0xa0], "the chip drives it");
    assert_eq!(read(&mut chip, 0x15, 1), [0xaa]);
}

/// Figure 3-8.
#[test]
fn a_change_is_captured_until_it_is_read() {
    let (stub, mut chip) = wired();
    assert_eq!(interrupts(&stub), [true, true]);
    write(&mut chip, &[0x04, 0x03]);
    chip.set_input(0, true);
    assert_eq!(interrupts(&stub), [false, true]);
    chip.set_input(1, true);
    chip.set_input(2, true);
    assert_eq!(read(&mut chip, 0x0e, 1), [0x01]);
    assert_eq!(read(&mut chip, 0x10, 1), [0x01]);
    assert_eq!(read(&mut chip, 0x0e, 1), [0x02], "what came meanwhile");
    assert_eq!(read(&mut chip, 0x12, 1), [0x07]);
    assert_eq!(interrupts(&stub), [true, true]);
    assert_eq!(read(&mut chip, 0x10, 1), [0x07], "kept");
    chip.set_input(2, false);
    assert_eq!(interrupts(&stub), [true, true], "not enabled");
    write(&mut chip, &[0x00, 0xfc]);
    write(&mut chip, &[0x12, 0x00]);
    assert_eq!(interrupts(&stub), [true, true], "outputs");
}

#[test]
fn a_change_from_before_it_was_asked_for_is_none() {
    let (stub, mut chip) = wired();
    write(&mut chip, &[0x04, 0x01]);
    chip.set_input(0, true);
    chip.set_input(1, true);
    write(&mut chip, &[0x04, 0x03]);
    assert_eq!(read(&mut chip, 0x10, 1), [0x01]);
    assert_eq!(interrupts(&stub), [true, true]);
}

/// Figure 3-9: as long as the pin is not as it should be.
#[test]
fn a_default_is_missed_until_it_is_there() {
    let (stub, mut chip) = wired();
    write(&mut chip, &[0x07, 0x80]);
    write(&mut chip, &[0x09, 0x80]);
    chip.set_input(15, true);
    write(&mut chip, &[0x05, 0x80]);
    assert_eq!(interrupts(&stub), [true, true]);
    chip.set_input(15, false);
    assert_eq!(read(&mut chip, 0x13, 1), [0]);
    assert_eq!(interrupts(&stub), [true, false]);
    chip.set_input(15, true);
    assert_eq!(interrupts(&stub), [true, false], "until it is read");
    read(&mut chip, 0x13, 1);
    assert_eq!(interrupts(&stub), [true, true]);
}

#[test]
fn interrupt_pins_are_as_configured() {
    let (stub, mut chip) = wired();
    write(&mut chip, &[0x05, 0x01]);
    chip.set_input(8, true);
    assert_eq!(interrupts(&stub), [true, false]);
    write(&mut chip, &[0x0a, MIRROR]);
    assert_eq!(interrupts(&stub), [false, false]);
    write(&mut chip, &[0x0a, INTPOL]);
    assert_eq!(interrupts(&stub), [false, true]);
    write(&mut chip, &[0x0a, ODR | INTPOL]);
    assert_eq!(stub.net("B").unwrap(), Net::Driven(false), "active");
    read(&mut chip, 0x11, 1);
    assert_eq!(stub.net("B").unwrap(), Net::Floating, "let go");
}

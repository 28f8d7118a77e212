use std::sync::Arc;

use embedded_hal::spi::{Operation, SpiBus, SpiDevice};

use super::{
    Bench, JEDEC_ID, READ, assert_is_flash, at, config, erase, flash, id, nobody, program, read,
};
use crate::{Bus, ChipSelect, Device, Error, ErrorKind};

pub(super) fn too_much_is_refused_before_anything_moves(bench: Arc<dyn Bench>) {
    let mut device = flash(&*bench);
    let limits = device.limits();
    let mut buffer = vec![0xaa; limits.bytes + 1];
    let error = device.read(&mut buffer).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    let Error::Limit { limit, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(limit, limits.bytes);
    assert!(buffer.iter().all(|byte| *byte == 0xaa));
    let error = device.write(&buffer).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    let error = device.transfer_in_place(&mut buffer).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    let mut operations = [Operation::Write(&[JEDEC_ID]), Operation::Read(&mut buffer)];
    let error = device.transaction(&mut operations).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    // Transfers of no length do not count as bytes.
    let mut many: Vec<Operation<'_, u8>> = Vec::new();
    many.resize_with(limits.transfers + 1, || Operation::DelayNs(1));
    let error = device.transaction(&mut many).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(error.to_string().contains("511"), "{error}");
    many.pop();
    device.transaction(&mut many).unwrap();
    assert_is_flash(id(&mut device));
}

/// Each transfer takes as much of spidev's buffer as the machine's DMA wants: of one byte each, some
/// thirty fill it.
pub(super) fn small_neighbours_fit(bench: Arc<dyn Bench>) {
    let mut device = flash(&*bench);
    let command = at(READ, 0x10);
    let mut bytes = [0; 1000];
    let mut operations: Vec<Operation<'_, u8>> = Vec::new();
    operations.extend(command.chunks(1).map(Operation::Write));
    operations.extend(bytes.chunks_mut(1).map(Operation::Read));
    device.transaction(&mut operations).unwrap();
    let mut plain = [0; 1000];
    read(&mut device, 0x10, &mut plain);
    assert_eq!(bytes, plain);
}

pub(super) fn more_than_a_message_is_split_if_it_may(bench: Arc<dyn Bench>) {
    let config = config().split(true);
    let mut device = Device::open_on(bench.backend(), bench.nobody(), &config).unwrap();
    let len = device.limits().bytes * 2 + 7;
    let mut bytes = vec![0x55; len];
    device.read(&mut bytes).unwrap();
    // It has all been read, whatever it was: nobody is there.
    assert!(bytes.iter().all(|byte| *byte == bytes[0]) && bytes[0] != 0x55);
    device.write(&bytes).unwrap();
    let mut mixed = vec![0; len];
    let mut operations = [
        Operation::Write(&bytes),
        Operation::DelayNs(1_000),
        Operation::TransferInPlace(&mut mixed),
        Operation::Read(&mut []),
    ];
    device.transaction(&mut operations).unwrap();
    assert_eq!(mixed, bytes);
}

pub(super) fn a_bus_has_no_longest_message(bench: Arc<dyn Bench>) {
    let config = config().chip_select(ChipSelect::None);
    let mut bus = match Bus::open_on(bench.backend(), bench.nobody(), &config) {
        Ok(bus) => bus,
        // As a Raspberry Pi 5's: its chip select is seen.
        Err(error) => return assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}"),
    };
    let mut bytes = vec![0x55; bus.limits().bytes + 1];
    bus.read(&mut bytes).unwrap();
    assert!(bytes.iter().all(|byte| *byte == bytes[0]) && bytes[0] != 0x55);
    bus.write(&bytes).unwrap();
    let mut short = [0x55; 3];
    bus.transfer(&mut short, &[1]).unwrap();
    bus.transfer(&mut [], &[1]).unwrap();
    bus.transfer_in_place(&mut []).unwrap();
    bus.flush().unwrap();
    assert_eq!(short, [bytes[0]; 3]);
    // With a chip select it would be seen.
    bus.configure(&config.chip_select(ChipSelect::ActiveLow))
        .unwrap();
    assert_eq!(bus.read(&mut bytes).unwrap_err().kind(), ErrorKind::Limit);
}

pub(super) fn the_longest_message_goes(bench: Arc<dyn Bench>) {
    let mut device = flash(&*bench);
    erase(&mut device, 0x2000);
    let end = [0xde, 0xad, 0xbe, 0xef];
    let longest = device.limits().bytes;
    program(&mut device, 0x2000 + longest as u32 - 4, &end);
    // The command is written, so all of the buffer is there to read.
    let mut bytes = vec![0; longest];
    read(&mut device, 0x2000, &mut bytes);
    assert_eq!(bytes[longest - 4..], end);
    nobody(&*bench).transfer_in_place(&mut bytes).unwrap();
}

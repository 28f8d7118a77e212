use std::sync::Arc;

use embedded_hal::i2c::I2c;

use super::blocking::{read, settle, store};
use super::futures::in_task;
use super::{Bench, HIGH, LOW, MEMORY, NOBODY, SENSOR, bus};
use crate::smbus::{Block, Call, Direction, MAX_BLOCK_LEN};
use crate::{ErrorKind, Functions};

pub(super) fn a_word_has_its_low_byte_first(bench: Arc<dyn Bench>) {
    let mut bus = bus(&*bench);
    let mut sensor = bus.smbus(SENSOR).unwrap();
    bus.write(SENSOR, &[HIGH, 0x4b, 0x80]).unwrap();
    assert_eq!(sensor.read_word_data(HIGH).unwrap(), 0x804b);
    sensor.write_word_data(HIGH, 0x002a).unwrap();
    assert_eq!(read(&mut bus, HIGH), [0x2a, 0x00]);
}

pub(super) fn calls_do_what_transactions_do(bench: Arc<dyn Bench>) {
    let mut bus = bus(&*bench);
    let mut sensor = bus.smbus(SENSOR).unwrap();
    bus.write(SENSOR, &[HIGH, 0x4b, 0x80]).unwrap();
    bus.write(SENSOR, &[LOW, 0x12, 0x00]).unwrap();
    sensor.quick(Direction::Write).unwrap();
    sensor.write_byte(LOW).unwrap();
    assert_eq!(sensor.read_byte().unwrap(), 0x12);
    assert_eq!(sensor.read_byte_data(HIGH).unwrap(), 0x4b);
    let mut both = [0; 2];
    sensor.read_i2c_block_data(HIGH, &mut both).unwrap();
    assert_eq!(both, [0x4b, 0x80]);
    sensor.write_i2c_block_data(LOW, &[0x34, 0x80]).unwrap();
    assert_eq!(read(&mut bus, LOW), [0x34, 0x80]);
}

pub(super) fn blocks_have_32_bytes(bench: Arc<dyn Bench>) {
    let mut bus = bus(&*bench);
    let mut memory = bus.smbus(MEMORY).unwrap();
    let mut refused = |len, wanted| {
        let bytes = vec![0; len];
        let kinds = [
            memory.write_i2c_block_data(1, &bytes).unwrap_err().kind(),
            memory.write_block_data(1, &bytes).unwrap_err().kind(),
            memory.block_process_call(1, &bytes).unwrap_err().kind(),
            memory
                .read_i2c_block_data(1, &mut bytes.clone())
                .unwrap_err()
                .kind(),
        ];
        assert_eq!(kinds, [wanted; 4]);
    };
    refused(MAX_BLOCK_LEN + 1, ErrorKind::Limit);
    refused(1000, ErrorKind::Limit);
    refused(0, ErrorKind::Invalid);
    // The command is the first byte of the address, the block the second and what is written.
    store(&bench, &mut bus, [0x04, 0x00], &[0xee; 31]);
    let mut block = [7; MAX_BLOCK_LEN];
    block[0] = 0x00;
    memory.write_i2c_block_data(0x04, &block).unwrap();
    settle(&bench, &mut bus);
    let mut back = [0; 31];
    bus.write_read(MEMORY, &[0x04, 0x00], &mut back).unwrap();
    assert_eq!(back, [7; 31]);
    memory.write_byte_data(0x04, 0x00).unwrap();
    assert_eq!(memory.read_byte().unwrap(), 7);
}

/// At an address where nobody is: what goes to the wire is not acknowledged.
pub(super) fn functions_say_what_goes_to_the_wire(bench: Arc<dyn Bench>) {
    let mut bus = bus(&*bench);
    let functions = bus.functions();
    let wanted = |known| match known {
        true => ErrorKind::NoAcknowledge,
        false => ErrorKind::Unsupported,
    };
    let kind = bus.write(NOBODY, &[0]).unwrap_err().kind();
    assert_eq!(kind, wanted(functions.contains(Functions::I2C)));
    let (command, byte, word, len) = (1, 2, 3, 4);
    let block = Block::new(&[5, 6]).unwrap();
    let mut nobody = bus.smbus(NOBODY).unwrap();
    for call in [
        Call::Quick(Direction::Write),
        Call::ReadByte,
        Call::WriteByte(byte),
        Call::ReadByteData { command },
        Call::WriteByteData { command, byte },
        Call::ReadWordData { command },
        Call::WriteWordData { command, word },
        Call::ProcessCall { command, word },
        Call::ReadBlockData { command },
        Call::WriteBlockData { command, block },
        Call::BlockProcessCall { command, block },
        Call::ReadI2cBlockData { command, len },
        Call::WriteI2cBlockData { command, block },
    ] {
        let kind = nobody.call(call).unwrap_err().kind();
        assert_eq!(
            kind,
            wanted(functions.contains(call.function())),
            "{call:?}"
        );
    }
    assert!(functions.to_string().lines().count() > 10);
}

/// The kernel does not look: i2c-bcm2835 would read a byte where the device says how many come.
pub(super) fn what_the_adapter_cannot_do_is_refused(bench: Arc<dyn Bench>) {
    let bus = bus(&*bench);
    let mut sensor = bus.smbus(SENSOR).unwrap();
    let block = Block::new(&[1]).unwrap();
    for call in [
        Call::ReadBlockData { command: LOW },
        Call::BlockProcessCall {
            command: LOW,
            block,
        },
    ] {
        let result = sensor.call(call);
        if !bus.functions().contains(call.function()) {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.to_string().contains("of SMBus"), "{error}");
        }
    }
    if !bus.functions().contains(Functions::TEN_BIT) {
        let error = bus.ten_bit().smbus(0x123).unwrap().read_byte().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}

/// The sensor knows none: what comes after its two bytes is not theirs.
pub(super) fn a_wrong_packet_error_code_is_told(bench: Arc<dyn Bench>) {
    let mut bus = bus(&*bench);
    bus.write(SENSOR, &[HIGH, 0x4b, 0x80]).unwrap();
    let mut sensor = bus.smbus(SENSOR).unwrap().pec(true);
    if !bus.functions().contains(Functions::PEC) {
        let error = sensor.read_word_data(HIGH).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        return;
    }
    let error = sensor.read_word_data(HIGH).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Pec);
    // A block of I2C has none, and neither has who did not ask for it.
    let mut both = [0; 2];
    sensor.read_i2c_block_data(HIGH, &mut both).unwrap();
    assert_eq!(both, [0x4b, 0x80]);
    let mut sensor = sensor.pec(false);
    assert_eq!(sensor.read_word_data(HIGH).unwrap(), 0x804b);
}

pub(super) fn calls_to_nobody_are_not_acknowledged(bench: Arc<dyn Bench>) {
    let bus = bus(&*bench);
    let mut nobody = bus.smbus(NOBODY).unwrap();
    let kinds = [
        nobody.quick(Direction::Write).unwrap_err().kind(),
        nobody.read_byte().unwrap_err().kind(),
        nobody.write_byte_data(0, 0).unwrap_err().kind(),
        nobody.read_word_data(0).unwrap_err().kind(),
    ];
    assert_eq!(kinds, [ErrorKind::NoAcknowledge; 4]);
    let error = bus.smbus(0x80).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

pub(super) fn calls_are_awaited(bench: Arc<dyn Bench>) {
    let bus = bus(&*bench);
    in_task(&bench, async move {
        let mut sensor = bus.smbus(SENSOR).unwrap();
        for word in [0x004b, 0x802a] {
            let command = HIGH;
            let write = Call::WriteWordData { command, word };
            sensor.call_async(write).await.unwrap();
            let reply = sensor.call_async(Call::ReadWordData { command }).await;
            assert_eq!(reply.unwrap().word(), Some(word));
        }
        let mut nobody = bus.smbus(NOBODY).unwrap();
        let error = nobody.call_async(Call::ReadByte).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoAcknowledge);
    });
}

/// On Linux whom a call is for is a state of the descriptor.
pub(super) fn addresses_of_calls_are_not_mixed_up(bench: Arc<dyn Bench>) {
    let mut bus = bus(&*bench);
    store(&bench, &mut bus, [0x06, 0x00], &[0x5a]);
    bus.write(SENSOR, &[HIGH, 0x4b, 0x80]).unwrap();
    let sensor = {
        let mut sensor = bus.smbus(SENSOR).unwrap();
        move || {
            for _ in 0..30 {
                assert_eq!(sensor.read_word_data(HIGH).unwrap(), 0x804b);
            }
        }
    };
    let nobody = {
        let mut nobody = bus.smbus(NOBODY).unwrap().pec(true);
        move || {
            for _ in 0..30 {
                let kind = nobody.read_byte().unwrap_err().kind();
                assert!(matches!(
                    kind,
                    ErrorKind::NoAcknowledge | ErrorKind::Unsupported
                ));
            }
        }
    };
    let memory = {
        let mut memory = bus.smbus(MEMORY).unwrap();
        move || {
            for _ in 0..30 {
                memory.write_byte_data(0x06, 0x00).unwrap();
                assert_eq!(memory.read_byte().unwrap(), 0x5a);
            }
        }
    };
    bench.run(vec![
        ("sensor", Box::new(sensor)),
        ("nobody", Box::new(nobody)),
        ("memory", Box::new(memory)),
    ]);
}

use super::*;
use crate::Stub;

fn at(micros: u64) -> Time {
    Time::ZERO + Duration::from_micros(micros)
}

fn write(chip: &mut Lis3dh, time: Time, bytes: &[u8]) {
    use i2c::Device;
    chip.start(Transfer::Write, time);
    for byte in bytes {
        assert_eq!(chip.write(*byte), Acknowledge::Yes);
    }
    chip.stop(time);
}

fn read(chip: &mut Lis3dh, time: Time, register: u8, count: usize) -> Vec<u8> {
    use i2c::Device;
    chip.start(Transfer::Write, time);
    assert_eq!(chip.write(register | 0x80), Acknowledge::Yes);
    chip.start(Transfer::Read, time);
    let bytes = (0..count).map(|_| chip.read()).collect();
    chip.stop(time);
    bytes
}

fn spi(chip: &mut Lis3dh, time: Time, bytes: &[u8]) -> Vec<u8> {
    use spi::Device;
    chip.select(time);
    let read = bytes.iter().map(|byte| chip.transfer(*byte)).collect();
    chip.deselect(time);
    read
}

fn out(chip: &mut Lis3dh, time: Time) -> [i16; 3] {
    let bytes = read(chip, time, OUT_X_L, 6);
    [0, 2, 4].map(|n| i16::from_le_bytes([bytes[n], bytes[n + 1]]))
}

/// The register address map, and the values after reset.
#[test]
fn resets_as_the_datasheet_says() {
    let mut chip = Lis3dh::new();
    let mut expected = [0; 0x40];
    (expected[0x0f], expected[0x1e], expected[0x20]) = (0x33, 0x10, 0x07);
    expected[0x2f] = 0x20;
    assert_eq!(read(&mut chip, at(0), 0, 0x40), expected);
    write(&mut chip, at(0), &[WHO_AM_I, 0]);
    assert_eq!(read(&mut chip, at(0), WHO_AM_I, 1), [0x33]);
    write(&mut chip, at(0), &[CTRL_REG5, BOOT | FIFO_EN]);
    assert_eq!(read(&mut chip, at(0), CTRL_REG5, 1), [FIFO_EN]);
}

/// Application note AN3308's output data, with ±2 g in twelve bits. It has 0x4000 for 1 g, which is
/// 1.024 g with the 1 mg a digit of the datasheet.
#[test]
fn accelerations_are_those_of_the_datasheet() {
    let mut chip = Lis3dh::new();
    write(&mut chip, at(0), &[CTRL_REG1, 0x57]);
    write(&mut chip, at(0), &[CTRL_REG4, HR]);
    for (g, high, low) in [
        (0.0, 0x00, 0x00),
        (0.35, 0x15, 0xe0),
        (1.0, 0x3e, 0x80),
        (1.024, 0x40, 0x00),
        (-0.35, 0xea, 0x20),
        (-1.024, 0xc0, 0x00),
        (9.0, 0x7f, 0xf0),
        (-9.0, 0x80, 0x00),
    ] {
        chip.set_g([g, 0.0, 0.0]);
        let now = chip.lock().now + Duration::from_millis(10);
        assert_eq!(read(&mut chip, now, OUT_X_L, 2), [low, high], "{g} g");
    }
}

/// The sensitivities of the mechanical characteristics, in mg a digit.
#[test]
fn ranges_and_resolutions_have_their_sensitivity() {
    let modes = [(0x57, HR, 4), (0x57, 0, 6), (0x5f, 0, 8)];
    let sensitivities = [
        [1.0, 4.0, 16.0],
        [2.0, 8.0, 32.0],
        [4.0, 16.0, 64.0],
        [12.0, 48.0, 192.0],
    ];
    for (range, sensitivities) in (0..).zip(sensitivities) {
        for ((ctrl_reg1, hr, shift), sensitivity) in modes.into_iter().zip(sensitivities) {
            let mut chip = Lis3dh::new();
            write(&mut chip, at(0), &[CTRL_REG4, range << 4 | hr]);
            write(&mut chip, at(0), &[CTRL_REG1, ctrl_reg1]);
            chip.set_g([sensitivity * 0.007, sensitivity * -0.007, 0.0]);
            let digits = out(&mut chip, at(10_000));
            assert_eq!(digits, [7 << shift, -7 << shift, 0], "{range} {shift}");
        }
    }
}

#[test]
fn samples_come_at_the_data_rate() {
    let mut chip = Lis3dh::following(|time| [time.as_nanos() as f32 / 1e9, 0.0, 0.0]);
    let status = |time, chip: &mut Lis3dh| read(chip, time, STATUS_REG, 1)[0];
    write(&mut chip, at(0), &[CTRL_REG4, HR]);
    write(&mut chip, at(0), &[CTRL_REG1, 0x57]);
    assert_eq!(status(at(9_999), &mut chip), 0);
    assert_eq!(status(at(10_000), &mut chip), 0x0f);
    assert_eq!(out(&mut chip, at(15_000))[0], 10 << 4);
    assert_eq!(status(at(15_000), &mut chip), 0);
    assert_eq!(status(at(30_000), &mut chip), 0xff, "one was lost");
    assert_eq!(read(&mut chip, at(30_000), 0x29, 1), [(30 << 4 >> 8) as u8]);
    assert_eq!(status(at(30_000), &mut chip), 0xee, "all but x");
    write(&mut chip, at(30_000), &[CTRL_REG1, 0x07]);
    assert_eq!(out(&mut chip, at(90_000))[0], 30 << 4, "power-down");
    write(&mut chip, at(100_000), &[CTRL_REG1, 0x27]);
    assert_eq!(status(at(199_999), &mut chip), 0, "10 Hz");
    assert_eq!(status(at(200_000), &mut chip), 0x0f);
}

#[test]
fn a_half_read_axis_waits_with_bdu() {
    let mut chip = Lis3dh::new();
    write(&mut chip, at(0), &[CTRL_REG4, HR | BDU]);
    write(&mut chip, at(0), &[CTRL_REG1, 0x57]);
    assert_eq!(read(&mut chip, at(10_000), 0x2c, 1), [0x80]);
    chip.set_g([0.0, 0.0, -1.0]);
    assert_eq!(read(&mut chip, at(20_000), 0x2d, 1), [0x3e]);
    assert_eq!(out(&mut chip, at(30_000))[2], -1000 << 4);
    write(&mut chip, at(30_000), &[CTRL_REG4, HR | BLE]);
    assert_eq!(read(&mut chip, at(40_000), 0x2c, 2), [0xc1, 0x80]);
}

#[test]
fn the_thermometer_is_the_third_analog_channel() {
    let mut chip = Lis3dh::new();
    chip.set_celsius(18.0);
    write(&mut chip, at(0), &[CTRL_REG1, 0x57]);
    assert_eq!(read(&mut chip, at(20_000), OUT_ADC3_L, 2), [0, 0]);
    write(&mut chip, at(20_000), &[TEMP_CFG_REG, 0xc0]);
    assert_eq!(read(&mut chip, at(40_000), OUT_ADC3_L, 2), [0, 0xf9]);
}

#[test]
fn the_fifo_keeps_the_first_samples_or_the_last() {
    // As many digits as samples.
    let ramp = || Lis3dh::following(|time| [time.as_nanos() as f32 / 1e10, 0.0, 0.0]);
    for (mode, expected) in [(0x40, [1, 2]), (0x80, [69, 70])] {
        let mut chip = ramp();
        write(&mut chip, at(0), &[CTRL_REG4, HR]);
        write(&mut chip, at(0), &[CTRL_REG5, FIFO_EN]);
        write(&mut chip, at(0), &[FIFO_CTRL_REG, mode | 3]);
        write(&mut chip, at(0), &[CTRL_REG1, 0x57]);
        let mut source = |millis: u64| read(&mut chip, at(millis * 1000), FIFO_SRC_REG, 1)[0];
        assert_eq!(
            [0, 10, 30, 40, 310, 320].map(&mut source),
            [0x20, 1, 3, 0x84, 0x9f, 0xdf]
        );
        assert_eq!(source(1000), 0xdf);
        let burst = read(&mut chip, at(1_000_000), OUT_X_L, 12);
        let x = [0, 6].map(|n| i16::from_le_bytes([burst[n], burst[n + 1]]) >> 4);
        assert_eq!(x, expected, "{mode:#x}");
        assert_eq!(read(&mut chip, at(1_000_000), FIFO_SRC_REG, 1), [0x9e]);
        write(&mut chip, at(1_000_000), &[FIFO_CTRL_REG, 0]);
        assert_eq!(
            read(&mut chip, at(1_000_000), FIFO_SRC_REG, 1)[0] & 0x3f,
            0x20
        );
    }
}

/// A board in virtual time with a line for INT1, and a chip at 100 Hz.
fn wired(ctrl_reg3: u8) -> (Stub, Lis3dh) {
    let stub = Stub::virtual_time().lines(["INT1"]);
    let mut chip = Lis3dh::new().int1(stub.pin("INT1").unwrap());
    write(&mut chip, at(0), &[CTRL_REG3, ctrl_reg3]);
    write(&mut chip, at(0), &[CTRL_REG1, 0x57]);
    (stub, chip)
}

fn level(stub: &Stub, micros: u64) -> bool {
    let now = stub.clock().now();
    stub.delay().sleep(at(micros).since(now)).unwrap();
    stub.level("INT1").unwrap()
}

#[test]
fn int1_tells_of_data_until_it_is_read() {
    let (stub, mut chip) = wired(I1_ZYXDA);
    assert_eq!(
        [9_999, 10_000, 14_999].map(|t| level(&stub, t)),
        [false, true, true]
    );
    out(&mut chip, at(15_000));
    assert_eq!(
        [15_000, 19_999, 20_000].map(|t| level(&stub, t)),
        [false, false, true]
    );
    read(&mut chip, at(21_000), STATUS_REG, 1);
    assert!(level(&stub, 21_000), "nobody has read it");
    write(&mut chip, at(22_000), &[CTRL_REG6, INT_POLARITY]);
    assert!(!level(&stub, 22_000));
    out(&mut chip, at(23_000));
    assert!(level(&stub, 23_000));
}

#[test]
fn int1_tells_of_data_that_came_during_a_transaction() {
    let (stub, chip) = wired(I1_ZYXDA);
    // It is over in 12 ms, and knows by then of the data after 10.
    chip.lock().start(at(9_000));
    chip.lock().stop(at(12_000));
    assert_eq!([9_999, 10_000].map(|t| level(&stub, t)), [false, true]);
    let (stub, mut chip) = wired(I1_ZYXDA);
    out(&mut chip, at(12_000));
    assert_eq!(
        [9_999, 10_000, 12_000].map(|t| level(&stub, t)),
        [false, true, false]
    );
}

#[test]
fn int1_lets_go_between_what_was_read_and_what_came_meanwhile() {
    use i2c::Device;
    let (stub, mut chip) = wired(I1_ZYXDA);
    write(&mut chip, at(12_000), &[OUT_X_L | 0x80]);
    chip.start(Transfer::Read, at(12_000));
    (0..6).for_each(|_| {
        chip.read();
    });
    chip.stop(at(21_000));
    let levels = [10_000, 12_000, 19_999, 20_000].map(|t| level(&stub, t));
    assert_eq!(levels, [true, false, false, true]);
}

#[test]
fn int1_tells_of_the_fifo() {
    let (stub, mut chip) = wired(I1_WTM);
    write(&mut chip, at(0), &[CTRL_REG5, FIFO_EN]);
    write(&mut chip, at(0), &[FIFO_CTRL_REG, 0x80 | 9]);
    assert_eq!([99_999, 100_000].map(|t| level(&stub, t)), [false, true]);
    read(&mut chip, at(101_000), OUT_X_L, 60);
    assert_eq!(
        [101_000, 199_999, 200_000].map(|t| level(&stub, t)),
        [false, false, true]
    );
    write(&mut chip, at(200_000), &[CTRL_REG3, I1_OVERRUN]);
    assert_eq!(
        [200_000, 419_999, 420_000].map(|t| level(&stub, t)),
        [false, false, true]
    );
}

#[test]
fn spi_has_the_direction_and_the_increment_in_the_first_byte() {
    let mut chip = Lis3dh::new();
    assert_eq!(spi(&mut chip, at(0), &[0x8f, 0]), [0xff, 0x33]);
    spi(&mut chip, at(0), &[0x60, 0x57, 1, 2, 8]);
    assert_eq!(
        spi(&mut chip, at(0), &[0xe0, 0, 0, 0, 0]),
        [0xff, 0x57, 1, 2, 8]
    );
    assert_eq!(spi(&mut chip, at(0), &[0xa0, 0, 0]), [0xff, 0x57, 0x57]);
    assert_eq!(
        spi(&mut chip, at(10_000), &[0xec, 0, 0]),
        [0xff, 0x80, 0x3e]
    );
}

use super::*;

fn send(chip: &mut Pca9685, time: Time, bytes: &[u8]) {
    chip.start(Transfer::Write, time);
    for byte in bytes {
        assert_eq!(chip.write(*byte), Acknowledge::Yes);
    }
}

fn write(chip: &mut Pca9685, time: Time, bytes: &[u8]) {
    send(chip, time, bytes);
    chip.stop(time);
}

fn read(chip: &mut Pca9685, register: u8) -> u8 {
    send(chip, Time::ZERO, &[register]);
    chip.start(Transfer::Read, Time::ZERO);
    chip.read()
}

fn at(micros: u64) -> Time {
    Time::ZERO + Duration::from_micros(micros)
}

/// Awake, with auto-increment.
fn awake() -> Pca9685 {
    let mut chip = Pca9685::new();
    write(&mut chip, at(0), &[0, AI]);
    chip
}

/// Tables 4 to 8.
#[test]
fn resets_as_the_datasheet_says() {
    let mut chip = Pca9685::new();
    let registers = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x45, 0xfa, 0xfd, 0xfe];
    assert_eq!(
        registers.map(|register| read(&mut chip, register)),
        [
            0x11, 0x04, 0xe2, 0xe4, 0xe8, 0xe0, 0, 0, 0, 0x10, 0x10, 0, 0, 0x1e
        ]
    );
    assert_eq!((chip.duty(15), chip.duty(16)), (Some(0.0), None));
}

#[test]
fn reserved_bits_stay_zero() {
    let mut chip = Pca9685::new();
    for (register, kept) in [(1, 0x1f), (2, 0xfe), (5, 0xfe), (7, 0x1f), (8, 0xff)] {
        write(&mut chip, at(0), &[register, 0xff]);
        assert_eq!(read(&mut chip, register), kept, "{register:#x}");
    }
}

#[test]
fn reserved_registers_are_refused() {
    let mut chip = Pca9685::new();
    let mut point = |register| {
        chip.start(Transfer::Write, at(0));
        chip.write(register) == Acknowledge::Yes
    };
    assert_eq!(
        [0x45, 0x46, 0xf9, 0xfa].map(&mut point),
        [true, false, false, true]
    );
}

/// Examples 1 and 2 of section 7.3.3: 10 % delay with 20 % on, 90 % delay with 90 % on.
#[test]
fn outputs_are_on_between_the_counts() {
    let mut chip = awake();
    write(&mut chip, at(0), &[6, 0x99, 0x01, 0xcc, 0x04]);
    write(&mut chip, at(0), &[10, 0x65, 0x0e, 0xcb, 0x0c]);
    assert_eq!(chip.duty(0), Some(f64::from(0x4cc - 0x199) / 4096.0));
    assert_eq!(chip.duty(1), Some(f64::from(0xccb - 0xe65 + 4096) / 4096.0));
    write(&mut chip, at(0), &[1, OUTDRV | INVRT]);
    assert_eq!(chip.duty(0), Some(1.0 - f64::from(0x4cc - 0x199) / 4096.0));
}

#[test]
fn full_off_is_stronger_than_full_on() {
    let mut chip = awake();
    write(&mut chip, at(0), &[6, 0, FULL, 0, 0]);
    assert_eq!(chip.duty(0), Some(1.0));
    write(&mut chip, at(0), &[6, 0, FULL, 0, FULL]);
    assert_eq!(chip.duty(0), Some(0.0));
}

/// Section 7.3.5: 200 Hz is 0x1e with 25 MHz.
#[test]
fn the_prescaler_is_taken_in_sleep() {
    let mut chip = awake();
    assert_eq!(chip.frequency().round(), 197.0);
    write(&mut chip, at(0), &[PRE_SCALE, 121]);
    assert_eq!(read(&mut chip, PRE_SCALE), 0x1e, "awake");
    write(&mut chip, at(0), &[0, AI | SLEEP]);
    assert_eq!(chip.frequency(), 0.0);
    write(&mut chip, at(0), &[PRE_SCALE, 121]);
    write(&mut chip, at(0), &[0, AI]);
    assert_eq!(chip.frequency().round(), 50.0);
    write(&mut chip, at(0), &[0, AI | SLEEP]);
    write(&mut chip, at(0), &[PRE_SCALE, 0]);
    assert_eq!(read(&mut chip, PRE_SCALE), 3, "1526 Hz at most");
}

#[test]
fn outputs_change_at_the_stop_or_with_the_fourth_byte() {
    let mut chip = awake();
    send(&mut chip, at(0), &[6, 0, 0, 0, 8]);
    assert_eq!(chip.duty(0), Some(0.0));
    chip.stop(at(0));
    assert_eq!(chip.duty(0), Some(0.5));
    write(&mut chip, at(0), &[1, OUTDRV | OCH]);
    write(&mut chip, at(0), &[6, 0, 4, 0]);
    assert_eq!(chip.duty(0), Some(0.5));
    send(&mut chip, at(0), &[9, 5]);
    assert_eq!(chip.duty(0), Some(0.0625));
}

#[test]
fn registers_follow_each_other_with_auto_increment() {
    let mut chip = awake();
    write(&mut chip, at(0), &[ALL_LED, 0, 0, 0, 8]);
    assert!((0..16).all(|channel| chip.duty(channel) == Some(0.5)));
    write(&mut chip, at(0), &[0x45, 4, AI | ALLCALL]);
    assert_eq!(read(&mut chip, 0), AI | ALLCALL, "0 comes after 0x45");
    write(&mut chip, at(0), &[0, 0]);
    write(&mut chip, at(0), &[6, 1, 2, 3]);
    assert_eq!([read(&mut chip, 6), read(&mut chip, 7)], [3, 0]);
}

#[test]
fn channels_are_started_again_after_sleep() {
    let mut chip = awake();
    write(&mut chip, at(0), &[6, 0, 0, 0, 8]);
    write(&mut chip, at(1000), &[0, AI | SLEEP]);
    assert_eq!(read(&mut chip, 0), RESTART | AI | SLEEP);
    assert_eq!(chip.duty(0), Some(0.0));
    write(&mut chip, at(2000), &[0, AI]);
    assert_eq!(chip.duty(0), Some(0.0), "awake, but not started");
    write(&mut chip, at(2499), &[0, RESTART | AI]);
    assert_eq!(chip.duty(0), Some(0.0), "the oscillator does not run yet");
    write(&mut chip, at(2500), &[0, RESTART | AI]);
    assert_eq!((read(&mut chip, 0), chip.duty(0)), (AI, Some(0.5)));
    // A write to a channel starts them, too.
    write(&mut chip, at(3000), &[0, AI | SLEEP]);
    write(&mut chip, at(4000), &[0, AI]);
    write(&mut chip, at(5000), &[10, 0, 0, 0, 8]);
    assert_eq!((chip.duty(0), chip.duty(1)), (Some(0.5), Some(0.5)));
}

#[test]
fn the_external_clock_stays() {
    let mut chip = Pca9685::new().external_clock(50e6);
    write(&mut chip, at(0), &[0, SLEEP | EXTCLK]);
    write(&mut chip, at(0), &[0, 0]);
    assert_eq!(read(&mut chip, 0), EXTCLK);
    assert_eq!(chip.frequency().round(), 394.0);
}

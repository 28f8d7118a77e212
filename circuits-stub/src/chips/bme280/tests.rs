use super::compensation::{H, fine_temperature, pressure};
use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};

fn at(millis: u64) -> Time {
    Time::ZERO + Duration::from_millis(millis)
}

fn write(chip: &mut Bme280, time: Time, bytes: &[u8]) {
    use i2c::Device;
    chip.start(Transfer::Write, time);
    for byte in bytes {
        assert_eq!(chip.write(*byte), Acknowledge::Yes);
    }
    chip.stop(time);
}

fn read(chip: &mut Bme280, time: Time, register: u8, count: usize) -> Vec<u8> {
    use i2c::Device;
    write(chip, time, &[register]);
    chip.start(Transfer::Read, time);
    (0..count).map(|_| chip.read()).collect()
}

fn spi(chip: &mut Bme280, time: Time, bytes: &[u8]) -> Vec<u8> {
    use spi::Device;
    chip.select(time);
    let read = bytes.iter().map(|byte| chip.transfer(*byte)).collect();
    chip.deselect(time);
    read
}

/// Pressure, temperature and humidity.
fn data(chip: &mut Bme280, time: Time) -> [u32; 3] {
    let data = read(chip, time, DATA, 8);
    let word = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0, |word, byte| word << 8 | u32::from(*byte))
    };
    [
        word(&data[..3]) >> 4,
        word(&data[3..6]) >> 4,
        word(&data[6..]),
    ]
}

/// All oversampled ×16, once.
fn measured(chip: &mut Bme280) -> [u32; 3] {
    write(chip, at(0), &[CTRL_HUM, 5, CTRL_MEAS, 0xb5]);
    data(chip, at(98))
}

/// Section 3.12 of BST-BMP280-DS001: 519888 is 25.08 °C, and 415148 then 100653.27 Pa.
#[test]
fn readings_are_those_of_the_example() {
    let mut chip = Bme280::new();
    let t_fine = 128_422.0;
    assert_eq!(fine_temperature(519_888.0).trunc(), t_fine);
    assert!((pressure(415_148.0, t_fine) - 100_653.27).abs() < 0.05);
    chip.set_celsius((t_fine / 5120.0) as f32);
    chip.set_pascals(100_653.27);
    let [pressure, temperature, _] = measured(&mut chip);
    assert!(temperature.abs_diff(519_888) <= 1, "{temperature}");
    assert!(pressure.abs_diff(415_148) <= 1, "{pressure}");
}

/// Section 4.2.3: the formula for humidity in integers, in 1024ths of a per cent.
#[test]
fn humidity_is_what_the_other_formula_says() {
    let chip = Bme280::new();
    for (celsius, humidity) in [(-40.0, 5.0), (0.0, 99.0), (25.0, 45.0), (85.0, 80.0)] {
        chip.set_air(Air {
            celsius,
            humidity,
            pascals: 1e5,
        });
        let [_, _, raw] = measured(&mut chip.clone());
        let v = i64::from((celsius * 5120.0) as i32 - 76800);
        let [h1, h2, h3, h4, h5, h6] = H.map(|h| h as i64);
        let slope = ((((v * h6) >> 10) * (((v * h3) >> 11) + 32768)) >> 10) + 2_097_152;
        let v = (((i64::from(raw) << 14) - (h4 << 20) - h5 * v + 16384) >> 15)
            * ((slope * h2 + 8192) >> 14);
        let v = v - (((((v >> 15) * (v >> 15)) >> 7) * h1) >> 4);
        let percent = (v >> 12) as f32 / 1024.0;
        assert!(
            (percent - humidity).abs() < 0.02,
            "{percent} for {humidity} at {celsius}"
        );
    }
}

#[test]
fn all_that_can_be_measured_has_a_reading() {
    for celsius in [-40.0, 85.0] {
        for (pascals, humidity) in [(30_000.0, 0.0), (110_000.0, 100.0)] {
            let raw = Raw::of(Air {
                celsius,
                humidity,
                pascals,
            });
            let inside = |raw: u32, limit: u32| 0 < raw && raw < limit - 1;
            assert!(inside(raw.temperature, 1 << 20) && inside(raw.pressure, 1 << 20));
            assert!(inside(raw.humidity, 1 << 16));
        }
    }
}

/// Table 16, and the numbers of the example.
#[test]
fn the_calibration_is_where_drivers_look() {
    let mut chip = Bme280::new();
    let bytes = read(&mut chip, at(0), 0x88, 26);
    let mut words = bytes
        .chunks(2)
        .map(|word| i16::from_le_bytes([word[0], word[1]]));
    let (t1, p1) = (27504, 36477_u16 as i16);
    let expected = [
        t1, 26435, -1000, p1, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000,
    ];
    assert!(words.by_ref().take(12).eq(expected));
    assert_eq!(bytes[25], 75);
    // 362, 0, 313 (0x139), 50 (0x032) and 30.
    assert_eq!(
        read(&mut chip, at(0), 0xe1, 7),
        [0x6a, 0x01, 0, 0x13, 0x29, 0x03, 30]
    );
}

/// Table 18.
#[test]
fn resets_as_the_datasheet_says() {
    let mut chip = Bme280::new();
    assert_eq!(read(&mut chip, at(0), ID, 1), [0x60]);
    let reset = [0, 0, 0, 0, 0, 0x80, 0, 0, 0x80, 0, 0, 0x80, 0];
    assert_eq!(read(&mut chip, at(0), CTRL_HUM, 13), reset);
    write(
        &mut chip,
        at(0),
        &[CTRL_HUM, 1, CONFIG, 0x10, CTRL_MEAS, 0x27],
    );
    assert_eq!(read(&mut chip, at(20), CTRL_HUM, 4), [1, 8, 0x27, 0x10]);
    write(&mut chip, at(20), &[RESET, 0xb5]);
    assert_eq!(read(&mut chip, at(20), CTRL_MEAS, 1), [0x27]);
    write(&mut chip, at(20), &[RESET, 0xb6]);
    assert_eq!(read(&mut chip, at(21), STATUS, 1), [1], "im_update");
    assert_eq!(read(&mut chip, at(22), CTRL_HUM, 13), reset);
    assert_eq!(read(&mut chip, at(22), RESET, 1), [0]);
}

/// Appendix B, 9.1: 1 + 2 + 2.5 + 2.5 ms.
#[test]
fn a_forced_measurement_takes_its_time_and_sleeps() {
    let mut chip = Bme280::new();
    write(&mut chip, at(0), &[CTRL_HUM, 1, CTRL_MEAS, 0x25]);
    assert_eq!(read(&mut chip, at(7), STATUS, 2), [8, 0x25]);
    assert_eq!(data(&mut chip, at(7)), [SKIPPED, SKIPPED, SKIPPED >> 4]);
    assert_eq!(read(&mut chip, at(8), STATUS, 2), [0, 0x24]);
    let first = data(&mut chip, at(8));
    assert!(first[0] & 0xf == 0 && first[1] & 0xf == 0, "16 bits each");
    chip.set_celsius(30.0);
    assert_eq!(data(&mut chip, at(9000)), first);
}

#[test]
fn humidity_counts_from_the_next_ctrl_meas() {
    let mut chip = Bme280::new();
    write(&mut chip, at(0), &[CTRL_HUM, 1]);
    write(&mut chip, at(10), &[CTRL_MEAS, 0x25]);
    assert_ne!(data(&mut chip, at(20))[2], SKIPPED >> 4);
    write(&mut chip, at(20), &[CTRL_MEAS, 0x21]);
    write(&mut chip, at(21), &[CTRL_HUM, 0]);
    assert_ne!(data(&mut chip, at(29))[2], SKIPPED >> 4, "not yet");
    write(&mut chip, at(30), &[CTRL_MEAS, 0x21]);
    let [pressure, temperature, humidity] = data(&mut chip, at(40));
    assert_eq!((pressure, humidity), (SKIPPED, SKIPPED >> 4));
    assert_ne!(temperature, SKIPPED);
}

/// Section 3.3.1.
#[test]
fn a_mode_that_comes_during_a_measurement_waits() {
    let mut chip = Bme280::new();
    write(&mut chip, at(0), &[CTRL_MEAS, 0x25]);
    write(&mut chip, at(1), &[CTRL_MEAS, 0x27]);
    write(&mut chip, at(2), &[CTRL_MEAS, 0x00, CTRL_HUM, 1]);
    assert_eq!(read(&mut chip, at(3), CTRL_HUM, 3), [0, 8, 0x25]);
    assert_eq!(read(&mut chip, at(7), CTRL_MEAS, 1), [0x27]);
    assert_eq!(read(&mut chip, at(7), STATUS, 1), [8]);
}

/// 3 ms, then 10 ms of standby.
#[test]
fn normal_mode_measures_again_and_again() {
    let mut chip = Bme280::following(|time| Air {
        celsius: time.as_nanos() as f32 / 1e9,
        humidity: 0.0,
        pascals: 1e5,
    });
    write(&mut chip, at(0), &[CONFIG, 0xc0]);
    write(&mut chip, at(0), &[CTRL_MEAS, 0x23]);
    let mut read_status = |millis| read(&mut chip, at(millis), STATUS, 1)[0];
    assert_eq!(
        [0, 2, 3, 12, 13, 15, 16].map(&mut read_status),
        [8, 8, 0, 0, 8, 8, 0]
    );
    write(&mut chip, at(17), &[CONFIG, 0]);
    assert_eq!(
        read(&mut chip, at(17), CONFIG, 1),
        [0xc0],
        "not in normal mode"
    );
    let [_, temperature, _] = data(&mut chip, at(60_000));
    let celsius = fine_temperature(f64::from(temperature)) / 5120.0;
    assert!((celsius - 59.99).abs() < 0.02, "{celsius}");
}

/// Table 6: how many samples it takes to show three quarters of a step.
#[test]
fn the_filter_is_as_slow_as_the_datasheet_says() {
    for (filter, expected) in [(0, 1), (1, 2), (2, 5), (3, 11), (4, 22)] {
        let mut chip = Bme280::new();
        write(&mut chip, at(0), &[CONFIG, filter << 2]);
        let handle = chip.clone();
        let mut times = (0..).map(|n| at(100 * n));
        let mut measure = || {
            let time = times.next().expect("more");
            write(&mut chip, time, &[CTRL_MEAS, 0xa1]);
            f64::from(data(&mut chip, time + Duration::from_millis(99))[1])
        };
        let from = measure();
        assert_eq!(measure(), from);
        handle.set_celsius(50.0);
        let to = f64::from(Raw::of((handle.lock().surroundings)(at(0))).temperature);
        let reached = |value: f64| (value - from) / (to - from) >= 0.7499;
        let samples = (1..).find(|_| reached(measure()));
        assert_eq!(samples, Some(expected), "filter {filter}");
    }
}

#[test]
fn a_write_of_the_filter_makes_it_forget() {
    let mut chip = Bme280::new();
    let handle = chip.clone();
    let mut measure = |millis, celsius| {
        handle.set_celsius(celsius);
        write(&mut chip, at(millis), &[CONFIG, 4 << 2, CTRL_MEAS, 0xa1]);
        data(&mut chip, at(millis + 99))[1]
    };
    let first = measure(0, 20.0);
    assert_ne!(measure(100, 40.0), first);
    assert_eq!(measure(200, 20.0), first);
}

#[test]
fn a_chip_that_was_forgotten_is_soon_there() {
    static MEASURED: AtomicUsize = AtomicUsize::new(0);
    let mut chip = Bme280::following(|_| {
        MEASURED.fetch_add(1, Ordering::Relaxed);
        Air {
            celsius: 20.0,
            humidity: 40.0,
            pascals: 1e5,
        }
    });
    write(&mut chip, at(0), &[CONFIG, 4 << 2]);
    write(&mut chip, at(0), &[CTRL_MEAS, 0x27]);
    // A cycle is 5.5 + 0.5 ms.
    let after = |micros| at(600_000) + Duration::from_micros(micros);
    let mut is_measuring = |micros| read(&mut chip, after(micros), STATUS, 1) == [8];
    let expected = [true, true, false, true];
    assert_eq!([0, 5_499, 5_500, 6_000].map(&mut is_measuring), expected);
    let measured = MEASURED.load(Ordering::Relaxed);
    assert!((200..1000).contains(&measured), "{measured}");
}

/// Sections 6.3.1 and 6.3.2.
#[test]
fn spi_clears_bit_7_for_writes() {
    let mut chip = Bme280::new();
    assert_eq!(spi(&mut chip, at(0), &[0xd0, 0]), [0xff, 0x60]);
    spi(&mut chip, at(0), &[0x72, 1, 0x74, 0x25]);
    assert_eq!(spi(&mut chip, at(8), &[0xf2, 0, 0, 0]), [0xff, 1, 0, 0x24]);
    assert_ne!(data(&mut chip, at(8))[2], SKIPPED >> 4);
    let calibration = spi(&mut chip, at(8), &[0x88; 7]);
    assert_eq!(calibration[1..], [0x70, 0x6b, 0x43, 0x67, 0x18, 0xfc]);
}

use super::*;

fn at(millis: u64) -> Time {
    Time::ZERO + Duration::from_millis(millis)
}

fn write(chip: &mut Mpu6050, millis: u64, bytes: &[u8]) {
    chip.start(Transfer::Write, at(millis));
    for byte in bytes {
        assert_eq!(Device::write(chip, *byte), Acknowledge::Yes);
    }
    chip.stop(at(millis));
}

fn read<const N: usize>(chip: &mut Mpu6050, millis: u64, register: u8) -> [u8; N] {
    chip.start(Transfer::Write, at(millis));
    Device::write(chip, register);
    chip.start(Transfer::Read, at(millis));
    let bytes = std::array::from_fn(|_| Device::read(chip));
    chip.stop(at(millis));
    bytes
}

/// Accelerations, temperature, rates.
fn data(chip: &mut Mpu6050, millis: u64) -> [i16; 7] {
    let bytes: [u8; 14] = read(chip, millis, ACCEL_XOUT_H);
    std::array::from_fn(|word| i16::from_be_bytes([bytes[2 * word], bytes[2 * word + 1]]))
}

fn awake(motion: Motion) -> Mpu6050 {
    let mut chip = Mpu6050::following(move |_| motion);
    write(&mut chip, 0, &[PWR_MGMT_1, 0]);
    chip
}

const MOTION: Motion = Motion {
    g: [0.5, -0.25, 1.0],
    degrees_a_second: [10.0, -20.0, 100.0],
};

#[test]
fn resets_as_the_register_map_says() {
    let mut chip = Mpu6050::new();
    assert_eq!(read(&mut chip, 0, PWR_MGMT_1), [0x40]);
    assert_eq!(read(&mut chip, 0, WHO_AM_I), [0x68, 0, 0]);
    write(&mut chip, 0, &[PWR_MGMT_1, 0]);
    write(&mut chip, 0, &[GYRO_CONFIG, 0x18, 0x10]);
    assert_eq!(read(&mut chip, 0, GYRO_CONFIG), [0x18, 0x10]);
    write(&mut chip, 0, &[PWR_MGMT_1, DEVICE_RESET]);
    assert_eq!(read(&mut chip, 0, GYRO_CONFIG), [0, 0]);
    assert_eq!(read(&mut chip, 0, PWR_MGMT_1), [0x40]);
}

#[test]
fn asleep_it_measures_nothing() {
    let mut chip = Mpu6050::following(|_| MOTION);
    assert_eq!(data(&mut chip, 1000), [0; 7]);
    write(&mut chip, 1000, &[PWR_MGMT_1, 0]);
    assert_eq!(
        data(&mut chip, 1001),
        [8192, -4096, 16384, -3920, 1310, -2620, 13100]
    );
    write(&mut chip, 1001, &[PWR_MGMT_1, SLEEP]);
    chip.set_motion(Motion::default());
    assert_eq!(data(&mut chip, 1002)[0], 8192);
}

#[test]
fn ranges_are_there_and_end() {
    let mut chip = awake(MOTION);
    // ±2000 °/s, ±16 g.
    write(&mut chip, 0, &[GYRO_CONFIG, 0x18, 0x18]);
    let [x, _, z, _, _, _, turn] = data(&mut chip, 10);
    assert_eq!((x, z, turn), (1024, 2048, 1638));
    write(&mut chip, 10, &[GYRO_CONFIG, 0, 0]);
    chip.set_motion(Motion {
        g: [3.0, -3.0, 0.0],
        degrees_a_second: [300.0, -300.0, 0.0],
    });
    let [x, y, _, _, turn, back, _] = data(&mut chip, 20);
    assert_eq!((x, y, turn, back), (i16::MAX, i16::MIN, i16::MAX, i16::MIN));
}

#[test]
fn samples_come_at_the_sample_rate() {
    let mut chip = Mpu6050::following(|time| Motion {
        g: [(time.as_nanos() / 1_000_000) as f32 / 16384.0, 0.0, 0.0],
        ..Motion::default()
    });
    // 1 kHz by the filter, of which every tenth.
    write(&mut chip, 0, &[SMPLRT_DIV, 9, 3]);
    write(&mut chip, 5, &[PWR_MGMT_1, 0]);
    assert_eq!(read(&mut chip, 14, INT_STATUS), [0]);
    assert_eq!(read(&mut chip, 16, INT_STATUS), [DATA_RDY_INT]);
    assert_eq!(read(&mut chip, 24, INT_STATUS), [0], "read before");
    assert_eq!(data(&mut chip, 24)[0], 15);
    assert_eq!(data(&mut chip, 25)[0], 25);
    assert_eq!(data(&mut chip, 1000)[0], 995);
}

#[test]
fn offsets_are_added() {
    let mut chip = awake(Motion::default());
    let offset = |value: i16| value.to_be_bytes();
    let [[a, b], [c, d]] = [offset(-205), offset(328)];
    write(&mut chip, 0, &[ACCEL_OFFSETS, a, b]);
    write(&mut chip, 0, &[GYRO_OFFSETS + 4, c, d]);
    let [x, _, _, _, _, _, turn] = data(&mut chip, 10);
    assert_eq!((x, turn), (-1640, 1310));
}

#[test]
fn what_is_measured_is_not_written() {
    let mut chip = awake(MOTION);
    let before = data(&mut chip, 1);
    write(&mut chip, 1, &[ACCEL_XOUT_H, 1, 2, 3]);
    assert_eq!(data(&mut chip, 1), before);
    write(&mut chip, 1, &[WHO_AM_I, 7]);
    assert_eq!(read(&mut chip, 1, WHO_AM_I), [0x68]);
}

#[test]
fn the_memory_of_the_processor_is_one_register() {
    let mut chip = awake(MOTION);
    write(&mut chip, 0, &[MEM_R_W, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(read(&mut chip, 0, FIFO_COUNTH), [0, 0]);
    assert_eq!(read(&mut chip, 0, FIFO_R_W), [0, 0, 0]);
}

#[test]
fn without_power_it_forgets_all_and_sleeps() {
    let mut chip = awake(MOTION);
    assert_eq!(data(&mut chip, 1)[2], 16384);
    chip.power(false, at(1));
    chip.power(true, at(2));
    assert_eq!(data(&mut chip, 3), [0; 7]);
}

#[test]
fn the_thermometer_can_be_switched_off() {
    let mut chip = awake(MOTION);
    let before = data(&mut chip, 1)[3];
    write(&mut chip, 1, &[PWR_MGMT_1, TEMP_DIS]);
    chip.set_celsius(40.0);
    assert_eq!(data(&mut chip, 2)[3], before);
    write(&mut chip, 2, &[PWR_MGMT_1, 0]);
    assert_eq!(data(&mut chip, 3)[3], 1180, "40 °C less 36.53, times 340");
}

#[test]
fn a_new_rate_counts_from_when_it_is_set() {
    let mut chip = Mpu6050::following(|time| Motion {
        g: [(time.as_nanos() / 1_000) as f32 / 16384.0, 0.0, 0.0],
        ..Motion::default()
    });
    write(&mut chip, 0, &[PWR_MGMT_1, 0]);
    // Without the filter 8 kHz.
    assert_eq!(data(&mut chip, 1)[0], 1000);
    write(&mut chip, 2, &[SMPLRT_DIV, 79]);
    assert_eq!(read(&mut chip, 2, INT_STATUS), [DATA_RDY_INT]);
    // 100 a second, from 2 ms on.
    assert_eq!(data(&mut chip, 11)[0], 2000);
    assert_eq!(data(&mut chip, 13)[0], 12_000);
    // What resets something is clear again.
    write(&mut chip, 13, &[USER_CTRL, 0x47]);
    assert_eq!(read(&mut chip, 13, USER_CTRL), [0x40]);
}

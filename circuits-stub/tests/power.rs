//! Devices on I2C that lose their power: what they forget, and what they keep.

use std::error::Error;
use std::time::Duration;

use circuits_gpio::{Bias, Input, Output};
use circuits_i2c::{Bus, Config, ErrorKind};
use circuits_stub::chips::{
    Ads1115, At24c, At24cSize, Bme280, Ds3231, Lis3dh, Mcp23017, Mpu6050, Pca9685, Ssd1306, Tmp102,
};
use circuits_stub::i2c::{Device, Fault};
use circuits_stub::registers::RegisterMap;
use circuits_stub::{Net, Stub};
use circuits_wait::Time;
use embedded_hal::i2c::I2c;

type Outcome = Result<(), Box<dyn Error>>;

const MILLIS: fn(u64) -> Duration = Duration::from_millis;

struct Bench {
    stub: Stub,
    bus: Bus,
}

impl Bench {
    /// A board with one device, at 0x48.
    fn with(stub: Stub, device: impl Device + 'static) -> Result<Bench, Box<dyn Error>> {
        let stub = stub.i2c_device("i2c-1", 0x48, device)?;
        let bus = Bus::open_on(&stub, "i2c-1", &Config::new())?;
        Ok(Bench { stub, bus })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), circuits_i2c::Error> {
        self.bus.write(0x48, bytes)
    }

    fn read<const N: usize>(&mut self, register: u8) -> Result<[u8; N], circuits_i2c::Error> {
        let mut bytes = [0; N];
        self.bus.write_read(0x48, &[register], &mut bytes)?;
        Ok(bytes)
    }

    fn power(&self, on: bool) -> circuits_stub::Result<()> {
        self.stub.power_i2c("i2c-1", 0x48, on)
    }

    /// A second without power.
    fn dip(&mut self) -> Outcome {
        self.power(false)?;
        self.stub.delay().sleep(MILLIS(1000))?;
        let error = self.write(&[0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoAcknowledge);
        self.power(true)?;
        Ok(())
    }
}

#[test]
fn a_thermometer_shows_zero_until_it_has_measured() -> Outcome {
    let chip = Tmp102::new();
    chip.set_celsius(35.0);
    let mut bench = Bench::with(Stub::virtual_time(), chip)?;
    bench.write(&[3, 0x60, 0x00])?;
    assert_eq!(bench.read(0)?, [35, 0]);
    bench.dip()?;
    assert_eq!((bench.read(0)?, bench.read(3)?), ([0, 0], [0x50, 0x00]));
    bench.stub.delay().sleep(MILLIS(26))?;
    assert_eq!(bench.read(0)?, [35, 0]);
    Ok(())
}

#[test]
fn a_screen_is_dark_and_noisy() -> Outcome {
    let screen = Ssd1306::new_128x32();
    let mut bench = Bench::with(Stub::virtual_time(), screen.clone())?;
    // Upright and lit, and all of the memory written to.
    let set_up: &[u8] = &[0, 0xa1, 0xc8, 0xda, 0x02, 0x8d, 0x14, 0x20, 0x00, 0xaf];
    bench.write(set_up)?;
    bench.write(&[&[0x40], &[0xff; 128 * 8][..]].concat())?;
    assert!(screen.pixel(7, 7));
    bench.power(false)?;
    assert!(!screen.is_on());
    bench.power(true)?;
    bench.write(set_up)?;
    let lit = (0..128 * 32)
        .filter(|n| screen.pixel(n % 128, n / 128))
        .count();
    assert!((1000..3000).contains(&lit), "noise");
    Ok(())
}

#[test]
fn a_weather_sensor_sleeps() -> Outcome {
    let mut bench = Bench::with(Stub::virtual_time(), Bme280::new())?;
    bench.write(&[0xf2, 1, 0xf5, 0x20, 0xf4, 0x27])?;
    bench.stub.delay().sleep(MILLIS(100))?;
    assert_ne!(bench.read(0xf7)?, [0x80, 0, 0]);
    bench.dip()?;
    assert_eq!(bench.read(0xf3)?, [0x01], "it starts");
    bench.stub.delay().sleep(MILLIS(2))?;
    assert_eq!(bench.read(0xf2)?, [0, 0, 0, 0], "and has no settings");
    assert_eq!(bench.read(0xf7)?, [0x80, 0, 0]);
    assert_eq!(bench.read(0xd0)?, [0x60]);
    Ok(())
}

#[test]
fn servos_stop() -> Outcome {
    let chip = Pca9685::new();
    let mut bench = Bench::with(Stub::virtual_time(), chip.clone())?;
    bench.write(&[0x00, 0x20])?;
    bench.write(&[0x06, 0, 0, 0x33, 0x01])?;
    assert!(chip.duty(0) > Some(0.0));
    bench.power(false)?;
    assert_eq!(chip.duty(0), Some(0.0));
    bench.power(true)?;
    bench.write(&[0x00, 0x20])?;
    assert_eq!(bench.read(0x06)?, [0, 0, 0, 0x10]);
    Ok(())
}

#[test]
fn an_expander_lets_go() -> Outcome {
    let stub = Stub::virtual_time()
        .lines(["INT"])
        .pull("INT", Bias::PullDown)?;
    let chip = Mcp23017::new().inta(stub.pin("INT")?);
    let mut bench = Bench::with(stub, chip.clone())?;
    bench.write(&[0x00, 0xfe])?;
    bench.write(&[0x12, 0x01])?;
    chip.set_input(7, true);
    assert_eq!(chip.output(0), Some(true));
    assert_eq!(bench.stub.net("INT")?, Net::Driven(true));
    bench.power(false)?;
    assert_eq!(chip.output(0), None);
    assert_eq!(bench.stub.net("INT")?, Net::Pulled(false));
    bench.power(true)?;
    assert_eq!(bench.stub.net("INT")?, Net::Driven(true));
    assert_eq!(
        (bench.read(0x00)?, bench.read(0x12)?),
        ([0xff], [0x80]),
        "what is outside stays"
    );
    Ok(())
}

#[test]
fn a_clock_with_a_battery_goes_on() -> Outcome {
    let chip = Ds3231::new();
    let mut bench = Bench::with(Stub::virtual_time(), chip.clone())?;
    chip.set_datetime(bench.stub.clock().now(), [2027, 12, 31, 23, 59, 59])?;
    bench.write(&[0x07, 0x15])?;
    bench.dip()?;
    assert_eq!(bench.read(0)?, [0, 0, 0, 7, 1, 1, 0x28, 0x15]);
    Ok(())
}

#[test]
fn a_memory_keeps_what_was_written() -> Outcome {
    let mut bench = Bench::with(Stub::virtual_time(), At24c::new(At24cSize::C02))?;
    bench.write(&[0, 1, 2, 3])?;
    bench.stub.delay().sleep(MILLIS(5))?;
    assert_eq!(bench.read(1)?, [2]);
    bench.dip()?;
    let mut byte = [0];
    bench.bus.read(0x48, &mut byte)?;
    assert_eq!(byte, [1], "and not where it was");
    Ok(())
}

#[test]
fn a_converter_converts_no_more() -> Outcome {
    let stub = Stub::virtual_time()
        .lines(["ALERT"])
        .pull("ALERT", Bias::PullUp)?;
    let chip = Ads1115::new().alert_pin(stub.pin("ALERT")?);
    chip.set_volts(0, 1.0)?;
    let mut bench = Bench::with(stub, chip)?;
    // AIN0, all the time, and an alert above nothing.
    bench.write(&[3, 0, 1])?;
    bench.write(&[2, 0, 0])?;
    bench.write(&[1, 0x44, 0xe0])?;
    bench.stub.delay().sleep(MILLIS(50))?;
    assert_eq!(bench.read(0)?, [0x3e, 0x80]);
    assert_eq!(bench.stub.net("ALERT")?, Net::Driven(false));
    bench.power(false)?;
    assert_eq!(bench.stub.net("ALERT")?, Net::Pulled(true));
    bench.power(true)?;
    bench.stub.delay().sleep(MILLIS(50))?;
    assert_eq!((bench.read(1)?, bench.read(0)?), ([0x85, 0x83], [0, 0]));
    Ok(())
}

#[test]
fn an_accelerometer_is_powered_down() -> Outcome {
    let stub = Stub::virtual_time().lines(["INT1"]);
    let chip = Lis3dh::new().int1(stub.pin("INT1")?);
    let mut bench = Bench::with(stub, chip)?;
    bench.write(&[0x22, 0x10])?;
    bench.write(&[0x20, 0x57])?;
    bench.stub.delay().sleep(MILLIS(20))?;
    assert_eq!(bench.stub.net("INT1")?, Net::Driven(true));
    bench.power(false)?;
    assert_eq!(bench.stub.net("INT1")?, Net::Floating);
    bench.power(true)?;
    bench.stub.delay().sleep(MILLIS(20))?;
    assert_eq!(bench.stub.net("INT1")?, Net::Driven(false));
    assert_eq!((bench.read(0x20)?, bench.read(0x22)?), ([0x07], [0x00]));
    assert_eq!(bench.read(0x0f)?, [0x33]);
    Ok(())
}

#[test]
fn a_gyroscope_sleeps() -> Outcome {
    let mut bench = Bench::with(Stub::virtual_time(), Mpu6050::new())?;
    bench.write(&[0x6b, 0])?;
    bench.write(&[0x1b, 0x18])?;
    bench.dip()?;
    assert_eq!(
        (bench.read(0x6b)?, bench.read(0x1b)?, bench.read(0x75)?),
        ([0x40], [0], [0x68])
    );
    Ok(())
}

#[test]
fn registers_are_as_they_were_at_first() -> Outcome {
    let chip = RegisterMap::new().initial(0x10, &[1, 2]);
    let mut bench = Bench::with(Stub::virtual_time(), chip)?;
    bench.write(&[0x11, 7, 8])?;
    assert_eq!(bench.read(0x10)?, [1, 7, 8]);
    bench.dip()?;
    assert_eq!(bench.read(0x10)?, [1, 2, 0]);
    Ok(())
}

#[test]
fn a_brown_out_is_over_by_itself() -> Outcome {
    let chip = RegisterMap::new().initial(0, &[9]);
    let mut bench = Bench::with(Stub::virtual_time(), chip)?;
    let recording = bench.stub.record();
    bench
        .stub
        .i2c_fault("i2c-1", Fault::brown_out(MILLIS(100)).at(0x48).after(1))?;
    bench.write(&[0, 1])?;
    for time in [0, 50] {
        bench.stub.delay().sleep(MILLIS(time))?;
        let error = bench.write(&[0, 2]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoAcknowledge);
    }
    let end = Time::from_nanos(100_290_000);
    bench.stub.clock().sleep_until(end)?;
    assert_eq!(bench.read(0)?, [9], "neither 1 nor 2");
    let shown = recording.to_string();
    let power: Vec<&str> = shown
        .lines()
        .filter(|line| line.contains("power"))
        .collect();
    assert_eq!(
        power,
        [
            "0.000290 s  i2c-1 0x48: power off",
            "0.100290 s  i2c-1 0x48: power on"
        ]
    );
    Ok(())
}

#[test]
fn power_is_of_what_is_there() -> Outcome {
    let mut bench = Bench::with(Stub::virtual_time(), RegisterMap::new())?;
    let stub = bench.stub.clone();
    let error = stub.power_i2c("i2c-1", 0x49, false).unwrap_err();
    assert_eq!(error.to_string(), "there is no device at 0x49 on i2c-1");
    assert!(stub.power_i2c("i2c-2", 0x48, false).is_err());

    // What is plugged in again has power.
    bench.power(false)?;
    let device = stub.unplug_i2c("i2c-1", 0x48).ok_or("nothing was there")?;
    stub.plug_i2c("i2c-1", 0x48, device)?;
    bench.write(&[0])?;
    Ok(())
}

/// Whoever records reads one line after another.
#[test]
fn power_is_back_at_its_time_whoever_looks() -> Outcome {
    let stub = Stub::virtual_time().lines(["INT", "LAMP"]);
    let chip = Mcp23017::new().inta(stub.pin("INT")?);
    let mut bench = Bench::with(stub.clone(), chip)?;
    let lamp = Output::open_on(&stub, "LAMP", &Default::default())?;
    stub.i2c_fault("i2c-1", Fault::brown_out(MILLIS(10)))?;
    let recording = stub.record();
    bench.write(&[0]).unwrap_err();
    assert_eq!(stub.net("INT")?, Net::Floating);
    stub.delay().sleep(MILLIS(1000))?;
    assert_eq!(stub.net("INT")?, Net::Driven(true));
    lamp.set(true)?;
    stub.delay().sleep(MILLIS(1000))?;
    bench.write(&[0])?;
    let shown = recording.to_string();
    let lines: Vec<&str> = shown.lines().filter(|line| !line.contains("INT")).collect();
    assert_eq!(
        lines,
        [
            "0.000000 s  i2c-1 0x48: power off",
            "0.000000 s  i2c-1 0x48: write, no acknowledge",
            "0.010000 s  i2c-1 0x48: power on",
            "1.000110 s  LAMP: high",
            "2.000110 s  i2c-1 0x48: write 00, stop",
        ]
    );
    Ok(())
}

#[test]
fn in_real_time_power_is_back_by_itself() -> Outcome {
    let stub = Stub::real_time().lines(["INT"]);
    let chip = Mcp23017::new().inta(stub.pin("INT")?);
    let mut bench = Bench::with(stub.clone(), chip)?;
    stub.i2c_fault("i2c-1", Fault::brown_out(MILLIS(5)))?;
    bench.write(&[0]).unwrap_err();
    // For as long as busy neighbours may take.
    for _ in 0..5000 {
        if stub.net("INT")? == Net::Driven(true) {
            return Ok(());
        }
        stub.delay().sleep(MILLIS(2))?;
    }
    panic!("it has no power");
}

/// Nothing is left to happen on a bus that is gone, or to a device that is.
#[test]
fn what_is_gone_keeps_no_time_moving() -> Outcome {
    for device_only in [true, false] {
        let mut bench = Bench::with(Stub::virtual_time().lines(["A"]), RegisterMap::new())?;
        let stub = bench.stub.clone();
        stub.i2c_fault("i2c-1", Fault::brown_out(MILLIS(3_600_000)))?;
        bench.write(&[0]).unwrap_err();
        match device_only {
            true => drop(stub.unplug_i2c("i2c-1", 0x48)),
            false => stub.remove_i2c_bus("i2c-1")?,
        }
        let mut line = Input::open_on(&stub, "A", &Default::default())?;
        line.wait_edge(None).unwrap_err();
        assert_eq!(stub.clock().now().as_nanos(), 110_000);
    }
    Ok(())
}

#[test]
fn a_brown_out_ends_when_it_is_over_and_not_when_somebody_asks() -> Outcome {
    let thermometer = Tmp102::new();
    thermometer.set_celsius(20.0);
    let mut bench = Bench::with(Stub::virtual_time(), thermometer)?;
    let fault = Fault::brown_out(MILLIS(100));
    bench.stub.i2c_fault("i2c-1", fault.clone())?;
    assert!(bench.write(&[0]).is_err());
    // It has had power for longer than its first conversion takes.
    bench.stub.delay().sleep(MILLIS(200))?;
    assert_eq!(bench.read(0)?, [20, 0]);

    // Who has no power does not get it sooner by losing it.
    bench.power(false)?;
    bench.stub.i2c_fault("i2c-1", fault)?;
    assert!(bench.write(&[0]).is_err());
    bench.stub.delay().sleep(MILLIS(1000))?;
    assert!(bench.write(&[0]).is_err());
    Ok(())
}

#[test]
fn power_that_is_there_or_away_already_changes_nothing() -> Outcome {
    let mut bench = Bench::with(Stub::virtual_time(), Tmp102::new())?;
    bench.write(&[3, 0x60, 0x00])?;
    let recording = bench.stub.record();
    bench.power(true)?;
    assert_eq!(bench.read(3)?, [0x60, 0x00]);
    bench.power(false)?;
    bench.power(false)?;
    let told = recording.to_string();
    assert_eq!(told.matches("power").count(), 1, "{told}");
    bench.power(true)?;
    assert_eq!(bench.read(3)?, [0x50, 0x00]);

    // Nobody is there to lose it, so who comes then has it.
    let fault = Fault::brown_out(MILLIS(60_000)).at(0x49);
    bench.stub.i2c_fault("i2c-1", fault)?;
    assert!(bench.bus.write(0x49, &[0]).is_err());
    bench.stub.plug_i2c("i2c-1", 0x49, Tmp102::new())?;
    bench.bus.write(0x49, &[0])?;
    Ok(())
}

#[test]
fn a_brown_out_at_a_time_is_seen_by_nobody() -> Outcome {
    let chip = RegisterMap::new().initial(0, &[9]);
    let mut bench = Bench::with(Stub::virtual_time(), chip)?;
    let (stub, recording) = (bench.stub.clone(), bench.stub.record());
    let dip = Fault::brown_out(MILLIS(100));
    // Nobody speaks to it while the first two last; the third has no device, so that it begins with a transaction.
    for (fault, time) in [(dip.clone(), 500), (dip.clone(), 1000)] {
        stub.i2c_fault("i2c-1", fault.at(0x48).not_before(MILLIS(time)))?;
    }
    stub.i2c_fault("i2c-1", dip.not_before(MILLIS(1500)))?;
    bench.write(&[0, 1])?;
    stub.delay().sleep(MILLIS(900))?;
    assert_eq!(bench.read(0)?, [9]);
    bench.write(&[0, 2])?;
    stub.delay().sleep(MILLIS(900))?;
    bench.read::<1>(0).unwrap_err();
    stub.delay().sleep(MILLIS(900))?;
    assert_eq!(bench.read(0)?, [9]);
    let shown = recording.to_string();
    let power: Vec<&str> = shown
        .lines()
        .filter_map(|line| line.split_once(" s  i2c-1 0x48: power "))
        .map(|(time, to)| if to == "off" { time } else { "" })
        .filter(|time| !time.is_empty())
        .collect();
    assert_eq!(power[..2], ["0.500000", "1.000000"]);
    assert_eq!(power.len(), 3);
    assert!(power[2].starts_with("1.8"), "{power:?}");
    Ok(())
}

#[test]
fn no_transaction_is_cut_into_two() -> Outcome {
    let chip = RegisterMap::new().initial(0, &[9]);
    let mut bench = Bench::with(Stub::virtual_time(), chip)?;
    let dip = Fault::brown_out(MILLIS(1)).at(0x48);
    let recording = bench.stub.record();
    let micros = Duration::from_micros;
    bench.stub.i2c_fault("i2c-1", dip.not_before(micros(100)))?;
    // 290 µs.
    bench.write(&[0, 1])?;
    bench.read::<1>(0).unwrap_err();
    let shown = recording.to_string();
    assert!(
        shown.contains("0.000290 s  i2c-1 0x48: power off"),
        "{shown}"
    );
    Ok(())
}

/// What was missed at its time comes with the next transaction, and so does what counts transactions.
#[test]
fn a_brown_out_of_no_time_to_come_begins_with_a_transaction() -> Outcome {
    let second = MILLIS(1000);
    let of = |fault: Fault| fault.at(0x48).not_before(second);
    for fault in [
        of(Fault::brown_out(second)).after(1),
        of(Fault::brown_out(second)).chance(1.0, 7),
        Fault::brown_out(second).not_before(second),
        Fault::brown_out(second).at(0x48),
    ] {
        let mut bench = Bench::with(Stub::virtual_time().lines(["A"]), RegisterMap::new())?;
        let stub = bench.stub.clone();
        let is_counted = fault == of(Fault::brown_out(second)).after(1);
        stub.i2c_fault("i2c-1", fault)?;
        // Nothing is to come: nobody waits for it.
        let mut line = Input::open_on(&stub, "A", &Default::default())?;
        line.wait_edge(None).unwrap_err();
        assert_eq!(stub.clock().now(), Time::ZERO);
        stub.delay().sleep(10 * second)?;
        if is_counted {
            bench.write(&[0])?;
        }
        bench.write(&[0]).unwrap_err();
    }
    let mut bench = Bench::with(Stub::virtual_time(), RegisterMap::new())?;
    let stub = bench.stub.clone();
    stub.delay().sleep(2 * second)?;
    stub.i2c_fault("i2c-1", of(Fault::brown_out(second)))?;
    bench.write(&[0]).unwrap_err();
    // What nothing is at loses nothing, and what comes then has its power.
    stub.i2c_fault(
        "i2c-1",
        Fault::brown_out(second).at(0x49).not_before(4 * second),
    )?;
    stub.delay().sleep(2 * second)?;
    stub.plug_i2c("i2c-1", 0x49, RegisterMap::new())?;
    bench.bus.write(0x49, &[0])?;
    Ok(())
}

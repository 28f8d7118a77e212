//! Parts that are not there, fail, and come back.

use std::time::Duration;

use circuits::stub::chips::{Bme280, Ds3231, Ssd1306, Tmp102};
use circuits::stub::i2c::{Acknowledge, Device, Fault, Transfer};
use circuits::wait::Time;

use super::bench::{BUS, Bench, CLOCK, SCREEN, SENSOR};
use crate::config::{Chip, Config, Sensor};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// What is told in the end.
const ONE_MISSED: &str = "sensor: one reading that was due was not taken";

/// The minutes of the log, without gaps that were not expected.
fn minutes(bench: &Bench) -> Vec<usize> {
    let minute = |time: &String| time[14..16].parse().unwrap();
    bench.column("time").iter().map(minute).collect()
}

#[test]
fn without_any_part_it_is_a_station_still() {
    let bench = Bench::new();
    bench.stub.remove_chip("gpiochip0").unwrap();
    bench.stub.remove_i2c_bus(BUS).unwrap();
    bench.run_for(MINUTE * 10);
    assert_eq!(bench.logged(), [""; 0]);
    let said = bench.said();
    for what in ["bus: no I2C bus \"i2c-1\"", "button: ", "led: "] {
        assert!(
            said.iter().any(|text| text.starts_with(what)),
            "{what} {said:#?}"
        );
    }
    assert!(said.len() < 20, "{said:#?}");
}

#[test]
fn each_part_may_come_later() {
    let mut bench = Bench::new();
    let mut parts = Vec::new();
    for address in [SENSOR, SCREEN, CLOCK] {
        parts.push((address, bench.stub.unplug_i2c(BUS, address).unwrap()));
    }
    bench.stub.remove_chip("gpiochip0").unwrap();
    let ended = bench.run(|hand| {
        hand.wait(MINUTE * 3 + SECOND);
        for (address, part) in parts {
            bench.stub.plug_i2c(BUS, address, part).unwrap();
        }
        bench.stub.plug_chip("lines", ["GPIO17", "GPIO27"]);
        hand.wait(MINUTE * 3);
        assert!(bench.screen.picture().lit() > 200, "{:?}", bench.screen);
        assert!(bench.stub.level("GPIO17").unwrap());
        assert!(bench.stub.consumer("GPIO27").unwrap().is_some());
        hand.interrupt();
    });
    ended.unwrap();
    assert_eq!(minutes(&bench), [3, 4, 5, 6]);
    let mut said = bench.said();
    said.retain(|text| text.contains("works again"));
    said.sort();
    let who: Vec<_> = said
        .iter()
        .filter_map(|text| text.split(':').next())
        .collect();
    assert_eq!(who, ["button", "led", "screen", "sensor"]);

    // What is not in the configuration is not missed.
    bench = Bench::new();
    bench.stub.unplug_i2c(BUS, SCREEN).unwrap();
    bench.config = Config {
        screen: None,
        clock: None,
        button: None,
        led: None,
        ..Config::full()
    };
    bench.run_for(MINUTE * 2 + SECOND);
    assert_eq!(bench.said(), [""; 0]);
    assert_eq!(bench.column("clock"), ["system"; 3]);
}

#[test]
fn a_sensor_that_is_unplugged_in_the_middle_comes_back() {
    // At each moment of a measurement: its first byte, a later one, while the chip measures.
    for (bytes, after) in [(Some(0), 0), (Some(1), 0), (Some(1), 2), (None, 5)] {
        let bench = Bench::new();
        let ended = bench.run(|hand| {
            hand.wait(MINUTE * 2 - SECOND);
            if let Some(byte) = bytes {
                let fault = Fault::no_acknowledge_of_byte(byte).at(SENSOR);
                bench.stub.i2c_fault(BUS, fault.after(after)).unwrap();
            }
            hand.wait(SECOND + Duration::from_millis(5));
            let before = bench.screen.picture();
            let sensor = bench.stub.unplug_i2c(BUS, SENSOR).unwrap();
            hand.wait(MINUTE);
            assert!(!bench.led.is_lit().unwrap());
            assert_ne!(bench.screen.picture(), before, "what was is not what is");
            // A new one: it was never told anything.
            drop(sensor);
            bench.stub.plug_i2c(BUS, SENSOR, Bme280::new()).unwrap();
            hand.wait(MINUTE * 2);
            assert!(bench.led.is_lit().unwrap());
            hand.interrupt();
        });
        ended.unwrap();
        assert_eq!(
            minutes(&bench),
            [0, 1, 3, 4, 5],
            "{bytes:?} {:#?}",
            bench.logged()
        );
        let mut said = bench.said();
        // The minute 2.
        assert_eq!(said.pop().as_deref(), Some(ONE_MISSED));
        assert!(
            said[0].starts_with("sensor: no acknowledge from 0x76 on i2c-1"),
            "{said:#?}"
        );
        assert!(
            said.last().unwrap().starts_with("sensor: works again"),
            "{said:#?}"
        );
        // The one that is there now is elsewhere.
        assert!(
            bench.logged()[3].ends_with(",25.00,45.0,1013.3,0"),
            "{:#?}",
            bench.logged()
        );
    }
}

#[test]
fn a_sensor_that_lost_its_power_in_between_is_told_all_again() {
    let bench = Bench::new();
    let ended = bench.run(|hand| {
        hand.wait(MINUTE * 2 - SECOND);
        bench.stub.power_i2c(BUS, SENSOR, false).unwrap();
        hand.wait(SECOND / 2);
        bench.stub.power_i2c(BUS, SENSOR, true).unwrap();
        // It answers as if nothing were wrong.
        hand.wait(SECOND * 2);
        hand.interrupt();
    });
    ended.unwrap();
    let said = bench.said();
    assert!(
        said[0].starts_with("sensor: it has lost its power"),
        "{said:#?}"
    );
    assert!(said[1].starts_with("sensor: works again"), "{said:#?}");
    let last = &bench.logged()[2];
    assert_eq!(last, "2013-04-05T04:02:01Z,ds3231,5.58,44.6,1018.3,0");
}

/// A chip whose registers are what they should not be.
struct Broken {
    answer: fn(u8) -> u8,
    register: u8,
}

impl Device for Broken {
    fn write(&mut self, byte: u8) -> Acknowledge {
        self.register = byte;
        Acknowledge::Yes
    }

    fn read(&mut self) -> u8 {
        (self.answer)(self.register)
    }
}

#[test]
fn nonsense_is_no_reading() {
    let says = |answer: fn(u8) -> u8| {
        let bench = Bench::new();
        bench.stub.unplug_i2c(BUS, SENSOR).unwrap();
        let register = 0;
        let broken = Broken { answer, register };
        bench.stub.plug_i2c(BUS, SENSOR, broken).unwrap();
        bench.run_for(MINUTE);
        assert_eq!(bench.logged(), [""; 0]);
        bench.said().remove(0)
    };
    let nobody = "sensor: the chip says that it is 0xff, and no BME280";
    assert_eq!(says(|_| 0xff), nobody);
    assert_eq!(
        says(|_| 0x58),
        "sensor: the chip is a BMP280, and no BME280"
    );
    // It says that it is the right one, and is out of its mind.
    let mad = says(|register| match register {
        0xd0 => 0x60,
        0xf2 => 0x01,
        0xf4 => 0x00,
        other => other,
    });
    assert!(
        mad.starts_with("sensor: it measures what cannot be: "),
        "{mad}"
    );
}

#[test]
fn a_storm_of_refusals_costs_no_reading_and_says_little() {
    let bench = Bench::new();
    // One of twenty transactions of all, for half an hour.
    let storm = Fault::no_acknowledge().chance(0.05, 9).always();
    bench.stub.i2c_fault(BUS, storm.until(MINUTE * 30)).unwrap();
    bench.run_for(MINUTE * 60 - SECOND);
    let logged = bench.logged();
    let late = logged.iter().filter(|line| !line.contains(":00Z")).count();
    eprintln!(
        "{} lines, {late} of them late, {} texts",
        logged.len(),
        bench.said().len()
    );
    assert!(logged.len() > 50, "{}", logged.len());
    assert!(late > 3);
    assert!(bench.said().len() < 40, "{:#?}", bench.said());
    // And then all is well.
    assert_eq!(bench.column("clock")[logged.len() - 25..], ["ds3231"; 25]);
    assert!(!bench.screen.is_on(), "it was ended");
}

#[test]
fn a_screen_that_lost_its_power_shows_the_page_again() {
    let bench = Bench::new();
    let ended = bench.run(|hand| {
        hand.wait(MINUTE + SECOND);
        let before = bench.screen.picture();
        // Too short for anybody to speak to it meanwhile: nothing fails.
        bench.stub.power_i2c(BUS, SCREEN, false).unwrap();
        hand.wait(SECOND / 2);
        bench.stub.power_i2c(BUS, SCREEN, true).unwrap();
        assert_eq!(
            (bench.screen.is_on(), bench.screen.picture().lit()),
            (false, 0)
        );
        // It acknowledges all; but the next reading is to be shown.
        hand.wait(MINUTE);
        assert!(bench.screen.picture().lit() > 200);
        hand.press();
        let page = bench.screen.picture();
        assert_ne!(page, before);

        // In the middle of a picture.
        let brown_out = Fault::brown_out(SECOND / 10).at(SCREEN).after(4);
        bench.stub.i2c_fault(BUS, brown_out).unwrap();
        (0..4).for_each(|_| hand.press());
        hand.wait(SECOND * 2);
        assert_eq!(bench.screen.picture(), page);
        hand.interrupt();
    });
    ended.unwrap();
    let said = bench.said();
    assert!(
        said[0].starts_with("screen: it is off, and so has lost its power"),
        "{said:#?}"
    );
    assert!(said[1].starts_with("screen: works again"), "{said:#?}");
    assert_eq!(bench.logged().len(), 3);
}

/// A copy of the chip, which says that it is on, or off, whatever it is.
#[derive(Clone)]
struct Mute(Ssd1306, u8);

impl Device for Mute {
    fn start(&mut self, transfer: Transfer, time: Time) -> Acknowledge {
        self.0.start(transfer, time)
    }

    fn write(&mut self, byte: u8) -> Acknowledge {
        Device::write(&mut self.0, byte)
    }

    fn read(&mut self) -> u8 {
        self.1
    }

    fn stop(&mut self, time: Time) {
        self.0.stop(time);
    }

    fn power(&mut self, on: bool, time: Time) {
        Device::power(&mut self.0, on, time);
    }
}

#[test]
fn a_screen_that_does_not_tell_is_set_up_again_at_the_next_page() {
    for status in [0xff, 0x40] {
        let bench = Bench::new();
        bench.stub.unplug_i2c(BUS, SCREEN).unwrap();
        let mute = Mute(bench.screen.clone(), status);
        bench.stub.plug_i2c(BUS, SCREEN, mute).unwrap();
        let ended = bench.run(|hand| {
            hand.wait(MINUTE + SECOND);
            (0..4).for_each(|_| hand.press());
            let before = bench.screen.picture();
            assert!(before.lit() > 200);
            for off in [true, false] {
                bench.stub.power_i2c(BUS, SCREEN, !off).unwrap();
            }
            (0..4).for_each(|_| hand.press());
            assert_eq!(bench.screen.picture(), before);
            bench.stub.power_i2c(BUS, SCREEN, false).unwrap();
            bench.stub.power_i2c(BUS, SCREEN, true).unwrap();
            // Nobody presses the button.
            hand.wait(MINUTE * 11);
            assert!(bench.screen.picture().lit() > 200);
            hand.interrupt();
        });
        ended.unwrap();
        assert_eq!(bench.said(), [""; 0]);
    }
}

#[test]
fn a_bus_that_hangs_is_told_and_goes_on() {
    let bench = Bench::new();
    let ended = bench.run(|hand| {
        hand.wait(MINUTE * 2 - SECOND);
        bench.stub.i2c_fault(BUS, Fault::stuck().always()).unwrap();
        hand.wait(MINUTE * 3);
        bench.stub.clear_i2c_faults(BUS).unwrap();
        hand.wait(MINUTE * 2);
        assert!(bench.led.is_lit().unwrap() && bench.screen.is_on());
        hand.interrupt();
    });
    ended.unwrap();
    let said = bench.said();
    assert!(
        said[0].starts_with("sensor: 0x76 on i2c-1 timed out"),
        "{said:#?}"
    );
    assert!(
        said[0].contains("does something hold SCL or SDA low?"),
        "{said:#?}"
    );
    assert_eq!(minutes(&bench)[..2], [0, 1]);
    assert_eq!(minutes(&bench).last(), Some(&6));
    assert!(said.len() < 12, "{said:#?}");
}

#[test]
fn an_adapter_that_is_unplugged_comes_back_under_another_name() {
    let bench = Bench::new();
    let parts = || {
        let sensor = Bme280::new();
        let clock = Ds3231::new();
        let now = bench.stub.clock().now();
        clock.set_datetime(now, [2013, 4, 5, 4, 3, 1]).unwrap();
        (sensor, clock)
    };
    let ended = bench.run(|hand| {
        hand.wait(MINUTE + SECOND);
        bench.stub.remove_i2c_bus(BUS).unwrap();
        hand.wait(MINUTE * 2);
        let (sensor, clock) = parts();
        bench.stub.plug_i2c("i2c-7", SENSOR, sensor).unwrap();
        bench.stub.plug_i2c("i2c-7", CLOCK, clock).unwrap();
        bench
            .stub
            .plug_i2c("i2c-7", SCREEN, bench.screen.clone())
            .unwrap();
        hand.wait(MINUTE + SECOND);
        assert!(bench.screen.picture().lit() > 200);
        hand.interrupt();
    });
    ended.unwrap();
    assert_eq!(minutes(&bench), [0, 1, 3, 4], "{:#?}", bench.logged());
    assert_eq!(bench.column("clock"), ["ds3231"; 4]);
    let mut said = bench.said();
    assert_eq!(said[0], "bus: i2c-1 is gone, with all that is on it");
    // The minute 2.
    assert_eq!(said.pop().as_deref(), Some(ONE_MISSED));
    assert!(
        said.last().unwrap().starts_with("bus: works again"),
        "{said:#?}"
    );
    assert!(said.len() < 8, "{said:#?}");
}

#[test]
fn an_adapter_that_is_back_at_once_costs_no_reading() {
    let bench = Bench::new();
    let ended = bench.run(|hand| {
        hand.wait(MINUTE * 2 - SECOND);
        bench.stub.remove_i2c_bus(BUS).unwrap();
        hand.wait(SECOND * 2);
        let sensor = Bme280::new();
        bench.stub.plug_i2c("i2c-7", SENSOR, sensor).unwrap();
        hand.wait(SECOND * 10);
        assert_eq!(minutes(&bench).len(), 3, "{:#?}", bench.logged());
        hand.wait(MINUTE);
        hand.interrupt();
    });
    ended.unwrap();
    // There is no clock on it, and the system's is three minutes fast.
    assert_eq!(minutes(&bench), [0, 1, 5, 6], "{:#?}", bench.logged());
}

#[test]
fn another_sensor_is_a_matter_of_configuration() {
    let mut bench = Bench::new();
    let chip = Tmp102::new();
    chip.set_celsius(-3.5);
    bench.stub.plug_i2c(BUS, 0x49, chip).unwrap();
    bench.config.sensor = Sensor {
        chip: Chip::Tmp102,
        address: 0x49,
    };
    bench.run_for(SECOND);
    assert_eq!(bench.logged(), ["2013-04-05T04:00:00Z,ds3231,-3.50,,,0"]);
    assert_eq!(bench.printed(), ["2013-04-05T04:00:00Z   -3.50 °C"]);
}

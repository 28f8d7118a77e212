//! The clock: whom to believe, and when it is set.

use std::time::Duration;

use circuits::stub::chips::{Bme280, Ds3231};
use circuits::wait::Time;

use super::bench::{BUS, Bench, CLOCK, SCREEN, SENSOR};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_clock_without_power_is_not_believed() {
    let mut bench = Bench::new();
    bench.stub.unplug_i2c(BUS, CLOCK).unwrap();
    bench.stub.plug_i2c(BUS, CLOCK, Ds3231::new()).unwrap();
    bench.run_for(MINUTE + SECOND);
    // The system's is three minutes fast.
    assert!(bench.logged()[0].starts_with("2013-04-05T04:03:00Z,system,"));
    assert!(
        bench.printed()[0].ends_with(" hPa  (the system's time)"),
        "{:?}",
        bench.printed()
    );
    let said = bench.said();
    assert!(
        said[0].starts_with("clock: it has been without power"),
        "{said:#?}"
    );

    bench.sets_clock = true;
    bench.run_for(MINUTE + SECOND);
    assert_eq!(
        bench.column("clock"),
        ["system", "system", "ds3231", "ds3231"]
    );
    assert!(
        bench
            .said()
            .contains(&"clock: set to 2013-04-05T04:04:01Z".into())
    );

    // It goes away while it is needed, and what is done by the kernel is the kernel's.
    let bench = Bench::new();
    let clock = bench.clock.clone();
    let ended = bench.run(|hand| {
        hand.wait(MINUTE + SECOND);
        bench.stub.unplug_i2c(BUS, CLOCK).unwrap();
        hand.wait(MINUTE);
        bench.stub.plug_i2c(BUS, CLOCK, clock).unwrap();
        hand.wait(MINUTE);
        hand.interrupt();
    });
    ended.unwrap();
    assert_eq!(
        bench.column("clock"),
        ["ds3231", "ds3231", "system", "ds3231"]
    );

    let bench = Bench::new();
    let _ = bench.stub.clone().i2c_owner(BUS, CLOCK, "rtc-ds1307");
    bench.run_for(SECOND);
    assert_eq!(bench.column("clock"), ["system"]);
    assert!(bench.said()[0].contains("the kernel's driver \"rtc-ds1307\" has it"));
}

#[test]
fn a_clock_that_goes_is_not_set_back() {
    // The system's time is three minutes after midnight; and as much of a drift there may be.
    for (seconds, is_set) in [(0, true), (230, true), (250, false), (7200, false)] {
        let mut bench = Bench::new();
        let at = [
            2013,
            4,
            5,
            4 + seconds / 3600,
            seconds % 3600 / 60,
            seconds % 60,
        ];
        bench.clock.set_datetime(Time::ZERO, at).unwrap();
        bench.sets_clock = true;
        bench.run_for(SECOND);
        let told = &bench.said()[0];
        let expected = match is_set {
            true => "clock: set to 2013-04-05T04:03:00Z",
            false => "clock: not set: it is ",
        };
        assert!(told.starts_with(expected), "{told}");
        let is_system = bench.column("time")[0].starts_with("2013-04-05T04:03:00Z");
        assert_eq!(is_system, is_set, "{:?}", bench.logged());
        assert_eq!(bench.column("clock"), ["ds3231"]);
    }
}

#[test]
fn a_clock_that_comes_later_is_set_then() {
    let mut bench = Bench::new();
    bench.sets_clock = true;
    bench.stub.remove_i2c_bus(BUS).unwrap();
    let ended = bench.run(|hand| {
        hand.wait(MINUTE + SECOND);
        bench.stub.plug_i2c(BUS, SENSOR, Bme280::new()).unwrap();
        let screen = bench.screen.clone();
        bench.stub.plug_i2c(BUS, SCREEN, screen).unwrap();
        hand.wait(MINUTE);
        let clock = Ds3231::new();
        bench.stub.plug_i2c(BUS, CLOCK, clock).unwrap();
        // No reading is waited for.
        hand.wait(SECOND * 20);
        let is_set = |text: &String| text.starts_with("clock: set to");
        assert!(bench.said().iter().any(is_set), "{:#?}", bench.said());
        hand.wait(MINUTE * 2);
        hand.interrupt();
    });
    ended.unwrap();
    assert_eq!(bench.column("clock").last().unwrap(), "ds3231");
    let said = bench.said();
    let set = said.iter().filter(|text| text.starts_with("clock: set to"));
    assert_eq!(set.count(), 1, "{said:#?}");
}

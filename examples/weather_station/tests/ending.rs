//! Ctrl-C, and worse.

use std::time::Duration;

use circuits::stub::i2c::Fault;

use super::bench::{BUS, Bench, SCREEN, SENSOR};

const SECOND: Duration = Duration::from_secs(1);

/// All as it should be found.
fn assert_is_left_well(bench: &Bench) {
    assert!(!bench.screen.is_on(), "the screen is on");
    assert!(!bench.led.is_lit().unwrap(), "the LED is lit");
    for line in ["GPIO17", "GPIO27"] {
        assert_eq!(bench.stub.consumer(line).unwrap(), None, "{line}");
    }
}

#[test]
fn ctrl_c_ends_a_wait_at_once() {
    let bench = Bench::new();
    let recording = bench.stub.record();
    let ended = bench.run(|hand| {
        hand.wait(SECOND * 90);
        assert!(bench.screen.is_on() && bench.led.is_lit().unwrap());
        hand.interrupt();
    });
    ended.unwrap();
    // It is made dark before it is let go of, which leaves some lines as they are.
    let trace = recording.to_string();
    let dark = trace.rfind("GPIO17: low").unwrap();
    assert!(trace.rfind("GPIO17: high") < Some(dark), "{trace}");
    // That of the minute 2 was not waited for; but for what is sent to the screen.
    let passed = bench.stub.clock().now().as_nanos();
    assert!(
        (90_000_000_000..90_100_000_000).contains(&passed),
        "{passed}"
    );
    assert_eq!(bench.logged().len(), 2);
    assert_is_left_well(&bench);
}

#[test]
fn ctrl_c_ends_retries() {
    let bench = Bench::new();
    bench.stub.unplug_i2c(BUS, SENSOR).unwrap();
    let ended = bench.run(|hand| {
        hand.wait(SECOND * 5);
        // The bus hangs in the middle of what comes next, for a second.
        bench.stub.i2c_fault(BUS, Fault::stuck().always()).unwrap();
        hand.wait(SECOND * 2 + SECOND / 2);
        hand.interrupt();
    });
    ended.unwrap();
    let passed = bench.stub.clock().now().as_nanos();
    assert!(passed < 12_000_000_000, "{passed}");
    assert_eq!(bench.logged().len(), 0);
    let last = bench.said().pop().unwrap();
    assert!(
        last.starts_with("screen: it stays on: "),
        "{:#?}",
        bench.said()
    );
    assert!(last.contains("timed out"), "{last}");
    assert!(!bench.led.is_lit().unwrap());
}

#[test]
fn a_screen_that_has_just_failed_is_dark_in_the_end() {
    let bench = Bench::new();
    let ended = bench.run(|hand| {
        hand.wait(SECOND * 59);
        let refused = Fault::no_acknowledge_of_byte(1).at(SCREEN).after(1);
        bench.stub.i2c_fault(BUS, refused).unwrap();
        hand.wait(SECOND + SECOND / 2);
        assert!(
            bench.said()[0].starts_with("screen: "),
            "{:?}",
            bench.said()
        );
        hand.interrupt();
    });
    ended.unwrap();
    assert_is_left_well(&bench);
}

#[test]
fn ctrl_c_while_the_log_fails_tells_what_is_lost() {
    let mut bench = Bench::new();
    let ended = bench.run(|hand| {
        hand.wait(SECOND * 90);
        bench.disk.room(10);
        hand.wait(SECOND * 180);
        assert!(!bench.led.is_lit().unwrap(), "all is not well");
        hand.interrupt();
    });
    let failure = format!("{:?}", ended.unwrap_err());
    assert_eq!(failure, "3 readings are not in the log");
    assert_is_left_well(&bench);
    let said = bench.said();
    assert!(
        said[0].contains("weather.csv: No space left on device"),
        "{said:#?}"
    );
    // What was begun of a line is known the next time.
    bench.disk.room(None);
    bench.count = Some(1);
    bench.run(|_| {}).unwrap();
    assert_eq!(bench.logged().len(), 3);
    let torn = bench.said().pop().unwrap();
    assert!(torn.ends_with("is cut off: \"2013-04-05\""), "{torn}");
}

#[test]
fn ctrl_c_while_the_log_fails_loses_nothing_if_there_is_room_again() {
    let bench = Bench::new();
    let ended = bench.run(|hand| {
        hand.wait(SECOND * 90);
        bench.disk.room(10);
        hand.wait(SECOND * 180);
        bench.disk.room(None);
        hand.interrupt();
    });
    ended.unwrap();
    assert_eq!(bench.logged().len(), 5);
    assert_eq!(bench.column("lost_before"), ["0"; 5]);
}

#[test]
fn who_is_killed_loses_no_line_that_was_on_the_disk() {
    let killed_at = |line, bytes| {
        let mut bench = Bench::new();
        bench.disk.kills(line, bytes);
        let ended = bench.run(|_| {});
        assert_eq!(format!("{:?}", ended.unwrap_err()), "killed");
        // Nothing was made safe.
        assert_eq!(bench.screen.is_on(), line > 1);

        bench.count = Some(1);
        bench.run(|_| {}).unwrap();
        let times = bench.column("time");
        (times, bench.said())
    };
    let bench = Bench::new();
    bench.run_for(SECOND * 121);
    let line = format!("{}\n", bench.logged()[2]);
    // Each byte is in the tests of the log.
    let last = line.len();
    for bytes in [0, 1, 20, 30, last - 2, last - 1, last] {
        let (times, said) = killed_at(3, bytes);
        let whole = if bytes == line.len() { 3 } else { 2 };
        assert_eq!(times.len(), whole + 1, "{bytes}");
        assert_eq!(times[1], "2013-04-05T04:01:00Z");
        let torn = &line[..bytes];
        match bytes {
            0 => assert_eq!(said, [""; 0]),
            _ if bytes == line.len() => assert_eq!(said, [""; 0]),
            _ => assert!(
                said[0].ends_with(&format!("is cut off: {torn:?}")),
                "{said:?}"
            ),
        }
    }
    for bytes in [0, 72, 73] {
        let (times, _) = killed_at(0, bytes);
        assert_eq!(times.len(), 1, "{bytes} bytes of the header");
    }
}

#[test]
fn as_many_readings_as_were_asked_for_and_an_end() {
    let mut bench = Bench::new();
    bench.count = Some(5);
    bench.run(|_| {}).unwrap();
    assert_eq!(bench.logged().len(), 5);
    assert!(bench.stub.clock().now().as_nanos() < 241_000_000_000);
    assert_is_left_well(&bench);

    // Without a sensor, too: the last one is tried for as long as it is due.
    bench.stub.unplug_i2c(BUS, SENSOR).unwrap();
    let before = bench.stub.clock().now();
    bench.run(|_| {}).unwrap();
    assert_eq!(bench.stub.clock().now().since(before).as_secs(), 300);
    assert_eq!(bench.logged().len(), 5);
    let said = bench.said();
    let missed = "sensor: 5 readings that were due were not taken";
    assert!(said.contains(&missed.into()), "{said:#?}");
    assert_is_left_well(&bench);
}

#[test]
fn it_does_not_end_when_nobody_reads_what_it_prints() {
    let bench = Bench::new();
    let ended = bench.run(|hand| {
        hand.wait(SECOND * 90);
        bench.out.fails(true);
        hand.wait(SECOND * 180);
        bench.out.fails(false);
        hand.wait(SECOND * 60);
        hand.interrupt();
    });
    ended.unwrap();
    assert_eq!(bench.logged().len(), 6);
    assert_eq!(bench.printed().len(), 3);
    let said = bench.said();
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said[0].starts_with("print: Broken pipe"), "{said:#?}");
    assert_is_left_well(&bench);
}

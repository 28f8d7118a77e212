//! A whole day.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use circuits::stub::i2c::Fault;
use circuits::stub::trace::{Action, Entry, Message};

use super::bench::{BUS, Bench, SCREEN, SENSOR};

const DAY: Duration = Duration::from_secs(24 * 3600);

#[test]
fn a_day_is_measured_shown_and_written() {
    let bench = Bench::new();
    let began = Instant::now();
    bench.run_for(DAY - Duration::from_secs(1));
    let ratio = DAY.as_secs_f64() / began.elapsed().as_secs_f64();
    eprintln!("a day at {ratio:.0} times real time");
    // It is some tens of thousands; a machine may be busy.
    assert!(ratio > 1000.0, "{ratio}");

    let logged = bench.logged();
    assert_eq!(logged.len(), 1440);
    assert_eq!(logged[0], "2013-04-05T04:00:00Z,ds3231,5.60,44.3,1018.3,0");
    // They do not drift.
    let times = bench.column("time");
    let minute = |number: usize| format!("T{:02}:{:02}:00Z", (number / 60 + 4) % 24, number % 60);
    assert!(
        times
            .iter()
            .enumerate()
            .all(|(at, time)| time.ends_with(&minute(at)))
    );
    assert!(
        logged[15 * 60].contains("T19:00:00Z,ds3231,17.8"),
        "{}",
        logged[900]
    );
    assert!(
        logged[15 * 60].ends_with(",18.2,1006.1,0"),
        "{}",
        logged[900]
    );
    assert_eq!(bench.printed().len(), 1440);
    assert_eq!(
        bench.printed()[0],
        "2013-04-05T04:00:00Z    5.60 °C   44.3 %  1018.3 hPa"
    );
    assert_eq!(bench.said(), [""; 0]);
}

#[test]
fn what_takes_long_does_not_shift_what_comes_after() {
    let mut bench = Bench::new();
    bench.interval = Duration::from_secs(1);
    let recording = bench.stub.record();
    // The third and the seventh find the station at the screen, which hangs.
    for second in [1, 5] {
        let hangs = Fault::stuck()
            .at(SCREEN)
            .not_before(Duration::from_secs(second));
        bench.stub.i2c_fault(BUS, hangs).unwrap();
    }
    bench.run_for(Duration::from_millis(10_500));
    let is_measured = |entry: &Entry| match &entry.action {
        // The measurement is begun.
        Action::I2c {
            address,
            messages,
            start,
            ..
        } if *address == SENSOR.into() => {
            let begins = *messages == [Message::Write(vec![0xf4, 0x25])];
            begins.then_some(start.as_nanos() / 1_000_000)
        }
        _ => None,
    };
    let measured: Vec<u64> = recording.entries().iter().filter_map(is_measured).collect();
    let late: Vec<_> = measured.iter().map(|millis| millis % 1000).collect();
    assert_eq!(
        late.iter().filter(|millis| **millis > 20).count(),
        2,
        "{measured:?}"
    );
    assert_eq!(measured.len(), 11);
}

#[test]
fn what_was_slept_through_is_counted() {
    let mut bench = Bench::new();
    bench.interval = Duration::from_millis(100);
    let hangs = Fault::stuck().at(SCREEN).not_before(Duration::from_secs(1));
    bench.stub.i2c_fault(BUS, hangs).unwrap();
    // Ended between two.
    bench.run_for(Duration::from_millis(5_090));
    let missing = 51 - bench.logged().len();
    assert!((5..15).contains(&missing), "{missing}");
    let missed = format!("sensor: {missing} readings that were due were not taken");
    assert!(bench.said().contains(&missed), "{:#?}", bench.said());
}

#[test]
fn the_same_happens_each_time() {
    let run = || {
        let bench = Bench::new();
        let recording = bench.stub.record();
        let noise = Fault::no_acknowledge().at(SENSOR).chance(0.05, 1).always();
        bench.stub.i2c_fault(BUS, noise).unwrap();
        let ended = bench.run(|hand| {
            for _ in 0..4 {
                hand.wait(Duration::from_secs(290));
                hand.press();
            }
            hand.interrupt();
        });
        ended.unwrap();
        (
            recording.to_string(),
            bench.printed(),
            bench.said(),
            bench.logged(),
        )
    };
    let first = run();
    assert!(first.0.lines().count() > 300);
    // In twenty runs, one after another and eight at a time.
    for at_a_time in [1, 8] {
        let runs = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..at_a_time {
                scope.spawn(|| {
                    while runs.fetch_add(1, Ordering::Relaxed) < 20 {
                        assert!(run() == first);
                    }
                });
            }
        });
    }
    // All readings are there: those that failed were taken some seconds later.
    assert_eq!(first.3.len(), 20);
}

/// What `CIRCUITS_BACKEND=stub` gives.
#[test]
fn the_board_that_comes_with_it_shows_all_there_is_to_see() {
    let mut bench = Bench::on(include_str!("../board.toml"));
    (bench.interval, bench.count) = (Duration::from_secs(1), Some(5));
    let recording = bench.stub.record();
    bench.run(|_| {}).unwrap();
    assert_eq!(bench.said(), [""; 0]);
    assert_eq!(bench.logged().len(), 5);
    let printed = bench.printed();
    assert_eq!(
        printed[0],
        "2013-04-05T04:00:00Z    5.60 °C   44.3 %  1018.3 hPa"
    );
    assert_eq!(
        printed[4],
        "2013-04-05T04:00:04Z    5.20 °C   49.8 %  1018.0 hPa"
    );
    let trace = recording.to_string();
    let pictures = trace.matches("i2c-1 0x3c shows").count();
    assert!((4..10).contains(&pictures), "{pictures}");
    assert!(trace.contains("GPIO27: driven low from outside"));
    assert!(trace.contains("GPIO17: high"));
}

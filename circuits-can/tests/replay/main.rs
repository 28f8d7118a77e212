//! Frames of a log, sent again: on a bus that has no more than room for frames, in virtual time.

mod bus;

use std::io;
use std::time::Duration;

use bus::Bus;
use circuits_can::log::Entry;
use circuits_can::{Config, Error, ErrorKind, Replay, Socket, Summary};
use circuits_stub::Stub;
use circuits_wait::Time;

type Result<T = (), E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

fn log(lines: &[&str]) -> Vec<Entry> {
    lines.iter().map(|line| line.parse().unwrap()).collect()
}

const LOG: [&str; 7] = [
    "(1436509052.000) can0 123#01",
    "(1436509052.100) can0 123#02",
    "(1436509052.100) can1 123#03",
    "(1436509052.200) can0 20000040#",
    "(1436509052.300) can2 123#04",
    "(1436509055.100) can0 123#05",
    "(1436509055.050) can0 123#06",
];

fn at<const N: usize>(written: [(u64, &str); N]) -> Vec<(u64, String)> {
    written.map(|(time, text)| (time, text.into())).into()
}

fn summary(written: u64, error_frames: u64, elsewhere: u64, latest: u64) -> Summary {
    let mut summary = Summary::default();
    (summary.written, summary.error_frames, summary.elsewhere) = (written, error_frames, elsewhere);
    summary.latest = Duration::from_millis(latest);
    summary
}

/// Does it blocking and by futures.
fn both(
    test: impl Fn(
        &Stub,
        &Bus,
        &dyn Fn(&mut Replay, &[Entry]) -> circuits_can::Result<Summary>,
    ) -> Result,
) -> Result {
    for is_async in [false, true] {
        let board = Stub::virtual_time();
        let bus = Bus::new(&board, Duration::ZERO);
        test(&board, &bus, &|replay, log| match is_async {
            false => replay.write_log(log),
            true => board.block_on(replay.send_log(log)),
        })?;
    }
    Ok(())
}

fn replay(bus: &Bus) -> Result<Replay> {
    Ok(Replay::on(bus).socket("can0", bus.socket("vcan0")?))
}

#[test]
fn frames_come_as_far_apart_as_they_were() -> Result {
    both(|board, bus, play| {
        board.delay().sleep(Duration::from_millis(7))?;
        let mut replay = replay(bus)?.socket("can1", bus.socket("vcan9")?);
        let told = play(&mut replay, &log(&LOG))?;
        assert_eq!(
            bus.written(),
            at([
                (7, "vcan0 123#01"),
                (107, "vcan0 123#02"),
                (107, "vcan9 123#03"),
                (3107, "vcan0 123#05"),
                // What goes back in time is due when the one before it was.
                (3107, "vcan0 123#06"),
            ])
        );
        assert_eq!(told, summary(5, 1, 1, 0));
        assert_eq!(
            told.to_string(),
            "5 frames written, 0ns late at most; left out: 1 of other interfaces, 1 error frames"
        );
        Ok(())
    })
}

#[test]
fn gaps_may_be_otherwise() -> Result {
    type Set = fn(Replay) -> Replay;
    const MILLIS: fn(u64) -> Duration = Duration::from_millis;
    let cases: [(Set, [u64; 4]); 8] = [
        (|replay| replay, [0, 100, 3100, 3100]),
        (|replay| replay.speed(2.0), [0, 50, 1550, 1550]),
        (|replay| replay.speed(0.1), [0, 1000, 31_000, 31_000]),
        (|replay| replay.speed(f64::INFINITY), [0; 4]),
        (|replay| replay.longest_gap(MILLIS(200)), [0, 100, 300, 300]),
        (
            |replay| replay.shortest_gap(MILLIS(150)),
            [0, 150, 3150, 3300],
        ),
        (
            |replay| {
                replay
                    .speed(10.0)
                    .longest_gap(MILLIS(200))
                    .shortest_gap(MILLIS(20))
            },
            [0, 20, 220, 240],
        ),
        (
            |replay| replay.shortest_gap(MILLIS(5)).longest_gap(MILLIS(5)),
            [0, 5, 10, 15],
        ),
    ];
    for (set, expected) in cases {
        both(|_, bus, play| {
            play(&mut set(replay(bus)?), &log(&LOG))?;
            let times: Vec<_> = bus.written().into_iter().map(|(time, _)| time).collect();
            assert_eq!(times, expected);
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn settings_that_make_no_sense_are_refused() -> Result {
    both(|_, bus, play| {
        for speed in [0.0, -1.0, f64::NAN, f64::NEG_INFINITY] {
            let refused = play(&mut replay(bus)?.speed(speed), &log(&LOG)).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Invalid, "{speed}");
        }
        let second = Duration::from_secs(1);
        let mut replay = replay(bus)?.shortest_gap(second).longest_gap(second / 2);
        assert_eq!(
            play(&mut replay, &log(&LOG)).unwrap_err().kind(),
            ErrorKind::Invalid
        );
        assert_eq!(bus.written(), []);
        Ok(())
    })
}

#[test]
fn what_is_late_makes_nothing_else_late() -> Result {
    both(|_, bus, play| {
        let lines: Vec<String> = (0..1000)
            .map(|i| format!("({}.{:03}) can0 123#", i / 100, i % 100 * 10))
            .collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        // No room for 25 ms.
        bus.busy_until(Time::from_nanos(25_000_000));
        let told = play(&mut replay(bus)?, &log(&lines))?;
        let times: Vec<_> = bus.written().into_iter().map(|(time, _)| time).collect();
        assert_eq!(times[..5], [25, 25, 25, 30, 40]);
        assert_eq!(times[999], 9990);
        assert_eq!(told, summary(1000, 0, 0, 25));
        Ok(())
    })
}

#[test]
fn a_busy_bus_makes_all_late() -> Result {
    for is_async in [false, true] {
        let board = Stub::virtual_time();
        let bus = Bus::new(&board, Duration::from_millis(150));
        let mut replay = replay(&bus)?.speed(1.0);
        let log = log(&[
            "(0.0) can0 1A1#",
            "(0.1) can0 1A2#",
            "(0.2) can0 1A3#",
            "(9.0) can0 1A4#",
        ]);
        let told = match is_async {
            false => replay.write_log(&log)?,
            true => board.block_on(replay.send_log(&log))?,
        };
        let times: Vec<_> = bus.written().into_iter().map(|(time, _)| time).collect();
        assert_eq!(times, [0, 150, 300, 9000]);
        assert_eq!(told.latest, Duration::from_millis(100));
    }
    Ok(())
}

#[test]
fn a_log_may_be_sent_several_times() -> Result {
    both(|_, bus, play| {
        let lines = log(&["(5.000) can0 1A1#", "(5.300) can0 1A2#"]);
        let mut thrice = replay(bus)?
            .times(3)
            .shortest_gap(Duration::from_millis(100));
        assert_eq!(play(&mut thrice, &lines)?, summary(6, 0, 0, 0));
        let times: Vec<_> = bus.written().into_iter().map(|(time, _)| time).collect();
        assert_eq!(times, [0, 300, 400, 700, 800, 1100]);

        // After a pause, as if it were the first time.
        thrice.restart();
        let mut twice = thrice.times(2).shortest_gap(Duration::ZERO);
        assert_eq!(play(&mut twice, &lines)?.written, 10);
        let times: Vec<_> = bus.written().into_iter().map(|(time, _)| time).collect();
        assert_eq!(times, [1100, 1400, 1400, 1700]);

        assert_eq!(
            play(&mut replay(bus)?.times(0), &lines)?,
            summary(0, 0, 0, 0)
        );
        // For ever, if there were anything to send.
        let nothing = log(&["(5.0) can1 1A1#", "(5.0) can0 20000040#"]);
        let told = play(&mut replay(bus)?.times(None), &nothing)?;
        assert_eq!(told, summary(0, 1, 1, 0));
        assert_eq!(
            play(&mut replay(bus)?.times(None), &[])?,
            summary(0, 0, 0, 0)
        );
        assert_eq!(bus.written(), []);
        Ok(())
    })
}

#[test]
fn a_log_may_end_before_it_begins() -> Result {
    both(|_, bus, play| {
        let lines = log(&["(5.0) can0 1A1#", "(4.0) can0 1A2#", "(4.5) can0 1A3#"]);
        play(&mut replay(bus)?.times(2), &lines)?;
        let times: Vec<_> = bus.written().into_iter().map(|(time, _)| time).collect();
        assert_eq!(times, [0, 0, 500, 500, 500, 1000]);
        Ok(())
    })
}

#[test]
fn what_was_not_sent_may_be_tried_again() -> Result {
    let board = Stub::virtual_time();
    let bus = Bus::new(&board, Duration::ZERO);
    let mut replay = replay(&bus)?;
    let log = log(&["(1.0) can0 1A1#", "(1.5) can0 1A2#"]);
    bus.set_down(true);
    assert!(matches!(
        replay.write_entry(&log[0]),
        Err(Error::Down { .. })
    ));
    board.delay().sleep(Duration::from_secs(1))?;
    bus.set_down(false);
    replay.write_entry(&log[0])?;

    bus.set_down(true);
    assert!(matches!(
        board.block_on(replay.send_entry(&log[1])),
        Err(Error::Down { .. })
    ));
    bus.set_down(false);
    replay.write_entry(&log[1])?;
    assert_eq!(
        bus.written(),
        at([(1000, "vcan0 1A1#"), (1500, "vcan0 1A2#")])
    );
    assert_eq!(replay.summary(), summary(2, 0, 0, 0));
    Ok(())
}

#[test]
fn a_future_that_is_dropped_has_sent_nothing() -> Result {
    let board = Stub::virtual_time();
    let bus = Bus::new(&board, Duration::ZERO);
    let mut replay = replay(&bus)?;
    let log = log(&["(1.0) can0 1A1#", "(1.5) can0 1A2#"]);
    let seen = board.block_on(async {
        let mut delay = board.delay();
        replay.send_entry(&log[0]).await?;
        // While it is not due yet, and while there is no room.
        for wait in [100, 500] {
            bus.busy_until(Time::from_nanos(700_000_000));
            let send = replay.send_entry(&log[1]);
            let sent = delay.timeout(Duration::from_millis(wait), send).await;
            assert_eq!(sent.unwrap_err().kind(), io::ErrorKind::TimedOut);
        }
        replay.send_entry(&log[1]).await?;
        Ok::<_, Error>(replay.summary())
    });
    assert_eq!(bus.written(), at([(0, "vcan0 1A1#"), (700, "vcan0 1A2#")]));
    assert_eq!(seen?, summary(2, 0, 0, 200));
    Ok(())
}

#[test]
fn waits_end_when_they_are_to() -> Result {
    let board = Stub::virtual_time();
    let bus = Bus::new(&board, Duration::ZERO);
    let log = log(&["(1.0) can0 1A1#", "(9.0) can0 1A2#"]);
    let config = Config::new().filters([]).timeout(Duration::from_millis(20));
    let mut replay = Replay::on(&bus).socket("can0", Socket::open_on(&bus, "vcan0", &config)?);
    bus.busy_until(Time::from_nanos(50_000_000));
    assert!(matches!(
        replay.write_entry(&log[0]),
        Err(Error::TimedOut { .. })
    ));
    assert_eq!(board.clock().now(), Time::from_nanos(20_000_000));

    bus.busy_until(Time::ZERO);
    replay.write_entry(&log[0])?;
    board.interrupt()?.raise();
    assert!(matches!(
        replay.write_entry(&log[1]),
        Err(Error::Interrupted { .. })
    ));
    assert_eq!(replay.summary().written, 1);
    Ok(())
}

#[test]
fn any_executor_may_have_its_futures() {
    fn is_send<T: Send>(_: T) {}
    let _ = |replay: &mut Replay, log: &[Entry]| is_send(replay.send_log(log));
}

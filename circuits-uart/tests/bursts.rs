//! Bursts on the virtual board, where times are exact.

use std::io::{Read, Write};
use std::time::Duration;

use circuits_stub::Stub;
use circuits_stub::uart::{Device, Fault, Line};
use circuits_uart::{Bursts, Config, Error, ErrorKind, Parity, Port};
use circuits_wait::Time;

type Result<T = (), E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

const PORT: &str = "ttyAMA0";

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A character takes a millisecond.
fn slow() -> Config {
    Config::new().baud(10_000)
}

const GAP: Duration = ms(4);

/// Says something, and rests after each part of it.
struct Speaker(Vec<(&'static [u8], Duration)>);

impl Device for Speaker {
    fn receive(&mut self, _: u8, _: &mut Line) {}

    fn next(&self) -> Option<Time> {
        (!self.0.is_empty()).then_some(Time::ZERO)
    }

    fn act(&mut self, line: &mut Line) {
        for (bytes, rest) in self.0.drain(..) {
            line.send(bytes);
            line.pause(rest);
        }
    }
}

fn board() -> Stub {
    Stub::virtual_time().serial_port(PORT)
}

fn bursts(board: &Stub, config: &Config) -> Result<Bursts> {
    Ok(Bursts::new(Port::open_on(board, PORT, config)?, GAP))
}

#[test]
fn a_silence_ends_a_burst() -> Result {
    let board = board();
    let mut bursts = bursts(&board, &slow())?;
    let all: [(&[u8], _); 4] = [
        (b"o", ms(2)),
        (b"ne", ms(5)),
        (b"two", ms(100)),
        (b"3", ms(0)),
    ];
    board.plug_serial(PORT, Speaker(all.to_vec()))?;
    assert_eq!(bursts.read_burst(None)?, b"one");
    // Three characters, the rest between two of them, and the gap.
    assert_eq!(board.clock().now(), Time::ZERO + ms(9));
    board.block_on(async {
        assert_eq!(bursts.next_burst().await?, b"two");
        assert_eq!(bursts.next_burst().await?, b"3");
        Ok(())
    })
}

#[test]
fn a_timeout_is_for_the_beginning() -> Result {
    let board = board();
    let mut bursts = bursts(&board, &slow())?;
    let error = bursts.read_burst(Some(ms(3))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(board.clock().now(), Time::ZERO + ms(3));
    board.plug_serial(PORT, Speaker(vec![(b"longer", ms(0))]))?;
    assert_eq!(bursts.read_burst(Some(ms(3)))?, b"longer");
    Ok(())
}

#[test]
fn what_is_too_long_is_dropped_to_its_end() -> Result {
    let board = board();
    let mut bursts = bursts(&board, &slow())?.max_length(4);
    let all: [(&[u8], _); 2] = [(b"much too long", ms(5)), (b"four", ms(0))];
    board.plug_serial(PORT, Speaker(all.to_vec()))?;
    let error = bursts.read_burst(None).unwrap_err();
    assert!(matches!(error, Error::Limit { limit: 4, .. }), "{error}");
    assert_eq!(bursts.read_burst(None)?, b"four");
    Ok(())
}

#[test]
fn what_is_damaged_is_dropped_to_its_end() -> Result {
    let board = board();
    let mut bursts = bursts(&board, &slow().report_errors(true))?;
    board.delay().sleep(ms(100))?;
    board.serial_fault(PORT, Fault::framing())?;
    let all: [(&[u8], _); 2] = [(b"damaged", ms(5)), (b"whole", ms(0))];
    board.plug_serial(PORT, Speaker(all.to_vec()))?;
    let error = bursts.read_burst(None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert_eq!(bursts.read_burst(None)?, b"whole");
    Ok(())
}

#[test]
fn what_came_before_the_end_is_a_burst() -> Result {
    let board = board();
    let mut bursts = bursts(&board, &slow())?;
    board.plug_serial(PORT, Speaker(vec![(b"last words", ms(0))]))?;
    board.delay().sleep(ms(5))?;
    board.remove_serial_port(PORT)?;
    assert_eq!(bursts.read_burst(None)?, b"last ");
    assert_eq!(
        bursts.read_burst(None).unwrap_err().kind(),
        ErrorKind::Removed
    );
    Ok(())
}

#[test]
fn a_dropped_future_leaves_what_came() -> Result {
    let board = board();
    let mut bursts = bursts(&board, &slow())?;
    board.plug_serial(PORT, Speaker(vec![(b"burst", ms(0))]))?;
    let mut delay = board.delay();
    board.block_on(async {
        let dropped = delay.timeout(ms(3), bursts.next_burst()).await;
        assert!(dropped.is_err());
        assert_eq!(bursts.next_burst().await?, b"burst");
        Ok(())
    })
}

/// The end of what was written, and the beginning of the next.
#[test]
fn between_two_writes_is_the_gap() -> Result {
    let board = board();
    let mut bursts = bursts(&board, &slow())?;
    let start = board.clock().now();
    bursts.write_burst(b"one")?;
    assert_eq!(board.clock().now(), start + ms(3 + 4));
    bursts.write_burst(b"two")?;
    assert_eq!(board.clock().now(), start + 2 * ms(3 + 4));
    board.block_on(async {
        bursts.send_burst(b"one").await?;
        bursts.send_burst(b"two").await
    })?;
    assert_eq!(board.clock().now(), start + 4 * ms(3 + 4));
    Ok(())
}

/// It is for the write and for the drain together.
#[test]
fn a_write_takes_no_longer_than_the_timeout() -> Result {
    let board = board();
    let mut bursts = bursts(&board, &slow().timeout(ms(4000)))?;
    // More than there is room for.
    let error = bursts.write_burst(&[0; 4100]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(board.clock().now(), Time::ZERO + ms(4000));
    Ok(())
}

/// *Modbus over serial line*, V1.02, 2.5.1.1.
#[test]
fn the_gap_of_modbus_goes_by_the_baud_rate() -> Result {
    for (baud, micros) in [
        (9600, 4010),
        (19_200, 2005),
        (38_400, 1750),
        (115_200, 1750),
    ] {
        let board = board();
        let config = Config::new().baud(baud).parity(Parity::Even);
        let bursts = Bursts::modbus(Port::open_on(&board, PORT, &config)?);
        assert_eq!(bursts.gap().as_micros(), micros, "{baud}");
        let mut port = bursts.into_port();
        port.write_all(b"otherwise")?;
    }
    Ok(())
}

/// What comes while somebody wants to write is let through, and is there to be read then.
#[test]
fn nobody_writes_into_a_frame() {
    let board = Stub::virtual_time().serial_cable("ttyS0", "ttyS1").unwrap();
    let config = Config::new().baud(9600);
    let open = |name| Port::open_on(&board, name, &config).unwrap();
    let (mut far, mut line) = (open("ttyS0"), Bursts::new(open("ttyS1"), ms(4)));
    let clock = board.clock();
    for by_futures in [false, true] {
        let start = clock.now();
        // 30 characters take 31.25 ms.
        far.write_all(&[0x55; 30]).unwrap();
        clock.delay_until(start + ms(10));
        match by_futures {
            false => line.write_burst(b"hello").unwrap(),
            true => board.block_on(line.send_burst(b"hello")).unwrap(),
        }
        let character = config.character_time();
        let expected = start + 30 * character + ms(4) + 5 * character;
        let late = clock.now() - expected;
        assert!(clock.now() >= expected && late < ms(1), "{late:?}");
        assert_eq!(line.read_burst(Duration::ZERO).unwrap(), [0x55; 30]);
        let mut heard = [0; 5];
        far.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"hello");
    }
}

#[test]
fn who_never_stops_is_not_waited_for() {
    let board = Stub::virtual_time().serial_cable("ttyS0", "ttyS1").unwrap();
    let config = Config::new().baud(9600).timeout(ms(50));
    let open = |name| Port::open_on(&board, name, &config).unwrap();
    let far = open("ttyS0");
    let mut line = Bursts::new(open("ttyS1"), ms(4)).max_length(8);
    far.write_within(&[0x55; 3000], ms(1000)).unwrap();
    let error = line.read_burst(ms(100)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    let start = board.clock().now();
    let error = line.read_burst(ms(100)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(board.clock().now() - start, ms(100));
    let error = line.write_burst(b"x").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(board.clock().now() - start, ms(150));
}

#[test]
fn a_late_answer_is_nobodys() {
    let board = Stub::virtual_time().serial_cable("ttyS0", "ttyS1").unwrap();
    let open = |name| Port::open_on(&board, name, &Config::new()).unwrap();
    let (mut far, mut line) = (open("ttyS0"), Bursts::new(open("ttyS1"), ms(4)));
    far.write_all(b"late").unwrap();
    board.run(|| {
        let answer = board.spawn("far", move || {
            let mut request = [0; 8];
            far.read_exact(&mut request).unwrap();
            far.write_all(b"answer").unwrap();
            far
        });
        assert_eq!(line.transaction(b"request!", ms(100)).unwrap(), b"answer");
        let mut far = answer.unwrap().join().unwrap();
        far.write_all(b"late").unwrap();
        far.drain(None).unwrap();
        line.discard().unwrap();
        let error = line.read_burst(ms(10)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    });
}

#[test]
fn a_late_answer_is_nobodys_to_futures() {
    let board = Stub::virtual_time().serial_cable("ttyS0", "ttyS1").unwrap();
    let open = |name| Port::open_on(&board, name, &Config::new()).unwrap();
    let (mut far, mut line) = (open("ttyS0"), Bursts::new(open("ttyS1"), ms(4)));
    far.write_all(b"late").unwrap();
    board.run(|| {
        let answer = board.spawn("far", move || {
            let mut request = [0; 8];
            far.read_exact(&mut request).unwrap();
            far.write_all(b"answer").unwrap();
        });
        let asked = board.block_on(async {
            let answer = line.transaction_async(b"request!").await;
            answer.map(<[u8]>::to_vec)
        });
        assert_eq!(asked.unwrap(), b"answer");
        answer.unwrap().join().unwrap();
    });
}

//! Serial lines of the virtual board: when bytes come, who waits for whom, and what is lost.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use circuits_stub::Stub;
use circuits_uart::{
    Backend, Config, ErrorKind, FlowControl, Interest, ModemLines, Port, Queue, Received,
};

type Result<T = (), E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// A character of ten bits at 9600 baud, in nanoseconds.
const CHARACTER: u64 = 1_041_666;

const MILLISECOND: Duration = Duration::from_millis(1);

fn slow() -> Config {
    Config::new().baud(9600)
}

fn fast() -> Config {
    Config::new().baud(1_000_000)
}

/// Two ports that are joined by a cable.
fn cable(config: &Config) -> Result<(Stub, Port, Port)> {
    let board = Stub::virtual_time().serial_cable("ttyS0", "ttyS1")?;
    let one = Port::open_on(&board, "ttyS0", config)?;
    let other = Port::open_on(&board, "ttyS1", config)?;
    Ok((board, one, other))
}

fn now(board: &Stub) -> u64 {
    board.clock().now().as_nanos()
}

fn numbers(count: usize) -> Vec<u8> {
    (0..count).map(|number| (number % 251) as u8).collect()
}

#[test]
fn a_byte_is_there_when_its_stop_bit_is_over() -> Result {
    let (board, mut one, mut other) = cable(&slow())?;
    one.write_all(b"abc")?;
    assert_eq!(now(&board), 0, "they were taken over");
    let mut buffer = [0; 8];
    for (number, byte) in (1..).zip(b"abc") {
        assert_eq!(other.read(&mut buffer)?, 1);
        assert_eq!(buffer[0], *byte);
        assert_eq!(now(&board), number * CHARACTER);
    }
    // What came while nobody looked is there at once.
    one.write_all(b"defg")?;
    board.delay().sleep(Duration::from_nanos(3 * CHARACTER))?;
    assert_eq!(other.waiting(Queue::Input)?, 3);
    assert_eq!(other.read(&mut buffer)?, 3);
    assert_eq!(now(&board), 6 * CHARACTER);
    Ok(())
}

#[test]
fn draining_is_done_when_the_last_stop_bit_has_left() -> Result {
    let (board, mut one, other) = cable(&slow())?;
    one.flush()?;
    assert_eq!(now(&board), 0, "there is nothing");
    one.write_all(&[0; 10])?;
    assert_eq!(one.waiting(Queue::Output)?, 10);
    let error = one.drain(Some(Duration::from_nanos(10 * CHARACTER - 1)));
    assert_eq!(error.unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(one.waiting(Queue::Output)?, 1);
    one.flush()?;
    assert_eq!(now(&board), 10 * CHARACTER);
    assert_eq!(other.waiting(Queue::Input)?, 10);
    assert_eq!(one.counters()?.sent, 10);
    assert_eq!(other.counters()?.received, 10);
    Ok(())
}

#[test]
fn both_directions_go_at_once() -> Result {
    let (board, mut one, mut other) = cable(&slow())?;
    let sent = numbers(1000);
    let ends = board.run(|| -> Result<Vec<u64>> {
        let there = board.spawn("there", {
            let (board, sent) = (board.clone(), sent.clone());
            move || -> Result<u64> {
                other.write_all(&sent)?;
                let mut read = vec![0; sent.len()];
                other.read_exact(&mut read)?;
                assert_eq!(read, sent);
                Ok(now(&board))
            }
        })?;
        one.write_all(&sent)?;
        let mut read = vec![0; sent.len()];
        one.read_exact(&mut read)?;
        assert_eq!(read, sent);
        Ok(vec![now(&board), there.join()??])
    })?;
    assert_eq!(ends, [1000 * CHARACTER; 2]);
    Ok(())
}

#[test]
fn halves_go_as_futures_under_any_executor() -> Result {
    use embedded_io_async as hal;

    let (board, one, other) = cable(&fast())?;
    let sent = numbers(20_000);
    let wanted = sent.clone();
    let (mut reader, _writer) = other.split();
    board.block_on(async {
        let (_, mut writer) = one.split();
        let send = async {
            hal::Write::write_all(&mut writer, &sent).await?;
            hal::Write::flush(&mut writer).await
        };
        let receive = async {
            let mut read = vec![0; wanted.len()];
            let done = hal::Read::read_exact(&mut reader, &mut read).await;
            done.map(|()| read)
        };
        let (sent, read) = futures_lite::future::zip(send, receive).await;
        sent.unwrap();
        assert_eq!(read.unwrap(), wanted);
    });
    assert_eq!(now(&board), 20_000 * 10_000);
    Ok(())
}

#[test]
fn a_future_that_is_dropped_is_not_waited_for() -> Result {
    use embedded_io_async as hal;

    let (board, mut one, mut other) = cable(&slow())?;
    let mut delay = board.delay();
    board.block_on(async {
        let mut byte = [0; 1];
        let late = delay.timeout(MILLISECOND, hal::Read::read(&mut other, &mut byte));
        assert!(late.await.is_err());
        assert_eq!(now(&board), 1_000_000);
        one.write_all(b"x").unwrap();
        assert_eq!(hal::Read::read(&mut other, &mut byte).await.unwrap(), 1);
        assert_eq!(&byte, b"x");
    });
    Ok(())
}

#[test]
fn a_buffer_of_4096_bytes_goes_out() -> Result {
    let board = Stub::virtual_time().serial_port("ttyS0");
    let handle = Backend::open(&board, "ttyS0", true)?;
    let would_block = |error: std::io::Error| error.kind() == std::io::ErrorKind::WouldBlock;
    assert_eq!(handle.write(&[0; 5000])?, 4096);
    assert!(handle.write(&[0]).is_err_and(would_block));
    assert_eq!(handle.waiting(Queue::Output)?, 4096);
    board.delay().sleep(Duration::from_nanos(10 * CHARACTER))?;
    assert_eq!(handle.write(&[0; 5000])?, 10);
    // Who waits goes on when there is some work left for the wire, and much room.
    let mut written = 0;
    let ready = handle.ready(Interest::Write);
    ready.block(None, &mut || {
        written = handle.write(&[0; 5000])?;
        Ok(())
    })?;
    assert_eq!(written, 4096 - 255);
    assert_eq!(now(&board), (10 + 4096 - 255) * CHARACTER);
    handle.discard(Queue::Output)?;
    assert_eq!(handle.waiting(Queue::Output)?, 1, "is on the wire");
    let ready = handle.ready(Interest::Drain);
    ready.block(None, &mut || handle.drain())?;
    assert_eq!(now(&board), (10 + 4096 - 255 + 1) * CHARACTER);
    Ok(())
}

#[test]
fn what_is_lost_is_counted() -> Result {
    let (_, mut one, mut other) = cable(&fast())?;
    let sent = numbers(100_000);
    one.write_all(&sent)?;
    one.flush()?;
    // That is all that a kernel tells of; more waits behind it.
    assert_eq!(other.waiting(Queue::Input)?, 4095);
    let waiting = 4095 + 65_536;
    let mut read = vec![0; waiting];
    other.read_exact(&mut read)?;
    assert_eq!(read, sent[..waiting]);
    let counters = other.counters()?;
    assert_eq!(one.counters()?.sent, 100_000);
    assert_eq!(counters.received, 100_000);
    assert_eq!(counters.buffer_overruns as usize, 100_000 - waiting);
    assert_eq!(counters.lost(), counters.buffer_overruns);
    // There is room again.
    one.write_all(b"x")?;
    assert_eq!(other.read(&mut read)?, 1);
    Ok(())
}

#[test]
fn rts_stops_who_sends_and_nothing_is_lost() -> Result {
    let config = fast().flow_control(FlowControl::Hardware);
    let (board, mut one, mut other) = cable(&config)?;
    let sent = numbers(50_000);
    board.run(|| -> Result {
        let sender = board.spawn("sender", {
            let sent = sent.clone();
            move || -> Result<Port> {
                one.write_all(&sent)?;
                one.flush()?;
                Ok(one)
            }
        })?;
        board.delay().sleep(Duration::from_secs(1))?;
        assert!(!other.modem_lines()?.rts);
        // 128 are less than that for the kernel, and no byte was under way.
        assert_eq!(other.waiting(Queue::Input)?, 4095 - 127);
        let mut read = vec![0; sent.len()];
        let (some, rest) = read.split_at_mut(4095 - 127 - 129);
        other.read_exact(some)?;
        assert!(!other.modem_lines()?.rts, "129 are too many");
        let (one_more, rest) = rest.split_at_mut(1);
        other.read_exact(one_more)?;
        assert!(other.modem_lines()?.rts);
        other.read_exact(rest)?;
        assert_eq!(read, sent);
        let one = sender.join()??;
        assert!(other.modem_lines()?.rts && one.modem_lines()?.cts);
        assert_eq!(other.counters()?.lost(), 0);
        assert!(one.counters()?.cts >= 2);
        Ok(())
    })
}

#[test]
fn xoff_stops_who_sends_and_is_no_data() -> Result {
    let config = fast().flow_control(FlowControl::Software);
    let (board, mut one, mut other) = cable(&config)?;
    let is_data = |byte: &u8| !matches!(byte, 0x11 | 0x13);
    let sent: Vec<u8> = numbers(50_000).into_iter().filter(is_data).collect();
    board.run(|| -> Result {
        let sender = board.spawn("sender", {
            let sent = sent.clone();
            move || -> Result<Port> {
                one.write_all(&sent)?;
                one.flush()?;
                Ok(one)
            }
        })?;
        board.delay().sleep(Duration::from_secs(1))?;
        // One more while XOFF was on its way, and the one that began as it came.
        assert_eq!(other.waiting(Queue::Input)?, 4095 - 127 + 2);
        let mut read = vec![0; sent.len()];
        other.read_exact(&mut read)?;
        assert_eq!(read, sent);
        let one = sender.join()??;
        assert_eq!(other.counters()?.lost(), 0);
        assert_eq!(one.waiting(Queue::Input)?, 0, "XON and XOFF");
        assert_eq!(one.counters()?.received, other.counters()?.sent);
        Ok(())
    })
}

/// Who opens it next was not told so.
#[test]
fn xoff_is_forgotten_when_a_port_is_closed() -> Result {
    let (board, one, mut other) = cable(&slow())?;
    one.configure(&slow().flow_control(FlowControl::Software))?;
    other.write_all(b"\x13")?;
    other.flush()?;
    one.write_within(b"stopped", MILLISECOND)?;
    assert!(one.drain(Some(Duration::from_secs(1))).is_err());
    one.discard(Queue::Output)?;
    drop(one);
    let config = slow().flow_control(FlowControl::Software);
    let mut one = Port::open_on(&board, "ttyS0", &config)?;
    one.write_all(b"goes")?;
    one.drain(Some(Duration::from_secs(1)))?;
    let mut read = [0; 4];
    other.read_exact(&mut read)?;
    assert_eq!(&read, b"goes");
    Ok(())
}

/// Nothing gives CTS.
#[test]
fn who_waits_for_ever_is_told_by_which_port() -> Result {
    let board = Stub::virtual_time().serial_port("ttyS0");
    let config = slow().flow_control(FlowControl::Hardware);
    let mut port = Port::open_on(&board, "ttyS0", &config)?;
    port.write_all(b"x")?;
    let error = port.drain(Some(MILLISECOND)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    let error = board.run(|| port.drain(None)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadlock);
    let source = std::error::Error::source(&error)
        .expect("a report")
        .to_string();
    assert!(
        source.ends_with("waits for all to be sent by ttyS0"),
        "{source}"
    );
    let error = board.run(|| port.read(&mut [0])).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::Deadlock);
    // Without flow control it goes.
    port.configure(&slow())?;
    port.flush()?;
    Ok(())
}

#[test]
fn modem_lines_cross_in_a_cable() -> Result {
    let board = Stub::virtual_time().serial_cable("ttyS0", "ttyS1")?;
    let one = Port::open_on(&board, "ttyS0", &slow())?;
    let mut lines = ModemLines::default();
    (lines.rts, lines.dtr) = (true, true);
    assert_eq!(one.modem_lines()?, lines);
    let other = Port::open_on(&board, "ttyS1", &slow())?;
    (lines.cts, lines.dsr, lines.cd) = (true, true, true);
    assert_eq!(one.modem_lines()?, lines);
    assert_eq!(other.modem_lines()?, lines);
    let change = one.wait_modem_change(Some(Duration::ZERO))?.expect("one");
    assert_eq!(
        (change.changes.cts, change.changes.dsr, change.changes.cd),
        (1, 1, 1)
    );

    // A pulse, while somebody waits.
    board.run(|| -> Result {
        let watcher = board.spawn("watcher", {
            let board = board.clone();
            move || -> Result<_> {
                let first = one.wait_modem_change(None)?.expect("a change");
                let at = now(&board);
                board.delay().sleep(10 * MILLISECOND)?;
                Ok((first, at, one.wait_modem_change(None)?, one))
            }
        })?;
        board.delay().sleep(MILLISECOND)?;
        other.set_rts(false)?;
        board.delay().sleep(MILLISECOND)?;
        other.set_rts(true)?;
        other.set_dtr(false)?;
        let (first, at, second, one) = watcher.join()??;
        assert_eq!(at, 1_000_000);
        assert_eq!((first.changes.cts, first.lines.cts), (1, false));
        let second = second.expect("what came meanwhile");
        assert_eq!((second.changes.cts, second.lines.cts), (1, true));
        assert_eq!((second.changes.dsr, second.lines.dsr), (1, false));
        // To hang up.
        drop(other);
        assert!(!one.modem_lines()?.cts);
        Ok(())
    })
}

#[test]
fn what_was_written_is_sent_though_the_port_is_closed() -> Result {
    let (board, mut one, mut other) = cable(&slow())?;
    one.write_all(b"bye")?;
    drop(one);
    assert!(other.modem_lines()?.cts, "it is still at it");
    let mut read = [0; 3];
    other.read_exact(&mut read)?;
    assert_eq!(&read, b"bye");
    assert!(!other.modem_lines()?.cts, "RTS fell when all was sent");
    assert_eq!(other.counters()?.cts, 1);
    let mut one = Port::open_on(&board, "ttyS0", &slow())?;
    other.wait_modem_change(None)?;
    let start = now(&board);
    one.write_all(b"bye")?;
    drop(one);
    let change = other.wait_modem_change(None)?.expect("a change");
    assert!(!change.lines.cts);
    assert_eq!(now(&board) - start, 3 * CHARACTER);
    other.discard(Queue::Input)?;

    let stay = slow().hang_up(false);
    drop(Port::open_on(&board, "ttyS0", &stay)?);
    assert!(other.modem_lines()?.cts);
    // Where nobody lets it send it gives up in the end.
    let config = slow().flow_control(FlowControl::Hardware);
    let mut one = Port::open_on(&board, "ttyS0", &config)?;
    other.set_rts(false)?;
    one.write_all(b"never")?;
    drop(one);
    board.delay().sleep(Duration::from_secs(29))?;
    assert!(other.modem_lines()?.cts);
    board.delay().sleep(Duration::from_secs(2))?;
    assert!(!other.modem_lines()?.cts);
    other.set_rts(true)?;
    assert!(other.read_within(&mut [0], Duration::from_secs(1)).is_err());
    Ok(())
}

#[test]
fn nobody_hears_what_comes_to_a_closed_port() -> Result {
    let (board, mut one, other) = cable(&slow())?;
    one.write_all(b"unread")?;
    one.flush()?;
    assert_eq!(other.waiting(Queue::Input)?, 6);
    drop(other);
    one.write_all(b"lost")?;
    one.flush()?;
    let mut other = Port::open_on(&board, "ttyS1", &slow())?;
    one.write_all(b"heard")?;
    let mut read = [0; 5];
    other.read_exact(&mut read)?;
    assert_eq!(&read, b"heard");
    assert_eq!(other.counters()?.received, 5);
    Ok(())
}

#[test]
fn breaks_are_seen_in_their_place() -> Result {
    let (board, mut one, mut other) = cable(&slow().report_errors(true))?;
    one.write_all(b"a")?;
    one.send_break(20 * MILLISECOND)?;
    assert_eq!(now(&board), CHARACTER + 20_000_000);
    one.write_all(b"b")?;
    let mut byte = [0; 8];
    assert_eq!(other.read(&mut byte)?, 1);
    let error = other.read_within(&mut byte, 100 * MILLISECOND).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Break);
    assert_eq!(other.read(&mut byte)?, 1);
    assert_eq!(byte[0], b'b');
    // The line rests for a bit, to fall again.
    let bit = CHARACTER / 10 + 1;
    assert!(now(&board).abs_diff(20_000_000 + 2 * CHARACTER + bit) < 3);
    assert_eq!(other.counters()?.breaks, 1);

    // As a byte 0, if nobody asks for more.
    other.configure(&slow())?;
    one.send_break(20 * MILLISECOND)?;
    assert_eq!(other.read(&mut byte)?, 1);
    assert_eq!((byte[0], other.counters()?.breaks), (0, 2));
    // Too short to be one: five bits, and the start bit.
    one.send_break(Duration::from_nanos(CHARACTER * 6 / 10))?;
    assert_eq!(other.read(&mut byte)?, 1);
    assert_eq!((byte[0], other.counters()?.breaks), (0b1110_0000, 2));
    Ok(())
}

/// A million bytes, by a reader that looks now and then and one that takes each byte as it comes.
#[test]
fn a_million_bytes_take_ten_seconds() -> Result {
    let (board, one, mut other) = cable(&fast())?;
    let one = Arc::new(one);
    let mut read = vec![0; 1_000_000];
    let (mostly, rest) = read.split_at_mut(900_000);
    board.run(|| -> Result {
        let sender = board.spawn("sender", move || -> Result {
            (&*one).write_all(&numbers(1_000_000))?;
            Ok((&*one).flush()?)
        })?;
        for part in mostly.chunks_mut(3000) {
            other.read_exact(&mut part[..1])?;
            board.delay().sleep(29 * MILLISECOND)?;
            other.read_exact(&mut part[1..])?;
        }
        other.read_exact(rest)?;
        sender.join()?
    })?;
    assert!(read == numbers(1_000_000));
    assert_eq!(now(&board), 10_000_000_000);
    Ok(())
}

#[test]
fn the_trace_is_the_same_each_time() -> Result {
    let run = || -> Result<String> {
        let board = Stub::virtual_time()
            .lines(["LED"])
            .serial_cable("ttyS0", "ttyS1")?;
        let recording = board.record();
        let led = board.clone();
        board.run(|| -> Result {
            let mut one = Port::open_on(&board, "ttyS0", &slow())?;
            let mut other = Port::open_on(&board, "ttyS1", &slow())?;
            let echo = board.spawn("echo", move || -> Result {
                let mut buffer = [0; 16];
                loop {
                    let count = match other.read_within(&mut buffer, 50 * MILLISECOND) {
                        Ok(count) => count,
                        Err(error) if error.kind() == ErrorKind::TimedOut => return Ok(()),
                        Err(error) => return Err(error.into()),
                    };
                    led.drive("LED", buffer[0] & 1 == 1)?;
                    other.write_all(&buffer[..count])?;
                }
            })?;
            one.write_all(b"Hi\r\n")?;
            board.delay().sleep(10 * MILLISECOND)?;
            one.write_all(&[1, 0xfe])?;
            one.send_break(20 * MILLISECOND)?;
            echo.join()?
        })?;
        Ok(recording.to_string())
    };
    let first = run()?;
    for wanted in [
        "0.000000 s  ttyS0: RTS active, DTR active\n",
        "0.000000 s  ttyS0: CTS active, DSR active, CD active\n",
        "0.000000 s  ttyS0: send \"Hi\\r\\n\"\n",
        "0.004166 s  ttyS1: receive \"Hi\\r\\n\"\n",
        "0.010000 s  ttyS0: send 01 fe\n",
        "0.012083 s  ttyS0: break begins\n",
        "0.013072 s  ttyS1: receive a break\n",
        "0.032083 s  ttyS0: break ends\n",
    ] {
        assert!(first.contains(wanted), "{wanted}{first}");
    }
    for _ in 0..5 {
        assert_eq!(run()?, first);
    }
    Ok(())
}

/// While nobody waits for bytes, and all is told of them.
#[test]
fn the_trace_is_in_the_order_of_time() -> Result {
    let board = Stub::virtual_time()
        .lines(["LED"])
        .serial_cable("ttyS0", "ttyS1")?;
    let mut one = Port::open_on(&board, "ttyS0", &slow())?;
    let _other = Port::open_on(&board, "ttyS1", &slow())?;
    let recording = board.record();
    one.write_all(&[b'x'; 100])?;
    board.delay().sleep(Duration::from_secs(1))?;
    board.drive("LED", true)?;
    let text = recording.to_string();
    let told: Vec<&str> = text.lines().map(|line| &line[..26]).collect();
    let wanted = [
        "0.000000 s  ttyS0: send \"x",
        "0.066666 s  ttyS1: receive",
        "0.104166 s  ttyS1: receive",
        "1.000000 s  LED: driven hi",
    ];
    assert_eq!(told, wanted, "64 bytes at once are told, and the rest");
    // Who does not listen any more hears nothing of it, nor does the next.
    one.write_all(&[b'Q'; 10])?;
    board.delay().sleep(Duration::from_nanos(5 * CHARACTER))?;
    drop(recording);
    board.delay().sleep(Duration::from_secs(1))?;
    let recording = board.record();
    one.write_all(b"z")?;
    board.delay().sleep(Duration::from_secs(1))?;
    assert!(!recording.to_string().contains('Q'), "{recording}");
    Ok(())
}

#[test]
fn a_port_hears_itself_in_a_loop() -> Result {
    let board = Stub::virtual_time().serial_loop("ttyS0")?;
    let config = fast().flow_control(FlowControl::Hardware);
    let mut port = Port::open_on(&board, "ttyS0", &config)?;
    let lines = port.modem_lines()?;
    assert!(lines.cts && lines.dsr && lines.cd && !lines.ri);
    let sent = numbers(20_000);
    // It stops itself, and goes on when it reads.
    let mut read = Vec::new();
    for part in sent.chunks(2000) {
        port.write_all(part)?;
        let mut buffer = vec![0; part.len()];
        port.read_exact(&mut buffer)?;
        read.extend(buffer);
    }
    assert_eq!(read, sent);
    port.set_rts(false)?;
    assert!(!port.modem_lines()?.cts);
    Ok(())
}

#[test]
fn a_handle_reads_in_order_and_waits_for_nobody() -> Result {
    let board = Stub::virtual_time().serial_loop("ttyS0")?;
    let handle = Backend::open(&board, "/dev/ttyS0", false)?;
    let mut buffer = [0; 2];
    let would_block = |error: std::io::Error| error.kind() == std::io::ErrorKind::WouldBlock;
    assert!(handle.read(&mut buffer).is_err_and(would_block));
    assert_eq!(handle.write(&[])?, 0);
    assert_eq!(handle.write(b"abc")?, 3);
    assert!(handle.drain().is_err_and(would_block));
    board.delay().sleep(Duration::from_secs(1))?;
    handle.drain()?;
    assert_eq!(handle.read(&mut buffer)?, Received::Bytes(2));
    assert_eq!(handle.waiting(Queue::Both)?, 1);
    handle.discard(Queue::Both)?;
    assert!(handle.read(&mut buffer).is_err_and(would_block));
    Ok(())
}

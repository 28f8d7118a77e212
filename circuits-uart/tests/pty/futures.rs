use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use circuits_bench::block_on;
use circuits_uart::{Config, ErrorKind, Linux, Port};
use embedded_io_async_07::{Read, Write};

use crate::{ports, until_waiting};

/// Polls a future once, and drops it.
async fn once<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| {
        Poll::Ready(match future.as_mut().poll(cx) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

#[test]
fn futures_read_write_and_flush() {
    let (here, there) = ports(&Config::new());
    let echo = thread::spawn(move || {
        let mut there = there;
        block_on(async {
            let mut buffer = [0; 1000];
            let mut left = 300_000;
            while left > 0 {
                let count = Read::read(&mut there, &mut buffer).await.unwrap();
                there.write_all(&buffer[..count]).await.unwrap();
                left -= count;
            }
            Write::flush(&mut there).await.unwrap();
        });
    });
    let sent: Vec<u8> = (0..300_000).map(|number| (number / 7) as u8).collect();
    let (mut reader, mut writer) = here.split();
    let mut received = vec![0; sent.len()];
    block_on(futures_lite::future::zip(
        async { Write::write_all(&mut writer, &sent).await.unwrap() },
        async { Read::read_exact(&mut reader, &mut received).await.unwrap() },
    ));
    assert!(received == sent);
    echo.join().unwrap();
}

#[test]
fn what_a_dropped_future_did_not_read_is_there() {
    let (mut here, mut there) = ports(&Config::new());
    block_on(async {
        let mut buffer = [0; 10];
        assert!(once(Read::read(&mut there, &mut buffer)).await.is_none());
        here.write_all(b"hello").await.unwrap();
        let count = Read::read(&mut there, &mut buffer).await.unwrap();
        assert_eq!(&buffer[..count], b"hello");
        // Now nobody waits, and a blocking read has it.
        assert!(once(Read::read(&mut there, &mut buffer)).await.is_none());
        here.write_all(b"again").await.unwrap();
    });
    let mut again = [0; 5];
    std::io::Read::read_exact(&mut there, &mut again).unwrap();
    assert_eq!(&again, b"again");
}

#[test]
fn futures_are_not_interrupted() {
    let interrupt = circuits_wait::Interrupt::new().unwrap();
    let clock = circuits_wait::Monotonic::interrupted_by(interrupt.clone());
    let (mut here, mut there) = crate::ports_on(&Linux::with_clock(clock), &Config::new());
    interrupt.raise();
    block_on(async {
        here.write_all(b"hello").await.unwrap();
        Write::flush(&mut here).await.unwrap();
        let mut greeting = [0; 5];
        Read::read_exact(&mut there, &mut greeting).await.unwrap();
        assert_eq!(&greeting, b"hello");
    });
}

/// One thread blocks, another one's futures wait, on the same port: its halves.
#[test]
fn a_half_blocks_while_the_other_one_is_awaited() {
    let (mut here, there) = ports(&Config::new());
    let (mut reader, mut writer) = there.split();
    thread::scope(|scope| {
        let reads = scope.spawn(move || {
            let mut word = [0; 4];
            std::io::Read::read_exact(&mut reader, &mut word).unwrap();
            word
        });
        let sent = vec![7; 200_000];
        scope.spawn(move || block_on(Write::write_all(&mut writer, &sent)).unwrap());
        let mut received = vec![0; 200_000];
        std::io::Read::read_exact(&mut here, &mut received).unwrap();
        std::io::Write::write_all(&mut here, b"done").unwrap();
        assert_eq!(&reads.join().unwrap(), b"done");
    });
}

#[test]
fn a_port_is_ready_to_be_read_or_not() {
    use embedded_io_07::ReadReady;
    let (mut here, mut there): (Port, Port) = ports(&Config::new());
    assert!(!there.read_ready().unwrap());
    std::io::Write::write_all(&mut here, b"!").unwrap();
    until_waiting(&there, 1);
    assert!(there.read_ready().unwrap());
    let moment = Duration::from_millis(1);
    assert_eq!(there.read_within(&mut [0; 3], moment).unwrap(), 1);
}

#[test]
fn the_end_is_told_to_those_that_wait() {
    for controlling in [true, false] {
        let (here, there) = ports(&Config::new());
        let (stays, goes) = if controlling {
            (here, there)
        } else {
            (there, here)
        };
        let (mut reader, mut writer) = stays.split();
        thread::scope(|scope| {
            let reads = scope.spawn(move || block_on(reader.read(&mut [0; 10])).unwrap_err());
            let writes = scope.spawn(move || {
                block_on(async {
                    loop {
                        if let Err(error) = writer.write(&[0; 1000]).await {
                            break error;
                        }
                    }
                })
            });
            thread::sleep(Duration::from_millis(20));
            drop(goes);
            assert_eq!(reads.join().unwrap().kind(), ErrorKind::HungUp);
            assert_eq!(writes.join().unwrap().kind(), ErrorKind::HungUp);
        });
    }
}

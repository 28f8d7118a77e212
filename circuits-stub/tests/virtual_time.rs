//! Virtual time: an hour passes at once, in one order, whoever runs the futures.

mod board;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use circuits_gpio::{Edge, Input, Output};
use circuits_stub::Stub;
use circuits_stub::chips::Tmp102;
use circuits_wait::Time;
use embedded_hal::delay::DelayNs as Blocking;
use embedded_hal::i2c::I2c as BlockingI2c;
use embedded_hal_async::delay::DelayNs;
use embedded_hal_async::digital::Wait;
use embedded_hal_async::i2c::I2c;

use board::{HOUR, Result, bus, input, output, under_tokio};

/// Three threads and two tasks: two that toggle lines, one that answers each edge by an edge, two
/// that poll the sensor; some of it at the same instants.
fn an_hour() -> Result<String> {
    let sensor = Tmp102::new();
    let stub = Stub::virtual_time()
        .lines(["PING", "PING_IN", "PONG", "PONG_IN", "BEAT", "BEAT_IN"])
        .wire("PING", "PING_IN")?
        .wire("PONG", "PONG_IN")?
        .wire("BEAT", "BEAT_IN")?
        .i2c_device("i2c-1", 0x48, sensor.clone())?;
    let recording = stub.record();
    let end = Time::ZERO + HOUR;

    stub.run(|| -> Result {
        let (ping, mut pong_in) = (output(&stub, "PING")?, input(&stub, "PONG_IN")?);
        let (pong, mut ping_in) = (output(&stub, "PONG")?, input(&stub, "PING_IN")?);
        let (beat, mut beat_in) = (output(&stub, "BEAT")?, input(&stub, "BEAT_IN")?);

        let player = stub.spawn("player", {
            let stub = stub.clone();
            move || -> Result {
                while let Some(event) = ping_in.wait_edge(Duration::from_secs(5))? {
                    stub.delay().sleep(Duration::from_micros(250))?;
                    pong.set(event.edge() == Edge::Rising)?;
                }
                Ok(())
            }
        })?;
        let poller = stub.spawn("poller", {
            let (stub, mut bus) = (stub.clone(), bus(&stub)?);
            move || -> Result {
                while stub.clock().now() < end {
                    BlockingI2c::write_read(&mut bus, 0x48, &[0], &mut [0; 2])?;
                    stub.delay().sleep(Duration::from_secs(2))?;
                }
                Ok(())
            }
        })?;
        let heart = {
            let stub = stub.clone();
            async move {
                let mut delay = stub.delay();
                while stub.clock().now() < end {
                    DelayNs::delay_ms(&mut delay, 2000).await;
                    beat.set(!beat.is_set())?;
                }
                Result::Ok(())
            }
        };
        let listener = {
            let (stub, mut bus) = (stub.clone(), bus(&stub)?);
            async move {
                let mut delay = stub.delay();
                loop {
                    let edge = beat_in.wait_for_any_edge();
                    match delay.timeout(Duration::from_secs(4), edge).await {
                        Ok(edge) => edge?,
                        Err(error) if error.kind() == io::ErrorKind::TimedOut => return Ok(()),
                        Err(error) => return Result::Err(error.into()),
                    }
                    I2c::write_read(&mut bus, 0x48, &[1], &mut [0; 2]).await?;
                }
            }
        };
        let tasks = stub.spawn("tasks", {
            let stub = stub.clone();
            move || -> Result {
                let runtime = tokio::runtime::Builder::new_current_thread().build()?;
                let both = async {
                    let heart = tokio::spawn(stub.task("heart", heart));
                    let listener = tokio::spawn(stub.task("listener", listener));
                    heart.await?.and(listener.await?)
                };
                stub.block_on_with(|future| runtime.block_on(future), both)
            }
        })?;

        while stub.clock().now() < end {
            sensor.set_celsius(20.0 + stub.clock().now().as_nanos() as f32 / 1e12);
            ping.set(!ping.is_set())?;
            pong_in.wait_edge(None)?;
            stub.delay().sleep(Duration::from_secs(1))?;
        }
        tasks.join()??;
        poller.join()??;
        player.join()?
    })?;
    assert!(stub.clock().now() >= end);
    Ok(recording.to_string())
}

#[test]
fn an_hour_is_always_the_same_and_takes_no_time() -> Result {
    // On a single processor others would only take turns with us, and it takes long enough.
    let processors = std::thread::available_parallelism()?.get();
    let rounds = if processors == 1 { 3 } else { 20 };
    let busy = Arc::new(AtomicBool::new(true));
    let neighbours: Vec<_> = (0..processors.min(3) - 1)
        .map(|_| {
            let busy = busy.clone();
            std::thread::spawn(move || while busy.load(Ordering::Relaxed) {})
        })
        .collect();
    let first = an_hour()?;
    assert!(first.lines().count() > 10_000, "{}", first.lines().count());
    let mut fastest = Duration::MAX;
    for round in 1..rounds {
        let start = Instant::now();
        let again = an_hour()?;
        fastest = fastest.min(start.elapsed());

        if first != again {
            let differ = first.lines().zip(again.lines()).position(|(a, b)| a != b);
            panic!("round {round} differs from line {differ:?} on");
        }
    }
    busy.store(false, Ordering::Relaxed);
    for neighbour in neighbours {
        neighbour.join().unwrap();
    }
    // Some 0.5 s, and 10 s in the emulated Pi: how long it takes is no fact of the board.
    println!("an hour took {fastest:?}");
    assert!(fastest < HOUR / 60, "an hour took {fastest:?}");
    Ok(())
}

/// The same two futures, whoever runs them.
async fn ping(stub: Stub, mut input: Input, output: Output, start: bool) -> Result {
    let mut delay = stub.delay();
    if start {
        output.set(true)?;
    }
    for _ in 0..100 {
        input.wait_for_any_edge().await?;
        DelayNs::delay_ms(&mut delay, 10).await;
        output.set(!output.is_set())?;
    }
    Ok(())
}

type Futures = (
    Stub,
    std::pin::Pin<Box<dyn Future<Output = Result> + Send>>,
    std::pin::Pin<Box<dyn Future<Output = Result> + Send>>,
);

fn trace_of(run: impl FnOnce(Futures)) -> Result<String> {
    let stub = Stub::virtual_time()
        .lines(["A", "A_IN", "B", "B_IN"])
        .wire("A", "A_IN")?
        .wire("B", "B_IN")?;
    let recording = stub.record();
    // The first to wait is `a`, so that it sees the edge of `b`.
    let a = ping(
        stub.clone(),
        input(&stub, "B_IN")?,
        output(&stub, "A")?,
        false,
    );
    let b = ping(
        stub.clone(),
        input(&stub, "A_IN")?,
        output(&stub, "B")?,
        true,
    );
    run((stub, Box::pin(a), Box::pin(b)));
    Ok(recording.to_string())
}

#[test]
fn every_executor_gives_the_same_trace() -> Result {
    let own = trace_of(|(stub, a, b)| {
        stub.block_on(async {
            let (a, b) = (stub.task("a", a), stub.task("b", b));
            let (a, b) = futures_lite::future::zip(a, b).await;
            a.and(b).unwrap();
        });
    })?;
    assert!(own.lines().count() > 200);
    let threads = trace_of(|(stub, a, b)| {
        stub.run(|| {
            let a = stub
                .spawn("a", {
                    let stub = stub.clone();
                    move || stub.block_on(a)
                })
                .unwrap();
            let b = stub
                .spawn("b", {
                    let stub = stub.clone();
                    move || stub.block_on(b)
                })
                .unwrap();
            a.join().unwrap().unwrap();
            b.join().unwrap().unwrap();
        });
    })?;
    assert_eq!(own, threads);
    let tokio_run = |runtime: tokio::runtime::Runtime| {
        trace_of(move |(stub, a, b)| {
            let both = async {
                let a = tokio::spawn(stub.task("a", a));
                let b = tokio::spawn(stub.task("b", b));
                a.await.unwrap().unwrap();
                b.await.unwrap().unwrap();
            };
            stub.block_on_with(|future| runtime.block_on(future), both);
        })
    };
    let current = tokio_run(tokio::runtime::Builder::new_current_thread().build()?)?;
    assert_eq!(own, current);
    for _ in 0..10 {
        let mut multi = tokio::runtime::Builder::new_multi_thread();
        assert_eq!(own, tokio_run(multi.worker_threads(2).build()?)?);
    }
    let plain = trace_of(|(stub, a, b)| {
        stub.block_on_with(pollster::block_on, async {
            let (a, b) = futures_lite::future::zip(a, b).await;
            a.and(b).unwrap();
        });
    })?;
    assert_eq!(own, plain);
    Ok(())
}

#[tokio::test]
async fn one_wrapper_round_a_test_of_tokio_is_enough() -> Result {
    let stub = Stub::virtual_time();
    let body = async {
        DelayNs::delay_ms(&mut stub.delay(), 3_600_000).await;
        stub.clock().now()
    };
    assert_eq!(stub.task("test", body).await, Time::ZERO + HOUR);
    Ok(())
}

#[test]
fn who_joins_a_task_goes_on_when_it_ends() -> Result {
    for _ in 0..50 {
        under_tokio(|stub, runtime| {
            let after = |seconds| {
                let stub = stub.clone();
                let sleep =
                    async move { DelayNs::delay_ms(&mut stub.delay(), seconds * 1000).await };
                (sleep, seconds)
            };
            let body = async {
                let spawn = |(sleep, seconds): (_, u32)| {
                    (tokio::spawn(stub.task("sleeper", sleep)), seconds)
                };
                let tasks: Vec<_> = [after(1), after(5), after(9)].map(spawn).into();
                for (task, seconds) in tasks {
                    task.await.unwrap();
                    assert_eq!(
                        stub.clock().now(),
                        Time::ZERO + Duration::from_secs(seconds.into())
                    );
                }
            };
            stub.block_on_with(|future| runtime.block_on(future), body);
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn a_blocking_wait_in_a_task_goes_with_any_executor() -> Result {
    for _ in 0..100 {
        under_tokio(|stub, runtime| {
            let body = async {
                let (mut one, mut other) = (stub.delay(), stub.delay());
                let blocking = stub.task("blocking", async move {
                    for _ in 0..3 {
                        DelayNs::delay_us(&mut one, 3).await;
                        Blocking::delay_us(&mut one, 10);
                    }
                });
                let blocking = tokio::spawn(blocking);
                let waiting = stub.task("waiting", async move {
                    for _ in 0..5 {
                        DelayNs::delay_us(&mut other, 7).await;
                    }
                });
                let waiting = tokio::spawn(waiting);
                blocking.await.unwrap();
                waiting.await.unwrap();
            };
            stub.block_on_with(|future| runtime.block_on(future), body);
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn a_block_on_in_a_future_loses_no_wake_up() {
    let stub = Stub::virtual_time();
    let delay = async |seconds: u32| DelayNs::delay_ms(&mut stub.delay(), seconds * 1000).await;
    let inner = async { stub.block_on(delay(2)) };
    stub.block_on(futures_lite::future::zip(delay(1), inner));
    let inner = async { stub.block_on_with(pollster::block_on, delay(2)) };
    stub.block_on_with(
        pollster::block_on,
        futures_lite::future::zip(delay(1), inner),
    );
    assert_eq!(stub.clock().now(), Time::ZERO + Duration::from_secs(4));
}

#[test]
fn a_wire_brings_an_edge() -> Result {
    let stub = Stub::virtual_time().lines(["A", "B"]);
    let (a, mut b) = (output(&stub, "A")?, input(&stub, "B")?);
    a.set(true)?;
    let _ = stub.clone().wire("B", "A")?;
    assert!(b.get()?);
    assert_eq!(
        b.wait_edge(Duration::ZERO)?.map(|event| event.edge()),
        Some(Edge::Rising)
    );
    Ok(())
}

#[test]
fn a_test_with_one_thread_needs_no_ceremony() -> Result {
    let stub = Stub::virtual_time();
    Blocking::delay_ms(&mut stub.delay(), 3_600_000);
    Blocking::delay_us(&mut stub.delay(), 1);
    Blocking::delay_ns(&mut stub.delay(), 1);
    assert_eq!(stub.clock().now().as_nanos(), 3_600_000_001_001);
    Ok(())
}

#[test]
fn a_blocking_delay_in_a_task_does_not_stop_the_others() -> Result {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let stub = Stub::virtual_time();
    let log = Arc::new(Mutex::new(Vec::new()));
    let note = |name: &'static str| {
        let (stub, log) = (stub.clone(), log.clone());
        move || {
            log.lock()
                .unwrap()
                .push((name, stub.clock().now().as_nanos() / 1000))
        }
    };
    stub.block_on_with(|future| runtime.block_on(future), async {
        let blocking = tokio::spawn(stub.task("blocking", {
            let (mut delay, note) = (stub.delay(), note("blocking"));
            async move {
                Blocking::delay_us(&mut delay, 10);
                note();
            }
        }));
        let other = tokio::spawn(stub.task("other", {
            let (mut delay, note) = (stub.delay(), note("other"));
            async move {
                DelayNs::delay_us(&mut delay, 5).await;
                note();
            }
        }));
        blocking.await.unwrap();
        other.await.unwrap();
    });
    // The other's first poll comes after the thread is free again.
    assert_eq!(*log.lock().unwrap(), [("blocking", 10), ("other", 15)]);
    Ok(())
}

#[test]
fn an_executor_that_gives_up_gets_its_turn_back() -> Result {
    let stub = Stub::virtual_time().lines(["DOOR"]);
    let mut door = input(&stub, "DOOR")?;
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    stub.run(|| -> Result {
        let robot = stub.spawn("robot", {
            let stub = stub.clone();
            move || stub.delay().sleep(HOUR)
        })?;
        let given_up = stub.block_on_with(
            |future| std::pin::pin!(future).poll(&mut context).is_pending(),
            async { door.wait_for_high().await },
        );
        assert!(given_up);
        // Until then nobody could know that it would, so the hour may have gone by.
        let before = stub.clock().now();
        stub.delay().sleep(Duration::from_secs(1))?;
        assert_eq!(stub.clock().now(), before + Duration::from_secs(1));
        robot.join()??;
        Ok(())
    })?;
    assert!(stub.clock().now() >= Time::ZERO + HOUR);
    Ok(())
}

#[test]
fn waits_end_in_the_order_in_which_they_began() -> Result {
    let names = ["a", "b", "c", "d"];
    let stub = Stub::virtual_time().lines(names).lines(["DOOR"]);
    let stub = names
        .into_iter()
        .try_fold(stub, |stub, name| stub.wire("DOOR", name))?;
    let recording = stub.record();
    stub.run(|| -> Result {
        let mut threads = Vec::new();
        for name in ["c", "a", "d", "b"] {
            let (mut line, noting) = (input(&stub, name)?, stub.clone());
            threads.push(stub.spawn(name, move || {
                line.wait_edge(None).unwrap();
                noting.note(format!("{name} woke"));
                noting.delay().sleep(Duration::from_secs(1)).unwrap();
                noting.note(format!("{name} slept"));
            })?);
        }
        stub.delay().sleep(Duration::from_secs(1))?;
        stub.drive("DOOR", true)?;
        threads
            .into_iter()
            .try_for_each(|thread| Ok(thread.join()?))
    })?;
    let trace = recording.to_string();
    for what in ["woke", "slept"] {
        let order: Vec<&str> = trace
            .lines()
            .filter_map(|line| line.strip_suffix(what)?.trim_end().rsplit(' ').next())
            .collect();
        assert_eq!(order, ["c", "a", "d", "b"], "{trace}");
    }
    Ok(())
}

#[test]
fn boards_never_meet() -> Result {
    let (a, b) = (
        Stub::virtual_time().lines(["X"]),
        Stub::virtual_time().lines(["X"]),
    );
    let (x, y) = (output(&a, "X")?, output(&b, "X")?);
    a.run(|| {
        b.run(|| {
            a.delay().sleep(HOUR).unwrap();
            x.set(true).unwrap();
        })
    });
    assert_eq!(
        (a.level("X")?, b.level("X")?, y.is_set()),
        (true, false, false)
    );
    assert_eq!(
        (a.clock().now(), b.clock().now()),
        (Time::ZERO + HOUR, Time::ZERO)
    );
    Ok(())
}

#[test]
fn a_failing_transaction_takes_its_time_too() -> Result {
    let stub = Stub::virtual_time().i2c_bus("i2c-1");
    let (mut bus, end) = (bus(&stub)?, Time::ZERO + Duration::from_millis(1));
    let mut tries = 0;
    while stub.clock().now() < end {
        BlockingI2c::write(&mut bus, 0x50, &[]).unwrap_err();
        tries += 1;
    }
    // A start, eight bits, an acknowledge that does not come, a stop: 110 us.
    assert_eq!(tries, 10);
    Ok(())
}

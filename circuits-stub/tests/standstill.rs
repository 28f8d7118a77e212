//! What cannot go on says so, and what is over keeps nobody.

mod board;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use circuits_gpio::Edge;
use circuits_stub::Stub;
use circuits_wait::Time;
use embedded_hal_async::digital::Wait;

use board::{HOUR, Result, input, output, under_tokio};

#[test]
fn a_task_that_waits_for_ever_is_a_deadlock_for_who_joins_it() -> Result {
    under_tokio(|stub, runtime| {
        let stub = stub.clone().lines(["DOOR"]);
        let mut door = input(&stub, "DOOR")?;
        let body = async {
            let robot = stub.task(
                "robot",
                async move { door.wait_for_high().await.unwrap_err() },
            );
            tokio::spawn(robot).await.unwrap()
        };
        let error = stub.block_on_with(|future| runtime.block_on(future), body);
        assert_eq!(error.kind(), circuits_gpio::ErrorKind::Deadlock);
        let report = std::error::Error::source(&error).unwrap().to_string();
        assert!(
            report.contains("robot waits for an edge on DOOR"),
            "{report}"
        );
        assert!(
            report.contains("waits for something that is not on the board"),
            "{report}"
        );
        Ok(())
    })
}

#[test]
fn time_stands_still_for_who_is_left_behind() -> Result {
    let stub = Stub::virtual_time().lines(["LED"]);
    let led = output(&stub, "LED")?;
    let recording = stub.record();
    stub.run(|| -> Result {
        let looping = stub.clone();
        stub.spawn("looping", move || {
            while looping.delay().sleep(Duration::from_secs(600)).is_ok() {
                led.set(!led.is_set()).unwrap();
            }
        })?;
        Ok(stub.delay().sleep(Duration::from_secs(1))?)
    })?;
    assert_eq!(stub.clock().now(), Time::ZERO + Duration::from_secs(1));
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(stub.clock().now(), Time::ZERO + Duration::from_secs(1));
    assert!(recording.entries().is_empty());
    // It goes on with the next who waits.
    stub.delay().sleep(Duration::from_secs(600))?;
    assert_eq!(recording.entries().len(), 1);
    Ok(())
}

#[test]
fn a_waker_that_panics_stops_nobody_else() -> Result {
    struct Panics;
    impl std::task::Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("as it should");
        }
    }
    let stub = Stub::real_time().lines(["A", "B"]);
    let (mut a, mut b) = (input(&stub, "A")?, input(&stub, "B")?);
    let waker = Arc::new(Panics).into();
    let mut edges = a.edges();
    let mut wait = std::pin::pin!(edges.next_event());
    assert!(
        wait.as_mut()
            .poll(&mut std::task::Context::from_waker(&waker))
            .is_pending()
    );
    let panicking = stub.clone();
    assert!(
        std::thread::spawn(move || panicking.drive("A", true))
            .join()
            .is_err()
    );
    let driver = stub.clone();
    std::thread::spawn(move || driver.drive("B", true).unwrap());
    assert!(b.wait_edge(Duration::from_secs(10))?.is_some());
    Ok(())
}

#[test]
fn an_interrupt_that_was_cleared_ends_no_later_wait() -> Result {
    let stub = Stub::real_time();
    let interrupt = stub.interrupt()?;
    for _ in 0..300 {
        interrupt.raise();
        interrupt.clear();
        stub.delay().sleep(Duration::from_micros(200))?;
    }
    Ok(())
}

#[test]
fn the_end_of_time_is_never() -> Result {
    let stub = Stub::virtual_time().lines(["DOOR"]);
    let error = input(&stub, "DOOR")?.wait_edge(Duration::MAX).unwrap_err();
    assert_eq!(error.kind(), circuits_gpio::ErrorKind::Deadlock);
    Ok(())
}

#[test]
fn all_waiting_for_ever_is_a_deadlock() -> Result {
    let stub = Stub::virtual_time().lines(["DOOR", "WINDOW"]);
    let (mut door, mut window) = (input(&stub, "DOOR")?, input(&stub, "WINDOW")?);
    let (robot, main) = stub.run(|| -> Result<_> {
        let robot = stub.spawn("robot", move || door.wait_edge(None).unwrap_err())?;
        let main = window.wait_edge(None).unwrap_err();
        Ok((robot.join()?, main))
    })?;
    for error in [robot, main] {
        assert_eq!(error.kind(), circuits_gpio::ErrorKind::Deadlock);
        let report = std::error::Error::source(&error).unwrap().to_string();
        let me = std::thread::current()
            .name()
            .unwrap_or_default()
            .to_string();
        assert_eq!(
            report,
            format!(
                "nothing can happen any more: {me} waits for an edge on WINDOW; robot waits for an edge on DOOR"
            )
        );
    }
    Ok(())
}

#[test]
fn futures_that_wait_for_ever_are_a_deadlock() -> Result {
    let stub = Stub::virtual_time().lines(["DOOR"]);
    let mut door = input(&stub, "DOOR")?;
    let error = stub
        .block_on(async { door.wait_for_high().await })
        .unwrap_err();
    assert_eq!(error.kind(), circuits_gpio::ErrorKind::Deadlock);
    let error = stub.block_on_with(pollster::block_on, async { door.wait_for_high().await });
    assert_eq!(
        error.unwrap_err().kind(),
        circuits_gpio::ErrorKind::Deadlock
    );
    Ok(())
}

#[test]
fn a_guest_that_waits_for_ever_is_a_deadlock() -> Result {
    let stub = Stub::virtual_time().lines(["DOOR"]);
    let error = input(&stub, "DOOR")?.wait_edge(None).unwrap_err();
    assert_eq!(error.kind(), circuits_gpio::ErrorKind::Deadlock);
    Ok(())
}

#[test]
fn a_join_that_waits_for_ever_is_a_deadlock() -> Result {
    let stub = Stub::virtual_time().lines(["DOOR"]);
    let mut door = input(&stub, "DOOR")?;
    stub.run(|| -> Result {
        let robot = stub.spawn("robot", move || door.wait_edge(None).is_err())?;
        let error = robot.join().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Deadlock);
        Ok(())
    })
}

#[test]
fn a_future_outside_of_tasks_is_an_error_and_not_a_hang() -> Result {
    let stub = Stub::virtual_time().lines(["DOOR"]);
    let mut door = input(&stub, "DOOR")?;
    let error = pollster::block_on(door.wait_for_high()).unwrap_err();
    assert_eq!(error.kind(), circuits_gpio::ErrorKind::Unsupported);
    let error = stub.spawn("robot", || ()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Unsupported);
    Ok(())
}

#[test]
fn a_thread_that_panics_leaves_and_is_found_out() {
    let stub = Stub::virtual_time();
    let caught = std::panic::catch_unwind(|| {
        stub.run(|| {
            let robot = stub.spawn("robot", || panic!("as it should")).unwrap();
            stub.delay().sleep(HOUR).unwrap();
            robot.join().unwrap();
        });
    });
    let panic = caught.unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"as it should"));
    stub.delay().sleep(HOUR).unwrap();
    assert_eq!(stub.clock().now(), Time::ZERO + 2 * HOUR);
}

#[test]
fn the_loser_of_a_timeout_keeps_no_time() -> Result {
    let stub = Stub::virtual_time().lines(["DOOR"]);
    let mut door = input(&stub, "DOOR")?;
    stub.block_on(async {
        let (mut long, mut short) = (stub.delay(), stub.delay());
        let slow = long.timeout(HOUR, std::future::pending::<()>());
        let late = short.timeout(Duration::from_secs(1), slow).await;
        assert_eq!(late.unwrap_err().kind(), io::ErrorKind::TimedOut);
        // Nobody waits for the hour any more, so nothing is due.
        let error = door.wait_for_high().await.unwrap_err();
        assert_eq!(error.kind(), circuits_gpio::ErrorKind::Deadlock);
        assert_eq!(stub.clock().now(), Time::ZERO + Duration::from_secs(1));
        drop(long);
    });
    Ok(())
}

#[test]
fn a_wait_that_was_dropped_is_no_part_of_a_deadlock() -> Result {
    let stub = Stub::virtual_time().lines(["DOOR"]);
    let mut door = input(&stub, "DOOR")?;
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let outside = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        sender.send(()).unwrap();
    });
    stub.block_on(async {
        let wait = async { door.edges().next_event().await };
        assert!(futures_lite::future::poll_once(wait).await.is_none());
        // Something outside the board: it may come at any time.
        receiver.await.unwrap();
        let wait = async { door.edges().next_event().await.unwrap().edge() };
        let drive = async { stub.drive("DOOR", true).unwrap() };
        let (edge, ()) = futures_lite::future::zip(wait, drive).await;
        assert_eq!(edge, Edge::Rising);
    });
    outside.join().unwrap();
    Ok(())
}

#[test]
fn a_board_is_interrupted_at_a_time_of_its_own() -> Result {
    let stub = Stub::virtual_time().lines(["DOOR"]);
    let mut door = input(&stub, "DOOR")?;
    let interrupt = stub.interrupt()?;
    for round in 1..=20u32 {
        stub.run(|| -> Result {
            let robot = stub.spawn("robot", {
                let (stub, interrupt) = (stub.clone(), interrupt.clone());
                move || {
                    stub.delay().sleep(Duration::from_secs(1)).unwrap();
                    interrupt.raise();
                    stub.delay().sleep(HOUR).unwrap_err().kind()
                }
            })?;
            let error = door.wait_edge(HOUR).unwrap_err();
            assert_eq!(error.kind(), circuits_gpio::ErrorKind::Interrupted);
            assert_eq!(robot.join()?, io::ErrorKind::Interrupted);
            Ok(())
        })?;
        assert_eq!(
            stub.clock().now(),
            Time::ZERO + round * Duration::from_secs(1)
        );
        interrupt.clear();
    }
    Ok(())
}

#[test]
fn a_guest_is_interrupted_by_another_thread() -> Result {
    for stub in [Stub::virtual_time(), Stub::real_time()] {
        let interrupt = stub.interrupt()?;
        // Keeps virtual time from moving.
        let (busy, free) = std::sync::mpsc::channel::<()>();
        let (running, runs) = std::sync::mpsc::channel();
        let holder = std::thread::spawn({
            let stub = stub.clone();
            move || {
                stub.run(|| {
                    running.send(()).unwrap();
                    free.recv().unwrap_err()
                })
            }
        });
        runs.recv()?;
        std::thread::scope(|scope| {
            let guest = scope.spawn(|| stub.delay().sleep(HOUR));
            std::thread::sleep(Duration::from_millis(50));
            interrupt.raise();
            if stub.clock().is_virtual() {
                // It ends with the turn of who runs.
                drop(busy);
                assert_eq!(
                    guest.join().unwrap().unwrap_err().kind(),
                    io::ErrorKind::Interrupted
                );
            } else {
                assert_eq!(
                    guest.join().unwrap().unwrap_err().kind(),
                    io::ErrorKind::Interrupted
                );
                drop(busy);
            }
        });
        holder.join().unwrap();
    }
    Ok(())
}

#[test]
fn who_waits_outside_lets_time_move() -> Result {
    let stub = Stub::virtual_time();
    let (sender, receiver) = std::sync::mpsc::channel();
    stub.run(|| -> Result {
        let robot = stub.spawn("robot", {
            let stub = stub.clone();
            move || {
                stub.delay().sleep(HOUR).unwrap();
                sender.send(stub.clock().now()).unwrap();
            }
        })?;
        let outside = || {
            // A guest meanwhile, for whom time does not stop.
            stub.delay().sleep(Duration::from_secs(1)).unwrap();
            assert_eq!(
                stub.spawn("x", || ()).unwrap_err().kind(),
                io::ErrorKind::Unsupported
            );
            receiver.recv()
        };
        assert_eq!(stub.outside(outside)?, Time::ZERO + HOUR);
        Ok(robot.join()?)
    })
}

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use embedded_hal_async::digital::Wait;

use super::{Bench, STRESS, Thread, drive, driver_of_both, input, pause, sleep, stress};
use crate::{Config, Edge, EdgeDetection, Input};

pub(super) fn a_stream_has_all_edges(bench: Arc<dyn Bench>) {
    let config = Config::new().edge_detection(EdgeDetection::Both);
    let mut input = input(&*bench, 0, &config);
    let listener = bench.clone();
    let listener = move || {
        listener.block_on(Box::pin(async move {
            let mut edges = input.edges();
            for number in 1..=10 {
                let event = edges.next_event().await.unwrap();
                assert_eq!((event.sequence(), event.lost()), (number, 0));
            }
        }));
    };
    let driver = bench.clone();
    let driver = move || {
        for number in 1..=10 {
            pause(&*driver);
            driver.drive(0, number % 2 == 1);
        }
    };
    bench.run(vec![
        ("listener", Box::new(listener)),
        ("driver", Box::new(driver)),
    ]);
}

pub(super) fn two_futures_both_wake(bench: Arc<dyn Bench>) {
    let config = Config::new().edge_detection(EdgeDetection::Both);
    let mut threads: Vec<Thread> = Vec::new();
    for (number, name) in [(0, "one"), (1, "other")] {
        let (mut input, bench) = (input(&*bench, number, &config), bench.clone());
        let future = async move {
            assert_eq!(
                input.edges().next_event().await.unwrap().edge(),
                Edge::Rising
            );
        };
        threads.push((name, Box::new(move || bench.block_on(Box::pin(future)))));
    }
    threads.push(("driver", driver_of_both(&bench)));
    bench.run(threads);
}

pub(super) fn a_dropped_future_has_taken_no_edge(bench: Arc<dyn Bench>) {
    let config = Config::new().edge_detection(EdgeDetection::Both);
    let mut input = input(&*bench, 0, &config);
    let inner = bench.clone();
    let future = async move {
        poll_once_and_drop(input.edges().next_event());
        inner.drive(0, true);
        assert_eq!(
            input.edges().next_event().await.unwrap().edge(),
            Edge::Rising
        );
        poll_once_and_drop(input.wait_for_low());
        inner.drive(0, false);
        assert_eq!(
            input.edges().next_event().await.unwrap().edge(),
            Edge::Falling
        );
        poll_once_and_drop(input.wait_for_rising_edge());
        inner.drive(0, true);
        assert_eq!(
            input.edges().next_event().await.unwrap().edge(),
            Edge::Rising
        );
    };
    let runner = bench.clone();
    bench.run(vec![(
        "runner",
        Box::new(move || runner.block_on(Box::pin(future))),
    )]);
}

pub(super) fn levels_are_live(bench: Arc<dyn Bench>) {
    let mut input = input(&*bench, 0, &Config::new());
    let waiter = bench.clone();
    let waiter = move || {
        let clock = waiter.backend().clock();
        let inner = waiter.clone();
        waiter.block_on(Box::pin(async move {
            for _ in 0..2 {
                input.wait_for_low().await.unwrap();
                let start = clock.now();
                input.wait_for_high().await.unwrap();
                assert!(clock.now() > start && input.get().unwrap());
                input.wait_for_high().await.unwrap();
                // What was true at the last wait is not true any more.
                inner.drive(0, false);
                input.wait_for_low().await.unwrap();
                assert!(!input.get().unwrap());
            }
        }));
    };
    let driver = bench.clone();
    let driver = move || {
        for _ in 0..2 {
            sleep(&*driver, Duration::from_millis(100));
            driver.drive(0, true);
        }
    };
    bench.run(vec![
        ("waiter", Box::new(waiter)),
        ("driver", Box::new(driver)),
    ]);
}

/// What was true when it was waited for last, and is not any more.
pub(super) fn a_level_that_has_gone_is_waited_for_again(bench: Arc<dyn Bench>) {
    let mut input = input(&*bench, 0, &Config::new());
    let waits = Arc::new(AtomicBool::new(false));
    let (waiter, flag) = (bench.clone(), waits.clone());
    let waiter = move || {
        let clock = waiter.backend().clock();
        let inner = waiter.clone();
        waiter.block_on(Box::pin(async move {
            for level in [true, false] {
                let wait = async |input: &mut Input| match level {
                    true => input.wait_for_high().await.unwrap(),
                    false => input.wait_for_low().await.unwrap(),
                };
                drive(&*inner, 0, level);
                wait(&mut input).await;
                drive(&*inner, 0, !level);
                let start = clock.now();
                flag.store(true, Ordering::SeqCst);
                wait(&mut input).await;
                assert!(clock.now() - start >= Duration::from_millis(20));
                assert_eq!(input.get().unwrap(), level);
            }
        }));
    };
    let driver = bench.clone();
    let driver = move || {
        for level in [true, false] {
            while !waits.swap(false, Ordering::SeqCst) {
                sleep(&*driver, Duration::from_millis(1));
            }
            pause(&*driver);
            driver.drive(0, level);
        }
    };
    bench.run(vec![
        ("waiter", Box::new(waiter)),
        ("driver", Box::new(driver)),
    ]);
}

pub(super) fn edges_are_awaited_from_the_call_on(bench: Arc<dyn Bench>) {
    let config = Config::new().edge_detection(EdgeDetection::Both);
    let mut input = input(&*bench, 0, &config);
    for level in [true, false] {
        drive(&*bench, 0, level);
    }
    let waits = Arc::new(AtomicBool::new(false));
    let (waiter, flag) = (bench.clone(), waits.clone());
    let waiter = move || {
        let clock = waiter.backend().clock();
        waiter.block_on(Box::pin(async move {
            let start = clock.now();
            flag.store(true, Ordering::SeqCst);
            input.wait_for_rising_edge().await.unwrap();
            assert!(clock.now() - start >= Duration::from_millis(20));
        }));
    };
    let driver = bench.clone();
    let driver = move || {
        while !waits.load(Ordering::SeqCst) {
            sleep(&*driver, Duration::from_millis(1));
        }
        pause(&*driver);
        driver.drive(0, true);
    };
    bench.run(vec![
        ("waiter", Box::new(waiter)),
        ("driver", Box::new(driver)),
    ]);
}

pub(super) fn no_edge_is_slept_through_by_futures(bench: Arc<dyn Bench>) {
    let config = Config::new().edge_detection(EdgeDetection::Both);
    let mut input = input(&*bench, 0, &config);
    let seen = Arc::new(AtomicU32::new(0));
    let (waiter, counter) = (bench.clone(), seen.clone());
    let waiter = move || {
        waiter.block_on(Box::pin(async move {
            let mut edges = input.edges();
            while counter.load(Ordering::SeqCst) < STRESS {
                edges.next_event().await.unwrap();
                counter.fetch_add(1, Ordering::SeqCst);
            }
        }));
    };
    bench.run(vec![
        ("waiter", Box::new(waiter)),
        ("driver", stress(&bench, seen)),
    ]);
}

pub(super) fn waiting_for_levels_leaves_the_wanted_edges(bench: Arc<dyn Bench>) {
    let config = Config::new().edge_detection(EdgeDetection::Falling);
    let mut input = input(&*bench, 0, &config);
    let inner = bench.clone();
    let future = async move {
        poll_once_and_drop(input.wait_for_high());
        for level in [true, false, true] {
            drive(&*inner, 0, level);
        }
        let event = input.edges().next_event().await.unwrap();
        assert_eq!((event.edge(), event.lost()), (Edge::Falling, 0));
        input.wait_for_high().await.unwrap();
        poll_once_and_drop(input.edges().next_event());
    };
    let runner = bench.clone();
    bench.run(vec![(
        "runner",
        Box::new(move || runner.block_on(Box::pin(future))),
    )]);
}

/// Polls a future that is not ready, and lets it go.
fn poll_once_and_drop<F: Future>(future: F) {
    let poll = std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(poll, Poll::Pending));
}

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::{Bench, STRESS, Thread, drive, driver_of_both, input, next, pause, sleep, stress};
use crate::{Config, Edge, EdgeDetection, ErrorKind, Event};

pub(super) fn edges_come_in_order(bench: Arc<dyn Bench>) {
    let config = Config::new().edge_detection(EdgeDetection::Both);
    let mut input = input(&*bench, 0, &config);
    let mut last = Event::new(0, Edge::Falling, bench.backend().clock().now(), 0, 0);
    for number in 1..=40 {
        drive(&*bench, 0, number % 2 == 1);
        let event = next(&mut input);
        let edge = if number % 2 == 1 {
            Edge::Rising
        } else {
            Edge::Falling
        };
        assert_eq!(
            (event.edge(), event.sequence(), event.lost()),
            (edge, number, 0)
        );
        assert!(last.time() <= event.time(), "{last:?}, {event:?}");
        assert!(event.time() <= bench.backend().clock().now());
        last = event;
    }
    assert_eq!(input.wait_edge(Duration::from_millis(5)).unwrap(), None);
}

pub(super) fn edges_count_from_the_opening(bench: Arc<dyn Bench>) {
    let config = Config::new().edge_detection(EdgeDetection::Both);
    let [early, late] = [&config, &Config::new()];
    let (mut early, mut late) = (input(&*bench, 0, early), input(&*bench, 1, late));
    for input in [0, 1] {
        drive(&*bench, input, true);
    }
    assert_eq!(next(&mut early).edge(), Edge::Rising);
    // The other one has waited for no edge so far.
    assert_eq!(late.wait_edge(Duration::from_millis(5)).unwrap(), None);
    drive(&*bench, 1, false);
    assert_eq!(next(&mut late).edge(), Edge::Falling);
}

pub(super) fn edges_that_are_not_wanted_do_not_come(bench: Arc<dyn Bench>) {
    let config = Config::new().edge_detection(EdgeDetection::Falling);
    let mut input = input(&*bench, 0, &config);
    for level in [true, false, true] {
        drive(&*bench, 0, level);
    }
    assert_eq!(next(&mut input).edge(), Edge::Falling);
    assert_eq!(input.wait_edge(Duration::from_millis(5)).unwrap(), None);
}

pub(super) fn an_input_that_is_set_up_anew_has_its_new_edges(bench: Arc<dyn Bench>) {
    let wanted = |edges| Config::new().edge_detection(edges);
    let mut input = input(&*bench, 0, &wanted(EdgeDetection::Both));
    drive(&*bench, 0, true);
    input.configure(&wanted(EdgeDetection::Falling)).unwrap();
    for level in [false, true] {
        drive(&*bench, 0, level);
    }
    // What was queued as it was before is not wanted any more.
    assert_eq!(next(&mut input).edge(), Edge::Falling);
    assert_eq!(input.wait_edge(Duration::from_millis(5)).unwrap(), None);
    // Of none at all, who waits is told of all.
    input.configure(&Config::new()).unwrap();
    assert_eq!(input.wait_edge(Duration::from_millis(5)).unwrap(), None);
    drive(&*bench, 0, false);
    assert_eq!(next(&mut input).edge(), Edge::Falling);
    drive(&*bench, 0, true);
    assert_eq!(next(&mut input).edge(), Edge::Rising);
}

pub(super) fn a_full_queue_drops_the_oldest(bench: Arc<dyn Bench>) {
    const EDGES: u32 = 40;
    let config = Config::new().edge_detection(EdgeDetection::Both);
    let mut input = input(&*bench, 0, &config);
    for number in 1..=EDGES {
        drive(&*bench, 0, number % 2 == 1);
    }
    let first = next(&mut input);
    assert_eq!(first.lost() + 1, first.sequence());
    let (mut last, mut kept) = (first, 1);
    while let Some(event) = input.wait_edge(Duration::ZERO).unwrap() {
        assert_eq!((event.sequence(), event.lost()), (last.sequence() + 1, 0));
        (last, kept) = (event, kept + 1);
    }
    assert!((16..EDGES).contains(&kept), "{kept} kept");
    // A simulated chip may have merged two of them, so there may be fewer than were made.
    assert_eq!(last.sequence(), kept + first.lost());
    assert!((EDGES - 10..=EDGES).contains(&last.sequence()), "{last:?}");
}

/// A reader that is far too slow.
pub(super) fn ten_thousand_edges_come_or_are_counted(bench: Arc<dyn Bench>) {
    const EDGES: u32 = 10_000;
    let config = Config::new().edge_detection(EdgeDetection::Both);
    let mut input = input(&*bench, 0, &config);
    let reader = bench.clone();
    let reader = move || {
        let (mut delivered, mut lost, mut last) = (0, 0, 0);
        while let Some(event) = input.wait_edge(Duration::from_secs(1)).unwrap() {
            (delivered, lost, last) = (delivered + 1, lost + event.lost(), event.sequence());
            sleep(&*reader, Duration::from_millis(2));
        }
        assert_eq!(delivered + lost, last);
        // Where there are several processors, gpio-sim merges edges that are this near.
        let may_merge = thread::available_parallelism().is_ok_and(|count| count.get() > 1);
        let merged = if may_merge { EDGES / 10 } else { 0 };
        assert!((EDGES - merged..=EDGES).contains(&last), "{last} edges");
        assert!(delivered > 16 && lost > EDGES / 2, "{delivered}, {lost}");
    };
    let driver = bench.clone();
    let driver = move || {
        for number in 1..=EDGES {
            driver.drive(0, number % 2 == 1);
            sleep(&*driver, Duration::from_micros(10));
        }
    };
    bench.run(vec![
        ("reader", Box::new(reader)),
        ("driver", Box::new(driver)),
    ]);
}

pub(super) fn a_larger_queue_keeps_more(bench: Arc<dyn Bench>) {
    let config = Config::new()
        .edge_detection(EdgeDetection::Both)
        .event_buffer(64);
    let mut input = input(&*bench, 0, &config);
    for number in 1..=40 {
        drive(&*bench, 0, number % 2 == 1);
    }
    for number in 1..=40 {
        let event = next(&mut input);
        assert_eq!((event.sequence(), event.lost()), (number, 0));
    }
}

pub(super) fn edges_are_iterated(bench: Arc<dyn Bench>) {
    let config = Config::new().edge_detection(EdgeDetection::Both);
    let mut input = input(&*bench, 0, &config);
    for level in [true, false, true] {
        drive(&*bench, 0, level);
    }
    let mut edges = Vec::new();
    for event in &mut input {
        edges.push(event.unwrap().edge());
        if edges.len() == 3 {
            break;
        }
    }
    assert_eq!(edges, [Edge::Rising, Edge::Falling, Edge::Rising]);
    // A wait that is interrupted is not the end of them.
    let interrupt = bench.interrupt();
    interrupt.raise();
    let mut iterator = (&mut input).into_iter();
    for _ in 0..2 {
        let error = iterator.next().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted);
    }
    assert_eq!(iterator.levels().unwrap(), 1);
    // What there is can be had without a wait.
    for level in [false, true] {
        drive(&*bench, 0, level);
    }
    let queued = [(); 3].map(|()| input.try_edge().unwrap().map(|event| event.edge()));
    assert_eq!(queued, [Some(Edge::Falling), Some(Edge::Rising), None]);
    let mut iterator = (&mut input).into_iter();
    interrupt.clear();
    drive(&*bench, 0, false);
    assert_eq!(iterator.next().unwrap().unwrap().edge(), Edge::Falling);
}

pub(super) fn a_wait_times_out(bench: Arc<dyn Bench>) {
    let mut input = input(&*bench, 0, &Config::new());
    let clock = bench.backend().clock();
    for millis in [0, 1, 30] {
        let (start, timeout) = (clock.now(), Duration::from_millis(millis));
        assert_eq!(input.wait_edge(timeout).unwrap(), None);
        assert!(clock.now() - start >= timeout);
    }
}

pub(super) fn a_wait_ends_with_the_edge(bench: Arc<dyn Bench>) {
    let mut input = input(&*bench, 0, &Config::new());
    let clock = bench.backend().clock();
    let waiter = move || {
        let event = input.wait_edge(None).unwrap().unwrap();
        assert_eq!(event.edge(), Edge::Rising);
        // Some of it is the way from the kernel to here, on a machine that may be busy.
        assert!(clock.now() - event.time() < Duration::from_secs(5));
    };
    let driver = bench.clone();
    let driver = move || {
        pause(&*driver);
        drive(&*driver, 0, true);
    };
    bench.run(vec![
        ("waiter", Box::new(waiter)),
        ("driver", Box::new(driver)),
    ]);
}

pub(super) fn two_handles_both_wake(bench: Arc<dyn Bench>) {
    let woken = Arc::new(Mutex::new(Vec::new()));
    let mut threads: Vec<Thread> = Vec::new();
    for (number, name) in [(0, "one"), (1, "other")] {
        let (mut input, woken) = (input(&*bench, number, &Config::new()), woken.clone());
        let wait = move || {
            assert_eq!(input.wait_edge(None).unwrap().unwrap().edge(), Edge::Rising);
            woken.lock().unwrap().push(number);
        };
        threads.push((name, Box::new(wait)));
    }
    threads.push(("driver", driver_of_both(&bench)));
    bench.run(threads);
    woken.lock().unwrap().sort();
    assert_eq!(*woken.lock().unwrap(), [0, 1]);
}

pub(super) fn a_wait_is_interrupted_and_loses_nothing(bench: Arc<dyn Bench>) {
    let mut input = input(&*bench, 0, &Config::new());
    let (clock, interrupt) = (bench.backend().clock(), bench.interrupt());
    let waiter = {
        let (bench, interrupt) = (bench.clone(), interrupt.clone());
        move || {
            let error = input.wait_edge(Duration::from_secs(600)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Interrupted);
            drive(&*bench, 0, true);
            let error = input.wait_edge(Duration::from_secs(600)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Interrupted);
            let error = clock
                .sleep_until(clock.now() + Duration::from_secs(600))
                .unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::Interrupted);
            interrupt.clear();
            assert_eq!(next(&mut input).edge(), Edge::Rising);
            clock
                .sleep_until(clock.now() + Duration::from_millis(1))
                .unwrap();
        }
    };
    let raiser = bench.clone();
    let raiser = move || {
        pause(&*raiser);
        interrupt.raise();
    };
    bench.run(vec![
        ("waiter", Box::new(waiter)),
        ("raiser", Box::new(raiser)),
    ]);
}

pub(super) fn a_signal_does_not_end_a_wait(bench: Arc<dyn Bench>) {
    let mut input = input(&*bench, 0, &Config::new());
    let (tell, told) = std::sync::mpsc::channel();
    let waiter = bench.clone();
    let waiter = move || {
        tell.send(waiter.signals()).unwrap();
        let clock = waiter.backend().clock();
        let start = clock.now();
        assert_eq!(input.wait_edge(Duration::from_millis(100)).unwrap(), None);
        assert!(clock.now() - start >= Duration::from_millis(100));
        clock
            .sleep_until(start + Duration::from_millis(200))
            .unwrap();
        assert!(clock.now() - start >= Duration::from_millis(200));
        clock.delay_until(start + Duration::from_millis(300));
        assert!(clock.now() - start >= Duration::from_millis(300));
    };
    let sender = bench.clone();
    let sender = move || {
        pause(&*sender);
        let signal = told.recv().unwrap();
        for _ in 0..25 {
            signal();
            sleep(&*sender, Duration::from_millis(9));
        }
    };
    bench.run(vec![
        ("waiter", Box::new(waiter)),
        ("sender", Box::new(sender)),
    ]);
}

pub(super) fn an_edge_has_the_time_it_came_at(bench: Arc<dyn Bench>) {
    let config = Config::new().edge_detection(EdgeDetection::Both);
    let mut input = input(&*bench, 0, &config);
    let clock = bench.backend().clock();
    let before = clock.now();
    drive(&*bench, 0, true);
    let after = clock.now();
    sleep(&*bench, Duration::from_millis(50));
    let event = next(&mut input);
    assert!(
        (before..=after).contains(&event.time()),
        "{before} {event:?} {after}"
    );
}

pub(super) fn active_low_turns_the_wanted_edges_over(bench: Arc<dyn Bench>) {
    let config = Config::new()
        .active_low(true)
        .edge_detection(EdgeDetection::Falling);
    let mut input = input(&*bench, 0, &config);
    for number in 1..=3 {
        drive(&*bench, 0, true);
        drive(&*bench, 0, false);
        let event = next(&mut input);
        assert_eq!(
            (event.edge(), event.sequence(), event.lost()),
            (Edge::Falling, number, 0)
        );
    }
    assert_eq!(input.wait_edge(Duration::from_millis(5)).unwrap(), None);
}

/// Edges that come at any moment of the wait before.
pub(super) fn no_edge_is_slept_through(bench: Arc<dyn Bench>) {
    let config = Config::new().edge_detection(EdgeDetection::Both);
    let mut input = input(&*bench, 0, &config);
    let seen = Arc::new(AtomicU32::new(0));
    let counter = seen.clone();
    let waiter = move || {
        while counter.load(Ordering::SeqCst) < STRESS {
            next(&mut input);
            counter.fetch_add(1, Ordering::SeqCst);
        }
    };
    bench.run(vec![
        ("waiter", Box::new(waiter)),
        ("driver", stress(&bench, seen)),
    ]);
}

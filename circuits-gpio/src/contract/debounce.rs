use std::sync::Arc;
use std::time::Duration;

use super::{Bench, drive, input, next, sleep};
use crate::{Config, Edge, EdgeDetection, EventClock, LineInfo};

/// Longer than a busy machine is late.
const PERIOD: Duration = Duration::from_millis(100);

fn debounced() -> Config {
    Config::new()
        .debounce(PERIOD)
        .edge_detection(EdgeDetection::Both)
}

pub(super) fn what_bounces_is_one_edge(bench: Arc<dyn Bench>) {
    let mut input = input(&*bench, 0, &debounced());
    let clock = bench.backend().clock();
    for (number, to) in [(1, true), (2, false)] {
        for level in [to, !to, to, !to] {
            drive(&*bench, 0, level);
        }
        let last = clock.now();
        drive(&*bench, 0, to);
        // What counts is what it was before, as long as it does not rest.
        assert_eq!(input.get().unwrap(), !to);
        let event = next(&mut input);
        let edge = if to { Edge::Rising } else { Edge::Falling };
        assert_eq!((event.edge(), event.sequence()), (edge, number));
        assert_eq!(input.get().unwrap(), to);
        // It has the time at which it was clear; the kernel counts in ticks, of 10 ms at most.
        let rested = event.time() - last;
        assert!(rested >= PERIOD - Duration::from_millis(10), "{rested:?}");
        assert!(event.time() <= clock.now());
    }
    assert_eq!(input.wait_edge(2 * PERIOD).unwrap(), None);
}

pub(super) fn what_does_not_last_is_nothing(bench: Arc<dyn Bench>) {
    let mut input = input(&*bench, 0, &debounced());
    for _ in 0..3 {
        drive(&*bench, 0, true);
        drive(&*bench, 0, false);
    }
    assert_eq!(input.wait_edge(2 * PERIOD).unwrap(), None);
    assert!(!input.get().unwrap());
}

pub(super) fn debouncing_is_turned_on_and_off(bench: Arc<dyn Bench>) {
    let config = Config::new().edge_detection(EdgeDetection::Both);
    let mut input = input(&*bench, 0, &config);
    let period = |bench: &dyn Bench| {
        let info = LineInfo::of_on(bench.backend(), &bench.inputs()[0]).unwrap();
        info.config().debounce_period()
    };
    input.configure(&debounced()).unwrap();
    assert_eq!(period(&*bench), PERIOD);
    drive(&*bench, 0, true);
    assert!(!input.get().unwrap());
    sleep(&*bench, 2 * PERIOD);
    assert!(input.get().unwrap());
    assert_eq!(next(&mut input).edge(), Edge::Rising);
    input.configure(&config).unwrap();
    assert_eq!(period(&*bench), Duration::ZERO);
    drive(&*bench, 0, false);
    assert!(!input.get().unwrap());
    assert_eq!(next(&mut input).edge(), Edge::Falling);
    // What was not settled then is settled, and no edge.
    input.configure(&debounced()).unwrap();
    drive(&*bench, 0, true);
    input.configure(&config).unwrap();
    assert!(input.get().unwrap());
    assert_eq!(input.wait_edge(2 * PERIOD).unwrap(), None);
}

/// The times of edges are those of the clock that was asked for.
pub(super) fn edges_have_the_time_of_their_clock(bench: Arc<dyn Bench>) {
    let config = Config::new()
        .edge_detection(EdgeDetection::Both)
        .event_clock(EventClock::Realtime);
    let mut input = input(&*bench, 0, &config);
    let clock = bench.backend().clock();
    let before = clock.now();
    drive(&*bench, 0, true);
    sleep(&*bench, Duration::from_millis(100));
    drive(&*bench, 0, false);
    let (rise, fall) = (next(&mut input), next(&mut input));
    // What is a number of years for the one is none for the other.
    let away = rise.time().as_nanos().abs_diff(before.as_nanos());
    assert!(Duration::from_nanos(away) > Duration::from_secs(600));
    let between = fall.time() - rise.time();
    assert!((100..5000).contains(&between.as_millis()), "{between:?}");
    let info = LineInfo::of_on(bench.backend(), &bench.inputs()[0]).unwrap();
    assert_eq!(info.config().times_of(), EventClock::Realtime);
}

use circuits_gpio::{Config, Edge, EdgeDetection, Event, Lines};

use super::*;

fn board() -> (Stub, WheelEncoder, Lines) {
    let stub = Stub::virtual_time().lines(["A", "B"]);
    let wheel = WheelEncoder::new(&stub, "A", "B").unwrap();
    let both = Config::input()
        .edge_detection(EdgeDetection::Both)
        .event_buffer(256);
    let lines = Lines::open_on(&stub, ["A", "B"].map(|line| (line, both.clone()))).unwrap();
    (stub, wheel, lines)
}

fn sleep(stub: &Stub, millis: u64) {
    stub.delay().sleep(Duration::from_millis(millis)).unwrap();
}

fn taken(lines: &mut Lines) -> Vec<Event> {
    std::iter::from_fn(|| lines.try_edge().unwrap()).collect()
}

/// What somebody counts who decodes both lines.
fn counted(events: &[Event], levels: &mut [bool; 2]) -> i64 {
    let mut position = 0;
    for event in events {
        let forwards = match event.line() {
            0 => (event.edge() == Edge::Rising) != levels[1],
            _ => (event.edge() == Edge::Rising) == levels[0],
        };
        levels[event.line()] = event.edge() == Edge::Rising;
        position += if forwards { 1 } else { -1 };
    }
    position
}

#[test]
fn edges_come_at_exact_times_for_as_long_as_it_turns() {
    let (stub, wheel, mut lines) = board();
    wheel.set_speed(100.0);
    sleep(&stub, 1005);
    let events = taken(&mut lines);
    let times: Vec<u64> = events.iter().map(|event| event.time().as_nanos()).collect();
    let exact: Vec<u64> = (1..=100).map(|edge| edge * 10_000_000).collect();
    let is_near = |(time, exact): (&u64, &u64)| time.abs_diff(*exact) <= 1;
    assert!(
        times.len() == 100 && times.iter().zip(&exact).all(is_near),
        "{times:?}"
    );
    let order: Vec<_> = events[..4]
        .iter()
        .map(|event| (event.line(), event.edge()))
        .collect();
    use Edge::{Falling, Rising};
    assert_eq!(
        order,
        [(0, Rising), (1, Rising), (0, Falling), (1, Falling)]
    );
    wheel.set_speed(0.0);
    sleep(&stub, 1000);
    assert_eq!(taken(&mut lines), []);
}

#[test]
fn what_is_counted_is_where_it_is() {
    let (stub, wheel, mut lines) = board();
    let (mut levels, mut position) = ([false; 2], 0);
    for speed in [150.0, -40.0, 33.3, 0.0, -170.0, 0.1, -0.1, 999.9] {
        wheel.set_speed(speed);
        // Not a multiple of anything.
        sleep(&stub, 171);
        position += counted(&taken(&mut lines), &mut levels);
        assert_eq!(position, wheel.position(), "at {speed}");
    }
    assert!(position > 150, "{position}");
}

/// As a world does that moves it on step by step.
#[test]
fn a_speed_that_is_set_often_loses_nothing() {
    let (stub, wheel, mut lines) = board();
    let (mut levels, mut position, mut edges) = ([false; 2], 0, 0);
    for step in 0..1000 {
        // Never quite the same, or it would be let be.
        let speed = 100.0 + 1e-9 * f64::from(step % 2);
        wheel.set_speed(if step < 600 { speed } else { -speed });
        sleep(&stub, 5);
        let events = taken(&mut lines);
        edges += events.len();
        position += counted(&events, &mut levels);
        assert_eq!(position, wheel.position(), "step {step}");
    }
    // Not one there and back, but where it turns round, which is on an edge.
    assert_eq!((position, edges), (99, 501));
}

#[test]
fn a_disc_may_stick_and_a_wire_break() {
    let (stub, wheel, mut lines) = board();
    wheel.set_speed(400.0);
    wheel.stick(true);
    sleep(&stub, 100);
    assert_eq!((taken(&mut lines).len(), wheel.position()), (0, 0));
    wheel.stick(false);
    wheel.cut(1).unwrap();
    sleep(&stub, 101);
    let events = taken(&mut lines);
    assert!(events.iter().all(|event| event.line() == 0), "{events:?}");
    assert_eq!((events.len(), counted(&events, &mut [false; 2])), (20, 0));
    wheel.mend(1).unwrap();
    sleep(&stub, 100);
    assert!(taken(&mut lines).iter().any(|event| event.line() == 1));
    assert_eq!(wheel.cut(2), Err(Error::NoInput { input: 2 }));
}

#[test]
fn it_does_not_keep_the_board() {
    let (stub, wheel, lines) = board();
    wheel.set_speed(100.0);
    stub.name_part("wheel", wheel.clone());
    drop((stub, lines));
    assert_eq!(Arc::strong_count(&wheel.0), 1);
    wheel.set_speed(1.0);
}

#[test]
fn in_real_time_it_turns_as_well() {
    let stub = Stub::real_time().lines(["A", "B"]);
    let wheel = WheelEncoder::new(&stub, "A", "B").unwrap();
    let both = Config::input().edge_detection(EdgeDetection::Both);
    let mut lines = Lines::open_on(&stub, ["A", "B"].map(|line| (line, both.clone()))).unwrap();
    wheel.set_speed(500.0);
    let mut wait = || lines.wait_edge(Duration::from_secs(5)).unwrap().unwrap();
    let first = wait();
    let last = (0..50).map(|_| wait()).last().unwrap();
    let apart = last.time().since(first.time()).as_micros();
    // Not sooner, and later only if neighbours are busy.
    assert!((90_000..=2_000_000).contains(&apart), "{apart}");
}

#[test]
fn it_is_no_faster_than_it_can_be() {
    let (stub, wheel, _lines) = board();
    wheel.set_speed(1e300);
    sleep(&stub, 1);
    assert!((99..=101).contains(&wheel.position()), "{wheel:?}");
    wheel.set_speed(f64::NAN);
    let before = wheel.position();
    sleep(&stub, 1);
    assert_eq!(wheel.position(), before, "it stands");
}

//! What goes wrong with lines: calls that fail, and wires that are not at the level that they should be at.

use std::error::Error;
use std::time::Duration;

use circuits_gpio::{Config, Edge, EdgeDetection, ErrorKind, Input, Lines, Output};
use circuits_stub::gpio::Fault;
use circuits_stub::{Net, Stub};

type Outcome = Result<(), Box<dyn Error>>;

const MILLIS: fn(u64) -> Duration = Duration::from_millis;

/// The number of the system's error that is inside.
fn number(error: &circuits_gpio::Error) -> Option<i32> {
    let source = error.source()?.downcast_ref::<std::io::Error>()?;
    source.raw_os_error()
}

/// When edges come, in milliseconds, and which: `r10 f20`.
fn edges(input: &mut Input) -> Result<String, circuits_gpio::Error> {
    let mut seen = Vec::new();
    while let Some(event) = input.wait_edge(MILLIS(1000))? {
        let edge = match event.edge() {
            Edge::Rising => "r",
            Edge::Falling => "f",
        };
        seen.push(format!("{edge}{}", event.time().as_nanos() / 1_000_000));
    }
    Ok(seen.join(" "))
}

/// A square wave from outside: high from 10 ms on, low from 20 ms on, and so on.
fn square(stub: &Stub, line: &str, changes: u64) -> circuits_stub::Result<()> {
    stub.play(line, (0..changes).map(|n| (MILLIS(10), n % 2 == 0)))
}

#[test]
fn every_call_may_fail() -> Outcome {
    let stub = Stub::virtual_time().lines(["A", "B"]);
    for (fault, errno) in [
        (Fault::no_acknowledge(), 121),
        (Fault::timed_out(), 110),
        (Fault::failed(), 5),
    ] {
        stub.line_fault("A", fault.clone().always())?;
        let error = Output::open_on(&stub, "A", &Config::new()).unwrap_err();
        assert_eq!((error.kind(), number(&error)), (ErrorKind::Io, Some(errno)));
        assert_eq!(stub.consumer("A")?, None, "it was not taken");
        stub.clear_line_faults("A")?;

        let both = Lines::open_on(&stub, ["A", "B"].map(|line| (line, Config::output())))?;
        stub.line_fault("A", fault.times(3))?;
        let error = both.set(0b11).unwrap_err();
        assert_eq!((error.kind(), number(&error)), (ErrorKind::Io, Some(errno)));
        assert!(!stub.level("B")?, "nothing was set");
        assert!(both.get().is_err());
        assert!(both.set_some(0b10, 0b10).is_ok(), "which is the other line");
        assert!(both.get().is_err());
        assert_eq!(both.get()?, 0b10);
    }
    Ok(())
}

#[test]
fn a_level_that_is_lost_is_not_set_and_nobody_is_told() -> Outcome {
    let stub = Stub::virtual_time().lines(["A", "B"]);
    let both = Lines::open_on(&stub, ["A", "B"].map(|line| (line, Config::output())))?;
    stub.line_fault("A", Fault::lost_set().after(1))?;
    let recording = stub.record();
    assert_eq!(both.get()?, 0, "which is no opportunity");
    both.set(0b11)?;
    both.set(0b00)?;
    assert_eq!((stub.level("A")?, stub.level("B")?), (true, false));
    assert_eq!(
        recording.to_string(),
        "0.000000 s  A: high, B: high\n0.000000 s  A: fault: it is not set\n0.000000 s  B: low\n"
    );
    both.set(0b00)?;
    assert!(!stub.level("A")?);
    Ok(())
}

#[test]
fn an_edge_that_is_missed_is_a_level_all_the_same() -> Outcome {
    let stub = Stub::virtual_time().lines(["A"]);
    let config = Config::new().edge_detection(EdgeDetection::Rising);
    let mut input = Input::open_on(&stub, "A", &config)?;
    stub.line_fault("A", Fault::missed_edge().after(1))?;
    square(&stub, "A", 5)?;
    assert_eq!(
        edges(&mut input)?,
        "r10 r50",
        "falls are nothing to be missed"
    );
    assert!(input.get()?);
    Ok(())
}

#[test]
fn a_debounced_line_misses_them_before_they_are_debounced() -> Outcome {
    let stub = Stub::virtual_time().lines(["A"]);
    let config = Config::new().debounce(MILLIS(3));
    let mut input = Input::open_on(&stub, "A", &config)?;
    stub.line_fault("A", Fault::missed_edge().after(2))?;
    square(&stub, "A", 4)?;
    assert_eq!(
        edges(&mut input)?,
        "r13 f23",
        "the one at 30 ms, and so none at 40 ms"
    );
    Ok(())
}

#[test]
fn a_wire_is_stuck_for_as_long_as_it_would_be_otherwise() -> Outcome {
    let stub = Stub::virtual_time().lines(["A"]);
    let mut input = Input::open_on(&stub, "A", &Config::new())?;
    stub.line_fault("A", Fault::stuck_low().after(1).times(2))?;
    square(&stub, "A", 8)?;
    assert_eq!(edges(&mut input)?, "r10 f20 r70 f80");

    // High from the beginning, and low when it is let go.
    stub.line_fault("A", Fault::stuck_high())?;
    assert_eq!(stub.net("A")?, Net::Shorted(true));
    square(&stub, "A", 2)?;
    assert_eq!(stub.net("A")?, Net::Shorted(true));
    let seen = edges(&mut input)?;
    assert_eq!(
        seen, "r1080 f1100",
        "with the board's fall, not with the rise at 1090 ms"
    );
    Ok(())
}

#[test]
fn a_short_circuit_begins_and_ends_in_time() -> Outcome {
    let stub = Stub::virtual_time().lines(["A", "B"]).wire("A", "B")?;
    let out = Output::open_on(&stub, "A", &Config::new().initial(true))?;
    let mut input = Input::open_on(&stub, "B", &Config::new())?;
    let fault = Fault::stuck_low().not_before(MILLIS(15)).until(MILLIS(45));
    stub.line_fault("B", fault.always())?;
    assert_eq!(
        edges(&mut input)?,
        "f15 r45",
        "on all that is wired together"
    );
    assert!(out.get()?);

    let fault = Fault::stuck_low().until(MILLIS(3000));
    stub.line_fault("B", fault)?;
    assert_eq!(stub.net("A")?, Net::Shorted(false));
    assert!(!out.get()?);
    out.set(false)?;
    out.set(true)?;
    assert!(out.get()?, "once is once");
    stub.line_fault("B", Fault::stuck_low().always())?;
    assert!(!out.get()?);
    stub.clear_line_faults("B")?;
    assert!(out.get()?);
    Ok(())
}

#[test]
fn a_glitch_comes_at_its_time_or_after_a_change() -> Outcome {
    let stub = Stub::virtual_time().lines(["A", "B"]);
    let mut input = Input::open_on(&stub, "A", &Config::new())?;
    stub.line_fault("A", Fault::glitch(MILLIS(2)).not_before(MILLIS(33)))?;
    square(&stub, "A", 4)?;
    assert_eq!(edges(&mut input)?, "r10 f20 r30 f33 r35 f40");

    let mut input = Input::open_on(&stub, "B", &Config::new())?;
    let start = stub.clock().now().as_nanos() / 1_000_000;
    stub.line_fault("B", Fault::glitch(MILLIS(2)).after(1))?;
    square(&stub, "B", 2)?;
    let expected = [("r", 10), ("f", 12), ("r", 14), ("f", 20)];
    let expected = expected.map(|(edge, time)| format!("{edge}{}", start + time));
    assert_eq!(edges(&mut input)?, expected.join(" "));
    Ok(())
}

/// Half of some thousand edges, the same half each time.
#[test]
fn chance_is_the_same_each_time() -> Outcome {
    let run = |seed| -> Result<String, Box<dyn Error>> {
        let stub = Stub::virtual_time().lines(["A"]);
        let mut input = Input::open_on(&stub, "A", &Config::new().event_buffer(1024))?;
        stub.line_fault("A", Fault::missed_edge().chance(0.5, seed).always())?;
        square(&stub, "A", 1000)?;
        Ok(edges(&mut input)?)
    };
    let seen = run(1)?;
    assert!((440..560).contains(&seen.split(' ').count()));
    assert_eq!(seen, run(1)?);
    assert_ne!(seen, run(2)?);
    Ok(())
}

/// What happens by itself does so in real time as well.
#[test]
fn in_real_time_it_ends_by_itself() -> Outcome {
    let stub = Stub::real_time().lines(["A"]);
    let _out = Output::open_on(&stub, "A", &Config::new().initial(true))?;
    stub.line_fault("A", Fault::stuck_low().until(Duration::from_secs(3600)))?;
    assert!(!stub.level("A")?);
    stub.clear_line_faults("A")?;
    stub.line_fault("A", Fault::glitch(MILLIS(1)))?;
    stub.delay().sleep(MILLIS(30))?;
    assert!(stub.level("A")?);
    Ok(())
}

#[test]
fn only_lines_that_there_are_have_faults() {
    let stub = Stub::virtual_time().lines(["A"]);
    assert!(stub.line_fault("B", Fault::failed()).is_err());
    assert!(stub.clear_line_faults("B").is_err());
    assert!(stub.clear_line_faults("A").is_ok());
}

#[test]
fn of_several_lines_each_has_its_own() -> Outcome {
    let stub = Stub::virtual_time().lines(["A", "B", "C"]);
    let both = Lines::open_on(&stub, ["A", "B"].map(|line| (line, Config::output())))?;
    stub.line_fault("B", Fault::lost_set())?;
    both.set(0b11)?;
    assert_eq!(both.get()?, 0b01, "the second is not set");
    both.set(0)?;

    // What is told is of the first.
    stub.line_fault("A", Fault::timed_out())?;
    stub.line_fault("B", Fault::failed())?;
    let error = both.set(0b11).unwrap_err();
    assert_eq!(number(&error), Some(110));

    // Another wire has nothing to do with it.
    stub.line_fault("A", Fault::stuck_low().always())?;
    stub.line_fault("C", Fault::glitch(MILLIS(1)).not_before(MILLIS(5)))?;
    both.set(0b11)?;
    assert_eq!(both.get()?, 0b10);
    assert_eq!(stub.net("A")?, Net::Shorted(false));
    assert_ne!(stub.net("B")?, Net::Shorted(false));
    Ok(())
}

#[test]
fn of_lines_on_one_wire_the_last_has_the_last_word() -> Outcome {
    let stub = Stub::virtual_time().lines(["A", "B"]).wire("A", "B")?;
    stub.line_fault("A", Fault::stuck_low().always())?;
    stub.line_fault("B", Fault::stuck_high().always())?;
    let out = Output::open_on(&stub, "A", &Config::new())?;
    out.set(true)?;
    assert!(stub.level("A")?);
    assert_eq!(stub.net("B")?, Net::Shorted(true));
    Ok(())
}

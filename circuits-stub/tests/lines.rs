//! What lines of the board do that no kernel is asked for: wires, hands, and chips that come and go.

use std::sync::mpsc;
use std::time::Duration;

use circuits_gpio::{
    Bias, Config, Drive, Edge, EdgeDetection, Error, ErrorKind, Input, Line, Lines, Output,
};
use circuits_i2c::Bus;
use circuits_stub::chips::Ads1115;
use circuits_stub::parts::{Button, Encoder, Led};
use circuits_stub::{Net, Stub};
use embedded_hal::i2c::I2c;

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn both() -> Config {
    Config::new().edge_detection(EdgeDetection::Both)
}

#[test]
fn each_button_of_a_line_is_one() -> Result {
    let stub = Stub::virtual_time()
        .lines(["STOP"])
        .pull("STOP", Bias::PullUp)?;
    let recording = stub.record();
    let (a, b) = (
        Button::to_ground(&stub, "STOP")?,
        Button::to_ground(&stub, "STOP")?.bouncing(millis(5)),
    );
    a.press()?;
    b.press()?;
    b.release()?;
    stub.delay().sleep(millis(10))?;
    assert_eq!(stub.net("STOP")?, Net::Driven(false), "one is pressed");
    a.clone().release()?;
    assert_eq!(stub.net("STOP")?, Net::Pulled(true));
    // What is to come from one is not for the others to forget.
    a.press_for(millis(100))?;
    b.press_for(millis(50))?;
    stub.drive("STOP", false)?;
    stub.let_go("STOP")?;
    stub.delay().sleep(millis(99))?;
    assert_eq!(stub.net("STOP")?, Net::Driven(false));
    stub.delay().sleep(millis(1))?;
    assert_eq!(stub.net("STOP")?, Net::Pulled(true));
    assert_eq!(
        recording.to_string(),
        "0.000000 s  STOP: driven low from outside\n\
         0.010000 s  STOP: not driven from outside\n\
         0.010000 s  STOP: driven low from outside\n\
         0.110000 s  STOP: not driven from outside\n"
    );
    Ok(())
}

#[test]
fn parts_that_disagree_are_a_short_circuit() -> Result {
    let stub = Stub::virtual_time().lines(["A"]);
    let recording = stub.record();
    let (low, high) = (
        Button::to_ground(&stub, "A")?,
        Button::to_supply(&stub, "A")?,
    );
    low.press()?;
    high.press()?;
    assert_eq!(stub.net("A")?, Net::Contended);
    assert!(!stub.level("A")?);
    low.release()?;
    assert_eq!(stub.net("A")?, Net::Driven(true));
    assert_eq!(
        recording.to_string(),
        "0.000000 s  A: driven low from outside\n\
         0.000000 s  A: driven high from outside\n\
         0.000000 s  A: driven high and low\n\
         0.000000 s  A: driven high from outside\n"
    );
    Ok(())
}

/// Two chips with open-drain outputs share an interrupt line, as they do on many a board.
#[test]
fn interrupts_of_two_chips_are_wired_together() -> Result {
    let stub = Stub::virtual_time()
        .lines(["ALERT"])
        .pull("ALERT", Bias::PullUp)?;
    let chip = |volts| -> circuits_stub::Result<Ads1115> {
        let chip = Ads1115::new().alert_pin(stub.pin("ALERT")?);
        chip.set_volts(0, volts)?;
        Ok(chip)
    };
    let (first, second) = (chip(1.0)?, chip(1.0)?);
    let stub = stub.i2c_device("i2c-1", 0x48, first)?;
    let stub = stub.i2c_device("i2c-1", 0x49, second)?;
    let mut bus = Bus::open_on(&stub, "i2c-1", &Default::default())?;
    // An alert above nothing, of AIN0, all the time.
    for address in [0x48_u8, 0x49] {
        bus.write(address, &[3, 0, 1])?;
        bus.write(address, &[2, 0, 0])?;
        bus.write(address, &[1, 0x44, 0xe0])?;
    }
    stub.delay().sleep(millis(50))?;
    assert_eq!(stub.net("ALERT")?, Net::Driven(false));
    stub.power_i2c("i2c-1", 0x49, false)?;
    assert_eq!(stub.net("ALERT")?, Net::Driven(false), "the other one does");
    stub.power_i2c("i2c-1", 0x48, false)?;
    assert_eq!(stub.net("ALERT")?, Net::Pulled(true));
    Ok(())
}

#[test]
fn a_wire_goes_both_ways() -> Result {
    let stub = Stub::virtual_time().lines(["A", "B"]).wire("A", "B")?;
    let config = Config::new();
    let (mut a, mut b) = (
        Line::open_on(&stub, "A", &config)?,
        Line::open_on(&stub, "B", &config)?,
    );
    for level in [true, false, true] {
        a.make_output(level)?;
        assert_eq!(b.get()?, level);
        a.make_input()?;
        b.make_output(!level)?;
        assert_eq!(a.get()?, !level);
        b.make_input()?;
    }
    Ok(())
}

#[test]
fn nobody_drives_a_line_that_floats() -> Result {
    let stub = Stub::virtual_time().lines(["A", "B"]).wire("A", "B")?;
    assert_eq!(stub.net("A")?, Net::Floating);
    let drain = Config::new().drive(Drive::OpenDrain).initial(true);
    let output = Output::open_on(&stub, "A", &drain)?;
    assert_eq!(stub.net("B")?, Net::Floating);
    let up = Input::open_on(&stub, "B", &Config::new().bias(Bias::PullUp))?;
    assert_eq!(stub.net("A")?, Net::Pulled(true));
    output.set(false)?;
    assert_eq!((stub.net("A")?, up.get()?), (Net::Driven(false), false));
    Ok(())
}

#[test]
fn contention_is_told_once() -> Result {
    let stub = Stub::virtual_time().lines(["A", "B"]).wire("A", "B")?;
    let recording = stub.record();
    let a = Output::open_on(&stub, "A", &Config::new().initial(true))?;
    let b = Output::open_on(&stub, "B", &Config::new())?;
    assert_eq!((stub.net("A")?, a.get()?), (Net::Contended, false));
    stub.drive("A", true)?;
    b.set(true)?;
    assert_eq!(stub.net("A")?, Net::Driven(true));
    b.set(false)?;
    let told = recording.to_string();
    assert_eq!(
        told.matches("A, B: driven high and low").count(),
        2,
        "{told}"
    );
    Ok(())
}

#[test]
fn a_pull_that_changes_is_an_edge_for_the_other_end() -> Result {
    let stub = Stub::virtual_time().lines(["A", "B"]).wire("A", "B")?;
    let mut a = Input::open_on(&stub, "A", &both())?;
    let mut b = Input::open_on(&stub, "B", &Config::new())?;
    b.configure(&Config::new().bias(Bias::PullUp))?;
    assert_eq!(
        a.wait_edge(millis(1))?.map(|event| event.edge()),
        Some(Edge::Rising)
    );
    Ok(())
}

/// Lines at the other ends see no other level first.
#[test]
fn outputs_begin_without_a_glitch() -> Result {
    let stub = Stub::virtual_time()
        .lines(["OUT", "ALSO OUT", "LOOK", "ALSO LOOK"])
        .wire("OUT", "LOOK")?
        .wire("ALSO OUT", "ALSO LOOK")?;
    let config = both().bias(Bias::PullUp);
    let look = ["LOOK", "ALSO LOOK"].map(|line| (line, config.clone()));
    let mut look = Lines::open_on(&stub, look)?;
    let high = Config::output().initial(true);
    let output = Output::open_on(&stub, "OUT", &high)?;
    assert_eq!(look.wait_edge(millis(1))?, None);
    drop(output);
    let outputs = ["OUT", "ALSO OUT"].map(|line| (line, high.clone()));
    let mut outputs = Lines::open_on(&stub, outputs)?;
    outputs.configure(0, &high.active_low(true))?;
    outputs.set(0b00)?;
    assert_eq!(look.get()?, 0b01);
    let times: Vec<_> = (0..3)
        .map(|_| look.wait_edge(millis(1)).unwrap().map(|event| event.line()))
        .collect();
    assert_eq!(times, [Some(0), Some(0), Some(1)], "down and up, and down");
    assert_eq!(look.wait_edge(millis(1))?, None);
    Ok(())
}

#[test]
fn a_hand_takes_back_what_it_would_have_done() -> Result {
    let stub = Stub::virtual_time().lines(["A", "B"]);
    let mut a = Input::open_on(&stub, "A", &both())?;
    stub.play("A", [(millis(10), true), (millis(10), false)])?;
    stub.play("B", [(millis(15), true)])?;
    stub.delay().sleep(millis(5))?;
    stub.play("A", [(millis(10), true)])?;
    let event = a.wait_edge(millis(100))?.expect("an edge");
    assert_eq!(event.time().as_nanos(), 15_000_000);
    assert!(stub.level("B")?);
    stub.play("A", [(millis(10), Some(false)), (millis(10), None)])?;
    stub.drive("A", true)?;
    assert_eq!(a.wait_edge(millis(100))?, None);
    Ok(())
}

#[test]
fn what_is_to_come_is_no_deadlock_and_comes_from_any_thread() -> Result {
    let stub = Stub::virtual_time().lines(["A"]);
    let mut a = Input::open_on(&stub, "A", &both())?;
    let (tell, told) = mpsc::channel();
    let hand = {
        let stub = stub.clone();
        std::thread::spawn(move || {
            told.recv().unwrap();
            stub.play("A", [(millis(1000), true)]).unwrap();
        })
    };
    let event = stub.run(|| {
        stub.outside(|| {
            tell.send(()).unwrap();
            hand.join().unwrap();
        });
        a.wait_edge(None)
    })?;
    assert_eq!(
        event.map(|event| event.time().as_nanos()),
        Some(1_000_000_000)
    );
    let error = a.wait_edge(None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadlock);
    Ok(())
}

/// Nobody else does anything that would have time move.
#[test]
fn what_a_hand_will_do_has_time_move() -> Result {
    let stub = Stub::virtual_time().lines(["A"]);
    let mut a = Input::open_on(&stub, "A", &both())?;
    let (tell, told) = mpsc::channel();
    stub.run(|| {
        let robot = stub.spawn("robot", move || tell.send(a.wait_edge(None)))?;
        let edge = stub.outside(|| {
            std::thread::sleep(millis(100));
            stub.play("A", [(millis(1000), true)])?;
            Ok::<_, Box<dyn std::error::Error>>(told.recv_timeout(millis(3000))??)
        })?;
        robot.join().unwrap().unwrap();
        assert_eq!(edge.map(|edge| edge.time().as_nanos()), Some(1_000_000_000));
        Ok(())
    })
}

#[test]
fn what_is_to_come_comes_in_real_time() -> Result {
    let stub = Stub::real_time().lines(["A"]);
    let mut a = Input::open_on(&stub, "A", &both())?;
    let start = stub.clock().now();
    stub.play("A", [(millis(20), true), (millis(20), false)])?;
    for (number, level) in [(1, Edge::Rising), (2, Edge::Falling)] {
        let event = a.wait_edge(Duration::from_secs(10))?.expect("an edge");
        assert_eq!(event.edge(), level);
        // However late it was done, that is when it was.
        let after = event.time() - start;
        assert!(
            (millis(20 * number)..millis(20 * number + 10)).contains(&after),
            "{after:?}"
        );
    }
    Ok(())
}

#[test]
fn a_button_bounces_until_it_is_debounced() -> Result {
    let stub = Stub::virtual_time()
        .lines(["RAW", "CLEAN"])
        .wire("RAW", "CLEAN")?;
    let button = Button::to_ground(&stub, "RAW")?.bouncing(millis(5));
    let config = both().bias(Bias::PullUp).active_low(true).event_buffer(64);
    let mut raw = Input::open_on(&stub, "RAW", &config)?;
    let mut clean = Input::open_on(&stub, "CLEAN", &config.clone().debounce(millis(10)))?;
    for _ in 0..3 {
        button.press()?;
        stub.delay().sleep(millis(100))?;
        button.release()?;
        stub.delay().sleep(millis(100))?;
    }
    let edges = |input: &mut Input| {
        let mut edges = Vec::new();
        while let Some(event) = input.wait_edge(Duration::ZERO).unwrap() {
            edges.push((event.edge(), event.time().as_nanos() / 1_000_000));
        }
        edges
    };
    let (raw, clean) = (edges(&mut raw), edges(&mut clean));
    let (down, up) = (Edge::Rising, Edge::Falling);
    let pressed = [
        (down, 15),
        (up, 115),
        (down, 215),
        (up, 315),
        (down, 415),
        (up, 515),
    ];
    assert_eq!(clean, pressed);
    assert_eq!(raw.len(), 6 * 9, "{raw:?}");
    Ok(())
}

#[test]
fn a_knob_is_turned_both_ways() -> Result {
    let stub = Stub::virtual_time().lines(["A", "B"]);
    let knob = Encoder::new(&stub, "A", "B")?.click_time(millis(20));
    let config = both().bias(Bias::PullUp).active_low(true);
    let mut lines = Lines::open_on(&stub, ["A", "B"].map(|line| (line, config.clone())))?;
    for (clicks, first) in [(2, 0), (-2, 1)] {
        knob.turn(clicks)?;
        for _ in 0..2 {
            for (line, edge) in [
                (first, Edge::Rising),
                (1 - first, Edge::Rising),
                (first, Edge::Falling),
                (1 - first, Edge::Falling),
            ] {
                let event = lines.wait_edge(millis(20))?.expect("it is turned");
                assert_eq!((event.line(), event.edge()), (line, edge));
            }
        }
        assert_eq!(lines.wait_edge(millis(100))?, None);
    }
    knob.turn(0)?;
    assert_eq!(lines.wait_edge(millis(100))?, None);
    Ok(())
}

#[test]
fn a_lamp_is_as_bright_as_it_is_switched() -> Result {
    let stub = Stub::virtual_time().lines(["LAMP"]);
    let lamp = Led::new(&stub, "LAMP")?;
    let output = Output::open_on(&stub, "LAMP", &Config::new().active_low(true))?;
    assert!(lamp.is_lit()?);
    stub.delay().sleep(millis(30))?;
    assert_eq!((lamp.flashes()?, lamp.lit_for()?), (1, millis(30)));
    output.set(true)?;
    stub.delay().sleep(millis(50))?;
    assert_eq!((lamp.is_lit()?, lamp.lit_for()?), (false, millis(30)));
    Ok(())
}

#[test]
fn a_chip_that_comes_again_has_its_name_and_no_past() -> Result {
    let stub = Stub::virtual_time()
        .chip("soc", ["A"])
        .chip("expander", ["B", "C"])
        .wire("A", "B")?;
    let (a, b) = (
        Input::open_on(&stub, "A", &both())?,
        Output::open_on(&stub, "B", &Config::new())?,
    );
    b.set(true)?;
    assert!(a.get()?);
    stub.play("B", [(millis(10), true)])?;
    let recording = stub.record();
    stub.remove_chip("gpiochip1")?;
    assert!(!a.get()?, "nothing is at the other end of the wire");
    stub.delay().sleep(millis(100))?;
    drop(a);
    let a = Output::open_on(&stub, "A", &Config::new())?;
    stub.drive("A", true)?;
    assert_eq!(stub.net("A")?, Net::Contended);
    drop(a);
    stub.let_go("A")?;
    let told = recording.to_string();
    assert!(
        told.contains("  A: driven high and low") && !told.contains("B:"),
        "{told}"
    );
    let a = Input::open_on(&stub, "A", &both())?;
    assert_eq!(b.set(true).unwrap_err().kind(), ErrorKind::Removed);
    assert!(matches!(
        stub.level("B"),
        Err(circuits_stub::Error::NoLine { .. })
    ));
    stub.remove_chip("gpiochip1").unwrap_err();
    let stub = stub.chip("expander", ["B"]);
    let again = Output::open_on(&stub, "gpiochip1:B", &Config::new().initial(true))?;
    drop(b);
    assert!(again.get()? && !a.get()?);
    assert!(stub.consumer("B")?.is_some());
    let told = recording.to_string();
    assert!(told.starts_with("0.000000 s  gpiochip1: removed"), "{told}");
    assert!(!told.contains("B: released"), "{told}");
    Ok(())
}

#[test]
fn who_may_not_open_is_told_so() -> Result {
    let stub = Stub::virtual_time().lines(["A"]).i2c_bus("i2c-1");
    let stranger = stub.without_permission();
    let error: Error = Input::open_on(&stranger, "A", &Config::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    let config = circuits_i2c::Config::new();
    let error = circuits_i2c::Bus::open_on(&stranger, "i2c-1", &config).unwrap_err();
    assert_eq!(error.kind(), circuits_i2c::ErrorKind::PermissionDenied);
    // Its hands are on the same board.
    stranger.drive("A", true)?;
    assert!(Input::open_on(&stub, "A", &Config::new())?.get()?);
    Ok(())
}

#[test]
fn a_period_that_changes_is_that_of_what_comes_then() -> Result {
    let stub = Stub::virtual_time().lines(["A"]);
    let config = both().debounce(millis(100));
    let mut a = Input::open_on(&stub, "A", &config)?;
    stub.drive("A", true)?;
    stub.delay().sleep(millis(50))?;
    a.configure(&config.clone().debounce(millis(10)))?;
    stub.delay().sleep(millis(100))?;
    stub.drive("A", false)?;
    let times = [(); 2].map(|()| a.wait_edge(millis(100)).unwrap().unwrap().time());
    assert_eq!(times.map(|time| time.as_nanos() / 1_000_000), [100, 160]);
    Ok(())
}

#[test]
fn what_a_configuration_does_itself_is_no_edge() -> Result {
    for debounce in [Duration::ZERO, millis(10)] {
        let stub = Stub::virtual_time().lines(["A", "B"]);
        let up = both().bias(Bias::PullUp).debounce(debounce);
        let mut a = Input::open_on(&stub, "A", &Config::new())?;
        a.configure(&up)?;
        assert!(a.get()?);
        assert_eq!(a.wait_edge(millis(100))?, None);
        let mut b = Line::open_on(&stub, "B", &Config::output().initial(true))?;
        b.configure(&both().debounce(debounce))?;
        assert_eq!(b.wait_edge(millis(100))?, None);
    }
    Ok(())
}

#[test]
fn a_chip_that_is_gone_does_nothing_more() -> Result {
    let stub = Stub::virtual_time().lines(["A"]).chip("other", ["B"]);
    let _a = Input::open_on(&stub, "A", &both().debounce(Duration::from_secs(3600)))?;
    let mut b = Input::open_on(&stub, "B", &both())?;
    stub.drive("A", true)?;
    stub.remove_chip("gpiochip0")?;
    assert_eq!(b.wait_edge(None).unwrap_err().kind(), ErrorKind::Deadlock);
    assert_eq!(stub.clock().now().as_nanos(), 0);
    Ok(())
}

#[test]
fn the_trace_tells_what_was_at_the_same_time() -> Result {
    let stub = Stub::virtual_time().lines(["UP", "DOWN"]);
    let recording = stub.record();
    let motor = ["UP", "DOWN"].map(|line| (line, Config::output().consumer("gate")));
    let mut motor = Lines::open_on(&stub, motor)?;
    motor.set(0b01)?;
    motor.set_some(0b01, 0b00)?;
    motor.configure(1, &Config::input())?;
    motor.configure(1, &Config::output().initial(true))?;
    drop(motor);
    let told = recording.to_string().replace("0.000000 s  ", "");
    let expected = [
        r#"UP: output of "gate""#,
        r#"DOWN: output of "gate""#,
        "UP: low, DOWN: low",
        "UP: high, DOWN: low",
        "UP: low",
        "DOWN: set up anew as an input",
        "DOWN: set up anew as an output",
        "DOWN: high",
        "UP: released",
        "DOWN: released",
    ];
    assert_eq!(told.lines().collect::<Vec<_>>(), expected);
    Ok(())
}

#[test]
fn what_is_held_is_not_the_kernels() -> Result {
    let stub = Stub::virtual_time().lines(["A"]);
    let a = Output::open_on(&stub, "A", &Config::new().consumer("lamp"))?;
    let error = stub.clone().hog("A", "spi0 CS0").unwrap_err();
    assert!(error.to_string().contains("lamp"), "{error}");
    drop(a);
    stub.hog("A", "spi0 CS0")?.hog("A", "other").unwrap_err();
    Ok(())
}

#[test]
fn hands_that_never_rest_are_no_panic() -> Result {
    let stub = Stub::virtual_time().lines(["A", "B"]);
    Button::to_ground(&stub, "A")?
        .bouncing(Duration::MAX)
        .press()?;
    let knob = Encoder::new(&stub, "A", "B")?;
    knob.turn(i16::MIN)?;
    knob.click_time(Duration::MAX).turn(i16::MAX)?;
    Ok(())
}

/// The virtual board merges none, however near they are.
#[test]
fn ten_thousand_edges_are_ten_thousand() -> Result {
    for stub in [Stub::virtual_time(), Stub::real_time()] {
        let stub = stub.lines(["A"]);
        let mut a = Input::open_on(&stub, "A", &both().event_buffer(100))?;
        stub.play(
            "A",
            (0..10_000).map(|number| (Duration::from_nanos(1), number % 2 == 0)),
        )?;
        stub.delay().sleep(millis(5))?;
        let (mut delivered, mut lost) = (0, 0);
        while let Some(event) = a.try_edge()? {
            (delivered, lost) = (delivered + 1, lost + event.lost());
        }
        // The size of the queue is a power of two.
        assert_eq!((delivered, lost), (128, 10_000 - 128));
    }
    Ok(())
}

/// Who drives a line as it is driven already does nothing that is told.
#[test]
fn what_is_driven_anew_is_no_news() -> Result {
    let stub = Stub::virtual_time().lines(["A"]);
    let recording = stub.record();
    stub.drive("A", true)?;
    stub.drive("A", true)?;
    stub.let_go("A")?;
    stub.let_go("A")?;
    let told = recording.to_string();
    assert_eq!(told.lines().count(), 2, "{told}");
    Ok(())
}

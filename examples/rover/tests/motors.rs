//! Motors and their encoders fail.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use circuits::Board;
use circuits::stub::Stub;
use circuits::stub::i2c::Fault;
use circuits::stub::parts::WheelEncoder;

use super::bench::{Bench, is_off, millis};
use super::ground::Ground;
use crate::codec::Command;
use crate::drive::Drive;
use crate::stop::{Side, Stop};

const MOTORS: u8 = 0x40;

fn wheel(stub: &Stub, side: &str) -> WheelEncoder {
    stub.part(side).unwrap()
}

#[test]
fn a_wheel_that_sticks_stops_it_in_less_than_half_a_second() {
    for (side, part) in [(Side::Left, "left wheel"), (Side::Right, "right wheel")] {
        let bench = Bench::new().at(millis(2000), move |stub| wheel(stub, part).stick(true));
        let stub = bench.stub.clone();
        let outcome = bench.run(4);
        assert_eq!(outcome.stops(), [Stop::EncoderStuck(side)]);
        assert_eq!(is_off(&stub), [true; 2]);
        let off = outcome.first(millis(2000), "GPIO22: low").unwrap();
        assert!((millis(2250)..millis(2400)).contains(&off), "{off:?}");
    }
}

/// Then edges come, and the wheel seems to go to and fro.
#[test]
fn a_wire_of_an_encoder_that_breaks_stops_it_as_well() {
    let bench = Bench::new().at(millis(2000), |stub| {
        wheel(stub, "left wheel").cut(1).unwrap()
    });
    let outcome = bench.run(4);
    assert_eq!(outcome.stops(), [Stop::EncoderStuck(Side::Left)]);
    let off = outcome.first(millis(2000), "GPIO22: low").unwrap();
    assert!(off < millis(2400), "{off:?}");
}

/// It counts backwards what goes forwards, and the controller would give ever more.
#[test]
fn an_encoder_with_swapped_lines_stops_it() {
    let mut bench = Bench::new();
    let encoders = bench.config.encoders.as_mut().unwrap();
    encoders.left.swap(0, 1);
    let stub = bench.stub.clone();
    let outcome = bench.run(3);
    assert_eq!(outcome.stops(), [Stop::EncoderStuck(Side::Left)]);
    assert_eq!(is_off(&stub), [true; 2]);
    let on = outcome.first(millis(0), "GPIO22: high").unwrap();
    let off = outcome.first(on, "GPIO22: low").unwrap();
    // It looks about before it drives.
    let driven = on + millis(200);
    assert!(off < driven + millis(400), "{on:?}, {off:?}");
}

/// The PCA9685 of a program that was killed goes on. The next program stops it before it does anything else.
#[test]
fn what_a_killed_program_has_left_going_is_stopped_at_once() {
    let mut bench = Bench::new();
    bench.config.drive.as_mut().unwrap().enable = None;
    let board = Board::from(&bench.stub);
    let config = bench.config.drive.clone().unwrap();
    bench.stub.run(|| {
        let mut drive = Drive::open(&board, &config).unwrap();
        drive.start().unwrap();
        drive.set([0.5, 0.5]).unwrap();
        std::mem::forget(drive);
        assert!(!is_off(&bench.stub)[1]);
        let drive = Drive::open(&board, &config).unwrap();
        assert!(is_off(&bench.stub)[1]);
        drop(drive);
        // One that does not answer may be going, and nothing can be done about it.
        let _motors = bench.stub.unplug_i2c("i2c-1", MOTORS).unwrap();
        let Err(error) = Drive::open(&board, &config) else {
            panic!("it is not there");
        };
        let error = format!("{error:?}");
        assert!(error.contains("does not answer ("), "{error}");
    });
}

/// Without a line the bus is the only way. It is tried for a while, and then it is told that it was in vain.
#[test]
fn what_cannot_be_switched_off_in_the_end_is_tried_and_told() {
    for (until, is_off_then) in [(3000, true), (60_000, false)] {
        let mut bench = Bench::new();
        bench.config.drive.as_mut().unwrap().enable = None;
        let fault = Fault::no_acknowledge().at(MOTORS).always();
        // It ends at 2.2 s.
        let fault = fault.not_before(millis(2180)).until(millis(until - 500));
        bench.stub.i2c_fault("i2c-1", fault).unwrap();
        let stub = bench.stub.clone();
        let summary = bench.run_unseen(2);
        assert_eq!(summary.is_off, is_off_then, "{summary}");
        assert_eq!(is_off(&stub)[1], is_off_then);
        assert_eq!(summary.to_string().contains("MAY BE ON"), !is_off_then);
    }
}

/// Told to go while the bus is still dead, it is about to drive; until then motors are to be off.
#[test]
fn what_is_not_off_yet_is_tried_while_it_gets_ready() {
    let mut bench = Bench::new();
    bench.config.drive.as_mut().unwrap().enable = None;
    let ground = Ground::of(&bench.stub);
    let fault = Fault::no_acknowledge().at(MOTORS).always();
    let fault = fault.not_before(millis(3000)).until(millis(4100));
    bench.stub.i2c_fault("i2c-1", fault).unwrap();
    let bench = bench
        .at(millis(3800), move |_| ground.say(Command::Go))
        .at(millis(4090), |stub| assert!(!is_off(stub)[1]))
        .at(millis(4200), |stub| assert!(is_off(stub)[1]));
    assert_eq!(bench.run(5).stops(), [Stop::MotorsLost]);
}

/// What unwinds through the drive switches it off.
#[test]
fn a_panic_leaves_motors_off() {
    let bench = Bench::new();
    let board = Board::from(&bench.stub);
    let config = bench.config.drive.unwrap();
    let panicked = bench.stub.run(|| {
        let driving = AssertUnwindSafe(|| {
            let mut drive = Drive::open(&board, &config).unwrap();
            drive.start().unwrap();
            drive.set([0.5, -0.5]).unwrap();
            assert_eq!(is_off(&bench.stub), [false; 2]);
            // As panic does, but that it says nothing.
            resume_unwind(Box::new("a mistake"))
        });
        catch_unwind(driving).is_err_and(|what| what.is::<&str>())
    });
    assert!(panicked);
    assert_eq!(is_off(&bench.stub), [true; 2]);
}

#[test]
fn some_commands_that_nobody_acknowledges_are_gone_over() {
    let bench = Bench::new();
    let fault = Fault::no_acknowledge().at(MOTORS).always();
    let fault = fault.not_before(millis(3000)).until(millis(3040));
    bench.stub.i2c_fault("i2c-1", fault).unwrap();
    let noise = Fault::no_acknowledge().always().chance(0.01, 3);
    bench
        .stub
        .i2c_fault("i2c-1", noise.not_before(millis(1000)))
        .unwrap();
    let outcome = bench.run(10);
    assert_eq!((outcome.stops(), outcome.world.touches()), (vec![], 0));
    let losses = outcome.summary.losses;
    assert!(
        losses.motor_commands >= 4 && losses.imu_reads > 2,
        "{losses}"
    );
}

/// The bus is dead, and the line is what stops it.
#[test]
fn when_the_motors_do_not_answer_their_line_is_dropped() {
    let bench = Bench::new();
    let fault = Fault::no_acknowledge().at(MOTORS).always();
    let fault = fault.not_before(millis(3000)).until(millis(4000));
    bench.stub.i2c_fault("i2c-1", fault).unwrap();
    let bench = bench.at(millis(3100), |stub| assert_eq!(is_off(stub), [true, false]));
    // As soon as it answers, it is told.
    let bench = bench.at(millis(4050), |stub| assert_eq!(is_off(stub), [true; 2]));
    let outcome = bench.run(5);
    assert_eq!(outcome.stops(), [Stop::MotorsLost]);
    let off = outcome.first(millis(3000), "GPIO22: low").unwrap();
    assert!(off < millis(3060), "{off:?}");
    assert_eq!(outcome.world.speeds(), [0.0; 2]);
}

/// Somebody holds the clock: each call takes its time-out, and the loop goes on.
#[test]
fn a_bus_that_hangs_stops_it_soon() {
    let bench = Bench::new();
    let fault = Fault::stuck().always().not_before(millis(3000));
    bench.stub.i2c_fault("i2c-1", fault).unwrap();
    let outcome = bench.run(4);
    let [first, ..] = outcome.stops()[..] else {
        panic!("it drives on");
    };
    assert!(matches!(first, Stop::MotorsLost | Stop::ImuLost), "{first}");
    let off = outcome.first(millis(3000), "GPIO22: low").unwrap();
    assert!(off < millis(3150), "{off:?}");
    assert!(outcome.summary.jitter.missed > 0);
}

/// A controller that had no power for a moment sleeps, and does what it is told only when it was set up anew.
#[test]
fn after_a_brown_out_of_the_motors_it_goes_on_when_it_is_told_to() {
    let bench = Bench::new();
    let ground = Ground::of(&bench.stub);
    let bench = bench
        .at(millis(3000), |stub| {
            stub.power_i2c("i2c-1", MOTORS, false).unwrap()
        })
        .at(millis(3002), |stub| {
            stub.power_i2c("i2c-1", MOTORS, true).unwrap()
        })
        .at(millis(5000), move |_| ground.say(Command::Go));
    let outcome = bench.run(8);
    let [stop] = outcome.stops()[..] else {
        panic!("{:?}", outcome.stops());
    };
    assert!(matches!(stop, Stop::EncoderStuck(_)), "{stop}");
    assert!(outcome.first(millis(5000), "GPIO22: high").is_some());
}

/// More edges than a queue holds: they are counted, and told.
#[test]
fn edges_that_are_lost_are_reported() {
    let bench = Bench::new();
    let fault = Fault::stuck().not_before(millis(3000)).times(2);
    bench.stub.i2c_fault("i2c-1", fault).unwrap();
    // Nobody reads them for longer than a queue of 64 lasts.
    let bench = bench.at(millis(3000), |stub| {
        wheel(stub, "left wheel").set_speed(20_000.0);
    });
    let outcome = bench.run(5);
    assert!(outcome.summary.losses.edges > 0, "{}", outcome.summary);
}

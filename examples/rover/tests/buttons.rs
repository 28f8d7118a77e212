//! The emergency stop.

use circuits::stub::Stub;
use circuits::stub::chips::Pca9685;
use circuits::stub::parts::Button;

use super::bench::{Bench, is_off, millis};
use super::ground::{Ground, stopped};
use crate::codec::Command;
use crate::stop::Stop;

fn button(stub: &Stub) -> Button {
    stub.part("emergency stop").unwrap()
}

/// Whenever it is pressed, in a cycle or between two: at once, or as soon as the bus is free.
#[test]
fn at_full_speed_motors_are_off_in_the_same_cycle() {
    for micros in [2_000_000, 2_003_333, 2_007_777, 2_010_500] {
        let pressed = std::time::Duration::from_micros(micros);
        let bench = Bench::new().at(pressed, |stub| button(stub).press().unwrap());
        let stub = bench.stub.clone();
        let outcome = bench.run(3);
        assert_eq!(outcome.stops(), [Stop::Emergency]);
        assert_eq!(is_off(&stub), [true; 2]);
        let line = outcome.first(pressed, "GPIO22: low").unwrap() - pressed;
        let bridge = outcome
            .first(pressed, "i2c-1 0x40: write fc 00 10")
            .unwrap()
            - pressed;
        println!("the line {line:?}, the bridge {bridge:?} after the edge");
        assert!(
            line < millis(4) && bridge < millis(5),
            "{line:?}, {bridge:?}"
        );
    }
}

#[test]
fn between_two_cycles_it_is_at_once() {
    let bench = Bench::new().at(millis(2008), |stub| button(stub).press().unwrap());
    let outcome = bench.run(3);
    assert_eq!(
        outcome.first(millis(2008), "GPIO22: low"),
        Some(millis(2008))
    );
}

/// It stays stopped until the button is let go, and it is told to go: in this order.
#[test]
fn it_goes_on_when_the_button_is_let_go_and_it_is_told_to() {
    let bench = Bench::new();
    let ground = Ground::of(&bench.stub);
    let (early, late) = (ground.clone(), ground.clone());
    let bench = bench
        .at(millis(2000), |stub| {
            button(stub).bouncing(millis(5)).press().unwrap()
        })
        .at(millis(3000), move |_| early.say(Command::Go))
        .at(millis(4000), |stub| {
            button(stub).bouncing(millis(5)).release().unwrap()
        })
        .at(millis(5000), |stub| assert_eq!(is_off(stub), [true; 2]))
        .at(millis(6000), move |_| late.say(Command::Go));
    let outcome = bench.run(8);
    let on = outcome.first(millis(2000), "GPIO22: high").unwrap();
    assert!(on >= millis(6500) && on < millis(6600), "{on:?}");
    assert_eq!(outcome.stops(), [Stop::Emergency]);
    assert_eq!(stopped(&ground.heard().0).first(), Some(&1));
}

#[test]
fn with_restart_it_goes_on_by_itself() {
    let mut bench = Bench::new();
    bench.restarts = true;
    let bench = bench.at(millis(2000), |stub| {
        button(stub).press_for(millis(1000)).unwrap()
    });
    let outcome = bench.run(5);
    let on = outcome.first(millis(2000), "GPIO22: high").unwrap();
    assert!(on >= millis(3500) && on < millis(3600), "{on:?}");
}

#[test]
fn pressed_from_the_beginning_it_does_not_drive() {
    let bench = Bench::new();
    button(&bench.stub).press().unwrap();
    let outcome = bench.run(3);
    assert_eq!(outcome.stops(), [Stop::Emergency]);
    assert_eq!(outcome.first(millis(0), "GPIO22: high"), None);
}

/// It is no reason to go on that somebody takes the chip away.
#[test]
fn a_button_that_is_gone_stops_it() {
    let bench = Bench::new().at(millis(2000), |stub| stub.remove_chip("gpiochip0").unwrap());
    let stub = bench.stub.clone();
    let outcome = bench.run(3);
    let stops = outcome.stops();
    assert!(stops.contains(&Stop::ButtonLost), "{stops:?}");
    // By the bus: the line is gone with its chip.
    let motors: Pca9685 = stub.part("motors").unwrap();
    assert!((0..16).all(|channel| motors.duty(channel) == Some(0.0)));
    assert!(outcome.summary.is_off);
    assert_eq!(outcome.world.speeds(), [0.0; 2]);
}

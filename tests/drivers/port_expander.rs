use std::time::Duration;

use circuits::gpio::{Config, Edge, Input};
use circuits::prelude::*;
use circuits::stub::chips::Mcp23017 as Chip;
use port_expander::Mcp23x17;

use crate::deaf::{on_i2c, on_i2c_with_pin};

#[test]
fn driver_port_expander_mcp23017_pins() {
    let chip = Chip::new();
    on_i2c(0x21, chip.clone(), |_, bus| {
        let mut expander = Mcp23x17::new_mcp23017(bus, true, false, false);
        let pins = expander.split();
        let mut relay = pins.gpa3.into_output().unwrap();
        let mut led = pins.gpb6.into_output().unwrap();
        assert_eq!(
            (chip.output(3), chip.output(14)),
            (Some(false), Some(false))
        );
        assert_eq!(chip.output(2), None, "still an input");
        relay.set_high().unwrap();
        led.set_high().unwrap();
        led.toggle().unwrap();
        assert_eq!((chip.output(3), chip.output(14)), (Some(true), Some(false)));

        let mut button = pins.gpa0;
        button.enable_pull_up(true).unwrap();
        assert!(chip.pull_up(0) && button.is_high().unwrap());
        chip.set_input(0, false);
        assert!(button.is_low().unwrap());
        chip.let_go(0);
        assert!(button.is_high().unwrap());
        let button = button.into_inverted().unwrap();
        assert!(button.is_low().unwrap());

        let door = pins.gpb7;
        chip.set_input(15, true);
        assert!(door.is_high().unwrap());
        let relay = relay.into_input().unwrap();
        assert_eq!(chip.output(3), None);
        assert!(relay.is_low().unwrap(), "nothing drives it any more");
    });
}

#[test]
fn driver_port_expander_mcp23017_interrupt() {
    let with_interrupt = |pin| Chip::new().inta(pin);
    on_i2c_with_pin(0x20, with_interrupt, |stub, mut bus, chip| {
        // The driver knows nothing of interrupts: they are asked for beside it.
        bus.write(0x20, &[0x04, 0x01]).unwrap();
        let mut expander = Mcp23x17::new_mcp23017(bus, false, false, false);
        let pins = expander.split();
        let mut line = Input::open_on(stub, "INT", &Config::new()).unwrap();

        let finger = chip.clone();
        let delay = stub.delay();
        let person = stub.spawn("person", move || {
            delay.sleep(Duration::from_secs(60)).unwrap();
            finger.set_input(0, true);
        });
        let pressed = line.wait_edge(None).unwrap().expect("an edge");
        assert_eq!(pressed.edge(), Edge::Falling);
        assert!(pressed.time().as_nanos() / 1_000_000_000 == 60);
        assert!(pins.gpa0.is_high().unwrap());
        assert!(line.get().unwrap(), "it was read");
        person.unwrap().join().unwrap();
    });
}

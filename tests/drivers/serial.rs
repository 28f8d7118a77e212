use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use circuits::Board;
use circuits::stub::Stub;
use circuits::stub::uart::{Device, Line};
use circuits::uart::{Config, Port};
use circuits::wait::Time;

/// Says nothing, whatever it hears.
struct Mute;

impl Device for Mute {
    fn receive(&mut self, _: u8, _: &mut Line) {}
}

/// Answers each byte with 0xff, and says something that is nothing, ten times a second.
#[derive(Default)]
struct Babbler {
    said: u64,
}

impl Device for Babbler {
    fn receive(&mut self, _: u8, line: &mut Line) {
        line.send(&[0xff]);
    }

    fn next(&self) -> Option<Time> {
        // Who waits for it to say something else would wait for ever.
        let time = Time::ZERO + Duration::from_millis(100 * (self.said + 1));
        (self.said < 1000).then_some(time)
    }

    fn act(&mut self, line: &mut Line) {
        self.said += 1;
        line.send(b"\r\n$GP,\xff\x05\x00*00\r\n+OK\r\n");
    }
}

/// Runs a test of a driver with a device on `ttyAMA0`, on a board in virtual time.
pub(crate) fn on_serial<D: Device + Clone + 'static>(
    config: &Config,
    device: impl Fn() -> D,
    test: impl Fn(&Stub, Port, D),
) {
    let run = |connected: Box<dyn Device>, device: D| {
        let stub = Stub::virtual_time().serial_device("ttyAMA0", connected);
        let stub = stub.unwrap();
        let port = Board::from(&stub).serial_port("ttyAMA0", config).unwrap();
        stub.run(|| test(&stub, port, device));
    };
    let fails =
        |wrong: Box<dyn Device>| catch_unwind(AssertUnwindSafe(|| run(wrong, device()))).is_err();
    assert!(fails(Box::new(Mute)), "it passes with nothing there");
    assert!(fails(Box::<Babbler>::default()), "it passes with rubbish");
    let device = device();
    run(Box::new(device.clone()), device);
}

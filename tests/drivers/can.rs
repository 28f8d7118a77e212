//! What programs write on embedded-can, and boards for them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use circuits::Board;
use circuits::can::{Config, Frame, Socket};
use circuits::spi::{self, Device};
use circuits::stub::can::{Controller, Node};
use circuits::stub::chips::Mcp2515;
use circuits::stub::{Pin, Stub};
use circuits::wait::Time;
use embedded_can::nb::Can;
use embedded_can::{Id, StandardId};
use embedded_hal::delay::DelayNs;
use mcp25xx::MCP25xx;

use crate::deaf::Deaf;

/// A program's end of a bus, whosever it is.
pub(crate) struct Talk<C, D> {
    can: C,
    delay: D,
}

/// How long it lets pass before it looks again, in microseconds.
const PAUSE: u32 = 100;

impl<C: Can, D: DelayNs> Talk<C, D> {
    pub(crate) fn new(can: C, delay: D) -> Talk<C, D> {
        Talk { can, delay }
    }

    pub(crate) fn send(&mut self, frame: &C::Frame) {
        let mut sent = || match self.can.transmit(frame) {
            Ok(replaced) => {
                assert!(replaced.is_none(), "it drops another one for it");
                true
            }
            Err(nb::Error::WouldBlock) => false,
            Err(nb::Error::Other(error)) => panic!("{error:?}"),
        };
        let has_room = (0..1000).any(|_| {
            let sent = sent();
            if !sent {
                self.delay.delay_us(PAUSE);
            }
            sent
        });
        assert!(has_room, "nobody takes it");
    }

    /// Returns what comes next, if anything does for so many milliseconds.
    pub(crate) fn receive(&mut self, millis: u32) -> Option<C::Frame> {
        self.find(millis, Some)
    }

    /// Waits for something, for so many milliseconds at most, and drops what comes before it.
    pub(crate) fn find<T>(
        &mut self,
        millis: u32,
        mut is_it: impl FnMut(C::Frame) -> Option<T>,
    ) -> Option<T> {
        for _ in 0..millis * 1000 / PAUSE {
            match self.can.receive() {
                Ok(frame) => {
                    if let Some(found) = is_it(frame) {
                        return Some(found);
                    }
                }
                Err(nb::Error::WouldBlock) => self.delay.delay_us(PAUSE),
                Err(nb::Error::Other(error)) => panic!("{error:?}"),
            }
        }
        None
    }
}

pub(crate) fn standard(id: u16) -> Id {
    StandardId::new(id).expect("it has 11 bits").into()
}

/// Acknowledges everything, and says nothing.
pub(crate) struct Mute;

impl Node for Mute {
    fn receive(&mut self, _: &Frame, _: &mut Controller) {}
}

/// Answers each frame with one of the same identifier, and one that follows it, and says other things a hundred times
/// a second: all of them ones.
#[derive(Default)]
pub(crate) struct Babbler {
    said: u16,
}

impl Babbler {
    fn say(id: u16, controller: &mut Controller) {
        let id = circuits::can::Id::standard(id & 0x7ff);
        if let Ok(frame) = id.and_then(|id| Frame::new(id, &[0xff; 8])) {
            controller.send(&frame);
        }
    }
}

impl Node for Babbler {
    fn receive(&mut self, frame: &Frame, controller: &mut Controller) {
        let id = frame.id().raw() as u16;
        Babbler::say(id, controller);
        Babbler::say(id + 1, controller);
    }

    fn next(&self) -> Option<Time> {
        // Who waits for it to say something else would wait for ever.
        let time = Time::ZERO + Duration::from_millis(10 * (u64::from(self.said) + 1));
        (self.said < 2000).then_some(time)
    }

    fn act(&mut self, controller: &mut Controller) {
        self.said += 1;
        Babbler::say(self.said.wrapping_mul(577), controller);
    }
}

/// Says what a test makes of it that has nobody there, or somebody who says rubbish.
pub(crate) fn must_fail(run: impl Fn(Box<dyn Node>)) {
    let fails = |wrong: Box<dyn Node>| catch_unwind(AssertUnwindSafe(|| run(wrong))).is_err();
    assert!(fails(Box::new(Mute)), "it passes with nothing there");
    assert!(fails(Box::<Babbler>::default()), "it passes with rubbish");
}

/// Runs a test of a driver with a node on the bus of `can0`, on a board in virtual time.
pub(crate) fn on_can<N: Node + Clone + 'static>(
    node: impl Fn() -> N,
    test: impl Fn(&Stub, Socket, N),
) {
    let run = |connected: Box<dyn Node>, node: N| {
        let stub = Stub::virtual_time().can_node("can0", connected).unwrap();
        let socket = Board::from(&stub).can_socket("can0", &Config::new());
        stub.run(|| test(&stub, socket.unwrap(), node));
    };
    must_fail(|wrong| run(wrong, node()));
    let node = node();
    run(Box::new(node.clone()), node);
}

/// The same with a controller at `spidev0.0` that is on the bus of `can0` as well.
pub(crate) fn on_mcp25xx<N: Node + Clone + 'static>(
    node: impl Fn() -> N,
    test: impl Fn(&Stub, MCP25xx<Device>, N),
) {
    let run = |connected: Box<dyn Node>, node: N| {
        with_mcp2515(true, |stub, driver, _| {
            stub.plug_can("can0", connected).unwrap();
            stub.run(|| test(stub, driver, node));
        });
    };
    must_fail(|wrong| run(wrong, node()));
    let node = node();
    run(Box::new(node.clone()), node);
}

/// Runs a test of the driver of the controller: which fails with a chip that answers 0xff, and with one that is on no
/// bus.
pub(crate) fn on_chip(test: impl Fn(&Stub, MCP25xx<Device>, &Mcp2515)) {
    let fails = |run: &dyn Fn()| catch_unwind(AssertUnwindSafe(run)).is_err();
    let deaf = || {
        let stub = board();
        let chip = Mcp2515::new(16_000_000);
        let stub = stub.spi_device("spidev0.0", Deaf::default()).unwrap();
        let driver = driver(&stub);
        stub.run(|| test(&stub, driver, &chip));
    };
    assert!(fails(&deaf), "it passes with a chip that answers 0xff");
    let run = |is_on_bus| {
        with_mcp2515(is_on_bus, |stub, driver, chip| {
            stub.run(|| test(stub, driver, chip));
        });
    };
    assert!(fails(&|| run(false)), "it passes without a bus");
    run(true);
}

pub(crate) fn with_mcp2515(is_on_bus: bool, run: impl FnOnce(&Stub, MCP25xx<Device>, &Mcp2515)) {
    let stub = board();
    let pin: Pin = stub.pin("INT").unwrap();
    let chip = Mcp2515::new(16_000_000).interrupt_pin(pin);
    let stub = stub.spi_device("spidev0.0", chip.clone()).unwrap();
    if is_on_bus {
        stub.plug_can("can0", chip.clone()).unwrap();
    }
    run(&stub, driver(&stub), &chip);
}

fn board() -> Stub {
    let stub = Stub::virtual_time().lines(["INT"]);
    stub.can_bus(["can0"]).unwrap()
}

fn driver(stub: &Stub) -> MCP25xx<Device> {
    let config = spi::Config::new().speed_hz(10_000_000);
    let spi = Board::from(stub).spi_device("spidev0.0", &config).unwrap();
    MCP25xx { spi }
}

use std::fmt;

use circuits_can::{ErrorCounters, Frame, State};
use circuits_wait::Time;

/// A device on a CAN bus: what goes over the bus comes to it frame by frame, when the frame is over, and
/// what it sends takes part in the arbitration.
///
/// It has a controller of its own ([`Controller`]), which acknowledges what others send, tries again what was
/// not sent, and counts errors.
///
/// What is called here has the bus to itself, and goes by the times that it is given. It may drive
/// [pins](crate::Pin) and read their levels. It must not use the board otherwise, as by opening or waiting:
/// that may wait for the bus for ever.
pub trait Node: Send {
    /// Returns at how many bits a second it takes part. A node at another rate than the bus destroys what goes over
    /// it. `None`: at that of the bus, whatever it is. Default: none.
    fn bitrate(&self) -> Option<u32> {
        None
    }

    /// Tells whether it acknowledges what it receives, and may send: one that only listens, or sleeps, does not.
    /// Default: it does.
    fn takes_part(&self) -> bool {
        true
    }

    /// A frame of another node went over the bus; it is over at [`Controller::time`].
    fn receive(&mut self, frame: &Frame, controller: &mut Controller);

    /// A frame of this node went over the bus, and somebody acknowledged it. Default: nothing happens.
    fn sent(&mut self, frame: &Frame, controller: &mut Controller) {
        let _ = (frame, controller);
    }

    /// The state or the error counters of its controller changed. Default: it takes part again when it was
    /// bus-off.
    fn state_changed(&mut self, controller: &mut Controller) {
        if controller.state() == State::BusOff {
            controller.restart();
        }
    }

    /// Returns when the node will do something by itself, if it will: [`act`](Node::act) is called then.
    /// It is asked after each call of the others, when it is connected, and when the board looks at its buses; a
    /// time that is over is now, but after `act` it must be later than that was. Default: never.
    fn next(&self) -> Option<Time> {
        None
    }

    /// The time has come that [`next`](Node::next) said. Default: nothing happens.
    fn act(&mut self, controller: &mut Controller) {
        let _ = controller;
    }
}

/// A node's controller, while the node is called.
pub struct Controller {
    pub(super) time: Time,
    pub(super) state: State,
    pub(super) counters: ErrorCounters,
    pub(super) orders: Vec<Order>,
}

/// What a node has its controller do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Send a frame, after those that it was to send before.
    Send(Frame),
    /// Drop what is not sent yet.
    Abort,
    /// Take part again, after bus-off.
    Restart,
}

impl Controller {
    /// Returns the time.
    pub fn time(&self) -> Time {
        self.time
    }

    /// Returns the state.
    pub fn state(&self) -> State {
        self.state
    }

    /// Returns the error counters.
    pub fn error_counters(&self) -> ErrorCounters {
        self.counters
    }

    /// Sends a frame, after those that are to be sent already.
    pub fn send(&mut self, frame: &Frame) {
        self.orders.push(Order::Send(*frame));
    }

    /// Drops what is not sent yet, but for the frame that is on the bus.
    pub fn abort(&mut self) {
        self.orders.push(Order::Abort);
    }

    /// Takes part again, after it was bus-off.
    pub fn restart(&mut self) {
        self.orders.push(Order::Restart);
    }
}

impl fmt::Debug for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Controller")
            .field("time", &self.time)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

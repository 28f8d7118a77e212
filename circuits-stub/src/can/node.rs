use std::fmt;

use circuits_can::{ErrorCounters, Frame, State};
use circuits_wait::Time;

use super::Attention;

/// A device on a CAN bus: what goes over the bus comes to it frame by frame, when the frame is over, and
/// what it sends takes part in the arbitration.
///
/// It has a controller of its own ([`Controller`]), which acknowledges what others send, tries again what was
/// not sent, and counts errors.
///
/// What is called here has the bus to itself, and goes by the times that it is given. It may drive
/// [pins](crate::Pin) and read their levels. It must not use the board otherwise, as by opening or waiting:
/// that may wait for the bus for ever.
///
/// ```
/// use circuits_can::{Config, Frame, Id, Socket};
/// use circuits_stub::{Stub, can};
///
/// /// Answers each remote frame.
/// struct Thermometer;
///
/// impl can::Node for Thermometer {
///     fn receive(&mut self, frame: &Frame, controller: &mut can::Controller) {
///         if frame.is_remote() {
///             let answer = Frame::new(frame.id(), &[21, 5]);
///             controller.send(&answer.expect("two bytes"));
///         }
///     }
/// }
///
/// let board = Stub::virtual_time().can_node("can0", Thermometer)?;
/// let can0 = Socket::open_on(&board, "can0", &Config::new())?;
/// can0.write(&Frame::remote(Id::standard(0x123)?, 2)?, None)?;
/// assert_eq!(can0.read_frame(None)?.data(), [21, 5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Node: Send {
    /// Returns at how many bits a second it takes part. A node at another rate than the bus destroys what goes over
    /// it. `None`: at that of the bus, whatever it is. Default: none.
    fn bitrate(&self) -> Option<u32> {
        None
    }

    /// Returns at how many bits a second the data of CAN FD frames goes that switch the bit rate. `None`: at that of
    /// the bus, whatever it is. Default: none.
    fn data_bitrate(&self) -> Option<u32> {
        None
    }

    /// Tells whether it knows CAN FD frames. One that does not destroys them: it sees a classic frame with an
    /// error in it. Default: it does.
    fn has_fd(&self) -> bool {
        true
    }

    /// Tells whether it acknowledges what it receives, and may send: one that only listens, or sleeps, does not.
    /// Default: it does.
    fn takes_part(&self) -> bool {
        true
    }

    /// Tells whether it tries only once to send a frame. Default: again and again.
    fn one_shot(&self) -> bool {
        false
    }

    /// A frame of another node went over the bus; it is over at [`Controller::time`].
    fn receive(&mut self, frame: &Frame, controller: &mut Controller);

    /// A frame of this node went over the bus, and somebody acknowledged it. Default: nothing happens.
    fn sent(&mut self, frame: &Frame, controller: &mut Controller) {
        let _ = (frame, controller);
    }

    /// A frame of this node was not sent: it lost the arbitration or was destroyed, or nobody acknowledged it. It
    /// will be tried again, unless [`one_shot`](Node::one_shot) says otherwise. While it is error-passive, and nobody
    /// there acknowledges anything, it is not told each time. Default: nothing happens.
    fn failed(&mut self, frame: &Frame, why: Failure, controller: &mut Controller) {
        let _ = (frame, why, controller);
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
    ///
    /// In virtual time a node that goes on for ever keeps time moving for ever: who waits for something
    /// else that never comes is not told of a deadlock then, so let such waits have a deadline.
    fn next(&self) -> Option<Time> {
        None
    }

    /// The time has come that [`next`](Node::next) said. Default: nothing happens.
    fn act(&mut self, controller: &mut Controller) {
        let _ = controller;
    }
}

/// Why a frame was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Failure {
    /// One with a smaller identifier went first.
    LostArbitration,
    /// Nobody acknowledged it.
    NoAcknowledge,
    /// It was destroyed.
    Error,
}

impl<N: Node + ?Sized> Node for Box<N> {
    fn bitrate(&self) -> Option<u32> {
        (**self).bitrate()
    }

    fn data_bitrate(&self) -> Option<u32> {
        (**self).data_bitrate()
    }

    fn has_fd(&self) -> bool {
        (**self).has_fd()
    }

    fn takes_part(&self) -> bool {
        (**self).takes_part()
    }

    fn one_shot(&self) -> bool {
        (**self).one_shot()
    }

    fn receive(&mut self, frame: &Frame, controller: &mut Controller) {
        (**self).receive(frame, controller);
    }

    fn sent(&mut self, frame: &Frame, controller: &mut Controller) {
        (**self).sent(frame, controller);
    }

    fn failed(&mut self, frame: &Frame, why: Failure, controller: &mut Controller) {
        (**self).failed(frame, why, controller);
    }

    fn state_changed(&mut self, controller: &mut Controller) {
        (**self).state_changed(controller);
    }

    fn next(&self) -> Option<Time> {
        (**self).next()
    }

    fn act(&mut self, controller: &mut Controller) {
        (**self).act(controller);
    }
}

/// A node's controller, while the node is called.
pub struct Controller {
    pub(super) time: Time,
    pub(super) state: State,
    pub(super) counters: ErrorCounters,
    pub(super) orders: Vec<Order>,
    pub(super) sending: bool,
    attention: Attention,
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
    /// Be as at first.
    Reset,
}

impl Controller {
    pub(super) fn new(attention: Attention) -> Controller {
        Controller {
            time: Time::ZERO,
            state: State::ErrorActive,
            counters: ErrorCounters::default(),
            orders: Vec::new(),
            sending: false,
            attention,
        }
    }

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

    /// Returns what has the board ask the node anew when it does something by itself: for a handle of the
    /// node, by which that changes while nothing goes over the bus.
    pub fn attention(&self) -> Attention {
        self.attention.clone()
    }

    /// Tells whether a frame of the node is on the bus.
    pub fn is_sending(&self) -> bool {
        self.sending
    }

    /// Sends a frame, after those that are to be sent already. There is room for any number of them; while it is
    /// bus-off they are dropped.
    pub fn send(&mut self, frame: &Frame) {
        self.orders.push(Order::Send(*frame));
    }

    /// Drops what is not sent yet, but for the frame that is on the bus, which is not tried again.
    pub fn abort(&mut self) {
        self.orders.push(Order::Abort);
    }

    /// Takes part again, after it was bus-off: when it has seen 128 times 11 recessive bits.
    pub fn restart(&mut self) {
        self.orders.push(Order::Restart);
    }

    /// Is as it was at first: its error counters are zero, and there is nothing to send; what is on the bus breaks off.
    /// It takes part again when it has seen 11 recessive bits. [`Node::state_changed`] is not called.
    pub fn reset(&mut self) {
        self.orders.push(Order::Reset);
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

#[cfg(test)]
mod tests {
    use super::*;

    struct Plain;

    impl Node for Plain {
        fn receive(&mut self, frame: &Frame, controller: &mut Controller) {
            controller.send(frame);
        }
    }

    #[test]
    fn by_default_a_node_comes_back() {
        let mut controller = Controller::at(Time::ZERO);
        Plain.state_changed(&mut controller);
        assert_eq!(controller.orders, []);
        controller.state = State::BusOff;
        Plain.state_changed(&mut controller);
        assert_eq!(controller.orders, [Order::Restart]);
        let frame = "123#00".parse().unwrap();
        Plain.receive(&frame, &mut controller);
        assert_eq!(controller.take_sent(), [frame]);
    }
}

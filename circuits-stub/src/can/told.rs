//! What a node had its controller do when it was called, for the tests of nodes.

use circuits_can::Frame;
use circuits_wait::Time;

use super::node::Order;
use super::{Attention, Controller};

impl Controller {
    /// A controller that was told nothing yet.
    pub(crate) fn at(time: Time) -> Controller {
        let mut controller = Controller::new(Attention::default());
        controller.time = time;
        controller
    }

    /// Takes the frames that it is to send.
    pub(crate) fn take_sent(&mut self) -> Vec<Frame> {
        let orders = self.orders.drain(..);
        let sent = orders.filter_map(|order| match order {
            Order::Send(frame) => Some(frame),
            _ => None,
        });
        sent.collect()
    }
}

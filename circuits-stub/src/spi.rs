//! SPI controllers, and the devices on them.

use circuits_wait::Time;

/// A device on a bus, as the wire sees it: byte by byte, most significant bit first.
pub trait Device: Send {
    /// The device's chip select becomes active.
    fn select(&mut self, time: Time) {
        let _ = time;
    }

    /// A byte goes to the device while one comes from it. Only while it is selected.
    fn transfer(&mut self, byte: u8) -> u8;

    /// The device's chip select becomes inactive: what a memory was sent it begins to write now.
    fn deselect(&mut self, time: Time) {
        let _ = time;
    }
}

impl<D: Device + ?Sized> Device for Box<D> {
    fn select(&mut self, time: Time) {
        (**self).select(time);
    }

    fn transfer(&mut self, byte: u8) -> u8 {
        (**self).transfer(byte)
    }

    fn deselect(&mut self, time: Time) {
        (**self).deselect(time);
    }
}

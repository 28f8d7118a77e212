//! The emulated machine with two CAN controllers has them, on one bus. (It is the name of this test
//! that has it run there.)
#![cfg(target_os = "linux")]

use std::time::Duration;

use socketcan::{CanFrame, CanInterface, CanSocket, EmbeddedFrame, Socket, StandardId};

#[test]
#[ignore = "needs two CAN controllers"]
fn two_controllers_are_on_one_bus() {
    for name in ["can0", "can1"] {
        let interface = CanInterface::open(name).unwrap();
        interface.set_bitrate(500_000, Some(875)).unwrap();
        interface.bring_up().unwrap();
        assert_eq!(interface.bit_rate().unwrap(), Some(500_000));
    }
    let [one, other] = ["can0", "can1"].map(|name| CanSocket::open(name).unwrap());
    for (from, to) in [(&one, &other), (&other, &one)] {
        let frame = CanFrame::new(StandardId::new(0x321).unwrap(), &[9, 8, 7]).unwrap();
        to.set_read_timeout(Duration::from_secs(2)).unwrap();
        from.write_frame(&frame).unwrap();
        assert_eq!(to.read_frame().unwrap().data(), [9, 8, 7]);
    }
}

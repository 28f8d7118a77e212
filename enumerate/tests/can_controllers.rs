//! What route netlink says of CAN controllers. (It is the name of this test that has it run in the
//! emulated machine with two of them.)
#![cfg(target_os = "linux")]

use circuits_enumerate::{Backend, CanLink, CanState, Linux};
use socketcan::CanInterface;

fn link(name: &str) -> CanLink {
    let links = Linux::new().tree().can_links().unwrap();
    let mut links = links.into_iter().filter(|link| link.name == name);
    let link = links.next().expect(name);
    assert_eq!(links.next(), None);
    link
}

#[test]
#[ignore = "needs the emulated Pi"]
fn a_controller_is_told_of() {
    let interface = CanInterface::open("can0").unwrap();
    let _ = interface.bring_down();
    let stopped = link("can0");
    assert_eq!(stopped.kind.as_deref(), Some("can"));
    assert_eq!((stopped.up, stopped.mtu), (false, 16));
    assert_eq!(stopped.state, Some(CanState::Stopped));
    // Half of the 16 MHz of the chip (drivers/net/can/sja1000).
    assert_eq!(stopped.clock, Some(8_000_000));
    assert_eq!(stopped.data_bitrate, None);

    interface.set_bitrate(500_000, Some(875)).unwrap();
    interface.set_restart_ms(100).unwrap();
    interface.bring_up().unwrap();
    let up = link("can0");
    assert_eq!((up.up, up.state), (true, Some(CanState::ErrorActive)));
    assert_eq!((up.bitrate, up.sample_point), (Some(500_000), Some(875)));
    assert_eq!((up.restart_ms, up.modes), (Some(100), Some(0)));
    assert_eq!(up.error_counters, Some((0, 0)));
    interface.bring_down().unwrap();
    assert_eq!(link("can0").state, Some(CanState::Stopped));
}

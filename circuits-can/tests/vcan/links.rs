use std::thread;
use std::time::Duration;

use circuits_bench::CanLink;
use circuits_can::{Error, ErrorKind, Interface, InterfaceConfig, Mode};
use rustix::process::Uid;
use rustix::thread::set_thread_uid;

use crate::{ip, open};

#[test]
#[ignore = "needs vcan"]
fn a_virtual_interface_has_no_controller() {
    let _link = CanLink::new("vcan50");
    let interface = Interface::open("vcan50").unwrap();
    let info = interface.info().unwrap();
    assert!(info.up && info.fd);
    assert_eq!(info.kind.as_deref(), Some("vcan"));
    assert_eq!((info.state, info.bitrate, info.clock), (None, None, None));
    assert_eq!((info.error_counters, info.restart_after), (None, None));
    for _ in 0..2 {
        interface.down().unwrap();
        assert!(!interface.info().unwrap().up);
    }
    let all = [
        InterfaceConfig::new().bitrate(500_000),
        InterfaceConfig::new().mode(Mode::ListenOnly, true),
        InterfaceConfig::new().restart_after(Duration::from_millis(1)),
    ];
    for config in all {
        let error = interface.configure(&config).unwrap_err();
        let Error::Unsupported { source, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(source.raw_os_error(), Some(libc::EOPNOTSUPP));
    }
    interface.configure(&InterfaceConfig::new()).unwrap();
    let error = interface.restart().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    for _ in 0..2 {
        interface.up().unwrap();
        assert!(interface.info().unwrap().up);
    }
    interface.down().unwrap();
    for (mtu, fd) in [(16, false), (72, true), (2060, true)] {
        ip(&format!("link set vcan50 mtu {mtu}"));
        assert_eq!(interface.info().unwrap().fd, fd, "{mtu}");
    }
}

/// Frames need no permission, interfaces do.
#[test]
#[ignore = "needs vcan"]
fn who_is_not_root_may_look() {
    let _link = CanLink::new("vcan51");
    let nobody = move || {
        // Of this thread only.
        set_thread_uid(Uid::from_raw(65534)).unwrap();
        let _socket = open("vcan51");
        let interface = Interface::open("vcan51").unwrap();
        assert!(interface.info().unwrap().up);
        for refused in [
            interface.down(),
            interface.up(),
            interface.restart(),
            interface.configure(&InterfaceConfig::new().bitrate(500_000)),
        ] {
            let Error::PermissionDenied { source, .. } = refused.unwrap_err() else {
                panic!("it was not refused");
            };
            assert_eq!(source.raw_os_error(), Some(libc::EPERM));
        }
    };
    thread::spawn(nobody).join().unwrap();
}

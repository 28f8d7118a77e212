use std::sync::Arc;

use super::{Bench, alone, frame, has_bus, open, open_other, read_frame, write};
use crate::{ErrorKind, Interface, InterfaceConfig, Mode, Result};

fn link(bench: &dyn Bench) -> Interface {
    Interface::open_on(bench.backend(), bench.interface()).unwrap()
}

/// Granted, or one says what is not.
#[track_caller]
fn or_named(done: Result<()>) -> bool {
    match done {
        Ok(()) => true,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
            false
        }
    }
}

pub(super) fn an_interface_tells_how_it_is(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let interface = link(bench);
        assert_eq!(interface.name(), bench.interface());
        let info = interface.info().unwrap();
        assert!(info.up);
        if has_bus(bench) {
            assert!(info.bitrate.is_some() && info.state.is_some(), "{info:?}");
        }
    });
}

pub(super) fn an_interface_goes_down_and_up(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let interface = link(bench);
        for _ in 0..2 {
            interface.down().unwrap();
            interface.down().unwrap();
            assert!(!interface.info().unwrap().up);
            interface.up().unwrap();
            interface.up().unwrap();
            assert!(interface.info().unwrap().up);
        }
        let (here, there) = (open(bench), open_other(bench));
        write(&there, &frame(1, b"up"));
        assert_eq!(read_frame(&here), frame(1, b"up"));
    });
}

pub(super) fn bit_rates_are_granted_or_named(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        for bitrate in [125_000, 250_000, 1_000_000, 500_000] {
            for name in [bench.interface(), bench.other()] {
                let interface = Interface::open_on(bench.backend(), name).unwrap();
                interface.down().unwrap();
                let config = InterfaceConfig::new().bitrate(bitrate);
                if or_named(interface.configure(&config)) {
                    assert_eq!(interface.info().unwrap().bitrate, Some(bitrate));
                } else {
                    assert!(!has_bus(bench), "{bitrate} is refused");
                }
                interface.up().unwrap();
            }
            let (here, there) = (open(bench), open_other(bench));
            write(&there, &frame(1, b"at any"));
            assert_eq!(read_frame(&here), frame(1, b"at any"));
        }
    });
}

pub(super) fn an_impossible_bit_rate_is_refused(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let interface = link(bench);
        interface.down().unwrap();
        let before = interface.info().unwrap();
        let config = InterfaceConfig::new().bitrate(13);
        let error = interface.configure(&config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
        for bad in [
            InterfaceConfig::new().bitrate(0),
            InterfaceConfig::new().bitrate(1_000_001),
            InterfaceConfig::new().bitrate(500_000).sample_point(1000),
            InterfaceConfig::new().sample_point(875),
            InterfaceConfig::new().restart_after(std::time::Duration::from_micros(1)),
        ] {
            let error = interface.configure(&bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{bad:?}: {error:?}");
        }
        assert_eq!(interface.info().unwrap(), before);
        interface.up().unwrap();
    });
}

pub(super) fn what_is_up_is_not_set_up(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let interface = link(bench);
        let config = InterfaceConfig::new().bitrate(250_000);
        let error = interface.configure(&config).unwrap_err();
        let expected = match has_bus(bench) {
            true => ErrorKind::InUse,
            false => ErrorKind::Unsupported,
        };
        assert_eq!(error.kind(), expected, "{error:?}");
    });
}

pub(super) fn modes_are_granted_or_named(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let interface = link(bench);
        let before = interface.info().unwrap();
        interface.down().unwrap();
        for mode in [
            Mode::Loopback,
            Mode::ListenOnly,
            Mode::TripleSampling,
            Mode::OneShot,
            Mode::BusErrorReporting,
            Mode::PresumeAcknowledge,
        ] {
            if or_named(interface.configure(&InterfaceConfig::new().mode(mode, true))) {
                assert!(interface.info().unwrap().modes.contains(&mode));
                let off = InterfaceConfig::new().mode(mode, false);
                interface.configure(&off).unwrap();
            }
        }
        interface.up().unwrap();
        assert_eq!(interface.info().unwrap(), before);
    });
}

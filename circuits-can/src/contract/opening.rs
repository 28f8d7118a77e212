use std::sync::Arc;

use super::{Bench, alone, frame, id, open, open_other, open_with, read_frame, write};
use crate::{Config, ErrorKind, ErrorMask, Filter, Interface, Socket, list_on};

pub(super) fn what_is_not_there_is_not_found(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        for name in [
            "",
            "nowhere9",
            "../can0",
            "a name that is far too long",
            "lo\0",
        ] {
            let config = Config::new();
            let error = Socket::open_on(bench.backend(), name, &config).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound, "{name}: {error:?}");
            let error = Interface::open_on(bench.backend(), name).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound, "{name}: {error:?}");
        }
    });
}

pub(super) fn what_makes_no_sense_is_invalid(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let config = Config::new().loopback(false).own_messages(true);
        let error = Socket::open_on(bench.backend(), bench.interface(), &config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error:?}");
    });
}

pub(super) fn interfaces_are_listed(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let names = list_on(bench.backend()).unwrap();
        for name in [bench.interface(), bench.other()] {
            let found = names.iter().filter(|other| *other == name).count();
            assert_eq!(found, 1, "{name} in {names:?}");
        }
        assert!(names.is_sorted(), "{names:?}");
    });
}

pub(super) fn an_interface_that_is_down_says_so(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let interface = Interface::open_on(bench.backend(), bench.interface()).unwrap();
        interface.down().unwrap();
        let config = Config::new();
        let error = Socket::open_on(bench.backend(), bench.interface(), &config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Down, "{error:?}");
        interface.up().unwrap();
        drop(open(bench));
    });
}

pub(super) fn refused_settings_leave_the_old_ones(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let config = Config::new()
            .filters([Filter::exact(id(0x70))])
            .errors(ErrorMask::BUS_OFF)
            .timeout(super::LONG);
        let (here, there) = (open_with(bench, &config), open_other(bench));
        let refused = Config::new().filters((0..513).map(|number| Filter::exact(id(number))));
        assert_eq!(
            here.configure(&refused).unwrap_err().kind(),
            ErrorKind::Limit
        );
        let refused = Config::new().own_messages(true).loopback(false);
        assert_eq!(
            here.configure(&refused).unwrap_err().kind(),
            ErrorKind::Invalid
        );
        // What the system does not grant, with all that it did grant before that.
        let refused = Config::new()
            .filters([Filter::exact(id(0x71))])
            .own_messages(true)
            .receive_buffer(u32::MAX / 4);
        assert_eq!(
            here.configure(&refused).unwrap_err().kind(),
            ErrorKind::Limit
        );
        let refused = Config::new()
            .filters([Filter::all(), Filter::all()])
            .join_filters(true)
            .errors(ErrorMask::ALL);
        assert_eq!(
            here.configure(&refused).unwrap_err().kind(),
            ErrorKind::Invalid
        );
        assert_eq!(here.config(), config);
        assert_eq!(here.timeout(), Some(super::LONG));
        write(&here, &frame(0x70, b"own"));
        write(&there, &frame(0x71, &[]));
        write(&there, &frame(0x70, &[]));
        assert_eq!(read_frame(&here), frame(0x70, &[]));
    });
}

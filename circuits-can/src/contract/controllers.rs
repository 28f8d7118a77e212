use std::sync::Arc;
use std::time::Duration;

use super::{
    Bench, LONG, alone, assert_silent, frame, id, open, open_other, open_with, pause, read,
    read_frame, sleep, write,
};
use crate::{Config, ErrorMask, Interface, InterfaceConfig, Received, Socket, State};

pub(super) fn what_was_acknowledged_comes_back(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let here = open_with(bench, &Config::new().own_messages(true));
        let there = open_other(bench);
        write(&here, &frame(1, &[0; 8]));
        let (came, back) = (read(&there), read(&here));
        assert!(back.is_own());
        // A moment in between: they are stamped one after the other.
        let apart = came
            .time()
            .since(back.time())
            .max(back.time().since(came.time()));
        assert!(apart < Duration::from_millis(20), "{apart:?}");
    });
}

pub(super) fn without_acknowledge_it_does_not_come_back(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let here = open_with(bench, &Config::new().own_messages(true));
        let other = Interface::open_on(bench.backend(), bench.other()).unwrap();
        other.down().unwrap();
        write(&here, &frame(1, b"anybody?"));
        assert_silent(&here);
        let interface = Interface::open_on(bench.backend(), bench.interface()).unwrap();
        let info = interface.info().unwrap();
        assert_eq!(info.state, Some(State::ErrorPassive), "{info:?}");
        // It is tried again until somebody does.
        other.up().unwrap();
        assert!(read(&here).is_own());
    });
}

pub(super) fn the_smaller_identifier_goes_first(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let (here, there) = (open(bench), open_other(bench));
        // Both queue up while the first frames are on the bus, as many as a queue takes; these take turns by identifier.
        let first = [0x001; 8];
        let mine: Vec<_> = first
            .into_iter()
            .chain([0x303, 0x305])
            .map(|id| frame(id, &[0; 8]))
            .collect();
        let theirs: Vec<_> = [0x302, 0x304, 0x306].map(|id| frame(id, &[0; 8])).into();
        let listener = open(bench);
        here.write_many(&mine, LONG).unwrap();
        there.write_many(&theirs, LONG).unwrap();
        let order: Vec<_> = (0..13).map(|_| read_frame(&listener).id().raw()).collect();
        assert_eq!(order[..8], first.map(u32::from));
        assert_eq!(order[8..], [0x302, 0x303, 0x304, 0x305, 0x306]);
    });
}

/// Reads until there is an error frame of this class.
#[track_caller]
fn error_of(socket: &Socket, class: ErrorMask) -> Received {
    loop {
        let received = read(socket);
        if received
            .error()
            .is_some_and(|error| error.class().includes(class))
        {
            return received;
        }
    }
}

pub(super) fn bus_off_is_told_and_ends_by_a_restart(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let errors = ErrorMask::BUS_OFF | ErrorMask::RESTARTED;
        let here = open_with(bench, &Config::new().errors(errors));
        let (deaf, there) = (open(bench), open_other(bench));
        let interface = Interface::open_on(bench.backend(), bench.interface()).unwrap();
        bench.force_bus_off();
        let _ = here.write(&frame(1, &[]), LONG);
        error_of(&here, ErrorMask::BUS_OFF);
        assert_eq!(interface.info().unwrap().state, Some(State::BusOff));
        interface.restart().unwrap();
        error_of(&here, ErrorMask::RESTARTED);
        pause(bench);
        assert_eq!(interface.info().unwrap().state, Some(State::ErrorActive));
        write(&here, &frame(2, b"again"));
        loop {
            if read_frame(&there) == frame(2, b"again") {
                break;
            }
        }
        // Who did not ask for errors has none.
        let Ok(frame) = deaf.read_frame(LONG) else {
            panic!("an error frame for who did not ask for it");
        };
        assert!(frame.id() <= id(2));
        let error = interface.restart().unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::InUse, "{error:?}");
    });
}

pub(super) fn bus_off_ends_by_itself_if_asked_for(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let interface = Interface::open_on(bench.backend(), bench.interface()).unwrap();
        interface.down().unwrap();
        let config = InterfaceConfig::new().restart_after(Duration::from_millis(100));
        interface.configure(&config).unwrap();
        interface.up().unwrap();
        let here = open_with(bench, &Config::new().errors(ErrorMask::ALL));
        bench.force_bus_off();
        let _ = here.write(&frame(1, &[]), LONG);
        let off = error_of(&here, ErrorMask::BUS_OFF).time();
        let on = error_of(&here, ErrorMask::RESTARTED).time();
        assert!(on - off >= Duration::from_millis(90), "{:?}", on - off);
        sleep(bench, Duration::from_millis(100));
        let never = InterfaceConfig::new().restart_after(Duration::ZERO);
        interface.down().unwrap();
        interface.configure(&never).unwrap();
        interface.up().unwrap();
        assert_eq!(interface.info().unwrap().restart_after, None);
    });
}

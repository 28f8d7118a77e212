use std::sync::Arc;

use super::{
    Bench, LONG, alone, both, frame, numbered, open, open_other, pause, read_frame, write,
};
use crate::{ErrorKind, Interface, Socket};

pub(super) fn going_down_is_told_once(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let (here, there) = (open(bench), open_other(bench));
        let interface = Interface::open_on(bench.backend(), bench.interface()).unwrap();
        write(&there, &frame(1, b"before"));
        pause(bench);
        interface.down().unwrap();
        assert_eq!(read_frame(&here), frame(1, b"before"));
        let error = here.read(LONG).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Down, "{error:?}");
        let error = here.write(&frame(2, &[]), LONG).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Down, "{error:?}");
        super::assert_silent(&here);
        interface.up().unwrap();
        // The same sockets go on; the other one was told as well, if it was on the same interface.
        let _ = there.read(super::SHORT);
        write(&there, &frame(3, b"after"));
        assert_eq!(read_frame(&here), frame(3, b"after"));
    });
}

/// Removed is removed, whatever is asked.
#[track_caller]
fn assert_removed(socket: &Socket) {
    for _ in 0..2 {
        let error = socket.read(LONG).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Removed, "{error:?}");
        let error = socket.write(&frame(1, &[]), LONG).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Removed, "{error:?}");
    }
}

pub(super) fn what_came_before_the_end_is_read(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let (here, there) = (open(bench), open_other(bench));
        let sent: Vec<_> = (0..100).map(numbered).collect();
        there.write_many(&sent, LONG).unwrap();
        pause(bench);
        bench.remove();
        for frame in sent {
            assert_eq!(read_frame(&here), frame);
        }
        // Some systems take an interface down first.
        match here.read(LONG) {
            Err(error) if error.kind() == ErrorKind::Down => {}
            Err(error) if error.kind() == ErrorKind::Removed => {}
            other => panic!("{other:?}"),
        }
        assert_removed(&here);
    });
}

pub(super) fn a_wait_ends_with_the_interface(bench: Arc<dyn Bench>) {
    let here = open(&*bench);
    let other = bench.clone();
    both(
        &bench,
        move || {
            let error = loop {
                match here.read(LONG) {
                    Err(error) if error.kind() == ErrorKind::Down => {}
                    other => break other.unwrap_err(),
                }
            };
            assert_eq!(error.kind(), ErrorKind::Removed, "{error:?}");
        },
        move || {
            pause(&*other);
            other.remove();
        },
    );
}

pub(super) fn all_calls_tell_of_the_end(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let here = open(bench);
        let interface = Interface::open_on(bench.backend(), bench.interface()).unwrap();
        bench.remove();
        match here.read(LONG) {
            Err(error) if error.kind() == ErrorKind::Down => {}
            Err(error) if error.kind() == ErrorKind::Removed => {}
            other => panic!("{other:?}"),
        }
        assert_removed(&here);
        let last = here.iter().last();
        assert!(last.is_some_and(|last| last.is_err()));
        for error in [
            interface.info().map(drop).unwrap_err(),
            interface.up().unwrap_err(),
            interface.down().unwrap_err(),
            interface.restart().unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Removed, "{error:?}");
        }
        let error = Socket::open_on(bench.backend(), bench.interface(), &here.config());
        assert_eq!(error.unwrap_err().kind(), ErrorKind::NotFound);
    });
}

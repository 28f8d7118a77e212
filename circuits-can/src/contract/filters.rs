use std::sync::Arc;

use super::{
    Bench, alone, assert_silent, extended, frame, id, numbered, open, open_other, open_with, pause,
    read_frame, write,
};
use crate::{Config, ErrorKind, Filter, Frame, Socket};

pub(super) fn filters_are_there_before_the_first_frame(bench: Arc<dyn Bench>) {
    // The bus is busy while sockets are opened: none of them sees what it did not ask for.
    let (runner, sender) = (bench.clone(), bench.clone());
    let there = open_other(&*bench);
    super::both(
        &runner,
        move || {
            for _ in 0..20 {
                let config = Config::new().filters([Filter::exact(id(0x7f0))]);
                let socket = open_with(&*bench, &config);
                match socket.read(std::time::Duration::from_millis(2)) {
                    Err(error) if error.kind() == ErrorKind::TimedOut => {}
                    other => panic!("{other:?}"),
                }
            }
        },
        move || {
            for number in 0..200 {
                write(&there, &numbered(number));
                super::sleep(&*sender, std::time::Duration::from_micros(200));
            }
        },
    );
}

/// Sends all of these, and returns what comes of them to a socket with these filters.
fn let_through(bench: &dyn Bench, config: Config, sent: &[Frame]) -> Vec<Frame> {
    let (here, there) = (open_with(bench, &config), open_other(bench));
    there.write_many(sent, super::LONG).unwrap();
    pause(bench);
    waiting(&here)
}

fn waiting(socket: &Socket) -> Vec<Frame> {
    std::iter::from_fn(|| match socket.read_frame(std::time::Duration::ZERO) {
        Ok(frame) => Some(frame),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::TimedOut, "{error:?}");
            None
        }
    })
    .collect()
}

pub(super) fn a_filter_tells_standard_from_extended(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let standard = frame(0x123, b"s");
        let long = Frame::new(extended(0x123), b"e").unwrap();
        let sent = [standard, long, frame(0x124, &[])];
        let only = |filter| let_through(bench, Config::new().filters([filter]), &sent);
        assert_eq!(only(Filter::exact(id(0x123))), [standard]);
        assert_eq!(only(Filter::exact(extended(0x123))), [long]);
        // As the kernel has it, whose mask says nothing of that.
        assert_eq!(only(Filter::from_raw(0x123, 0x7ff)), [standard, long]);
        assert_eq!(only(Filter::all()), sent);
    });
}

pub(super) fn masks_and_inverted_filters_are_applied(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let sent: Vec<_> = (0x1fe..0x203).map(|id| frame(id, &[])).collect();
        let through = |filters: &[Filter]| {
            let config = Config::new().filters(filters.iter().copied());
            let came = let_through(bench, config, &sent);
            came.iter()
                .map(|frame| frame.id().raw())
                .collect::<Vec<_>>()
        };
        let pages = Filter::masked(id(0x200), 0x700);
        assert_eq!(through(&[pages]), [0x200, 0x201, 0x202]);
        assert_eq!(through(&[pages.inverted()]), [0x1fe, 0x1ff]);
        let (first, last) = (Filter::exact(id(0x1fe)), Filter::exact(id(0x202)));
        assert_eq!(through(&[first, last]), [0x1fe, 0x202]);
        // Each by itself lets almost all through.
        assert_eq!(through(&[first.inverted(), last.inverted()]).len(), 5);
    });
}

pub(super) fn joined_filters_must_all_let_through(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let sent: Vec<_> = (0x1fe..0x203).map(|id| frame(id, &[])).collect();
        let (first, last) = (Filter::exact(id(0x1fe)), Filter::exact(id(0x202)));
        let config = Config::new()
            .filters([first.inverted(), last.inverted()])
            .join_filters(true);
        assert_eq!(let_through(bench, config, &sent), sent[1..4]);
        let config = Config::new().filters([first, last]).join_filters(true);
        assert_eq!(let_through(bench, config, &sent), []);
    });
}

pub(super) fn remote_frames_have_filters(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let remote = Frame::remote(id(0x50), 0).unwrap();
        let data = frame(0x50, &[0; 4]);
        let sent = [remote, data];
        let only = |filter| let_through(bench, Config::new().filters([filter]), &sent);
        let exact = Filter::exact(id(0x50));
        assert_eq!(only(exact), sent);
        assert_eq!(only(exact.remote(true)), [remote]);
        assert_eq!(only(exact.remote(false)), [data]);
    });
}

pub(super) fn without_filters_nothing_comes(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let here = open_with(bench, &Config::new().filters([]));
        let there = open_other(bench);
        write(&there, &frame(1, &[]));
        assert_silent(&here);
        // It sends nevertheless.
        write(&here, &frame(2, &[]));
        assert_eq!(read_frame(&there), frame(2, &[]));
    });
}

pub(super) fn filters_are_replaced_while_frames_wait(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let (here, there) = (open(bench), open_other(bench));
        write(&there, &frame(0x60, b"before"));
        pause(bench);
        let config = Config::new().filters([Filter::exact(id(0x61))]);
        here.configure(&config).unwrap();
        assert_eq!(here.config(), config);
        write(&there, &frame(0x60, b"after"));
        write(&there, &frame(0x61, b"after"));
        assert_eq!(read_frame(&here), frame(0x60, b"before"));
        assert_eq!(read_frame(&here), frame(0x61, b"after"));
        assert_silent(&here);
    });
}

pub(super) fn too_many_filters_are_refused(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let many = |count| {
            let filters = (0..count).map(|number| Filter::exact(id(number)));
            Socket::open_on(
                bench.backend(),
                bench.interface(),
                &Config::new().filters(filters),
            )
        };
        let error = many(513).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{error:?}");
        let (here, there) = (many(512).unwrap(), open_other(bench));
        write(&there, &frame(600, &[]));
        write(&there, &frame(511, &[]));
        assert_eq!(read_frame(&here), frame(511, &[]));
    });
}

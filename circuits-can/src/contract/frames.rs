use std::sync::Arc;

use super::{
    Bench, LONG, alone, assert_silent, extended, frame, has_bus, id, numbered, open, open_other,
    open_with, pause, read, read_frame, write,
};
use crate::{Config, ErrorKind, Frame, Received};

pub(super) fn data_frames_go_over_the_bus(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let (here, there) = (open(bench), open_other(bench));
        let data = [1, 2, 3, 4, 5, 6, 7, 8];
        for length in 0..=8 {
            let frames = [
                Frame::new(id(0x7ff), &data[..length]),
                Frame::new(extended(0x1fff_ffff), &data[..length]),
                Frame::new(extended(0x123), &data[..length]),
                Frame::new(id(0), &data[..length]),
            ];
            for sent in frames.map(Result::unwrap) {
                write(&there, &sent);
                assert_eq!(read_frame(&here), sent);
                write(&here, &sent);
                assert_eq!(read_frame(&there), sent);
            }
        }
        assert_silent(&here);
    });
}

pub(super) fn remote_frames_go_over_the_bus(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let (here, there) = (open(bench), open_other(bench));
        for length in 0..=8 {
            for id in [id(0x123), extended(0x1555_5555)] {
                let sent = Frame::remote(id, length).unwrap();
                write(&there, &sent);
                assert_eq!(read_frame(&here), sent);
            }
        }
        write(&there, &frame(0x123, b"here"));
        assert_eq!(read_frame(&here), frame(0x123, b"here"));
    });
}

pub(super) fn fd_frames_go_over_the_bus_or_are_refused(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let (here, there) = (open(bench), open_other(bench));
        let classic = open_with(bench, &Config::new().fd(false));
        let data: Vec<u8> = (0..64).collect();
        for length in [0, 1, 8, 12, 16, 20, 24, 32, 48, 64] {
            let plain = Frame::fd(id(0x123), &data[..length]).unwrap();
            let fast = Frame::fd(extended(0x123_4567), &data[..length]).unwrap();
            for sent in [plain, fast.bit_rate_switch(true)] {
                match there.write(&sent, LONG) {
                    Ok(()) => {
                        let came = read_frame(&here).error_state_indicator(false);
                        assert_eq!(came, sent);
                    }
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}"),
                }
            }
        }
        write(&there, &frame(1, b"classic"));
        assert_eq!(read_frame(&here), frame(1, b"classic"));
        // None of the others came to this one.
        assert_eq!(read_frame(&classic), frame(1, b"classic"));
        let error = classic.write(&Frame::fd(id(1), &[]).unwrap(), LONG);
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Unsupported);
    });
}

pub(super) fn frames_keep_their_order(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let (here, there) = (open(bench), open_other(bench));
        // By falling identifiers: the last would go first, if these were not of one sender.
        let sent: Vec<_> = (0..100u8)
            .map(|n| frame(0x7ff - u16::from(n), &[n]))
            .collect();
        there.write_many(&sent, LONG).unwrap();
        let came: Vec<_> = sent.iter().map(|_| read_frame(&here)).collect();
        assert_eq!(came, sent);
    });
}

pub(super) fn a_backlog_is_read_at_once(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let (here, there) = (open(bench), open_other(bench));
        let sent: Vec<_> = (0..64).map(numbered).collect();
        there.write_many(&sent, LONG).unwrap();
        pause(bench);
        let mut came = vec![Received::empty(); 100];
        let mut count = 0;
        for _ in 0..2 {
            if count < 64 {
                count += here.read_many(&mut came[count..], LONG).unwrap();
            }
        }
        let came: Vec<_> = came[..count].iter().filter_map(Received::frame).collect();
        assert_eq!(came, sent.iter().collect::<Vec<_>>());
        assert_eq!(here.read_many(&mut [], None).unwrap(), 0);
    });
}

pub(super) fn a_burst_is_handed_out_one_by_one(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let (here, there) = (open(bench), open_other(bench));
        let sent: Vec<_> = (0..20).map(numbered).collect();
        there.write_many(&sent, LONG).unwrap();
        pause(bench);
        // However they are read, none is left behind and none comes twice.
        let mut came = vec![read_frame(&here), *read(&here).frame().unwrap()];
        let mut some = [Received::empty(); 3];
        let count = here.read_many(&mut some, LONG).unwrap();
        came.extend(some[..count].iter().filter_map(Received::frame));
        for received in here.iter().take(20 - came.len()) {
            came.push(*received.unwrap().frame().unwrap());
        }
        assert_eq!(came, sent);
        assert_silent(&here);
    });
}

pub(super) fn a_frame_has_its_time(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let (here, there) = (open(bench), open_other(bench));
        let clock = bench.backend().clock();
        // A kernel begins to stamp what comes a moment after somebody asked for it.
        pause(bench);
        let mut last = None;
        for number in 0..5 {
            let before = clock.now();
            write(&there, &numbered(number));
            pause(bench);
            let after = clock.now();
            // It is read long after it came.
            pause(bench);
            let time = read(&here).time();
            // The clock of the day, which the kernel stamps by, may be adjusted in between.
            let slack = std::time::Duration::from_millis(1);
            assert!(before <= time + slack, "{time:?} is before {before:?}");
            assert!(time <= after + slack, "{time:?} is after {after:?}");
            assert!(last < Some(time), "{time:?} is not after {last:?}");
            last = Some(time);
        }
    });
}

pub(super) fn a_frame_comes_to_every_socket(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let (one, two, there) = (open(bench), open(bench), open_other(bench));
        write(&there, &frame(0x10, b"all"));
        for socket in [&one, &two] {
            let received = read(socket);
            assert_eq!(received.frame(), Some(&frame(0x10, b"all")));
            assert_eq!(received.is_local(), !has_bus(bench));
            assert!(!received.is_own());
            assert_eq!((received.error(), received.lost()), (None, 0));
        }
        // What one sends comes to the other one, and not to itself.
        write(&one, &frame(0x11, b"rest"));
        let received = read(&two);
        assert_eq!(received.frame(), Some(&frame(0x11, b"rest")));
        assert!(received.is_local() && !received.is_own());
        assert_eq!(read_frame(&there), frame(0x11, b"rest"));
        assert_silent(&one);
    });
}

pub(super) fn own_messages_come_if_asked_for(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let here = open_with(bench, &Config::new().own_messages(true));
        let there = open_other(bench);
        write(&here, &frame(0x20, b"own"));
        let received = read(&here);
        assert_eq!(received.frame(), Some(&frame(0x20, b"own")));
        assert!(received.is_own() && received.is_local());
        assert_eq!(read_frame(&there), frame(0x20, b"own"));
        write(&there, &frame(0x21, b"other"));
        assert!(!read(&here).is_own());
        here.configure(&Config::new()).unwrap();
        write(&here, &frame(0x22, b"gone"));
        assert_eq!(read_frame(&there), frame(0x22, b"gone"));
        assert_silent(&here);
    });
}

pub(super) fn without_loopback_only_the_bus_hears(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let here = open_with(bench, &Config::new().loopback(false));
        let (beside, there) = (open(bench), open_other(bench));
        write(&here, &frame(0x30, b"away"));
        if has_bus(bench) {
            assert_eq!(read_frame(&there), frame(0x30, b"away"));
        }
        assert_silent(&beside);
        write(&there, &frame(0x31, b"in"));
        assert_eq!(read_frame(&here), frame(0x31, b"in"));
        assert_eq!(read_frame(&beside), frame(0x31, b"in"));
    });
}

pub(super) fn two_threads_read_and_write_at_once(bench: Arc<dyn Bench>) {
    const COUNT: usize = 200;
    let (here, there) = (Arc::new(open(&*bench)), open_other(&*bench));
    let reader = here.clone();
    bench.run(vec![
        // Both on one socket.
        (
            "write",
            Box::new(move || {
                for number in 0..COUNT {
                    write(&here, &numbered(number));
                }
            }),
        ),
        (
            "read",
            Box::new(move || {
                for number in 0..COUNT {
                    assert_eq!(read_frame(&reader), numbered(number));
                }
            }),
        ),
        // Says what it hears.
        (
            "other",
            Box::new(move || {
                for number in 0..COUNT {
                    assert_eq!(read_frame(&there), numbered(number));
                    write(&there, &numbered(number));
                }
            }),
        ),
    ]);
}

pub(super) fn two_threads_share_what_comes(bench: Arc<dyn Bench>) {
    const COUNT: usize = 100;
    let (here, there) = (Arc::new(open(&*bench)), open_other(&*bench));
    let came = Arc::new(std::sync::Mutex::new(Vec::new()));
    let reader = || {
        let (bench, here, came) = (bench.clone(), here.clone(), came.clone());
        move || {
            for round in 1..=COUNT {
                let frame = read_frame(&here);
                came.lock().unwrap().push(frame);
                // Who has one is busy with it until the other one has one.
                while came.lock().unwrap().len() < 2 * round {
                    super::sleep(&*bench, std::time::Duration::from_micros(50));
                }
            }
        }
    };
    let threads: Vec<super::Thread> = vec![
        ("one", Box::new(reader())),
        ("other", Box::new(reader())),
        ("writer", {
            let (bench, came) = (bench.clone(), came.clone());
            Box::new(move || {
                for round in 0..COUNT {
                    let two = [numbered(2 * round), numbered(2 * round + 1)];
                    there.write_many(&two, LONG).unwrap();
                    while came.lock().unwrap().len() < 2 * (round + 1) {
                        super::sleep(&*bench, std::time::Duration::from_micros(50));
                    }
                }
            })
        }),
    ];
    bench.run(threads);
    let mut came: Vec<_> = came
        .lock()
        .unwrap()
        .iter()
        .map(|frame| frame.data().to_vec())
        .collect();
    came.sort();
    let sent: Vec<_> = (0..2 * COUNT)
        .map(|number| numbered(number).data().to_vec())
        .collect();
    assert_eq!(came, sent);
}

pub(super) fn halves_are_the_same_socket(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let (here, there) = (open(bench), open_other(bench));
        let (reader, writer) = here.split();
        write(writer.socket(), &frame(0x40, &[]));
        assert_eq!(read_frame(&there), frame(0x40, &[]));
        write(&there, &frame(0x41, &[]));
        assert_eq!(read_frame(reader.socket()), frame(0x41, &[]));
        let (stranger, _) = open(bench).split();
        let (stranger, writer) = stranger.reunite(writer).unwrap_err();
        drop(stranger);
        let here = reader.reunite(writer).unwrap();
        write(&there, &frame(0x42, &[]));
        assert_eq!(read_frame(&here), frame(0x42, &[]));
    });
}

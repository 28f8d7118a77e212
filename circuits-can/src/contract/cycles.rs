use std::sync::Arc;
use std::time::Duration;

use super::{
    Bench, alone, assert_silent, frame, has_bus, id, open, open_other, read, read_frame, sleep,
};
use crate::{Cycle, CycleConfig, ErrorKind, Frame, Interface, Result};

const INTERVAL: Duration = Duration::from_millis(10);

fn start(bench: &dyn Bench, frames: &[Frame], config: CycleConfig) -> Result<Cycle> {
    Cycle::start_on(bench.backend(), bench.other(), frames, &config)
}

pub(super) fn a_cycle_sends_until_it_is_dropped(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let here = open(bench);
        let sent = frame(0x80, b"tick");
        let cycle = start(bench, &[sent], CycleConfig::every(INTERVAL)).unwrap();
        let times: Vec<_> = (0..20)
            .map(|_| {
                let received = read(&here);
                assert_eq!(received.frame(), Some(&sent));
                received.time()
            })
            .collect();
        let took = times[19] - times[0];
        let expected = 19 * INTERVAL;
        assert!(took > expected - INTERVAL / 2, "{took:?}");
        assert!(took < 2 * expected, "{took:?}");
        drop(cycle);
        // Some may be on their way, or wait to be read.
        sleep(bench, 3 * INTERVAL);
        while here.read(Duration::ZERO).is_ok() {}
        assert_silent(&here);
    });
}

pub(super) fn a_cycle_sends_so_many_frames(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let here = open(bench);
        let clock = bench.backend().clock();
        let begin = clock.now();
        let config = CycleConfig::every(10 * INTERVAL).times(3);
        let _cycle = start(bench, &[frame(0x81, &[])], config).unwrap();
        let times = [(); 3].map(|()| read(&here).time());
        // The first at once.
        assert!(times[0] - begin < 9 * INTERVAL, "{:?}", times[0] - begin);
        for pair in times.windows(2) {
            let interval = pair[1] - pair[0];
            assert!(interval > 8 * INTERVAL, "{interval:?}");
        }
        sleep(bench, 12 * INTERVAL);
        assert_silent(&here);
    });
}

pub(super) fn a_cycle_sends_several_frames_in_turn(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let here = open(bench);
        let frames = [frame(0x82, b"a"), frame(0x82, b"b"), frame(0x83, b"c")];
        let _cycle = start(bench, &frames, CycleConfig::every(INTERVAL)).unwrap();
        let came: Vec<_> = (0..6).map(|_| read_frame(&here)).collect();
        assert_eq!(came, [frames, frames].concat());
    });
}

pub(super) fn the_frames_of_a_cycle_are_replaced(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let here = open(bench);
        let (old, new) = (frame(0x84, b"old"), frame(0x84, b"new"));
        let cycle = start(bench, &[old], CycleConfig::every(INTERVAL)).unwrap();
        let mut last = read(&here).time();
        cycle.set_frames(&[new]).unwrap();
        let mut changed = false;
        for _ in 0..10 {
            let received = read(&here);
            match received.frame() {
                Some(frame) if *frame == new => changed = true,
                Some(frame) => assert!(*frame == old && !changed, "{frame:?}"),
                None => panic!("{received:?}"),
            }
            // The interval goes on.
            let interval = received.time() - last;
            assert!(interval > INTERVAL / 4, "{interval:?}");
            last = received.time();
        }
        assert!(changed);
        let error = cycle.set_frames(&[old, new]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error:?}");
    });
}

pub(super) fn what_makes_no_cycle_is_refused(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let here = open_other(bench);
        let fine = frame(0x85, &[]);
        let every = CycleConfig::every(INTERVAL);
        let fd = Frame::fd(id(0x85), &[]).unwrap();
        let refused = [
            (start(bench, &[], every), ErrorKind::Invalid),
            (start(bench, &[fine, fd], every), ErrorKind::Invalid),
            (start(bench, &[fine; 257], every), ErrorKind::Limit),
            (start(bench, &[fine], every.times(0)), ErrorKind::Invalid),
            (
                start(bench, &[fine], CycleConfig::every(Duration::ZERO)),
                ErrorKind::Invalid,
            ),
            (
                Cycle::start_on(bench.backend(), "nowhere9", &[fine], &every),
                ErrorKind::NotFound,
            ),
        ];
        for (cycle, kind) in refused {
            let error = cycle.unwrap_err();
            assert_eq!(error.kind(), kind, "{error:?}");
        }
        if !has_bus(bench) {
            assert_silent(&here);
        }
    });
}

pub(super) fn a_cycle_rests_and_ends_with_the_interface(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let interface = Interface::open_on(bench.backend(), bench.interface()).unwrap();
        let sent = frame(0x86, b"on");
        let every = CycleConfig::every(INTERVAL);
        let cycle = Cycle::start_on(bench.backend(), bench.interface(), &[sent], &every).unwrap();
        interface.down().unwrap();
        sleep(bench, 3 * INTERVAL);
        interface.up().unwrap();
        let there = open_other(bench);
        for _ in 0..3 {
            assert_eq!(read_frame(&there), sent);
        }
        cycle.set_frames(&[sent]).unwrap();
        bench.remove();
        let error = cycle.set_frames(&[sent]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Removed, "{error:?}");
    });
}

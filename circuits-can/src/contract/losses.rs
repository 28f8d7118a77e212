use std::sync::Arc;

use super::{Bench, LONG, SHORT, alone, frame, numbered, open, open_other, open_with, pause, read};
use crate::{Config, Error, ErrorKind, Received, Socket};

/// Sends more than fits, and waits until it is sent.
fn overflow(bench: &dyn Bench, there: &Socket) -> usize {
    let sent: Vec<_> = (0..bench.many()).map(numbered).collect();
    there.write_many(&sent, LONG).unwrap();
    pause(bench);
    sent.len()
}

/// Reads what there is: how many came, and how many losses were told of.
fn drain(socket: &Socket) -> (usize, usize) {
    let (mut came, mut lost) = (0, 0);
    let mut frames = [Received::empty(); 64];
    loop {
        match socket.read_many(&mut frames, SHORT) {
            Ok(count) => {
                came += count;
                lost += frames[..count]
                    .iter()
                    .map(|it| it.lost() as usize)
                    .sum::<usize>();
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::TimedOut, "{error:?}");
                return (came, lost);
            }
        }
    }
}

pub(super) fn what_does_not_fit_is_counted(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let (here, there) = (open(bench), open_other(bench));
        assert_eq!(here.lost().unwrap(), 0);
        let (mut sent, mut came, mut told) = (0, 0, 0);
        for _ in 0..3 {
            sent += overflow(bench, &there);
            let (more, lost) = drain(&here);
            came += more;
            told += lost;
            assert!(came < sent, "all of {sent} fit");
            // Those after the last that fit are not told of yet.
            assert_eq!(here.lost().unwrap() as usize, sent - came);
        }
        super::write(&there, &frame(0x7ff, b"sentinel"));
        let sentinel = read(&here);
        assert_eq!(sentinel.frame(), Some(&frame(0x7ff, b"sentinel")));
        assert_eq!(told + sentinel.lost() as usize, sent - came);
        assert_eq!(here.lost().unwrap() as usize, sent - came);
    });
}

pub(super) fn a_loss_comes_before_the_frame_after_it(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let (here, there) = (open(bench), open_other(bench));
        let sent = overflow(bench, &there);
        let mut came = 0;
        while here.read_frame(SHORT).is_ok() {
            came += 1;
        }
        super::write(&there, &frame(0x7ff, b"sentinel"));
        match here.read_frame(LONG) {
            Err(error @ Error::Lost { count, .. }) => {
                assert_eq!(count as usize, sent - came);
                let kind = embedded_can_04::Error::kind(&error);
                assert_eq!(kind, embedded_can_04::ErrorKind::Overrun);
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(here.read_frame(LONG).unwrap(), frame(0x7ff, b"sentinel"));
    });
}

pub(super) fn a_larger_buffer_loses_less(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let small = open_with(bench, &Config::new().receive_buffer(16 << 10));
        let large = open_with(bench, &Config::new().receive_buffer(128 << 10));
        let there = open_other(bench);
        let sent = overflow(bench, &there);
        let (few, many) = (drain(&small).0, drain(&large).0);
        assert!(0 < few && few < many && many <= sent, "{few}, {many}");
        let config = Config::new().receive_buffer(u32::MAX / 4);
        let error = Socket::open_on(bench.backend(), bench.interface(), &config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{error:?}");
    });
}

use std::collections::VecDeque;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use circuits_wait::{Fd, Monotonic, Ready};
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;

use crate::{Datagram, Frames, Listener, ParseError, Uevent};

/// Uevents that another program, or another part of this one, hands on: where that owns the kernel's.
///
/// It takes the kernel's datagrams as they are. [`Datagram`] has the contract, in one page.
/// [`Linux::fed_by`](super::Linux::fed_by) makes a backend of it. What nobody reads is kept, up to a
/// size, for each who listens; what is more is lost, and the listener is told and looks at `/sys`.
///
/// ```
/// use circuits_enumerate::{Feed, Filter, Linux, Watch};
/// use std::thread;
///
/// let feed = Feed::new();
/// let mut watch = Watch::open_on(&Linux::new().fed_by(&feed), Filter::new())?;
/// feed.push(b"add@/devices/virtual/net/made-up\0SUBSYSTEM=net\0INTERFACE=made-up\0")?;
/// let change = watch.wait_change(None)?.expect("a change");
/// assert_eq!(change.device().name(), "made-up");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Feed(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    listening: Vec<Weak<Queue>>,
    capacity: usize,
    malformed: u64,
    ended: bool,
}

impl State {
    /// Does something for each who still listens.
    fn each(&mut self, act: impl Fn(&Queue)) {
        self.listening.retain(|queue| match queue.upgrade() {
            Some(queue) => {
                act(&queue);
                true
            }
            None => false,
        });
    }
}

impl Feed {
    /// Makes a feed that keeps 1 MiB of uevents for each who listens and does not read them.
    pub fn new() -> Feed {
        Feed::with_capacity(1 << 20)
    }

    /// Makes a feed that keeps so many bytes of uevents.
    pub fn with_capacity(bytes: usize) -> Feed {
        Feed(Arc::new(Mutex::new(State {
            listening: Vec::new(),
            capacity: bytes,
            malformed: 0,
            ended: false,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Hands on a datagram. It never blocks.
    ///
    /// # Errors
    /// It is no uevent. It is counted, and who listens looks at `/sys` for what it may have been.
    pub fn push(&self, datagram: &[u8]) -> Result<(), ParseError> {
        let parsed = Datagram::parse(datagram);
        let mut state = self.lock();
        match &parsed {
            Ok(Datagram::Uevent(event)) => {
                let capacity = state.capacity;
                state.each(|queue| queue.push(event, datagram.len(), capacity));
            }
            // What was told since is there, and nothing else is: who looks at `/sys` now sees that, and
            // what the feeder has lost.
            Ok(Datagram::Live) => state.each(Queue::lose),
            Ok(Datagram::ColdPlug) => {}
            Err(_) => {
                state.malformed += 1;
                state.each(Queue::lose);
            }
        }
        parsed.map(drop)
    }

    /// Hands on the datagrams of a stream until it ends, blocking: in a thread of its own. Then the feed
    /// has ended, for all who listen.
    ///
    /// # Errors
    /// Those of the stream; [`io::ErrorKind::InvalidData`] where it is none of datagrams. The feed has
    /// ended then, too. What is no uevent is skipped.
    pub fn read_from(&self, stream: impl Read) -> io::Result<()> {
        let mut frames = Frames::new(stream);
        let done = frames.try_for_each(|datagram| {
            // It is counted.
            let _ = self.push(&datagram?);
            Ok(())
        });
        self.end();
        done
    }

    /// Ends the feed: who listens is told when nothing is left to read.
    pub fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        state.each(Queue::end);
    }

    /// Returns how many datagrams were no uevents.
    pub fn malformed(&self) -> u64 {
        self.lock().malformed
    }

    pub(super) fn listen(&self, clock: &Monotonic) -> io::Result<FeedListener> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let mut state = self.lock();
        let queue = Arc::new(Queue {
            kept: Mutex::new(Kept {
                ended: state.ended,
                ..Kept::default()
            }),
            bell: Fd::new(bell, clock),
        });
        state.listening.retain(|queue| queue.strong_count() > 0);
        state.listening.push(Arc::downgrade(&queue));
        Ok(FeedListener(queue))
    }
}

impl Default for Feed {
    fn default() -> Feed {
        Feed::new()
    }
}

/// What waits for somebody who listens.
#[derive(Debug)]
struct Queue {
    kept: Mutex<Kept>,
    /// Rung when there is something new.
    bell: Fd<OwnedFd>,
}

#[derive(Debug, Default)]
struct Kept {
    uevents: VecDeque<(Uevent, usize)>,
    bytes: usize,
    lost: bool,
    ended: bool,
}

impl Kept {
    /// Something is missing before what follows. What came before it is of no use: whoever is told
    /// looks, and what undid it may be what is missing.
    fn lose(&mut self) {
        self.uevents.clear();
        self.bytes = 0;
        self.lost = true;
    }
}

impl Queue {
    fn change(&self, change: impl FnOnce(&mut Kept)) {
        let mut kept = self.kept.lock().unwrap_or_else(|e| e.into_inner());
        change(&mut kept);
        drop(kept);
        // It fails if it was rung 2^64 times without anybody hearing it, and then it is heard.
        let _ = rustix::io::write(self.bell.get_ref(), &1u64.to_ne_bytes());
    }

    fn push(&self, event: &Uevent, length: usize, capacity: usize) {
        self.change(|kept| {
            if kept.bytes + length > capacity {
                kept.lose();
            }
            if length <= capacity {
                kept.bytes += length;
                kept.uevents.push_back((event.clone(), length));
            }
        });
    }

    fn lose(&self) {
        self.change(Kept::lose);
    }

    fn end(&self) {
        self.change(|kept| kept.ended = true);
    }

    /// Takes what is there, without a look at the bell.
    fn take(&self) -> io::Result<Uevent> {
        let mut kept = self.kept.lock().unwrap_or_else(|e| e.into_inner());
        if std::mem::take(&mut kept.lost) {
            return Err(Errno::NOBUFS.into());
        }
        match kept.uevents.pop_front() {
            Some((event, length)) => {
                kept.bytes -= length;
                Ok(event)
            }
            None if kept.ended => Err(io::ErrorKind::UnexpectedEof.into()),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

#[derive(Debug)]
pub(super) struct FeedListener(Arc<Queue>);

impl Listener for FeedListener {
    fn read(&self) -> io::Result<Uevent> {
        match self.0.take() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => return read,
        }
        // It is silent from here on, until there is something that this look does not find.
        match rustix::io::read(self.0.bell.get_ref(), &mut [0; 8]) {
            Ok(_) | Err(Errno::AGAIN) => self.0.take(),
            Err(error) => Err(error.into()),
        }
    }

    fn ready(&self) -> &dyn Ready {
        &self.0.bell
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Error, Filter, Linux, Watch};

    fn add(number: usize) -> Vec<u8> {
        format!("add@/devices/virtual/net/n{number}\0SUBSYSTEM=net\0").into_bytes()
    }

    #[test]
    fn each_who_listens_gets_all() {
        let feed = Feed::new();
        let clock = Monotonic::new();
        let listeners = [feed.listen(&clock).unwrap(), feed.listen(&clock).unwrap()];
        for number in 0..3 {
            feed.push(&add(number)).unwrap();
        }
        for listener in &listeners {
            for number in 0..3 {
                assert_eq!(listener.read().unwrap().to_bytes()[24..], add(number)[24..]);
            }
            let error = listener.read().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        }
        feed.end();
        let error = listeners[0].read().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        // Who comes later is told, too.
        let error = feed.listen(&clock).unwrap().read().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn what_is_lost_is_told_once() {
        let feed = Feed::with_capacity(100);
        let listener = feed.listen(&Monotonic::new()).unwrap();
        for number in 0..100 {
            feed.push(&add(number)).unwrap();
        }
        let lost = listener.read().unwrap_err();
        assert_eq!(lost.raw_os_error(), Some(105));
        listener.read().unwrap();
        feed.push(b"cold-plug").unwrap();
        while listener.read().is_ok() {}
        // No uevent may be anything, and after a cold-plug anything may be gone.
        for bad in [&b"nonsense"[..], b"", b"live"] {
            assert_eq!(feed.push(bad).is_err(), bad != b"live");
            let lost = listener.read().unwrap_err();
            assert_eq!(lost.raw_os_error(), Some(105));
        }
        assert_eq!(feed.malformed(), 2);
    }

    #[test]
    fn a_watch_ends_with_its_feed() {
        let feed = Feed::new();
        let mut watch = Watch::open_on(&Linux::new().fed_by(&feed), Filter::new()).unwrap();
        assert!(
            watch
                .wait_change(Duration::from_millis(5))
                .unwrap()
                .is_none()
        );
        let feeding = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            feed.read_from(&b"\x03\0\0\0bad\0\0\0\0"[..])
        });
        assert!(matches!(watch.wait_change(None), Err(Error::Ended)));
        feeding.join().unwrap().unwrap();
        assert!(matches!(watch.try_change(), Err(Error::Ended)));
        assert!(watch.counts().rescans > 0);
        assert!((&mut watch).into_iter().next().is_none());
    }
}

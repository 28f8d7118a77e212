use std::fmt;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

/// Ends the blocking waits of a board, from another thread or from a signal handler.
///
/// From [`raise`](Interrupt::raise) to [`clear`](Interrupt::clear) every blocking wait on the board
/// returns [`Interrupted`](io::ErrorKind::Interrupted), those under way and those that begin. What
/// they waited for is not lost: it is there after `clear`. `DelayNs` knows no errors and is not cut
/// short; futures are not interrupted, they are dropped.
///
/// Clones are the same interrupt.
#[derive(Clone)]
pub struct Interrupt(Arc<Inner>);

struct Inner {
    raised: AtomicBool,
    /// Readable while raised: the level that waits on descriptors watch.
    level: (UnixStream, UnixStream),
    /// One byte a raise, for the thread of `watch`.
    watcher: OnceLock<UnixStream>,
    starting: Mutex<()>,
}

impl Interrupt {
    /// Makes an interrupt that is not raised.
    ///
    /// # Errors
    /// The system has no more descriptors to give.
    pub fn new() -> io::Result<Interrupt> {
        let level = UnixStream::pair()?;
        level.0.set_nonblocking(true)?;
        level.1.set_nonblocking(true)?;
        Ok(Interrupt(Arc::new(Inner {
            raised: AtomicBool::new(false),
            level,
            watcher: OnceLock::new(),
            starting: Mutex::new(()),
        })))
    }

    /// Interrupts every blocking wait until [`clear`](Interrupt::clear). May be called in a signal
    /// handler: it stores a flag and writes to a socket, no more.
    pub fn raise(&self) {
        if !self.0.raised.swap(true, Ordering::SeqCst) {
            // A full socket cannot be: one byte at most lies in it between two `clear`s. And it
            // would be readable all the same.
            let _ = (&self.0.level.0).write(&[0]);
        }
        if let Some(mut watcher) = self.0.watcher.get() {
            let _ = watcher.write(&[0]);
        }
    }

    /// Lets waits wait again.
    pub fn clear(&self) {
        self.0.raised.store(false, Ordering::SeqCst);
        self.drain();
    }

    /// Tells whether waits are interrupted now.
    pub fn is_raised(&self) -> bool {
        self.0.raised.load(Ordering::SeqCst)
    }

    /// Runs `f` in a thread of its own at each [`raise`](Interrupt::raise): for clocks that do not
    /// wait on descriptors. Only the first call counts. The thread ends when the last clone of the
    /// interrupt is gone.
    ///
    /// # Errors
    /// The system has no more descriptors or threads to give.
    pub fn watch(&self, f: impl Fn() + Send + 'static) -> io::Result<()> {
        let _one = self.0.starting.lock().unwrap_or_else(|e| e.into_inner());
        if self.0.watcher.get().is_some() {
            return Ok(());
        }
        let (theirs, mut ours) = UnixStream::pair()?;
        theirs.set_nonblocking(true)?;
        thread::Builder::new()
            .name("circuits-interrupt".into())
            .spawn(move || {
                let mut byte = [0];
                loop {
                    match ours.read(&mut byte) {
                        Ok(1..) => f(),
                        Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                        _ => return,
                    }
                }
            })?;
        let _ = self.0.watcher.set(theirs);
        Ok(())
    }

    /// Takes out what `raise` wrote; waits on descriptors call it too, for a raise that was cleared
    /// while it was being written.
    pub(crate) fn drain(&self) {
        let mut byte = [0];
        while matches!((&self.0.level.1).read(&mut byte), Ok(1..)) {}
        if self.is_raised() {
            let _ = (&self.0.level.0).write(&[0]);
        }
    }
}

/// Readable while the interrupt is raised: to be watched beside descriptors of one's own.
impl AsFd for Interrupt {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.level.1.as_fd()
    }
}

impl fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interrupt")
            .field("raised", &self.is_raised())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn stays_raised_until_cleared() {
        let interrupt = Interrupt::new().unwrap();
        assert!(!interrupt.is_raised());
        interrupt.raise();
        interrupt.clone().raise();
        assert!(interrupt.is_raised());
        interrupt.clear();
        assert!(!interrupt.is_raised());
    }

    #[test]
    fn calls_the_watcher_and_lets_it_go() {
        let interrupt = Interrupt::new().unwrap();
        let (sender, receiver) = mpsc::channel();
        interrupt.watch(move || sender.send(()).unwrap()).unwrap();
        interrupt.raise();
        receiver.recv_timeout(Duration::from_secs(10)).unwrap();
        drop(interrupt);
        assert_eq!(
            receiver.recv_timeout(Duration::from_secs(10)),
            Err(mpsc::RecvTimeoutError::Disconnected)
        );
    }
}

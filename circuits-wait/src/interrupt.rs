use std::fmt;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
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
    /// One byte a raise, for the thread of `watch`; not another while one lies there.
    watcher: OnceLock<UnixStream>,
    told: AtomicBool,
    watching: Mutex<Vec<Box<dyn Fn() + Send>>>,
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
            told: AtomicBool::new(false),
            watching: Mutex::default(),
        })))
    }

    /// Interrupts every blocking wait until [`clear`](Interrupt::clear). May be called in a signal
    /// handler: it stores flags and writes to sockets, no more.
    pub fn raise(&self) {
        if !self.0.raised.swap(true, Ordering::SeqCst) {
            // A full socket cannot be: one byte at most lies in it between two `clear`s.
            let _ = (&self.0.level.0).write(&[0]);
        }
        if let Some(mut watcher) = self.0.watcher.get() {
            if !self.0.told.swap(true, Ordering::SeqCst) {
                let _ = watcher.write(&[0]);
            }
        }
    }

    /// Lets waits wait again: those that begin, and those under way that have not noticed yet. So
    /// it is called by who has seen the waits end.
    pub fn clear(&self) {
        self.0.raised.store(false, Ordering::SeqCst);
        self.drain();
    }

    /// Tells whether waits are interrupted now.
    pub fn is_raised(&self) -> bool {
        self.0.raised.load(Ordering::SeqCst)
    }

    /// Runs `f` at each [`raise`](Interrupt::raise), in a thread that all such functions share: for
    /// clocks that do not wait on descriptors. It is run at once if the interrupt is raised
    /// already. The thread ends when the last clone of the interrupt is gone.
    ///
    /// # Errors
    /// The system has no more descriptors or threads to give.
    pub fn watch(&self, f: impl Fn() + Send + 'static) -> io::Result<()> {
        let mut watching = self.0.watching.lock().unwrap_or_else(|e| e.into_inner());
        if self.0.watcher.get().is_none() {
            let (theirs, mut ours) = UnixStream::pair()?;
            theirs.set_nonblocking(true)?;
            let inner = Arc::downgrade(&self.0);
            let watch = move || {
                let mut byte = [0];
                loop {
                    match ours.read(&mut byte) {
                        Ok(1..) => {}
                        Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                        _ => return,
                    }
                    let Some(inner) = inner.upgrade() else { return };
                    inner.told.store(false, Ordering::SeqCst);
                    for f in inner
                        .watching
                        .lock()
                        .unwrap_or_else(|e| e.into_inner())
                        .iter()
                    {
                        // It may wake somebody who panics: no reason not to tell the others.
                        let _ = catch_unwind(AssertUnwindSafe(f));
                    }
                }
            };
            thread::Builder::new()
                .name("circuits-interrupt".into())
                .spawn(watch)?;
            let _ = self.0.watcher.set(theirs);
        }
        if self.is_raised() {
            f();
        }
        watching.push(Box::new(f));
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

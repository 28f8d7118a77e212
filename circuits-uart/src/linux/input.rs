use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use circuits_wait::{Fd, Monotonic, Ready, Time};

/// What is waited on for bytes, where others may take them out of the kernel and keep them.
///
/// Who blocks is told of what the kernel has, and of nothing else: while somebody does, what comes is
/// theirs to take. A future is woken.
#[derive(Debug)]
pub(super) struct Input {
    fd: Fd<File>,
    /// How many threads block.
    blocked: AtomicUsize,
}

impl Input {
    pub(super) fn new(file: File, clock: &Monotonic) -> Input {
        Input {
            fd: Fd::new(file, clock),
            blocked: AtomicUsize::new(0),
        }
    }

    pub(super) fn file(&self) -> &File {
        self.fd.get_ref()
    }

    /// Tells whether bytes are to stay in the kernel. To be asked under the lock that an operation takes:
    /// who begins to block afterwards finds what was taken.
    pub(super) fn is_waited_for(&self) -> bool {
        self.blocked.load(Ordering::SeqCst) > 0
    }

    /// Has a future that waits look at what was taken. To be called without the lock.
    pub(super) fn wake(&self) {
        self.fd.wake();
    }
}

impl Ready for Input {
    fn block(
        &self,
        deadline: Option<Time>,
        op: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<bool> {
        self.blocked.fetch_add(1, Ordering::SeqCst);
        let _blocks = Blocks(&self.blocked);
        self.fd.block(deadline, op)
    }

    fn poll(
        &self,
        cx: &mut Context<'_>,
        op: &mut dyn FnMut() -> io::Result<()>,
    ) -> Poll<io::Result<()>> {
        self.fd.poll(cx, op)
    }

    fn cancel(&self) {
        self.fd.cancel();
    }
}

/// A thread blocks; its operation may panic.
struct Blocks<'a>(&'a AtomicUsize);

impl Drop for Blocks<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

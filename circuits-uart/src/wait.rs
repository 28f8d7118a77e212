use std::future::poll_fn;
use std::io;
use std::task::Poll;

use circuits_wait::Ready;

/// A future's wait, whose waker is forgotten with it.
pub(crate) struct Wait<'a> {
    ready: &'a dyn Ready,
    pending: bool,
}

impl<'a> Wait<'a> {
    pub(crate) fn new(ready: &'a dyn Ready) -> Wait<'a> {
        Wait {
            ready,
            pending: false,
        }
    }

    /// Waits until the operation does not answer `WouldBlock` any more.
    pub(crate) async fn until(mut self, mut op: impl FnMut() -> io::Result<()>) -> io::Result<()> {
        poll_fn(|cx| {
            let poll: Poll<io::Result<()>> = self.ready.poll(cx, &mut op);
            self.pending = poll.is_pending();
            poll
        })
        .await
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if self.pending {
            self.ready.cancel();
        }
    }
}

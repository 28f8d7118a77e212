use std::future::poll_fn;
use std::task::{Context, Poll};

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

    /// Polls until it is ready.
    pub(crate) async fn until<T>(mut self, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
        poll_fn(|cx| {
            let poll = poll(cx);
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

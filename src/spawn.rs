use std::fmt;
use std::io;
use std::panic::resume_unwind;

/// A thread that [`Board::spawn`](crate::Board::spawn) started.
pub struct JoinHandle<T>(pub(crate) Thread<T>);

pub(crate) enum Thread<T> {
    Std(std::thread::JoinHandle<T>),
    #[cfg(feature = "stub")]
    Stub(circuits_stub::JoinHandle<T>),
}

impl<T> JoinHandle<T> {
    /// Waits for the end of the thread and returns what it returned. An interrupt of the board does
    /// not end this wait.
    ///
    /// # Errors
    /// [`io::ErrorKind::Deadlock`] on a board in virtual time when nothing can happen any more.
    ///
    /// # Panics
    /// As the thread did, if it did.
    pub fn join(self) -> io::Result<T> {
        match self.0 {
            Thread::Std(thread) => thread.join().or_else(|panic| resume_unwind(panic)),
            #[cfg(feature = "stub")]
            Thread::Stub(thread) => thread.join(),
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").finish_non_exhaustive()
    }
}

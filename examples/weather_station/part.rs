//! A part of the station that may not be there.

use std::error::Error;

use circuits::wait::Time;
use circuits::{Failure, i2c};

use crate::retry::Retry;

/// What a part does, or why it does not.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// A part that is opened when it is needed, thrown away when it fails, and opened anew when it is to be tried
/// again: what came back after it had no power knows nothing of what it was told before.
#[derive(Debug)]
pub(crate) struct Part<T> {
    open: Option<T>,
    pub(crate) retry: Retry,
}

impl<T> Part<T> {
    pub(crate) fn new(what: &'static str) -> Part<T> {
        Part {
            open: None,
            retry: Retry::new(what),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The part, if it is open.
    pub(crate) fn as_ref(&self) -> Option<&T> {
        self.open.as_ref()
    }

    /// The same, to have it do something.
    pub(crate) fn get(&mut self) -> Option<&mut T> {
        self.open.as_mut()
    }

    /// Lets go of it. It is opened again when it is needed.
    pub(crate) fn close(&mut self) {
        self.open = None;
    }

    /// Opens the part, if need be, and has it do something, if it is not too early to try again. What is to be
    /// told goes to `say`.
    pub(crate) fn attempt<R>(
        &mut self,
        now: Time,
        say: &mut dyn FnMut(&str),
        open: impl FnOnce() -> Result<T>,
        act: impl FnOnce(&mut T) -> Result<R>,
    ) -> Option<R> {
        if !self.retry.is_due(now) {
            return None;
        }
        let opened = match self.open.take() {
            Some(part) => Ok(part),
            None => open(),
        };
        let done = opened.and_then(|mut part| {
            let done = act(&mut part)?;
            Ok((part, done))
        });
        match done {
            Ok((part, done)) => {
                self.open = Some(part);
                if let Some(text) = self.retry.worked(now) {
                    say(&text);
                }
                Some(done)
            }
            Err(error) => {
                self.fail(now, say, error);
                None
            }
        }
    }

    /// Throws the part away, for it has failed.
    pub(crate) fn fail(
        &mut self,
        now: Time,
        say: &mut dyn FnMut(&str),
        error: Box<dyn Error + Send + Sync>,
    ) {
        self.open = None;
        // That is the bus's own affair, and told by it.
        if is_without_bus(&*error) {
            return;
        }
        if let Some(text) = self.retry.failed(now, &words(error)) {
            say(&text);
        }
    }
}

/// Whether all that is on the bus is gone, for the adapter is.
fn is_without_bus(error: &(dyn Error + Send + Sync + 'static)) -> bool {
    let bus = error.downcast_ref::<i2c::Error>();
    bus.is_some_and(|error| error.kind() == i2c::ErrorKind::Removed)
}

/// An error as a person reads it, with its causes.
pub(crate) fn words(error: impl Into<Failure>) -> String {
    format!("{:?}", error.into())
}

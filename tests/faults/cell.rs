//! What can go wrong, as somebody at the bench calls it, and what comes of it.

use std::error::Error;
use std::fmt::{Debug, Display};

macro_rules! faults {
    ($($fault:ident: $title:literal,)*) => {
        /// What goes wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Fault {
            $($fault,)*
        }

        impl Fault {
            /// All, in the order of the page.
            pub(crate) const ALL: [Fault; [$(Fault::$fault),*].len()] = [$(Fault::$fault),*];

            /// As somebody at the bench calls it.
            pub(crate) fn title(self) -> &'static str {
                match self {
                    $(Fault::$fault => $title,)*
                }
            }
        }
    };
}

faults! {
    NotThere: "it is not there",
    NoPermission: "no permission",
    InUse: "another one has it",
    SameName: "several have its name",
    Unplugged: "it is unplugged while it is open",
    NoAnswer: "it does not answer",
    NoAnswerForAWhile: "it does not answer for a while",
    BrownOut: "it loses its power, and has it again",
    HeldLow: "a wire is held low",
    HeldHigh: "a wire is broken, or held high",
    NotFree: "the bus is never free",
    TimesOut: "the controller times out",
    Fails: "the transfer fails",
    Noise: "noise, and no checksum",
    CheckedNoise: "noise, and a checksum",
    OtherSettings: "the other end is set up otherwise",
    Contention: "two speak at the same time",
    Overflow: "more comes than is taken",
    TooMuch: "too long, or too many",
    NotGranted: "a setting that the hardware does not have",
    BusOff: "too many errors: bus-off",
    Down: "it is switched off",
    NobodyReads: "nobody takes what is sent",
    Nothing: "nothing comes until a deadline",
    Interrupted: "the program is interrupted",
    Standstill: "nothing can come any more (on the virtual board)",
}

/// What a program sees of a fault on a bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// An error of this kind, and what it says.
    Error { kind: String, text: String },
    /// No error: what it is in short, and what was seen.
    Seen { short: &'static str, text: String },
    /// Nothing, and why.
    None(&'static str),
}

/// A cell, or what should not have happened.
pub(crate) type Outcome = Result<Cell, Box<dyn Error>>;

/// Something went wrong, and this was not to be expected.
pub(crate) fn unexpected(what: impl Debug) -> Box<dyn Error> {
    format!("{what:?} was not to be expected").into()
}

/// What is to be an error is one.
pub(crate) fn error<T: Debug, E>(result: Result<T, E>) -> Result<E, Box<dyn Error>> {
    match result {
        Ok(value) => Err(unexpected(value)),
        Err(error) => Ok(error),
    }
}

/// An error, with its kind.
pub(crate) fn told(kind: impl Debug, text: impl Display) -> Outcome {
    Ok(Cell::Error {
        kind: format!("{kind:?}"),
        text: text.to_string(),
    })
}

pub(crate) fn seen(short: &'static str, text: impl Into<String>) -> Outcome {
    Ok(Cell::Seen {
        short,
        text: text.into(),
    })
}

pub(crate) fn none(why: &'static str) -> Outcome {
    Ok(Cell::None(why))
}

/// What several calls in a row come to: `3 times NoAcknowledge, then all is well`.
pub(crate) fn run_of<K: Debug + PartialEq>(
    kinds: &[Option<K>],
) -> Result<(usize, &K), Box<dyn Error>> {
    let failed = kinds.iter().take_while(|kind| kind.is_some()).count();
    let (Some(Some(first)), true) = (kinds.first(), failed < kinds.len()) else {
        return Err(unexpected(kinds));
    };
    let is_one_run = kinds[..failed]
        .iter()
        .all(|kind| kind.as_ref() == Some(first))
        && kinds[failed..].iter().all(Option::is_none);
    match is_one_run {
        true => Ok((failed, first)),
        false => Err(unexpected(kinds)),
    }
}

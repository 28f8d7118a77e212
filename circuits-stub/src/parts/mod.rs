//! What is connected to lines: people press it, turn it, and look at it.

mod button;
mod encoder;
mod led;
mod ranger;
mod wheel_encoder;

use std::fmt;
use std::sync::{Arc, Weak};

use circuits_gpio::LineSpec;

pub use button::Button;
pub use encoder::Encoder;
pub use led::Led;
pub use ranger::Ranger;
pub use wheel_encoder::WheelEncoder;

use crate::stub::Board;
use crate::{Error, Result, Stub};

/// The board that a part is connected to, and does not keep.
#[derive(Clone)]
struct Host(Weak<Board>);

impl Host {
    fn of(stub: &Stub) -> Host {
        Host(Arc::downgrade(stub.board()))
    }

    /// The board, to do something with a line; without it there is no line either.
    fn stub(&self, line: &LineSpec) -> Result<Stub> {
        let no_line = || Error::NoLine {
            line: line.to_string(),
        };
        self.0.upgrade().map(Stub::of).ok_or_else(no_line)
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").finish_non_exhaustive()
    }
}

use circuits_wait::Time;

use crate::occasion::{self, Occasion, setters};

/// Something that goes wrong with what comes to a port, with the next byte and once, if nothing else is said: see
/// [`Stub::serial_fault`](crate::Stub::serial_fault).
///
/// ```
/// use circuits_stub::{Stub, uart::Fault};
/// use circuits_uart::{Config, ErrorKind, Port};
/// use std::io::{Read, Write};
///
/// let board = Stub::virtual_time().serial_loop("ttyAMA0")?;
/// let config = Config::new().report_errors(true);
/// let mut port = Port::open_on(&board, "ttyAMA0", &config)?;
///
/// // Not the next byte, but the one after it.
/// board.serial_fault("ttyAMA0", Fault::framing().after(1))?;
/// port.write_all(b"abc")?;
/// port.flush()?;
/// let mut bytes = [0; 3];
/// assert_eq!(port.read(&mut bytes)?, 1);
/// let error = port.read_within(&mut bytes, std::time::Duration::ZERO).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Damaged);
/// assert_eq!(port.read(&mut bytes)?, 1);
/// assert_eq!(bytes[0], b'c');
///
/// // A noisy line: of each hundred bytes three, by a seed.
/// board.serial_fault("ttyAMA0", Fault::flipped_bit().chance(0.03, 7).always())?;
/// port.write_all(&[0; 1000])?;
/// let mut bytes = [0; 1000];
/// port.read_exact(&mut bytes)?;
/// assert_eq!(bytes.iter().filter(|byte| **byte != 0).count(), 26);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    kind: Kind,
    occasion: Occasion,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Framing,
    Parity,
    Break,
    /// So many bytes are lost.
    Overrun(u32),
    FlippedBit,
    LostByte,
}

impl Fault {
    /// A byte comes with a framing error.
    pub fn framing() -> Fault {
        Fault::new(Kind::Framing)
    }

    /// A byte comes with a parity error.
    pub fn parity() -> Fault {
        Fault::new(Kind::Parity)
    }

    /// A break comes instead of a byte: somebody pulls the line low meanwhile.
    pub fn brk() -> Fault {
        Fault::new(Kind::Break)
    }

    /// The FIFO of the hardware is full: so many bytes are lost, and
    /// [counted](circuits_uart::Counters::overruns).
    pub fn overrun(bytes: u32) -> Fault {
        Fault::new(Kind::Overrun(bytes))
    }

    /// Noise turns over the lowest bit of a byte, which nobody sees but by the parity, if there is any, or
    /// a checksum.
    pub fn flipped_bit() -> Fault {
        Fault::new(Kind::FlippedBit)
    }

    /// A byte does not come, and nobody is told.
    pub fn lost_byte() -> Fault {
        Fault::new(Kind::LostByte)
    }

    setters!("bytes");

    fn new(kind: Kind) -> Fault {
        Fault {
            kind,
            occasion: Occasion::new(),
        }
    }
}

/// Takes the fault of the byte that comes now, if there is one.
pub(super) fn take(faults: &mut Vec<Fault>, now: Time) -> Option<Kind> {
    occasion::take(faults, now, |fault| (&mut fault.occasion, Some(fault.kind)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_come_one_after_another() {
        let mut faults = vec![
            Fault::framing().after(1),
            Fault::lost_byte(),
            Fault::parity(),
            Fault::brk().after(4),
        ];
        let mut next = || take(&mut faults, Time::ZERO);
        assert_eq!(next(), Some(Kind::LostByte));
        assert_eq!(next(), Some(Kind::Framing));
        assert_eq!(next(), Some(Kind::Parity));
        assert_eq!(next(), None);
        assert_eq!(next(), Some(Kind::Break));
        assert_eq!(next(), None);
    }
}

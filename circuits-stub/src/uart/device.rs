use std::fmt;
use std::time::Duration;

use circuits_uart::{Config, ModemLines};
use circuits_wait::Time;

use super::Attention;

/// A device on a serial line: what it is sent comes to it byte by byte, when the byte is over on the
/// wire, and what it says goes over the wire at its own settings.
///
/// What is called here has the line to itself, and goes by the times that it is given. It may drive
/// [pins](crate::Pin) and read their levels. It must not use the board otherwise, as by opening or waiting:
/// that may wait for the line for ever.
///
/// ```
/// use circuits_stub::{Stub, uart};
/// use circuits_uart::{Config, Port};
/// use std::io::{Read, Write};
///
/// /// Answers each byte with the next one.
/// struct Next;
///
/// impl uart::Device for Next {
///     fn receive(&mut self, byte: u8, line: &mut uart::Line) {
///         line.send(&[byte + 1]);
///     }
/// }
///
/// let board = Stub::virtual_time().serial_device("ttyAMA0", Next)?;
/// let mut port = Port::open_on(&board, "ttyAMA0", &Config::new())?;
/// port.write_all(b"HAL")?;
/// let mut answer = [0; 3];
/// port.read_exact(&mut answer)?;
/// assert_eq!(&answer, b"IBM");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Device: Send {
    /// Returns at what settings the device speaks and listens: baud rate, data bits, parity and stop bits of
    /// them count, and flow control, by which it lets itself be stopped (by the port's RTS, or by XOFF, which
    /// it does not receive then). It is asked before each byte. `None`: at those of the port, whatever they
    /// are. Default: none.
    fn config(&self) -> Option<Config> {
        None
    }

    /// A byte came over the wire; it is over at [`Line::time`].
    fn receive(&mut self, byte: u8, line: &mut Line);

    /// A byte came over the wire that the device cannot read: a framing or parity error. Default: it
    /// drops it.
    fn receive_damaged(&mut self, byte: u8, line: &mut Line) {
        let _ = (byte, line);
    }

    /// A break came over the wire. Default: nothing happens.
    fn receive_break(&mut self, line: &mut Line) {
        let _ = line;
    }

    /// The port's RTS or DTR changed, or the port was opened or closed, or is open when the device is
    /// connected. Default: nothing happens.
    fn modem_lines(&mut self, rts: bool, dtr: bool, line: &mut Line) {
        let _ = (rts, dtr, line);
    }

    /// Returns when the device will do something by itself, if it will: [`act`](Device::act) is called then.
    /// It is asked after each call of the others, when it is connected, and when the board looks at its lines; a
    /// time that is over is now, but after `act` it must be later than that was. Default: never.
    ///
    /// In virtual time a device that goes on for ever keeps time moving for ever: who waits for something
    /// else that never comes is not told of a deadlock then, so let such waits have a deadline.
    fn next(&self) -> Option<Time> {
        None
    }

    /// The time has come that [`next`](Device::next) said. Default: nothing happens.
    fn act(&mut self, line: &mut Line) {
        let _ = line;
    }
}

impl<D: Device + ?Sized> Device for Box<D> {
    fn config(&self) -> Option<Config> {
        (**self).config()
    }

    fn receive(&mut self, byte: u8, line: &mut Line) {
        (**self).receive(byte, line);
    }

    fn receive_damaged(&mut self, byte: u8, line: &mut Line) {
        (**self).receive_damaged(byte, line);
    }

    fn receive_break(&mut self, line: &mut Line) {
        (**self).receive_break(line);
    }

    fn modem_lines(&mut self, rts: bool, dtr: bool, line: &mut Line) {
        (**self).modem_lines(rts, dtr, line);
    }

    fn next(&self) -> Option<Time> {
        (**self).next()
    }

    fn act(&mut self, line: &mut Line) {
        (**self).act(line);
    }
}

/// A device's end of the line, while the device is called.
pub struct Line {
    pub(super) time: Time,
    pub(super) said: Vec<Said>,
    /// What `said` counts.
    pub(super) bytes: Vec<u8>,
    attention: Attention,
}

/// What a device does to the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It sends so many bytes, as soon as it is through with what it sent before.
    Bytes(usize),
    /// It sends nothing for a time, counted from when it is through with what it sent before, or from now.
    Pause(Duration),
    /// It holds the line low for a time.
    Break(Duration),
    /// It sets the port's CTS, DSR, RI and CD.
    Modem(ModemLines),
}

impl Line {
    pub(super) fn new(attention: Attention) -> Line {
        Line {
            time: Time::ZERO,
            said: Vec::new(),
            bytes: Vec::new(),
            attention,
        }
    }

    /// Returns the time.
    pub fn time(&self) -> Time {
        self.time
    }

    /// Returns what has the board ask the device anew when it does something by itself: for a handle of the
    /// device, by which that changes while nothing goes over the line.
    pub fn attention(&self) -> Attention {
        self.attention.clone()
    }

    /// Sends bytes, as soon as the device is through with what it sent before.
    pub fn send(&mut self, bytes: &[u8]) {
        self.said.push(Said::Bytes(bytes.len()));
        self.bytes.extend_from_slice(bytes);
    }

    /// Sends nothing for a time, counted from when the device is through with what it sent before.
    pub fn pause(&mut self, duration: Duration) {
        self.said.push(Said::Pause(duration));
    }

    /// Holds the line low for a time, when the device is through with what it sent before.
    pub fn send_break(&mut self, duration: Duration) {
        self.said.push(Said::Break(duration));
    }

    /// Sets the port's lines CTS, DSR, RI and CD; RTS and DTR are the port's own.
    pub fn set_modem_lines(&mut self, lines: ModemLines) {
        self.said.push(Said::Modem(lines));
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line")
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

use std::fmt;
use std::sync::Weak;

use crate::stub::Board;

/// What has the board ask a device on a serial line, or a node on a CAN bus, anew when it does something by itself: for
/// its handle, by which a test sets that while nothing goes over the wires.
///
/// It does not keep the board, so that a device on the board may have it. By default it is of no board.
///
/// ```
/// use circuits_stub::{Stub, uart};
/// use circuits_uart::{Config, Port};
/// use circuits_wait::Time;
/// use std::io::Read;
/// use std::sync::{Arc, Mutex};
///
/// /// Says whatever it is told to say.
/// #[derive(Clone, Default)]
/// struct Parrot(Arc<Mutex<(Vec<u8>, Option<uart::Attention>)>>);
///
/// impl Parrot {
///     fn say(&self, text: &[u8]) {
///         let attention = {
///             let (waiting, attention) = &mut *self.0.lock().unwrap();
///             waiting.extend(text);
///             attention.clone()
///         };
///         // Not while it is locked: it is asked now.
///         if let Some(attention) = attention {
///             attention.draw();
///         }
///     }
/// }
///
/// impl uart::Device for Parrot {
///     fn receive(&mut self, _: u8, _: &mut uart::Line) {}
///
///     fn next(&self) -> Option<Time> {
///         let (waiting, attention) = &*self.0.lock().unwrap();
///         // At once, at first to be given its line.
///         (attention.is_none() || !waiting.is_empty()).then_some(Time::ZERO)
///     }
///
///     fn act(&mut self, line: &mut uart::Line) {
///         let (waiting, attention) = &mut *self.0.lock().unwrap();
///         attention.get_or_insert_with(|| line.attention());
///         line.send(&std::mem::take(waiting));
///     }
/// }
///
/// let parrot = Parrot::default();
/// let stub = Stub::virtual_time().serial_device("ttyAMA0", parrot.clone())?;
/// let mut port = Port::open_on(&stub, "ttyAMA0", &Config::new())?;
/// let mut heard = [0; 5];
/// stub.run(|| {
///     let listener = stub.spawn("listener", move || port.read_exact(&mut heard).map(|()| heard))?;
///     stub.delay().sleep(std::time::Duration::from_secs(1))?;
///     parrot.say(b"hello");
///     assert_eq!(&listener.join()??, b"hello");
///     Ok::<(), Box<dyn std::error::Error>>(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Attention {
    board: Weak<Board>,
}

impl Attention {
    pub(crate) fn new(board: Weak<Board>) -> Attention {
        Attention { board }
    }

    /// Has the devices and nodes of the board asked now. Whoever calls it has not locked what one of them locks.
    pub fn draw(&self) {
        if let Some(board) = self.board.upgrade() {
            board.serial.act(&board);
            board.can.act(&board);
        }
    }
}

impl fmt::Debug for Attention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attention").finish_non_exhaustive()
    }
}

//! What happens on a virtual board, in one order for all buses.

mod shown;

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use circuits_can::{ErrorCounters, Frame, State};
use circuits_gpio::Direction;
use circuits_i2c::Address;
use circuits_spi::{ChipSelect, Operation};
use circuits_uart::{Config, ModemLines};
use circuits_wait::Time;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// When, counted from the making of the board.
    pub time: Time,
    /// What.
    pub action: Action,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// A program took a line.
    Request {
        /// The line.
        line: Arc<str>,
        /// Who holds it now.
        consumer: Arc<str>,
        /// Which way it goes.
        direction: Direction,
    },
    /// A program set a line up anew.
    Configure {
        /// The line.
        line: Arc<str>,
        /// Which way it goes now.
        direction: Direction,
    },
    /// A program gave a line back.
    Release {
        /// The line.
        line: Arc<str>,
    },
    /// A program set outputs, all at the same time.
    Set {
        /// The lines and their logical levels.
        lines: Vec<(Arc<str>, bool)>,
    },
    /// Something outside the board drives a line; `None`: not any more.
    Drive {
        /// The line.
        line: Arc<str>,
        /// The electrical level.
        level: Option<bool>,
    },
    /// Lines that are wired together are driven high and low at the same time from now on.
    Contention {
        /// The lines.
        lines: Vec<Arc<str>>,
    },
    /// A GPIO chip came.
    AddChip {
        /// Its name.
        chip: Arc<str>,
    },
    /// A GPIO chip was taken away.
    RemoveChip {
        /// Its name.
        chip: Arc<str>,
    },
    /// An I2C bus came, a node of an SPI controller, a serial port, or a CAN interface.
    AddBus {
        /// Its name.
        bus: Arc<str>,
    },
    /// An I2C bus was taken away, a node of an SPI controller, a serial port, or a CAN interface.
    RemoveBus {
        /// Its name.
        bus: Arc<str>,
    },
    /// A device was connected to an I2C bus.
    Plug {
        /// The bus.
        bus: Arc<str>,
        /// The device.
        address: Address,
    },
    /// A device was taken off an I2C bus.
    Unplug {
        /// The bus.
        bus: Arc<str>,
        /// The device.
        address: Address,
    },
    /// A device of an I2C bus lost its power, or has it again.
    Power {
        /// The bus.
        bus: Arc<str>,
        /// The device.
        address: Address,
        /// It has power.
        on: bool,
    },
    /// A transaction went over an I2C bus.
    I2c {
        /// The bus.
        bus: Arc<str>,
        /// The device.
        address: Address,
        /// When it began on the wire, which may have been busy when it was asked for; counted as
        /// [`Entry::time`].
        start: Time,
        /// When the wire was free again.
        stop: Time,
        /// What was sent and received, up to the byte that was not acknowledged: a start, a message,
        /// and a repeated start before each that follows.
        messages: Vec<Message>,
        /// How it ended.
        end: End,
    },
    /// A message went over an SPI bus: a chip select became active, and after all of it inactive, unless
    /// it rests. What was refused is not told.
    Spi {
        /// The device.
        device: Arc<str>,
        /// When it began on the wires, which may have been busy when it was asked for; counted as
        /// [`Entry::time`].
        start: Time,
        /// When the wires were free again.
        stop: Time,
        /// What the chip select did.
        chip_select: ChipSelect,
        /// What was sent and received.
        exchanges: Vec<Exchange>,
    },
    /// A program set a serial port up anew.
    SerialConfigure {
        /// The port.
        port: Arc<str>,
        /// How it is now.
        config: Config,
    },
    /// A program has written bytes to a serial port: one entry for what was taken over at once, at that
    /// time.
    SerialSend {
        /// The port.
        port: Arc<str>,
        /// When the first bit goes over the wire, if nothing stops what is sent; counted as
        /// [`Entry::time`].
        start: Time,
        /// When the last stop bit is over.
        stop: Time,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Bytes came over the wire to a serial port that a program has open: those that came without a rest
    /// in between, 64 at most, at the time at which the last one was over.
    SerialReceived {
        /// The port.
        port: Arc<str>,
        /// When the first one began, counted as [`Entry::time`].
        start: Time,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// A serial port was joined to a pseudo-terminal by what a [file](crate::BoardFile) says.
    Pty {
        /// The port.
        port: Arc<str>,
        /// What other programs open.
        path: PathBuf,
    },
    /// A byte came to a serial port with a parity or framing error.
    DamageReceived {
        /// The port.
        port: Arc<str>,
        /// What of it could be read.
        byte: u8,
    },
    /// A break came to a serial port.
    BreakReceived {
        /// The port.
        port: Arc<str>,
    },
    /// What comes to a serial port is lost, for nobody reads it, until somebody does.
    Overrun {
        /// The port.
        port: Arc<str>,
    },
    /// A program began or ended a break on a serial port.
    Break {
        /// The port.
        port: Arc<str>,
        /// It began.
        on: bool,
    },
    /// Modem lines of a serial port changed.
    ModemLines {
        /// The port.
        port: Arc<str>,
        /// How they were.
        before: ModemLines,
        /// How they are.
        lines: ModemLines,
    },
    /// A node was connected to a CAN bus.
    AddNode {
        /// The node, by the interface whose bus it was connected to.
        node: Arc<str>,
    },
    /// A node was taken off a CAN bus.
    RemoveNode {
        /// The node.
        node: Arc<str>,
    },
    /// A CAN interface was taken up.
    CanUp {
        /// The interface.
        interface: Arc<str>,
        /// Bits a second; a `vcan` has none.
        bitrate: Option<u32>,
    },
    /// A CAN interface was taken down.
    CanDown {
        /// The interface.
        interface: Arc<str>,
    },
    /// A frame went over a CAN bus, and somebody acknowledged it; or was written to a `vcan`.
    CanFrame {
        /// The interface or the node that sent it.
        from: Arc<str>,
        /// When it began on the bus; counted as [`Entry::time`].
        start: Time,
        /// The frame.
        frame: Frame,
    },
    /// A frame on a CAN bus was destroyed, or nobody acknowledged it. What changes nothing, because the sender is
    /// error-passive and alone, is not told.
    CanError {
        /// The interface or the node that found it out first.
        station: Arc<str>,
        /// The frame.
        frame: Frame,
        /// What was wrong.
        error: BusError,
    },
    /// The controller of a CAN interface or a node is in another state.
    CanState {
        /// The interface or the node.
        station: Arc<str>,
        /// Its state now.
        state: State,
        /// Its error counters.
        counters: ErrorCounters,
    },
    /// Something went wrong by a fault that was scheduled, which nothing else tells of.
    Fault {
        /// What it happened to: a line, a bus, a node.
        of: Arc<str>,
        /// What went wrong.
        what: &'static str,
    },
    /// The program said something: [`Stub::note`](crate::Stub::note).
    Note(String),
}

/// What is wrong with a frame on a CAN bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BusError {
    /// Who sent it saw another bit than it sent.
    Bit,
    /// There were six equal bits.
    Stuff,
    /// A bit was as it never is there.
    Form,
    /// It had another checksum.
    Crc,
    /// Nobody acknowledged it.
    NoAcknowledge,
}

/// `bit error`, `not acknowledged`.
impl fmt::Display for BusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BusError::Bit => "bit error",
            BusError::Stuff => "stuff error",
            BusError::Form => "form error",
            BusError::Crc => "wrong checksum",
            BusError::NoAcknowledge => "not acknowledged",
        })
    }
}

/// How an I2C transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// By a stop, when all was done.
    Stop,
    /// By a stop, after nobody had acknowledged the address or a byte.
    NoAcknowledge,
    /// Another controller won the bus.
    ArbitrationLost,
    /// The clock was held until the adapter gave up.
    TimedOut,
    /// It did not begin: the bus was never free.
    Busy,
    /// It failed, and the controller's driver does not say how.
    Failed,
}

/// `stop`, `no acknowledge`.
impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            End::Stop => "stop",
            End::NoAcknowledge => "no acknowledge",
            End::ArbitrationLost => "arbitration lost",
            End::TimedOut => "timed out",
            End::Busy => "busy",
            End::Failed => "failed",
        })
    }
}

/// A message of an I2C transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// What the device was sent.
    Write(Vec<u8>),
    /// What the device sent.
    Read(Vec<u8>),
}

/// A part of an SPI message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exchange {
    /// What the device was sent.
    Write(Vec<u8>),
    /// What the device sent.
    Read(Vec<u8>),
    /// What the device was sent, and what it sent meanwhile.
    Transfer {
        /// To the device.
        written: Vec<u8>,
        /// From the device.
        read: Vec<u8>,
    },
    /// Nothing, for a time.
    Delay(Duration),
}

impl Exchange {
    /// What is to be sent.
    pub(crate) fn before(operation: &Operation<'_, u8>) -> Exchange {
        let transfer = |written: &[u8]| Exchange::Transfer {
            written: written.to_vec(),
            read: Vec::new(),
        };
        match operation {
            Operation::Read(_) => Exchange::Read(Vec::new()),
            Operation::Write(bytes) => Exchange::Write(bytes.to_vec()),
            Operation::Transfer(_, write) => transfer(write),
            Operation::TransferInPlace(buffer) => transfer(buffer),
            Operation::DelayNs(ns) => Exchange::Delay(Duration::from_nanos((*ns).into())),
        }
    }

    /// The same with what came.
    pub(crate) fn after(mut self, operation: &Operation<'_, u8>) -> Exchange {
        if let Exchange::Read(read) | Exchange::Transfer { read, .. } = &mut self {
            match operation {
                Operation::Read(buffer)
                | Operation::Transfer(buffer, _)
                | Operation::TransferInPlace(buffer) => read.extend_from_slice(buffer),
                _ => {}
            }
        }
        self
    }
}

type Listener = Box<dyn FnMut(&Entry) -> Interest + Send>;

/// Whether a listener wants to hear more.
#[derive(PartialEq, Eq)]
enum Interest {
    More,
    NoMore,
}

/// Who listens. While nobody does, nothing is put together to be heard.
#[derive(Default)]
pub(crate) struct Trace {
    on: AtomicBool,
    listeners: Mutex<Vec<Listener>>,
    /// What the first who listens is told.
    kept: Mutex<Vec<Entry>>,
}

impl Trace {
    pub(crate) fn tell(&self, time: Time, action: impl FnOnce() -> Action) {
        if !self.on.load(Ordering::Relaxed) {
            return;
        }
        let mut listeners = lock(&self.listeners);
        let entry = Entry {
            time,
            action: action(),
        };
        listeners.retain_mut(|listener| listener(&entry) == Interest::More);
        self.on.store(!listeners.is_empty(), Ordering::Relaxed);
    }

    /// Tells what somebody must know, and be it later, if nobody listens yet.
    pub(crate) fn keep(&self, time: Time, action: Action) {
        match self.is_on() {
            true => self.tell(time, || action),
            false => lock(&self.kept).push(Entry { time, action }),
        }
    }

    /// Whether anybody listens.
    pub(crate) fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    pub(crate) fn listen(&self, mut f: impl FnMut(&Entry) + Send + 'static) {
        self.add(Box::new(move |entry| {
            f(entry);
            Interest::More
        }));
    }

    pub(crate) fn record(&self) -> Recording {
        let recording = Recording {
            entries: Arc::default(),
        };
        let entries: Weak<Mutex<Vec<Entry>>> = Arc::downgrade(&recording.entries);
        self.add(Box::new(move |entry| match entries.upgrade() {
            Some(entries) => {
                lock(&entries).push(entry.clone());
                Interest::More
            }
            None => Interest::NoMore,
        }));
        recording
    }

    fn add(&self, mut listener: Listener) {
        for entry in lock(&self.kept).drain(..) {
            listener(&entry);
        }
        lock(&self.listeners).push(listener);
        self.on.store(true, Ordering::Relaxed);
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace")
            .field("on", &self.on)
            .finish_non_exhaustive()
    }
}

/// What happened since [`Stub::record`](crate::Stub::record), until it is dropped. Shown, it is one
/// entry a line.
#[derive(Clone, Debug)]
pub struct Recording {
    entries: Arc<Mutex<Vec<Entry>>>,
}

impl Recording {
    /// Returns what happened so far.
    pub fn entries(&self) -> Vec<Entry> {
        lock(&self.entries).clone()
    }

    /// Returns what happened so far, and forgets it.
    pub fn take(&self) -> Vec<Entry> {
        std::mem::take(&mut *lock(&self.entries))
    }
}

impl fmt::Display for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries()
            .iter()
            .try_for_each(|entry| writeln!(f, "{entry}"))
    }
}

/// A listener that panicked is no reason for others to.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

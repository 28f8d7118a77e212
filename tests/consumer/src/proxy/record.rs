//! What was asked of a backend, and what came of it.

use std::error::Error;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use circuits::can::{self, CycleConfig, Frame, InterfaceConfig, InterfaceInfo};
use circuits::gpio::{Change, ChipInfo, Config, Event, LineInfo, Request};
use circuits::i2c::smbus::{self, Reply};
use circuits::i2c::{self, Address};
use circuits::spi::{self, Absence};
use circuits::uart::{self, Counters, Interest, ModemLines, Queue, Received};
use circuits::wait::Time;

/// What was asked of backends, and what came of it, in the order in which it came. Clones are the
/// same record. Shown, it is one entry a line.
///
/// It grows until somebody takes what is in it.
#[derive(Clone, Debug, Default)]
pub struct Record(Arc<Mutex<Vec<Entry>>>);

impl Record {
    /// Returns what there is so far.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().clone()
    }

    /// Returns what there is so far, and forgets it.
    pub fn take(&self) -> Vec<Entry> {
        std::mem::take(&mut *self.lock())
    }

    /// A panic elsewhere leaves the entries whole.
    pub(super) fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One thing that was asked.
///
/// A backend may be asked for several at the same time. It is not made to wait for the record, so
/// what came within microseconds of each other may be noted the other way round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it was asked.
    pub asked: Time,
    /// When the answer was there.
    pub answered: Time,
    /// Of what.
    pub place: Place,
    /// What.
    pub call: Call,
    /// What came of it.
    pub result: Result<Answer, Fault>,
}

/// What is asked for something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// All chips.
    Machine,
    /// A chip.
    Chip(String),
    /// Lines of a chip, by their offsets: bit *n* of levels is that of the line that is the *n*th
    /// here.
    Lines {
        /// The name of the chip.
        chip: String,
        /// The lines.
        offsets: Vec<u32>,
    },
    /// All buses.
    Buses,
    /// A bus.
    Bus(String),
    /// All SPI devices.
    SpiDevices,
    /// An SPI device, by the name that it was opened by.
    SpiDevice(String),
    /// All serial ports.
    SerialPorts,
    /// A serial port, by the name that it was opened by.
    SerialPort(String),
    /// All CAN interfaces.
    CanInterfaces,
    /// A CAN interface, a socket on it, or frames that it sends at an interval.
    CanInterface(String),
}

impl Place {
    pub(super) fn chip(name: &str) -> Place {
        Place::Chip(name.into())
    }

    pub(super) fn can(interface: &str) -> Place {
        Place::CanInterface(interface.into())
    }

    pub(super) fn lines(chip: &str, offsets: impl IntoIterator<Item = u32>) -> Place {
        let (chip, offsets) = (chip.into(), offsets.into_iter().collect());
        Place::Lines { chip, offsets }
    }
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Which chips there are.
    Chips,
    /// What a chip is.
    ChipInfo,
    /// How lines are set up, and who holds them.
    LineInfos,
    /// To hold lines.
    Request(Request),
    /// To be told who holds lines.
    Watch,
    /// The levels of those lines whose bits are set.
    Get {
        /// The lines.
        lines: u64,
    },
    /// To set the lines whose bits are set.
    Set {
        /// The lines.
        lines: u64,
        /// Their levels.
        levels: u64,
    },
    /// To set lines up anew.
    Configure(Vec<Config>),
    /// What is in the queue, or what came to a serial port or a CAN socket. Is nothing there, this is
    /// not noted: how often somebody looks is chance.
    Read,
    /// To block until there is something to read, or until a time.
    Block(Option<Time>),
    /// To be woken when there is something to read. It is noted when it is over.
    Poll,
    /// Not to be woken any more.
    Cancel,
    /// To give lines back.
    Release,
    /// Not to be told any more.
    Unwatch,
    /// To open a bus.
    Open(i2c::Config),
    /// A transaction.
    Transaction {
        /// With whom.
        address: Address,
        /// What was sent and received.
        messages: Vec<Message>,
        /// When the wire is through with it, where that was later than the answer.
        busy_until: Option<Time>,
    },
    /// Which buses there are.
    Buses,
    /// What an adapter is called.
    Adapter,
    /// Which driver has a device.
    Owner(Address),
    /// A call of SMBus.
    Smbus {
        /// With whom.
        address: Address,
        /// Whether it was to have a packet error code.
        pec: bool,
        /// What.
        call: smbus::Call,
        /// When the wire is through with it, where that was later than the answer.
        busy_until: Option<Time>,
    },
    /// To close a bus, an SPI device, a serial port, or a CAN socket.
    Close,
    /// To open an SPI device.
    OpenSpi,
    /// A transaction with an SPI device.
    TransactionSpi {
        /// What was sent and received.
        transfers: Vec<Transfer>,
        /// When the wire is through with it, where that was later than the answer.
        busy_until: Option<Time>,
    },
    /// To set an SPI device up.
    ConfigureSpi(spi::Config),
    /// How an SPI device is set up.
    ConfigSpi,
    /// Which SPI devices there are.
    SpiDevices,
    /// Why an SPI device is not there.
    Absence,
    /// To open a serial port.
    OpenSerial {
        /// Whether nobody else may open it.
        exclusive: bool,
    },
    /// Which serial ports there are.
    SerialPorts,
    /// Who holds a serial port.
    Holder,
    /// To take bytes over, to be sent. Is there no room, this is not noted.
    Write(Vec<u8>),
    /// That all has left. Is it not so yet, this is not noted.
    Drain,
    /// To set a serial port up.
    ConfigureSerial(uart::Config),
    /// How a serial port is set up.
    ConfigSerial,
    /// To set a serial port up as it was before.
    PutBack(uart::Config),
    /// How much is in a buffer of a serial port.
    Waiting(Queue),
    /// To throw away what is in a buffer of a serial port.
    Discard(Queue),
    /// To begin or to end a break. Is something to be sent before, this is not noted.
    SetBreak(bool),
    /// How the modem lines are.
    ModemLines,
    /// To set modem lines.
    SetModemLines {
        /// Request to send, if it is to be set.
        rts: Option<bool>,
        /// Data terminal ready, if it is to be set.
        dtr: Option<bool>,
    },
    /// What a serial port has counted. Is it what it was, this is not noted.
    Counters,
    /// To block until a serial port is ready for this, or until a time.
    BlockSerial(Interest, Option<Time>),
    /// To be woken when a serial port is ready for this. It is noted when it is over.
    PollSerial(Interest),
    /// Not to be woken for this any more.
    CancelSerial(Interest),
    /// To open a CAN socket.
    OpenCan(can::Config),
    /// Which CAN interfaces there are.
    CanInterfaces,
    /// To take frames over, to be sent: those that were, or the first one, if that failed. Is there no
    /// room, this is not noted.
    WriteFrames(Vec<Frame>),
    /// To set a CAN socket up.
    ConfigureCan(can::Config),
    /// How a CAN socket is set up.
    ConfigCan,
    /// How many frames a CAN socket has lost.
    Lost,
    /// To block until a CAN socket is ready for this, or until a time.
    BlockCan(can::Interest, Option<Time>),
    /// To be woken when a CAN socket is ready for this. It is noted when it is over.
    PollCan(can::Interest),
    /// Not to be woken for this any more.
    CancelCan(can::Interest),
    /// To have a CAN interface, to be asked and set up.
    Link,
    /// How a CAN interface is.
    InterfaceInfo,
    /// To set a CAN interface up.
    ConfigureInterface(InterfaceConfig),
    /// To take a CAN interface up or down.
    SetUp(bool),
    /// To have a controller that is bus-off take part again.
    Restart,
    /// To send frames at an interval.
    Cycle {
        /// The frames, of which one is sent each time.
        frames: Vec<Frame>,
        /// At what interval, and how many.
        config: CycleConfig,
    },
    /// To send other frames at the interval.
    SetFrames(Vec<Frame>),
    /// To send no more frames at the interval.
    EndCycle,
}

/// A message of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// What was to be sent.
    Write(Vec<u8>),
    /// What was received.
    Read(Vec<u8>),
    /// How much was to be received by a transaction that failed. Some of it may have been: nobody
    /// says how far it came.
    NotRead(usize),
}

/// A part of a transaction with an SPI device.
///
/// What was received is `None` in a transaction that failed: buffers are as they were then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// What was to be sent.
    Write(Vec<u8>),
    /// What was received while zeros were sent.
    Read {
        /// How much was to be received.
        length: usize,
        /// What was.
        received: Option<Vec<u8>>,
    },
    /// What was to be sent, and what was received at the same time.
    Both {
        /// What was to be sent.
        sent: Vec<u8>,
        /// What was received.
        received: Option<Vec<u8>>,
    },
    /// A pause, in nanoseconds.
    Delay(u32),
}

/// What is answered when nothing fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was done.
    Done,
    /// The names of chips.
    Chips(Vec<String>),
    /// A chip.
    ChipInfo(ChipInfo),
    /// Lines.
    LineInfos(Vec<LineInfo>),
    /// Levels.
    Levels(u64),
    /// Edges.
    Edges(Vec<Event>),
    /// Who took a line, or gave it back.
    Change(Change),
    /// The names of buses.
    Buses(Vec<String>),
    /// The name of an adapter.
    Adapter(String),
    /// The name of a driver.
    Owner(Option<String>),
    /// What came back by SMBus.
    Reply(Reply),
    /// How an SPI device is set up.
    ConfigSpi(spi::Config),
    /// The names of SPI devices.
    SpiDevices(Vec<String>),
    /// Why an SPI device is not there.
    Absence(Absence),
    /// The names of serial ports.
    SerialPorts(Vec<String>),
    /// Who holds a serial port.
    Holder(Option<String>),
    /// What was read from a serial port.
    Bytes(Vec<u8>),
    /// What else was read from a serial port: damage, a break.
    NoByte(Received),
    /// How many bytes were taken over.
    Taken(usize),
    /// How a serial port is set up.
    ConfigSerial(uart::Config),
    /// How many bytes are in a buffer.
    Waiting(usize),
    /// Modem lines.
    ModemLines(ModemLines),
    /// What was counted.
    Counters(Counters),
    /// The names of CAN interfaces.
    CanInterfaces(Vec<String>),
    /// What came to a CAN socket.
    Frames(Vec<can::Received>),
    /// How a CAN socket is set up.
    ConfigCan(can::Config),
    /// How many frames were lost.
    Lost(u64),
    /// A CAN interface.
    InterfaceInfo(InterfaceInfo),
    /// The time to wait until has passed.
    TimedOut,
}

/// An error, as much of it as can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its kind.
    pub kind: io::ErrorKind,
    /// The kernel's number.
    pub number: Option<i32>,
}

impl From<&io::Error> for Fault {
    fn from(error: &io::Error) -> Fault {
        Fault {
            kind: error.kind(),
            number: error.raw_os_error(),
        }
    }
}

impl From<&i2c::Error> for Fault {
    fn from(error: &i2c::Error) -> Fault {
        let source = error.source().and_then(|source| source.downcast_ref());
        source.map_or(
            Fault {
                kind: io::ErrorKind::Other,
                number: None,
            },
            |source: &io::Error| Fault::from(source),
        )
    }
}

//! I2C buses, and the devices on them: a backend of circuits-i2c at the speed of a wire.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use circuits_i2c::{Address, Backend, Config, Done, Handle, Operation};
use circuits_wait::{Clock, Time};

use crate::stub::Board;
use crate::trace::{Action, Message};
use crate::{Error, Result, Stub};

/// A device on a bus, as the wire sees it: byte by byte.
///
/// ```
/// use circuits_stub::{Stub, i2c::{Acknowledge, Device, Transfer}};
/// use circuits_i2c::{Bus, Config};
/// use embedded_hal::i2c::I2c;
///
/// /// Counts how often it was read.
/// struct Counter(u8);
///
/// impl Device for Counter {
///     fn write(&mut self, _: u8) -> Acknowledge {
///         Acknowledge::No
///     }
///     fn read(&mut self) -> u8 {
///         self.0 += 1;
///         self.0
///     }
/// }
///
/// let board = Stub::virtual_time().i2c_device("i2c-1", 0x20, Counter(0))?;
/// let mut bus = Bus::open_on(&board, "i2c-1", &Config::new())?;
/// let mut bytes = [0; 3];
/// bus.read(0x20, &mut bytes)?;
/// assert_eq!(bytes, [1, 2, 3]);
/// assert!(bus.write(0x20, &[7]).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Device: Send {
    /// The device is addressed, after a start or a repeated start. It may not answer: as a memory
    /// that is busy with writing.
    fn start(&mut self, transfer: Transfer, time: Time) -> Acknowledge {
        let _ = (transfer, time);
        Acknowledge::Yes
    }

    /// The device is sent a byte.
    fn write(&mut self, byte: u8) -> Acknowledge;

    /// The device sends a byte. It cannot refuse: where it has none, the line stays high (0xff).
    fn read(&mut self) -> u8;

    /// The transaction is over, at this time: what a memory was sent it begins to write now. Only
    /// after a start that the device has acknowledged.
    fn stop(&mut self, time: Time) {
        let _ = time;
    }
}

impl<D: Device + ?Sized> Device for Box<D> {
    fn start(&mut self, transfer: Transfer, time: Time) -> Acknowledge {
        (**self).start(transfer, time)
    }

    fn write(&mut self, byte: u8) -> Acknowledge {
        (**self).write(byte)
    }

    fn read(&mut self) -> u8 {
        (**self).read()
    }

    fn stop(&mut self, time: Time) {
        (**self).stop(time)
    }
}

/// Which way data goes after a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// To the device.
    Write,
    /// From the device.
    Read,
}

/// Whether a device takes what it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledge {
    /// It does.
    Yes,
    /// It does not; the transaction fails.
    No,
}

/// 100 kHz, which is what a Raspberry Pi's buses have by default.
const BIT: Duration = Duration::from_micros(10);

/// A missing acknowledge, as i2c-bcm2835 and most controllers tell of it.
const EREMOTEIO: i32 = 121;
/// The adapter is gone.
const ENODEV: i32 = 19;

/// All buses of a board, by name.
#[derive(Debug, Default)]
pub(crate) struct Buses(Mutex<BTreeMap<String, Arc<Wire>>>);

impl Buses {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Wire>>> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Adds a bus; says whether there was none of this name.
    pub(crate) fn add(&self, name: &str) -> bool {
        let mut buses = self.lock();
        let is_new = !buses.contains_key(name);
        buses.entry(name.into()).or_insert_with(|| {
            Arc::new(Wire {
                name: name.into(),
                state: Mutex::default(),
            })
        });
        is_new
    }

    /// Takes a bus away, with all that is on it; says whether there was one.
    pub(crate) fn remove(&self, board: &Board, name: &str) -> bool {
        let Some(wire) = self.lock().remove(name) else {
            return false;
        };
        let mut state = wire.lock();
        state.is_removed = true;
        board.tell(|| Action::RemoveBus { bus: name.into() });
        true
    }

    pub(crate) fn attach(
        &self,
        bus: &str,
        address: Address,
        device: Box<dyn Device>,
    ) -> Result<()> {
        let no_bus = || Error::NoBus { bus: bus.into() };
        let wire = self.lock().get(bus).cloned().ok_or_else(no_bus)?;
        let mut state = wire.lock();
        if state.devices.contains_key(&address) {
            return Err(Error::AddressTaken {
                bus: bus.into(),
                address,
            });
        }
        state.devices.insert(address, device);
        Ok(())
    }

    pub(crate) fn detach(&self, bus: &str, address: Address) -> Option<Box<dyn Device>> {
        let wire = self.lock().get(bus)?.clone();
        wire.lock().devices.remove(&address)
    }
}

/// One bus.
#[derive(Debug)]
pub(crate) struct Wire {
    name: Arc<str>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Taken away.
    is_removed: bool,
    busy_until: Time,
    devices: BTreeMap<Address, Box<dyn Device>>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("busy_until", &self.busy_until)
            .field("devices", &self.devices.keys())
            .finish()
    }
}

impl Wire {
    /// A device that panicked is as it is; the bus is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl State {
    /// Sends and receives. Returns how many bits that took, and the bytes of the message that was
    /// not acknowledged.
    fn run(
        &mut self,
        address: Address,
        operations: &mut [Operation<'_>],
        start: Time,
    ) -> (u32, Option<Refused>) {
        let mut bits = 0;
        let (mut refused, mut started) = (None, false);
        for (message, operation) in operations.iter_mut().enumerate() {
            // A start, and the address with its acknowledge.
            bits += 10;
            let Some(device) = self.devices.get_mut(&address) else {
                refused = Some(Refused { message, bytes: 0 });
                break;
            };
            let transfer = match operation {
                Operation::Write(_) => Transfer::Write,
                Operation::Read(_) => Transfer::Read,
            };
            if device.start(transfer, start + bits * BIT) == Acknowledge::No {
                refused = Some(Refused { message, bytes: 0 });
                break;
            }
            started = true;
            match operation {
                Operation::Write(data) => {
                    let taken = data
                        .iter()
                        .take_while(|byte| device.write(**byte) == Acknowledge::Yes)
                        .count();
                    if taken < data.len() {
                        bits += 9 * (taken as u32 + 1);
                        refused = Some(Refused {
                            message,
                            bytes: taken,
                        });
                        break;
                    }
                    bits += 9 * taken as u32;
                }
                Operation::Read(buffer) => {
                    buffer.iter_mut().for_each(|byte| *byte = device.read());
                    bits += 9 * buffer.len() as u32;
                }
            }
        }
        bits += 1;
        if let Some(device) = self.devices.get_mut(&address).filter(|_| started) {
            device.stop(start + bits * BIT);
        }
        (bits, refused)
    }
}

/// Where a transaction ended early: in which message, after how many bytes.
struct Refused {
    message: usize,
    bytes: usize,
}

impl Backend for Stub {
    fn open(&self, name: &str, _: &Config) -> io::Result<Box<dyn Handle>> {
        let board = self.board();
        let name = name.strip_prefix("/dev/").unwrap_or(name);
        let wire = board.buses.lock().get(name).cloned();
        let wire = wire.ok_or(io::ErrorKind::NotFound)?;
        self.permit(name)?;
        Ok(Box::new(StubBus {
            board: board.clone(),
            wire,
        }))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.clock()
    }
}

#[derive(Debug)]
struct StubBus {
    board: Arc<Board>,
    wire: Arc<Wire>,
}

impl Handle for StubBus {
    fn transaction(&self, address: Address, operations: &mut [Operation<'_>]) -> Done {
        let mut state = self.wire.lock();
        if state.is_removed {
            return Done {
                result: Err(io::Error::from_raw_os_error(ENODEV)),
                busy_until: None,
            };
        }
        let start = state.busy_until.max(self.board.schedule.now());
        let (bits, refused) = state.run(address, operations, start);
        state.busy_until = start + bits * BIT;
        self.board.tell(|| Action::I2c {
            bus: self.wire.name.clone(),
            address,
            messages: messages(operations, refused.as_ref()),
            acknowledged: refused.is_none(),
        });
        let result = match refused {
            Some(_) => Err(io::Error::from_raw_os_error(EREMOTEIO)),
            None => Ok(()),
        };
        Done {
            result,
            busy_until: Some(state.busy_until),
        }
    }

    fn blocks(&self) -> bool {
        false
    }
}

fn messages(operations: &[Operation<'_>], refused: Option<&Refused>) -> Vec<Message> {
    let count = refused.map_or(operations.len(), |refused| refused.message + 1);
    let mut messages: Vec<Message> = operations[..count]
        .iter()
        .map(|operation| match operation {
            Operation::Write(bytes) => Message::Write(bytes.to_vec()),
            Operation::Read(buffer) => Message::Read(buffer.to_vec()),
        })
        .collect();
    if let (Some(refused), Some(Message::Write(bytes) | Message::Read(bytes))) =
        (refused, messages.last_mut())
    {
        bytes.truncate(refused.bytes);
    }
    messages
}

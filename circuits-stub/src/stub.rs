use std::fmt;
use std::io;
use std::sync::Arc;

use circuits_i2c::Address;
use circuits_wait::{Clock, Delay, Interrupt, Time};

use crate::can::Can;
use crate::gpio::Lines;
use crate::hotplug::Hotplug;
use crate::i2c::{Buses, Device};
use crate::named::Named;
use crate::spi::Controllers;
use crate::time::{BoardClock, Schedule};
use crate::trace::{Action, Entry, Recording, Trace};
use crate::uart::Serial;
use crate::world::World;
use crate::{JoinHandle, Result, Task};

/// A virtual board: lines, wires, buses and the devices on them, on one clock. It is a backend of
/// every bus.
///
/// Clones are the same board; two boards never meet. In real time all goes as it would on a table.
/// In *virtual* time an hour passes as soon as all who take part wait for it, and every run is the
/// same:
///
/// ```
/// use circuits_gpio::{Config, Input, Output};
/// use circuits_stub::Stub;
/// use std::time::Duration;
///
/// let stub = Stub::virtual_time().lines(["ECHO", "WALL"]).wire("ECHO", "WALL")?;
/// let (wall, mut echo) = (Output::open_on(&stub, "WALL", &Config::new())?, Input::open_on(&stub, "ECHO", &Config::new())?);
///
/// let seen = stub.run(|| {
///     let robot = stub.spawn("robot", move || echo.wait_edge(None))?;
///     stub.delay().sleep(Duration::from_secs(3600))?;
///     wall.set(true)?;
///     Ok::<_, Box<dyn std::error::Error>>(robot.join()??)
/// })?;
/// assert_eq!(seen.map(|edge| edge.time().as_nanos()), Some(3_600_000_000_000));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Who takes part in virtual time
/// A test with one thread and no futures needs nothing of this: time moves at once when it waits.
/// Otherwise who takes part comes in by [`run`](Stub::run), [`spawn`](Stub::spawn),
/// [`block_on`](Stub::block_on), [`block_on_with`](Stub::block_on_with) or [`task`](Stub::task),
/// and time moves when all of these wait. So nobody may wait for a participant by other means (a
/// lock held while it waits, std's channels and joins) but within [`outside`](Stub::outside);
/// tokio's clock and `JoinHandle::abort` are not the board's. When all wait and nothing is due,
/// their waits end with [`io::ErrorKind::Deadlock`], and the error says who waits for what.
#[derive(Clone)]
pub struct Stub {
    board: Arc<Board>,
    may_open: bool,
}

#[derive(Debug)]
pub(crate) struct Board {
    pub(crate) schedule: Arc<Schedule>,
    pub(crate) clock: Arc<BoardClock>,
    pub(crate) lines: Lines,
    pub(crate) buses: Buses,
    pub(crate) controllers: Controllers,
    pub(crate) serial: Serial,
    pub(crate) can: Can,
    pub(crate) hotplug: Hotplug,
    pub(crate) named: Named,
    pub(crate) world: World,
    trace: Trace,
    made: Time,
}

impl Board {
    /// Adds to the trace, if anybody listens. Under the lock of what happened, so that the order is
    /// the true one.
    pub(crate) fn tell(&self, action: impl FnOnce() -> Action) {
        self.tell_at(self.schedule.now(), action);
    }

    /// Whether anybody listens.
    pub(crate) fn is_traced(&self) -> bool {
        self.trace.is_on()
    }

    /// Adds to the trace what the first who listens is told, if nobody does yet.
    pub(crate) fn keep_to_tell(&self, action: Action) {
        self.trace.keep(self.shown(self.schedule.now()), action);
    }

    /// The same for what was at a certain time.
    pub(crate) fn tell_at(&self, time: Time, action: impl FnOnce() -> Action) {
        self.trace.tell(self.shown(time), action);
    }

    /// When it was made.
    pub(crate) fn made(&self) -> Time {
        self.made
    }

    /// A time as the trace has it.
    pub(crate) fn shown(&self, time: Time) -> Time {
        Time::ZERO + time.since(self.made)
    }
}

impl Stub {
    /// Makes an empty board whose time is everybody's.
    pub fn real_time() -> Stub {
        Stub::new(false)
    }

    /// Makes an empty board whose time starts at zero and moves when all who take part wait.
    pub fn virtual_time() -> Stub {
        Stub::new(true)
    }

    fn new(is_virtual: bool) -> Stub {
        let schedule = Schedule::new(is_virtual);
        let clock = Arc::new(BoardClock::new(schedule.clone()));
        let made = schedule.now();
        let board = Arc::new_cyclic(|board| Board {
            clock,
            lines: Lines::new(&schedule, board.clone()),
            buses: Buses::new(&schedule, board.clone()),
            controllers: Controllers::default(),
            serial: Serial::new(&schedule, board.clone()),
            can: Can::new(&schedule, board.clone()),
            hotplug: Hotplug::new(&schedule, board.clone()),
            named: Named::default(),
            world: World::default(),
            trace: Trace::default(),
            schedule,
            made,
        });
        Stub::of(board)
    }

    /// The handle of a board.
    pub(crate) fn of(board: Arc<Board>) -> Stub {
        Stub {
            board,
            may_open: true,
        }
    }

    /// Returns the same board as a user has it who may not open its chips and buses, which are
    /// *permission denied*.
    pub fn without_permission(&self) -> Stub {
        Stub {
            may_open: false,
            ..self.clone()
        }
    }

    /// Whether a program that has this handle may do what only root may.
    pub(crate) fn is_permitted(&self) -> bool {
        self.may_open
    }

    /// Whether a program that has this handle may open a node.
    pub(crate) fn permit(&self, node: &str) -> io::Result<()> {
        // include/uapi/asm-generic/errno-base.h
        const EACCES: i32 = 13;
        match self.may_open && self.board.hotplug.is_granted(&self.board, node) {
            true => Ok(()),
            false => Err(io::Error::from_raw_os_error(EACCES)),
        }
    }

    pub(crate) fn board(&self) -> &Arc<Board> {
        &self.board
    }

    /// Adds an I2C bus, if it is not there yet.
    pub fn i2c_bus(self, bus: &str) -> Stub {
        self.plug_i2c_bus(bus);
        self
    }

    /// Adds an I2C bus while the board is in use, as if its adapter was plugged in, if it is not there
    /// yet.
    pub fn plug_i2c_bus(&self, bus: &str) {
        if self.board.buses.add(bus) {
            self.board.hotplug.bus_came(&self.board, bus);
        }
    }

    /// Takes an I2C bus away while the board is in use, with all that is on it, as if its adapter was
    /// unplugged: whoever has it open is told so ([`Removed`](circuits_i2c::Error::Removed)).
    ///
    /// # Errors
    /// [`Error::NoBus`](crate::Error::NoBus).
    pub fn remove_i2c_bus(&self, bus: &str) -> Result<()> {
        match self.board.buses.remove(&self.board, bus) {
            true => self.board.hotplug.node_went(&self.board, bus),
            false => return Err(crate::Error::NoBus { bus: bus.into() }),
        }
        Ok(())
    }

    /// Connects a device to an I2C bus, which is added if it is not there yet. The chips of
    /// [`chips`](crate::chips) are handles: a clone that is kept sets what they measure.
    ///
    /// # Errors
    /// [`Error::AddressTaken`](crate::Error::AddressTaken),
    /// [`Error::NoAddress`](crate::Error::NoAddress).
    pub fn i2c_device(
        self,
        bus: &str,
        address: impl Into<Address>,
        device: impl Device + 'static,
    ) -> Result<Stub> {
        self.plug_i2c(bus, address, device)?;
        Ok(self)
    }

    /// Connects a device to an I2C bus while the board is in use.
    ///
    /// # Errors
    /// As [`i2c_device`](Stub::i2c_device).
    pub fn plug_i2c(
        &self,
        bus: &str,
        address: impl Into<Address>,
        device: impl Device + 'static,
    ) -> Result<()> {
        let address = address.into();
        if !address.is_valid() {
            return Err(crate::Error::NoAddress { address });
        }
        self.plug_i2c_bus(bus);
        self.board.buses.attach(bus, address, Box::new(device))?;
        self.board.tell(|| Action::Plug {
            bus: bus.into(),
            address,
        });
        Ok(())
    }

    /// Takes a device off an I2C bus, as if its wires were, and returns it, to be plugged in again;
    /// `None` if nothing was there. Its registers stay as they are: what comes back after it had no power
    /// is a new chip.
    pub fn unplug_i2c(&self, bus: &str, address: impl Into<Address>) -> Option<Box<dyn Device>> {
        let address = address.into();
        let device = self.board.buses.detach(&self.board, bus, address)?;
        self.board.tell(|| Action::Unplug {
            bus: bus.into(),
            address,
        });
        Some(device)
    }

    /// Returns the board's clock.
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.board.clock.clone()
    }

    /// Makes a delay on the board's clock.
    pub fn delay(&self) -> Delay {
        Delay::new(self.clock())
    }

    /// Returns what interrupts the board's blocking waits.
    ///
    /// # Errors
    /// The system has no more descriptors or threads to give.
    pub fn interrupt(&self) -> io::Result<Interrupt> {
        self.board.clock.interrupt()
    }

    /// Runs `f` with the calling thread taking part in the board's time.
    pub fn run<T>(&self, f: impl FnOnce() -> T) -> T {
        self.board.schedule.run(f)
    }

    /// Starts a thread that takes part, from this call on.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] in virtual time from a thread that takes no part itself; the
    /// system has no more threads to give.
    pub fn spawn<T: Send + 'static>(
        &self,
        name: &str,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<JoinHandle<T>> {
        self.board.schedule.spawn(name, f)
    }

    /// Runs a future to its end in the place of the calling thread, without any runtime.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.board.schedule.block_on(future)
    }

    /// Runs a future to its end in the place of the calling thread, by the executor that `drive`
    /// hands it to. In virtual time what else the executor runs must be [tasks](Stub::task), if it
    /// waits on the board; and once the future is done, which is the calling thread's turn again,
    /// `drive` returns and runs nothing more.
    ///
    /// ```
    /// # let stub = circuits_stub::Stub::virtual_time();
    /// use embedded_hal_async::delay::DelayNs;
    ///
    /// stub.block_on_with(|future| pollster::block_on(future), async { stub.delay().delay_ms(3_600_000).await });
    /// assert_eq!(stub.clock().now().as_nanos(), 3_600_000_000_000);
    /// ```
    pub fn block_on_with<F: Future, T>(&self, drive: impl FnOnce(Task<F>) -> T, future: F) -> T {
        self.board.schedule.block_on_with(drive, future)
    }

    /// Makes a future that takes part, from this call on, for any executor to run.
    pub fn task<F: Future>(&self, name: &str, future: F) -> Task<F> {
        self.board.schedule.task(name, future)
    }

    /// Runs `f`, which waits for something that is not on the board, and lets time move meanwhile.
    /// How far it moves is not determined then.
    pub fn outside<T>(&self, f: impl FnOnce() -> T) -> T {
        self.board.schedule.outside(f)
    }

    /// Records what happens from now on.
    pub fn record(&self) -> Recording {
        self.board.trace.record()
    }

    /// Has `f` called with everything that happens from now on, at the moment at which it does: it
    /// must not use the board.
    pub fn listen(&self, f: impl FnMut(&Entry) + Send + 'static) {
        self.board.trace.listen(f);
    }

    /// Puts a remark into the trace.
    pub fn note(&self, text: impl Into<String>) {
        self.board.tell(|| Action::Note(text.into()));
    }
}

impl fmt::Debug for Stub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stub")
            .field("now", &self.board.schedule.now())
            .finish_non_exhaustive()
    }
}

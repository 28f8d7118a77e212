//! Where a program's lines and buses come from. What it takes from there is in a file a bus.

#[cfg(feature = "i2c")]
mod buses;
#[cfg(feature = "can")]
mod can_sockets;
#[cfg(feature = "enumerate")]
mod devices;
#[cfg(feature = "gpio")]
mod lines;
#[cfg(feature = "uart")]
mod serial_ports;
#[cfg(feature = "spi")]
mod spi_devices;

use std::env;
use std::ffi::OsString;
use std::io;
#[cfg(feature = "stub")]
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

#[cfg(feature = "can")]
use circuits_can as can;
#[cfg(feature = "enumerate")]
use circuits_enumerate as enumerate;
#[cfg(feature = "gpio")]
use circuits_gpio as gpio;
#[cfg(feature = "i2c")]
use circuits_i2c as i2c;
#[cfg(feature = "spi")]
use circuits_spi as spi;
#[cfg(feature = "stub")]
use circuits_stub::{BoardFile, Stub};
#[cfg(feature = "uart")]
use circuits_uart as uart;
#[cfg(target_os = "linux")]
use circuits_wait::Monotonic;
use circuits_wait::{Clock, Delay};

use crate::Interrupt;
use crate::spawn::{JoinHandle, Thread};

/// The variable that [`Board::from_env`] reads.
pub(crate) const VARIABLE: &str = "CIRCUITS_BACKEND";

/// What making a [`Board`] returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why there is no such board.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `CIRCUITS_BACKEND` names no board.
    #[error("CIRCUITS_BACKEND={value:?} names no board: set it to linux or stub, or unset it")]
    UnknownBackend {
        /// What the variable says.
        value: OsString,
    },

    /// `CIRCUITS_BACKEND` asks for a virtual board, and the program was built without.
    #[error(
        "CIRCUITS_BACKEND={value:?} asks for a virtual board, but this program was built without \
         one: enable the feature `stub` of the crate circuits"
    )]
    NoStub {
        /// What the variable says.
        value: OsString,
    },

    /// The file that `CIRCUITS_BACKEND` names, or that comes with the program, makes no board: the error says why, and
    /// where.
    #[cfg(feature = "stub")]
    #[error(transparent)]
    BoardFile(#[from] circuits_stub::BoardFileError),

    /// This machine does not run Linux.
    #[error("no board here: this system is not Linux")]
    NotLinux,

    /// A bus in virtual time cannot be on one board with anything that has another clock.
    #[error(
        "a bus in virtual time shares a board only with buses on its own clock: make the virtual \
         board by Stub::real_time"
    )]
    OtherClock,

    /// The system failed.
    #[error("the board's clock cannot be had")]
    Io(#[from] io::Error),
}

/// Where a program's lines and buses come from: one backend a bus, and a clock.
///
/// ```
/// use circuits::Board;
/// use circuits::stub::Stub;
///
/// let stub = Stub::virtual_time().lines(["LED"]);
/// let board = Board::from(&stub);
/// board.output("LED")?.set(true)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Board {
    clock: Arc<dyn Clock>,
    /// Whose clock it is, if it is virtual.
    #[cfg(feature = "stub")]
    stub: Option<Stub>,
    #[cfg(feature = "can")]
    can: Arc<dyn can::Backend>,
    #[cfg(feature = "gpio")]
    gpio: Arc<dyn gpio::Backend>,
    #[cfg(feature = "i2c")]
    i2c: Arc<dyn i2c::Backend>,
    #[cfg(feature = "spi")]
    spi: Arc<dyn spi::Backend>,
    #[cfg(feature = "uart")]
    uart: Arc<dyn uart::Backend>,
    #[cfg(feature = "enumerate")]
    enumerate: Arc<dyn enumerate::Backend>,
}

impl Board {
    /// Makes the board that the program runs on. Nothing is opened yet.
    ///
    /// # Errors
    /// [`Error::NotLinux`] elsewhere; [`Error::Io`] when the system has no descriptors left.
    #[cfg(target_os = "linux")]
    pub fn linux() -> Result<Board> {
        Board::linux_on(&Monotonic::interrupted_by(circuits_wait::Interrupt::new()?))
    }

    /// Makes the board that the program runs on, which is told of devices by another program that owns the
    /// kernel's uevents.
    ///
    /// # Errors
    /// As [`Board::linux`].
    #[cfg(all(target_os = "linux", feature = "enumerate"))]
    pub fn linux_fed_by(feed: &enumerate::Feed) -> Result<Board> {
        let clock = Monotonic::interrupted_by(circuits_wait::Interrupt::new()?);
        let fed = enumerate::Linux::with_clock(clock.clone()).fed_by(feed);
        Ok(Board {
            enumerate: Arc::new(fed),
            ..Board::linux_on(&clock)?
        })
    }

    #[cfg(target_os = "linux")]
    fn linux_on(clock: &Monotonic) -> Result<Board> {
        Ok(Board {
            #[cfg(feature = "can")]
            can: Arc::new(can::Linux::with_clock(clock.clone())),
            #[cfg(feature = "gpio")]
            gpio: Arc::new(gpio::Linux::with_clock(clock.clone())),
            #[cfg(feature = "i2c")]
            i2c: Arc::new(i2c::Linux::with_clock(clock.clone())),
            #[cfg(feature = "spi")]
            spi: Arc::new(spi::Linux::with_clock(clock.clone())),
            #[cfg(feature = "uart")]
            uart: Arc::new(uart::Linux::with_clock(clock.clone())),
            #[cfg(feature = "enumerate")]
            enumerate: Arc::new(enumerate::Linux::with_clock(clock.clone())),
            #[cfg(feature = "stub")]
            stub: None,
            clock: Arc::new(clock.clone()),
        })
    }

    /// Makes the board that the program runs on, which it does on Linux only.
    ///
    /// # Errors
    /// [`Error::NotLinux`].
    #[cfg(not(target_os = "linux"))]
    pub fn linux() -> Result<Board> {
        Err(Error::NotLinux)
    }

    /// Makes the board that the environment asks for by `CIRCUITS_BACKEND`:
    ///
    /// | value | board |
    /// | --- | --- |
    /// | unset, empty, or `linux` | [`Board::linux`] |
    /// | `stub` | a virtual Raspberry Pi (`Stub::sample`) |
    /// | `stub:FILE` | the virtual board that a file has (`stub::BoardFile`): `stub:examples/rover/board.toml` |
    ///
    /// Virtual boards print what their lines and buses do to standard error, if the file does not say otherwise.
    ///
    /// # Errors
    /// [`Error::UnknownBackend`] for any other value, [`Error::NoStub`] without the feature `stub`,
    /// `Error::BoardFile`; those of [`Board::linux`].
    pub fn from_env() -> Result<Board> {
        Board::of_env(None)
    }

    /// Makes the board that the environment asks for, as [`from_env`](Board::from_env), but `stub` is the virtual board
    /// of this file: that of a program that comes with a board of its own.
    ///
    /// # Errors
    /// As [`from_env`](Board::from_env).
    pub fn from_env_or(path: impl AsRef<Path>) -> Result<Board> {
        Board::of_env(Some(path.as_ref()))
    }

    fn of_env(own: Option<&Path>) -> Result<Board> {
        let Some(value) = env::var_os(VARIABLE) else {
            return Board::linux();
        };
        match value.as_encoded_bytes() {
            b"" | b"linux" => Board::linux(),
            b"stub" => Board::on_stub(value, own),
            bytes if bytes.starts_with(b"stub:") => Board::on_stub(value, own),
            _ => Err(Error::UnknownBackend { value }),
        }
    }

    #[cfg(feature = "stub")]
    fn on_stub(value: OsString, own: Option<&Path>) -> Result<Board> {
        // What is no Unicode is no name of a file to an editor either.
        let named = value.to_str().map(|value| value.strip_prefix("stub:"));
        let Some(named) = named else {
            return Err(Error::UnknownBackend { value });
        };
        let (stub, file) = match named.map(Path::new).or(own) {
            Some(path) => {
                let file = BoardFile::read(path)?;
                (file.build()?, Some(file))
            }
            None => (Stub::sample(), None),
        };
        if file.as_ref().is_none_or(BoardFile::is_traced) {
            stub.listen(move |entry| {
                if file.as_ref().is_none_or(|file| file.traces(&entry.action)) {
                    // To standard error: standard output is the program's own.
                    // Nobody may be there to read it, which is no reason to panic.
                    let time = entry.time.to_string();
                    let _ = writeln!(io::stderr(), "{time:>13}  {}", entry.action);
                }
            });
        }
        Ok(Board::from(&stub))
    }

    #[cfg(not(feature = "stub"))]
    fn on_stub(value: OsString, _: Option<&Path>) -> Result<Board> {
        Err(Error::NoStub { value })
    }

    #[cfg(any(
        feature = "can",
        feature = "enumerate",
        feature = "gpio",
        feature = "i2c",
        feature = "spi",
        feature = "uart"
    ))]
    fn mixes_with(&self, clock: &Arc<dyn Clock>) -> Result<()> {
        let same = std::ptr::addr_eq(Arc::as_ptr(&self.clock), Arc::as_ptr(clock));
        match same || !self.clock.is_virtual() && !clock.is_virtual() {
            true => Ok(()),
            false => Err(Error::OtherClock),
        }
    }

    /// Returns the clock, for times and deadlines.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Makes a delay: `DelayNs` of both embedded-hals, and timeouts for futures.
    pub fn delay(&self) -> Delay {
        Delay::new(self.clock.clone())
    }

    /// Starts a thread that takes part in the board's time: std's, but on a virtual board. A
    /// program that starts its threads by this can be tested in virtual time as it is, if it waits for
    /// other threads by this handle's `join` or in [`outside`](Board::outside).
    ///
    /// ```
    /// use circuits::Board;
    /// use circuits::stub::Stub;
    /// use std::time::Duration;
    ///
    /// fn two_at_once(board: &Board) -> std::io::Result<()> {
    ///     let delay = board.delay();
    ///     let other = board.spawn("other", move || delay.sleep(Duration::from_secs(3600)))?;
    ///     board.delay().sleep(Duration::from_secs(3600))?;
    ///     other.join()?
    /// }
    ///
    /// let stub = Stub::virtual_time();
    /// stub.run(|| two_at_once(&Board::from(&stub)))?;
    /// assert_eq!(stub.clock().now().as_nanos(), 3_600_000_000_000);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// The system has no more threads to give; [`io::ErrorKind::Unsupported`] on a board in virtual
    /// time from a thread that takes no part itself (the test's body goes into `Stub::run`).
    pub fn spawn<T: Send + 'static>(
        &self,
        name: &str,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<JoinHandle<T>> {
        #[cfg(feature = "stub")]
        if let Some(stub) = &self.stub {
            return stub.spawn(name, f).map(Thread::Stub).map(JoinHandle);
        }
        let thread = std::thread::Builder::new().name(name.into()).spawn(f)?;
        Ok(JoinHandle(Thread::Std(thread)))
    }

    /// Runs `f`, a program, with the calling thread taking part in the board's time: nothing more than `f` on a
    /// device. On a board in virtual time who [spawns](Board::spawn) takes part itself.
    ///
    /// ```
    /// use circuits::Board;
    /// use circuits::stub::Stub;
    /// use std::time::Duration;
    ///
    /// let board = Board::from(&Stub::virtual_time());
    /// board.run(|| {
    ///     let delay = board.delay();
    ///     board.spawn("other", move || delay.sleep(Duration::from_secs(3600)))?.join()?
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn run<T>(&self, f: impl FnOnce() -> T) -> T {
        #[cfg(feature = "stub")]
        if let Some(stub) = &self.stub {
            return stub.run(f);
        }
        f()
    }

    /// Returns the virtual board that this one is: what is on it can be looked at, set, and made to fail there. `None`
    /// on a device.
    #[cfg(feature = "stub")]
    pub fn stub(&self) -> Option<&Stub> {
        self.stub.as_ref()
    }

    /// Runs `f`, which waits for something that is not on the board: another thread's channel, a lock
    /// that is held across a wait, a file. Nothing more than `f` on a device; on a virtual board time
    /// moves meanwhile, which it would not if it knew nothing of the wait.
    ///
    /// ```
    /// use circuits::Board;
    /// use circuits::stub::Stub;
    /// use std::sync::mpsc;
    /// use std::time::Duration;
    ///
    /// fn measure(board: &Board) -> Result<u32, Box<dyn std::error::Error>> {
    ///     let (tell, told) = mpsc::channel();
    ///     let delay = board.delay();
    ///     board.spawn("sensor", move || {
    ///         delay.sleep(Duration::from_secs(60)).map(|()| tell.send(21))
    ///     })?;
    ///     Ok(board.outside(|| told.recv())?)
    /// }
    ///
    /// let stub = Stub::virtual_time();
    /// assert_eq!(stub.run(|| measure(&Board::from(&stub)))?, 21);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn outside<T>(&self, f: impl FnOnce() -> T) -> T {
        #[cfg(feature = "stub")]
        if let Some(stub) = &self.stub {
            return stub.outside(f);
        }
        f()
    }

    /// Makes a future that takes part in the board's time, for an executor's `spawn`; the future
    /// itself, but on a virtual board. A program that spawns its tasks by
    /// `tokio::spawn(board.task("name", …))` can be tested in virtual time as it is.
    #[cfg(feature = "stub")]
    pub fn task<F: Future>(
        &self,
        name: &str,
        future: F,
    ) -> impl Future<Output = F::Output> + use<F> {
        // Where there is no virtual board, a task of one in real time does no more than its future.
        self.stub
            .clone()
            .unwrap_or_else(Stub::real_time)
            .task(name, future)
    }

    /// Makes a future that takes part in the board's time, for an executor's `spawn`; the future
    /// itself, but on a virtual board.
    #[cfg(not(feature = "stub"))]
    pub fn task<F: Future>(&self, _: &str, future: F) -> impl Future<Output = F::Output> + use<F> {
        future
    }

    /// Returns what ends the blocking waits on the board, of all its backends. Clones of a board have
    /// one; two boards that were made have two, but for those of one virtual board.
    ///
    /// # Errors
    /// The system has no more descriptors or threads to give, or the clock of a backend knows no
    /// interrupts.
    pub fn interrupt(&self) -> io::Result<Interrupt> {
        let clocks = [
            Some(self.clock.clone()),
            #[cfg(feature = "can")]
            Some(self.can.clock()),
            #[cfg(feature = "gpio")]
            Some(self.gpio.clock()),
            #[cfg(feature = "i2c")]
            Some(self.i2c.clock()),
            #[cfg(feature = "spi")]
            Some(self.spi.clock()),
            #[cfg(feature = "uart")]
            Some(self.uart.clock()),
            #[cfg(feature = "enumerate")]
            Some(self.enumerate.clock()),
        ];
        let all: io::Result<Vec<_>> = clocks
            .iter()
            .flatten()
            .map(|clock| clock.interrupt().map_err(explained))
            .collect();
        Ok(Interrupt::new(all?))
    }
}

/// What to do where a backend's waits do not end.
fn explained(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::Unsupported => io::Error::new(
            error.kind(),
            "a backend of the board has a clock that nothing interrupts: make it by \
             Linux::with_clock(Monotonic::interrupted_by(Interrupt::new()?))",
        ),
        _ => error,
    }
}

/// A board that is virtual throughout.
#[cfg(feature = "stub")]
impl From<&Stub> for Board {
    fn from(stub: &Stub) -> Board {
        Board {
            clock: stub.clock(),
            stub: Some(stub.clone()),
            can: Arc::new(stub.clone()),
            gpio: Arc::new(stub.clone()),
            i2c: Arc::new(stub.clone()),
            spi: Arc::new(stub.clone()),
            uart: Arc::new(stub.clone()),
            enumerate: Arc::new(stub.clone()),
        }
    }
}

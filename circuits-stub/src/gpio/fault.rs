use std::time::Duration;

use circuits_gpio::LineSpec;

use super::defects::Defect;
use super::{EIO, EREMOTEIO, ETIMEDOUT};
use crate::occasion::{Occasion, setters};
use crate::{Result, Stub};

/// Something that goes wrong with a line, once, if nothing else is said: see
/// [`Stub::line_fault`](crate::Stub::line_fault).
///
/// A line of the processor's own is a bit in a register: a program that asks for it or sets it has no error. One of a
/// port expander is a transaction on I2C or SPI, which can fail. What happens on the wire no program is told on
/// either; that is the other half of these.
///
/// Lines do not only meet [calls](Fault::no_acknowledge), but also change by themselves, so faults have different
/// opportunities: each says which. Whatever lasts ends when its [time](Fault::until) is over, or when it is
/// [cleared](crate::Stub::clear_line_faults).
///
/// ```
/// use circuits_gpio::{Config, Edge, ErrorKind, Input, Output};
/// use circuits_stub::{Stub, gpio::Fault};
/// use std::time::Duration;
///
/// let millis = Duration::from_millis;
/// let stub = Stub::virtual_time().lines(["ENCODER", "LAMP"]);
/// let mut encoder = Input::open_on(&stub, "ENCODER", &Config::new())?;
/// let lamp = Output::open_on(&stub, "LAMP", &Config::new())?;
///
/// // The chip of the lamp does not answer once, and the encoder is stuck for a while.
/// stub.line_fault("LAMP", Fault::no_acknowledge().after(1))?;
/// stub.line_fault("ENCODER", Fault::stuck_low().not_before(millis(15)).until(millis(45)).always())?;
/// lamp.set(true)?;
/// assert_eq!(lamp.set(false).unwrap_err().kind(), ErrorKind::Io);
/// lamp.set(false)?;
///
/// stub.play("ENCODER", (0..8).map(|step| (millis(10), step % 2 == 0)))?;
/// let mut edges = Vec::new();
/// while let Some(edge) = encoder.wait_edge(millis(100))? {
///     edges.push((edge.time().as_nanos() / 1_000_000, edge.edge()));
/// }
/// // High at 10, 30, 50 and 70 ms, low in between.
/// let (up, down) = (Edge::Rising, Edge::Falling);
/// assert_eq!(edges, [(10, up), (15, down), (50, up), (60, down), (70, up), (80, down)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// What is not here is done by hand: a button that [bounces](crate::parts::Button::bouncing), a short circuit between
/// two lines ([`wire`](crate::Stub::wire)), whoever drives a line against an output ([`drive`](crate::Stub::drive)), a
/// queue of edges that overflows, which no fault is needed for, and a chip that
/// [goes](crate::Stub::remove_chip).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub(super) kind: Kind,
    pub(super) occasion: Occasion,
    /// The moment at which its time begins is over.
    pub(super) has_begun: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A call fails.
    Call(i32),
    LostSet,
    MissedEdge,
    Stuck(bool),
    Glitch(Duration),
}

/// What a program does to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// It opens it, sets it up anew, or asks for its level.
    Other,
    Set,
}

impl Fault {
    /// The line's chip, a port expander, does not acknowledge: the program has `EREMOTEIO`, as from most I2C controllers
    /// (drivers/i2c/busses/i2c-bcm2835.c, i2c-designware-core.h). Its opportunities are calls: opening the line, setting
    /// it up anew, asking for its level and setting it.
    ///
    /// Setting a line tells so since Linux 6.15; before, see [`lost_set`](Fault::lost_set).
    pub fn no_acknowledge() -> Fault {
        Fault::new(Kind::Call(EREMOTEIO))
    }

    /// The bus of the line's chip is stuck, and its controller gives up: the program has `ETIMEDOUT`. Here it has it
    /// at once, on a device when the controller's timeout is over. Otherwise as [`no_acknowledge`](Fault::no_acknowledge).
    pub fn timed_out() -> Fault {
        Fault::new(Kind::Call(ETIMEDOUT))
    }

    /// The transaction with the line's chip fails, and its controller does not say how: the program has `EIO`.
    /// Otherwise as [`no_acknowledge`](Fault::no_acknowledge).
    pub fn failed() -> Fault {
        Fault::new(Kind::Call(EIO))
    }

    /// Setting the line has no effect, and nobody is told: before Linux 6.15 the drivers of chips could not
    /// (`gpio_chip.set` in include/linux/gpio/driver.h returned nothing), so whatever failed was this. Its opportunities
    /// are calls that set the line; what is set together with it is set.
    pub fn lost_set() -> Fault {
        Fault::new(Kind::LostSet)
    }

    /// The hardware misses an edge: the level changes, and no event is queued, nor counted. Its opportunities are the
    /// edges that a program looks for on this line; a line that is debounced looks for both.
    pub fn missed_edge() -> Fault {
        Fault::new(Kind::MissedEdge)
    }

    /// The wire is low, whoever drives it: it has a short circuit to ground. Its opportunities are rises of the level, and
    /// a level that is high when its time begins (which is now, if nothing else is said); it lasts for as long as
    /// the level would be high. All lines that are wired to this one are on that wire.
    pub fn stuck_low() -> Fault {
        Fault::new(Kind::Stuck(false))
    }

    /// The wire is high, whoever drives it: it has a short circuit to the supply. Its opportunities are falls of the
    /// level, and a level that is low when its time begins (which is now, if nothing else is said); it lasts for
    /// as long as the level would be low. All lines that are wired to this one are on that wire.
    pub fn stuck_high() -> Fault {
        Fault::new(Kind::Stuck(true))
    }

    /// A spurious pulse of this length is on the wire: crosstalk, or ringing. Its opportunities are the moment at
    /// which its time begins (which is now, if nothing else is said), when it comes at once, and from then on
    /// changes of the level, which it follows as long after as it is long itself.
    pub fn glitch(length: Duration) -> Fault {
        Fault::new(Kind::Glitch(length))
    }

    setters!("opportunities");

    fn new(kind: Kind) -> Fault {
        Fault {
            kind,
            occasion: Occasion::new(),
            has_begun: false,
        }
    }
}

impl Kind {
    pub(super) fn is_of(self, call: Call) -> bool {
        match self {
            Kind::Call(_) => true,
            Kind::LostSet => call == Call::Set,
            _ => false,
        }
    }

    pub(super) fn is_of_wire(self) -> bool {
        matches!(self, Kind::Stuck(_) | Kind::Glitch(_))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Call(EREMOTEIO) => "its chip does not acknowledge",
            Kind::Call(ETIMEDOUT) => "the bus of its chip times out",
            Kind::Call(_) => "the transaction with its chip fails",
            Kind::LostSet => "it is not set",
            Kind::MissedEdge => "an edge is missed",
            Kind::Stuck(true) => "stuck high",
            Kind::Stuck(false) => "stuck low",
            Kind::Glitch(_) => "a glitch",
        }
    }
}

/// What goes wrong with lines.
impl Stub {
    /// Has something go wrong with a line: at the next opportunity, unless the fault says otherwise. Faults wait beside
    /// each other, and one happens at a time: of those whose turn it is the one that was scheduled first. What has come
    /// to pass as often as it was to is gone.
    ///
    /// ```
    /// use circuits_gpio::{Config, Output};
    /// use circuits_stub::{Net, Stub, gpio::Fault};
    ///
    /// let stub = Stub::virtual_time().lines(["LAMP"]);
    /// let lamp = Output::open_on(&stub, "LAMP", &Config::new())?;
    /// stub.line_fault("LAMP", Fault::stuck_low().always())?;
    /// lamp.set(true)?;
    /// assert_eq!(stub.net("LAMP")?, Net::Shorted(false));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoLine`](crate::Error::NoLine), [`Error::Ambiguous`](crate::Error::Ambiguous);
    /// [`Error::NoProbability`](crate::Error::NoProbability).
    pub fn line_fault(&self, line: impl Into<LineSpec>, fault: Fault) -> Result<()> {
        fault.check()?;
        let line = self.find(line)?;
        let board = self.board();
        board.lines.change(board, |state, now| {
            let net = state.lines[line].net;
            let level = state.net(net).level();
            let defect = state.defects.entry(line);
            let defect = defect.or_insert_with(|| Defect::new(board.made(), level));
            defect.push(fault);
            state.update(net, board, now);
        });
        Ok(())
    }

    /// Has nothing go wrong with a line any more: forgets the [faults](Stub::line_fault) that were to come, and ends
    /// what there is of them.
    ///
    /// ```
    /// use circuits_gpio::{Config, Output};
    /// use circuits_stub::{Stub, gpio::Fault};
    ///
    /// let stub = Stub::virtual_time().lines(["LAMP"]);
    /// let lamp = Output::open_on(&stub, "LAMP", &Config::new())?;
    /// stub.line_fault("LAMP", Fault::stuck_low().always())?;
    /// lamp.set(true)?;
    /// assert!(!stub.level("LAMP")?);
    /// stub.clear_line_faults("LAMP")?;
    /// assert!(stub.level("LAMP")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn clear_line_faults(&self, line: impl Into<LineSpec>) -> Result<()> {
        let line = self.find(line)?;
        let board = self.board();
        board.lines.change(board, |state, now| {
            state.defects.remove(&line);
            state.update(state.lines[line].net, board, now);
        });
        Ok(())
    }
}
